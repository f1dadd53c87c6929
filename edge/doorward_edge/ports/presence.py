"""Where what a gateway knows of people is kept over a restart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceFound:
    """What was kept.

    Attributes:
        snapshot: the newest one, or None where there is none that can be read.
        entries: what was appended since, oldest first, each as it was given.
        is_first: nothing was ever kept here.
        damage: what of it could not be read, in words; empty where all could.
        through: number of the newest part that was looked at.
    """

    snapshot: bytes | None
    entries: tuple[bytes, ...]
    is_first: bool
    damage: str
    through: int


class PresenceStore(Protocol):
    """A snapshot, and a log of what happened since. Used by one thread at a time.

    Every method raises OSError where the disk does not give or take something.
    """

    def load(self, through: int | None = None) -> PresenceFound:
        """Returns what was kept, up to a part of the log where one is named; never raises."""
        ...

    def append(self, entries: Sequence[bytes], *, flush: bool) -> None:
        """Appends to the log. What was not flushed outlives this process, but no power cut."""
        ...

    def flush(self) -> None:
        """Returns when everything that was appended is on the disk."""
        ...

    def log_bytes(self) -> int:
        """Returns how long the log is that is not in the snapshot and was not ended to be."""
        ...

    def end_part(self) -> int:
        """Has the log go on in a new part.

        Returns the number of the one that ended, to be folded with those before it.
        """
        ...

    def save(self, snapshot: bytes, through: int) -> None:
        """Replaces the snapshot by one that holds everything up to a part, and drops that."""
        ...
