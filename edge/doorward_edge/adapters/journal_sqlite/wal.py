"""Tells a write-ahead log that merely ends from one that was damaged (SQLite file format, §4).

SQLite replays a log up to the first frame whose checksum fails and forgets the rest without a
word. After a power cut that is right: the rest was never confirmed. After a flipped bit it would
drop confirmed records and give their numbers out again. The log is therefore written in full
length before its first use, and looked at before SQLite sees it.

A last transaction that is not whole is `torn`: a kill or a power cut leaves it like that, and so
does damage to it. The caller looks for records in it, and gives no number out again either way.
"""

import struct
from dataclasses import dataclass

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
MAX_TORN_FRAMES = 256
"""More than any transaction of the journal writes."""

_MAGICS = {0x377F0682: "<", 0x377F0683: ">"}
"""By magic number, the byte order of the checksums."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a log looks like.

    Attributes:
        damage: what is wrong beyond a torn end, or empty.
        torn: the frames of a last transaction that is not whole, or empty.
    """

    damage: str = ""
    torn: bytes = b""


def examine(data: bytes | None, page_bytes: int, least_bytes: int) -> Finding:
    """Returns what a log that was left behind looks like.

    Args:
        data: what the log's file holds, or None where there is none.
        page_bytes: size of the database's pages.
        least_bytes: length to which the log was written before its first use.
    """
    if data is None:
        return Finding("the write-ahead log is missing")
    if len(data) < least_bytes:
        return Finding(
            f"the write-ahead log has {len(data)} bytes, it was written with {least_bytes}"
        )
    header = data[:HEADER_BYTES]
    if not any(data[: HEADER_BYTES + FRAME_HEADER_BYTES]):
        return Finding("the write-ahead log's header is gone" if any(data) else "")
    magic, _, page, _, salt_1, salt_2, sum_1, sum_2 = struct.unpack(">8I", header)
    order = _MAGICS.get(magic)
    if order is None or page != page_bytes or _sums(header[:24], order) != (sum_1, sum_2):
        return Finding("the write-ahead log's header is damaged")
    return _examine_frames(data, order, (salt_1, salt_2), (sum_1, sum_2), page_bytes)


def _examine_frames(
    data: bytes, order: str, salts: tuple[int, int], sums: tuple[int, int], page_bytes: int
) -> Finding:
    """Looks for frames of this generation at and after the one where replay would stop."""
    size = FRAME_HEADER_BYTES + page_bytes
    places = range(HEADER_BYTES, len(data) - size + 1, size)
    stop = len(places)
    for number, at in enumerate(places):
        if struct.unpack_from(">2I", data, at + 8) == salts:
            body = data[at + FRAME_HEADER_BYTES : at + size]
            sums = _sums(body, order, _sums(data[at : at + 8], order, sums))
            if sums == struct.unpack_from(">2I", data, at + 16):
                continue
        stop = number
        break
    beyond = [
        number for number in range(stop, len(places)) if _is_current(data, places[number], salts)
    ]
    if not beyond:
        return Finding()
    # Within one transaction the last frame alone says how long the database is after it.
    commits = [n for n in beyond if struct.unpack_from(">I", data, places[n] + 4)[0]]
    if len(beyond) > MAX_TORN_FRAMES or any(number != beyond[-1] for number in commits):
        return Finding(f"frame {stop} of the write-ahead log is damaged")
    return Finding(torn=data[places[stop] : places[beyond[-1]] + size])


def _is_current(data: bytes, at: int, salts: tuple[int, int]) -> bool:
    """Says whether a frame is of this generation, be it that a bit of its salts was flipped.

    A stale frame shares neither half: the first half counts up, the second is drawn anew.
    """
    first, second = struct.unpack_from(">2I", data, at + 8)
    return bool(first == salts[0] or second == salts[1])


def _sums(data: bytes, order: str, start: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    first, second = start
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for word in words:
        first = (first + word + second) & 0xFFFFFFFF
        second = (second + next(words) + first) & 0xFFFFFFFF
    return first, second
