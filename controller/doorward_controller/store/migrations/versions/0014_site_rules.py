"""Limits by zone; which staff list a gateway holds; revoked gateways are shut out."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _cut_offs()


def _cut_offs() -> None:
    """Whoever was revoked before is shut out at the controller's next turn."""
    op.create_table(
        "gateway_cut_offs",
        sa.Column("gateway_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("listed_at_utc_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_utc_ms", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("gateway_id", name="pk_gateway_cut_offs"),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name="fk_gateway_cut_offs_gateway_id"
        ),
    )
    op.execute(
        "INSERT INTO gateway_cut_offs (gateway_id, asked_at_utc_ms, problem)"
        " SELECT id, enrolled_at_utc_s * 1000, '' FROM gateways WHERE state = 'revoked'"
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
