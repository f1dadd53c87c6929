"""Rows of the checkpoints; like the entries that they vouch for, they are only ever appended."""

import sqlalchemy as sa

from doorward_controller.domain.audit_checkpoint import Checkpoint
from doorward_controller.store.audit_tables import audit_checkpoints


def newest(connection: sa.Connection) -> Checkpoint | None:
    """Returns the last checkpoint."""
    wanted = sa.select(audit_checkpoints).order_by(audit_checkpoints.c.number.desc()).limit(1)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else Checkpoint(**row._asdict())


def after(
    connection: sa.Connection, number: int, limit: int | None = None
) -> tuple[Checkpoint, ...]:
    """Returns the checkpoints behind a number, ascending."""
    table = audit_checkpoints
    wanted = sa.select(table).where(table.c.number > number).order_by(table.c.number).limit(limit)
    return tuple(Checkpoint(**row._asdict()) for row in connection.execute(wanted))


def append(connection: sa.Connection, checkpoint: Checkpoint) -> None:
    """Adds the checkpoint that follows the last one."""
    values = {name: getattr(checkpoint, name) for name in Checkpoint.__dataclass_fields__}
    connection.execute(sa.insert(audit_checkpoints).values(values))
