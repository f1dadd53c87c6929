"""Commands to gateways, what they brought back, and desired configurations."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "gateways", sa.Column("reported_json", sa.Text(), nullable=False, server_default="{}")
    )
    op.create_table(
        "commands",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("gateway_id", _BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("arguments_json", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("findings_json", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("sent_at_utc_ms", sa.BigInteger(), nullable=True),
        sa.Column("changed_at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("wire", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name=op.f("fk_commands_gateway_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
    )
    op.create_index(
        "ix_commands_gateway_asked_at", "commands", ["gateway_id", "asked_at_utc_ms"]
    )
    op.create_index("ix_commands_state_expires_at", "commands", ["state", "expires_at_utc_s"])
    op.create_table(
        "command_attachments",
        sa.Column("command_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("is_personal", sa.Boolean(), nullable=False),
        sa.Column("received_at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["command_id"], ["commands.id"], name=op.f("fk_command_attachments_command_id")
        ),
        sa.PrimaryKeyConstraint("command_id", name=op.f("pk_command_attachments")),
    )
    op.create_table(
        "configurations",
        sa.Column("gateway_id", _BIG_ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("settings_json", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("desired_by", sa.Text(), nullable=False),
        sa.Column("desired_at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("wire", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name=op.f("fk_configurations_gateway_id")
        ),
        sa.PrimaryKeyConstraint("gateway_id", "version", name=op.f("pk_configurations")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
