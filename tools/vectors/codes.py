"""The three forms of code, how each byte of them comes about, and codes that must be refused."""

import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from doorward import base45
from doorward.credential import (
    BADGE_CONTEXT,
    PASS_CONTEXT,
    CredentialClass,
    Statement,
    issue_badge,
    issue_pass,
    show_pass,
    slot_message,
)
from doorward.envelope import Ed25519Signer
from doorward.ids import CredentialId
from doorward.sticker import group_for_reading, make_sticker, sticker_digest

ISSUER = Ed25519Signer.from_seed(bytes(range(32)))
REVOKED = Ed25519Signer.from_seed(bytes(range(32, 64)))
STRANGER = Ed25519Signer.from_seed(bytes(range(64, 96)))
HOLDER_SCALAR = 0xD00D
HOLDER = ec.derive_private_key(HOLDER_SCALAR, ec.SECP256R1())
HOLDER_KEY = HOLDER.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
REPEATABLE = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493

PLAIN = Statement(
    key_id=ISSUER.key_id,
    credential_id=CredentialId(bytes.fromhex("00112233445566ff")),
    status_index=65_537,
    not_before=1_760_000_000,
    expires=1_791_536_000,
    credential_class=CredentialClass.EMPLOYEE,
)
EXTREME = Statement(
    key_id=ISSUER.key_id,
    credential_id=CredentialId(b"\xff" * 8),
    status_index=2**32 - 1,
    not_before=0,
    expires=2**32 - 1,
    credential_class=CredentialClass.THING,
)
SLOT = 352_000_800


def vectors() -> dict[str, object]:
    """Returns what tests/vectors/codes.json holds."""
    return {
        "keys": [
            {"seed": key.private.private_bytes_raw().hex(), "public": key.public.hex()}
            | {"key_id": f"{key.key_id:08x}", "purposes": 2, "revoked": key is REVOKED}
            for key in (ISSUER, REVOKED)
        ],
        "holder": {"scalar": f"{HOLDER_SCALAR:x}", "public": HOLDER_KEY.hex()},
        "badges": [_badge(PLAIN), _badge(EXTREME)],
        "passes": [_pass(PLAIN, SLOT), _pass(EXTREME, 2**32 - 1)],
        "stickers": [_sticker(number) for number in (0, 1, 32, 33, 34, 35, 36, 1234, 2**80 - 2)],
        "refused": [
            {"why": why, "payload": payload.hex(), "reason": reason}
            for why, payload, reason in (*_refused_badges(), *_refused_passes(), *_refused())
        ],
    }


def _statement(said: Statement) -> dict[str, object]:
    return {
        "key_id": f"{said.key_id:08x}",
        "credential_id": said.credential_id.hex(),
        "status_index": said.status_index,
        "not_before": said.not_before,
        "expires": said.expires,
        "class": int(said.credential_class),
    }


def _badge(said: Statement) -> dict[str, object]:
    signed = said.to_wire(1)
    return {
        "statement": _statement(said),
        "signed": (BADGE_CONTEXT + signed).hex(),
        "body": (signed + ISSUER.sign(BADGE_CONTEXT + signed)).hex(),
        "text": issue_badge(said, ISSUER),
    }


def _pass(said: Statement, slot: int) -> dict[str, object]:
    issued = issue_pass(said, HOLDER_KEY, ISSUER)
    r, s = decode_dss_signature(HOLDER.sign(slot_message(issued, slot), REPEATABLE))
    text = show_pass(issued, slot, r, s)
    return {
        "statement": _statement(said),
        "slot": slot,
        "signed_by_issuer": (PASS_CONTEXT + said.to_wire(2) + HOLDER_KEY).hex(),
        "issued": issued.hex(),
        "signed_by_holder": slot_message(issued, slot).hex(),
        "body": base45.decode(text[4:].encode()).hex(),
        "text": text,
    }


def _sticker(value: int) -> dict[str, object]:
    number = value.to_bytes(10)
    text = make_sticker(number)
    return {
        "number": number.hex(),
        "text": text,
        "printed": text and group_for_reading(text),
        "digest": sticker_digest(number).hex(),
    }


def _coded(prefix: bytes, body: bytes) -> bytes:
    return prefix + base45.encode(body).encode()


def _signed_badge(wire: bytes, signer: Ed25519Signer = ISSUER) -> bytes:
    return _coded(b"DW1:", wire + signer.sign(BADGE_CONTEXT + wire))


def _refused_badges() -> list[tuple[str, bytes, str]]:
    text = issue_badge(PLAIN, ISSUER).encode()
    wire, body = PLAIN.to_wire(1), base45.decode(text[4:])
    s = int.from_bytes(body[59:], "little") + ED25519_ORDER
    by_stranger = PLAIN.to_wire(1)[:1] + struct.pack(">I", STRANGER.key_id) + wire[5:]
    by_revoked = wire[:1] + struct.pack(">I", REVOKED.key_id) + wire[5:]
    return [
        ("small letters", text.lower(), "not_ours"),
        ("no colon", text.replace(b":", b"", 1), "unknown_version"),
        ("a version from the future", b"DW3:" + text[4:], "unknown_version"),
        ("one character missing", text[:-1], "malformed"),
        ("one character more", text + b"0", "malformed"),
        ("three characters more", text + b"000", "malformed"),
        ("a line end after it", text + b"\n", "malformed"),
        ("a Base45 group past 65535", text[:4] + b":::" + text[7:], "malformed"),
        ("reserved flag set", _signed_badge(wire[:25] + b"\x01" + wire[26:]), "malformed"),
        ("class 0", _signed_badge(wire[:26] + b"\x00"), "malformed"),
        ("class 8", _signed_badge(wire[:26] + b"\x08"), "malformed"),
        ("version 2 in a badge", _signed_badge(b"\x02" + wire[1:]), "malformed"),
        ("expires when it begins", _signed_badge(wire[:21] + wire[17:21] + wire[25:]), "malformed"),
        ("a key that nobody knows", _signed_badge(by_stranger, STRANGER), "key_unknown"),
        ("a key that was revoked", _signed_badge(by_revoked, REVOKED), "key_revoked"),
        ("signed by another key", _signed_badge(wire, STRANGER), "signature_wrong"),
        (
            "signed as a pass",
            _coded(b"DW1:", wire + ISSUER.sign(PASS_CONTEXT + wire)),
            "signature_wrong",
        ),
        ("signed without a context", _coded(b"DW1:", wire + ISSUER.sign(wire)), "signature_wrong"),
        (
            "S with the group's order added",
            _coded(b"DW1:", body[:59] + s.to_bytes(32, "little")),
            "signature_wrong",
        ),
        (
            "status index changed",
            _coded(b"DW1:", body[:16] + b"\x02" + body[17:]),
            "signature_wrong",
        ),
    ]


def _refused_passes() -> list[tuple[str, bytes, str]]:
    body = bytes.fromhex(str(_pass(PLAIN, SLOT)["body"]))
    next_slot = (SLOT + 1).to_bytes(4)
    high_s = (P256_ORDER - int.from_bytes(body[160:])).to_bytes(32)
    other_y = bytes([body[27] ^ 1]) + body[28:60]
    resigned = body[:27] + other_y
    resigned += ISSUER.sign(PASS_CONTEXT + resigned) + body[124:]
    wrong = "holder_signature_wrong"
    return [
        ("the slot changed", _coded(b"DW2:", body[:124] + next_slot + body[128:]), wrong),
        ("the higher of the two s", _coded(b"DW2:", body[:160] + high_s), wrong),
        ("r is 0", _coded(b"DW2:", body[:128] + bytes(32) + body[160:]), wrong),
        ("s is 0", _coded(b"DW2:", body[:160] + bytes(32)), wrong),
        ("another holder, signed by the issuer", _coded(b"DW2:", resigned), wrong),
        (
            "another holder, not signed by the issuer",
            _coded(b"DW2:", body[:27] + other_y + body[60:]),
            "signature_wrong",
        ),
        ("the badge's prefix", _coded(b"DW1:", body), "malformed"),
        ("one byte more", _coded(b"DW2:", body + b"\0"), "malformed"),
    ]


def _refused() -> list[tuple[str, bytes, str]]:
    return [
        ("nothing", b"", "not_ours"),
        ("a web address", b"https://example.org/", "not_ours"),
        ("bytes that are no text", b"\xff\xfe\x00", "not_ours"),
        ("513 characters", b"DW1:" + b"0" * 509, "too_long"),
        ("a sticker's wrong check symbol", b"DW000000000000000012", "sticker_check_wrong"),
        ("a sticker's check symbol that QR lacks", b"DW00000000000000011~", "sticker_check_wrong"),
        ("a letter that stickers lack", b"DW0000000000000000I1", "sticker_check_wrong"),
        ("a sticker cut short", b"DW00000000000000000", "sticker_check_wrong"),
        ("a sticker with a colon", b"DW0:00000000000000000", "sticker_check_wrong"),
    ]
