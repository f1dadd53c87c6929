"""What other systems are told and tell: webhooks, a directory of people, Home Assistant."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _directory()
    _webhooks()
    op.create_table(
        "home_assistant_topics",
        _text("topic"),
        sa.PrimaryKeyConstraint("topic", name=op.f("pk_home_assistant_topics")),
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _blob(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _directory() -> None:
    op.create_table(
        "directory_people",
        _text("holder_id"),
        _blob("user_name_index", nullable=True),
        _blob("external_id_index", nullable=True),
        _blob("sealed_document", nullable=True),
        _flag("active"),
        _number("version"),
        _number("created_at_utc_ms"),
        _number("changed_at_utc_ms"),
        _number("left_at_utc_ms", nullable=True),
        _number("removed_at_utc_ms", nullable=True),
        sa.ForeignKeyConstraint(
            ["holder_id"], ["holders.id"], name=op.f("fk_directory_people_holder_id")
        ),
        sa.PrimaryKeyConstraint("holder_id", name=op.f("pk_directory_people")),
        sa.UniqueConstraint("user_name_index", name=op.f("uq_directory_people_user_name_index")),
    )
    op.create_index(
        op.f("ix_directory_people_external_id_index"),
        "directory_people",
        ["external_id_index"],
        unique=False,
    )


def _webhooks() -> None:
    big_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "webhooks",
        sa.Column("id", big_id, autoincrement=True, nullable=False),
        _text("name"),
        _text("events"),
        _text("shown"),
        _blob("sealed"),
        _flag("is_on"),
        _text("off_because"),
        _number("failing_since_utc_ms", nullable=True),
        _text("changed_by"),
        _number("changed_at_utc_s"),
        _number("removed_at_utc_s", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "webhook_events",
        sa.Column("id", big_id, autoincrement=True, nullable=False),
        _text("type"),
        _number("at_utc_ms"),
        _text("data_json"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_events")),
    )
    op.create_index(
        op.f("ix_webhook_events_at_utc_ms"), "webhook_events", ["at_utc_ms"], unique=False
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", big_id, autoincrement=True, nullable=False),
        sa.Column("webhook_id", big_id, nullable=False),
        sa.Column("event_id", big_id, nullable=False),
        _text("state"),
        _number("attempts"),
        _number("next_at_utc_ms"),
        _number("ended_at_utc_ms", nullable=True),
        _text("answer"),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["webhook_events.id"], name=op.f("fk_webhook_deliveries_event_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(
        op.f("ix_webhook_deliveries_event_id"), "webhook_deliveries", ["event_id"], unique=False
    )
    op.create_index(
        "ix_webhook_deliveries_place", "webhook_deliveries", ["webhook_id", "state", "id"],
        unique=False,
    )  # fmt: skip


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
