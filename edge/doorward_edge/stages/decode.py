"""Which passes look at which frame, and which sightings become a scan."""

from collections.abc import Sequence
from enum import IntEnum

from doorward_edge.scan import Scan, Sighting, Strategy

GLANCE_EVERY_MS = 1_000
"""An unchanged scene is looked at this often, each time by the next pass of the rotation."""
TURNS_AFTER_CHANGE = 2


class Pass(IntEnum):
    """One way to look at a frame. The numbers are what parent and child say to each other."""

    ZXING_FAST = 1
    ZXING_HALF = 2
    ZXING_UNSHARP = 3
    ZXING_DOUBLED = 4
    ZXING_INVERTED = 5
    PYZBAR_PLAIN = 6
    ZXING_SLOW = 7
    PYZBAR_HALF = 8
    PYZBAR_DOUBLED = 9
    ZXING_SMOOTH = 10
    PYZBAR_SMOOTH = 11

    @property
    def label(self) -> str:
        """Reader and pass as they stand in a scan, for example ``zxing/fast``."""
        return self.name.lower().replace("_", "/")


FIRST_LOOK = {
    Strategy.DUAL: (Pass.ZXING_FAST,),
    Strategy.ZXING: (Pass.ZXING_FAST,),
    Strategy.PYZBAR: (Pass.PYZBAR_PLAIN,),
}
_ZXING_EXTRAS = (
    Pass.ZXING_HALF,
    Pass.ZXING_DOUBLED,
    Pass.ZXING_SMOOTH,
    Pass.ZXING_UNSHARP,
    Pass.ZXING_INVERTED,
)
ROTATION = {
    Strategy.DUAL: (
        Pass.ZXING_HALF,
        Pass.PYZBAR_SMOOTH,
        Pass.ZXING_DOUBLED,
        Pass.ZXING_SMOOTH,
        Pass.ZXING_UNSHARP,
        Pass.ZXING_INVERTED,
        Pass.PYZBAR_PLAIN,
    ),
    Strategy.ZXING: _ZXING_EXTRAS,
    Strategy.PYZBAR: (),
}
"""One of these looks at a frame in which the first look saw nothing.

In the order of what each adds to those before it on the rendered corpus (`bench/bench_reading.py`).
Noise and moire are what most codes are lost to: smoothed pictures win back more than plain pyzbar.
"""

STILL_PASSES = (
    Pass.ZXING_SLOW,
    Pass.PYZBAR_PLAIN,
    *_ZXING_EXTRAS,
    Pass.PYZBAR_SMOOTH,
    Pass.PYZBAR_HALF,
    Pass.PYZBAR_DOUBLED,
)
"""For a photograph there is time: everything, until something is seen."""


class PassPlan:
    """Decides for each frame which passes look at it, if any."""

    def __init__(self, strategy: Strategy) -> None:
        """Begins as after a change."""
        self._first = FIRST_LOOK[strategy]
        self._rotation = ROTATION[strategy]
        self._next = 0
        self._glance_due_ms = 0
        self._left = 0
        self.rearm()

    def rearm(self) -> None:
        """Looks at the next frames whether or not they change: two full turns."""
        self._left = TURNS_AFTER_CHANGE * max(1, len(self._rotation))

    def passes(self, now_mono_ms: int, *, is_changed: bool) -> tuple[Pass, ...]:
        """Returns what looks at this frame, in order, until something is seen; () to skip it."""
        if is_changed:
            self.rearm()
        if not self._left and now_mono_ms < self._glance_due_ms:
            return ()
        self._left = max(0, self._left - 1)
        self._glance_due_ms = now_mono_ms + GLANCE_EVERY_MS
        if not self._rotation:
            return self._first
        extra = self._rotation[self._next]
        self._next = (self._next + 1) % len(self._rotation)
        return (*self._first, extra)


class HeldCodes:
    """Makes one scan of a code that is held up, however long and however often it is seen.

    A code counts anew once it was out of sight for `held_ms`.
    """

    def __init__(self, held_ms: int) -> None:
        """Remembers nothing yet."""
        self._held_ms = held_ms
        self._last_seen_ms: dict[tuple[str, bytes], int] = {}
        self._in_view: set[tuple[str, bytes]] = set()

    def note_unchanged(self, now_mono_ms: int) -> None:
        """The scene is as it was: what was in view still is, although nobody looked."""
        for key in self._in_view:
            self._last_seen_ms[key] = now_mono_ms

    def admit(
        self, sightings: Sequence[Sighting], at_mono_ms: int, *, is_changed: bool
    ) -> tuple[Scan, ...]:
        """Returns the scans that begin with this frame.

        Args:
            sightings: what was seen in it.
            at_mono_ms: when it was taken.
            is_changed: whether the scene changed; if not, what was in view stays there even when
                this look missed it.
        """
        self._forget(at_mono_ms)
        seen = {(s.problem, s.payload): s for s in sightings}
        fresh = [s for key, s in seen.items() if key not in self._last_seen_ms]
        self._in_view = set(seen) if is_changed else self._in_view | set(seen)
        self.note_unchanged(at_mono_ms)
        return tuple(
            Scan(
                payload=s.payload,
                problem=s.problem,
                reader=s.reader,
                captured_mono_ms=at_mono_ms,
                symbology=s.symbology,
            )
            for s in fresh
        )

    def _forget(self, now_mono_ms: int) -> None:
        gone = [k for k, seen in self._last_seen_ms.items() if now_mono_ms - seen > self._held_ms]
        for key in gone:
            del self._last_seen_ms[key]
            self._in_view.discard(key)
