"""What the interface keeps: answers to repeated requests."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("turn", sa.LargeBinary(), nullable=False),
        sa.Column("lease_until_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_answers")),
    )
    op.create_index(
        op.f("ix_kept_answers_expires_at_utc_s"), "kept_answers", ["expires_at_utc_s"], unique=False
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
