"""The journal: the durable record of everything that happened."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from doorward.errors import DoorwardError
from doorward.events import EventCode
from doorward.ids import Epoch
from doorward.ranges import Ranges
from doorward.records import Record
from doorward.times import UtcSeconds

if TYPE_CHECKING:
    # The capture process names these ports, too, and must not carry all of cryptography with it.
    from doorward.batches import SealedRecord, Segment


class JournalError(DoorwardError):
    """The journal could not do what it was asked; nothing was recorded."""


class JournalFullError(JournalError):
    """No room is left, and nothing acknowledged is left to give up."""


class JournalUnavailableError(JournalError):
    """The disk does not take writes, or the journal is closed."""


class JournalBusyError(JournalError):
    """Another process has the journal open."""


class JournalForeignError(JournalError):
    """The journal belongs to another gateway, or to a newer version of this software."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The number under which a record lies on the disk."""

    epoch: Epoch
    seq: int


class Ticket(Protocol):
    """What becomes of one appended record."""

    def wait(self, timeout_s: float) -> Receipt | None:
        """Returns the receipt once the record is on the disk, or None when it is not yet.

        Raises:
            JournalError: it will not be.
        """
        ...

    def mark_late(self) -> bool:
        """Says that the lock was told first; the journal then tells so.

        Returns False when the record turned out to be on the disk already.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Consecutive records as they lie on the disk: what a batch is made of."""

    epoch: Epoch
    first_seq: int
    chain_before: bytes
    segments: "tuple[Segment, ...]"
    records: "tuple[SealedRecord, ...]"

    @property
    def last_seq(self) -> int:
        """Number of the last record."""
        return self.first_seq + len(self.records) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochSpan:
    """One epoch of the journal.

    Attributes:
        head: number of its newest record, 0 without one.
        pending: what the controller has not acknowledged.
        kept: acknowledged, and still here.
        lost: numbers that were given out and could not be saved from a damaged file.
    """

    epoch: Epoch
    head: int
    pending: Ranges
    kept: Ranges
    lost: Ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that the journal did or suffered, for the gateway to record as an event."""

    code: EventCode
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalUse:
    """How full the journal is."""

    used_bytes: int
    capacity_bytes: int
    is_alarming: bool


class Journal(Protocol):
    """The durable record of everything that happened (architecture, §5). Safe from every thread."""

    def append(self, record: Record) -> Ticket:
        """Takes a record in; several that wait share one flush.

        Raises:
            MalformedError: the record is out of a format's bounds.
            JournalUnavailableError: the journal is closed.
        """
        ...

    def read(self, epoch: Epoch, first: int, last: int, most_bytes: int) -> Stretch | None:
        """Returns consecutive records from the first one that is kept in `first` to `last`.

        At most what fits a batch and `most_bytes`. None when nothing of the range is here.

        Raises:
            JournalError: the disk does not give them.
        """
        ...

    def spans(self) -> tuple[EpochSpan, ...]:
        """Returns all epochs, oldest first; the last one grows."""
        ...

    def settle(self, epoch: Epoch, committed: Ranges, resend: Ranges, at: UtcSeconds) -> None:
        """Notes what the controller has, and takes back what it asks for again.

        Numbers that were never given out are ignored.

        Raises:
            JournalError: it could not be noted; the old state stays.
        """
        ...

    def purge(self, now: UtcSeconds) -> int:
        """Deletes some of what was acknowledged more than 7 days ago; returns how many records.

        Call again until it returns 0, and only with a clock that can be trusted.

        Raises:
            JournalError: it could not be deleted.
        """
        ...

    def probe(self) -> None:
        """Writes a little and returns when it is on the disk; for whoever asks whether it would.

        Raises:
            JournalError: it does not get there.
        """
        ...

    def use(self) -> JournalUse:
        """Returns how full the journal is."""
        ...

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what happened since the last call."""
        ...

    def close(self) -> None:
        """Writes what waits and closes the files."""
        ...
