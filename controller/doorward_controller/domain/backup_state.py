"""How a place of backups stands: judged by the age of its last good backup, not by the last try.

Rules: at least two copies, one of them elsewhere; rehearsed on a sample of at least 10 %
(requirement S14).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

HOUR_S = 3_600
DAY_S = 24 * HOUR_S


class Standing(StrEnum):
    """How a place stands."""

    GOOD = "good"
    LATE = "late"
    NEVER = "never"


class Lack(StrEnum):
    """What a site's backups lack, the gravest first."""

    NOT_SET_UP = "not_set_up"
    NEVER = "never"
    LATE = "late"
    LOG_LATE = "log_late"
    ONE_PLACE = "one_place"
    NONE_ELSEWHERE = "none_elsewhere"
    UNREHEARSED = "unrehearsed"
    FAILED_REHEARSAL = "failed_rehearsal"
    UNSHARED_KEY = "unshared_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceState:
    """One place and when something good last reached it.

    Attributes:
        good_at_utc_s: when its last good backup was begun: what it holds is as old as that.
        rehearsed_at_utc_s: when a restore from it was last tried.
        rehearsal_held: whether that went well; None when there was none.
    """

    name: str
    is_elsewhere: bool
    good_at_utc_s: int | None
    rehearsed_at_utc_s: int | None = None
    rehearsal_held: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From when on a backup is late, and a rehearsal, and the database's log."""

    late_after_s: int
    rehearse_every_s: int
    log_late_after_s: int = 0


def is_log_late(covers_utc_s: int, limits: Limits, now_utc_s: int) -> bool:
    """Says whether too little of a database's log is at a place."""
    return now_utc_s - covers_utc_s > limits.log_late_after_s


def standing(place: PlaceState, limits: Limits, now_utc_s: int) -> Standing:
    """Returns how a place stands. A clock that was set back makes nothing late."""
    if place.good_at_utc_s is None:
        return Standing.NEVER
    is_late = now_utc_s - place.good_at_utc_s > limits.late_after_s
    return Standing.LATE if is_late else Standing.GOOD


def lacks(
    places: Sequence[PlaceState],
    limits: Limits,
    now_utc_s: int,
    *,
    is_key_shared: bool,
    is_log_late: bool = False,
) -> tuple[Lack, ...]:
    """Returns what is missing before one may sleep, the gravest first."""
    if not places:
        return (Lack.NOT_SET_UP,)
    first = (Lack.LOG_LATE,) if is_log_late else ()
    return (*first, *_lacks(places, limits, now_utc_s, is_key_shared=is_key_shared))


def _lacks(
    places: Sequence[PlaceState], limits: Limits, now_utc_s: int, *, is_key_shared: bool
) -> Iterable[Lack]:
    stand = {standing(place, limits, now_utc_s) for place in places}
    if Standing.NEVER in stand:
        yield Lack.NEVER
    if Standing.LATE in stand:
        yield Lack.LATE
    rehearsed = [place for place in places if place.rehearsed_at_utc_s is not None]
    newest = max(rehearsed, key=lambda place: place.rehearsed_at_utc_s or 0, default=None)
    if newest is not None and newest.rehearsal_held is False:
        yield Lack.FAILED_REHEARSAL
    if len(places) < 2:
        yield Lack.ONE_PLACE
    if not any(place.is_elsewhere for place in places):
        yield Lack.NONE_ELSEWHERE
    rehearsed_at = newest.rehearsed_at_utc_s if newest is not None else None
    if rehearsed_at is None or now_utc_s - rehearsed_at > limits.rehearse_every_s:
        yield Lack.UNREHEARSED
    if not is_key_shared:
        yield Lack.UNSHARED_KEY
