"""Work orders as a screen shows them: a list, one with everything on it, and what it cost."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward.health import Level, flattened
from doorward.health_metrics import judge
from doorward.records import Record
from doorward_controller.domain.cursors import check_limit, numbers_of, to_cursor
from doorward_controller.domain.permissions import Zones
from doorward_controller.domain.repair_evidence import Telemetry, is_borne_out
from doorward_controller.domain.work_orders import OPEN, TABLE, LabourRate, OrderState
from doorward_controller.errors import InvalidError
from doorward_controller.queries.paging import Page
from doorward_controller.store import downtimes, places
from doorward_controller.store import parts as part_rows
from doorward_controller.store import work_orders as rows
from doorward_controller.store.downtimes import StoredDowntime
from doorward_controller.store.maintenance_tables import work_orders
from doorward_controller.store.schema import gateways, records
from doorward_controller.store.session import Store
from doorward_controller.store.work_orders import (
    StoredCheck,
    StoredOrder,
    StoredPhoto,
    StoredTurn,
)

UNPRICED = LabourRate()
"""Where a site has said nothing of what an hour costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders; empty means any. `zones` are those of the reader."""

    state: str = ""
    gateway: str = ""
    kind: str = ""
    assignee: str = ""
    is_open: bool = False
    zones: Zones = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTaken:
    """What an order took of one part, what came back taken off."""

    part_id: int
    number: str
    name: str
    count: int
    cost_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceNote:
    """A line of a gateway's own service journal."""

    record_id: int
    at_utc_s: int
    who: str
    what: str
    part: str
    serial_old: str
    serial_new: str
    remarks: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """One order with everything that hangs on it.

    Attributes:
        cost: what was spent, by currency, in minor units; labour where it has a rate.
        is_borne_out: reports since the repair show the device well, so it may be verified.
    """

    order: StoredOrder
    turns: tuple[StoredTurn, ...]
    checks: tuple[StoredCheck, ...]
    photos: tuple[StoredPhoto, ...]
    parts: tuple[PartTaken, ...]
    downtimes: tuple[StoredDowntime, ...]
    notes: tuple[ServiceNote, ...]
    cost: Mapping[str, int]
    is_borne_out: bool

    @property
    def possible(self) -> tuple[str, ...]:
        """The turns that the state allows."""
        return tuple(turn.value for turn in TABLE[self.order.state])


def page(
    store: Store, wanted: OrderFilter, *, cursor: str | None = None, limit: int = 50
) -> Page[StoredOrder]:
    """Returns orders, the newest first. Raises InvalidError."""
    size = check_limit(limit)
    statement = rows.select_orders().where(*_conditions(wanted))
    if cursor is not None:
        statement = statement.where(work_orders.c.id < numbers_of(cursor, 1)[0])
    ordered = statement.order_by(work_orders.c.id.desc()).limit(size + 1)
    with store.read() as connection:
        found = [rows.order_of(row) for row in connection.execute(ordered)]
    more = to_cursor(found[size - 1].id) if len(found) > size else None
    return Page(items=tuple(found[:size]), next_cursor=more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The orders in one state: the soonest due, and how many there are altogether."""

    orders: tuple[StoredOrder, ...]
    total: int


def board(store: Store, *, limit: int = 50, zones: Zones = None) -> dict[OrderState, Column]:
    """Returns what is open or waits to be verified, by state, at most `limit` of each."""
    shown = (*(state for state in OrderState if state in OPEN), OrderState.DONE)
    columns: dict[OrderState, Column] = {}
    with store.read() as connection:
        theirs = places.seen(work_orders.c.gateway_id, zones)
        counted = sa.select(work_orders.c.state, sa.func.count()).where(theirs)
        counted = counted.group_by(work_orders.c.state)
        totals = {row[0]: int(row[1]) for row in connection.execute(counted)}
        for state in shown:
            statement = (
                rows.select_orders()
                .where(work_orders.c.state == state.value, theirs)
                .order_by(work_orders.c.deadline_utc_s, work_orders.c.id)
                .limit(limit)
            )
            found = tuple(rows.order_of(row) for row in connection.execute(statement))
            columns[state] = Column(orders=found, total=totals.get(state.value, 0))
    return columns


def view(
    store: Store, order_id: int, now_utc_s: int, labour: LabourRate = UNPRICED
) -> OrderView | None:
    """Returns one order."""
    with store.read() as connection:
        order = rows.find(connection, order_id)
        if order is None:
            return None
        taken = parts_taken(connection, order.site, [order]).get(order_id, ())
        return OrderView(
            order=order,
            turns=rows.turns(connection, order_id),
            checks=rows.checks(connection, order_id),
            photos=rows.photos(connection, order_id),
            parts=taken,
            downtimes=downtimes.of_order(connection, order_id),
            notes=notes_of(connection, rows.records(connection, order_id)),
            cost=cost_of(order, taken, labour),
            is_borne_out=_is_borne_out(connection, order, now_utc_s),
        )


def borne_out(store: Store, orders: tuple[StoredOrder, ...], now_utc_s: int) -> frozenset[int]:
    """Returns which of the orders that are done telemetry bears out."""
    done = [order for order in orders if order.state is OrderState.DONE]
    with store.read() as connection:
        return frozenset(one.id for one in done if _is_borne_out(connection, one, now_utc_s))


def cost_of(
    order: StoredOrder, taken: tuple[PartTaken, ...], labour: LabourRate = UNPRICED
) -> dict[str, int]:
    """Returns what an order cost by currency: what was written down, its parts, its labour."""
    cost: dict[str, int] = {}
    for amount, currency in (
        (labour.cost_minor(order.labour_minutes), labour.currency),
        (order.cost_minor, order.currency),
        *((part.cost_minor, part.currency) for part in taken),
    ):
        if amount:
            cost[currency] = cost.get(currency, 0) + amount
    return cost


def notes_of(connection: sa.Connection, record_ids: tuple[int, ...]) -> tuple[ServiceNote, ...]:
    """Returns the lines of the service journal with these numbers."""
    if not record_ids:
        return ()
    wanted = sa.select(records.c.id, records.c.body).where(records.c.id.in_(record_ids))
    found = connection.execute(wanted.order_by(records.c.at_utc_ms))
    return tuple(note_of(row.id, bytes(row.body)) for row in found)


def note_of(record_id: int, body: bytes) -> ServiceNote:
    """Returns what a technician wrote at the device; a newer gateway's words stay as they are."""
    record = Record.from_wire(body)
    try:
        told = json.loads(record.detail)
    except ValueError:
        told = None
    said: dict[str, Any] = told if isinstance(told, dict) else {"what": record.detail}
    minutes = said.get("minutes", 0)
    return ServiceNote(
        record_id=record_id,
        at_utc_s=record.utc_ms // 1000,
        who=record.actor,
        minutes=minutes if isinstance(minutes, int) else 0,
        **{
            name: str(said.get(name, ""))
            for name in ("what", "part", "serial_old", "serial_new", "remarks")
        },
    )


def _conditions(wanted: OrderFilter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [places.seen(work_orders.c.gateway_id, wanted.zones)]
    if wanted.state:
        if wanted.state not in {state.value for state in OrderState}:
            raise InvalidError(f"there is no state {wanted.state[:40]!r}")
        found.append(work_orders.c.state == wanted.state)
    if wanted.is_open:
        found.append(work_orders.c.state.in_([state.value for state in OPEN]))
    if wanted.gateway:
        found.append(gateways.c.name == wanted.gateway)
    if wanted.kind:
        found.append(work_orders.c.kind == wanted.kind)
    if wanted.assignee:
        found.append(work_orders.c.assignee == wanted.assignee)
    return found


def parts_taken(
    connection: sa.Connection, site: str, orders: Collection[StoredOrder]
) -> dict[int, tuple[PartTaken, ...]]:
    """Returns what each order took of the shelf."""
    known = {part.id: part for part in part_rows.every(connection, site)}
    counts: dict[tuple[int, int, str], list[int]] = {}
    for move in part_rows.moves_of_orders(connection, {order.id for order in orders}):
        held = counts.setdefault((move.order_id or 0, move.part_id, move.currency), [0, 0])
        held[0] -= move.change
        held[1] -= move.change * move.unit_cost_minor
    found: dict[int, tuple[PartTaken, ...]] = {}
    for (order_id, part_id, currency), (count, cost) in counts.items():
        if count:
            taken = PartTaken(
                part_id=part_id,
                number=known[part_id].number,
                name=known[part_id].name,
                count=count,
                cost_minor=cost,
                currency=currency,
            )
            found[order_id] = (*found.get(order_id, ()), taken)
    return found


def _is_borne_out(connection: sa.Connection, order: StoredOrder, now_utc_s: int) -> bool:
    if order.state is not OrderState.DONE or order.done_at_utc_s is None:
        return False
    wanted = sa.select(gateways.c.online, gateways.c.health_json).where(
        gateways.c.id == order.gateway_id
    )
    row = connection.execute(wanted).one()
    health = json.loads(row.health_json)
    numbers = flattened(health)
    heard = health.get("at")
    seen = Telemetry(
        heard_at_utc_s=heard if isinstance(heard, int) else None,
        is_online=bool(row.online),
        bad=frozenset(name for name, value in numbers.items() if judge(name, value) > Level.OK),
        told=frozenset(numbers),
    )
    return is_borne_out(order.failure_mode, order.done_at_utc_s, now_utc_s, seen)
