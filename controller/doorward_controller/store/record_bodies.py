"""Single records as they were sent."""

import sqlalchemy as sa

from doorward_controller.store.schema import records


def body(connection: sa.Connection, record_id: int, kind: int) -> bytes | None:
    """Returns the bytes of a record of one kind, None when there is none."""
    wanted = sa.select(records.c.body).where(records.c.id == record_id, records.c.kind == int(kind))
    found = connection.execute(wanted).scalar_one_or_none()
    return None if found is None else bytes(found)


def gateway_of(connection: sa.Connection, record_id: int) -> int | None:
    """Returns which gateway made a record."""
    wanted = sa.select(records.c.gateway_id).where(records.c.id == record_id)
    return connection.execute(wanted).scalar_one_or_none()
