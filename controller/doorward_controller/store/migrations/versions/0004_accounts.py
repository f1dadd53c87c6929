"""Second factors, sessions as their owners see them, and limits of tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("password_set_at_utc_s", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("must_change", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("signed_in_at_utc_s", sa.BigInteger(), nullable=True),
    ):
        op.add_column("operators", column)
    op.execute("UPDATE operators SET password_set_at_utc_s = created_at_utc_s")
    for column in (
        sa.Column("browser", sa.Text(), server_default="", nullable=False),
        sa.Column("factor", sa.Text(), server_default="password", nullable=False),
        sa.Column("proved_at_utc_s", sa.BigInteger(), server_default="0", nullable=False),
    ):
        op.add_column("sessions", column)
    for column in (
        sa.Column("scope", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.Text(), server_default="", nullable=False),
        sa.Column("used_at_utc_s", sa.BigInteger(), nullable=True),
    ):
        op.add_column("api_tokens", column)
    operator = ["operator_id"], ["operators.id"]
    op.create_table(
        "sign_in_steps",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at_utc_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(*operator, name=op.f("fk_sign_in_steps_operator_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in_steps")),
    )
    op.create_index(
        op.f("ix_sign_in_steps_expires_at_utc_s"), "sign_in_steps", ["expires_at_utc_s"]
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "operator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(*operator, name=op.f("fk_recovery_codes_operator_id")),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_recovery_codes")),
    )
    op.create_index(op.f("ix_recovery_codes_operator_id"), "recovery_codes", ["operator_id"])
    op.create_table(
        "passkeys",
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column(
            "operator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("created_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("used_at_utc_s", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(*operator, name=op.f("fk_passkeys_operator_id")),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_passkeys")),
    )
    op.create_index(op.f("ix_passkeys_operator_id"), "passkeys", ["operator_id"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
