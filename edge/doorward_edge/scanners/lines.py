"""Bytes of a serial scanner -> readings (pure)."""

import re
from collections.abc import Mapping
from enum import StrEnum

from doorward_edge.scan import MAX_PAYLOAD_BYTES
from doorward_edge.scanners.reading import Reading, reading_of

LINE_GAP_MS = 500
"""At 1200 baud a character takes 9 ms; what stops for so long will not go on."""


class LineEnd(StrEnum):
    """How a serial scanner says that a code is whole."""

    NEWLINE = "newline"
    """CR, LF or both."""
    TAB = "tab"
    ETX = "etx"
    GAP = "gap"
    """It says nothing: a pause ends the code."""


_ENDS = {
    LineEnd.NEWLINE: re.compile(rb"[\r\n]+"),
    LineEnd.TAB: re.compile(rb"\t+"),
    LineEnd.ETX: re.compile(rb"\x03+"),
    LineEnd.GAP: re.compile(rb"(?!)"),
}
_FRAMING = b"\x02\x03\r\n"
"""STX and ETX, as some scanners put round a code, and what line ends leave over."""
_CONTROLS = re.compile(rb"[\x00-\x1f\x7f]")


class SerialCodes:
    """Remembers what came since the last end of a code."""

    def __init__(self, end: LineEnd) -> None:
        """Begins with nothing."""
        self._pattern = _ENDS[end]
        self._gap_ends = end is LineEnd.GAP
        self._line = b""
        self._is_cut = False
        self._last_ms = 0
        self._counts = {"garbage": 0, "unfinished": 0}

    def counts(self) -> Mapping[str, int]:
        """Returns what was thrown away.

        `garbage` counts lines that are no text, as from a wrong baud rate; `unfinished` those
        without an end.
        """
        return dict(self._counts)

    def feed(self, wire: bytes, now_mono_ms: int) -> tuple[Reading, ...]:
        """Returns the codes that end with these bytes."""
        found = []
        if now_mono_ms - self._last_ms >= LINE_GAP_MS and self._line:
            found += self._pause()
        if wire:
            self._last_ms = now_mono_ms
            *ended, rest = self._pattern.split(wire)
            for piece in ended:
                self._add(piece)
                found += self._end()
            self._add(rest)
        return tuple(found)

    def _pause(self) -> list[Reading]:
        if self._gap_ends:
            return self._end()
        self._counts["unfinished"] += 1
        self._line, self._is_cut = b"", False
        return []

    def _add(self, piece: bytes) -> None:
        """Keeps what a code may hold; a device that never ends a line costs no memory."""
        room = MAX_PAYLOAD_BYTES + len(_FRAMING) - len(self._line)
        self._line += piece[:room]
        self._is_cut = self._is_cut or len(piece) > room

    def _end(self) -> list[Reading]:
        line, is_cut = self._line.strip(_FRAMING), self._is_cut
        self._line, self._is_cut = b"", False
        if not line:
            return []
        if _CONTROLS.search(line) or not _is_text(line, is_cut=is_cut):
            self._counts["garbage"] += 1
            return []
        return [reading_of(line, is_cut=is_cut)]


def _is_text(line: bytes, *, is_cut: bool) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError as err:
        # What was cut may end within a character.
        return is_cut and err.start >= len(line) - 3
    return True
