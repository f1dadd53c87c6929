"""Proposals that wait for a second person, revocations in bulk, ordered postures, roll-outs."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _proposals()
    _revocations()
    _postures()
    _roll_outs()


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _proposals() -> None:
    op.create_table(
        "proposals",
        _text("id"),
        _text("kind"),
        _text("subject"),
        _text("body_json"),
        _text("body_sha256"),
        _text("reason"),
        _text("state"),
        _text("proposed_by"),
        _text("proposed_role"),
        _number("proposed_by_id", nullable=True),
        _number("proposed_at_utc_s"),
        _number("expires_at_utc_s"),
        _text("decided_by"),
        _number("decided_by_id", nullable=True),
        _number("decided_at_utc_s", nullable=True),
        _text("note"),
        _text("outcome_json"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
    )
    op.create_index(
        "ix_proposals_state_expires_at", "proposals", ["state", "expires_at_utc_s"], unique=False
    )


def _revocations() -> None:
    op.create_table(
        "revocation_batches",
        _text("id"),
        _text("act"),
        _text("cause"),
        _text("note"),
        _text("source"),
        _text("source_name"),
        _text("asked_by"),
        _text("proposal_id"),
        _number("at_utc_ms"),
        _number("codes"),
        _number("people"),
        _number("already"),
        _number("status_seq"),
        _number("until_utc_s", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revocation_batches")),
    )
    op.create_index(
        op.f("ix_revocation_batches_at_utc_ms"), "revocation_batches", ["at_utc_ms"], unique=False
    )
    op.create_table(
        "suspension_ends",
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        _number("until_utc_s"),
        _text("batch_id"),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_suspension_ends")),
    )
    op.create_index(
        op.f("ix_suspension_ends_until_utc_s"), "suspension_ends", ["until_utc_s"], unique=False
    )


def _postures() -> None:
    op.create_table(
        "posture_orders",
        _text("id"),
        _text("scope"),
        _text("place"),
        _text("posture"),
        _number("pass_rank", nullable=True),
        _number("standing"),
        _text("cause"),
        _text("note"),
        _text("ordered_by"),
        _number("ordered_by_id", nullable=True),
        _number("ordered_at_utc_ms"),
        _number("until_utc_s", nullable=True),
        _number("ended_at_utc_ms", nullable=True),
        _text("ended_by"),
        _text("ended_note"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posture_orders")),
    )
    op.create_index(
        "ix_posture_orders_ended_at", "posture_orders", ["ended_at_utc_ms"], unique=False
    )
    op.create_table(
        "portal_postures",
        _text("portal"),
        _text("order_id"),
        _text("command_id"),
        sa.Column("arrived", sa.Boolean(), nullable=False),
        _number("changed_at_utc_ms"),
        sa.PrimaryKeyConstraint("portal", name=op.f("pk_portal_postures")),
    )


def _roll_outs() -> None:
    big_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "roll_outs",
        sa.Column("id", big_id, autoincrement=True, nullable=False),
        _text("title"),
        _text("order_json"),
        _text("state"),
        _text("ending"),
        _number("success_percent"),
        _number("failure_percent"),
        _number("rest_s"),
        _number("deadline_utc_s"),
        _text("started_by"),
        _number("started_at_utc_ms"),
        _number("changed_at_utc_ms"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roll_outs")),
    )
    op.create_index("ix_roll_outs_state", "roll_outs", ["state"], unique=False)
    op.create_table(
        "roll_out_members",
        sa.Column("roll_out_id", big_id, nullable=False),
        sa.Column("gateway_id", big_id, nullable=False),
        _number("wave"),
        _text("state"),
        _text("detail"),
        _text("command_id"),
        _number("config_version"),
        _number("changed_at_utc_s"),
        sa.ForeignKeyConstraint(
            ["roll_out_id"], ["roll_outs.id"], name=op.f("fk_roll_out_members_roll_out_id")
        ),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name=op.f("fk_roll_out_members_gateway_id")
        ),
        sa.PrimaryKeyConstraint("roll_out_id", "gateway_id", name=op.f("pk_roll_out_members")),
    )
    op.create_index("ix_roll_out_members_state", "roll_out_members", ["state"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
