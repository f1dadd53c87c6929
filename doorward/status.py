"""Which credentials are revoked or suspended, as a list of two bits an index (docs/protocol.md §6).

The list is the whole truth at one sequence number; a delta holds every change since a full list, so
that one missed delta is healed by the next. A list never goes back.
"""

import itertools
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from doorward import canonical, shapes
from doorward.errors import (
    GapError,
    MalformedError,
    RollbackError,
    WrongRecipientError,
)
from doorward.ids import MAX_SEQ, SiteId

MAX_SIZE = 2**26
"""Indices in a list: 67 million, 16 MiB of bits."""
MAX_CHANGES = 4096
MAX_LIST_BYTES = MAX_SIZE // 4 + 64 * 1024
"""Bits that cannot be compressed, and what zlib and the other fields add to them."""
MAX_DELTA_BYTES = 64 * 1024
_LIST_FIELDS = frozenset({"site", "seq", "issued_at", "size", "bits"})
_DELTA_FIELDS = frozenset({"site", "base", "seq", "issued_at", "changes"})


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
        if self.size % 4 and self.bits[-1] >> 2 * (self.size % 4):
            raise MalformedError("status list: bits past its end are not 0")
        _check_numbers(self.seq, self.issued_at, "status list")

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
        fields = _fields(body, _LIST_FIELDS, MAX_LIST_BYTES, "status list")
        size = shapes.number(fields["size"], "status list: size", MAX_SIZE)
        if not isinstance(fields["bits"], bytes):
            raise MalformedError("status list: bits must be bytes")
        return cls(
            site=shapes.site(fields["site"], "status list: site"),
            seq=shapes.number(fields["seq"], "status list: seq", MAX_SEQ),
            issued_at=shapes.number(fields["issued_at"], "status list: issued_at", MAX_SEQ),
            size=size,
            bits=_unpack(fields["bits"], _bytes_for(size)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """Every change since the full list `base`.

    Attributes:
        changes: pairs of index and status, each index once, ascending. An index that was changed
            and changed back is in it: a held list may be from in between.
    """

    site: SiteId
    base: int
    seq: int
    issued_at: int
    changes: tuple[tuple[int, Status], ...]

    def __post_init__(self) -> None:
        """Raises MalformedError for a delta that no gateway would take."""
        _check_numbers(self.seq, self.issued_at, "status delta")
        if not 1 <= self.base < self.seq:
            raise MalformedError(f"status delta: base is {self.base}, must be 1 to {self.seq - 1}")
        if len(self.changes) > MAX_CHANGES:
            raise MalformedError(
                f"status delta: {len(self.changes)} changes, at most {MAX_CHANGES}"
            )
        if any(a[0] >= b[0] for a, b in itertools.pairwise(self.changes)):
            raise MalformedError("status delta: indices must ascend")

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
        fields = _fields(body, _DELTA_FIELDS, MAX_DELTA_BYTES, "status delta")
        if not isinstance(fields["changes"], list):
            raise MalformedError("status delta: changes must be a list")
        return cls(
            site=shapes.site(fields["site"], "status delta: site"),
            base=shapes.number(fields["base"], "status delta: base", MAX_SEQ),
            seq=shapes.number(fields["seq"], "status delta: seq", MAX_SEQ),
            issued_at=shapes.number(fields["issued_at"], "status delta: issued_at", MAX_SEQ),
            changes=tuple(_parse_change(row) for row in fields["changes"]),
        )


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
        if not 0 <= index < size:
            raise MalformedError(f"status: index {index} is not in the list of {size}")
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


def _fields(
    body: bytes | memoryview, names: frozenset[str], most_bytes: int, what: str
) -> dict[str, object]:
    if len(body) > most_bytes:
        raise MalformedError(f"{what} of {len(body)} bytes, at most {most_bytes}")
    fields = canonical.decode(body, what)
    if not isinstance(fields, dict) or fields.keys() != names:
        raise MalformedError(f"{what}: wrong fields")
    return fields


def _check_numbers(seq: int, issued_at: int, what: str) -> None:
    if not 1 <= seq <= MAX_SEQ or not 0 <= issued_at <= MAX_SEQ:
        raise MalformedError(f"{what}: seq {seq} or issued_at {issued_at} is out of range")


def _parse_change(row: object) -> tuple[int, Status]:
    match row:
        case [index, status]:
            number = shapes.number(index, "status delta: index", MAX_SIZE - 1)
            return number, Status(shapes.number(status, "status delta: status", max(Status)))
    raise MalformedError("status delta: a change must be [index, status]")
