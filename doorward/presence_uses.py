"""What may be used only so often: part of a `doorward.presence.PresenceBook`."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from doorward.credential import SLOT_S, SLOT_TOLERANCE
from doorward.ids import Epoch, GatewayId
from doorward.policy import MAX_ENTRIES, Direction
from doorward.presence_message import Token
from doorward.presence_port import Entries

REMEMBER_SLOT_MS = (2 * SLOT_TOLERANCE + 2) * SLOT_S * 1000
"""After this no clock within the tolerance could still accept the slot."""
MOST_USES = 100_000


class UsedSlots:
    """Which passes were accepted in which slot, for as long as they could be accepted again."""

    def __init__(self) -> None:
        """Starts with none."""
        self._used: OrderedDict[tuple[Token, int], int] = OrderedDict()

    def __contains__(self, use: tuple[Token, int]) -> bool:
        """Whether the pass was accepted in this slot."""
        return use in self._used

    def note(self, credential: Token, slot: int, mono_ms: int) -> None:
        """Notes an accepted pass, and forgets those that are too old to matter."""
        self._used[credential, slot] = mono_ms
        self._used.move_to_end((credential, slot))
        while next(iter(self._used.values())) < mono_ms - REMEMBER_SLOT_MS:
            self._used.popitem(last=False)

    def rows(self) -> list[list[object]]:
        """Returns what a snapshot keeps: the reading of the clock means nothing after a boot."""
        return [list(use) for use in self._used]


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(slots=True)
class Uses(Generic[_Key, _Value]):
    """What must be remembered until a time of its own; when it is full, the soonest over goes.

    Attributes:
        unsure_until: until when something that was given up would still count.
    """

    most: int = MOST_USES
    held: dict[_Key, tuple[_Value, int]] = field(default_factory=dict)
    unsure_until: int = 0

    def get(self, key: _Key) -> _Value | None:
        """Returns what is held of a key."""
        found = self.held.get(key)
        return None if found is None else found[0]

    def put(self, key: _Key, value: _Value, until: int) -> None:
        """Holds a value until a time; the later one where there are two."""
        held = self.held.get(key)
        if held is None and len(self.held) >= self.most:
            self._give_up()
        self.held[key] = value, max(until, held[1] if held else 0)

    def is_sure(self, now_utc_s: int | None) -> bool:
        """Whether what is not held was never put, or is over."""
        return not self.unsure_until or (now_utc_s is not None and now_utc_s >= self.unsure_until)

    def forget(self, now_utc_s: int) -> None:
        """Drops what is over."""
        self.held = {key: row for key, row in self.held.items() if row[1] > now_utc_s}

    def _give_up(self) -> None:
        """Drops a tenth, those that are over soonest, so that this is not done for each one."""
        ends = sorted(self.held.items(), key=lambda row: row[1][1])
        for key, (_, until) in ends[: max(1, self.most // 10)]:
            del self.held[key]
            self.unsure_until = max(self.unsure_until, until)


class Use(NamedTuple):
    """The last that a gateway said of a one-time credential and a way.

    Attributes:
        is_used: it let the credential in; else that came to nothing.
    """

    gateway: GatewayId
    epoch: Epoch
    seq: int
    is_used: bool


MOST_WORDS = 32
"""So many gateways' last words about one credential are kept, those that let it in first."""

OneTimeUses = Uses[tuple[Token, Direction], tuple[Use, ...]]
"""Of a one-time credential and the way it went."""


def with_use(words: tuple[Use, ...] | None, said: Use) -> tuple[Use, ...]:
    """Returns the words with a new one in place of an earlier one of the same gateway.

    Only the later of two counts, in whatever order they arrive: what a gateway let in and then
    annulled is not used, and what it let in again is.
    """
    others = [one for one in words or () if one[:2] != said[:2]]
    own = [one for one in words or () if one[:2] == said[:2]]
    latest = max((*own, said), key=lambda one: one.seq)
    kept = sorted((*others, latest), key=lambda one: (not one.is_used, one))
    return tuple(kept[:MOST_WORDS])


CountedEntries = Uses[tuple[Token, str], Entries]
"""Of a person and a zone."""


def with_entry(entries: Entries | None, at: int) -> Entries:
    """Returns the entries and one more; of very many only the number stays."""
    held = entries or Entries()
    times = sorted((*held.at, at))
    over = max(0, len(times) - MAX_ENTRIES)
    return Entries(at=tuple(times[over:]), earlier=held.earlier + over)
