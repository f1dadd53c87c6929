"""What can be wrong with the audit log, in words for whoever has to do something about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Fault(StrEnum):
    """How the log differs from what was written."""

    ALTERED = "altered"
    MISSING = "missing"
    INSERTED = "inserted"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    CHECKPOINT_FORGED = "checkpoint_forged"
    CHECKPOINT_MISSING = "checkpoint_missing"


_SENTENCES: Mapping[Fault, str] = MappingProxyType(
    {
        Fault.ALTERED: "entry {first} was altered, or exchanged for another one",
        Fault.MISSING: "entry {first} is missing",
        Fault.INSERTED: "entry {first} was inserted",
        Fault.TRUNCATED: "entries {first} to {last} are missing at the end",
        Fault.REWRITTEN: "entries were rewritten; the first of them is between {first} and {last}",
        Fault.CHECKPOINT_FORGED: "checkpoint {first} is not signed by this controller's key",
        Fault.CHECKPOINT_MISSING: "checkpoint {first} is missing",
    }
)

_ADVICE: Mapping[Fault, str] = MappingProxyType(
    {
        Fault.ALTERED: "compare entry {first} with the newest backup and with exported copies",
        Fault.MISSING: "look for entry {first} in the newest backup and in exported copies",
        Fault.INSERTED: "nothing that entry {first} says is to be believed; later entries may be"
        " genuine: compare them with a backup",
        Fault.TRUNCATED: "the log was cut, or an older backup was restored: take entries {first} to"
        " {last} from a backup or an exported copy",
        Fault.REWRITTEN: "compare entries {first} to {last} with an exported copy: the first whose"
        " hash differs is the first that was altered",
        Fault.CHECKPOINT_FORGED: "somebody changed the checkpoints, or the keys were exchanged:"
        " verify with checkpoints that were kept elsewhere (--checkpoints)",
        Fault.CHECKPOINT_MISSING: "verify with checkpoints that were kept elsewhere"
        " (--checkpoints)",
    }
)

_ALWAYS = (
    "Keep the database file as it is, note who could write to it, and look at who signed in to the"
    " machine."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The first thing that is wrong.

    Attributes:
        first: number of the entry (or checkpoint) from which on.
        last: where it is known to end; the same as `first` for a single one.
    """

    fault: Fault
    first: int
    last: int

    @property
    def sentence(self) -> str:
        """What is wrong."""
        return _SENTENCES[self.fault].format(first=self.first, last=self.last)

    @property
    def advice(self) -> str:
        """What to do."""
        return f"{_ADVICE[self.fault].format(first=self.first, last=self.last)}. {_ALWAYS}"


def finding(fault: Fault, first: int, last: int | None = None) -> Finding:
    """Returns a finding about one number, or about a span."""
    return Finding(fault=fault, first=first, last=first if last is None else last)
