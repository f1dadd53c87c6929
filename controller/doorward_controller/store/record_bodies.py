"""Single records as they were sent."""

from collections.abc import Sequence

import sqlalchemy as sa

from doorward_controller.store.schema import records


def body(connection: sa.Connection, record_id: int, kind: int) -> bytes | None:
    """Returns the bytes of a record of one kind, None when there is none."""
    wanted = sa.select(records.c.body).where(records.c.id == record_id, records.c.kind == int(kind))
    found = connection.execute(wanted).scalar_one_or_none()
    return None if found is None else bytes(found)


def bodies(connection: sa.Connection, record_ids: Sequence[int], kind: int) -> dict[int, bytes]:
    """Returns the bytes of those of some hundred records that are of one kind."""
    wanted = sa.select(records.c.id, records.c.body).where(
        records.c.id.in_(record_ids), records.c.kind == int(kind)
    )
    return {row.id: bytes(row.body) for row in connection.execute(wanted)}


def gateway_of(connection: sa.Connection, record_id: int) -> int | None:
    """Returns which gateway made a record."""
    wanted = sa.select(records.c.gateway_id).where(records.c.id == record_id)
    return connection.execute(wanted).scalar_one_or_none()
