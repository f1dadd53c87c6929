"""Operators' places and outside sign-in."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("operators", sa.Column("zones", sa.Text(), nullable=True))
    op.add_column("api_tokens", sa.Column("zones", sa.Text(), nullable=True))
    op.create_table(
        "outside_accounts",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.BigInteger(), nullable=False),
        sa.Column("linked_by", sa.Text(), nullable=False),
        sa.Column("linked_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("used_at_utc_s", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["operator_id"],
            ["operators.id"],
            name=op.f("fk_outside_accounts_operator_id_operators"),
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_outside_accounts")),
    )
    op.create_index(
        op.f("ix_outside_accounts_operator_id"), "outside_accounts", ["operator_id"], unique=False
    )
    op.create_table(
        "outside_invitations",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("operator_id", sa.BigInteger(), nullable=False),
        sa.Column("invited_by", sa.Text(), nullable=False),
        sa.Column("expires_at_utc_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operator_id"],
            ["operators.id"],
            name=op.f("fk_outside_invitations_operator_id_operators"),
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_outside_invitations")),
    )
    op.create_index(
        op.f("ix_outside_invitations_operator_id"),
        "outside_invitations",
        ["operator_id"],
        unique=False,
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
