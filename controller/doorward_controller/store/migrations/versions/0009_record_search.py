"""Indexes that answer searches of records; what each is for stands in `store/schema.py`."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ALL = {
    "ix_records_at": ["at_utc_ms", "id", "kind", "outcome", "portal", "reason"],
    "ix_records_portal_at": ["portal", "at_utc_ms", "id", "kind", "outcome", "reason"],
    "ix_records_gateway_at": ["gateway_id", "at_utc_ms", "id"],
}
_SOME = {
    "ix_records_credential_at": (
        ["credential_id", "at_utc_ms", "id"],
        "credential_id IS NOT NULL",
    ),
    "ix_records_reason_at": (
        ["reason", "at_utc_ms", "id", "portal"],
        "reason NOT IN ('granted', 'entered')",
    ),
    "ix_records_refused_at": (
        ["at_utc_ms", "id", "portal", "reason", "outcome", "kind", "gateway_id"],
        "outcome = 0",
    ),
    "ix_records_seldom_at": (["at_utc_ms", "id", "kind", "portal"], "kind NOT IN (1, 2)"),
}
_BEFORE = ("ix_records_at", "ix_records_portal_at", "ix_records_credential_at")


def upgrade() -> None:
    for name in _BEFORE:
        op.drop_index(name, table_name="records")
    for name, columns in _ALL.items():
        op.create_index(name, "records", columns, unique=False)
    for name, (columns, where) in _SOME.items():
        op.create_index(
            name,
            "records",
            columns,
            unique=False,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
