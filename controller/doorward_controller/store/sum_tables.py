"""What is kept beside the records so that nobody has to count or fold them again.

Sums: how many decisions there were, for charts (docs/adr/0025). Presence: who is inside, as far as
records that were folded tell. Both can be made anew from the records at any time.
"""

import sqlalchemy as sa

from doorward_controller.store.columns import blob, id_column, metadata, number, text

_OF_SUM = ("kind", "outcome")

record_sums = sa.Table(
    "record_sums",
    metadata,
    # How long a time one row is about, in seconds: store/record_sums.py says which there are.
    sa.Column("step_s", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("begin_utc_s", sa.BigInteger, primary_key=True, autoincrement=False),
    text("portal", primary_key=True),
    *(sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False) for name in _OF_SUM),
    text("reason", primary_key=True),
    number("number"),
    sqlite_with_rowid=False,
)

record_sum_changes = sa.Table(
    "record_sum_changes",
    metadata,
    id_column(),
    number("begin_utc_s"),
    text("portal"),
    number("kind"),
    number("outcome"),
    text("reason"),
    number("number"),
)
"""What intake stored and nobody has added yet: it only appends, so that no two wait for a row."""

record_facets = sa.Table(
    "record_facets",
    metadata,
    *(
        sa.Column(name, kind, primary_key=True, autoincrement=False)
        for name, kind in (
            ("gateway_id", sa.BigInteger),
            ("portal", sa.Text),
            ("kind", sa.BigInteger),
            ("outcome", sa.BigInteger),
            ("reason", sa.Text),
        )
    ),
    sqlite_with_rowid=False,
)
"""What there ever was together in a record; a search for anything else ends here. No outcome is
-1: a key has no empty part."""

presence_changes = sa.Table(
    "presence_changes",
    metadata,
    id_column(),
    text("body_json"),
)
"""Whose movements are to be folded again, one row for each group of messages."""

presence_annulled = sa.Table(
    "presence_annulled",
    metadata,
    *(
        sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)
        for name in ("gateway_id", "epoch", "seq")
    ),
    sqlite_with_rowid=False,
)
"""Grants of which their gateway saw that nobody went through."""

presence_people = sa.Table(
    "presence_people",
    metadata,
    text("person", primary_key=True),
    number("oldest_utc_ms", index=True),
)
"""Who has moved, and when the oldest movement is to be forgotten that counts for him."""

presence_places = sa.Table(
    "presence_places",
    metadata,
    text("person", primary_key=True),
    text("zone", primary_key=True),
    text("portal"),
    number("since_utc_ms"),
    number("record_id"),
    blob("credential_id", nullable=True),
    sa.Column("is_by_hand", sa.Boolean, nullable=False),
)

presence_rules = sa.Table(
    "presence_rules",
    metadata,
    sa.Column("only_row", sa.Integer, sa.CheckConstraint("only_row = 1"), primary_key=True),
    text("fingerprint"),
    number("anew_to_id", nullable=True),
)
"""By which rules presence is folded. After others everybody is noted to be folded anew, up to the
note `anew_to_id`; while one of those waits, some are where the rules of before say."""
