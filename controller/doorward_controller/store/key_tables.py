"""Keys of the site that came after the first ones, and how far long work has come."""

import sqlalchemy as sa

from doorward_controller.store.columns import blob, metadata, number, text

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("site", sa.Text, sa.ForeignKey("sites.name"), primary_key=True),
    number("key_id", primary_key=True),
    text("key_use"),
    blob("public"),
    # Sealed by the key file; none for a key that lies in the folder, or whose secret was destroyed.
    blob("sealed_seed", nullable=True),
    number("keyring_version"),
    number("made_at_utc_s"),
    text("made_by"),
    number("used_from_utc_s", nullable=True),
    number("used_until_utc_s", nullable=True),
    number("withdrawn_at_utc_s", nullable=True),
    text("withdrawn_by"),
    text("withdrawn_note"),
)

work_progress = sa.Table(
    "work_progress",
    metadata,
    text("id", primary_key=True),
    number("done"),
    number("total"),
    number("told_at_utc_ms"),
)
