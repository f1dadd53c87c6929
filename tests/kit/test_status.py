"""Status lists and deltas: whole, bounded, and never back."""

import hashlib
import tracemalloc
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import canonical
from doorward.errors import GapError, MalformedError, RollbackError, WrongRecipientError
from doorward.ids import MAX_SEQ, SiteId
from doorward.status import (
    MAX_CHANGES,
    MAX_DELTA_BYTES,
    MAX_LIST_BYTES,
    MAX_SIZE,
    Delta,
    Status,
    StatusList,
    accept_list,
    apply_delta,
    empty_list,
    with_changes,
)
from tests.kit.plant import NOON, SITE, status_list

INDICES = st.integers(0, 63)
CHANGES = st.dictionaries(INDICES, st.sampled_from(Status), max_size=20).map(
    lambda table: tuple(sorted(table.items()))
)
SEQS = st.integers(1, MAX_SEQ - 1)


def delta(base: int, seq: int, *changes: tuple[int, Status], site: str = SITE) -> Delta:
    return Delta(
        site=SiteId(site), base=base, seq=seq, issued_at=NOON + seq % 1000, changes=changes
    )


# ---- the layout --------------------------------------------------------------------------------


def test_layout_is_that_of_the_ietf_token_status_list_with_two_bits() -> None:
    """The example of draft-ietf-oauth-status-list, section 4.1: twelve indices in c9 44 f9."""
    expected = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]
    held = StatusList(site=SITE, seq=1, issued_at=0, size=12, bits=bytes.fromhex("c944f9"))
    assert [held.get(index) for index in range(12)] == [
        None if value == 3 else Status(value) for value in expected
    ]


@given(CHANGES)
def test_what_is_set_is_what_is_read(changes: tuple[tuple[int, Status], ...]) -> None:
    held = status_list(*changes)
    table = dict(changes)
    for index in range(held.size):
        assert held.get(index) is table.get(index, Status.VALID)


@pytest.mark.parametrize("index", [-1, 64, 2**32 - 1, MAX_SIZE])
def test_index_past_the_end_is_unknown(index: int) -> None:
    assert status_list().get(index) is None


def test_change_past_the_end_changes_nothing() -> None:
    bits = bytes(16)
    for index in (-1, 64, 65):
        with pytest.raises(MalformedError, match="is not in the list of 64"):
            with_changes(bits, 64, ((0, Status.REVOKED), (index, Status.REVOKED)))
    assert bits == bytes(16)


@given(CHANGES, SEQS, st.integers(0, MAX_SEQ), st.integers(0, 3))
def test_every_list_reads_back(
    changes: tuple[tuple[int, Status], ...], seq: int, issued_at: int, more: int
) -> None:
    held = status_list(*changes, seq=seq, size=64 + more, issued_at=issued_at)
    assert StatusList.from_body(held.to_body()) == held


@given(CHANGES, SEQS)
def test_every_delta_reads_back(changes: tuple[tuple[int, Status], ...], base: int) -> None:
    one = delta(base, base + 1, *changes)
    assert Delta.from_body(one.to_body()) == one


@given(st.binary(max_size=80))
def test_any_bytes_are_a_list_or_delta_or_malformed(body: bytes) -> None:
    for read in (StatusList.from_body, Delta.from_body):
        with pytest.raises(MalformedError):
            read(body)


# ---- bodies that are not what they claim -------------------------------------------------------

LIST: dict[str, object] = {
    "site": SITE,
    "seq": 1,
    "issued_at": 0,
    "size": 8,
    "bits": zlib.compress(b"\x01\x00"),
}
PACKER = zlib.compressobj(zdict=b"a dictionary")
WITH_DICTIONARY = PACKER.compress(b"\x01\x00") + PACKER.flush()
RAW = zlib.compress(b"\x01\x00")[2:-4]
WRONG_LISTS: dict[str, object] = {
    "no map": [1],
    "a field more": LIST | {"more": 1},
    "a field less": {name: LIST[name] for name in LIST if name != "seq"},
    "a seq that is true": LIST | {"seq": True},
    "seq 0": LIST | {"seq": 0},
    "a seq past 2^53": LIST | {"seq": 2**53},
    "a size that is true": LIST | {"size": True, "bits": zlib.compress(b"\x01")},
    "a size below 0": LIST | {"size": -1},
    "a size past its bound": LIST | {"size": MAX_SIZE + 1},
    "a time before 1970": LIST | {"issued_at": -1},
    "a site in capitals": LIST | {"site": "PLANT"},
    "bits as text": LIST | {"bits": "bits"},
    "bits that are not packed": LIST | {"bits": b"\x01\x00"},
    "bits packed without a frame": LIST | {"bits": RAW},
    "bits packed with a dictionary": LIST | {"bits": WITH_DICTIONARY},
    "one byte too few": LIST | {"bits": zlib.compress(b"\x01")},
    "one byte too many": LIST | {"bits": zlib.compress(b"\x01\x00\x00")},
    "no bits": LIST | {"bits": zlib.compress(b"")},
    "an empty text for bits": LIST | {"bits": b""},
    "bits with a tail": LIST | {"bits": zlib.compress(b"\x01\x00") + b"\0"},
    "two packed streams": LIST | {"bits": zlib.compress(b"\x01\x00") * 2},
    "bits without their checksum": LIST | {"bits": zlib.compress(b"\x01\x00")[:-4]},
    "bits with a wrong checksum": LIST | {"bits": zlib.compress(b"\x01\x00")[:-1] + b"\0"},
    "bits after the last index": LIST | {"size": 5, "bits": zlib.compress(b"\x00\x04")},
}


@pytest.mark.parametrize("name", WRONG_LISTS)
def test_list_is_malformed_with(name: str) -> None:
    assert StatusList.from_body(canonical.encode(LIST)).get(0) is Status.REVOKED
    with pytest.raises(MalformedError):
        StatusList.from_body(canonical.encode(WRONG_LISTS[name]))


def test_list_ends_where_its_size_ends_also_within_a_byte() -> None:
    held = StatusList.from_body(
        canonical.encode(LIST | {"size": 5, "bits": zlib.compress(b"\xaa\x01")})
    )
    assert [held.get(index) for index in (3, 4, 5)] == [Status.SUSPENDED, Status.REVOKED, None]


def test_bits_that_unpack_to_gigabytes_are_refused_without_unpacking_them() -> None:
    packer = zlib.compressobj(9)
    megabyte = bytes(2**20)
    bomb = b"".join(packer.compress(megabyte) for _ in range(256)) + packer.flush()
    body = canonical.encode(LIST | {"bits": bomb})
    tracemalloc.start()
    try:
        with pytest.raises(MalformedError, match="do not unpack to 2 bytes"):
            StatusList.from_body(body)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 8 * len(body) < 8 * 2**20


def test_body_past_its_bound_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedError, match="at most"):
        StatusList.from_body(bytes(MAX_LIST_BYTES + 1))
    with pytest.raises(MalformedError, match="at most"):
        Delta.from_body(bytes(MAX_DELTA_BYTES + 1))


def test_largest_list_and_delta_fit_their_bounds() -> None:
    noise = hashlib.shake_256(b"noise").digest(MAX_SIZE // 4)
    full = StatusList(site=SiteId("s" * 32), seq=MAX_SEQ, issued_at=0, size=MAX_SIZE, bits=noise)
    assert len(full.bits) + 64 * 1024 == MAX_LIST_BYTES
    assert len(full.to_body()) <= MAX_LIST_BYTES
    first = MAX_SIZE - MAX_CHANGES
    most = delta(MAX_SEQ - 1, MAX_SEQ, *((first + n, Status.SUSPENDED) for n in range(MAX_CHANGES)))
    assert len(most.to_body()) <= MAX_DELTA_BYTES
    assert Delta.from_body(most.to_body()) == most


DELTA: dict[str, object] = {
    "site": SITE,
    "base": 1,
    "seq": 2,
    "issued_at": 0,
    "changes": [[1, 2], [3, 0]],
}
WRONG_DELTAS: dict[str, object] = {
    "no map": 1,
    "a field more": DELTA | {"more": 1},
    "base 0": DELTA | {"base": 0},
    "a base that is true": DELTA | {"base": True},
    "a base as late as itself": DELTA | {"base": 2},
    "a base later than itself": DELTA | {"base": 3},
    "a seq past 2^53": DELTA | {"seq": 2**53},
    "a time before 1970": DELTA | {"issued_at": -1},
    "a site that is a word of the topics": DELTA | {"site": "policy"},
    "changes as a map": DELTA | {"changes": {}},
    "a change that is a number": DELTA | {"changes": [1]},
    "a change of three parts": DELTA | {"changes": [[1, 2, 3]]},
    "an index that is true": DELTA | {"changes": [[True, 2]]},
    "a status that is true": DELTA | {"changes": [[1, True]]},
    "status 3": DELTA | {"changes": [[1, 3]]},
    "an index below 0": DELTA | {"changes": [[-1, 1]]},
    "an index past every list": DELTA | {"changes": [[MAX_SIZE, 1]]},
    "an index twice": DELTA | {"changes": [[1, 1], [1, 2]]},
    "indices that fall": DELTA | {"changes": [[3, 1], [1, 2]]},
    "too many changes": DELTA | {"changes": [[n, 1] for n in range(MAX_CHANGES + 1)]},
}


@pytest.mark.parametrize("name", WRONG_DELTAS)
def test_delta_is_malformed_with(name: str) -> None:
    assert Delta.from_body(canonical.encode(DELTA)).changes[1] == (3, Status.VALID)
    with pytest.raises(MalformedError):
        Delta.from_body(canonical.encode(WRONG_DELTAS[name]))


@pytest.mark.parametrize(
    ("size", "length", "seq", "issued_at"),
    [(-1, 0, 1, 0), (4, 2, 1, 0), (5, 1, 1, 0), (4, 1, 0, 0), (4, 1, 1, -1)],
)
def test_list_whose_parts_do_not_fit_is_never_made(
    size: int, length: int, seq: int, issued_at: int
) -> None:
    with pytest.raises(MalformedError):
        StatusList(site=SITE, seq=seq, issued_at=issued_at, size=size, bits=bytes(length))


# ---- what replaces what ------------------------------------------------------------------------


def test_first_list_is_empty_and_accepted() -> None:
    first = empty_list(SITE, 9, NOON)
    assert accept_list(None, first, SITE) is first
    assert (first.seq, first.get(8), first.get(9)) == (1, Status.VALID, None)


def test_list_is_taken_only_when_newer_and_ours() -> None:
    held = status_list(seq=5)
    newer = status_list(seq=6)
    assert accept_list(held, newer, SITE) is newer
    for seq in (1, 4, 5):
        with pytest.raises(RollbackError, match="already at 5"):
            accept_list(held, status_list(seq=seq), SITE)
    for held_or_none in (held, None):
        with pytest.raises(WrongRecipientError, match="ours is plant-8"):
            accept_list(held_or_none, newer, SiteId("plant-8"))


@pytest.mark.parametrize(
    ("held_seq", "base", "seq", "error"),
    [
        (5, 5, 6, None),
        (5, 5, 9, None),
        (5, 1, 6, None),
        (5, 1, 5, RollbackError),
        (5, 1, 4, RollbackError),
        (5, 6, 7, GapError),
        (5, 8, 9, GapError),
    ],
)
def test_delta_fits_a_list_from_its_base_up_to_before_itself(
    held_seq: int, base: int, seq: int, error: type[Exception] | None
) -> None:
    held = status_list((1, Status.SUSPENDED), seq=held_seq)
    before = held.to_body()
    one = delta(base, seq, (0, Status.REVOKED), (1, Status.VALID))
    if error is not None:
        with pytest.raises(error):
            apply_delta(held, one)
    else:
        applied = apply_delta(held, one)
        assert (applied.seq, applied.issued_at, applied.size) == (seq, NOON + seq, held.size)
        assert [applied.get(i) for i in range(3)] == [Status.REVOKED, Status.VALID, Status.VALID]
    assert held.to_body() == before


def test_delta_of_another_site_or_past_the_end_is_refused() -> None:
    held = status_list(seq=5)
    with pytest.raises(WrongRecipientError, match="made for site plant-8"):
        apply_delta(held, delta(5, 6, site="plant-8"))
    with pytest.raises(MalformedError, match="not in the list of 64"):
        apply_delta(held, delta(5, 6, (64, Status.REVOKED)))


@given(st.data())
def test_any_deltas_in_any_order_lead_to_what_the_controller_has(data: st.DataObject) -> None:
    """Replays and gaps included: after the newest delta, the gateway knows all of it."""
    history: list[dict[int, Status]] = [{}]
    for change in data.draw(st.lists(st.tuples(INDICES, st.sampled_from(Status)), min_size=1)):
        history.append(history[-1] | dict([change]))
    last = len(history)
    deltas = [delta(1, seq, *sorted(history[seq - 1].items())) for seq in range(2, last + 1)]
    held = status_list()
    for one in (*data.draw(st.lists(st.sampled_from(deltas))), deltas[-1]):
        held = taken_or_held(held, one)
    assert held.bits == status_list(*sorted(history[-1].items())).bits
    assert held.seq == last


def taken_or_held(held: StatusList, one: Delta) -> StatusList:
    try:
        return apply_delta(held, one)
    except RollbackError:
        assert one.seq <= held.seq
        return held


def test_change_that_was_undone_reaches_a_gateway_that_saw_only_the_first_half() -> None:
    held = apply_delta(status_list(), delta(1, 2, (4, Status.SUSPENDED)))
    assert held.get(4) is Status.SUSPENDED
    assert apply_delta(held, delta(1, 3, (4, Status.VALID))).get(4) is Status.VALID


def test_statuses_keep_their_numbers() -> None:
    numbers: Iterable[int] = (int(status) for status in Status)
    assert list(numbers) == [0, 1, 2]
