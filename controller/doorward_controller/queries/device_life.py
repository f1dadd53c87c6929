"""A device's whole life on one line of time: orders, downtime, replacements, changes, journal."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from doorward.records import RecordKind
from doorward_controller.domain.work_orders import OrderState
from doorward_controller.queries.work_orders import ServiceNote, note_of
from doorward_controller.store import downtimes
from doorward_controller.store import work_orders as rows
from doorward_controller.store.device_tables import components, device_changes
from doorward_controller.store.downtimes import StoredDowntime
from doorward_controller.store.maintenance_tables import work_orders
from doorward_controller.store.schema import gateways, records
from doorward_controller.store.session import Store
from doorward_controller.store.work_orders import StoredOrder

MOST_NOTES = 2_000


class LifeKind(StrEnum):
    """What happened in a device's life."""

    ENROLLED = "enrolled"
    REQUESTED = "requested"
    DONE = "done"
    DOWN = "down"
    JOURNAL = "journal"
    INSTALLED = "installed"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeEvent:
    """One line of the life.

    Attributes:
        code: what kind exactly: an order's kind, `planned` or `unplanned`, a change's kind.
        text: in the words of whoever wrote it; foreign, never markup.
        order_id: the order that it belongs to.
        ended_utc_s: of downtime that has ended.
    """

    kind: LifeKind
    at_utc_s: int
    code: str = ""
    text: str = ""
    who: str = ""
    order_id: int | None = None
    ended_utc_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLife:
    """A device and everything that happened to it, the newest first."""

    gateway_id: int
    gateway: str
    enrolled_at_utc_s: int
    events: tuple[LifeEvent, ...]
    orders: tuple[StoredOrder, ...]
    downtimes: tuple[StoredDowntime, ...]
    notes: tuple[ServiceNote, ...]


def life(store: Store, site: str, name: str) -> DeviceLife | None:
    """Returns the life of a gateway and of what is built into it."""
    with store.read() as connection:
        wanted = sa.select(gateways.c.id, gateways.c.enrolled_at_utc_s).where(
            gateways.c.site == site, gateways.c.name == name
        )
        found = connection.execute(wanted).one_or_none()
        if found is None:
            return None
        orders = _orders(connection, found.id)
        spans = downtimes.all_of_gateway(connection, found.id)
        notes = notes_of_gateway(connection, found.id)
        parts = tuple(_component_events(connection, found.id))
        changes = tuple(_change_events(connection, found.id))
    events = [
        LifeEvent(kind=LifeKind.ENROLLED, at_utc_s=found.enrolled_at_utc_s),
        *_order_events(orders),
        *(_down(span) for span in spans),
        *(_journal(note) for note in notes),
        *parts,
        *changes,
    ]
    return DeviceLife(
        gateway_id=found.id,
        gateway=name,
        enrolled_at_utc_s=found.enrolled_at_utc_s,
        events=tuple(sorted(events, key=lambda one: one.at_utc_s, reverse=True)),
        orders=orders,
        downtimes=spans,
        notes=notes,
    )


def notes_of_device(store: Store, gateway_id: int) -> tuple[ServiceNote, ...]:
    """Returns what technicians wrote at the gateway itself, the newest first."""
    with store.read() as connection:
        return notes_of_gateway(connection, gateway_id)


def notes_of_gateway(connection: sa.Connection, gateway_id: int) -> tuple[ServiceNote, ...]:
    """Returns what technicians wrote at the gateway itself, the newest first."""
    wanted = (
        sa.select(records.c.id, records.c.body)
        .where(records.c.gateway_id == gateway_id, records.c.kind == int(RecordKind.SERVICE))
        .order_by(records.c.at_utc_ms.desc())
        .limit(MOST_NOTES)
    )
    return tuple(note_of(row.id, bytes(row.body)) for row in connection.execute(wanted))


def _orders(connection: sa.Connection, gateway_id: int) -> tuple[StoredOrder, ...]:
    wanted = rows.select_orders().where(work_orders.c.gateway_id == gateway_id)
    ordered = wanted.order_by(work_orders.c.id.desc())
    return tuple(rows.order_of(row) for row in connection.execute(ordered))


def _order_events(orders: Iterable[StoredOrder]) -> Iterable[LifeEvent]:
    for order in orders:
        yield LifeEvent(
            kind=LifeKind.REQUESTED,
            at_utc_s=order.requested_at_utc_s,
            code=order.kind,
            text=order.title,
            who=order.requested_by,
            order_id=order.id,
        )
        if order.done_at_utc_s is not None and order.state is not OrderState.CANCELLED:
            replaced = " → ".join(part for part in (order.serial_old, order.serial_new) if part)
            yield LifeEvent(
                kind=LifeKind.DONE,
                at_utc_s=order.done_at_utc_s,
                code=order.remedy,
                text=" · ".join(part for part in (order.findings, replaced) if part),
                who=order.assignee,
                order_id=order.id,
            )


def _down(span: StoredDowntime) -> LifeEvent:
    return LifeEvent(
        kind=LifeKind.DOWN,
        at_utc_s=span.began_utc_s,
        code="planned" if span.planned else "unplanned",
        text=span.reason,
        who=span.who,
        order_id=span.order_id,
        ended_utc_s=span.ended_utc_s,
    )


def _journal(note: ServiceNote) -> LifeEvent:
    serials = " → ".join(part for part in (note.serial_old, note.serial_new) if part)
    said = (note.what, note.part, serials, note.remarks)
    return LifeEvent(
        kind=LifeKind.JOURNAL,
        at_utc_s=note.at_utc_s,
        text=" · ".join(part for part in said if part),
        who=note.who,
    )


def _component_events(connection: sa.Connection, gateway_id: int) -> Iterable[LifeEvent]:
    for row in connection.execute(
        sa.select(components).where(components.c.gateway_id == gateway_id)
    ):
        words = " ".join(part for part in (row.maker, row.model, row.serial) if part)
        yield LifeEvent(
            kind=LifeKind.INSTALLED, at_utc_s=row.installed_at_utc_s, code=row.kind,
            text=words, who=row.installed_by,
        )  # fmt: skip
        if row.removed_at_utc_s is not None:
            yield LifeEvent(
                kind=LifeKind.REMOVED, at_utc_s=row.removed_at_utc_s, code=row.kind,
                text=" · ".join(part for part in (words, row.removed_reason) if part),
                who=row.removed_by,
            )  # fmt: skip


def _change_events(connection: sa.Connection, gateway_id: int) -> Iterable[LifeEvent]:
    for row in connection.execute(
        sa.select(device_changes).where(device_changes.c.gateway_id == gateway_id)
    ):
        yield LifeEvent(
            kind=LifeKind.CHANGED, at_utc_s=row.at_utc_ms // 1000, code=row.kind,
            text=f"{row.before or '–'} -> {row.after or '–'}", who=row.told_by,
        )  # fmt: skip
