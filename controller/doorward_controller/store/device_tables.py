"""Devices and their components, who was away and when, and the screens that show the fleet."""

import sqlalchemy as sa

from doorward_controller.store.columns import blob, id_column, metadata, number, reference, text

gateway_devices = sa.Table(
    "gateway_devices",
    metadata,
    reference("gateway_id", "gateways.id", primary_key=True),
    number("adopted_at_utc_ms", nullable=True),
    text("adopted_by"),
    text("note"),
    text("identity_json"),
)
"""What people confirmed of a gateway, and who it last said that it is."""

components = sa.Table(
    "components",
    metadata,
    id_column(),
    reference("gateway_id", "gateways.id", nullable=False),
    text("kind"),
    text("maker"),
    text("model"),
    text("serial"),
    text("note"),
    number("installed_at_utc_s"),
    text("installed_by"),
    number("removed_at_utc_s", nullable=True),
    text("removed_by"),
    text("removed_reason"),
    reference("replaces_id", "components.id", nullable=True),
)
sa.Index("ix_components_gateway_id", components.c.gateway_id)

device_changes = sa.Table(
    "device_changes",
    metadata,
    id_column(),
    reference("gateway_id", "gateways.id", nullable=False),
    number("at_utc_ms"),
    text("kind"),
    text("before"),
    text("after"),
    text("told_by"),
)
sa.Index("ix_device_changes_gateway_at", device_changes.c.gateway_id, device_changes.c.at_utc_ms)

away_stretches = sa.Table(
    "away_stretches",
    metadata,
    id_column(),
    reference("gateway_id", "gateways.id", nullable=False),
    number("from_utc_ms"),
    number("to_utc_ms", nullable=True),
)
sa.Index(
    "ix_away_stretches_gateway_from", away_stretches.c.gateway_id, away_stretches.c.from_utc_ms
)

site_links = sa.Table(
    "site_links",
    metadata,
    text("name", primary_key=True),
    sa.Column("is_up", sa.Boolean, nullable=False),
    number("since_utc_ms"),
)
"""Connections that everything depends on: `broker`."""

wall_screens = sa.Table(
    "wall_screens",
    metadata,
    id_column(),
    blob("token_hash", unique=True),
    text("label"),
    text("made_by"),
    number("created_at_utc_s"),
    number("ends_at_utc_s"),
    number("revoked_at_utc_s", nullable=True),
    number("seen_at_utc_s", nullable=True),
)

gateway_cut_offs = sa.Table(
    "gateway_cut_offs",
    metadata,
    reference("gateway_id", "gateways.id", primary_key=True),
    number("asked_at_utc_ms"),
    number("listed_at_utc_ms", nullable=True),
    number("ended_at_utc_ms", nullable=True),
    text("problem"),
)
"""Gateways that were revoked, and how far the broker has shut them out."""
