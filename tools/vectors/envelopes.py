"""Signed envelopes: keyrings that follow each other or may not, and who may sign what, when."""

import struct

from doorward import canonical
from doorward.envelope import Ed25519Signer, Kind, key_id_of, seal_envelope
from doorward.ids import SiteId
from doorward.keys import Key, Keyring, Purpose

SIGNERS = {
    name: Ed25519Signer.from_seed(bytes([number] * 32))
    for number, name in enumerate(
        ("root-a", "root-b", "root-c", "policy", "control", "thief", "command"), 1
    )
}
FROM, TO = 1_760_000_000, 1_791_536_000
WEAK_KEYS = (
    bytes(32),
    (1).to_bytes(32, "little"),
    (2**255 - 20).to_bytes(32, "little"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
    (2**255 - 19).to_bytes(32, "little"),
    (2**255 - 18).to_bytes(32, "little"),
)


def vectors() -> dict[str, object]:
    """Returns what tests/vectors/envelopes.json holds."""
    return {
        "keys": {
            name: {
                "seed": signer.private.private_bytes_raw().hex(),
                "public": signer.public.hex(),
                "key_id": f"{signer.key_id:08x}",
            }
            for name, signer in SIGNERS.items()
        },
        "weak_keys": [key.hex() for key in WEAK_KEYS],
        "keyrings": _history(),
        "malformed_keyrings": [
            {"why": why, "body": canonical.encode(fields).hex()}
            for why, fields in _malformed_keyrings()
        ],
        "messages": _messages(),
        "malformed": [{"why": why, "wire": wire.hex()} for why, wire in _malformed()],
    }


def _key(name: str, purposes: Purpose, *, revoked: bool = False) -> Key:
    public = SIGNERS[name].public
    return Key(public=public, purposes=purposes, not_before=FROM, not_after=TO, revoked=revoked)


def _keyring(version: int, threshold: int, *roots: str, site: str = "plant-7") -> Keyring:
    keys = [_key(name.lstrip("-"), Purpose.ROOT, revoked=name.startswith("-")) for name in roots]
    return Keyring(
        site=SiteId(site),
        version=version,
        created_at=FROM + version,
        threshold=threshold,
        keys=(
            *keys,
            _key("policy", Purpose.POLICY),
            _key("control", Purpose.CONTROL),
            _key("command", Purpose.COMMAND),
        ),
    )


def _history() -> list[dict[str, object]]:
    """Offered in this order to a gateway that begins with the first; `error` null is taken."""
    offers = [
        ("the first", _keyring(1, 1, "root-a"), "root-a", None),
        ("a new root key", _keyring(2, 1, "root-a", "root-b"), "root-a", None),
        ("the same version", _keyring(2, 1, "root-a"), "root-a", "rollback"),
        ("an older version", _keyring(1, 1, "root-a"), "root-a", "rollback"),
        ("by a stranger", _keyring(3, 1, "root-a", "thief"), "thief", "untrusted"),
        ("by a policy key", _keyring(3, 1, "root-a"), "policy", "untrusted"),
        ("another site's", _keyring(3, 1, "root-a", site="plant-8"), "root-a", "wrong_recipient"),
        ("threshold not met", _keyring(3, 2, "root-a", "root-b"), "root-a", "untrusted"),
        ("threshold met", _keyring(3, 2, "root-a", "root-b"), "root-a root-b", None),
        ("lowered by one alone", _keyring(4, 1, "root-a"), "root-a", "untrusted"),
        (
            "a root key revoked, another in its place",
            _keyring(9, 2, "-root-a", "root-b", "root-c"),
            "root-a root-b root-c",
            None,
        ),
        (
            "the revoked one signs",
            _keyring(10, 2, "root-a", "root-b", "root-c"),
            "root-a root-b",
            "untrusted",
        ),
    ]
    return [
        {
            "why": why,
            "body": ring.to_body().hex(),
            "wire": seal_envelope(
                Kind.KEYRING, ring.to_body(), [SIGNERS[name] for name in signers.split()]
            ).hex(),
            "error": error,
        }
        for why, ring, signers, error in offers
    ]


def _malformed_keyrings() -> list[tuple[str, dict[str, object]]]:
    rows = [[SIGNERS[name].public, 1, FROM, TO, False] for name in SIGNERS]
    plain = {"site": "plant-7", "version": 1, "created_at": 0, "threshold": 1, "keys": rows}
    weak = [[WEAK_KEYS[1], 1, FROM, TO, False]]
    return [
        ("threshold 0", plain | {"threshold": 0}),
        ("threshold 5", plain | {"threshold": 5}),
        ("threshold past the root keys", plain | {"keys": rows[:1], "threshold": 2}),
        ("threshold true", plain | {"threshold": True}),
        ("version 0", plain | {"version": 0}),
        ("version true", plain | {"version": True}),
        ("a field more", plain | {"more": 0}),
        ("no keys", plain | {"keys": []}),
        ("the same key twice", plain | {"keys": rows + rows[:1]}),
        ("a weak key", plain | {"keys": rows + weak}),
        ("purpose 32", plain | {"keys": [*rows, [bytes(range(32)), 32, FROM, TO, False]]}),
        ("revoked as a number", plain | {"keys": [[*rows[0][:4], 0]]}),
        ("a window that is empty", plain | {"keys": [[*rows[0][:2], TO, TO, False]]}),
    ]


def _messages() -> list[dict[str, object]]:
    """Judged with the first keyring; `key_id` is the key that makes it count, or null."""
    cases: list[tuple[str, Kind, str, int | None, str | None]] = [
        ("control key, acknowledgement", Kind.ACK, "control", FROM, "control"),
        ("policy key, delta", Kind.DELTA, "policy", FROM, "policy"),
        ("policy key, acknowledgement", Kind.ACK, "policy", FROM, None),
        ("control key, status list", Kind.STATUS, "control", FROM, None),
        ("unknown key", Kind.ACK, "thief", FROM, None),
        ("unknown key beside a good one", Kind.ACK, "thief control", FROM, "control"),
        ("a second before the window", Kind.ACK, "control", FROM - 1, None),
        ("last second of the window", Kind.ACK, "control", TO - 1, "control"),
        ("a second after it", Kind.ACK, "control", TO, None),
        ("a gateway without a clock", Kind.ACK, "control", None, "control"),
        ("command key, command", Kind.COMMAND, "command", FROM, "command"),
        ("command key, configuration", Kind.CONFIG, "command", FROM, "command"),
        ("control key, command", Kind.COMMAND, "control", FROM, None),
        ("command key, acknowledgement", Kind.ACK, "command", FROM, None),
    ]
    return [
        {
            "why": why,
            "kind": kind.value,
            "now": now,
            "wire": seal_envelope(kind, b"body", [SIGNERS[n] for n in signers.split()]).hex(),
            "key_id": by and f"{SIGNERS[by].key_id:08x}",
        }
        for why, kind, signers, now, by in cases
    ]


def _malformed() -> list[tuple[str, bytes]]:
    good = seal_envelope(Kind.ACK, b"body", [SIGNERS["control"]])
    header = good[6 : 6 + int.from_bytes(good[4:6])]
    pair = [key_id_of(SIGNERS["control"].public), bytes(64)]

    def framed(head: bytes) -> bytes:
        return b"DWE1" + struct.pack(">H", len(head)) + head + b"body"

    return [
        ("another magic", b"DWE2" + good[4:]),
        ("cut in the header", good[:40]),
        ("a kind that is not known", framed(canonical.encode(["root", [pair]]))),
        ("no signature", framed(canonical.encode(["ack", []]))),
        ("the same key twice", framed(canonical.encode(["ack", [pair, pair]]))),
        ("nine signatures", framed(canonical.encode(["ack", [[n, bytes(64)] for n in range(9)]]))),
        ("63 bytes of signature", framed(canonical.encode(["ack", [[1, bytes(63)]]]))),
        ("key id true", framed(canonical.encode(["ack", [[True, bytes(64)]]]))),
        ("a length in more bytes than it needs", framed(header.replace(b"cack", b"x\x03ack", 1))),
        ("a byte after the header's value", framed(header + b"\0")),
    ]
