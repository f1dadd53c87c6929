"""Records counted over a span: per hour or day, per portal, refusals by reason.

All three are read from one index without touching a record; measured by `bench/bench_records.py`.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward.records import Outcome, RecordKind
from doorward_controller.errors import InvalidError
from doorward_controller.store.schema import REFUSED, records
from doorward_controller.store.session import Store

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MAX_SPAN_MS = 400 * DAY_MS
MAX_BUCKETS = 24 * 31
_TOP = 50

_COUNTED = (int(RecordKind.SCAN), int(RecordKind.MANUAL))


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
    times: dict[int, list[int]] = {}
    portals: dict[str, list[int]] = {}
    with store.read() as connection:
        for at, portal, granted, refused in connection.execute(
            _counted(span, bucket_ms, offset_ms)
        ):
            for tally in (times.setdefault(at, [0, 0]), portals.setdefault(portal, [0, 0])):
                tally[0] += int(granted)
                tally[1] += int(refused)
        reasons = connection.execute(_reasons(span)).all()
    return Summary(
        span=span,
        bucket_ms=bucket_ms,
        times=tuple(
            TimeTally(at_utc_ms=at, granted=granted, refused=refused)
            for at, (granted, refused) in sorted(times.items())
        ),
        portals=tuple(
            PortalTally(portal=portal, granted=granted, refused=refused)
            for portal, (granted, refused) in sorted(
                portals.items(), key=lambda each: (-sum(each[1]), each[0])
            )
        ),
        reasons=tuple(ReasonTally(reason=row.reason, refused=int(row.often)) for row in reasons),
    )


def _counted(span: Span, bucket_ms: int, offset_ms: int) -> sa.Select[Any]:
    table = records.c
    begin = (table.at_utc_ms - (table.at_utc_ms + offset_ms) % bucket_ms).label("begin")
    return (
        sa.select(begin, table.portal, _tally(Outcome.GRANT), _tally(Outcome.DENY))
        .where(*_within(span), table.kind.in_(_COUNTED), table.outcome.is_not(None))
        .group_by(begin, table.portal)
        .with_hint(records, "INDEXED BY ix_records_at", "sqlite")
    )


def _tally(outcome: Outcome) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((records.c.outcome == int(outcome), 1), else_=0))


def _within(span: Span) -> tuple[sa.ColumnElement[bool], ...]:
    at = records.c.at_utc_ms
    return at >= span.from_utc_ms, at < span.to_utc_ms


def _reasons(span: Span) -> sa.Select[tuple[str, int]]:
    table = records.c
    often = sa.func.count().label("often")
    return (
        sa.select(table.reason, often)
        .where(*_within(span), REFUSED)
        .group_by(table.reason)
        .order_by(often.desc(), table.reason)
        .limit(_TOP)
        .with_hint(records, "INDEXED BY ix_records_refused_at", "sqlite")
    )
