"""Work orders, plans, parts, downtime.

A device is a gateway, or one of its components, which is named by its number and not tied to a
table: a component that is long gone keeps its history.
"""

import sqlalchemy as sa

from doorward_controller.store.columns import blob, id_column, metadata, number, reference, text

maintenance_plans = sa.Table(
    "maintenance_plans",
    metadata,
    id_column(),
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), nullable=False),
    text("name"),
    text("state"),
    text("rule_json"),
    text("kind"),
    text("priority"),
    text("instructions"),
    text("checklist_json"),
    number("warn_before_s"),
    number("days_to_do"),
    text("written_by"),
    number("written_at_utc_s"),
    text("approved_by"),
)

plan_devices = sa.Table(
    "plan_devices",
    metadata,
    id_column(),
    reference("plan_id", "maintenance_plans.id", nullable=False),
    reference("gateway_id", "gateways.id", nullable=False),
    number("component_id", nullable=True),
    number("added_at_utc_s"),
    number("last_due_utc_s", nullable=True),
    number("last_done_utc_s", nullable=True),
    number("total_when_done"),
    number("condition_since_utc_s", nullable=True),
    number("warned_at_utc_s", nullable=True),
    number("open_order_id", nullable=True),
    sa.UniqueConstraint("plan_id", "gateway_id"),
)

work_orders = sa.Table(
    "work_orders",
    metadata,
    id_column(),
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), nullable=False),
    reference("gateway_id", "gateways.id", nullable=False),
    number("component_id", nullable=True),
    text("kind"),
    text("priority"),
    text("state"),
    text("title"),
    text("instructions"),
    text("origin"),
    number("origin_id", nullable=True),
    text("requested_by"),
    number("requested_at_utc_s"),
    number("deadline_utc_s"),
    number("scheduled_for_utc_s", nullable=True),
    text("assignee"),
    text("failure_mode"),
    text("cause"),
    text("remedy"),
    text("findings"),
    text("serial_old"),
    text("serial_new"),
    number("labour_minutes"),
    number("cost_minor"),
    text("currency"),
    number("began_at_utc_s", nullable=True),
    number("done_at_utc_s", nullable=True),
    number("changed_at_utc_s"),
)
sa.Index("ix_work_orders_state_deadline", work_orders.c.state, work_orders.c.deadline_utc_s)
sa.Index("ix_work_orders_gateway", work_orders.c.gateway_id, work_orders.c.requested_at_utc_s)
sa.Index("ix_work_orders_origin", work_orders.c.origin, work_orders.c.origin_id)

order_turns = sa.Table(
    "order_turns",
    metadata,
    id_column(),
    sa.Column(
        "order_id", sa.BigInteger, sa.ForeignKey("work_orders.id"), nullable=False, index=True
    ),
    text("turn"),
    text("state"),
    text("who"),
    number("at_utc_s"),
    text("note"),
)

order_checks = sa.Table(
    "order_checks",
    metadata,
    reference("order_id", "work_orders.id", primary_key=True),
    number("position", primary_key=True),
    text("point"),
    text("result"),
    text("note"),
    text("who"),
    number("at_utc_s", nullable=True),
)

order_photos = sa.Table(
    "order_photos",
    metadata,
    id_column(),
    sa.Column(
        "order_id", sa.BigInteger, sa.ForeignKey("work_orders.id"), nullable=False, index=True
    ),
    text("caption"),
    text("media_type"),
    number("size_bytes"),
    number("width_px"),
    number("height_px"),
    text("sha256"),
    text("who"),
    number("at_utc_s"),
    blob("sealed"),
)

order_records = sa.Table(
    "order_records",
    metadata,
    reference("order_id", "work_orders.id", primary_key=True),
    number("record_id", primary_key=True),
    text("who"),
    number("at_utc_s"),
)

parts = sa.Table(
    "parts",
    metadata,
    id_column(),
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), nullable=False),
    text("number"),
    text("name"),
    text("place"),
    sa.Column("stock", sa.BigInteger, sa.CheckConstraint("stock >= 0"), nullable=False),
    number("low_stock"),
    number("unit_cost_minor"),
    text("currency"),
    sa.UniqueConstraint("site", "number"),
)

part_moves = sa.Table(
    "part_moves",
    metadata,
    id_column(),
    sa.Column("part_id", sa.BigInteger, sa.ForeignKey("parts.id"), nullable=False, index=True),
    sa.Column(
        "order_id", sa.BigInteger, sa.ForeignKey("work_orders.id"), nullable=True, index=True
    ),
    number("change"),
    number("unit_cost_minor"),
    text("currency"),
    text("note"),
    text("who"),
    number("at_utc_s"),
)

downtimes = sa.Table(
    "downtimes",
    metadata,
    id_column(),
    reference("gateway_id", "gateways.id", nullable=False),
    number("component_id", nullable=True),
    sa.Column(
        "order_id", sa.BigInteger, sa.ForeignKey("work_orders.id"), nullable=True, index=True
    ),
    sa.Column("planned", sa.Boolean, nullable=False),
    number("began_utc_s"),
    number("ended_utc_s", nullable=True),
    text("reason"),
    text("who"),
)
sa.Index("ix_downtimes_gateway_began", downtimes.c.gateway_id, downtimes.c.began_utc_s)

device_meters = sa.Table(
    "device_meters",
    metadata,
    reference("gateway_id", "gateways.id", primary_key=True),
    text("name", primary_key=True),
    number("total"),
    number("reading"),
    number("witness_s", nullable=True),
    number("read_at_utc_s"),
)
