"""Decisions counted over a span: per hour or day, per portal, refusals by reason.

Whole hours come from the sums that are kept (docs/adr/0025), the rest of an hour at either end from
an index of the records; measured by `bench/bench_records.py`.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from math import gcd
from typing import Any

import sqlalchemy as sa

from doorward.records import Outcome, RecordKind
from doorward_controller.domain.permissions import Zones
from doorward_controller.errors import InvalidError
from doorward_controller.store import places, record_sums
from doorward_controller.store.record_sums import HOUR_S, QUARTER_S
from doorward_controller.store.schema import records
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """Scans since a moment.

    Attributes:
        reasons: of refusals, the commonest first, each with how often.
    """

    grants: int
    denies: int
    reasons: tuple[tuple[str, int], ...]

    @property
    def scans(self) -> int:
        """Both."""
        return self.grants + self.denies


def begins(span: Span, zone: tzinfo = UTC) -> tuple[int, ...]:
    """Returns when each hour of a span begins, or each day of a long one, by the zone's clock.

    The first one may begin before the span does. A day on which the clocks are changed has 23 or 25
    hours, and begins at midnight all the same.
    """
    begin = datetime.fromtimestamp(span.from_utc_ms / 1000, zone)
    if _is_long(span):
        return tuple(_midnights(begin.date(), span.to_utc_ms, zone))
    ahead_ms = int((begin.utcoffset() or timedelta()).total_seconds() * 1000)
    first = span.from_utc_ms - (span.from_utc_ms + ahead_ms) % HOUR_MS
    return tuple(range(first, span.to_utc_ms, HOUR_MS))


def _is_long(span: Span) -> bool:
    return span.to_utc_ms - span.from_utc_ms > MAX_BUCKETS * HOUR_MS


def _midnights(day: date, to_utc_ms: int, zone: tzinfo) -> Iterator[int]:
    while (at := int(datetime.combine(day, time(), zone).timestamp() * 1000)) < to_utc_ms:
        yield at
        day += timedelta(days=1)


@dataclass(slots=True)
class _Counts:
    """Adds up; a portal, a reason or a beginning that nobody came to is not in it."""

    begins: tuple[int, ...]
    times: Counter[tuple[int, int]] = field(default_factory=Counter)
    portals: Counter[tuple[str, int]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add_time(self, at_utc_ms: int, outcome: int, reason: str, number: int) -> None:
        begin = self.begins[bisect_right(self.begins, at_utc_ms) - 1]
        self.times[begin, outcome] += number
        if outcome == _DENY:
            self.reasons[reason] += number

    def add_place(self, portal: str, outcome: int, number: int) -> None:
        self.portals[portal, outcome] += number


_DENY, _GRANT = int(Outcome.DENY), int(Outcome.GRANT)


def summary(store: Store, span: Span, zone: tzinfo = UTC, zones: Zones = None) -> Summary:
    """Returns the counts of a span. Raises InvalidError.

    Args:
        store: where records are.
        span: of the gateways' time.
        zone: of the site, so that hours and days are the site's.
        zones: whose portals count; by default all, those that are gone too.
    """
    span.check()
    counts = _Counts(begins(span, zone))
    low_s, high_s = -(-span.from_utc_ms // HOUR_MS) * HOUR_S, span.to_utc_ms // HOUR_MS * HOUR_S
    edges = [(span.from_utc_ms, span.to_utc_ms)]
    # One moment for all of it: intake may store meanwhile.
    with store.snapshot() as connection:
        theirs = None if zones is None else places.portal_names(connection, zones)
        # What is kept of a portal is kept by UTC's hours; where the site's begin elsewhere, its
        # records are counted.
        is_kept = theirs is None or counts.begins[0] // 1000 % HOUR_S == 0
        if low_s < high_s and is_kept:
            _add_hours(connection, counts, low_s, high_s, theirs)
            edges = [(span.from_utc_ms, 1000 * low_s), (1000 * high_s, span.to_utc_ms)]
        for begin, end in edges:
            _add_edge(connection, counts, begin, end, theirs)
    return _summary(span, counts)


def _at(column: sa.ColumnElement[str], portals: Sequence[str] | None) -> sa.ColumnElement[bool]:
    return sa.true() if portals is None else column.in_(portals)


def _add_hours(
    connection: sa.Connection,
    counts: _Counts,
    low_s: int,
    high_s: int,
    portals: Sequence[str] | None,
) -> None:
    """Adds whole hours: over time and by reason from quarters, by portal from longer steps.

    Quarters do not know portals: of some portals, hours are the shortest step.
    """
    first_s = counts.begins[0] // 1000
    # So coarse that no hour or day of the chart is cut: the fewest rows.
    grain_s = gcd(*(begin // 1000 - first_s for begin in counts.begins)) or HOUR_S
    shortest_s = QUARTER_S if portals is None else HOUR_S
    told = record_sums.told(shortest_s, low_s, high_s).c
    grain = (told.begin_utc_s - first_s) // grain_s
    by_time = sa.select(grain, told.outcome, told.reason, sa.func.sum(told.number))
    by_time = by_time.where(_at(told.portal, portals))
    rows = connection.execute(by_time.group_by(grain, told.outcome, told.reason))
    for place, outcome, reason, number in rows:
        counts.add_time(1000 * (first_s + place * grain_s), outcome, reason, int(number))
    # All steps in one statement: a row for each portal and outcome, not for each step as well.
    steps = [
        sa.select(told.c.portal, told.c.outcome, sa.func.sum(told.c.number).label("number"))
        .where(_at(told.c.portal, portals))
        .group_by(told.c.portal, told.c.outcome)
        for told in (record_sums.told(*step) for step in record_sums.cover(low_s, high_s))
    ]
    of = sa.union_all(*steps).subquery("steps").c
    by_place = sa.select(of.portal, of.outcome, sa.func.sum(of.number))
    for portal, outcome, number in connection.execute(by_place.group_by(of.portal, of.outcome)):
        counts.add_place(portal, outcome, int(number))


def _add_edge(
    connection: sa.Connection,
    counts: _Counts,
    begin_ms: int,
    end_ms: int,
    portals: Sequence[str] | None,
) -> None:
    """Adds what a sum cannot tell because it is less than an hour."""
    if begin_ms >= end_ms:
        return
    table = records.c
    quarter = (table.at_utc_ms - table.at_utc_ms % (1000 * QUARTER_S)).label("quarter")
    keys = (quarter, table.portal, table.outcome, table.reason)
    counted = (
        sa.select(*keys, sa.func.count())
        .where(table.at_utc_ms >= begin_ms, table.at_utc_ms < end_ms, table.outcome.is_not(None))
        .where(_at(table.portal, portals))
        .group_by(*keys)
        .with_hint(records, f"INDEXED BY {_index(portals)}", "sqlite")
    )
    for quarter_ms, portal, outcome, reason, number in connection.execute(counted):
        counts.add_time(max(begin_ms, quarter_ms), outcome, reason, number)
        counts.add_place(portal, outcome, number)


def _index(portals: Sequence[str] | None) -> str:
    return "ix_records_at" if portals is None else "ix_records_portal_at"


def _summary(span: Span, counts: _Counts) -> Summary:
    portals = (
        PortalTally(
            portal=portal,
            granted=counts.portals[portal, _GRANT],
            refused=counts.portals[portal, _DENY],
        )
        for portal in {portal for portal, _ in counts.portals}
    )
    return Summary(
        span=span,
        bucket_ms=DAY_MS if _is_long(span) else HOUR_MS,
        times=tuple(
            TimeTally(
                at_utc_ms=begin,
                granted=counts.times[begin, _GRANT],
                refused=counts.times[begin, _DENY],
            )
            for begin in counts.begins
            if counts.times[begin, _GRANT] or counts.times[begin, _DENY]
        ),
        portals=tuple(sorted(portals, key=lambda each: (-each.total, each.portal))),
        reasons=tuple(
            ReasonTally(reason=reason, refused=often)
            for reason, often in sorted(
                counts.reasons.items(), key=lambda each: (-each[1], each[0])
            )
        ),
    )


def since(store: Store, from_utc_ms: int, most_reasons: int = 5, zones: Zones = None) -> Today:
    """Returns scans since the quarter of an hour in which a moment lies, and why some failed."""
    from_utc_s = from_utc_ms // 1000 // QUARTER_S * QUARTER_S
    with store.read() as connection:
        counted = _told_since(from_utc_s)
        if zones is not None:
            counted = _counted_since(from_utc_s, places.portal_names(connection, zones))
        rows = connection.execute(counted).all()
    scans, refused = Counter[int](), Counter[str]()
    for outcome, kind, reason, number in rows:
        if kind == int(RecordKind.SCAN):
            scans[outcome] += int(number)
        if outcome == _DENY:
            refused[reason] += int(number)
    often = sorted(refused.items(), key=lambda each: (-each[1], each[0]))
    return Today(grants=scans[_GRANT], denies=scans[_DENY], reasons=tuple(often[:most_reasons]))


def _told_since(from_utc_s: int) -> sa.Select[Any]:
    told = record_sums.told(QUARTER_S, from_utc_s, _EVER_S).c
    keys = (told.outcome, told.kind, told.reason)
    return sa.select(*keys, sa.func.sum(told.number)).group_by(*keys)


def _counted_since(from_utc_s: int, portals: Sequence[str]) -> sa.Select[Any]:
    """Counts a day's records of some portals: sums that know portals begin at UTC's hours."""
    table = records.c
    keys = (table.outcome, table.kind, table.reason)
    return (
        sa.select(*keys, sa.func.count())
        .where(
            table.at_utc_ms >= 1000 * from_utc_s,
            table.portal.in_(portals),
            table.outcome.is_not(None),
        )
        .group_by(*keys)
        .with_hint(records, f"INDEXED BY {_index(portals)}", "sqlite")
    )


_EVER_S = 2**53
"""Clocks that were wrong are counted too."""
