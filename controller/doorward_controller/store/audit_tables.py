"""What vouches for the audit log: signed checkpoints, each of one entry and all before it.

That no row of either table is changed or deleted is the database's own work: see migration 0005.
"""

import sqlalchemy as sa

from doorward_controller.store.columns import blob, metadata, number

audit_checkpoints = sa.Table(
    "audit_checkpoints",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    number("entry"),
    blob("entry_hash"),
    number("at_utc_ms"),
    blob("public_key"),
    blob("signature"),
)
