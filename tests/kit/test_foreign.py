"""Foreign codes: the same number is the same code, and nothing else is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.foreign import LONGEST_BYTES, Family, foreign_digest, read_foreign
from doorward.sticker import sticker_digest

SALT, OTHER_SALT = bytes(range(16)), bytes(16)
LINES, SQUARES = Family.LINES, Family.SQUARES
NUMBER = b"004711"


def test_the_same_number_in_bars_and_squares_is_two_codes() -> None:
    assert foreign_digest(NUMBER, LINES, SALT) != foreign_digest(NUMBER, SQUARES, SALT)


def test_another_site_knows_a_number_by_another_hash() -> None:
    assert foreign_digest(NUMBER, LINES, SALT) != foreign_digest(NUMBER, LINES, OTHER_SALT)


def test_a_foreign_code_is_never_taken_for_a_sticker() -> None:
    assert foreign_digest(bytes(10), LINES, SALT) != sticker_digest(bytes(10))


def test_blanks_round_a_number_do_not_count_and_within_it_do() -> None:
    assert foreign_digest(b" \t004711\r\n", LINES, SALT) == foreign_digest(NUMBER, LINES, SALT)
    assert foreign_digest(b"004 711", LINES, SALT) != foreign_digest(NUMBER, LINES, SALT)
    assert foreign_digest(b"4711", LINES, SALT) != foreign_digest(NUMBER, LINES, SALT)


def test_a_scanner_that_does_not_tell_claims_both_families() -> None:
    claim = read_foreign(NUMBER, (LINES, SQUARES), SALT)
    assert claim is not None
    assert claim.digests == tuple(foreign_digest(NUMBER, family, SALT) for family in Family)


@pytest.mark.parametrize(
    ("text", "families", "salt"),
    [
        (b"123", (LINES,), SALT),
        (b" 123\r\n", (LINES,), SALT),
        (b"", (LINES,), SALT),
        (b"1" * (LONGEST_BYTES + 1), (SQUARES,), SALT),
        (NUMBER, (LINES,), b""),
        (NUMBER, (), SALT),
    ],
    ids=["short", "short without blanks", "empty", "long", "nothing is linked here", "no family"],
)
def test_what_is_never_linked_is_no_claim(
    text: bytes, families: tuple[Family, ...], salt: bytes
) -> None:
    assert read_foreign(text, families, salt) is None


def test_a_number_that_cannot_be_linked_says_why() -> None:
    with pytest.raises(ValueError, match="4 to 128 bytes, this one 3"):
        foreign_digest(b"123\n", LINES, SALT)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_claim_or_none(payload: bytes) -> None:
    claim = read_foreign(payload, (LINES,), SALT)
    assert (claim is not None) == (4 <= len(payload.strip(b" \t\r\n")) <= LONGEST_BYTES)
