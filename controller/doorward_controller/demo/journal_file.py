"""Reads from a gateway's own journal file which numbers it gave out; the records stay sealed."""

import shutil
import sqlite3
import tempfile
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
    """Returns the journal's epochs with the last number of each.

    Reads a copy: the file is the gateway's, and even looking would write into its log.

    Raises:
        DemoError: there is no journal, or it is none.
    """
    found = sorted(data_dir.rglob(FILE_NAME))
    if len(found) != 1:
        raise DemoError(f"{data_dir} holds {len(found)} files {FILE_NAME}, must hold one")
    with tempfile.TemporaryDirectory(prefix="doorward-journal-") as name:
        for part in found[0].parent.glob(f"{FILE_NAME}*"):
            shutil.copy(part, name)
        rows = _heads(Path(name) / FILE_NAME, gateway)
    return [JournalNumbers(gateway=gateway, epoch=epoch, head=last) for epoch, last in rows]


def _heads(path: Path, gateway: str) -> list[tuple[int, int]]:
    try:
        with closing(sqlite3.connect(path)) as journal:
            return journal.execute(_HEADS).fetchall()
    except sqlite3.Error as err:
        raise DemoError(f"the journal of {gateway} cannot be read: {err}") from err
