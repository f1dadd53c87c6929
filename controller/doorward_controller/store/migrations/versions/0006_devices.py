"""Devices and their components, alerts, their rules, and what was delivered of them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert_conditions",
        sa.Column("rule_code", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("since_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("rule_code", "subject", name=op.f("pk_alert_conditions")),
    )
    op.create_table(
        "alert_receivers",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("least_severity", sa.Text(), nullable=False),
        sa.Column("after_min", sa.BigInteger(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("gets_discreet", sa.Boolean(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("removed_at_utc_s", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_receivers")),
    )
    op.create_table(
        "alert_rules",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("body_json", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at_utc_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_alert_rules")),
    )
    op.create_table(
        "alerts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("live_key", sa.Text(), nullable=True),
        sa.Column("rule_code", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("is_discreet", sa.Boolean(), nullable=False),
        sa.Column("fact_json", sa.Text(), nullable=False),
        sa.Column("opened_at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_at_utc_ms", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("assigned_to", sa.Text(), nullable=False),
        sa.Column("silenced_until_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at_utc_ms", sa.BigInteger(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("live_key", name=op.f("uq_alerts_live_key")),
    )
    op.create_index("ix_alerts_gateway", "alerts", ["gateway"], unique=False)
    op.create_index("ix_alerts_opened_at", "alerts", ["opened_at_utc_ms", "id"], unique=False)
    op.create_index("ix_alerts_rule_subject", "alerts", ["rule_code", "subject"], unique=False)
    op.create_table(
        "site_links",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_up", sa.Boolean(), nullable=False),
        sa.Column("since_utc_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_site_links")),
    )
    op.create_table(
        "wall_screens",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("created_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("ends_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("seen_at_utc_s", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wall_screens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_wall_screens_token_hash")),
    )
    op.create_table(
        "alert_deliveries",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "receiver_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("once_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("created_at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("next_at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_utc_ms", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.id"], name=op.f("fk_alert_deliveries_alert_id")
        ),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["alert_receivers.id"], name=op.f("fk_alert_deliveries_receiver_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_deliveries")),
        sa.UniqueConstraint("once_key", name=op.f("uq_alert_deliveries_once_key")),
    )
    op.create_index("ix_alert_deliveries_alert_id", "alert_deliveries", ["alert_id"], unique=False)
    op.create_index(
        "ix_alert_deliveries_state_next_at",
        "alert_deliveries",
        ["state", "next_at_utc_ms"],
        unique=False,
    )
    op.create_table(
        "alert_history",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.id"], name=op.f("fk_alert_history_alert_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_history")),
    )
    op.create_index("ix_alert_history_alert_id", "alert_history", ["alert_id"], unique=False)
    op.create_table(
        "away_stretches",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "gateway_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("from_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_utc_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name=op.f("fk_away_stretches_gateway_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_away_stretches")),
    )
    op.create_index(
        "ix_away_stretches_gateway_from",
        "away_stretches",
        ["gateway_id", "from_utc_ms"],
        unique=False,
    )
    op.create_table(
        "components",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "gateway_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("maker", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("installed_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("installed_by", sa.Text(), nullable=False),
        sa.Column("removed_at_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("removed_by", sa.Text(), nullable=False),
        sa.Column("removed_reason", sa.Text(), nullable=False),
        sa.Column(
            "replaces_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name=op.f("fk_components_gateway_id")
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id"], ["components.id"], name=op.f("fk_components_replaces_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_components")),
    )
    op.create_index("ix_components_gateway_id", "components", ["gateway_id"], unique=False)
    op.create_table(
        "device_changes",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "gateway_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("at_utc_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name=op.f("fk_device_changes_gateway_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_changes")),
    )
    op.create_index(
        "ix_device_changes_gateway_at", "device_changes", ["gateway_id", "at_utc_ms"], unique=False
    )
    op.create_table(
        "gateway_devices",
        sa.Column(
            "gateway_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("adopted_at_utc_ms", sa.BigInteger(), nullable=True),
        sa.Column("adopted_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("identity_json", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name=op.f("fk_gateway_devices_gateway_id")
        ),
        sa.PrimaryKeyConstraint("gateway_id", name=op.f("pk_gateway_devices")),
    )
    # Whoever was enrolled before there was an adoption was put there by a person.
    op.execute(
        "INSERT INTO gateway_devices (gateway_id, adopted_at_utc_ms, adopted_by, note,"
        " identity_json) SELECT id, enrolled_at_utc_s * 1000, '', '', '{}' FROM gateways"
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
