"""How far a PostgreSQL's write-ahead log is at each place of backups."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_shipments",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("tried_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("covers_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("base_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("place", name="pk_log_shipments"),
    )
