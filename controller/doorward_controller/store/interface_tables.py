"""What the interface keeps for programs that ask twice: the answers to requests with a key."""

import sqlalchemy as sa

from doorward_controller.store.columns import blob, metadata, number, text

kept_answers = sa.Table(
    "kept_answers",
    metadata,
    blob("id", primary_key=True),
    blob("request_hash"),
    text("state"),
    blob("turn"),
    number("lease_until_utc_s"),
    number("expires_at_utc_s", index=True),
    sa.Column("status", sa.SmallInteger, nullable=True),
    blob("sealed", nullable=True),
)
"""`id` is made of the caller and the key, neither of which can be read from it; `turn` names the
one request that may do what was asked for; `sealed` is the answer once there is one."""

request_buckets = sa.Table(
    "request_buckets",
    metadata,
    blob("caller", primary_key=True),
    sa.Column("tokens", sa.Float, nullable=False),
    number("granted"),
    number("at_utc_ms", index=True),
)
"""How much each caller may still ask, where several processes answer; `caller` is a hash, `granted`
is what the last one got. What a crash takes fills up again by itself: on PostgreSQL it is not
written ahead."""
