"""How much each caller may still ask, counted once for all processes (PostgreSQL alone).

The table is not written ahead: a commit waits for no disk, and what a crash empties is full again,
which is what a bucket becomes by itself.
"""

import sqlalchemy as sa

from doorward_controller.store.interface_tables import request_buckets

_TAKE = sa.text(
    """
INSERT INTO request_buckets AS held (caller, tokens, granted, at_utc_ms)
VALUES (
    :caller,
    :burst - :wanted,
    :wanted,
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint
)
ON CONFLICT (caller) DO UPDATE SET (tokens, granted, at_utc_ms) = (
    SELECT filled - given, given, at_ms
    FROM (
        SELECT filled, least(:wanted, floor(filled))::int AS given, at_ms
        FROM (
            SELECT
                least(
                    :burst,
                    held.tokens + greatest(0, excluded.at_utc_ms - held.at_utc_ms) * :per_s / 1000.0
                ) AS filled,
                greatest(excluded.at_utc_ms, held.at_utc_ms) AS at_ms
        ) AS now
    ) AS taken
)
RETURNING granted, tokens
"""
).bindparams(sa.bindparam("per_s", type_=sa.Float), sa.bindparam("burst", type_=sa.Float))


def take(
    connection: sa.Connection, caller: bytes, *, per_s: float, burst: int, wanted: int
) -> tuple[int, float]:
    """Takes up to so many tokens by the database's clock; returns how many, and what is left."""
    row = connection.execute(
        _TAKE, {"caller": caller, "per_s": per_s, "burst": burst, "wanted": wanted}
    ).one()
    return int(row.granted), float(row.tokens)


def forget(connection: sa.Connection, unused_s: float) -> int:
    """Deletes the buckets that nobody has taken from for so long: they are full."""
    now_ms = sa.func.extract("epoch", sa.func.clock_timestamp()) * 1000
    old = request_buckets.c.at_utc_ms < now_ms - unused_s * 1000
    return int(connection.execute(sa.delete(request_buckets).where(old)).rowcount)
