"""The ports that we own: what the gateway needs of the world, in its own words.

Adapters in `adapters/` implement them, simulators ship with the product, fakes live in the tests.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from doorward.errors import DoorwardError
from doorward.events import EventCode
from doorward.ids import Epoch, PortalId
from doorward.messages import Applied
from doorward.ranges import Ranges
from doorward.reasons import Reason
from doorward.records import Record
from doorward.times import UtcSeconds
from doorward_edge.scan import Frame, Luma, Scan, Sighting

if TYPE_CHECKING:
    # The capture process names these ports, too, and must not carry all of cryptography with it.
    from doorward.batches import SealedRecord, Segment

# --- Camera and readers ------------------------------------------------------------------------


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


# --- Rules on the disk -------------------------------------------------------------------------


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


# --- Lock, inputs, lamps and buzzer ------------------------------------------------------------


class Lock(Protocol):
    """What keeps a portal shut: locked until told otherwise, and after every release.

    A turnstile has one for each direction. Safe from every thread; every method returns at once.
    """

    def release(self, pulse_ms: int) -> None:
        """Lets one person through: released for that long, then locked again.

        A second call while released begins a new pulse. A lock that is held open stays so.
        """
        ...

    def hold_open(self) -> None:
        """Releases it until `secure` or `close`."""
        ...

    def secure(self) -> None:
        """Locks it now, whatever pulse or holding it was in."""
        ...

    def close(self) -> None:
        """Locks and lets go of the hardware."""
        ...


class InputKind(StrEnum):
    """What a wire into the gateway tells."""

    CONTACT = "contact"
    PASSAGE = "passage"
    EXIT_BUTTON = "exit_button"
    TAMPER = "tamper"
    FIRE = "fire"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputChange:
    """An input is now in this state.

    Attributes:
        portal: None for what concerns the whole gateway: the housing's tamper switch, fire.
        is_active: contact: the leaf is open; passage: somebody is in the light barrier; exit
            button: pressed; tamper: opened; fire: alarm.
        is_faulty: the line of a supervised input is cut or shorted; `is_active` then says what the
            input counts as.
    """

    portal: PortalId | None
    kind: InputKind
    is_active: bool
    is_faulty: bool = False
    at_mono_ms: int


class Inputs(Protocol):
    """All inputs of the gateway, debounced."""

    def changes(self) -> Sequence[InputChange]:
        """Returns what changed since the last call, in order; never blocks.

        The first call gives the state of every input, whatever it is.
        """
        ...

    def listen(self, wake: Callable[[], None]) -> None:
        """Has `wake` called, by other threads, whenever there is a change to fetch."""
        ...

    def close(self) -> None:
        """Lets go of the pins; `wake` is not called afterwards."""
        ...


class Signal(StrEnum):
    """The one vocabulary in which a portal speaks to people (architecture, §9)."""

    IDLE = "idle"
    GRANTED = "granted"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    NOT_ENROLLED = "not_enrolled"
    WAITING = "waiting"
    """The first of two persons was accepted; the portal waits for the second."""
    LOCKDOWN = "lockdown"
    FIRE = "fire"
    CAMERA_FAULT = "camera_fault"


class Indicator(Protocol):
    """Lamps and buzzer of a portal, or its screen."""

    def show(self, signal: Signal, *, offline: bool, reason: Reason | None = None) -> None:
        """Shows a signal in place of the last; `offline` adds the blue dot. Returns at once.

        Args:
            signal: what the person is told.
            offline: whether the gateway decides by itself.
            reason: why, for what can show words.
        """
        ...

    def close(self) -> None:
        """Puts everything out and lets go of the hardware."""
        ...


# --- The broker --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to publish at once.

    Attributes:
        qos: 0 or 1.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message that came down. `retained` says that the broker had kept it."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The broker accepted us; `session` counts the connections of this boot."""

    session: int


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The connection is gone or was refused; `why` is for the log."""

    why: str


LinkEvent = Arrived | LinkUp | LinkDown


class Broker(Protocol):
    """A connection that dials again by itself until it is closed."""

    def open(self) -> None:
        """Begins to dial. Returns at once."""
        ...

    def subscribe(self, topics: Sequence[str]) -> None:
        """Asks for topics, at QoS 1; asking again brings their retained messages again."""
        ...

    def publish(self, message: Outgoing) -> bool:
        """Hands a message over. Returns False when there is no connection; it is not kept then."""
        ...

    def next_event(self, timeout_s: float) -> LinkEvent | None:
        """Returns what happened next, or None when nothing did within the time."""
        ...

    def wake(self) -> None:
        """Makes `next_event` return None at once, from any thread."""
        ...

    def close(self) -> None:
        """Says goodbye and hangs up."""
        ...


# --- The service manager -----------------------------------------------------------------------


class Watchdog(Protocol):
    """Who restarts this process when it stops turning."""

    def ready(self) -> None:
        """Says that the gateway works."""
        ...

    def feed(self) -> None:
        """Says that it still does."""
        ...

    def stopping(self) -> None:
        """Says that it ends on purpose."""
        ...


class Board(Protocol):
    """The machine that the gateway runs on."""

    def reboot(self) -> None:
        """Asks for a restart of the whole board, and returns before it begins.

        Raises:
            OSError: it is not there, not allowed or not answered.
        """
        ...


# --- The journal -------------------------------------------------------------------------------


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


# --- Small documents ---------------------------------------------------------------------------


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
