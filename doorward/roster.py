"""Who is known at a site, as tables in one piece of memory (docs/protocol.md §5).

A million credentials must fit a small board, so there is no object per credential: ids are searched
where they lie (a mapped file), and a person's profile is decoded when somebody stands at the door.
"""

import array
import bisect
import itertools
import operator
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from doorward import canonical, shapes
from doorward.errors import MalformedError
from doorward.ids import MAX_SEQ, CredentialId
from doorward.sticker import HASH_BYTES

ID_BYTES = 8
OFFSET_BYTES = 4
MAX_PROFILE_BYTES = 4096
_ARRAY_OF_FIVE = b"\x85"
_STICKER_ROW = struct.Struct("<8sI")
STICKER_ROW_BYTES = _STICKER_ROW.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the roster says of a credential; shared by all who have the same.

    Attributes:
        not_before, not_after: first second in which it counts, and no longer counts.
        groups: indices into the policy's groups, ascending.
        qualifications: pairs of an index into the policy's qualifications and the first second in
            which it no longer holds; each index once, ascending.
        holder: the credential of the same person under which presence is kept, or None where
            there is no other one; so a badge and a phone of one person are one person.
    """

    not_before: int
    not_after: int
    groups: tuple[int, ...]
    qualifications: tuple[tuple[int, int], ...]
    holder: CredentialId | None = None

    def __post_init__(self) -> None:
        """Raises MalformedError for what would have two readings, or none."""
        _check_span(self.not_before, self.not_after)
        if not _ascends(self.groups):
            raise MalformedError("profile: groups must ascend, each once")
        if not _ascends([index for index, _ in self.qualifications]):
            raise MalformedError("profile: qualifications must ascend, each once")
        if self.holder is not None and len(self.holder) != ID_BYTES:
            raise MalformedError(f"profile: holder must be {ID_BYTES} bytes")

    def rights(self) -> bytes:
        """Returns the part of the wire form that does not depend on the span."""
        pairs = [list(pair) for pair in self.qualifications]
        parts = (list(self.groups), pairs, self.holder or b"")
        return b"".join(map(canonical.encode, parts))

    def to_wire(self) -> bytes:
        """Returns the canonical bytes. Raises ValueError: longer than `MAX_PROFILE_BYTES`."""
        return profile_wire(self.not_before, self.not_after, self.rights())


def profile_wire(not_before: int, not_after: int, rights: bytes) -> bytes:
    """Returns the wire form of a profile from a span and the `Profile.rights` that many share.

    Raises:
        ValueError: the span is empty or out of range, or all is longer than `MAX_PROFILE_BYTES`.
    """
    _check_span(not_before, not_after)
    span = canonical.encode(not_before) + canonical.encode(not_after)
    wire = _ARRAY_OF_FIVE + span + rights
    if len(wire) > MAX_PROFILE_BYTES:
        raise ValueError(f"profile of {len(wire)} bytes, at most {MAX_PROFILE_BYTES}")
    return wire


def _check_span(not_before: int, not_after: int) -> None:
    if not 0 <= not_before < not_after <= MAX_SEQ:
        raise MalformedError(f"profile: counts from {not_before} to {not_after}")


@dataclass(frozen=True, slots=True)
class StickerRow:
    """What a sticker's digest leads to."""

    credential_id: CredentialId
    status_index: int


class Roster:
    """Views into the tables of a policy; holds the memory that they lie in, copies nothing."""

    __slots__ = ("_digests", "_ids", "_offsets", "_profiles", "_rows")

    def __init__(
        self,
        *,
        ids: memoryview,
        offsets: memoryview,
        profiles: memoryview,
        digests: memoryview,
        rows: memoryview,
    ) -> None:
        """Takes five parts of one buffer; their lengths were checked by whoever cut them."""
        self._ids = ids.cast("Q")
        self._offsets = offsets.cast("I")
        self._profiles = profiles
        self._digests = digests
        self._rows = rows

    def __len__(self) -> int:
        """How many credentials are listed."""
        return len(self._ids)

    def check(self) -> None:
        """Reads every row once; for tables that come from outside.

        Raises:
            MalformedError: ids or digests do not ascend, so that a search would miss some; or a row
                points past the profiles.
        """
        if not _ascends(self._ids):
            raise MalformedError("roster: ids must ascend, each once")
        if not _ascends(map(self._digest_at, range(self._stickers))):
            raise MalformedError("roster: sticker digests must ascend, each once")
        if max(self._offsets, default=-1) >= len(self._profiles):
            raise MalformedError("roster: a row points past the profiles")

    def find(self, credential_id: CredentialId) -> Profile | None:
        """Returns the profile of a credential, or None when it is not listed.

        Raises:
            MalformedError: the table points at something that is not a profile.
        """
        key = int.from_bytes(credential_id)
        place = bisect.bisect_left(self._ids, key)
        if place == len(self._ids) or self._ids[place] != key:
            return None
        start = self._offsets[place]
        return _parse_profile(bytes(self._profiles[start : start + MAX_PROFILE_BYTES]))

    def ids(self) -> Iterator[CredentialId]:
        """Yields every credential that is listed, ascending."""
        return (CredentialId(key.to_bytes(ID_BYTES)) for key in self._ids)

    def find_sticker(self, digest: bytes) -> StickerRow | None:
        """Returns where a sticker leads, or None when it is not listed."""
        place = bisect.bisect_left(range(self._stickers), digest, key=self._digest_at)
        if place == self._stickers or self._digest_at(place) != digest:
            return None
        credential_id, index = _STICKER_ROW.unpack_from(self._rows, place * STICKER_ROW_BYTES)
        return StickerRow(CredentialId(credential_id), index)

    def release(self) -> None:
        """Lets go of the memory, so that a mapped file can be closed; then nothing can be found."""
        for view in (self._ids, self._offsets, self._profiles, self._digests, self._rows):
            view.release()

    @property
    def _stickers(self) -> int:
        return len(self._digests) // HASH_BYTES

    def _digest_at(self, place: int) -> bytes:
        return bytes(self._digests[place * HASH_BYTES : (place + 1) * HASH_BYTES])


class RosterTables:
    """The tables while they are built, in little more memory than they take when they are done."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self._profiles = bytearray()
        self._people: list[int] = []
        self._stickers: list[tuple[bytes, bytes]] = []

    def add_person(self, credential_id: CredentialId, profile: bytes) -> None:
        """Adds a credential with the wire form of its profile. Raises ValueError: not 8 bytes."""
        if len(credential_id) != ID_BYTES:
            raise ValueError(f"credential id {credential_id.hex()} must be {ID_BYTES} bytes")
        place = self._places.get(profile)
        if place is None:
            place = self._places[profile] = len(self._profiles)
            self._profiles += profile
        self._people.append(int.from_bytes(credential_id) << 32 | place)

    def add_sticker(self, digest: bytes, row: StickerRow) -> None:
        """Adds where a sticker leads. Raises ValueError: a length or number out of range."""
        if len(digest) != HASH_BYTES or len(row.credential_id) != ID_BYTES:
            raise ValueError(
                f"sticker {digest.hex()} or the id that it leads to has a wrong length"
            )
        if not 0 <= row.status_index < 2**32:
            raise ValueError(f"sticker {digest.hex()}: status index {row.status_index}")
        self._stickers.append((digest, _STICKER_ROW.pack(row.credential_id, row.status_index)))

    def finish(self) -> tuple[bytes, bytes, bytes, bytes, bytes]:
        """Returns ids, offsets, profiles, sticker digests and sticker rows, as `Roster` reads them.

        Raises:
            ValueError: a credential or a sticker is listed twice.
        """
        self._people.sort()
        self._stickers.sort()
        ids = array.array("Q", (row >> 32 for row in self._people))
        offsets = array.array("I", (row & 0xFFFFFFFF for row in self._people))
        _refuse_twins((i.to_bytes(ID_BYTES) for i in ids), "credential")
        _refuse_twins((digest for digest, _ in self._stickers), "sticker")
        return (
            ids.tobytes(),
            offsets.tobytes(),
            bytes(self._profiles),
            b"".join(digest for digest, _ in self._stickers),
            b"".join(row for _, row in self._stickers),
        )


def _refuse_twins(keys: Iterable[bytes], what: str) -> None:
    for one, other in itertools.pairwise(keys):
        if one == other:
            raise ValueError(f"{what} {one.hex()} is listed twice")


def _ascends(values: Iterable[Any]) -> bool:
    """Whether each value is greater than the one before it."""
    ones, others = itertools.tee(values)
    next(others, None)
    return all(map(operator.lt, ones, others))


def _parse_profile(piece: bytes) -> Profile:
    """Decodes one profile; the next one follows it, so its own length ends it."""
    match canonical.decode_first(piece, "profile"):
        case [not_before, not_after, list() as groups, list() as pairs, bytes() as holder]:
            return Profile(
                not_before=shapes.number(not_before, "profile: not before", MAX_SEQ),
                not_after=shapes.number(not_after, "profile: not after", MAX_SEQ),
                groups=tuple(shapes.number(g, "profile: group", MAX_SEQ) for g in groups),
                qualifications=tuple(_parse_pair(pair) for pair in pairs),
                holder=CredentialId(holder) if holder else None,
            )
    raise MalformedError("profile: must be [not before, not after, groups, qualifications, holder]")


def _parse_pair(pair: object) -> tuple[int, int]:
    match pair:
        case [qualification, until]:
            return (
                shapes.number(qualification, "profile: qualification", MAX_SEQ),
                shapes.number(until, "profile: until", MAX_SEQ),
            )
    raise MalformedError("profile: a qualification must be [index, until]")
