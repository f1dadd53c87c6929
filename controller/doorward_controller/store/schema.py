"""The tables. Times are integers: `_utc_s` seconds, `_utc_ms` milliseconds since 1970-01-01 UTC.

Two numbers guard a rolling change (docs/upgrading.md): the database keeps the lowest program
version that may open it, and a program refuses a database that asks for a newer one.
"""

from typing import TypedDict, Unpack

import sqlalchemy as sa

SCHEMA_VERSION = 3
"""The tables that this program makes. 1: first tables. 2: commands and configurations. 3: staff."""

SCHEMA_COMPAT_VERSION = 1
"""The oldest program (by its SCHEMA_VERSION) that may work on a database that we have migrated."""

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Only INTEGER is a self-numbering key in SQLite; there it has 64 bits anyway."""


def _id() -> sa.Column[int]:
    return sa.Column("id", BigId, primary_key=True, autoincrement=True)


class _Options(TypedDict, total=False):
    primary_key: bool
    nullable: bool
    unique: bool
    index: bool


def _ref(name: str, target: str, **options: Unpack[_Options]) -> sa.Column[int]:
    return sa.Column(name, BigId, sa.ForeignKey(target), **_required(options))


def _number(name: str, **options: Unpack[_Options]) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, **_required(options))


def _text(name: str, **options: Unpack[_Options]) -> sa.Column[str]:
    return sa.Column(name, sa.Text, **_required(options))


def _blob(name: str, **options: Unpack[_Options]) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, **_required(options))


def _required(options: _Options) -> _Options:
    """A column may be empty only where it says so."""
    return {"nullable": False, **options}


schema_state = sa.Table(
    "schema_state",
    metadata,
    sa.Column("only_row", sa.Integer, sa.CheckConstraint("only_row = 1"), primary_key=True),
    _number("version"),
    _number("compat_version"),
)

# --- places and devices

sites = sa.Table(
    "sites",
    metadata,
    _text("name", primary_key=True),
    _number("created_at_utc_s"),
)

gateways = sa.Table(
    "gateways",
    metadata,
    _id(),
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), nullable=False),
    _text("name"),
    _text("state"),
    _blob("record_key"),
    _text("certificate_sha256"),
    _number("enrolled_at_utc_s"),
    sa.Column("online", sa.Boolean, nullable=True),
    _number("last_seen_at_utc_ms", nullable=True),
    _number("offline_since_utc_ms", nullable=True),
    _text("boot_id"),
    _number("session"),
    _number("applied_bundle"),
    _number("applied_status"),
    _number("applied_keyring"),
    _number("applied_config"),
    _number("bundle_applied_at_utc_ms", nullable=True),
    _number("status_applied_at_utc_ms", nullable=True),
    _text("birth_json"),
    _text("health_json"),
    sa.Column("reported_json", sa.Text, nullable=False, server_default="{}"),
    sa.UniqueConstraint("site", "name"),
)

portals = sa.Table(
    "portals",
    metadata,
    _id(),
    _ref("gateway_id", "gateways.id", nullable=False),
    _text("name", unique=True),
    _text("zone"),
    _text("label"),
    _text("options_json"),
)

# --- what gateways are told

commands = sa.Table(
    "commands",
    metadata,
    _text("id", primary_key=True),
    _ref("gateway_id", "gateways.id", nullable=False),
    _text("name"),
    _text("arguments_json"),
    _text("state"),
    _text("detail"),
    _number("seq"),
    _text("findings_json"),
    _text("asked_by"),
    _number("asked_at_utc_ms"),
    _number("expires_at_utc_s"),
    _number("sent_at_utc_ms", nullable=True),
    _number("changed_at_utc_ms"),
    _blob("wire"),
)
sa.Index("ix_commands_gateway_asked_at", commands.c.gateway_id, commands.c.asked_at_utc_ms)
sa.Index("ix_commands_state_expires_at", commands.c.state, commands.c.expires_at_utc_s)

command_attachments = sa.Table(
    "command_attachments",
    metadata,
    sa.Column("command_id", sa.Text, sa.ForeignKey("commands.id"), primary_key=True),
    _text("kind"),
    sa.Column("is_personal", sa.Boolean, nullable=False),
    _number("received_at_utc_ms"),
    _blob("sealed"),
)

configurations = sa.Table(
    "configurations",
    metadata,
    _ref("gateway_id", "gateways.id", primary_key=True),
    _number("version", primary_key=True),
    _text("settings_json"),
    _text("note"),
    _text("desired_by"),
    _number("desired_at_utc_ms"),
    _blob("wire"),
)

# --- what gateways recorded

records = sa.Table(
    "records",
    metadata,
    _id(),
    _ref("gateway_id", "gateways.id", nullable=False),
    _number("epoch"),
    _number("seq"),
    _number("received_at_utc_ms"),
    _number("at_utc_ms"),
    _number("kind"),
    _number("outcome", nullable=True),
    _text("reason"),
    _text("portal"),
    _blob("credential_id", nullable=True),
    _blob("body"),
    _blob("chain"),
    sa.UniqueConstraint("gateway_id", "epoch", "seq"),
)
sa.Index("ix_records_at", records.c.at_utc_ms, records.c.id)
sa.Index("ix_records_portal_at", records.c.portal, records.c.at_utc_ms)
sa.Index(
    "ix_records_credential_at",
    records.c.credential_id,
    records.c.at_utc_ms,
    sqlite_where=records.c.credential_id.is_not(None),
    postgresql_where=records.c.credential_id.is_not(None),
)

segments = sa.Table(
    "segments",
    metadata,
    _ref("gateway_id", "gateways.id", primary_key=True),
    _number("epoch", primary_key=True),
    _number("number", primary_key=True),
    _number("recipient_key_id"),
    _blob("sealed_key"),
)

stored_ranges = sa.Table(
    "stored_ranges",
    metadata,
    _ref("gateway_id", "gateways.id", primary_key=True),
    _number("epoch", primary_key=True),
    _number("first_seq", primary_key=True),
    _number("last_seq"),
    _blob("chain_before"),
    _blob("chain_last"),
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    _id(),
    _number("at_utc_ms", index=True),
    _text("gateway"),
    _text("topic"),
    _text("reason"),
    _text("detail"),
    _number("size_bytes"),
    _text("sha256"),
    _blob("head"),
    _number("copies"),
    sa.UniqueConstraint("sha256", "topic", "reason"),
)

# --- holders, credentials, revocation

holders = sa.Table(
    "holders",
    metadata,
    _text("id", primary_key=True),
    _blob("wrapped_key", nullable=True),
    _blob("sealed_fields", nullable=True),
    _blob("name_index", nullable=True, index=True),
    _blob("contact_index", nullable=True, index=True),
    _blob("identity_index", nullable=True, index=True),
    _text("groups_json"),
    _text("qualifications_json"),
    _number("created_at_utc_s"),
    _number("erased_at_utc_s", nullable=True),
)

credentials = sa.Table(
    "credentials",
    metadata,
    _blob("id", primary_key=True),
    sa.Column("holder_id", sa.Text, sa.ForeignKey("holders.id"), nullable=True, index=True),
    sa.Column("credential_class", sa.SmallInteger, nullable=False),
    _text("form"),
    _number("status_index", unique=True),
    sa.Column("status", sa.SmallInteger, nullable=False),
    _number("not_before"),
    _number("expires"),
    _text("groups_json"),
    _text("purpose"),
    _number("issued_at_utc_s", index=True),
    _text("issued_by"),
    _number("key_id"),
    _blob("sealed_code"),
    _blob("sticker_hash", nullable=True),
    _text("changed_reason"),
    _text("changed_by"),
    _number("changed_at_utc_s", nullable=True),
    _number("changed_seq"),
)

status_lists = sa.Table(
    "status_lists",
    metadata,
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), primary_key=True),
    _number("seq"),
    _number("base_seq"),
    _number("size"),
    _number("next_index"),
    _blob("full_wire"),
    _blob("delta_wire"),
)

status_changes = sa.Table(
    "status_changes",
    metadata,
    _id(),
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), nullable=False),
    _number("seq", index=True),
    _number("status_index"),
    sa.Column("status", sa.SmallInteger, nullable=False),
)

# --- policy

keyrings = sa.Table(
    "keyrings",
    metadata,
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), primary_key=True),
    _number("version", primary_key=True),
    _blob("wire"),
)

rule_books = sa.Table(
    "rule_books",
    metadata,
    _id(),
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), nullable=False),
    _text("body_json"),
    _number("saved_at_utc_s"),
    _text("saved_by"),
)

bundles = sa.Table(
    "bundles",
    metadata,
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), primary_key=True),
    _number("version", primary_key=True),
    _ref("rule_book_id", "rule_books.id", nullable=False),
    _number("released_at_utc_s"),
    _text("released_by"),
    _text("sha256"),
    _number("credentials"),
    _blob("wire"),
)

# --- people who run it

staff = sa.Table(
    "staff",
    metadata,
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), primary_key=True),
    _text("id", primary_key=True),
    _number("abilities"),
    _text("pin_hash"),
    _number("not_after"),
    _text("added_by"),
    _number("added_at_utc_s"),
    _number("removed_at_utc_s", nullable=True),
)

staff_lists = sa.Table(
    "staff_lists",
    metadata,
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), primary_key=True),
    _number("version"),
    _blob("wire"),
)

operators = sa.Table(
    "operators",
    metadata,
    _id(),
    _text("name", unique=True),
    _text("role"),
    _text("password_hash"),
    sa.Column("disabled", sa.Boolean, nullable=False),
    _number("failures"),
    _number("locked_until_utc_s"),
    _number("created_at_utc_s"),
    _text("language"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    _blob("token_hash", primary_key=True),
    _ref("operator_id", "operators.id", nullable=False),
    _text("csrf"),
    _number("created_at_utc_s"),
    _number("seen_at_utc_s"),
    _number("expires_at_utc_s", index=True),
    _text("client"),
)

api_tokens = sa.Table(
    "api_tokens",
    metadata,
    _blob("token_hash", primary_key=True),
    _ref("operator_id", "operators.id", nullable=False),
    _text("label"),
    _number("created_at_utc_s"),
    _number("expires_at_utc_s"),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    _number("at_utc_ms"),
    _text("actor"),
    _text("action"),
    _text("subject"),
    _text("outcome"),
    _text("detail_json"),
    _blob("hash"),
)
