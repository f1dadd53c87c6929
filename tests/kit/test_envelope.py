"""Envelopes: kind and body are what is signed, and no key counts that anybody could sign with."""

import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from doorward import canonical
from doorward.envelope import (
    MAX_HEADER_BYTES,
    Ed25519Signer,
    Envelope,
    Kind,
    Signature,
    is_signed_by,
    key_id_of,
    load_public,
    parse_envelope,
    seal_envelope,
    signed_message,
    verify_with_key,
)
from doorward.errors import MalformedError, UntrustedError
from doorward.ids import KeyId
from tests.kit.plant import CONTROL, ISSUER, ROOT, signer

FIELD = 2**255 - 19
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7


def header_of(wire: bytes) -> bytes:
    return wire[6 : 6 + int.from_bytes(wire[4:6])]


def framed(header: bytes, body: bytes = b"body") -> bytes:
    return b"DWE1" + len(header).to_bytes(2) + header + body


@given(st.sampled_from(Kind), st.binary(max_size=100), st.integers(1, 8))
def test_what_is_sealed_parses_and_verifies_with_each_signer(
    kind: Kind, body: bytes, count: int
) -> None:
    signers = [signer(10 + number) for number in range(count)]
    envelope = parse_envelope(seal_envelope(kind, body, signers))
    assert (envelope.kind, bytes(envelope.body)) == (kind, body)
    for one in signers:
        verify_with_key(envelope, one.public)
    with pytest.raises(UntrustedError, match="not signed with key"):
        verify_with_key(envelope, signer(9).public)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"DWE1" + tail))
def test_any_bytes_are_an_envelope_or_malformed(wire: bytes) -> None:
    try:
        envelope = parse_envelope(wire)
    except MalformedError:
        return
    assert isinstance(envelope, Envelope)


@given(st.binary(max_size=60))
def test_body_is_a_view_and_may_be_anything(body: bytes) -> None:
    wire = bytearray(seal_envelope(Kind.ACK, body, [CONTROL]))
    with parse_envelope(memoryview(wire)).body as view:
        assert view.obj is wire


def test_every_flipped_bit_of_an_envelope_is_refused() -> None:
    wire = bytearray(seal_envelope(Kind.BATCH, b"twelve bytes", [CONTROL]))
    for bit in range(8 * len(wire)):
        wire[bit // 8] ^= 1 << bit % 8
        with pytest.raises((MalformedError, UntrustedError)):
            verify_with_key(parse_envelope(bytes(wire)), CONTROL.public)
        wire[bit // 8] ^= 1 << bit % 8
    verify_with_key(parse_envelope(bytes(wire)), CONTROL.public)


def test_every_cut_of_an_envelope_is_refused() -> None:
    wire = seal_envelope(Kind.BATCH, b"twelve bytes", [CONTROL])
    for end in range(len(wire)):
        with pytest.raises((MalformedError, UntrustedError)):
            verify_with_key(parse_envelope(wire[:end]), CONTROL.public)
    with pytest.raises(UntrustedError, match="is wrong"):
        verify_with_key(parse_envelope(wire + b"\0"), CONTROL.public)


@pytest.mark.parametrize("other", [kind for kind in Kind if kind is not Kind.ACK])
def test_message_of_one_kind_never_verifies_as_another(other: Kind) -> None:
    envelope = parse_envelope(seal_envelope(Kind.ACK, b"body", [CONTROL]))
    disguised = dataclasses.replace(envelope, kind=other)
    with pytest.raises(UntrustedError, match="is wrong"):
        verify_with_key(disguised, CONTROL.public)


GOOD = [7, bytes(64)]
HEADERS: dict[str, object] = {
    "a map": {"kind": "ack"},
    "a number": 1,
    "no signatures": ["ack", []],
    "nine signatures": ["ack", [[n, bytes(64)] for n in range(9)]],
    "the same key twice": ["ack", [GOOD, GOOD]],
    "an unknown kind": ["root", [GOOD]],
    "a kind in capitals": ["ACK", [GOOD]],
    "a kind that is bytes": [b"ack", [GOOD]],
    "a third field": ["ack", [GOOD], 0],
    "signatures as a text": ["ack", "signatures"],
    "a signature that is a text": ["ack", ["x"]],
    "a signature of three parts": ["ack", [[7, bytes(64), 0]]],
    "63 bytes": ["ack", [[7, bytes(63)]]],
    "65 bytes": ["ack", [[7, bytes(65)]]],
    "64 characters": ["ack", [[7, "x" * 64]]],
    "a key id that is true": ["ack", [[True, bytes(64)]]],
    "a key id below 0": ["ack", [[-1, bytes(64)]]],
    "a key id of 33 bits": ["ack", [[2**32, bytes(64)]]],
    "a key id as text": ["ack", [["7", bytes(64)]]],
}


@pytest.mark.parametrize("name", HEADERS)
def test_header_is_malformed_with(name: str) -> None:
    with pytest.raises(MalformedError, match="envelope"):
        parse_envelope(framed(canonical.encode(HEADERS[name])))
    assert parse_envelope(framed(canonical.encode(["ack", [GOOD]]))).kind is Kind.ACK


def test_header_in_another_encoding_is_malformed() -> None:
    header = canonical.encode(["ack", [GOOD]])
    for other in (header + b"\0", header.replace(b"\x63ack", b"\x78\x03ack"), header[:-1]):
        with pytest.raises(MalformedError):
            parse_envelope(framed(other, b""))


def test_header_past_its_bound_or_cut_off_is_malformed() -> None:
    with pytest.raises(MalformedError, match="cut off or too long"):
        parse_envelope(framed(bytes(MAX_HEADER_BYTES + 1)))
    with pytest.raises(MalformedError, match="cut off or too long"):
        parse_envelope(b"DWE1\x00\x05abcd")
    for wire in (b"", b"DWE1", b"DWE1\0", b"DWE2\0\0", b"dwe1\0\0"):
        with pytest.raises(MalformedError, match="DWE1"):
            parse_envelope(wire)


@pytest.mark.parametrize("signers", [[], [signer(n) for n in range(10, 19)], [ROOT, ISSUER, ROOT]])
def test_nobody_nine_or_the_same_twice_do_not_sign(signers: list[Ed25519Signer]) -> None:
    with pytest.raises(ValueError, match="sign"):
        seal_envelope(Kind.ACK, b"", signers)


def test_signature_with_the_group_order_added_is_refused() -> None:
    message = signed_message(Kind.ACK, b"body")
    value = CONTROL.sign(message)
    s = int.from_bytes(value[32:], "little") + ED25519_ORDER
    again = Signature(key_id=CONTROL.key_id, value=value[:32] + s.to_bytes(32, "little"))
    public = load_public(CONTROL.public)
    assert not is_signed_by(message, again, public)
    assert is_signed_by(message, Signature(key_id=KeyId(0), value=value), public)


@pytest.mark.parametrize("y", [0, 1, FIELD - 1, ORDER_8, FIELD - ORDER_8, FIELD, FIELD + 1])
@pytest.mark.parametrize("sign_of_x", [0, 1])
def test_key_under_which_anybody_could_sign_is_refused(y: int, sign_of_x: int) -> None:
    public = (y | sign_of_x << 255).to_bytes(32, "little")
    with pytest.raises(ValueError, match="weak"):
        load_public(public)


def test_without_that_check_a_forgery_would_pass() -> None:
    """What `load_public` guards against: OpenSSL takes the neutral element as a key."""
    neutral = (1).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), b"anything at all")
    forged = framed(canonical.encode(["batch", [[key_id_of(neutral), neutral + bytes(32)]]]))
    with pytest.raises(UntrustedError, match="weak"):
        verify_with_key(parse_envelope(forged), neutral)


def test_second_spelling_of_a_point_is_refused() -> None:
    for y in range(FIELD, 2**255):
        with pytest.raises(ValueError, match="weak or not in its one spelling"):
            load_public(y.to_bytes(32, "little"))


def test_key_of_another_length_is_refused() -> None:
    for length in (0, 31, 33, 64):
        with pytest.raises(ValueError, match="32"):
            load_public(bytes(length))


@given(st.binary(min_size=32, max_size=32))
def test_every_real_key_is_accepted(seed: bytes) -> None:
    one = Ed25519Signer.from_seed(seed)
    assert load_public(one.public).public_bytes_raw() == one.public
    assert one.key_id == key_id_of(one.public) < 2**32
    assert one == Ed25519Signer(one.private)


@pytest.mark.parametrize(
    ("seed", "public", "message", "signature"),
    [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            (
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ),
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            (
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            (
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
            ),
        ),
    ],
    ids=["TEST 1", "TEST 2", "TEST 3"],
)
def test_signer_agrees_with_rfc_8032_section_7_1(
    seed: str, public: str, message: str, signature: str
) -> None:
    one = Ed25519Signer.from_seed(bytes.fromhex(seed))
    assert one.public.hex() == public
    assert one.sign(bytes.fromhex(message)).hex() == signature


def test_seed_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        Ed25519Signer.from_seed(bytes(31))
    assert isinstance(ROOT.private, Ed25519PrivateKey)
