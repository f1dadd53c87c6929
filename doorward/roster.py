"""Who is known at a site, as tables in one piece of memory (docs/protocol.md §5).

A million credentials must fit a small board, so there is no object per credential: ids are searched
where they lie (a mapped file), and a person's profile is decoded when somebody stands at the door.
"""

import bisect
import itertools
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from doorward import canonical
from doorward.errors import MalformedError
from doorward.ids import CredentialId
from doorward.sticker import HASH_BYTES

_STICKER_ROW = struct.Struct(">8s4s")
_MAX_PROFILE_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the roster says of a credential; shared by all who have the same.

    Attributes:
        not_before, not_after: first second in which it counts, and no longer counts.
        groups: indices into the policy's groups.
        qualifications: pairs of an index into the policy's qualifications and the first second in
            which it no longer holds.
    """

    not_before: int
    not_after: int
    groups: tuple[int, ...]
    qualifications: tuple[tuple[int, int], ...]

    def to_wire(self) -> bytes:
        """Returns the canonical bytes."""
        pairs = [list(pair) for pair in self.qualifications]
        return canonical.encode([self.not_before, self.not_after, list(self.groups), pairs])


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

    def find(self, credential_id: CredentialId) -> Profile | None:
        """Returns the profile of a credential, or None when it is not listed.

        Raises:
            MalformedError: the table points at something that is not a profile.
        """
        key = int.from_bytes(credential_id)
        place = bisect.bisect_left(self._ids, key)
        if place == len(self._ids) or self._ids[place] != key:
            return None
        return _parse_profile(self._profiles, self._offsets[place])

    def find_sticker(self, digest: bytes) -> StickerRow | None:
        """Returns where a sticker leads, or None when it is not listed."""
        count = len(self._digests) // HASH_BYTES
        place = bisect.bisect_left(range(count), digest, key=self._digest_at)
        if place == count or self._digest_at(place) != digest:
            return None
        credential_id, index = _STICKER_ROW.unpack_from(self._rows, place * _STICKER_ROW.size)
        return StickerRow(CredentialId(credential_id), int.from_bytes(index, "little"))

    def release(self) -> None:
        """Lets go of the memory, so that a mapped file can be closed."""
        for view in (self._ids, self._offsets, self._profiles, self._digests, self._rows):
            view.release()

    def _digest_at(self, place: int) -> bytes:
        return bytes(self._digests[place * HASH_BYTES : (place + 1) * HASH_BYTES])


def sticker_row_bytes() -> int:
    """Size of one row of the sticker table."""
    return _STICKER_ROW.size


def build_tables(
    people: Iterable[tuple[CredentialId, Profile]],
    stickers: Iterable[tuple[bytes, StickerRow]],
) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """Returns ids, offsets, profiles, sticker digests and sticker rows, as `Roster` reads them.

    Raises:
        ValueError: a credential or a sticker is listed twice.
    """
    places: dict[Profile, int] = {}
    blob = bytearray()
    rows: list[tuple[CredentialId, int]] = []
    for credential_id, profile in people:
        place = places.get(profile)
        if place is None:
            place = places[profile] = len(blob)
            blob += profile.to_wire()
        rows.append((credential_id, place))
    rows.sort()
    labels = sorted(stickers, key=lambda label: label[0])
    _refuse_twins([key for key, _ in rows], "credential")
    _refuse_twins([digest for digest, _ in labels], "sticker")
    return (
        b"".join(key[::-1] for key, _ in rows),
        struct.pack(f"<{len(rows)}I", *(place for _, place in rows)),
        bytes(blob),
        b"".join(digest for digest, _ in labels),
        b"".join(
            _STICKER_ROW.pack(row.credential_id, row.status_index.to_bytes(4, "little"))
            for _, row in labels
        ),
    )


def _refuse_twins(keys: Sequence[bytes], what: str) -> None:
    for one, other in itertools.pairwise(keys):
        if one == other:
            raise ValueError(f"{what} {one.hex()} is listed twice")


def _parse_profile(profiles: memoryview, place: int) -> Profile:
    """Decodes one profile; the next one follows it, so its own length ends it."""
    piece = profiles[place : place + _MAX_PROFILE_BYTES]
    match canonical.decode_first(piece, "profile"):
        case [int() as not_before, int() as not_after, list() as groups, list() as pairs]:
            pass
        case _:
            raise MalformedError("profile: wrong fields")
    if not all(isinstance(g, int) for g in groups):
        raise MalformedError("profile: groups must be numbers")
    return Profile(
        not_before=not_before,
        not_after=not_after,
        groups=tuple(groups),
        qualifications=tuple(_parse_pair(pair) for pair in pairs),
    )


def _parse_pair(pair: object) -> tuple[int, int]:
    match pair:
        case [int() as qualification, int() as until]:
            return qualification, until
    raise MalformedError("profile: a qualification must be [index, until]")
