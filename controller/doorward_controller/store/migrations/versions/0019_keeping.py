"""How long what is kept; and folding everybody anew in pieces."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _fold_in_pieces()
    _keep()


def _keep() -> None:
    op.create_table(
        "keeping_times",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("days", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("changed_at_utc_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_keeping_times"),
    )
    op.create_table(
        "keeping_holds",
        _id(),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("holder_id", sa.Text, nullable=True),
        sa.Column("from_utc_ms", sa.BigInteger, nullable=True),
        sa.Column("to_utc_ms", sa.BigInteger, nullable=True),
        sa.Column("placed_by", sa.Text, nullable=False),
        sa.Column("placed_at_utc_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_by", sa.Text, nullable=False),
        sa.Column("ended_at_utc_ms", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_keeping_holds"),
    )
    op.create_table(
        "keeping_runs",
        _id(),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("due_utc_ms", sa.BigInteger, nullable=False),
        sa.Column("began_utc_ms", sa.BigInteger, nullable=True),
        sa.Column("ended_utc_ms", sa.BigInteger, nullable=True),
        sa.Column("counts_json", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_keeping_runs"),
    )
    op.create_table(
        "keeping_marks",
        sa.Column("only_row", sa.Integer, nullable=False),
        sa.Column("records_from_utc_ms", sa.BigInteger, nullable=False),
        sa.CheckConstraint("only_row = 1"),
        sa.PrimaryKeyConstraint("only_row", name="pk_keeping_marks"),
    )


def _id() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("id", kind, autoincrement=True, nullable=False)


def _fold_in_pieces() -> None:
    op.add_column("presence_rules", sa.Column("anew_to_id", sa.BigInteger, nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
