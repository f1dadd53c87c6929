"""Backups and their rehearsals."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _backups()


def _number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False)


def _id() -> sa.Column:
    return sa.Column(
        "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
    )


def _backups() -> None:
    op.create_table(
        "backup_runs",
        _id(),
        _text("place"),
        _number("began_at_utc_s"),
        _number("ended_at_utc_s"),
        sa.Column("is_good", sa.Boolean(), nullable=False),
        _text("snapshot"),
        _number("size_bytes"),
        _number("added_bytes"),
        _text("problem"),
        sa.PrimaryKeyConstraint("id", name="pk_backup_runs"),
    )
    op.create_index("ix_backup_runs_place", "backup_runs", ["place", "id"])
    op.create_table(
        "backup_rehearsals",
        _id(),
        _text("place"),
        _text("snapshot"),
        _number("copied_at_utc_s"),
        _number("began_at_utc_s"),
        _number("ended_at_utc_s"),
        sa.Column("held", sa.Boolean(), nullable=False),
        _number("tables"),
        _number("rows"),
        _number("records_compared"),
        _number("records_of"),
        _number("audit_entries"),
        _text("problem"),
        sa.PrimaryKeyConstraint("id", name="pk_backup_rehearsals"),
    )
    op.create_table(
        "key_shares",
        _id(),
        _number("made_at_utc_s"),
        _text("made_by"),
        _number("set_number"),
        _number("threshold"),
        _number("shares"),
        sa.PrimaryKeyConstraint("id", name="pk_key_shares"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
