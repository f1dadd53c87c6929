"""Roll-outs as people follow them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.domain.cursors import check_limit, numbers_of, to_cursor
from doorward_controller.domain.roll_out import OVER, Ending, MemberState, Plan, RollOutState
from doorward_controller.domain.roll_out_order import Order, parse_order
from doorward_controller.queries.paging import Page
from doorward_controller.store import roll_outs as stored
from doorward_controller.store.rollout_tables import roll_out_members, roll_outs
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class RollOutRow:
    """One roll-out.

    Attributes:
        is_over: nobody else will be asked.
        counts: how many members are in each state; a state that nobody is in is left out.
    """

    id: int
    title: str
    order: Order
    state: RollOutState
    ending: Ending | None
    is_over: bool
    plan: Plan
    started_by: str
    started_at_utc_ms: int
    changed_at_utc_ms: int
    members: int
    waves: int
    counts: Mapping[MemberState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """One gateway of a roll-out.

    Attributes:
        command_id: of the command that it was given last, empty for none.
        config_version: that it was asked to take, 0 for none.
    """

    gateway: str
    wave: int
    state: MemberState
    detail: str
    online: bool
    command_id: str
    config_version: int
    changed_at_utc_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RollOutInFull:
    """A roll-out and its members, by wave and name."""

    roll_out: RollOutRow
    members: tuple[MemberRow, ...]


def page(store: Store, *, cursor: str | None = None, limit: int = 50) -> Page[RollOutRow]:
    """Returns the newest roll-outs first."""
    check_limit(limit)
    where = roll_outs.c.id < numbers_of(cursor, 1)[0] if cursor else sa.true()
    rows = _load(store, where, limit + 1)
    more = len(rows) > limit
    items = rows[:limit]
    return Page(items=items, next_cursor=to_cursor(items[-1].id) if more else None)


def roll_out(store: Store, roll_out_id: int) -> RollOutInFull | None:
    """Returns one roll-out."""
    rows = _load(store, roll_outs.c.id == roll_out_id, 1)
    if not rows:
        return None
    with store.read() as connection:
        members = stored.members(connection, roll_out_id)
    return RollOutInFull(
        roll_out=rows[0],
        members=tuple(
            MemberRow(
                gateway=each.gateway,
                wave=each.wave,
                state=each.state,
                detail=each.detail,
                online=each.signs.online,
                command_id=each.command_id,
                config_version=each.signs.version,
                changed_at_utc_s=each.changed_at_utc_s,
            )
            for each in members
        ),
    )


def _load(store: Store, where: sa.ColumnElement[bool], limit: int) -> tuple[RollOutRow, ...]:
    with store.read() as connection:
        rows = connection.execute(
            sa.select(roll_outs).where(where).order_by(roll_outs.c.id.desc()).limit(limit)
        ).all()
        counts = _counts(connection, [row.id for row in rows])
    return tuple(_row(row, counts[row.id]) for row in rows)


@dataclass(slots=True)
class _Counts:
    waves: int
    by_state: Counter[MemberState]


def _counts(connection: sa.Connection, ids: Sequence[int]) -> dict[int, _Counts]:
    found = {number: _Counts(0, Counter()) for number in ids}
    table = roll_out_members.c
    for row in connection.execute(
        sa.select(
            table.roll_out_id,
            table.state,
            sa.func.count().label("members"),
            sa.func.max(table.wave).label("wave"),
        )
        .where(table.roll_out_id.in_(ids))
        .group_by(table.roll_out_id, table.state)
    ):
        counts = found[row.roll_out_id]
        counts.waves = max(counts.waves, row.wave)
        counts.by_state[MemberState(row.state)] = row.members
    return found


def _row(row: sa.Row[tuple[object, ...]], counts: _Counts) -> RollOutRow:
    state = RollOutState(row.state)
    return RollOutRow(
        id=row.id,
        title=row.title,
        order=parse_order(row.order_json),
        state=state,
        ending=Ending(row.ending) if row.ending else None,
        is_over=state in OVER,
        plan=Plan(
            success_percent=row.success_percent,
            failure_percent=row.failure_percent,
            rest_s=row.rest_s,
            deadline_utc_s=row.deadline_utc_s,
        ),
        started_by=row.started_by,
        started_at_utc_ms=row.started_at_utc_ms,
        changed_at_utc_ms=row.changed_at_utc_ms,
        members=counts.by_state.total(),
        waves=counts.waves,
        counts=dict(counts.by_state),
    )
