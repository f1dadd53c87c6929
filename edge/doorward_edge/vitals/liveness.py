"""Whether the service manager may be told that the gateway lives: facts and now, nothing else.

The watchdog restarts what stands still. It must not restart what a restart cannot mend: a disk that
is full, a camera that the ladder is already at work on, a broker that is away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from doorward_edge.ports import CameraHealth

LOOP_STANDS_MS = 10_000
"""The main loop turns at least twice a second; a decision waits for the disk 150 ms at most."""
COURIER_STANDS_MS = 30_000
"""It may wait for a slow disk or a TLS handshake, but not for so long."""
JOURNAL_HANGS_MS = 60_000
"""A card that tidies itself takes seconds; past this the writer is stuck."""
JOURNAL_FAILS_MS = 300_000
"""A disk that refuses may be mended by opening the files anew, and is tried so seldom only."""
CAMERA_STANDS_MS = 60_000
"""No picture for this long, and nobody does anything about it."""


class Standstill(StrEnum):
    """Why the watchdog is not fed."""

    MAIN_LOOP = "main_loop"
    COURIER = "courier"
    JOURNAL_HANGS = "journal_hangs"
    JOURNAL_FAILS = "journal_fails"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFacts:
    """How the journal's last try to write went.

    Attributes:
        wrote_ms: when something was last seen on the disk (monotonic).
        asked_ms: since when a try waits for its answer, or None when none does.
        failing_ms: since when every try was refused, or None.
        is_full: whether it refuses for want of room, which no restart gives.
    """

    wrote_ms: int
    asked_ms: int | None = None
    failing_ms: int | None = None
    is_full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFacts:
    """One camera.

    Attributes:
        frame_ms: when the last picture came.
        is_ladder_at_work: whether something is being done about its fault.
    """

    frame_ms: int
    health: CameraHealth = CameraHealth.OK
    is_ladder_at_work: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the gateway's loops. A gateway without a camera has none in `cameras`."""

    main_ms: int
    courier_ms: int
    journal: JournalFacts
    cameras: Mapping[str, CameraFacts]


def standstills(facts: Facts, now_ms: int) -> tuple[Standstill, ...]:
    """Returns why the watchdog must not be fed; empty when it may."""
    found = {
        Standstill.MAIN_LOOP: now_ms - facts.main_ms >= LOOP_STANDS_MS,
        Standstill.COURIER: now_ms - facts.courier_ms >= COURIER_STANDS_MS,
        Standstill.JOURNAL_HANGS: _waits(facts.journal.asked_ms, now_ms, JOURNAL_HANGS_MS),
        Standstill.JOURNAL_FAILS: not facts.journal.is_full
        and _waits(facts.journal.failing_ms, now_ms, JOURNAL_FAILS_MS),
        Standstill.CAMERA: any(_stands(camera, now_ms) for camera in facts.cameras.values()),
    }
    return tuple(why for why, is_so in found.items() if is_so)


def _waits(since_ms: int | None, now_ms: int, most_ms: int) -> bool:
    return since_ms is not None and now_ms - since_ms >= most_ms


def _stands(camera: CameraFacts, now_ms: int) -> bool:
    return not camera.is_ladder_at_work and now_ms - camera.frame_ms >= CAMERA_STANDS_MS
