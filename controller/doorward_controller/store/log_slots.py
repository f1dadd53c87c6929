"""The replication slot for which a PostgreSQL keeps its log until it was read."""

from dataclasses import dataclass

import sqlalchemy as sa

_SLOT = sa.text(
    "SELECT wal_status, active, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)"
    " FROM pg_replication_slots WHERE slot_name = :slot"
)
_DROP = sa.text("SELECT pg_drop_replication_slot(:slot)")
_MAKE = sa.text("SELECT pg_create_physical_replication_slot(:slot, true)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A replication slot as the server sees it.

    Attributes:
        is_active: somebody reads it.
        is_lost: the server has thrown away what it should have kept.
        kept_bytes: of the log, because of it.
    """

    is_active: bool
    is_lost: bool
    kept_bytes: int


def slot_of(connection: sa.Connection, name: str) -> Slot | None:
    """Returns the slot; None when there is none."""
    row = connection.execute(_SLOT, {"slot": name}).one_or_none()
    if row is None:
        return None
    status, is_active, kept = row
    return Slot(
        is_active=bool(is_active), is_lost=status in {"lost", None}, kept_bytes=int(kept or 0)
    )


def make(connection: sa.Connection, name: str) -> bool:
    """Makes the slot where there is none that is good; says whether it is new."""
    found = slot_of(connection, name)
    if found is not None and not found.is_lost:
        return False
    if found is not None:
        connection.execute(_DROP, {"slot": name})
    connection.execute(_MAKE, {"slot": name})
    return True


def give_up_if_over(connection: sa.Connection, name: str, most_bytes: int) -> Slot | None:
    """Has the server keep nothing any more for a slot that nobody reads and that holds too much.

    Returns:
        The slot as it was, when it was given up.
    """
    found = slot_of(connection, name)
    if found is None or found.is_active or found.kept_bytes <= most_bytes:
        return None
    connection.execute(_DROP, {"slot": name})
    return found
