"""What is done about a camera's fault, and when: a state table without clock, file or process.

Rungs: the capture process is replaced, then the service ends with a failure so that its manager
starts it anew, then the board starts anew. A camera that gives nothing, or always the same picture,
may climb all of them. Darkness may be night and glare may be the sun: for those one new capture
process is tried, since it finds its exposure again, and nothing more. Services and boards are
counted over a day and over restarts; a service comes before a board; nothing is ever done twice
without a pause that grows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from doorward_edge.ports import CameraHealth

WELL_AFTER_MS = 30_000
"""A fault that comes back within this time is the same fault: its ladder is not begun again."""
SERVICE_AFTER_MS = 180_000
BOARD_AFTER_MS = 900_000
SERVICE_PAUSE_S = 1_800
DAY_S = 86_400
LAST_PAUSE_MS = 3_600_000


class Step(StrEnum):
    """What is to be done; the values stand in events."""

    CAPTURE = "capture_process"
    SERVICE = "service"
    BOARD = "board"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What the configuration allows within a day; 0 means never."""

    services_a_day: int = 3
    boards_a_day: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """When services and boards were started anew because of a camera, in UTC seconds."""

    services: tuple[int, ...] = ()
    boards: tuple[int, ...] = ()

    def within_a_day(self, now_s: int) -> "Past":
        """Returns what still counts. What seems to lie ahead counts, too: the clock was wrong."""

        def recent(times: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(at for at in times if now_s - at < DAY_S)

        return Past(services=recent(self.services), boards=recent(self.boards))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Where one camera stands.

    Attributes:
        fault: what is wrong, or OK.
        steady_ms: since when it is there without a break (monotonic).
        well_ms: since when it seems well again, or None while it does not.
        replaced: how often the capture process was replaced in this fault.
        due_ms: when it may be replaced next.
        rest_ms: it is not replaced before this, whatever the fault turns into.
        is_given_up: the service or the board was asked to start anew; nothing more is done here.
    """

    fault: CameraHealth = CameraHealth.OK
    steady_ms: int = 0
    well_ms: int | None = None
    replaced: int = 0
    due_ms: int = 0
    rest_ms: int = 0
    is_given_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What comes of one look at a camera.

    Attributes:
        began: the fault that begins now, or None.
        ended: the fault that is over now, or None.
        step: what is to be done now, or None.
    """

    ladder: Ladder
    began: CameraHealth | None = None
    ended: CameraHealth | None = None
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class _Way:
    """How far one fault may climb, and when it begins to."""

    first_ms: int
    tries_ever: int | None
    climbs: bool


_PAUSES_MS = (20_000, 40_000, 60_000, 300_000, 900_000)
"""Between new capture processes; then an hour."""
_LASTING = _Way(0, None, climbs=True)
_PASSING = _Way(60_000, 1, climbs=False)
_WAYS: Mapping[CameraHealth, _Way] = {
    CameraHealth.GONE: _LASTING,
    CameraHealth.FROZEN: _LASTING,
    CameraHealth.DARK: _PASSING,
    CameraHealth.BLINDED: _PASSING,
}


def look(
    ladder: Ladder,
    seen: CameraHealth,
    now_ms: int,
    now_s: int,
    *,
    past: Past,
    allowed: Allowed,
) -> Verdict:
    """Returns where the camera stands now and what is to be done.

    Args:
        ladder: where it stood.
        seen: what its pictures suggest now.
        now_ms: monotonic time.
        now_s: wall time, which never goes below what was known.
        past: what was done before, in this process and in those before it.
        allowed: how often services and boards may be started anew.
    """
    if seen is CameraHealth.OK:
        return _look_well(ladder, now_ms)
    if ladder.fault is CameraHealth.OK:
        return replace(_climb(_begun(seen, now_ms), now_ms, now_s, past, allowed), began=seen)
    if seen is not ladder.fault:
        changed = _changed(_bad_again(ladder, now_ms), seen, now_ms)
        return replace(
            _climb(changed, now_ms, now_s, past, allowed), began=seen, ended=ladder.fault
        )
    return _climb(_bad_again(ladder, now_ms), now_ms, now_s, past, allowed)


def _begun(fault: CameraHealth, now_ms: int) -> Ladder:
    return Ladder(fault=fault, steady_ms=now_ms, due_ms=now_ms + _WAYS[fault].first_ms)


def _changed(ladder: Ladder, fault: CameraHealth, now_ms: int) -> Ladder:
    """The same trouble in another shape goes on; what was night, and is a fault now, begins."""
    if _WAYS[ladder.fault] is _WAYS[fault] or ladder.is_given_up:
        return replace(ladder, fault=fault)
    begun = _begun(fault, now_ms)
    return replace(
        begun,
        replaced=ladder.replaced,
        rest_ms=ladder.rest_ms,
        due_ms=max(begun.due_ms, ladder.rest_ms),
    )


def _bad_again(ladder: Ladder, now_ms: int) -> Ladder:
    return ladder if ladder.well_ms is None else replace(ladder, well_ms=None, steady_ms=now_ms)


def _look_well(ladder: Ladder, now_ms: int) -> Verdict:
    if ladder.fault is CameraHealth.OK:
        return Verdict(ladder=ladder)
    well_ms = now_ms if ladder.well_ms is None else ladder.well_ms
    if now_ms - well_ms >= WELL_AFTER_MS:
        return Verdict(ladder=Ladder(), ended=ladder.fault)
    return Verdict(ladder=replace(ladder, well_ms=well_ms))


def _climb(ladder: Ladder, now_ms: int, now_s: int, past: Past, allowed: Allowed) -> Verdict:
    way = _WAYS[ladder.fault]
    if ladder.is_given_up:
        return Verdict(ladder=ladder)
    step = _last_rungs(ladder, now_ms, now_s, past, allowed) if way.climbs else None
    if step is not None:
        return Verdict(ladder=replace(ladder, is_given_up=True), step=step)
    has_tries = way.tries_ever is None or ladder.replaced < way.tries_ever
    if not has_tries or now_ms < ladder.due_ms:
        return Verdict(ladder=ladder)
    rest_ms = now_ms + _pause_ms(ladder.replaced)
    replaced = replace(ladder, replaced=ladder.replaced + 1, due_ms=rest_ms, rest_ms=rest_ms)
    return Verdict(ladder=replaced, step=Step.CAPTURE)


def _last_rungs(
    ladder: Ladder, now_ms: int, now_s: int, past: Past, allowed: Allowed
) -> Step | None:
    age_ms, recent = now_ms - ladder.steady_ms, past.within_a_day(now_s)
    is_after_service = bool(recent.services) or not allowed.services_a_day
    if age_ms >= BOARD_AFTER_MS and is_after_service and len(recent.boards) < allowed.boards_a_day:
        return Step.BOARD
    last_s = max(recent.services, default=now_s - SERVICE_PAUSE_S)
    if (
        age_ms >= SERVICE_AFTER_MS
        and len(recent.services) < allowed.services_a_day
        and abs(now_s - last_s) >= SERVICE_PAUSE_S
    ):
        return Step.SERVICE
    return None


def _pause_ms(replaced: int) -> int:
    return _PAUSES_MS[replaced] if replaced < len(_PAUSES_MS) else LAST_PAUSE_MS
