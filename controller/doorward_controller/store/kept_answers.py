"""Requests that carry a key: whose turn it is, whether it was done, and what was answered."""

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from doorward_controller.store.interface_tables import kept_answers


class KeptState(StrEnum):
    """How far a request with a key has come."""

    BEGUN = "begun"
    DONE = "done"
    """What was asked for stands in the database; the answer is not here yet."""
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """A request with a key.

    Attributes:
        turn: names the one attempt that may do what was asked for.
        lease_until_utc_s: an attempt of which nothing was heard by then has come to nothing.
        sealed: the answer, once there is one.
    """

    id: bytes
    request_hash: bytes
    state: KeptState
    turn: bytes
    lease_until_utc_s: int
    expires_at_utc_s: int
    status: int | None = None
    sealed: bytes | None = None


def find(connection: sa.Connection, id_: bytes, *, lock: bool = False) -> StoredAnswer | None:
    """Returns what is known of a request."""
    wanted = sa.select(kept_answers).where(kept_answers.c.id == id_)
    row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    if row is None:
        return None
    return StoredAnswer(**{**row._asdict(), "state": KeptState(row.state)})


def add(connection: sa.Connection, answer: StoredAnswer) -> bool:
    """Takes the place; False when another request was quicker."""
    known = sa.select(kept_answers.c.id).where(kept_answers.c.id == answer.id)
    if connection.execute(known).one_or_none() is not None:
        return False
    try:
        with connection.begin_nested():
            values = {name: getattr(answer, name) for name in StoredAnswer.__dataclass_fields__}
            connection.execute(sa.insert(kept_answers).values(values))
    except sa.exc.IntegrityError:
        return False
    return True


def change(connection: sa.Connection, id_: bytes, turn: bytes, /, **values: object) -> bool:
    """Sets columns as long as it is this attempt's turn; False when it is not."""
    where = (kept_answers.c.id == id_, kept_answers.c.turn == turn)
    changed = connection.execute(sa.update(kept_answers).where(*where).values(**values))
    return changed.rowcount == 1


def give_up(connection: sa.Connection, id_: bytes, turn: bytes) -> None:
    """Forgets an attempt that has done nothing."""
    connection.execute(
        sa.delete(kept_answers).where(
            kept_answers.c.id == id_,
            kept_answers.c.turn == turn,
            kept_answers.c.state == KeptState.BEGUN.value,
        )
    )


def purge(connection: sa.Connection, now_utc_s: int) -> int:
    """Forgets what is kept no longer; returns how many."""
    gone = connection.execute(
        sa.delete(kept_answers).where(kept_answers.c.expires_at_utc_s <= now_utc_s)
    )
    return int(gone.rowcount)
