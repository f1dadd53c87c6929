"""The one deterministic byte encoding used for signing (docs/protocol.md, introduction).

`cbor2` does the encoding; this module narrows it to one accepted form of each value, so that a
signature over bytes is a signature over the value. The decoder runs on bytes that nobody vouches
for yet: no tag reaches cbor2's own decoders (which would build decimals, compile regular
expressions and follow references), nesting is bounded, and sizes are only what the bytes hold.
"""

import io
from typing import Any, NoReturn

import cbor2

from doorward.errors import MalformedError

MAX_DEPTH = 8
MAX_KEY_BYTES = 64


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("tags are outside the profile")


_BUILT_IN_TAGS = (*range(6), 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004)
_NO_TAGS = dict.fromkeys((*_BUILT_IN_TAGS, 43000, 55799), _refuse_tag)
_ERRORS = (ValueError, TypeError, EOFError, OverflowError, RecursionError, cbor2.CBORError)


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
    value, again = _decode(raw, what)
    if again != raw:
        raise MalformedError(f"{what}: not the canonical encoding, or bytes follow it")
    return value


def decode_first(data: bytes | memoryview, what: str = "message") -> Any:  # noqa: ANN401
    """Returns the first value in `data`, whatever follows it; for tables that were signed whole.

    Raises:
        MalformedError: no canonical value begins here.
    """
    raw = bytes(data)
    value, again = _decode(raw, what)
    if not raw.startswith(again):
        raise MalformedError(f"{what}: not the canonical encoding")
    return value


def load(raw: bytes, what: str, *, max_depth: int = MAX_DEPTH) -> tuple[Any, int]:
    """Returns the first value in `raw` and how many bytes it took; looser than `decode`.

    Floats and second spellings pass; tags, indefinite lengths and repeated keys do not.

    Raises:
        MalformedError: no such value begins here.
    """
    stream = io.BytesIO(raw)
    try:
        value = cbor2.load(
            stream,
            semantic_decoders=_NO_TAGS,
            tag_hook=_refuse_tag,
            max_depth=max_depth,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    except _ERRORS as err:
        raise MalformedError(f"{what}: not CBOR of the profile: {str(err)[:160]}") from err
    return value, stream.tell()


def _decode(raw: bytes, what: str) -> tuple[Any, bytes]:
    """Returns the first value and its canonical encoding."""
    value, _ = load(raw, what)
    try:
        return value, encode(value)
    except _ERRORS as err:
        raise MalformedError(f"{what}: not canonical CBOR: {str(err)[:160]}") from err


def _check(value: object, depth: int) -> None:
    """Raises TypeError for what is outside the profile."""
    if value is None or isinstance(value, (bool, bytes, str)):
        return
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise TypeError("integer does not fit 64 bits")
        return
    if not isinstance(value, (list, tuple, dict)):
        raise TypeError(f"{type(value).__name__} is outside the profile")
    if depth == MAX_DEPTH:
        raise TypeError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        _check_keys(value)
        value = value.values()
    for item in value:
        _check(item, depth + 1)


def _check_keys(table: dict[Any, Any]) -> None:
    """Raises TypeError for keys on whose order RFC 7049 (cbor2's) and RFC 8949 (ours) differ.

    They agree within numbers and within texts, and differ where one map holds both.
    """
    are_numbers = [_is_number_key(key) for key in table]
    if any(are_numbers) and not all(are_numbers):
        raise TypeError("map keys must be all numbers or all texts")


def _is_number_key(key: object) -> bool:
    if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < 2**16:
        return True
    if isinstance(key, str) and len(key.encode()) <= MAX_KEY_BYTES:
        return False
    raise TypeError(f"a map key is no number below 65536 and no text of up to {MAX_KEY_BYTES}")
