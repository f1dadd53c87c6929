"""The ports that we own: what the gateway needs of the world, in its own words.

Adapters in `adapters/` implement them, simulators ship with the product, fakes live in the tests.
"""

from doorward_edge.ports.documents import (
    Documents,
    DocumentsDamagedError,
    DocumentsError,
    Floors,
    MaintenanceEntry,
    PolicyFiles,
    Tallies,
)
from doorward_edge.ports.hands import (
    Indicator,
    InputChange,
    InputKind,
    Inputs,
    Lock,
    LockOwesError,
    Signal,
)
from doorward_edge.ports.link import (
    Arrived,
    Broker,
    LinkDown,
    LinkEvent,
    LinkUp,
    Outgoing,
)
from doorward_edge.ports.presence import (
    PresenceFound,
    PresenceStore,
)
from doorward_edge.ports.readers import (
    CameraError,
    CameraHealth,
    CodeSource,
    FramesEndedError,
    FrameSource,
    SymbolReader,
)
from doorward_edge.ports.records import (
    EpochSpan,
    Journal,
    JournalBusyError,
    JournalError,
    JournalForeignError,
    JournalFullError,
    JournalUnavailableError,
    JournalUse,
    Notice,
    Receipt,
    Stretch,
    Ticket,
)
from doorward_edge.ports.system import (
    Board,
    Watchdog,
)

__all__ = [
    "Arrived",
    "Board",
    "Broker",
    "CameraError",
    "CameraHealth",
    "CodeSource",
    "Documents",
    "DocumentsDamagedError",
    "DocumentsError",
    "EpochSpan",
    "Floors",
    "FrameSource",
    "FramesEndedError",
    "Indicator",
    "InputChange",
    "InputKind",
    "Inputs",
    "Journal",
    "JournalBusyError",
    "JournalError",
    "JournalForeignError",
    "JournalFullError",
    "JournalUnavailableError",
    "JournalUse",
    "LinkDown",
    "LinkEvent",
    "LinkUp",
    "Lock",
    "LockOwesError",
    "MaintenanceEntry",
    "Notice",
    "Outgoing",
    "PolicyFiles",
    "PresenceFound",
    "PresenceStore",
    "Receipt",
    "Signal",
    "Stretch",
    "SymbolReader",
    "Tallies",
    "Ticket",
    "Watchdog",
]
