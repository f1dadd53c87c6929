"""Guards and technicians who sign in at the gateways, and the newest list of them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "staff",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("abilities", sa.BigInteger(), nullable=False),
        sa.Column("pin_hash", sa.Text(), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("removed_at_utc_s", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_staff_site")),
        sa.PrimaryKeyConstraint("site", "id", name=op.f("pk_staff")),
    )
    op.create_table(
        "staff_lists",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("wire", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_staff_lists_site")),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_staff_lists")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
