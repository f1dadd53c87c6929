"""The roster's tables: searched where they lie, checked before they count, and let go of."""

import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import canonical
from doorward.errors import MalformedError
from doorward.ids import MAX_SEQ, CredentialId
from doorward.policy import (
    Policy,
)
from doorward.policy_draft import build_body
from doorward.roster import Profile, RosterTables, StickerRow
from doorward.sticker import sticker_digest
from tests.kit.plant import (
    ALICE,
    BOB,
    draft,
)

LABELS = [(sticker_digest(bytes([n] * 10)), StickerRow(BOB, n)) for n in range(5)]


def split(body: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(body[:4])
    return canonical.decode(body[4 : 4 + length]), body[4 + length :]


def join(header: object, tables: bytes) -> bytes:
    raw = canonical.encode(header)
    return len(raw).to_bytes(4) + raw + tables


# ---- tables that are not what they claim


def with_tables(
    *, ids: list[int], offsets: list[int], profiles: bytes, digests: list[bytes] | None = None
) -> bytes:
    labels = digests or []
    header, _ = split(build_body(draft()))
    tables = struct.pack(f"<{len(ids)}Q{len(offsets)}I", *ids, *offsets)
    tables += profiles + b"".join(labels) + bytes(12 * len(labels))
    return join(header | {"tables": [len(ids), len(profiles), len(labels)]}, tables)


PROFILE = Profile(not_before=1, not_after=9, groups=(0,), qualifications=()).to_wire()


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"ids": [5, 4], "offsets": [0, 0]}, "ids must ascend"),
        ({"ids": [5, 5], "offsets": [0, 0]}, "ids must ascend"),
        ({"ids": [1, 2], "offsets": [0, 99]}, "points past"),
        ({"ids": [1], "offsets": [len(PROFILE)]}, "points past"),
        ({"ids": [], "offsets": [], "digests": [b"b" * 16, b"a" * 16]}, "digests must ascend"),
        ({"ids": [], "offsets": [], "digests": [b"b" * 16] * 2}, "digests must ascend"),
    ],
)
def test_tables_in_which_a_search_would_go_wrong_are_refused(
    tables: dict[str, Any], words: str
) -> None:
    assert len(Policy.from_body(with_tables(ids=[1], offsets=[0], profiles=PROFILE)).roster) == 1
    with pytest.raises(MalformedError, match=words):
        Policy.from_body(with_tables(profiles=PROFILE, **tables))


WRONG_PROFILES: dict[str, object] = {
    "a number": 1,
    "a map": {1: 2},
    "three parts": [1, 9, [0]],
    "a beginning that is true": [True, 9, [0], [], b""],
    "an end before its beginning": [9, 1, [0], [], b""],
    "an end past 2^53": [1, MAX_SEQ + 1, [0], [], b""],
    "a beginning before 1970": [-1, 9, [0], [], b""],
    "groups as a number": [1, 9, 0, [], b""],
    "a group that is true": [1, 9, [True], [], b""],
    "a group as text": [1, 9, ["staff"], [], b""],
    "a group below 0": [1, 9, [-1], [], b""],
    "groups that fall": [1, 9, [1, 0], [], b""],
    "a group twice": [1, 9, [1, 1], [], b""],
    "a training that is a number": [1, 9, [0], [1], b""],
    "a training of three": [1, 9, [0], [[1, 2, 3]], b""],
    "a training that is false": [1, 9, [0], [[False, 9]], b""],
    "a training until true": [1, 9, [0], [[0, True]], b""],
    "a training twice": [1, 9, [0], [[0, 5], [0, 9]], b""],
    "a holder of 7 bytes": [1, 9, [0], [], bytes(7)],
    "a holder as text": [1, 9, [0], [], "deadbeef"],
    "four parts": [1, 9, [0], []],
}


def roster_with_profile(profiles: bytes) -> Policy:
    return Policy.from_body(with_tables(ids=[5], offsets=[0], profiles=profiles))


FIVE = CredentialId(struct.pack(">Q", 5))


@pytest.mark.parametrize("name", WRONG_PROFILES)
def test_profile_is_malformed_with(name: str) -> None:
    found = roster_with_profile(canonical.encode(WRONG_PROFILES[name]) + PROFILE)
    with pytest.raises(MalformedError, match="profile"):
        found.roster.find(FIVE)


@pytest.mark.parametrize(
    "raw",
    [
        "8500",
        "85180109808040",
        "85010980980040",
        "9f010981008040ff",
        "1801",
        "c11a00000000",
        "d82361",
        "81" * 400,
        "fb" + "0" * 16,
    ],
)
def test_profile_in_another_encoding_is_malformed(raw: str) -> None:
    found = roster_with_profile(bytes.fromhex(raw))
    with pytest.raises(MalformedError, match="profile"):
        found.roster.find(FIVE)


@given(st.binary(min_size=1, max_size=60))
def test_any_bytes_are_a_profile_or_malformed(raw: bytes) -> None:
    found = roster_with_profile(raw)
    try:
        profile = found.roster.find(FIVE)
    except MalformedError:
        return
    assert profile is not None
    assert raw.startswith(profile.to_wire())


PROFILES = st.builds(
    lambda before, length, groups, trainings: Profile(
        not_before=before,
        not_after=before + length,
        groups=tuple(sorted(groups)),
        qualifications=tuple(sorted(trainings.items())),
    ),
    st.integers(0, 2**40),
    st.integers(1, 2**40),
    st.sets(st.integers(0, 2**40), max_size=9),
    st.dictionaries(st.integers(0, 2**20), st.integers(0, MAX_SEQ), max_size=9),
)


@given(PROFILES)
def test_every_profile_reads_back(profile: Profile) -> None:
    assert roster_with_profile(profile.to_wire() + PROFILE).roster.find(FIVE) == profile


def test_tables_are_laid_out_as_the_protocol_says() -> None:
    tables = RosterTables()
    tables.add_person(ALICE, b"second")
    tables.add_person(CredentialId(bytes.fromhex("0102030405060708")), b"first")
    tables.add_person(CredentialId(bytes(8)), b"second")
    tables.add_sticker(b"z" * 16, StickerRow(ALICE, 0x01020304))
    tables.add_sticker(b"a" * 16, StickerRow(BOB, 5))
    assert tables.finish() == (
        bytes(8) + bytes.fromhex("a100000000000000 0807060504030201"),
        bytes.fromhex("00000000 00000000 06000000"),
        b"secondfirst",
        b"a" * 16 + b"z" * 16,
        BOB + bytes.fromhex("05000000") + ALICE + bytes.fromhex("04030201"),
    )


# ---- mapped files


@pytest.fixture
def bundle_file(tmp_path: Path) -> Path:
    path = tmp_path / "bundle"
    path.write_bytes(build_body(draft(stickers=LABELS)))
    return path


def mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def test_mapped_file_can_be_closed_once_the_roster_let_go(bundle_file: Path) -> None:
    memory = mapped(bundle_file)
    found = Policy.from_body(memoryview(memory))
    assert found.roster.find(ALICE) is not None
    with pytest.raises(BufferError):
        memory.close()
    found.roster.release()
    memory.close()
    with pytest.raises(ValueError, match="released"):
        found.roster.find(ALICE)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body[:-1],
        lambda body: bytes([255]) + body[1:],
        lambda body: body[:5] + b"\xff" + body[6:],
        lambda body: join(split(body)[0] | {"zones": 1}, split(body)[1]),
        lambda body: join(split(body)[0] | {"site": 1}, split(body)[1]),
        lambda body: join(split(body)[0] | {"classes": {9: []}}, split(body)[1]),
        lambda body: with_tables(ids=[5, 4], offsets=[0, 0], profiles=PROFILE),
        lambda body: with_tables(ids=[], offsets=[], profiles=b"", digests=[b"b" * 16, b"a" * 16]),
        lambda body: with_tables(ids=[4], offsets=[99], profiles=PROFILE),
    ],
    ids=[
        "cut",
        "long",
        "not CBOR",
        "zones",
        "site",
        "class",
        "unsorted ids",
        "unsorted stickers",
        "offset",
    ],
)
def test_mapped_file_can_be_closed_while_its_refusal_is_handled(
    bundle_file: Path, spoil: Callable[[bytes], bytes]
) -> None:
    bundle_file.write_bytes(spoil(bundle_file.read_bytes()))
    memory = mapped(bundle_file)
    try:
        with memoryview(memory) as view:
            Policy.from_body(view)
    except MalformedError:
        memory.close()
    assert memory.closed
