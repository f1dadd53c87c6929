"""What reads codes: cameras, finders of symbols, and whoever hands codes over."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

from doorward.errors import DoorwardError
from doorward.ids import PortalId
from doorward_edge.scan import Frame, Luma, Scan, Sighting


class CameraHealth(StrEnum):
    """What is wrong with a camera, as far as its pictures show it."""

    OK = "ok"
    GONE = "gone"
    FROZEN = "frozen"
    DARK = "dark"
    BLINDED = "blinded"


class CameraError(DoorwardError, OSError):
    """The camera does not give pictures now; it may again later."""


class FramesEndedError(CameraError):
    """A folder or a film came to its end and does not begin again."""


class FrameSource(Protocol):
    """A camera, or what plays one. Used by one thread alone, except `close`."""

    def next_frame(self, timeout_s: float) -> Frame | None:
        """Returns the next picture, or None when none came in about that time.

        Raises:
            FramesEndedError: there are no more.
            CameraError: there are none now; ask again later.
        """
        ...

    def close(self) -> None:
        """Lets go of the device."""
        ...


class SymbolReader(Protocol):
    """Finds symbols in one picture."""

    def read(self, luma: Luma) -> tuple[Sighting, ...]:
        """Returns every symbol that was read, also those that do not count (`problem`)."""
        ...


class CodeSource(Protocol):
    """Where codes come from: the eyes of a camera, a USB or serial scanner, the panel."""

    def start(self, put: Callable[[PortalId, Scan], None]) -> None:
        """Begins to read; `put` is called by threads of the source, never by the caller's."""
        ...

    def stats(self) -> Mapping[str, int]:
        """Returns what it counted since it was made, by name."""
        ...

    def close(self) -> None:
        """Stops reading and lets go of the device; nothing is put afterwards."""
        ...
