"""Which credentials are revoked or suspended, as a list of two bits an index (docs/protocol.md §6).

The list is the whole truth at one sequence number; a delta holds every change since a full list, so
that one missed delta is healed by the next. A list never goes back.
"""

import itertools
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from doorward import canonical
from doorward.errors import (
    BadIdError,
    GapError,
    MalformedError,
    RollbackError,
    WrongRecipientError,
)
from doorward.ids import SiteId, parse_site_id

MAX_SIZE = 2**26
"""Indices in a list: 67 million, 16 MiB of bits."""
MAX_CHANGES = 4096


class Status(IntEnum):
    """What the list says of an index. The numbers are on the wire and never reused."""

    VALID = 0
    REVOKED = 1
    SUSPENDED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusList:
    """The status of every index below `size`, at one sequence number.

    Attributes:
        bits: two bits an index, index 0 in the lowest bits of the first byte; never written to.
    """

    site: SiteId
    seq: int
    issued_at: int
    size: int
    bits: bytes

    def __post_init__(self) -> None:
        """Raises MalformedError when size and bits do not belong together."""
        if not 0 <= self.size <= MAX_SIZE or len(self.bits) != _bytes_for(self.size):
            raise MalformedError(f"status list: {len(self.bits)} bytes for {self.size} indices")

    def get(self, index: int) -> Status | None:
        """Returns the status of an index, or None past the list's end or for an unknown value."""
        if not 0 <= index < self.size:
            return None
        return _STATUSES[self.bits[index >> 2] >> (2 * (index & 3)) & 3]

    def to_body(self) -> bytes:
        """Returns the canonical bytes that are signed."""
        return canonical.encode(
            {
                "site": self.site,
                "seq": self.seq,
                "issued_at": self.issued_at,
                "size": self.size,
                "bits": zlib.compress(self.bits, 6),
            }
        )

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> Self:
        """Returns the list. Raises MalformedError, also for bits that would unpack to too much."""
        match canonical.decode(body, "status list"):
            case {
                "site": str() as site,
                "seq": int() as seq,
                "issued_at": int() as issued_at,
                "size": int() as size,
                "bits": bytes() as packed,
                **others,
            } if not others and seq >= 1 and 0 <= size <= MAX_SIZE:
                pass
            case _:
                raise MalformedError("status list: wrong fields")
        bits = _unpack(packed, _bytes_for(size))
        return cls(site=_site(site), seq=seq, issued_at=issued_at, size=size, bits=bits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """Every change since the full list `base`.

    Attributes:
        changes: pairs of index and status, each index once, ascending.
    """

    site: SiteId
    base: int
    seq: int
    issued_at: int
    changes: tuple[tuple[int, Status], ...]

    def to_body(self) -> bytes:
        """Returns the canonical bytes that are signed."""
        return canonical.encode(
            {
                "site": self.site,
                "base": self.base,
                "seq": self.seq,
                "issued_at": self.issued_at,
                "changes": [[index, int(status)] for index, status in self.changes],
            }
        )

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> Self:
        """Returns the delta. Raises MalformedError."""
        match canonical.decode(body, "status delta"):
            case {
                "site": str() as site,
                "base": int() as base,
                "seq": int() as seq,
                "issued_at": int() as issued_at,
                "changes": list() as rows,
                **others,
            } if not others and 1 <= base < seq and len(rows) <= MAX_CHANGES:
                pass
            case _:
                raise MalformedError("status delta: wrong fields")
        changes = tuple(_parse_change(row) for row in rows)
        indices = [index for index, _ in changes]
        if any(a >= b for a, b in itertools.pairwise(indices)):
            raise MalformedError("status delta: indices must ascend")
        return cls(site=_site(site), base=base, seq=seq, issued_at=issued_at, changes=changes)


def empty_list(site: SiteId, size: int, issued_at: int) -> StatusList:
    """Returns the first list of a site: `size` indices, all valid, sequence number 1."""
    return StatusList(
        site=site, seq=1, issued_at=issued_at, size=size, bits=bytes(_bytes_for(size))
    )


def accept_list(held: StatusList | None, new: StatusList, site: SiteId) -> StatusList:
    """Returns `new` when it may replace the held list.

    Raises:
        WrongRecipientError: another site's.
        RollbackError: not newer than the held one.
    """
    if new.site != site:
        raise WrongRecipientError(f"status list: made for site {new.site}, ours is {site}")
    if held is not None and new.seq <= held.seq:
        raise RollbackError(f"status list: number {new.seq}, already at {held.seq}")
    return new


def apply_delta(held: StatusList, delta: Delta) -> StatusList:
    """Returns the held list with the delta's changes.

    Raises:
        WrongRecipientError: another site's.
        RollbackError: the held list has all of it already.
        GapError: changes between the held list and the delta's base are missing.
        MalformedError: an index past the list's end.
    """
    if delta.site != held.site:
        raise WrongRecipientError(f"status delta: made for site {delta.site}, ours is {held.site}")
    if delta.seq <= held.seq:
        raise RollbackError(f"status delta: number {delta.seq}, already at {held.seq}")
    if held.seq < delta.base:
        raise GapError(f"status delta: starts at {delta.base}, we are at {held.seq}")
    bits = with_changes(held.bits, held.size, delta.changes)
    return StatusList(
        site=held.site, seq=delta.seq, issued_at=delta.issued_at, size=held.size, bits=bits
    )


def with_changes(bits: bytes, size: int, changes: tuple[tuple[int, Status], ...]) -> bytes:
    """Returns a copy of `bits` with the changes. Raises MalformedError: an index past the end."""
    changed = bytearray(bits)
    for index, status in changes:
        if index >= size:
            raise MalformedError(f"status: index {index} is past the list's end, {size}")
        shift = 2 * (index & 3)
        changed[index >> 2] = changed[index >> 2] & ~(3 << shift) & 0xFF | status << shift
    return bytes(changed)


_STATUSES = (Status.VALID, Status.REVOKED, Status.SUSPENDED, None)


def _bytes_for(size: int) -> int:
    return -(-size // 4)


def _unpack(packed: bytes, expected_bytes: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        bits = unpacker.decompress(packed, expected_bytes + 1)
    except zlib.error as err:
        raise MalformedError(f"status list: bits do not unpack: {err}") from err
    if len(bits) != expected_bytes or not unpacker.eof or unpacker.unused_data:
        raise MalformedError(f"status list: bits do not unpack to {expected_bytes} bytes")
    return bits


def _site(text: str) -> SiteId:
    try:
        return parse_site_id(text)
    except BadIdError as err:
        raise MalformedError(f"status: {err}") from err


def _parse_change(row: object) -> tuple[int, Status]:
    match row:
        case [int() as index, (0 | 1 | 2) as status] if 0 <= index < MAX_SIZE:
            return index, Status(status)
    raise MalformedError("status delta: a change must be [index, status]")
