"""What was revoked, suspended and restored in bulk."""

import sqlalchemy as sa

from doorward_controller.queries.paging import Page, newest_first, page_of
from doorward_controller.store import revocation_batches as stored
from doorward_controller.store.revocation_batches import Batch
from doorward_controller.store.rollout_tables import revocation_batches
from doorward_controller.store.session import Store


def newest(store: Store, limit: int = 20) -> tuple[Batch, ...]:
    """Returns the newest batches first."""
    wanted = (
        sa.select(revocation_batches)
        .order_by(revocation_batches.c.at_utc_ms.desc(), revocation_batches.c.id)
        .limit(limit)
    )
    with store.read() as connection:
        return tuple(Batch(**row._asdict()) for row in connection.execute(wanted))


def page(store: Store, *, cursor: str | None = None, limit: int = 50) -> Page[Batch]:
    """Returns a page of batches, the newest first. Raises InvalidError."""
    columns = (revocation_batches.c.at_utc_ms, revocation_batches.c.id)
    wanted = newest_first(
        sa.select(revocation_batches), columns, like=(0, ""), cursor=cursor, limit=limit
    )
    with store.read() as connection:
        rows = [Batch(**row._asdict()) for row in connection.execute(wanted)]
    return page_of(rows, lambda row: (row.at_utc_ms, row.id), limit)


def find(store: Store, batch_id: str) -> Batch | None:
    """Returns one batch."""
    wanted = sa.select(revocation_batches).where(revocation_batches.c.id == batch_id)
    with store.read() as connection:
        row = connection.execute(wanted).one_or_none()
    return None if row is None else Batch(**row._asdict())


def suspended_until(store: Store, credential_id: str) -> int | None:
    """Returns when a code's suspension ends by itself, in seconds of UTC, or None."""
    with store.read() as connection:
        return stored.end_of(connection, bytes.fromhex(credential_id))


def issuing_keys(store: Store) -> tuple[tuple[str, int, int], ...]:
    """Returns each issuing key in hex, how many codes it issued, and how many are valid."""
    with store.read() as connection:
        return tuple((f"{key:x}", codes, valid) for key, codes, valid in stored.keys(connection))
