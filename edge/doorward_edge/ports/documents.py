"""Small documents and rules on the disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from doorward.errors import DoorwardError
from doorward.messages import Applied
from doorward.times import UtcSeconds
from doorward_edge.ports.records import Notice


class PolicyFiles(Protocol):
    """Keeps signed documents, each under a name, so that a power cut leaves the old or the new."""

    def save(self, name: str, wire: bytes) -> None:
        """Replaces a document; returns when it is on the disk. Raises OSError."""
        ...

    def load(self, name: str) -> memoryview | None:
        """Returns a document, mapped and not copied, or None. Raises OSError."""
        ...


class Floors(Protocol):
    """Remembers the highest versions ever applied; they outlive restarts and never sink."""

    def floors(self) -> Applied:
        """Returns the floors."""
        ...

    def raise_floors(self, applied: Applied) -> None:
        """Raises each floor to the version given, where that is higher. Raises OSError."""
        ...


class DocumentsError(DoorwardError, OSError):
    """The gateway's documents could not be written; the old state stays."""


class DocumentsDamagedError(DocumentsError):
    """No generation of the documents can be read, and the floors are lost with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceEntry:
    """A line of the local maintenance journal.

    Attributes:
        what: what was done, for example ``lens cleaned``.
        who: the technician's staff number.
        detail: remarks.
        part: what was changed, empty where nothing was.
        serial_old, serial_new: of that part.
        minutes: how long it took.
        epoch, seq: the journal's record of it; 0 where the journal did not take it.
    """

    at: UtcSeconds
    what: str
    who: str
    detail: str = ""
    part: str = ""
    serial_old: str = ""
    serial_new: str = ""
    minutes: int = 0
    epoch: int = 0
    seq: int = 0


class Tallies(Protocol):
    """What is counted for good. Safe from every thread.

    Every method that keeps something raises DocumentsError, and returns when it is on the disk.
    """

    def meters(self) -> Mapping[str, int]:
        """Returns the meters as they were kept last."""
        ...

    def keep_meters(self, meters: Mapping[str, int]) -> None:
        """Replaces the meters."""
        ...

    def pin_failures(self) -> Mapping[str, int]:
        """Returns the wrong PINs in a row by staff number."""
        ...

    def keep_pin_failures(self, failures: Mapping[str, int]) -> None:
        """Replaces them."""
        ...

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what happened to the tallies since the last call."""
        ...


class Documents(Floors, Protocol):
    """What the gateway remembers beside journal and policy. Safe from every thread.

    Every method that changes something raises DocumentsError, and returns when it is on the disk.
    """

    def identity(self) -> Mapping[str, str]:
        """Returns who this gateway is; empty before enrolment."""
        ...

    def set_identity(self, identity: Mapping[str, str]) -> None:
        """Replaces who this gateway is."""
        ...

    def applied(self) -> Applied:
        """Returns the versions that were applied last."""
        ...

    def set_applied(self, applied: Applied) -> None:
        """Notes the versions that are applied, and raises the floors to them."""
        ...

    def notes(self, name: str) -> Mapping[str, Any]:
        """Returns what was noted under a name: JSON values; empty when nothing was."""
        ...

    def set_notes(self, name: str, values: Mapping[str, Any]) -> None:
        """Replaces what is noted under a name."""
        ...

    def maintenance(self) -> tuple[MaintenanceEntry, ...]:
        """Returns the maintenance journal, oldest first."""
        ...

    def add_maintenance(self, entry: MaintenanceEntry) -> None:
        """Adds a line to the maintenance journal."""
        ...

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what happened to the documents since the last call."""
        ...
