"""Backups: what was copied where, what a restore of it showed, and who holds parts of the key."""

import sqlalchemy as sa

from doorward_controller.store.columns import id_column, metadata, number, text

backup_runs = sa.Table(
    "backup_runs",
    metadata,
    id_column(),
    text("place"),
    number("began_at_utc_s"),
    number("ended_at_utc_s"),
    sa.Column("is_good", sa.Boolean, nullable=False),
    text("snapshot"),
    number("size_bytes"),
    number("added_bytes"),
    text("problem"),
)
"""One row for each place that a backup went to."""
sa.Index("ix_backup_runs_place", backup_runs.c.place, backup_runs.c.id)

backup_rehearsals = sa.Table(
    "backup_rehearsals",
    metadata,
    id_column(),
    text("place"),
    text("snapshot"),
    number("copied_at_utc_s"),
    number("began_at_utc_s"),
    number("ended_at_utc_s"),
    sa.Column("held", sa.Boolean, nullable=False),
    number("tables"),
    number("rows"),
    number("records_compared"),
    number("records_of"),
    number("audit_entries"),
    text("problem"),
)
"""A restore that was tried: `records_compared` of `records_of` are what the database has too."""

key_shares = sa.Table(
    "key_shares",
    metadata,
    id_column(),
    number("made_at_utc_s"),
    text("made_by"),
    number("set_number"),
    number("threshold"),
    number("shares"),
)
"""That the key was shared out, never a share. `set_number` is on every sheet."""

log_shipments = sa.Table(
    "log_shipments",
    metadata,
    sa.Column("place", sa.Text, primary_key=True),
    number("tried_at_utc_s"),
    number("covers_utc_s"),
    number("base_at_utc_s"),
    text("problem"),
)
"""How far a PostgreSQL's write-ahead log is at each place: one row, written over."""
