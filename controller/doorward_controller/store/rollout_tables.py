"""Proposals that wait for a second person, roll-outs, revocations in bulk, ordered postures."""

import sqlalchemy as sa

from doorward_controller.store.columns import blob, id_column, metadata, number, reference, text

proposals = sa.Table(
    "proposals",
    metadata,
    text("id", primary_key=True),
    text("kind"),
    text("subject"),
    text("body_json"),
    text("body_sha256"),
    text("reason"),
    text("state"),
    text("proposed_by"),
    text("proposed_role"),
    number("proposed_by_id", nullable=True),
    number("proposed_at_utc_s"),
    number("expires_at_utc_s"),
    text("decided_by"),
    number("decided_by_id", nullable=True),
    number("decided_at_utc_s", nullable=True),
    text("note"),
    text("outcome_json"),
)
sa.Index("ix_proposals_state_expires_at", proposals.c.state, proposals.c.expires_at_utc_s)

revocation_batches = sa.Table(
    "revocation_batches",
    metadata,
    text("id", primary_key=True),
    text("act"),
    text("cause"),
    text("note"),
    text("source"),
    text("source_name"),
    text("asked_by"),
    text("proposal_id"),
    number("at_utc_ms", index=True),
    number("codes"),
    number("people"),
    number("already"),
    number("status_seq"),
    number("until_utc_s", nullable=True),
)

suspension_ends = sa.Table(
    "suspension_ends",
    metadata,
    blob("credential_id", primary_key=True),
    number("until_utc_s", index=True),
    text("batch_id"),
)

posture_orders = sa.Table(
    "posture_orders",
    metadata,
    text("id", primary_key=True),
    text("scope"),
    text("place"),
    text("posture"),
    number("pass_rank", nullable=True),
    number("standing"),
    text("cause"),
    text("note"),
    text("ordered_by"),
    number("ordered_by_id", nullable=True),
    number("ordered_at_utc_ms"),
    number("until_utc_s", nullable=True),
    number("ended_at_utc_ms", nullable=True),
    text("ended_by"),
    text("ended_note"),
)
sa.Index("ix_posture_orders_ended_at", posture_orders.c.ended_at_utc_ms)

portal_postures = sa.Table(
    "portal_postures",
    metadata,
    text("portal", primary_key=True),
    text("order_id"),
    text("command_id"),
    sa.Column("arrived", sa.Boolean, nullable=False),
    number("changed_at_utc_ms"),
)

# --- roll-outs of configurations and commands

roll_outs = sa.Table(
    "roll_outs",
    metadata,
    id_column(),
    text("title"),
    text("order_json"),
    text("state"),
    text("ending"),
    number("success_percent"),
    number("failure_percent"),
    number("rest_s"),
    number("deadline_utc_s"),
    text("started_by"),
    number("started_at_utc_ms"),
    number("changed_at_utc_ms"),
)
sa.Index("ix_roll_outs_state", roll_outs.c.state)

roll_out_members = sa.Table(
    "roll_out_members",
    metadata,
    reference("roll_out_id", "roll_outs.id", primary_key=True),
    reference("gateway_id", "gateways.id", primary_key=True),
    number("wave"),
    text("state"),
    text("detail"),
    text("command_id"),
    number("config_version"),
    number("changed_at_utc_s"),
)
sa.Index("ix_roll_out_members_state", roll_out_members.c.state)
