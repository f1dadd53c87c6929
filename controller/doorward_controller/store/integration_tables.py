"""What other systems are told and tell: webhooks, a directory of people, Home Assistant."""

import sqlalchemy as sa

from doorward_controller.store.columns import blob, id_column, metadata, number, reference, text

directory_people = sa.Table(
    "directory_people",
    metadata,
    sa.Column("holder_id", sa.Text, sa.ForeignKey("holders.id"), primary_key=True),
    blob("user_name_index", nullable=True, unique=True),
    blob("external_id_index", nullable=True, index=True),
    blob("sealed_document", nullable=True),
    sa.Column("active", sa.Boolean, nullable=False),
    number("version"),
    number("created_at_utc_ms"),
    number("changed_at_utc_ms"),
    number("left_at_utc_ms", nullable=True),
    number("removed_at_utc_ms", nullable=True),
)
"""Holders whom a directory keeps. What it says of one lies sealed under the person's own key; of
whom it has removed only that stays."""

directory_groups = sa.Table(
    "directory_groups",
    metadata,
    text("id", primary_key=True),
    text("name"),
    text("folded", unique=True),
    text("external_id", index=True),
    number("version"),
    number("created_at_utc_ms"),
    number("changed_at_utc_ms"),
)
"""Groups that a directory keeps; `folded` is the name as it is compared."""

directory_members = sa.Table(
    "directory_members",
    metadata,
    sa.Column("group_id", sa.Text, sa.ForeignKey("directory_groups.id"), primary_key=True),
    sa.Column(
        "holder_id",
        sa.Text,
        sa.ForeignKey("directory_people.holder_id"),
        primary_key=True,
        index=True,
    ),
)
"""Who belongs to them, as long as the directory has both."""

webhooks = sa.Table(
    "webhooks",
    metadata,
    id_column(),
    text("name"),
    text("events"),
    text("shown"),
    blob("sealed"),
    sa.Column("is_on", sa.Boolean, nullable=False),
    text("off_because"),
    number("failing_since_utc_ms", nullable=True),
    text("changed_by"),
    number("changed_at_utc_s"),
    number("removed_at_utc_s", nullable=True),
)
"""`events` names types with blanks between; `sealed` holds address and secrets."""

webhook_events = sa.Table(
    "webhook_events",
    metadata,
    id_column(),
    text("type"),
    number("at_utc_ms", index=True),
    text("data_json"),
)
"""Written in the transaction of what they tell of, and only when somebody wants to know."""

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    id_column(),
    reference("webhook_id", "webhooks.id"),
    reference("event_id", "webhook_events.id", index=True),
    text("state"),
    number("attempts"),
    number("next_at_utc_ms"),
    number("ended_at_utc_ms", nullable=True),
    text("answer"),
)
sa.Index(
    "ix_webhook_deliveries_place",
    webhook_deliveries.c.webhook_id,
    webhook_deliveries.c.state,
    webhook_deliveries.c.id,
)

home_assistant_topics = sa.Table(
    "home_assistant_topics",
    metadata,
    text("topic", primary_key=True),
)
"""Every retained message that stands at the broker for Home Assistant, to be removed one day."""
