"""Reads from a gateway's own journal file which numbers it gave out; the records stay sealed."""

import sqlite3
from contextlib import closing
from pathlib import Path

from doorward_controller.demo.errors import DemoError
from doorward_controller.demo.tally import JournalNumbers

FILE_NAME = "journal.db"

_HEADS = """
SELECT epochs.epoch, max(records.id & ((1 << 40) - 1))
FROM epochs JOIN records ON records.id >> 40 = epochs.id
GROUP BY epochs.id
"""
"""A record's row number is the epoch's ordinal above 40 bits of its own number."""


def read_numbers(gateway: str, data_dir: Path) -> list[JournalNumbers]:
    """Returns the journal's epochs with the last number of each. Raises DemoError."""
    path = data_dir / FILE_NAME
    try:
        # Read-write, because a reader of a journal in WAL mode must be able to make its index.
        with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as journal:
            rows = journal.execute(_HEADS).fetchall()
    except sqlite3.Error as err:
        raise DemoError(f"{path}: the journal of {gateway} cannot be read: {err}") from err
    return [JournalNumbers(gateway=gateway, epoch=epoch, head=last) for epoch, last in rows]
