"""Which commands were taken, so that none is carried out twice (pure).

The ledger is bounded. An id that it drops raises its floor to the time at which that command
expired; whatever expires at or before the floor is refused for good. So a forgotten id cannot come
back, whatever the clock says. A ledger that was lost begins anew and refuses what was issued
before.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from doorward.commands import Command
from doorward.outcomes import TERMINAL, JobState

MAX_ENTRIES = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command that was taken.

    Attributes:
        seq: number of the newest word about it.
        at: when that was said, UTC seconds.
        is_told: the controller's broker has it, as far as we know.
    """

    id: str
    name: str
    expires_at: int
    state: JobState
    seq: int
    at: int
    detail: str = ""
    is_told: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state in TERMINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Every command that was taken, oldest first.

    Attributes:
        floor: what expires then or earlier is refused, known or not.
        began_at: what was issued earlier is refused; 0 where no clock could be trusted then.
    """

    entries: tuple[Entry, ...] = ()
    floor: int = 0
    began_at: int = 0

    def find(self, command_id: str) -> Entry | None:
        """Returns what is known of a command."""
        return next((entry for entry in self.entries if entry.id == command_id), None)

    def forgets(self, command: Command) -> bool:
        """Whether a command may have been taken without our still knowing it."""
        return command.expires_at <= self.floor or command.issued_at < self.began_at

    def with_entry(self, entry: Entry) -> Self:
        """Returns the ledger with an entry added or in its place; what is dropped for it counts."""
        others = [each for each in self.entries if each.id != entry.id]
        if len(others) == len(self.entries) and len(others) >= MAX_ENTRIES:
            # What is settled goes first: what is under way must be told of at its end.
            first = min(others, key=lambda each: (not each.is_settled, each.expires_at))
            others.remove(first)
            return replace(self, entries=(*others, entry), floor=max(self.floor, first.expires_at))
        if len(others) < len(self.entries):
            kept = tuple(entry if each.id == entry.id else each for each in self.entries)
            return replace(self, entries=kept)
        return replace(self, entries=(*others, entry))

    def untold(self) -> tuple[Entry, ...]:
        """Returns what is settled and was not told yet, oldest first."""
        return tuple(entry for entry in self.entries if entry.is_settled and not entry.is_told)

    def to_notes(self) -> dict[str, Any]:
        """Returns the ledger as JSON values."""
        return asdict(self)

    @classmethod
    def from_notes(cls, notes: Mapping[str, Any], now_utc_s: int | None) -> Self:
        """Returns the ledger that was noted, or a new one where nothing was.

        Args:
            notes: what was noted.
            now_utc_s: the time, or None where it cannot be trusted.
        """
        if not notes:
            return cls(began_at=now_utc_s or 0)
        known = {field.name for field in fields(Entry)}
        entries = (
            Entry(**{
                **{name: value for name, value in row.items() if name in known},
                "state": JobState(row["state"]),
            })
            for row in notes["entries"]
        )  # fmt: skip
        return cls(
            entries=tuple(entries), floor=int(notes["floor"]), began_at=int(notes["began_at"])
        )


def entry_of(
    command: Command, state: JobState, at: int, detail: str = "", *, seq: int = 1
) -> Entry:
    """Returns the entry of a command that is in a state."""
    return Entry(
        id=command.id,
        name=command.name.value,
        expires_at=command.expires_at,
        state=state,
        seq=seq,
        at=at,
        detail=detail,
    )
