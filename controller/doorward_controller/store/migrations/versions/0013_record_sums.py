"""Sums of records for charts, and who is inside: made from the records that are there."""

import sqlalchemy as sa
from alembic import op

from doorward.records import Record

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KEYS = ("portal", "kind", "outcome", "reason")
_AT_ONCE = 5_000


_INDEXES = {
    "ix_records_portal_at": (
        ["portal", "at_utc_ms", "id", "kind", "outcome", "reason", "gateway_id"],
        None,
    ),
    "ix_records_reason_at": (
        ["reason", "at_utc_ms", "id", "portal", "gateway_id"],
        "reason NOT IN ('granted', 'entered')",
    ),
    "ix_records_seldom_at": (
        ["at_utc_ms", "id", "kind", "portal", "gateway_id"],
        "kind NOT IN (1, 2)",
    ),
}
"""They end with the gateway now: a search at one gateway compares it within them."""


def upgrade() -> None:
    _make_sums()
    _make_presence()
    _make_indexes()
    _count()
    _annul()


def _make_indexes() -> None:
    for name, (columns, where) in _INDEXES.items():
        only = None if where is None else sa.text(where)
        op.drop_index(name, table_name="records")
        op.create_index(name, "records", columns, sqlite_where=only, postgresql_where=only)


def _make_sums() -> None:
    op.create_table(
        "record_sums",
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("step_s", "begin_utc_s")),
        *_columns(),
        sa.PrimaryKeyConstraint("step_s", "begin_utc_s", *_KEYS, name="pk_record_sums"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "record_facets",
        sa.Column("gateway_id", sa.BigInteger, nullable=False),
        *_columns()[:-1],
        sa.PrimaryKeyConstraint("gateway_id", *_KEYS, name="pk_record_facets"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "record_sum_changes",
        _id(),
        sa.Column("begin_utc_s", sa.BigInteger, nullable=False),
        *_columns(),
        sa.PrimaryKeyConstraint("id", name="pk_record_sum_changes"),
    )


def _columns() -> list[sa.Column[object]]:
    return [
        sa.Column("portal", sa.Text, nullable=False),
        sa.Column("kind", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
    ]


def _id() -> sa.Column[int]:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", big, autoincrement=True, nullable=False)


def _make_presence() -> None:
    op.create_table(
        "presence_changes",
        _id(),
        sa.Column("body_json", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_presence_changes"),
    )
    place = ("gateway_id", "epoch", "seq")
    op.create_table(
        "presence_annulled",
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in place),
        sa.PrimaryKeyConstraint(*place, name="pk_presence_annulled"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "presence_people",
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("oldest_utc_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_presence_people"),
    )
    op.create_index("ix_presence_people_oldest_utc_ms", "presence_people", ["oldest_utc_ms"])
    op.create_table(
        "presence_places",
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("portal", sa.Text, nullable=False),
        sa.Column("since_utc_ms", sa.BigInteger, nullable=False),
        sa.Column("record_id", sa.BigInteger, nullable=False),
        sa.Column("credential_id", sa.LargeBinary, nullable=True),
        sa.Column("is_by_hand", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("person", "zone", name="pk_presence_places"),
    )
    op.create_table(
        "presence_rules",
        sa.Column("only_row", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.CheckConstraint("only_row = 1"),
        sa.PrimaryKeyConstraint("only_row", name="pk_presence_rules"),
    )


def _count() -> None:
    """Quarters of all portals and hours of each from the records, longer steps from the hours."""
    op.execute(
        "INSERT INTO record_facets SELECT DISTINCT gateway_id, portal, kind,"
        " coalesce(outcome, -1), reason FROM records"
    )
    keys, into = ", ".join(_KEYS), "INSERT INTO record_sums (step_s, begin_utc_s, "
    for step_s, portal in ((900, "''"), (3_600, "portal")):
        begin = f"at_utc_ms / {1000 * step_s} * {step_s}"
        group = f"{begin}, kind, outcome, reason" + (", portal" if portal == "portal" else "")
        op.execute(
            f"{into}{keys}, number) SELECT {step_s}, {begin}, {portal}, kind, outcome, reason,"  # noqa: S608  # constants only
            f" count(*) FROM records WHERE outcome IS NOT NULL GROUP BY {group}"
        )
    for finer_s, step_s in ((3_600, 86_400), (86_400, 14 * 86_400)):
        begin = f"begin_utc_s / {step_s} * {step_s}"
        op.execute(
            f"{into}{keys}, number) SELECT {step_s}, {begin}, {keys}, sum(number) FROM record_sums"  # noqa: S608  # constants only
            f" WHERE step_s = {finer_s} GROUP BY {begin}, {keys}"
        )


def _annul() -> None:
    """Which grant a passage is about stands in its body alone."""
    connection = op.get_bind()
    found = connection.execute(
        sa.text(
            "SELECT gateway_id, epoch, body FROM records WHERE reason = 'no_entry'"
            " AND reason NOT IN ('granted', 'entered')"  # as the index of seldom reasons has it
        )
    )
    for rows in found.partitions(_AT_ONCE):
        places = {(row.gateway_id, row.epoch, Record.from_wire(row.body).about_seq) for row in rows}
        values = [
            {"gateway": gateway, "epoch": epoch, "seq": seq}
            for gateway, epoch, seq in places
            if seq is not None
        ]
        if values:
            connection.execute(_ANNULLED, values)


_ANNULLED = sa.text(
    "INSERT INTO presence_annulled VALUES (:gateway, :epoch, :seq) ON CONFLICT DO NOTHING"
)


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
