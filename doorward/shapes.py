"""Checks that a decoded value has the shape that its place in a message asks for."""

from io import BytesIO
from typing import Any, NoReturn

import cbor2

from doorward.errors import BadIdError, MalformedError
from doorward.ids import (
    MAX_EPOCH,
    MAX_SEQ,
    Epoch,
    GatewayId,
    SiteId,
    parse_gateway_id,
    parse_site_id,
)

_BUILT_IN_TAGS = (*range(6), 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004)


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("tags are outside the profile")


_NO_TAGS = dict.fromkeys((*_BUILT_IN_TAGS, 43000, 55799), _refuse_tag)
"""Without this a message could make the decoder compile a regular expression or build a decimal."""


def load_cbor(data: bytes, what: str, *, max_depth: int) -> Any:  # noqa: ANN401  # callers check the shape
    """Returns the one value of CBOR without tags, indefinite lengths and repeated keys.

    Four times faster than `canonical.decode` and less strict: other encodings of the same value
    pass, and floats do. For what already lies in a signed body and is checked by shape after.

    Raises:
        MalformedError: it is not that.
    """
    stream = BytesIO(data)
    try:
        value = cbor2.load(
            stream,
            semantic_decoders=_NO_TAGS,
            tag_hook=_refuse_tag,
            max_depth=max_depth,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    except (ValueError, TypeError, EOFError, OverflowError, RecursionError, cbor2.CBORError) as err:
        raise MalformedError(f"{what}: not CBOR of the profile: {err}") from err
    if stream.tell() != len(data):
        raise MalformedError(f"{what}: {len(data) - stream.tell()} bytes follow it")
    return value


def number(value: object, what: str, most: int) -> int:
    """Returns a whole number of 0 to `most`. Raises MalformedError."""
    if type(value) is not int or not 0 <= value <= most:
        raise MalformedError(f"{what} is not a number of 0 to {most}")
    return value


def octets(value: object, what: str, length: int) -> bytes:
    """Returns exactly `length` bytes. Raises MalformedError."""
    if not isinstance(value, bytes) or len(value) != length:
        raise MalformedError(f"{what} is not {length} bytes")
    return value


def text(value: object, what: str, most: int) -> str:
    """Returns a text of at most `most` characters that every database takes.

    Raises:
        MalformedError: no text, too long, or with NUL or half a surrogate pair in it.
    """
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        raise MalformedError(f"{what} is not a text of at most {most} characters")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise MalformedError(f"{what} holds half a surrogate pair")
    return value


def epoch(value: object, what: str) -> Epoch:
    """Returns a journal's epoch. Raises MalformedError."""
    return Epoch(number(value, what, MAX_EPOCH))


def sequence_number(value: object, what: str) -> int:
    """Returns a record's number, from 1. Raises MalformedError."""
    if value == 0:
        raise MalformedError(f"{what} is 0, numbers begin at 1")
    return number(value, what, MAX_SEQ)


def site(value: object, what: str) -> SiteId:
    """Returns a site's name. Raises MalformedError."""
    try:
        return parse_site_id(text(value, what, 32))
    except BadIdError as err:
        raise MalformedError(f"{what}: {err}") from err


def gateway(value: object, what: str) -> GatewayId:
    """Returns a gateway's name. Raises MalformedError."""
    try:
        return parse_gateway_id(text(value, what, 32))
    except BadIdError as err:
        raise MalformedError(f"{what}: {err}") from err
