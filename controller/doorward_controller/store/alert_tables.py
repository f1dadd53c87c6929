"""Alerts, the rules that raise them, who is told, and what was delivered."""

import sqlalchemy as sa

from doorward_controller.store.columns import blob, id_column, metadata, number, reference, text

alert_rules = sa.Table(
    "alert_rules",
    metadata,
    text("code", primary_key=True),
    text("body_json"),
    text("changed_by"),
    number("changed_at_utc_s"),
)
"""Rules that somebody made or changed; the others are the program's own."""

alert_conditions = sa.Table(
    "alert_conditions",
    metadata,
    text("rule_code", primary_key=True),
    text("subject", primary_key=True),
    number("since_utc_ms"),
    sa.Column("level", sa.SmallInteger, nullable=False),
    sa.Column("is_told", sa.Boolean, nullable=False),
)
"""What holds now, and since when; a rule with a duration waits for it here."""

alerts = sa.Table(
    "alerts",
    metadata,
    id_column(),
    text("live_key", nullable=True, unique=True),
    text("rule_code"),
    text("subject"),
    text("gateway"),
    text("severity"),
    text("state"),
    sa.Column("is_discreet", sa.Boolean, nullable=False),
    text("fact_json"),
    number("opened_at_utc_ms"),
    number("last_at_utc_ms"),
    number("times"),
    number("acknowledged_at_utc_ms", nullable=True),
    text("acknowledged_by"),
    text("assigned_to"),
    number("silenced_until_utc_s"),
    number("resolved_at_utc_ms", nullable=True),
    text("resolved_by"),
)
sa.Index("ix_alerts_opened_at", alerts.c.opened_at_utc_ms, alerts.c.id)
sa.Index("ix_alerts_rule_subject", alerts.c.rule_code, alerts.c.subject)
sa.Index("ix_alerts_gateway", alerts.c.gateway)

alert_history = sa.Table(
    "alert_history",
    metadata,
    id_column(),
    reference("alert_id", "alerts.id", nullable=False),
    number("at_utc_ms"),
    text("who"),
    text("what"),
    text("note"),
)
sa.Index("ix_alert_history_alert_id", alert_history.c.alert_id)

alert_receivers = sa.Table(
    "alert_receivers",
    metadata,
    id_column(),
    text("name"),
    text("kind"),
    text("language"),
    text("least_severity"),
    number("after_min"),
    sa.Column("is_on", sa.Boolean, nullable=False),
    sa.Column("gets_discreet", sa.Boolean, nullable=False),
    text("shown"),
    blob("sealed"),
    text("changed_by"),
    number("changed_at_utc_s"),
    number("removed_at_utc_s", nullable=True),
)

alert_deliveries = sa.Table(
    "alert_deliveries",
    metadata,
    id_column(),
    reference("alert_id", "alerts.id", nullable=True),
    reference("receiver_id", "alert_receivers.id", nullable=False),
    text("about"),
    text("once_key", unique=True),
    text("state"),
    number("attempts"),
    number("created_at_utc_ms"),
    number("next_at_utc_ms"),
    number("ended_at_utc_ms", nullable=True),
    text("answer"),
)
sa.Index(
    "ix_alert_deliveries_state_next_at", alert_deliveries.c.state, alert_deliveries.c.next_at_utc_ms
)
sa.Index("ix_alert_deliveries_alert_id", alert_deliveries.c.alert_id)
