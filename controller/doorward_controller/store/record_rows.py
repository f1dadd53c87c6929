"""A new record as the row that it becomes."""

from typing import NamedTuple


class RecordInsert(NamedTuple):
    """A row of `records`."""

    gateway_id: int
    epoch: int
    seq: int
    received_at_utc_ms: int
    at_utc_ms: int
    kind: int
    outcome: int | None
    reason: str
    portal: str
    credential_id: bytes | None
    body: bytes
    chain: bytes
