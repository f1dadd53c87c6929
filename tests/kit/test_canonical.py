"""One value, one encoding; nothing outside the profile, and no costly way to a refusal."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import canonical
from doorward.errors import MalformedError

NUMBER_KEYS = st.integers(0, 2**16 - 1)
TEXT_KEYS = st.text(alphabet=st.characters(codec="utf-8"), max_size=16)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.binary(max_size=300)
    | st.text(max_size=40)
)


def containers(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    few = st.lists(inner, max_size=4)
    return (
        few
        | st.dictionaries(NUMBER_KEYS, inner, max_size=4)
        | st.dictionaries(TEXT_KEYS, inner, max_size=4)
    )


VALUES = st.recursive(LEAVES, containers, max_leaves=8)


@given(VALUES)
def test_whatever_is_encoded_decodes_to_itself(value: object) -> None:
    wire = canonical.encode(value)
    assert canonical.decode(wire) == value
    assert canonical.decode_first(wire + b"tail") == value


@given(st.binary(max_size=64) | VALUES.map(cbor2.dumps))
def test_any_bytes_decode_to_a_value_with_this_one_encoding_or_are_malformed(raw: bytes) -> None:
    try:
        value = canonical.decode(raw)
    except MalformedError:
        return
    assert canonical.encode(value) == raw


@given(st.binary(max_size=64))
def test_any_bytes_begin_with_a_value_or_are_malformed(raw: bytes) -> None:
    try:
        value = canonical.decode_first(raw)
    except MalformedError:
        return
    assert raw.startswith(canonical.encode(value))


OTHER_SPELLINGS = {
    "a number in more bytes than it needs": "1801",
    "a length in more bytes than it needs": "780161",
    "an array without a length": "9f01ff",
    "a text in pieces": "7f6161ff",
    "keys in the wrong order": "a2616201616101",
    "keys longest first": "a262616101616201",
    "a key twice": "a2616101616102",
    "a byte after the end": "0100",
    "nothing at all": "",
    "the end of an array that never began": "ff",
    "an array that is cut off": "8201",
    "an array of 2^64 - 1": "9bffffffffffffffff",
    "a text of 64 GiB": "7b0000000fffffffff",
    "a map of 64 G pairs": "bb0000000fffffffff",
    "text that is not UTF-8": "62c328",
    "half a surrogate pair": "63eda080",
    "a float": "f93c00",
    "not a number": "f97e00",
    "undefined": "f7",
    "a simple value": "f8ff",
    "a number below -2^63": "3b8000000000000000",
    "a big number": "c24101",
    "a big number under a tag in an array": "81c249010000000000000000",
    "a date": "c11a68e7a000",
    "a decimal of 32,767 digits": "c482197fff01",
    "a fraction": "d81e820102",
    "a regular expression": "d82362282f",
    "a list that holds itself": "d81c81d81d00",
    "an unknown tag": "d9ffff01",
    "the magic tag of CBOR": "d9d9f701",
    "a set": "d9010280",
    "a network address": "d903ec01",
    "a map key that is true": "a1f501",
    "a map key that is negative": "a12001",
    "a map key that is a list": "a1800 1".replace(" ", ""),
    "a map key that is bytes": "a1416101",
    "a map key past 65535": "a11a0001000001",
    "numbers and texts as keys of one map": "a2000161610 1".replace(" ", ""),
    "a map key of 65 bytes": "a17841" + "61" * 65 + "01",
    "nine arrays deep": "81" * 9 + "00",
    "10,000 arrays deep": "81" * 10_000 + "00",
}


@pytest.mark.parametrize("name", OTHER_SPELLINGS)
def test_decoder_refuses(name: str) -> None:
    raw = bytes.fromhex(OTHER_SPELLINGS[name])
    with pytest.raises(MalformedError):
        canonical.decode(raw, "it")


@pytest.mark.parametrize("name", [name for name in OTHER_SPELLINGS if "after the end" not in name])
def test_decoder_of_the_first_value_refuses_no_less(name: str) -> None:
    with pytest.raises(MalformedError):
        canonical.decode_first(bytes.fromhex(OTHER_SPELLINGS[name]), "it")


@pytest.mark.parametrize(
    "raw", ["9f01ff", "7f6161ff", "bf6161ff", "a2616101616102", "81" * 9 + "00"]
)
def test_loose_loader_refuses_what_has_no_length_repeats_keys_or_is_deep(raw: str) -> None:
    with pytest.raises(MalformedError, match="of the profile"):
        canonical.load(bytes.fromhex(raw), "it")


def test_loose_loader_says_where_the_value_ends() -> None:
    assert canonical.load(bytes.fromhex("820118020a0b"), "it") == ([1, 2], 4)


def test_eight_arrays_deep_pass_in_both_directions_and_nine_in_none() -> None:
    eight: list[object] = []
    for _ in range(7):
        eight = [eight]
    assert canonical.decode(canonical.encode(eight)) == eight
    with pytest.raises(TypeError, match="deeper than 8"):
        canonical.encode([eight])


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        {1, 2},
        pytest.param(object(), id="an object of no kind"),  # its own repr holds an address
        2**64,
        -(2**63) - 1,
        {None: 1},
        {True: 1},
        {1: 1, "a": 2},
        {"a" * 65: 1},
    ],
    ids=repr,
)
def test_encoder_refuses_what_is_outside_the_profile(value: object) -> None:
    with pytest.raises(TypeError):
        canonical.encode(value)


def test_map_keys_come_in_the_order_of_rfc_8949() -> None:
    for keys in ([0, 23, 24, 255, 256, 65535], ["", "b", "aa", "z" * 23, "a" * 24, "a" * 64]):
        encoded = [cbor2.dumps(key) for key in keys]
        assert encoded == sorted(encoded), "the RFC orders by the bytes of the encoded keys"
        wire = canonical.encode(dict.fromkeys(reversed(keys), 0))
        places = [wire.index(key + b"\0") for key in encoded]
        assert places == sorted(places)


def test_error_does_not_repeat_what_an_attacker_wrote_at_length() -> None:
    with pytest.raises(MalformedError) as caught:
        canonical.decode(cbor2.dumps({"k" * 100_000: 1}), "header")
    assert len(str(caught.value)) < 300


def test_no_tag_reaches_a_decoder_of_its_own() -> None:
    """Also not one that a later cbor2 brings: each is refused by us, before it is looked at."""
    for tag in (*range(2**16), 2**32, 2**64 - 1):
        raw = cbor2.dumps(cbor2.CBORTag(tag, 0))
        with pytest.raises(MalformedError) as caught:
            canonical.load(raw, "it")
        causes = (caught.value.__cause__, caught.value.__cause__.__cause__)  # type: ignore[union-attr]
        assert "outside the profile" in f"{causes}", tag
