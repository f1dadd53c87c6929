"""Sums of decisions: noted as changes by intake, added up by a job, read as both together.

Intake appends changes in the transaction of the records themselves, and `add_up` moves them into
the sums in one transaction: at any moment sums and changes together are what the records are.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from doorward_controller.store import keeping, record_facets
from doorward_controller.store.prepared import PreparedInsert
from doorward_controller.store.record_rows import RecordInsert
from doorward_controller.store.schema import records
from doorward_controller.store.sum_tables import record_sum_changes, record_sums

QUARTER_S, HOUR_S, DAY_S, FORTNIGHT_S = 900, 3_600, 86_400, 14 * 86_400
"""Quarters of an hour count all portals together: every time zone in use begins its hours and days
at one. Longer steps count each portal, by UTC from its first moment on."""

STEPS_S = (QUARTER_S, HOUR_S, DAY_S, FORTNIGHT_S)


class SumKey(NamedTuple):
    """What one number counts; in the order of the columns."""

    begin_utc_s: int
    portal: str
    kind: int
    outcome: int
    reason: str

    def at(self, step_s: int) -> "SumKey":
        """Returns the sum of this step to which the change belongs."""
        portal = "" if step_s == QUARTER_S else self.portal
        return self._replace(begin_utc_s=self.begin_utc_s // step_s * step_s, portal=portal)


_KEYS = SumKey._fields
_NOTE = PreparedInsert(record_sum_changes, (*_KEYS, "number"))
_ADD = PreparedInsert(
    record_sums,
    ("step_s", *_KEYS, "number"),
    on_conflict=f"(step_s, {', '.join(_KEYS)})"
    " DO UPDATE SET number = record_sums.number + excluded.number",
)


def note(connection: sa.Connection, rows: Iterable[RecordInsert]) -> None:
    """Notes what these new records change, within the transaction that stores them."""
    changes = Counter(
        (row.at_utc_ms // 900_000 * 900, row.portal, row.kind, row.outcome, row.reason)
        for row in rows
        if row.outcome is not None
    )
    _NOTE.run(connection, [(*key, number) for key, number in changes.items()])


def add_up(connection: sa.Connection, most: int) -> int:
    """Moves some changes into the sums; returns how many."""
    _lock(connection)
    table = record_sum_changes
    some = sa.select(table.c.id).order_by(table.c.id).limit(most)
    taken = sa.delete(table).where(table.c.id.in_(some))
    changes = connection.execute(taken.returning(*(table.c[n] for n in (*_KEYS, "number")))).all()
    sums: Counter[tuple[int, SumKey]] = Counter()
    for *values, number in changes:
        key = SumKey._make(values)
        for step_s in STEPS_S:
            sums[step_s, key.at(step_s)] += number
    _ADD.run(connection, [(step_s, *key, number) for (step_s, key), number in sums.items()])
    return len(changes)


def is_waiting(connection: sa.Connection) -> bool:
    """Whether there are changes that were not added up."""
    return connection.scalar(sa.select(record_sum_changes.c.id).limit(1)) is not None


def told(step_s: int, from_utc_s: int, to_utc_s: int) -> sa.Subquery:
    """Returns sums and changes of a span as rows of one step; a statement over it adds them.

    Args:
        step_s: one of STEPS_S.
        from_utc_s: included; begins a step, as does
        to_utc_s: not included.
    """
    sums, changes = record_sums.c, record_sum_changes.c
    kept = sa.select(
        sums.begin_utc_s, sums.portal, sums.kind, sums.outcome, sums.reason, sums.number
    ).where(sums.step_s == step_s, sums.begin_utc_s >= from_utc_s, sums.begin_utc_s < to_utc_s)
    begin = changes.begin_utc_s - changes.begin_utc_s % step_s
    portal = sa.literal("") if step_s == QUARTER_S else changes.portal
    new = sa.select(
        begin.label("begin_utc_s"), portal.label("portal"), changes.kind, changes.outcome,
        changes.reason, changes.number,
    ).where(changes.begin_utc_s >= from_utc_s, changes.begin_utc_s < to_utc_s)  # fmt: skip
    return sa.union_all(kept, new).subquery("told")


def counted(step_s: int, from_utc_s: int, to_utc_s: int) -> sa.Select[Any]:
    """Returns the same rows, counted from the records themselves; ordered columns of a sum."""
    table = records.c
    begin = (table.at_utc_ms - table.at_utc_ms % (1000 * step_s)) // 1000
    portal = sa.literal("") if step_s == QUARTER_S else table.portal
    wanted = (
        sa.select(
            begin.label("begin_utc_s"), portal.label("portal"), table.kind, table.outcome,
            table.reason, sa.func.count().label("number"),
        )
        .where(
            table.at_utc_ms >= 1000 * from_utc_s,
            table.at_utc_ms < 1000 * to_utc_s,
            table.outcome.is_not(None),
        )
        .with_hint(records, "INDEXED BY ix_records_at", "sqlite")
    )  # fmt: skip
    return wanted.group_by(*(sa.literal_column(str(place)) for place in range(1, 6)))


def cover(
    low_s: int, high_s: int, steps_s: Sequence[int] = (FORTNIGHT_S, DAY_S, HOUR_S)
) -> Iterator[tuple[int, int, int]]:
    """Yields (step, from, to) that together are a span of whole hours, from few rows."""
    step_s, *finer = steps_s
    first, end = -(-low_s // step_s) * step_s, high_s // step_s * step_s
    around = [(low_s, first), (end, high_s)]
    if first < end:
        yield step_s, first, end
    else:
        around = [(low_s, high_s)]
    for low, high in around:
        if finer and low < high:
            yield from cover(low, high, finer)


def differences(connection: sa.Connection, fortnight_utc_s: int) -> int:
    """Returns how many sums, and facets, of a fortnight are not what its records are."""
    span = (fortnight_utc_s, fortnight_utc_s + FORTNIGHT_S)
    wrong = record_facets.count_missing(connection, *span)
    # The records are walked twice: over all portals by the quarter, and each portal by the hour.
    hours = counted(HOUR_S, *span).cte("hours")
    wrong += _count_unequal(connection, [(QUARTER_S, counted(QUARTER_S, *span))], span)
    of_hours = [(step_s, _longer(hours, step_s)) for step_s in (HOUR_S, DAY_S, FORTNIGHT_S)]
    return wrong + _count_unequal(connection, of_hours, span)


def _count_unequal(
    connection: sa.Connection, steps: Sequence[tuple[int, sa.Select[Any]]], span: tuple[int, int]
) -> int:
    """Returns how many sums of these steps are not these counts: one less the other is not 0."""
    both: list[sa.Select[Any]] = []
    for step_s, right in steps:
        step = sa.literal(step_s).label("step_s")
        there, is_so = told(step_s, *span).c, right.subquery().c
        both.append(sa.select(step, *(there[key] for key in _KEYS), there.number))
        less = (-is_so.number).label("number")
        both.append(sa.select(step, *(is_so[key] for key in _KEYS), less))
    rows = sa.union_all(*both).subquery()
    keys = (rows.c.step_s, *(rows.c[key] for key in _KEYS))
    unequal = sa.select(*keys).group_by(*keys).having(sa.func.sum(rows.c.number) != 0).subquery()
    return int(connection.scalar(sa.select(sa.func.count()).select_from(unequal)) or 0)


def _longer(of: sa.FromClause, step_s: int) -> sa.Select[Any]:
    """Returns rows of a shorter step that this one is made of, as rows of this one."""
    begin = of.c.begin_utc_s - of.c.begin_utc_s % step_s
    rest = [of.c[key] for key in _KEYS[1:]]
    summed = sa.cast(sa.func.sum(of.c.number), sa.BigInteger).label("number")
    return sa.select(begin.label("begin_utc_s"), *rest, summed).group_by(begin, *rest)


def recount(connection: sa.Connection, fortnight_utc_s: int) -> None:
    """Makes the sums of a fortnight anew, and notes the facets of its records.

    The caller's transaction sees one moment: what is stored after it brings changes of its own.
    """
    _lock(connection)
    span = (fortnight_utc_s, fortnight_utc_s + FORTNIGHT_S)
    for table in (record_sums, record_sum_changes):
        begin = table.c.begin_utc_s
        connection.execute(sa.delete(table).where(begin >= span[0], begin < span[1]))
    for step_s in (QUARTER_S, HOUR_S):
        _insert(connection, step_s, counted(step_s, *span))
    for step_s, of_step_s in ((DAY_S, HOUR_S), (FORTNIGHT_S, DAY_S)):
        begin = record_sums.c.begin_utc_s
        shorter = sa.select(record_sums).where(
            record_sums.c.step_s == of_step_s, begin >= span[0], begin < span[1]
        )
        _insert(connection, step_s, _longer(shorter.subquery(), step_s))
    record_facets.add_missing(connection, *span)


def _insert(connection: sa.Connection, step_s: int, rows: sa.Select[Any]) -> None:
    of = rows.subquery().c
    values = sa.select(sa.literal(step_s), *(of[key] for key in _KEYS), of.number)
    connection.execute(sa.insert(record_sums).from_select(["step_s", *_KEYS, "number"], values))


def fortnights(connection: sa.Connection) -> tuple[int, ...]:
    """Returns every fortnight that has a record or a sum, by its beginning.

    A gateway whose clock stood at 1970 made records, too; the 1,400 fortnights since are not
    looked at for it. Nor are those whose records went when their time was over: their sums stay,
    and nothing is left that they could be compared with.
    """
    sums, changes = record_sums.c, record_sum_changes.c
    found = set(_steps(connection, records.c.at_utc_ms, 1000))
    new = sa.select(changes.begin_utc_s - changes.begin_utc_s % FORTNIGHT_S).distinct()
    found.update(map(int, connection.scalars(new)))
    for step_s in STEPS_S:
        found.update(_steps(connection, sums.begin_utc_s, 1, sums.step_s == step_s))
    whole_from_s = (keeping.records_from_utc_ms(connection) or 0) // 1000
    return tuple(sorted(begin for begin in found if begin >= whole_from_s))


def _steps(
    connection: sa.Connection, column: sa.Column[int], unit: int, *where: sa.ColumnElement[bool]
) -> Iterator[int]:
    """Yields the fortnights in which a column has a value: one step along its index for each."""
    low: int | None = None
    while True:
        behind = () if low is None else (column >= low * unit,)
        first = connection.scalar(
            sa.select(column).where(*where, *behind).order_by(column).limit(1)
        )
        if first is None:
            return
        begin = int(first) // unit // FORTNIGHT_S * FORTNIGHT_S
        yield begin
        low = begin + FORTNIGHT_S


def _lock(connection: sa.Connection) -> None:
    """Keeps others from adding up until we commit (PostgreSQL); who only reads does not wait.

    It is the first statement: what the transaction sees begins behind it.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE record_sums IN SHARE ROW EXCLUSIVE MODE")
