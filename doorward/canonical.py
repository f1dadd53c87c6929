"""The one deterministic byte encoding used for signing (docs/protocol.md, introduction).

`cbor2` does the encoding; this module narrows it to one accepted form of each value, so that a
signature over bytes is a signature over the value.
"""

import io
from typing import Any

import cbor2

from doorward.errors import MalformedError

_MAX_DEPTH = 8


def encode(value: object) -> bytes:
    """Returns the canonical CBOR of `value`.

    Raises:
        TypeError: the value holds a float, a set, a date or another type outside the profile.
    """
    _check(value, 0)
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes | memoryview, what: str = "message") -> Any:  # noqa: ANN401  # callers check the shape
    """Returns the value of canonical CBOR.

    Raises:
        MalformedError: not CBOR, trailing bytes, a type outside the profile, or another
            encoding than the canonical one.
    """
    raw = bytes(data)
    try:
        value = cbor2.loads(raw)
        _check(value, 0)
        again = cbor2.dumps(value, canonical=True)
    except (ValueError, TypeError, EOFError, OverflowError, RecursionError, cbor2.CBORError) as err:
        raise MalformedError(f"{what}: not canonical CBOR: {err}") from err
    if again != raw:
        raise MalformedError(f"{what}: not the canonical encoding, or bytes follow it")
    return value


def _check(value: object, depth: int) -> None:
    """Raises TypeError for what is outside the profile."""
    if depth > _MAX_DEPTH:
        raise TypeError(f"nested deeper than {_MAX_DEPTH}")
    if value is None or isinstance(value, (bool, bytes, str)):
        return
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise TypeError("integer does not fit 64 bits")
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_key(key)
            _check(item, depth + 1)
    else:
        raise TypeError(f"{type(value).__name__} is outside the profile")


def _check_key(key: object) -> None:
    """Keys on which RFC 7049 and RFC 8949 ordering agree."""
    small = isinstance(key, int) and not isinstance(key, bool) and 0 <= key < 2**16
    short = isinstance(key, str) and len(key.encode()) < 24
    if not (small or short):
        raise TypeError(f"map key {key!r} is not a small number or a short text")


def decode_first(data: bytes | memoryview, what: str = "message") -> Any:  # noqa: ANN401
    """Returns the first value in `data`, whatever follows it; for tables that were signed whole.

    Raises:
        MalformedError: no value begins here.
    """
    try:
        return cbor2.CBORDecoder(io.BytesIO(data)).decode()
    except (ValueError, TypeError, EOFError, OverflowError, RecursionError, cbor2.CBORError) as err:
        raise MalformedError(f"{what}: not CBOR: {err}") from err
