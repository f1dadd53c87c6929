"""Records in months on PostgreSQL; SQLite keeps its one table.

The rows are copied into the new table before its indexes are made, which is several times as fast.
A time that no clock of ours could have shown lies in the first or the last part.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_FIRST_MONTH = datetime(2020, 1, 1, tzinfo=UTC)
"""Nothing was recorded before the product was."""

_INDEXES = {
    "ix_records_at": ("at_utc_ms, id, kind, outcome, portal, reason", ""),
    "ix_records_portal_at": ("portal, at_utc_ms, id, kind, outcome, reason", ""),
    "ix_records_gateway_at": ("gateway_id, at_utc_ms, id", ""),
    "ix_records_credential_at": ("credential_id, at_utc_ms, id", "credential_id IS NOT NULL"),
    "ix_records_reason_at": (
        "reason, at_utc_ms, id, portal",
        "reason NOT IN ('granted', 'entered')",
    ),
    "ix_records_refused_at": (
        "at_utc_ms, id, portal, reason, outcome, kind, gateway_id",
        "outcome = 0",
    ),
    "ix_records_seldom_at": ("at_utc_ms, id, kind, portal", "kind NOT IN (1, 2)"),
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE records RENAME TO records_before")
    op.execute(
        "CREATE TABLE records (LIKE records_before INCLUDING DEFAULTS) PARTITION BY RANGE"
        " (at_utc_ms)"
    )
    op.execute("ALTER SEQUENCE records_id_seq OWNED BY records.id")
    _make_parts()
    op.execute("INSERT INTO records SELECT * FROM records_before ORDER BY at_utc_ms")
    op.execute("DROP TABLE records_before")
    _make_indexes()
    op.execute("ANALYZE records")


def _make_parts() -> None:
    """Months without a gap from the oldest record's to this one, and a part at either end."""
    ask = op.get_bind().scalar
    now_s = ask(sa.text("SELECT extract(epoch FROM now())"))
    this_month = _month(datetime.fromtimestamp(int(now_s), UTC))
    oldest = ask(
        sa.text("SELECT min(at_utc_ms) FROM records_before WHERE at_utc_ms BETWEEN :low AND :high"),
        {"low": _ms(_FIRST_MONTH), "high": _ms(_next(this_month)) - 1},
    )
    begin = end = this_month
    if oldest is not None:
        begin, end = _month(datetime.fromtimestamp(oldest / 1000, UTC)), _next(this_month)
    _add("records_past", "MINVALUE", _ms(begin))
    while begin < end:
        _add(f"records_m{begin:%Y_%m}", _ms(begin), _ms(_next(begin)))
        begin = _next(begin)
    _add("records_future", _ms(end), "MAXVALUE")


def _month(at: datetime) -> datetime:
    return datetime(at.year, at.month, 1, tzinfo=UTC)


def _next(at: datetime) -> datetime:
    return _month(_month(at) + timedelta(days=31))


def _ms(at: datetime) -> int:
    return int(at.timestamp()) * 1000


def _add(name: str, low: int | str, high: int | str) -> None:
    op.execute(f"CREATE TABLE {name} PARTITION OF records FOR VALUES FROM ({low}) TO ({high})")


def _make_indexes() -> None:
    """A unique key of a table in parts holds the time; ADR 24 says why that is enough."""
    op.execute("ALTER TABLE records ADD CONSTRAINT pk_records PRIMARY KEY (id, at_utc_ms)")
    op.execute(
        "ALTER TABLE records ADD CONSTRAINT uq_records_gateway_id_epoch_seq"
        " UNIQUE (gateway_id, epoch, seq, at_utc_ms)"
    )
    op.execute(
        "ALTER TABLE records ADD CONSTRAINT fk_records_gateway_id"
        " FOREIGN KEY (gateway_id) REFERENCES gateways (id)"
    )
    for name, (columns, where) in _INDEXES.items():
        condition = f" WHERE {where}" if where else ""
        op.execute(f"CREATE INDEX {name} ON records ({columns}){condition}")


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
