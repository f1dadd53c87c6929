"""The tables. Times are integers: `_utc_s` seconds, `_utc_ms` milliseconds since 1970-01-01 UTC.

Two numbers guard a rolling change (docs/upgrading.md): the database keeps the lowest program
version that may open it, and a program refuses a database that asks for a newer one.
"""

import sqlalchemy as sa

from doorward_controller.store import (
    account_tables,
    alert_tables,
    audit_tables,
    backup_tables,
    device_tables,
    enrolment_tables,
    integration_tables,
    interface_tables,
    keeping_tables,
    key_tables,
    maintenance_tables,
    rollout_tables,
    sum_tables,
)
from doorward_controller.store.columns import blob, id_column, metadata, number, reference, text

__all__ = ["metadata"]

AREAS = (
    account_tables,
    alert_tables,
    audit_tables,
    backup_tables,
    device_tables,
    enrolment_tables,
    integration_tables,
    interface_tables,
    keeping_tables,
    key_tables,
    maintenance_tables,
    rollout_tables,
    sum_tables,
)
"""The tables of these areas stand in modules of their own; whoever asks for all asks here."""

SCHEMA_VERSION = 22
"""The tables that this program makes; each number is a file in `migrations/versions`."""

SCHEMA_COMPAT_VERSION = 1
"""The oldest program (by its SCHEMA_VERSION) that may work on a database that we have migrated."""

schema_state = sa.Table(
    "schema_state",
    metadata,
    sa.Column("only_row", sa.Integer, sa.CheckConstraint("only_row = 1"), primary_key=True),
    number("version"),
    number("compat_version"),
)

# --- places and devices

sites = sa.Table(
    "sites",
    metadata,
    text("name", primary_key=True),
    number("created_at_utc_s"),
)

gateways = sa.Table(
    "gateways",
    metadata,
    id_column(),
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), nullable=False),
    text("name"),
    text("state"),
    blob("record_key"),
    text("certificate_sha256"),
    number("enrolled_at_utc_s"),
    sa.Column("online", sa.Boolean, nullable=True),
    number("last_seen_at_utc_ms", nullable=True),
    number("offline_since_utc_ms", nullable=True),
    text("boot_id"),
    number("session"),
    number("applied_bundle"),
    number("applied_status"),
    number("applied_keyring"),
    number("applied_config"),
    number("bundle_applied_at_utc_ms", nullable=True),
    number("status_applied_at_utc_ms", nullable=True),
    text("birth_json"),
    text("health_json"),
    sa.Column("reported_json", sa.Text, nullable=False, server_default="{}"),
    sa.UniqueConstraint("site", "name"),
)

portals = sa.Table(
    "portals",
    metadata,
    id_column(),
    reference("gateway_id", "gateways.id", nullable=False),
    text("name", unique=True),
    text("zone"),
    text("label"),
    text("options_json"),
)

# --- what gateways are told

commands = sa.Table(
    "commands",
    metadata,
    text("id", primary_key=True),
    reference("gateway_id", "gateways.id", nullable=False),
    text("name"),
    text("arguments_json"),
    text("state"),
    text("detail"),
    number("seq"),
    text("findings_json"),
    text("asked_by"),
    number("asked_at_utc_ms"),
    number("expires_at_utc_s"),
    number("sent_at_utc_ms", nullable=True),
    number("changed_at_utc_ms"),
    blob("wire"),
)
sa.Index("ix_commands_gateway_asked_at", commands.c.gateway_id, commands.c.asked_at_utc_ms)
sa.Index("ix_commands_state_expires_at", commands.c.state, commands.c.expires_at_utc_s)

command_attachments = sa.Table(
    "command_attachments",
    metadata,
    sa.Column("command_id", sa.Text, sa.ForeignKey("commands.id"), primary_key=True),
    text("kind"),
    sa.Column("is_personal", sa.Boolean, nullable=False),
    number("received_at_utc_ms"),
    blob("sealed"),
)

configurations = sa.Table(
    "configurations",
    metadata,
    reference("gateway_id", "gateways.id", primary_key=True),
    number("version", primary_key=True),
    text("settings_json"),
    text("note"),
    text("desired_by"),
    number("desired_at_utc_ms"),
    blob("wire"),
)

# --- what gateways recorded

records = sa.Table(
    "records",
    metadata,
    id_column(),
    reference("gateway_id", "gateways.id", nullable=False),
    number("epoch"),
    number("seq"),
    number("received_at_utc_ms"),
    number("at_utc_ms"),
    number("kind"),
    number("outcome", nullable=True),
    text("reason"),
    text("portal"),
    blob("credential_id", nullable=True),
    blob("body"),
    blob("chain"),
    # On PostgreSQL the table lies in months, and both keys hold the time as well (ADR 24).
    sa.UniqueConstraint("gateway_id", "epoch", "seq"),
    postgresql_partition_by="RANGE (at_utc_ms)",
)
SELDOM_REASON = sa.text("reason NOT IN ('granted', 'entered')")
"""Most records are of somebody who was let in and went through: no index by reason for those."""

REFUSED = sa.text("outcome = 0")
SELDOM_KIND = sa.text("kind NOT IN (1, 2)")

# Every search is a walk along one of these, newest first (queries/record_plan.py chooses); what
# else is asked for is compared within the index where the last columns hold it.
_of = records.c
sa.Index("ix_records_at", _of.at_utc_ms, _of.id, _of.kind, _of.outcome, _of.portal, _of.reason)
sa.Index(
    "ix_records_portal_at",
    _of.portal, _of.at_utc_ms, _of.id, _of.kind, _of.outcome, _of.reason, _of.gateway_id,
)  # fmt: skip
sa.Index("ix_records_gateway_at", _of.gateway_id, _of.at_utc_ms, _of.id)
_is_known = _of.credential_id.is_not(None)
for _name, _columns, _where in (
    ("ix_records_credential_at", (_of.credential_id, _of.at_utc_ms, _of.id), _is_known),
    (
        "ix_records_reason_at",
        (_of.reason, _of.at_utc_ms, _of.id, _of.portal, _of.gateway_id),
        SELDOM_REASON,
    ),
    (
        "ix_records_refused_at",
        # The outcome too: SQLite compares it again. Without the last two, a search at one gateway
        # reads every refused record.
        (
            _of.at_utc_ms,
            _of.id,
            _of.portal,
            _of.reason,
            _of.outcome,
            _of.kind,
            _of.gateway_id,
        ),
        REFUSED,
    ),
    (
        "ix_records_seldom_at",
        (_of.at_utc_ms, _of.id, _of.kind, _of.portal, _of.gateway_id),
        SELDOM_KIND,
    ),
):
    sa.Index(_name, *_columns, sqlite_where=_where, postgresql_where=_where)

segments = sa.Table(
    "segments",
    metadata,
    reference("gateway_id", "gateways.id", primary_key=True),
    number("epoch", primary_key=True),
    number("number", primary_key=True),
    number("recipient_key_id"),
    blob("sealed_key"),
)

stored_ranges = sa.Table(
    "stored_ranges",
    metadata,
    reference("gateway_id", "gateways.id", primary_key=True),
    number("epoch", primary_key=True),
    number("first_seq", primary_key=True),
    number("last_seq"),
    blob("chain_before"),
    blob("chain_last"),
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    id_column(),
    number("at_utc_ms", index=True),
    text("gateway"),
    text("topic"),
    text("reason"),
    text("detail"),
    number("size_bytes"),
    text("sha256"),
    blob("head"),
    number("copies"),
    sa.UniqueConstraint("sha256", "topic", "reason"),
)

# --- holders, credentials, revocation

holders = sa.Table(
    "holders",
    metadata,
    text("id", primary_key=True),
    blob("wrapped_key", nullable=True),
    blob("sealed_fields", nullable=True),
    blob("name_index", nullable=True, index=True),
    blob("contact_index", nullable=True, index=True),
    blob("identity_index", nullable=True, index=True),
    text("groups_json"),
    text("qualifications_json"),
    number("created_at_utc_s"),
    number("erased_at_utc_s", nullable=True),
)

credentials = sa.Table(
    "credentials",
    metadata,
    blob("id", primary_key=True),
    sa.Column("holder_id", sa.Text, sa.ForeignKey("holders.id"), nullable=True, index=True),
    sa.Column("credential_class", sa.SmallInteger, nullable=False),
    text("form"),
    number("status_index", unique=True),
    sa.Column("status", sa.SmallInteger, nullable=False),
    number("not_before"),
    number("expires"),
    text("groups_json"),
    text("purpose"),
    number("issued_at_utc_s", index=True),
    text("issued_by"),
    number("key_id"),
    blob("sealed_code"),
    blob("sticker_hash", nullable=True),
    text("changed_reason"),
    text("changed_by"),
    number("changed_at_utc_s", nullable=True),
    number("changed_seq"),
)

status_lists = sa.Table(
    "status_lists",
    metadata,
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), primary_key=True),
    number("seq"),
    number("base_seq"),
    number("size"),
    number("next_index"),
    blob("full_wire"),
    blob("delta_wire"),
)

status_changes = sa.Table(
    "status_changes",
    metadata,
    id_column(),
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), nullable=False),
    number("seq", index=True),
    number("status_index"),
    sa.Column("status", sa.SmallInteger, nullable=False),
)

# --- policy

keyrings = sa.Table(
    "keyrings",
    metadata,
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), primary_key=True),
    number("version", primary_key=True),
    blob("wire"),
)

rule_books = sa.Table(
    "rule_books",
    metadata,
    id_column(),
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), nullable=False),
    text("body_json"),
    number("saved_at_utc_s"),
    text("saved_by"),
)

bundles = sa.Table(
    "bundles",
    metadata,
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), primary_key=True),
    number("version", primary_key=True),
    reference("rule_book_id", "rule_books.id", nullable=False),
    number("released_at_utc_s"),
    text("released_by"),
    text("sha256"),
    number("credentials"),
    blob("wire"),
)

# --- people who run it

staff = sa.Table(
    "staff",
    metadata,
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), primary_key=True),
    text("id", primary_key=True),
    number("abilities"),
    text("pin_hash"),
    number("not_after"),
    text("added_by"),
    number("added_at_utc_s"),
    number("removed_at_utc_s", nullable=True),
)

staff_lists = sa.Table(
    "staff_lists",
    metadata,
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), primary_key=True),
    number("version"),
    blob("wire"),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    number("at_utc_ms"),
    text("actor"),
    text("action"),
    text("subject"),
    text("outcome"),
    text("detail_json"),
    blob("hash"),
)
sa.Index("ix_audit_log_at", audit_log.c.at_utc_ms, audit_log.c.id)
sa.Index("ix_audit_log_actor", audit_log.c.actor, audit_log.c.id)
sa.Index("ix_audit_log_action", audit_log.c.action, audit_log.c.id)
sa.Index("ix_audit_log_outcome", audit_log.c.outcome, audit_log.c.id)
