"""Base45 against the examples of RFC 9285 and as a bijection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import base45
from doorward.errors import MalformedError


@pytest.mark.parametrize(
    ("data", "text"), [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581")]
)
def test_encoding_examples_of_rfc_9285_section_4_3(data: bytes, text: str) -> None:
    assert base45.encode(data) == text
    assert base45.decode(text.encode()) == data


def test_decoding_example_of_rfc_9285_section_4_4() -> None:
    assert base45.decode(b"QED8WEX0") == b"ietf!"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"GGW", "65536 does not fit two bytes, RFC 9285 section 6"),
        (b":::", "91124 does not fit two bytes"),
        (b"V5", "256 does not fit one byte"),
        (b"::", "2024 does not fit one byte"),
        (b"B", "no encoding has one character"),
        (b"BB8B", "no encoding has four characters"),
        (b"bb8", "small letters"),
        (b"BB8\n", "a line end"),
        (b"B\x00\x00", "NUL"),
        (b"BB\xff", "a byte outside ASCII"),
        (b"BB_", "an underscore"),
    ],
)
def test_decoder_refuses(text: bytes, why: str) -> None:
    with pytest.raises(MalformedError):
        base45.decode(text)
    assert why


def test_largest_groups_decode() -> None:
    assert base45.decode(b"FGW") == b"\xff\xff"
    assert base45.decode(b"U5") == b"\xff"
    assert base45.decode(b"") == b""


@given(st.binary(max_size=200))
def test_every_byte_string_has_an_encoding_that_decodes_to_it(data: bytes) -> None:
    assert base45.decode(base45.encode(data).encode()) == data


@given(st.text(alphabet=base45.ALPHABET.decode(), max_size=40) | st.binary(max_size=40))
def test_what_decodes_is_the_encoding_of_what_it_decodes_to(text: str | bytes) -> None:
    raw = text.encode() if isinstance(text, str) else text
    try:
        data = base45.decode(raw)
    except MalformedError:
        return
    assert base45.encode(data).encode() == raw
