"""Stickers: Crockford's base32 with its check symbol, in what a QR code's alphanumeric mode has."""

import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import base45
from doorward.sticker import (
    StickerClaim,
    group_for_reading,
    make_sticker,
    normalise_typed,
    read_sticker,
    sticker_digest,
)

NUMBERS = st.binary(min_size=10, max_size=10)
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def number_of(value: int) -> bytes:
    return value.to_bytes(10)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "DW000000000000000000"),
        (1, "DW000000000000000011"),
        (31, "DW0000000000000000ZZ"),
        (32, "DW00000000000000010*"),
        (36, "DW00000000000000014U"),
        (37, "DW000000000000000150"),
        (1234, "DW0000000000000016JD"),
        (34, "DW00000000000000012$"),
        (2**80 - 2, "DW0ZZZZZZZZZZZZZZZY*"),
    ],
)
def test_known_numbers_have_known_texts(value: int, text: str) -> None:
    assert make_sticker(number_of(value)) == text
    assert read_sticker(text.encode()) == StickerClaim(sticker_digest(number_of(value)))


@pytest.mark.parametrize("value", [33, 35, 33 + 37, 35 + 37 * 10**9])
def test_number_whose_check_symbol_a_qr_code_lacks_is_never_issued_and_is_refused(
    value: int,
) -> None:
    assert make_sticker(number_of(value)) is None
    digits = "".join(CROCKFORD[value >> shift & 31] for shift in range(75, -1, -5))
    for check in "~=*$U" + CROCKFORD:
        assert read_sticker(f"DW0{digits}{check}".encode()) is None


@given(NUMBERS)
def test_what_is_made_is_read(number: bytes) -> None:
    text = make_sticker(number)
    if text is None:
        assert int.from_bytes(number) % 37 in {33, 35}
        return
    assert len(text) == 20
    assert set(text) <= set(base45.ALPHABET.decode())
    assert read_sticker(text.encode()) == StickerClaim(sticker_digest(number))


def test_numbers_of_another_length_are_refused() -> None:
    for length in (0, 9, 11):
        with pytest.raises(ValueError, match="must be 10"):
            make_sticker(bytes(length))


def test_every_single_character_change_append_and_truncation_is_refused() -> None:
    good = make_sticker(bytes(range(10)))
    assert good is not None
    for place in range(len(good)):
        for other in set(string.printable) | {"~", "é", "\0"}:
            if other != good[place]:
                changed = good[:place] + other + good[place + 1 :]
                assert read_sticker(changed.encode()) is None, changed
        assert read_sticker(good[:place].encode()) is None
        assert read_sticker((good[:place] + good[place + 1 :]).encode()) is None
    for tail in string.printable:
        assert read_sticker((good + tail).encode()) is None


def test_neighbours_that_changed_places_are_refused() -> None:
    good = make_sticker(bytes(range(1, 11)))
    assert good is not None
    for place in range(3, 19):
        one, other = good[place], good[place + 1]
        swapped = good[:place] + other + one + good[place + 2 :]
        assert one == other or read_sticker(swapped.encode()) is None


def test_digest_hides_the_number_and_is_bound_to_its_purpose() -> None:
    number = bytes(range(10))
    digest = sticker_digest(number)
    assert digest == hashlib.sha256(b"doorward/1/DW0\x00" + number).digest()[:16]
    assert digest != hashlib.sha256(number).digest()[:16]


@given(NUMBERS)
def test_what_a_person_types_by_hand_is_understood(number: bytes) -> None:
    text = make_sticker(number)
    if text is None:
        return
    printed = group_for_reading(text)
    assert printed.replace("-", "") == text
    for typed in (printed, printed.lower(), printed.replace("-", " "), text.replace("0", "o")):
        assert normalise_typed(typed) == text.encode()
    assert normalise_typed(text.replace("1", "l")) == text.encode()
    assert normalise_typed(text.replace("1", "I")) == text.encode()


@given(st.text(max_size=40))
def test_typing_anything_gives_ascii_and_never_fails(typed: str) -> None:
    assert normalise_typed(typed).isascii()
