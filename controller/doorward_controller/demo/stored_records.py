"""Reads every record of the controller's store, for the counting."""

from doorward_controller.demo.tally import StoredRecord
from doorward_controller.queries import record_feed
from doorward_controller.store.session import Store

_PAGE = 200


def read_stored(store: Store) -> list[StoredRecord]:
    """Returns every row, oldest or newest first as the store likes."""
    rows: list[StoredRecord] = []
    everything = record_feed.RecordFilter()
    cursor: str | None = None
    while True:
        page = record_feed.page(store, everything, cursor=cursor, limit=_PAGE)
        rows.extend(map(_stored, page.items))
        cursor = page.next_cursor
        if cursor is None:
            return rows


def _stored(row: record_feed.RecordRow) -> StoredRecord:
    return StoredRecord(
        gateway=row.gateway,
        epoch=int(row.epoch, 16),
        seq=row.seq,
        is_scan=row.kind == "scan",
        at_utc_ms=row.at_utc_ms,
        is_granted=None if row.outcome is None else row.outcome == "grant",
        credential_id=row.credential_id,
        reason=row.reason,
        status_seq=row.status_seq or 0,
    )
