"""Tells a write-ahead log that merely ends from one that was damaged (SQLite file format, §4).

SQLite replays a log up to the first frame whose checksum fails and forgets the rest without a
word. After a power cut that is right: the rest was never confirmed. After a flipped bit it would
drop confirmed records and give their numbers out again. The log is therefore written in full
length before its first use, and looked at before SQLite sees it.
"""

import struct
from pathlib import Path

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
_MAGICS = {0x377F0682: "<", 0x377F0683: ">"}
"""By magic number, the byte order of the checksums."""


def damage(path: Path, page_bytes: int, least_bytes: int) -> str:
    """Returns what is wrong with a log that was left behind, or an empty string.

    Args:
        path: the log's file.
        page_bytes: size of the database's pages.
        least_bytes: length to which the log was written before its first use.
    """
    if not path.exists():
        return "the write-ahead log is missing"
    data = path.read_bytes()
    if len(data) < least_bytes:
        return f"the write-ahead log has {len(data)} bytes, it was written with {least_bytes}"
    header = data[:HEADER_BYTES]
    if not any(data[: HEADER_BYTES + FRAME_HEADER_BYTES]):
        return "" if not any(data) else "the write-ahead log's header is gone"
    magic, _, page, _, salt_1, salt_2, sum_1, sum_2 = struct.unpack(">8I", header)
    order = _MAGICS.get(magic)
    if order is None or page != page_bytes or _sums(header[:24], order) != (sum_1, sum_2):
        return "the write-ahead log's header is damaged"
    return _frame_damage(data, order, (salt_1, salt_2), (sum_1, sum_2), page_bytes)


def _frame_damage(
    data: bytes, order: str, salts: tuple[int, int], sums: tuple[int, int], page_bytes: int
) -> str:
    """Looks for a frame of this generation at or after the one where replay would stop."""
    size = FRAME_HEADER_BYTES + page_bytes
    intact = True
    for number, at in enumerate(range(HEADER_BYTES, len(data) - size + 1, size)):
        frame_salts = struct.unpack_from(">2I", data, at + 8)
        if intact and frame_salts == salts:
            body = data[at + FRAME_HEADER_BYTES : at + size]
            sums = _sums(body, order, _sums(data[at : at + 8], order, sums))
            if sums == struct.unpack_from(">2I", data, at + 16):
                continue
        intact = False
        # A stale frame shares neither half with this generation: the first half counts up, the
        # second is drawn anew. One half alone is a bit flipped in the other.
        if frame_salts[0] == salts[0] or frame_salts[1] == salts[1]:
            return f"frame {number} of the write-ahead log is damaged"
    return ""


def _sums(data: bytes, order: str, start: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    first, second = start
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for word in words:
        first = (first + word + second) & 0xFFFFFFFF
        second = (second + next(words) + first) & 0xFFFFFFFF
    return first, second
