"""Work orders, plans, parts, downtime, and what belongs to them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "maintenance_plans",
        sa.Column("id", _BIG_ID, autoincrement=True, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rule_json", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("instructions", sa.Text(), nullable=False),
        sa.Column("checklist_json", sa.Text(), nullable=False),
        sa.Column("warn_before_s", sa.BigInteger(), nullable=False),
        sa.Column("days_to_do", sa.BigInteger(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("written_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_maintenance_plans_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance_plans")),
    )
    op.create_table(
        "parts",
        sa.Column("id", _BIG_ID, autoincrement=True, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("stock", sa.BigInteger(), sa.CheckConstraint("stock >= 0"), nullable=False),
        sa.Column("low_stock", sa.BigInteger(), nullable=False),
        sa.Column("unit_cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_parts_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parts")),
        sa.UniqueConstraint("site", "number", name=op.f("uq_parts_site_number")),
    )
    op.create_table(
        "device_meters",
        sa.Column("gateway_id", _BIG_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("reading", sa.BigInteger(), nullable=False),
        sa.Column("witness_s", sa.BigInteger(), nullable=True),
        sa.Column("read_at_utc_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name=op.f("fk_device_meters_gateway_id")
        ),
        sa.PrimaryKeyConstraint("gateway_id", "name", name=op.f("pk_device_meters")),
    )
    op.create_table(
        "plan_devices",
        sa.Column("id", _BIG_ID, autoincrement=True, nullable=False),
        sa.Column("plan_id", _BIG_ID, nullable=False),
        sa.Column("gateway_id", _BIG_ID, nullable=False),
        sa.Column("component_id", sa.BigInteger(), nullable=True),
        sa.Column("added_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("last_due_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("last_done_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("total_when_done", sa.BigInteger(), nullable=False),
        sa.Column("condition_since_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("warned_at_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("open_order_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name=op.f("fk_plan_devices_gateway_id")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["maintenance_plans.id"], name=op.f("fk_plan_devices_plan_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_devices")),
        sa.UniqueConstraint(
            "plan_id", "gateway_id", name=op.f("uq_plan_devices_plan_id_gateway_id")
        ),
    )
    op.create_table(
        "work_orders",
        sa.Column("id", _BIG_ID, autoincrement=True, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("gateway_id", _BIG_ID, nullable=False),
        sa.Column("component_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("instructions", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("origin_id", sa.BigInteger(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("deadline_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("scheduled_for_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("assignee", sa.Text(), nullable=False),
        sa.Column("failure_mode", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("serial_old", sa.Text(), nullable=False),
        sa.Column("serial_new", sa.Text(), nullable=False),
        sa.Column("labour_minutes", sa.BigInteger(), nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("began_at_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("done_at_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("changed_at_utc_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name=op.f("fk_work_orders_gateway_id")
        ),
        sa.ForeignKeyConstraint(["site"], ["sites.name"], name=op.f("fk_work_orders_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_orders")),
    )
    op.create_index(
        "ix_work_orders_gateway", "work_orders", ["gateway_id", "requested_at_utc_s"], unique=False
    )
    op.create_index("ix_work_orders_origin", "work_orders", ["origin", "origin_id"], unique=False)
    op.create_index(
        "ix_work_orders_state_deadline", "work_orders", ["state", "deadline_utc_s"], unique=False
    )
    op.create_table(
        "downtimes",
        sa.Column("id", _BIG_ID, autoincrement=True, nullable=False),
        sa.Column("gateway_id", _BIG_ID, nullable=False),
        sa.Column("component_id", sa.BigInteger(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("planned", sa.Boolean(), nullable=False),
        sa.Column("began_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("ended_utc_s", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateways.id"], name=op.f("fk_downtimes_gateway_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_downtimes_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_downtimes")),
    )
    op.create_index(
        "ix_downtimes_gateway_began", "downtimes", ["gateway_id", "began_utc_s"], unique=False
    )
    op.create_index(op.f("ix_downtimes_order_id"), "downtimes", ["order_id"], unique=False)
    op.create_table(
        "order_checks",
        sa.Column("order_id", _BIG_ID, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at_utc_s", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_order_checks_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "position", name=op.f("pk_order_checks")),
    )
    op.create_table(
        "order_photos",
        sa.Column("id", _BIG_ID, autoincrement=True, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("caption", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("width_px", sa.BigInteger(), nullable=False),
        sa.Column("height_px", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_order_photos_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_photos")),
    )
    op.create_index(op.f("ix_order_photos_order_id"), "order_photos", ["order_id"], unique=False)
    op.create_table(
        "order_records",
        sa.Column("order_id", _BIG_ID, nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at_utc_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_order_records_order_id")
        ),
        sa.PrimaryKeyConstraint("order_id", "record_id", name=op.f("pk_order_records")),
    )
    op.create_table(
        "order_turns",
        sa.Column("id", _BIG_ID, autoincrement=True, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("turn", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at_utc_s", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_order_turns_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_turns")),
    )
    op.create_index(op.f("ix_order_turns_order_id"), "order_turns", ["order_id"], unique=False)
    op.create_table(
        "part_moves",
        sa.Column("id", _BIG_ID, autoincrement=True, nullable=False),
        sa.Column("part_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("unit_cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at_utc_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_orders.id"], name=op.f("fk_part_moves_order_id")
        ),
        sa.ForeignKeyConstraint(["part_id"], ["parts.id"], name=op.f("fk_part_moves_part_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_part_moves")),
    )
    op.create_index(op.f("ix_part_moves_order_id"), "part_moves", ["order_id"], unique=False)
    op.create_index(op.f("ix_part_moves_part_id"), "part_moves", ["part_id"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
