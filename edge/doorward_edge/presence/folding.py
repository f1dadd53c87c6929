"""Brings the book back from what was kept of it, and makes a new snapshot of an old one and a log.

A snapshot of 20,000 people takes a quarter of a second on a fast machine, and nobody at a gate may
wait for that. So the running gateway only appends to its log; now and then a process of its own
folds what the log holds into the snapshot, from the disk to the disk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from doorward.errors import DoorwardError, MalformedError
from doorward.ids import Epoch, GatewayId, SiteId
from doorward.presence import PresenceBook
from doorward.times import Instant
from doorward_edge.ports import PresenceFound, PresenceStore
from doorward_edge.presence.log_entry import Sent, read_entry

B = TypeVar("B", bound=PresenceBook)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose book it is, and how long it remembers; the epoch is drawn anew for each."""

    site: SiteId
    gateway: GatewayId
    epoch: Epoch
    forget_s: int


@dataclass(frozen=True, slots=True)
class Restored(Generic[B]):
    """The book, and what of it was lost, in words; empty where nothing was."""

    book: B
    damage: str


def restore(kind: type[B], found: PresenceFound, identity: Identity, now: Instant) -> Restored[B]:
    """Returns the book as far as it was kept; it knows where that is not all."""
    damage = [found.damage] if found.damage else []
    book = _from_snapshot(kind, found.snapshot, identity, now, damage)
    book.remember_for(identity.forget_s)
    _replay(book, found.entries, now, damage)
    if damage:
        book.note_lost()
    return Restored(book, "; ".join(damage))


def fold(store: PresenceStore, identity: Identity, through: int, now: Instant) -> str:
    """Folds the log up to a part into the snapshot. Returns what could not be read, in words.

    Raises:
        OSError: the snapshot could not be written; the old one and the log stay.
    """
    restored = restore(PresenceBook, store.load(through), identity, now)
    restored.book.forget(now)
    store.save(restored.book.to_wire(), through)
    return restored.damage


def _from_snapshot(
    kind: type[B], snapshot: bytes | None, identity: Identity, now: Instant, damage: list[str]
) -> B:
    site, gateway, epoch = identity.site, identity.gateway, identity.epoch
    if snapshot is not None:
        try:
            return kind.from_wire(snapshot, site=site, gateway=gateway, epoch=epoch, now=now)
        except DoorwardError as err:
            damage.append(str(err))
    return kind(site=site, gateway=gateway, epoch=epoch, is_complete=False)


def _replay(book: PresenceBook, entries: Sequence[bytes], now: Instant, damage: list[str]) -> None:
    own = {(message.epoch, message.seq): message for message in book.unsent()}
    unreadable = 0
    for wire in entries:
        try:
            entry = read_entry(wire)
        except MalformedError:
            unreadable += 1
            continue
        if isinstance(entry, Sent):
            sent = own.pop((entry.epoch, entry.seq), None)
            if sent is not None:
                book.sent(sent)
            continue
        book.replay((entry,), now)
        if entry.gateway == book.gateway:
            own[entry.epoch, entry.seq] = entry
    if unreadable:
        damage.append(f"{unreadable} entries of the log cannot be read")
