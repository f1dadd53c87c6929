"""Status lists and deltas, in order, with what is known of each index after each.

The lists are packed in stored blocks (RFC 1951 §3.2.4), written here byte by byte, so that these
bytes do not depend on anybody's zlib.
"""

import struct
import zlib

from doorward import canonical
from doorward.ids import SiteId
from doorward.status import Delta, Status

SITE = SiteId("plant-7")
AT = 1_760_000_000


def vectors() -> dict[str, object]:
    """Returns what tests/vectors/status.json holds."""
    return {
        "layout": {
            "source": "IETF Token Status List, the 2-bit example: twelve values in three bytes",
            "bits": "c944f9",
            "values": [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3],
        },
        "messages": [
            {"why": why, "kind": kind, "body": body.hex(), "error": error, "held": held}
            for why, kind, body, error, held in _messages()
        ],
        "malformed": [
            {"why": why, "kind": kind, "body": body.hex()} for why, kind, body in _malformed()
        ],
    }


def _stored(bits: bytes) -> bytes:
    """A zlib stream of one stored block."""
    length = struct.pack("<HH", len(bits), len(bits) ^ 0xFFFF)
    return b"\x78\x01\x01" + length + bits + zlib.adler32(bits).to_bytes(4)


def _fields(seq: int, size: int, bits: bytes, /, **changes: object) -> dict[str, object]:
    plain = {"site": SITE, "seq": seq, "issued_at": AT + seq, "size": size, "bits": _stored(bits)}
    return plain | changes


def _list(seq: int, size: int, bits: bytes, /, **changes: object) -> bytes:
    return canonical.encode(_fields(seq, size, bits, **changes))


def _delta(base: int, seq: int, *changes: tuple[int, Status], site: str = SITE) -> bytes:
    return Delta(
        site=SiteId(site), base=base, seq=seq, issued_at=AT + seq, changes=changes
    ).to_body()


def _messages() -> list[tuple[str, str, bytes, str | None, dict[str, object]]]:
    """Offered in this order to a gateway that holds nothing; after each, what it holds."""
    first = {"seq": 1, "statuses": [1, 0, 0, 0, 2, 0, 0, 0, 0, 0]}
    second = {"seq": 3, "statuses": [1, 0, 2, 0, 2, 0, 0, 0, 0, 1]}
    third = {"seq": 4, "statuses": [1, 0, 0, 0, 2, 0, 0, 0, 0, 1]}
    fourth = {"seq": 9, "statuses": [1, 1, 1, 1, 2]}
    revoked, suspended, valid = Status.REVOKED, Status.SUSPENDED, Status.VALID
    restored = _delta(1, 4, (2, valid), (9, revoked))
    return [
        ("the first list", "status", _list(1, 10, b"\x01\x02\x00"), None, first),
        ("the same list", "status", _list(1, 10, b"\x01\x02\x00"), "rollback", first),
        (
            "a delta, its predecessor lost",
            "delta",
            _delta(1, 3, (2, suspended), (9, revoked)),
            None,
            second,
        ),
        ("the lost one, late", "delta", _delta(1, 2, (2, suspended)), "rollback", second),
        ("a change undone", "delta", restored, None, third),
        ("that delta again", "delta", restored, "rollback", third),
        ("past the list's end", "delta", _delta(1, 5, (10, revoked)), "malformed", third),
        ("another site's", "delta", _delta(1, 5, site="plant-8"), "wrong_recipient", third),
        ("after a list that was lost", "delta", _delta(5, 6, (0, valid)), "gap", third),
        ("the newest list, shorter", "status", _list(9, 5, b"\x55\x02"), None, fourth),
        ("an older list", "status", _list(5, 10, bytes(3)), "rollback", fourth),
    ]


def _malformed() -> list[tuple[str, str, bytes]]:
    change = {"site": SITE, "base": 1, "seq": 2, "issued_at": AT, "changes": [[1, 1], [2, 2]]}
    return [
        ("seq 0", "status", _list(1, 4, b"\0", seq=0)),
        ("seq true", "status", _list(1, 4, b"\0", seq=True)),
        ("one byte too few", "status", _list(1, 5, b"\0")),
        ("one byte too many", "status", _list(1, 4, b"\0\0")),
        ("bits after the last index", "status", _list(1, 5, b"\x00\x04")),
        ("a byte after the packed bits", "status", _list(1, 4, b"\0", bits=_stored(b"\0") + b"\0")),
        ("packed bits cut", "status", _list(1, 4, b"\0", bits=_stored(b"\0")[:-1])),
        ("a field more", "status", _list(1, 4, b"\0", more=1)),
        ("indices fall", "delta", canonical.encode(change | {"changes": [[2, 2], [1, 1]]})),
        ("an index twice", "delta", canonical.encode(change | {"changes": [[1, 1], [1, 2]]})),
        ("status 3", "delta", canonical.encode(change | {"changes": [[1, 3]]})),
        ("status true", "delta", canonical.encode(change | {"changes": [[1, True]]})),
        ("its own base", "delta", canonical.encode(change | {"base": 2})),
        ("base 0", "delta", canonical.encode(change | {"base": 0})),
    ]
