"""What the screens show now: told by the main loop, watched by the panel's thread."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from doorward.ids import PortalId
from doorward.reasons import REASON_TEXTS, Reason
from doorward.times import Clock, Instant
from doorward_edge.perception import Pattern, Perception, duration_ms
from doorward_edge.ports import Signal

READ_MS = 6_000
"""A refusal stays at least so long: two languages, a reason, and what to do take time to read."""

NO_WORDS: frozenset[Signal] = frozenset({Signal.GRANTED, Signal.IDLE, Signal.FIRE})
"""Signals that never say why. A grant under duress must look like any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What one screen shows.

    Attributes:
        number: counts the faces of a portal; a greater one is newer.
        shown_mono_ms: since when.
    """

    signal: Signal
    reason: Reason | None
    offline: bool
    number: int
    shown_mono_ms: int


class PortalScreen:
    """The `Indicator` of one portal's screen."""

    def __init__(self, board: "ScreenBoard", portal: PortalId) -> None:
        """Takes the board on which it writes."""
        self._board, self._portal = board, portal

    def show(self, signal: Signal, *, offline: bool, reason: Reason | None = None) -> None:
        """Puts a signal on the screen. Returns at once."""
        self._board.put(self._portal, signal, reason, offline=offline)

    def close(self) -> None:
        """Back to idle."""
        self._board.put(self._portal, Signal.IDLE, None, offline=False)


class ScreenBoard:
    """The faces of all portals. Safe from every thread."""

    def __init__(self, portals: Sequence[PortalId], perception: Perception, clock: Clock) -> None:
        """Every screen is idle."""
        self._perception = perception
        self._clock = clock
        self._lock = threading.Lock()
        start = clock.now().mono_ms
        self._faces = {
            portal: Face(
                signal=Signal.IDLE, reason=None, offline=False, number=0, shown_mono_ms=start
            )
            for portal in portals
        }
        self._wake: Callable[[], None] = _nobody

    def screen(self, portal: PortalId) -> PortalScreen:
        """Returns the indicator of a portal's screen."""
        return PortalScreen(self, portal)

    def listen(self, wake: Callable[[], None]) -> None:
        """Has `wake` called, by other threads, whenever a face changes."""
        self._wake = wake

    def put(
        self, portal: PortalId, signal: Signal, reason: Reason | None, *, offline: bool
    ) -> None:
        """Shows a signal in place of the last."""
        with self._lock:
            self._faces[portal] = Face(
                signal=signal,
                reason=reason,
                offline=offline,
                number=self._faces[portal].number + 1,
                shown_mono_ms=self._clock.now().mono_ms,
            )
        self._wake()

    def face(self, portal: PortalId) -> Face:
        """Returns what a portal's screen shows. Raises KeyError for a portal that is not ours."""
        with self._lock:
            return self._faces[portal]

    def message(
        self, portal: PortalId, now: Instant, *, is_online: bool, is_camera_well: bool
    ) -> dict[str, object]:
        """Returns what a portal's page is told. It holds nothing about a person.

        Raises:
            KeyError: the portal is not ours.
        """
        face = self.face(portal)
        pattern = self._perception.patterns[face.signal]
        left_ms = hold_ms(face.signal, pattern) - (now.mono_ms - face.shown_mono_ms)
        stays = pattern.stays or face.signal is Signal.IDLE
        signal, reason, offline = face.signal, face.reason, face.offline
        if not stays and left_ms <= 0:
            signal, reason, stays = Signal.IDLE, None, True
        if signal is Signal.IDLE:
            offline = not is_online
            signal = signal if is_camera_well else Signal.CAMERA_FAULT
        return {
            "signal": signal.value,
            "number": face.number,
            "offline": offline,
            "left_ms": 0 if stays else left_ms,
            **self._words(signal, reason),
        }

    def _words(self, signal: Signal, reason: Reason | None) -> Mapping[str, str]:
        words = self._perception.words[signal]
        said = {"zh": words.zh, "en": words.en}
        if reason is None or signal in NO_WORDS:
            return said
        text = REASON_TEXTS[reason]
        return said | {
            "why_zh": text.zh,
            "why_en": text.en,
            "next_zh": text.next_zh,
            "next_en": text.next_en,
        }


def hold_ms(signal: Signal, pattern: Pattern) -> int:
    """Returns for how long a signal that does not stay is on the screen."""
    played = duration_ms(pattern)
    return played if signal is Signal.GRANTED else max(played, READ_MS)


def _nobody() -> None:
    pass
