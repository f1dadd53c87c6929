"""Work orders and what hangs on them: turns, checklists, photographs, attached records."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward_controller.domain.work_orders import OrderOrigin, OrderState
from doorward_controller.store.maintenance_tables import (
    order_checks,
    order_photos,
    order_records,
    order_turns,
    work_orders,
)
from doorward_controller.store.schema import gateways


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOrder:
    """One order as it stands, with its device's name."""

    id: int
    site: str
    gateway_id: int
    gateway: str
    component_id: int | None
    kind: str
    priority: str
    state: OrderState
    title: str
    instructions: str
    origin: str
    origin_id: int | None
    requested_by: str
    requested_at_utc_s: int
    deadline_utc_s: int
    scheduled_for_utc_s: int | None
    assignee: str
    failure_mode: str
    cause: str
    remedy: str
    findings: str
    serial_old: str
    serial_new: str
    labour_minutes: int
    cost_minor: int
    currency: str
    began_at_utc_s: int | None
    done_at_utc_s: int | None
    changed_at_utc_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTurn:
    """Who changed an order's state, and when; `turn` is "request" for the first."""

    turn: str
    state: str
    who: str
    at_utc_s: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheck:
    """A point of a checklist; `result` is empty while it is open."""

    position: int
    point: str
    result: str
    note: str
    who: str
    at_utc_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPhoto:
    """What is known of a photograph without opening it."""

    id: int
    order_id: int
    caption: str
    media_type: str
    size_bytes: int
    width_px: int
    height_px: int
    sha256: str
    who: str
    at_utc_s: int


_TURN = tuple(order_turns.c[name] for name in StoredTurn.__dataclass_fields__)
_CHECK = tuple(order_checks.c[name] for name in StoredCheck.__dataclass_fields__)
_PHOTO = tuple(order_photos.c[name] for name in StoredPhoto.__dataclass_fields__)


def select_orders() -> sa.Select[Any]:
    """Returns the statement whose rows `order_of` reads; narrow it further."""
    return sa.select(work_orders, gateways.c.name.label("gateway")).join(
        gateways, gateways.c.id == work_orders.c.gateway_id
    )


def order_of(row: sa.Row[Any]) -> StoredOrder:
    """Returns the order in a row of `select_orders`."""
    values = row._asdict()
    return StoredOrder(**{**values, "state": OrderState(values["state"])})


def add(connection: sa.Connection, **values: object) -> int:
    """Inserts an order; returns its number."""
    inserted = sa.insert(work_orders).values(**values).returning(work_orders.c.id)
    return int(connection.execute(inserted).scalar_one())


def find(connection: sa.Connection, order_id: int, *, lock: bool = False) -> StoredOrder | None:
    """Returns an order; with `lock` nobody else changes it before this transaction ends."""
    wanted = select_orders().where(work_orders.c.id == order_id)
    if lock:
        wanted = wanted.with_for_update(of=work_orders)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else order_of(row)


def open_of_origin(
    connection: sa.Connection, origin: OrderOrigin, origin_id: int, states: Collection[OrderState]
) -> int | None:
    """Returns the newest order in one of `states` that an alert or plan opened."""
    wanted = (
        sa.select(work_orders.c.id)
        .where(
            work_orders.c.origin == origin.value,
            work_orders.c.origin_id == origin_id,
            work_orders.c.state.in_([state.value for state in states]),
        )
        .order_by(work_orders.c.id.desc())
        .limit(1)
    )
    return connection.execute(wanted).scalar_one_or_none()


def change(connection: sa.Connection, order_id: int, values: Mapping[str, object]) -> None:
    """Sets columns of one order."""
    connection.execute(sa.update(work_orders).where(work_orders.c.id == order_id).values(**values))


def add_turn(connection: sa.Connection, order_id: int, turn: StoredTurn) -> None:
    """Notes a change of state."""
    values = {name: getattr(turn, name) for name in StoredTurn.__dataclass_fields__}
    connection.execute(sa.insert(order_turns).values(order_id=order_id, **values))


def turns(connection: sa.Connection, order_id: int) -> tuple[StoredTurn, ...]:
    """Returns every change of state, the first one first."""
    wanted = sa.select(*_TURN).where(order_turns.c.order_id == order_id).order_by(order_turns.c.id)
    return tuple(StoredTurn(**row._asdict()) for row in connection.execute(wanted))


def add_checks(connection: sa.Connection, order_id: int, points: Sequence[str]) -> None:
    """Gives an order its checklist."""
    for position, point in enumerate(points):
        connection.execute(
            sa.insert(order_checks).values(
                order_id=order_id, position=position, point=point, result="", note="", who=""
            )
        )


def checks(connection: sa.Connection, order_id: int) -> tuple[StoredCheck, ...]:
    """Returns an order's checklist in its order."""
    of_order = order_checks.c.order_id == order_id
    wanted = sa.select(*_CHECK).where(of_order).order_by(order_checks.c.position)
    return tuple(StoredCheck(**row._asdict()) for row in connection.execute(wanted))


def set_check(
    connection: sa.Connection, order_id: int, position: int, values: Mapping[str, object]
) -> bool:
    """Writes what a point came to; says whether there is such a point."""
    at = (order_checks.c.order_id == order_id, order_checks.c.position == position)
    return connection.execute(sa.update(order_checks).where(*at).values(**values)).rowcount == 1


def add_photo(connection: sa.Connection, **values: object) -> int:
    """Keeps a sealed photograph; returns its number."""
    inserted = sa.insert(order_photos).values(**values).returning(order_photos.c.id)
    return int(connection.execute(inserted).scalar_one())


def photos(connection: sa.Connection, order_id: int) -> tuple[StoredPhoto, ...]:
    """Returns what is known of an order's photographs."""
    of_order = order_photos.c.order_id == order_id
    wanted = sa.select(*_PHOTO).where(of_order).order_by(order_photos.c.id)
    return tuple(StoredPhoto(**row._asdict()) for row in connection.execute(wanted))


def sealed_photo(
    connection: sa.Connection, order_id: int, photo_id: int
) -> tuple[StoredPhoto, bytes] | None:
    """Returns a photograph with its sealed bytes."""
    of_it = (order_photos.c.order_id == order_id, order_photos.c.id == photo_id)
    row = connection.execute(sa.select(*_PHOTO, order_photos.c.sealed).where(*of_it)).one_or_none()
    if row is None:
        return None
    values = row._asdict()
    sealed = bytes(values.pop("sealed"))
    return StoredPhoto(**values), sealed


def attach_record(
    connection: sa.Connection, order_id: int, record_id: int, who: str, at_utc_s: int
) -> None:
    """Ties a line of the gateway's own service journal to an order."""
    connection.execute(
        sa.insert(order_records).values(
            order_id=order_id, record_id=record_id, who=who, at_utc_s=at_utc_s
        )
    )


def records(connection: sa.Connection, order_id: int) -> tuple[int, ...]:
    """Returns the numbers of the records tied to an order."""
    wanted = (
        sa.select(order_records.c.record_id)
        .where(order_records.c.order_id == order_id)
        .order_by(order_records.c.record_id)
    )
    return tuple(connection.execute(wanted).scalars())
