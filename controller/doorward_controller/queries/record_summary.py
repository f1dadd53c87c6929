"""Records counted over a span: per hour or day, per portal, refusals by reason.

All three are read from one index without touching a record; measured by `bench/bench_records.py`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward.records import Outcome
from doorward_controller.errors import InvalidError
from doorward_controller.store.schema import REFUSED, records
from doorward_controller.store.session import Store

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MAX_SPAN_MS = 400 * DAY_MS
MAX_BUCKETS = 24 * 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From a moment (included) until another (not)."""

    from_utc_ms: int
    to_utc_ms: int

    def check(self) -> None:
        """Raises InvalidError for one that is empty or too long."""
        length = self.to_utc_ms - self.from_utc_ms
        if not 0 < length <= MAX_SPAN_MS:
            raise InvalidError(
                f"the span has {length / DAY_MS:.1f} days, must be more than 0 and at most"
                f" {MAX_SPAN_MS // DAY_MS}",
                code="bad_span",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Scans that began within one hour or day, or at one portal."""

    granted: int
    refused: int

    @property
    def total(self) -> int:
        """Both."""
        return self.granted + self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeTally(Tally):
    """Of one hour or day, by its first millisecond."""

    at_utc_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalTally(Tally):
    """Of one portal."""

    portal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonTally:
    """How often something was refused for one reason."""

    reason: str
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the charts show.

    Attributes:
        bucket_ms: an hour, or a day where the span is long.
    """

    span: Span
    bucket_ms: int
    times: tuple[TimeTally, ...]
    portals: tuple[PortalTally, ...]
    reasons: tuple[ReasonTally, ...]

    @property
    def granted(self) -> int:
        """How many were let in."""
        return sum(each.granted for each in self.times)

    @property
    def refused(self) -> int:
        """How many were not."""
        return sum(each.refused for each in self.times)


def summary(store: Store, span: Span, offset_ms: int = 0) -> Summary:
    """Returns the counts of a span. Raises InvalidError.

    Args:
        store: where records are.
        span: of the gateways' time.
        offset_ms: how far the site's clock is ahead of UTC, so that a day is the site's day.
    """
    span.check()
    is_long = span.to_utc_ms - span.from_utc_ms > MAX_BUCKETS * HOUR_MS
    bucket_ms = DAY_MS if is_long else HOUR_MS
    first = span.from_utc_ms - (span.from_utc_ms + offset_ms) % bucket_ms
    with store.read() as connection:
        begins = range(first, span.to_utc_ms, bucket_ms)
        came = dict(_pairs(connection, _granted_in(begins, bucket_ms, span)))
        places = dict(_pairs(connection, _granted_at(_portals(connection), span)))
        refused = connection.execute(_refused(span, bucket_ms, offset_ms)).all()
    by_time, by_portal, by_reason = (Counter[Any]() for _ in range(3))
    for begin, portal, reason, often in refused:
        by_time[begin] += often
        by_portal[portal] += often
        by_reason[reason] += often
    portals = (
        PortalTally(portal=portal, granted=places.get(portal, 0), refused=by_portal[portal])
        for portal in {*places, *by_portal}
    )
    return Summary(
        span=span,
        bucket_ms=bucket_ms,
        times=tuple(
            TimeTally(at_utc_ms=begin, granted=came[begin], refused=by_time[begin])
            for begin in begins
            if came[begin] or by_time[begin]
        ),
        portals=tuple(
            sorted(
                (each for each in portals if each.total),
                key=lambda each: (-each.total, each.portal),
            )
        ),
        reasons=tuple(
            ReasonTally(reason=reason, refused=often)
            for reason, often in sorted(by_reason.items(), key=lambda each: (-each[1], each[0]))
        ),
    )


def _pairs(connection: sa.Connection, statement: sa.Select[Any] | None) -> list[tuple[Any, int]]:
    if statement is None:
        return []
    return [(key, int(count)) for key, count in connection.execute(statement)]


def _granted_in(begins: Sequence[int], bucket_ms: int, span: Span) -> sa.Select[Any]:
    """Counts each hour by a walk along the index: sorting them by hour would take far longer."""
    rows = [
        (begin, max(begin, span.from_utc_ms), min(begin + bucket_ms, span.to_utc_ms))
        for begin in begins
    ]
    columns = (sa.column(name, sa.BigInteger) for name in ("begin", "low", "high"))
    each = sa.values(*columns, name="each").data(rows).cte("bucket")
    return sa.select(each.c.begin, _count("ix_records_at", each.c.low, each.c.high))


def _granted_at(portals: Sequence[str], span: Span) -> sa.Select[Any] | None:
    if not portals:
        return None
    named = sa.values(sa.column("name", sa.Text), name="named").data([(each,) for each in portals])
    each = named.cte("place")
    mine = records.c.portal == each.c.name
    counted = _count("ix_records_portal_at", span.from_utc_ms, span.to_utc_ms, mine)
    return sa.select(each.c.name, counted)


def _count(index: str, low: Any, high: Any, *mine: sa.ColumnElement[bool]) -> Any:  # noqa: ANN401  # columns or numbers
    table = records.c
    return (
        sa.select(sa.func.count())
        .select_from(records)
        .where(*mine, table.at_utc_ms >= low, table.at_utc_ms < high)
        .where(table.outcome == int(Outcome.GRANT))
        .with_hint(records, f"INDEXED BY {index}", "sqlite")
        .scalar_subquery()
    )


def _portals(connection: sa.Connection) -> tuple[str, ...]:
    """Returns every portal that a record names; a step along the index for each."""
    found: list[str] = []
    while True:
        column = records.c.portal
        behind = column > found[-1] if found else sa.true()
        one = connection.scalar(sa.select(sa.func.min(column)).where(behind))
        if one is None:
            return tuple(found)
        found.append(one)


def _refused(span: Span, bucket_ms: int, offset_ms: int) -> sa.Select[Any]:
    """Refusals are few: they are counted for all three charts at once."""
    table = records.c
    begin = (table.at_utc_ms - (table.at_utc_ms + offset_ms) % bucket_ms).label("begin")
    return (
        sa.select(begin, table.portal, table.reason, sa.func.count())
        .where(table.at_utc_ms >= span.from_utc_ms, table.at_utc_ms < span.to_utc_ms, REFUSED)
        .group_by(begin, table.portal, table.reason)
        .with_hint(records, "INDEXED BY ix_records_refused_at", "sqlite")
    )
