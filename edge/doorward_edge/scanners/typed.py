"""Key events of a keyboard-type scanner -> readings (pure)."""

import struct
from collections.abc import Mapping

from doorward_edge.scan import MAX_PAYLOAD_BYTES
from doorward_edge.scanners.keys import COMMANDS, ENDS, LOCKS, PLAIN, SHIFTED, SHIFTS
from doorward_edge.scanners.reading import Reading, reading_of

EVENT = struct.Struct("@llHHi")
"""`struct input_event` of a 64-bit kernel: seconds, microseconds, type, code, value."""
KEY_GAP_MS = 500
"""A scanner types a key every few milliseconds; what stops for so long will not go on."""

_SYN, _KEY = 0, 1
_SYN_REPORT, _SYN_DROPPED = 0, 3
_UP, _DOWN = 0, 1


class TypedCodes:
    """Remembers which keys are down and what was typed since the last end of a code."""

    def __init__(self) -> None:
        """Begins with nothing typed and no key down."""
        self._rest = b""
        self._text = bytearray()
        self._held: set[int] = set()
        self._is_cut = False
        self._is_lost = False
        self._last_ms = 0
        self._counts = {"garbage": 0, "unfinished": 0}

    def counts(self) -> Mapping[str, int]:
        """Returns what was thrown away.

        `garbage` counts keys that print nothing, `unfinished` codes without an end.
        """
        return dict(self._counts)

    def feed(self, wire: bytes, now_mono_ms: int) -> tuple[Reading, ...]:
        """Returns the codes that end in these events; a part of an event waits for its rest."""
        if now_mono_ms - self._last_ms >= KEY_GAP_MS:
            self._forget()
        wire = self._rest + wire
        whole = len(wire) - len(wire) % EVENT.size
        self._rest = wire[whole:]
        found = []
        for _, _, kind, code, value in EVENT.iter_unpack(wire[:whole]):
            self._last_ms = now_mono_ms
            if reading := self._take(kind, code, value):
                found.append(reading)
        return tuple(found)

    def _take(self, kind: int, code: int, value: int) -> Reading | None:
        if kind == _SYN:
            self._note_report(code)
        elif kind == _KEY and not self._is_lost:
            if code in SHIFTS or code in COMMANDS:
                (self._held.add if value else self._held.discard)(code)
            elif value == _DOWN:
                return self._press(code)
        return None

    def _note_report(self, code: int) -> None:
        """The kernel dropped events: up to the next report nothing can be believed."""
        if code == _SYN_DROPPED:
            self._is_lost = True
            self._forget()
            self._held.clear()
        elif code == _SYN_REPORT:
            self._is_lost = False

    def _press(self, code: int) -> Reading | None:
        if code in ENDS:
            return self._end()
        printed = (SHIFTED if self._held & SHIFTS else PLAIN).get(code)
        if printed is None or self._held & COMMANDS:
            self._counts["garbage"] += code not in LOCKS
        elif len(self._text) < MAX_PAYLOAD_BYTES:
            self._text.append(printed)
        else:
            self._is_cut = True
        return None

    def _end(self) -> Reading | None:
        """An end without a text is what some scanners send twice."""
        text, is_cut = bytes(self._text), self._is_cut
        self._text.clear()
        self._is_cut = False
        return reading_of(text, is_cut=is_cut) if text else None

    def _forget(self) -> None:
        self._counts["unfinished"] += bool(self._text)
        self._text.clear()
        self._is_cut = False
