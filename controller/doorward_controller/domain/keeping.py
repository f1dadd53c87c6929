"""How long what is kept, and what is held back from deletion (pure).

The organisation's rules say that records stay at least 60 days, 180 unless it chooses otherwise,
and that what is personal goes when its time is over. A hold stops that: for an inquiry, say.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from doorward_controller.errors import InvalidError

DAY_MS = 86_400_000
Span = tuple[int | None, int | None]
"""From a moment (included) until another (not); None has no end."""

MIN_REASON, MAX_REASON = 3, 300


class Kind(StrEnum):
    """What has a time after which it goes."""

    RECORDS = "records"
    """What gateways recorded: scans, passages, events, what guards wrote by hand."""
    PEOPLE = "people"
    """Names, contacts and numbers of people whose last code has ended: their key is destroyed."""
    PICTURES = "pictures"
    """What commands brought back: pictures and logs."""
    QUARANTINE = "quarantine"
    """Messages that could not be read or trusted."""
    ALERTS = "alerts"
    """Alerts that are over, with their history and deliveries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What may be chosen, in days."""

    least_days: int
    usual_days: int
    most_days: int


BOUNDS: Mapping[Kind, Bounds] = MappingProxyType(
    {
        Kind.RECORDS: Bounds(least_days=60, usual_days=180, most_days=3_650),
        Kind.PEOPLE: Bounds(least_days=60, usual_days=180, most_days=3_650),
        Kind.PICTURES: Bounds(least_days=1, usual_days=30, most_days=365),
        Kind.QUARANTINE: Bounds(least_days=60, usual_days=180, most_days=3_650),
        Kind.ALERTS: Bounds(least_days=60, usual_days=730, most_days=3_650),
    }
)

Times = Mapping[Kind, int]
"""How many days each kind is kept."""


def check_days(kind: Kind, days: int) -> None:
    """Raises InvalidError for a time that the rules do not allow."""
    bounds = BOUNDS[kind]
    if not bounds.least_days <= days <= bounds.most_days:
        raise InvalidError(
            f"{kind} for {days} days, must be {bounds.least_days} to {bounds.most_days}",
            code="bad_days",
        )


def cut_utc_ms(kind: Kind, times: Times, now_utc_ms: int, *, forget_s: int = 0) -> int:
    """Returns before when things of a kind go: a midnight of UTC, so that a day goes as a whole.

    Args:
        kind: of what.
        times: how many days each is kept.
        now_utc_ms: the time.
        forget_s: so long movements count for who is inside; their records stay as long.
    """
    kept_ms = max(times[kind] * DAY_MS, 1000 * forget_s)
    return max(0, (now_utc_ms - kept_ms) // DAY_MS * DAY_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A stop: what it covers stays until it is ended.

    Attributes:
        holder_id: of one person alone; None for everything.
        from_utc_ms: of the gateways' time, included; None without a beginning.
        to_utc_ms: not included; None without an end.
    """

    id: int
    reason: str
    holder_id: str | None
    from_utc_ms: int | None
    to_utc_ms: int | None
    placed_by: str
    placed_at_utc_ms: int
    ended_by: str = ""
    ended_at_utc_ms: int | None = None

    @property
    def is_standing(self) -> bool:
        """Whether it still stops anything."""
        return self.ended_at_utc_ms is None

    @property
    def is_of_everything(self) -> bool:
        """Whether nothing at all goes while it stands."""
        return self.holder_id is None and self.from_utc_ms is None and self.to_utc_ms is None


def check_hold(reason: str, from_utc_ms: int | None, to_utc_ms: int | None) -> None:
    """Raises InvalidError for a hold without a reason, or over a time that is none."""
    if not MIN_REASON <= len(reason.strip()) <= MAX_REASON:
        raise InvalidError(
            f"the reason has {len(reason.strip())} characters, must be {MIN_REASON} to"
            f" {MAX_REASON}",
            code="reason_missing",
        )
    for end in (from_utc_ms, to_utc_ms):
        if end is not None and not 0 <= end < 2**53:
            raise InvalidError(f"{end} is no time", code="bad_span")
    if from_utc_ms is not None and to_utc_ms is not None and from_utc_ms >= to_utc_ms:
        raise InvalidError("the span ends before it begins", code="bad_span")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What standing holds cover, for the kinds that are not a person's own.

    Attributes:
        is_everything: nothing at all goes.
        spans: from when until when nothing goes; None has no end.
        people: of whom nothing goes, with the spans in which.
    """

    is_everything: bool
    spans: tuple[Span, ...]
    people: Mapping[str, tuple[Span, ...]]


def held_by(holds: Iterable[Hold]) -> Held:
    """Returns what the standing ones of these cover."""
    standing = [hold for hold in holds if hold.is_standing]
    people: dict[str, tuple[Span, ...]] = {}
    for hold in standing:
        if hold.holder_id is not None:
            span = (hold.from_utc_ms, hold.to_utc_ms)
            people[hold.holder_id] = (*people.get(hold.holder_id, ()), span)
    return Held(
        is_everything=any(hold.is_of_everything for hold in standing),
        spans=tuple(
            (hold.from_utc_ms, hold.to_utc_ms)
            for hold in standing
            if hold.holder_id is None and not hold.is_of_everything
        ),
        people=MappingProxyType(people),
    )


FIRST_AFTER_MS = 7 * DAY_MS
"""After an upgrade or a new installation nothing goes for a week: time to look at the settings."""

EVERY_MS = DAY_MS


def next_due_utc_ms(began_utc_ms: int) -> int:
    """Returns when the run after one is due."""
    return began_utc_ms + EVERY_MS


def free_spans(held: Iterable[Span], whole: Span) -> tuple[Span, ...]:
    """Returns what is left of a span without those that are held, in order."""
    low, end = whole
    found: list[Span] = []
    for begin, until in sorted(held, key=lambda span: -1 if span[0] is None else span[0]):
        if begin is not None:
            found.append((low, begin if end is None else min(begin, end)))
        if until is None:
            break
        low = until if low is None else max(low, until)
    else:
        found.append((low, end))
    return tuple((a, b) for a, b in found if a is None or b is None or a < b)
