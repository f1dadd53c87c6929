"""Times in which a device did not serve: spans that never overlap, and how long they were."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From `began` to `ended`, which is not included; None while it lasts."""

    began_utc_s: int
    ended_utc_s: int | None
    planned: bool = False

    def overlaps(self, other: "Span") -> bool:
        """Says whether the two share a second. Spans that only touch do not."""
        ends_after = self.ended_utc_s is None or self.ended_utc_s > other.began_utc_s
        begins_before = other.ended_utc_s is None or other.ended_utc_s > self.began_utc_s
        return ends_after and begins_before

    def within(self, from_utc_s: int, to_utc_s: int) -> int:
        """Returns how many of its seconds lie in a window; what lasts still ends with it."""
        ended = to_utc_s if self.ended_utc_s is None else min(self.ended_utc_s, to_utc_s)
        return max(0, ended - max(self.began_utc_s, from_utc_s))


def first_overlap(span: Span, others: Iterable[Span]) -> Span | None:
    """Returns a span with which `span` shares time, or None."""
    return next((each for each in others if span.overlaps(each)), None)


def total_s(
    spans: Sequence[Span], from_utc_s: int, to_utc_s: int, *, planned: bool | None = None
) -> int:
    """Returns the seconds of downtime in a window; planned, unplanned, or both for None."""
    return sum(
        span.within(from_utc_s, to_utc_s)
        for span in spans
        if planned is None or span.planned is planned
    )
