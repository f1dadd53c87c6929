"""Keys that came after the first ones, and when they ended; how far long work has come."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("key_id", sa.BigInteger(), nullable=False),
        sa.Column("key_use", sa.Text(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=True),
        sa.Column("keyring_version", sa.BigInteger(), nullable=False),
        sa.Column("made_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("used_from_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("used_until_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_at_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_by", sa.Text(), nullable=False),
        sa.Column("withdrawn_note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_signing_keys_site")),
        sa.PrimaryKeyConstraint("site", "key_id", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "work_progress",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("told_at_utc_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_progress")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
