"""What could not be read or trusted: kept, bounded and counted, never dropped without a trace."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.schema import quarantine

MAX_KEPT_BYTES = 64 * 1024
"""Of one message. More than any batch of a sound gateway that is worth looking at by hand."""

MAX_ROWS = 10_000
"""Past it a message is counted by gateway and reason, without its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A message that was put aside."""

    at_utc_ms: int
    gateway: str
    topic: str
    reason: str
    detail: str
    size_bytes: int
    sha256: str
    head: bytes


def keep(connection: sa.Connection, item: Quarantined) -> None:
    """Keeps one message; the same one again only counts up."""
    if _count_up(connection, item.sha256, item.topic, item.reason, item.at_utc_ms):
        return
    rows = connection.execute(sa.select(sa.func.count()).select_from(quarantine)).scalar_one()
    if rows < MAX_ROWS:
        _insert(connection, item, item.sha256, item.head)
    elif not _count_up(connection, "overflow", item.topic, item.reason, item.at_utc_ms):
        _insert(connection, item, "overflow", b"")


def _insert(connection: sa.Connection, item: Quarantined, sha256: str, head: bytes) -> None:
    connection.execute(
        sa.insert(quarantine).values(
            at_utc_ms=item.at_utc_ms,
            gateway=item.gateway,
            topic=item.topic,
            reason=item.reason,
            detail=item.detail,
            size_bytes=item.size_bytes,
            sha256=sha256,
            head=head[:MAX_KEPT_BYTES],
            copies=1,
        )
    )


def _count_up(
    connection: sa.Connection, sha256: str, topic: str, reason: str, at_utc_ms: int
) -> bool:
    known = sa.update(quarantine).where(
        quarantine.c.sha256 == sha256, quarantine.c.topic == topic, quarantine.c.reason == reason
    )
    again = known.values(copies=quarantine.c.copies + 1, at_utc_ms=at_utc_ms)
    return connection.execute(again).rowcount > 0
