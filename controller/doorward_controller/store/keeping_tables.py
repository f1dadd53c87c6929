"""How long what is kept, what is held back, and what went when (docs/adr/0029)."""

import sqlalchemy as sa

from doorward_controller.store.columns import id_column, metadata, number, text

keeping_times = sa.Table(
    "keeping_times",
    metadata,
    text("kind", primary_key=True),
    number("days"),
    text("changed_by"),
    number("changed_at_utc_ms"),
)
"""What somebody chose; a kind that is not here is kept as long as is usual."""

keeping_holds = sa.Table(
    "keeping_holds",
    metadata,
    id_column(),
    text("reason"),
    sa.Column("holder_id", sa.Text, nullable=True),
    number("from_utc_ms", nullable=True),
    number("to_utc_ms", nullable=True),
    text("placed_by"),
    number("placed_at_utc_ms"),
    text("ended_by"),
    number("ended_at_utc_ms", nullable=True),
)

keeping_runs = sa.Table(
    "keeping_runs",
    metadata,
    id_column(),
    text("state"),
    number("due_utc_ms"),
    number("began_utc_ms", nullable=True),
    number("ended_utc_ms", nullable=True),
    text("counts_json"),
)
"""The newest is the next one, or the one that is under way."""

keeping_marks = sa.Table(
    "keeping_marks",
    metadata,
    sa.Column("only_row", sa.Integer, sa.CheckConstraint("only_row = 1"), primary_key=True),
    number("records_from_utc_ms"),
)
"""From when on all records are there: older sums stay and can no longer be compared."""
