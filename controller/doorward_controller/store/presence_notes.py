"""Whose movements new records tell of: noted by intake, folded by `services/presence_folding`."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from doorward.events import Passage
from doorward.records import Outcome, Record, RecordKind
from doorward_controller.store.prepared import PreparedInsert
from doorward_controller.store.record_rows import RecordInsert
from doorward_controller.store.sum_tables import presence_annulled, presence_changes

Place = tuple[int, int, int]
"""A record by gateway, epoch and number."""

_GRANT = int(Outcome.GRANT)
_SCAN, _BY_HAND = int(RecordKind.SCAN), int(RecordKind.MANUAL)


@dataclass(slots=True)
class Changes:
    """Who is to be folded again.

    Attributes:
        badges: by what they went through with.
        places: by a record of theirs, which was annulled or names no badge.
        is_by_hand: everybody whom a guard let through without a badge; they are few.
    """

    badges: set[bytes]
    places: set[Place]
    is_by_hand: bool = False


_NOTE = PreparedInsert(presence_changes, ("body_json",))
_ANNUL = PreparedInsert(
    presence_annulled,
    [column.name for column in presence_annulled.columns],
    on_conflict="DO NOTHING",
)


def note(connection: sa.Connection, rows: Iterable[RecordInsert]) -> None:
    """Notes whom these new records move, within the transaction that stores them."""
    badges: set[bytes] = set()
    places: set[Place] = set()
    annulled: set[Place] = set()
    is_by_hand = False
    for row in rows:
        if row.outcome == _GRANT and row.kind in {_SCAN, _BY_HAND}:
            if row.credential_id is not None:
                badges.add(row.credential_id)
            elif row.kind == _BY_HAND:
                is_by_hand = True
            else:
                places.add((row.gateway_id, row.epoch, row.seq))
        elif row.reason == Passage.NO_ENTRY.value:
            about = Record.from_wire(row.body).about_seq
            if about is not None:
                annulled.add((row.gateway_id, row.epoch, about))
    if annulled:
        _annul(connection, annulled)
        places |= annulled
    if badges or places or is_by_hand:
        _append(connection, Changes(badges, places, is_by_hand))


def note_again(connection: sa.Connection, everybody: Changes, at_once: int) -> None:
    """Notes people although nothing new was stored, so many in a note."""
    badges, places = sorted(everybody.badges), sorted(everybody.places)
    if everybody.is_by_hand:
        _append(connection, Changes(set(), set(), is_by_hand=True))
    for first in range(0, max(len(badges), len(places)), at_once):
        part = slice(first, first + at_once)
        _append(connection, Changes(set(badges[part]), set(places[part])))


def _append(connection: sa.Connection, changes: Changes) -> None:
    badges = sorted(badge.hex() for badge in changes.badges)
    said = [badges, sorted(changes.places), changes.is_by_hand]
    body = json.dumps(said, separators=(",", ":"))
    _NOTE.run(connection, [(body,)])


def _annul(connection: sa.Connection, annulled: Iterable[Place]) -> None:
    """A copy changes nothing: which records were annulled is a set."""
    _ANNUL.run(connection, sorted(annulled))


def is_noted(connection: sa.Connection) -> bool:
    """Whether there is somebody to be folded again."""
    return connection.scalar(sa.select(presence_changes.c.id).limit(1)) is not None


def take(connection: sa.Connection, most: int, most_characters: int) -> Changes:
    """Takes some of the notes away and returns what they say.

    Args:
        connection: within whose transaction.
        most: how many notes.
        most_characters: how long together, as far as there is more than one.
    """
    table = presence_changes
    waiting = connection.execute(
        sa.select(table.c.id, sa.func.length(table.c.body_json)).order_by(table.c.id).limit(most)
    )
    some: list[int] = []
    length = 0
    for note_id, characters in waiting:
        length += characters
        if some and length > most_characters:
            break
        some.append(note_id)
    taken = sa.delete(table).where(table.c.id.in_(some)).returning(table.c.body_json)
    found = Changes(set(), set())
    for body in connection.execute(taken).scalars():
        badges, places, is_by_hand = json.loads(body)
        found.badges.update(map(bytes.fromhex, badges))
        found.places.update((gateway, epoch, seq) for gateway, epoch, seq in places)
        found.is_by_hand |= is_by_hand
    return found
