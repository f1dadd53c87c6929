"""Codes: any bytes become a claim or a refusal, and one credential has exactly one spelling."""

import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given
from hypothesis import strategies as st

from doorward import base45
from doorward.credential import (
    BADGE_CONTEXT,
    MAX_PAYLOAD_BYTES,
    PASS_CONTEXT,
    Badge,
    Credential,
    CredentialClass,
    Form,
    HolderPass,
    Refusal,
    Statement,
    issue_badge,
    issue_pass,
    read_payload,
    show_pass,
    slot_message,
    slot_of,
    verify,
)
from doorward.envelope import Ed25519Signer
from doorward.ids import CredentialId, KeyId
from doorward.keys import Key, Keyring, Purpose
from doorward.reasons import Reason
from doorward.sticker import StickerClaim, make_sticker
from tests.kit.plant import (
    ALICE,
    HOLDER,
    HOLDER_KEY,
    ISSUER,
    KEYRING,
    NOON,
    POLICY_SIGNER,
    REPEATABLE,
    ROOT,
    badge,
    holder_pass,
    key_of,
    keyring,
    shown,
    signer,
    statement,
)

P256_FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
FOREIGN = "abyz_~\u00e9\0\n"

STATEMENTS = st.builds(
    Statement,
    key_id=st.integers(0, 2**32 - 1).map(KeyId),
    credential_id=st.binary(min_size=8, max_size=8).map(CredentialId),
    status_index=st.integers(0, 2**32 - 1),
    not_before=st.integers(0, 2**31),
    expires=st.integers(2**31 + 1, 2**32 - 1),
    credential_class=st.sampled_from(CredentialClass),
)


def outcome(payload: bytes, ring: Keyring = KEYRING) -> object:
    return verify(read_payload(payload), ring)


def reason(payload: bytes, ring: Keyring = KEYRING) -> Reason:
    refusal = outcome(payload, ring)
    assert isinstance(refusal, Refusal), refusal
    return refusal.reason


def body_of(payload: bytes) -> bytearray:
    return bytearray(base45.decode(payload[4:]))


def coded(prefix: bytes, body: bytes) -> bytes:
    return prefix + base45.encode(body).encode()


# ---- what is issued is read --------------------------------------------------------------------


@given(STATEMENTS)
def test_badge_says_what_its_issuer_said(said: Statement) -> None:
    code = issue_badge(said, ISSUER)
    assert len(code) == 141
    claim = read_payload(code.encode())
    assert isinstance(claim, Badge)
    assert claim.statement == said
    assert Statement.from_wire(said.to_wire(1), 1) == said


def test_badge_is_authentic_with_the_public_key_alone() -> None:
    credential = shown(badge())
    assert credential == Credential(
        statement=statement(), form=Form.BADGE, key=key_of(ISSUER, Purpose.ISSUE)
    )


def test_pass_says_its_slot_and_holder() -> None:
    code = holder_pass(slot=slot_of(NOON))
    assert len(code) == 292
    claim = read_payload(code)
    assert isinstance(claim, HolderPass)
    assert claim.holder_key == HOLDER_KEY
    credential = shown(code)
    assert (credential.form, credential.slot) == (Form.PASS, NOON // 5)
    assert credential.statement == statement()


def test_sticker_passes_through_and_refusals_stay_refusals() -> None:
    text = make_sticker(bytes(10))
    assert text is not None
    assert isinstance(outcome(text.encode()), StickerClaim)
    refusal = Refusal(Reason.STRUCTURED_APPEND)
    assert verify(refusal, KEYRING) is refusal


# ---- any bytes ---------------------------------------------------------------------------------


PREFIXES = st.sampled_from([b"", b"DW0", b"DW1:", b"DW2:", b"DW3:", b"DW"])
ALPHANUMERIC = st.text(alphabet=base45.ALPHABET.decode(), max_size=300).map(str.encode)
BODIES = st.one_of(
    st.binary(max_size=600),
    ALPHANUMERIC,
    *(
        st.binary(min_size=size, max_size=size).map(lambda body: base45.encode(body).encode())
        for size in (90, 91, 92, 191, 192, 193)
    ),
)


@given(PREFIXES, BODIES)
@example(b"DW", b"1")
@example(b"DW0", b"")
def test_any_bytes_become_a_claim_or_a_refusal(prefix: bytes, rest: bytes) -> None:
    claim = read_payload(prefix + rest)
    assert isinstance(claim, (Badge, HolderPass, StickerClaim, Refusal))
    assert isinstance(verify(claim, KEYRING), (Credential, StickerClaim, Refusal))


@given(STATEMENTS, st.binary(min_size=33, max_size=33), st.binary(min_size=132, max_size=132))
def test_any_well_formed_pass_is_refused_unless_signed(
    said: Statement, holder: bytes, rest: bytes
) -> None:
    known = Statement(
        key_id=ISSUER.key_id,
        credential_id=said.credential_id,
        status_index=said.status_index,
        not_before=said.not_before,
        expires=said.expires,
        credential_class=said.credential_class,
    )
    code = coded(b"DW2:", known.to_wire(2) + holder + rest)
    assert reason(code) is Reason.SIGNATURE_WRONG


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", Reason.NOT_OURS),
        (b"https://example.org/DW1:", Reason.NOT_OURS),
        (b"dw1:" + badge()[4:], Reason.NOT_OURS),
        (b" " + badge(), Reason.NOT_OURS),
        (b"\xef\xbb\xbf" + badge(), Reason.NOT_OURS),
        (b"DW", Reason.NOT_OURS),
        (b"DWX:", Reason.NOT_OURS),
        (b"DW3:" + badge()[4:], Reason.UNKNOWN_VERSION),
        (b"DW9", Reason.UNKNOWN_VERSION),
        (b"DW1" + badge()[4:], Reason.UNKNOWN_VERSION),
        (b"DW1:", Reason.MALFORMED),
        (b"DW2:" + badge()[4:], Reason.MALFORMED),
        (b"DW1:" + holder_pass()[4:], Reason.MALFORMED),
        (b"DW0", Reason.STICKER_CHECK_WRONG),
        (b"DW0:00000000000000000", Reason.STICKER_CHECK_WRONG),
        (b"X" * MAX_PAYLOAD_BYTES, Reason.NOT_OURS),
        (b"X" * (MAX_PAYLOAD_BYTES + 1), Reason.TOO_LONG),
        (badge() + b"0" * MAX_PAYLOAD_BYTES, Reason.TOO_LONG),
    ],
)
def test_payload_that_is_no_credential_has_its_reason(payload: bytes, expected: Reason) -> None:
    assert reason(payload) is expected


# ---- one spelling ------------------------------------------------------------------------------


@pytest.mark.parametrize("good", [badge(), holder_pass()], ids=["DW1", "DW2"])
def test_every_single_character_change_of_a_code_is_refused(good: bytes) -> None:
    assert isinstance(outcome(good), Credential)
    text = good.decode()
    accepted = []
    for place, right in enumerate(text):
        for other in base45.ALPHABET.decode() + FOREIGN:
            if other == right:
                continue
            changed = (text[:place] + other + text[place + 1 :]).encode()
            if not isinstance(outcome(changed), Refusal):
                accepted.append(changed)
    assert accepted == []


@pytest.mark.parametrize("good", [badge(), holder_pass()], ids=["DW1", "DW2"])
def test_every_truncation_append_removal_and_repetition_is_refused(good: bytes) -> None:
    tails = [bytes([c]) for c in base45.ALPHABET + FOREIGN.encode()]
    tails += [b"00", b"000", b"0000", b"\r\n", good]
    others = [good + tail for tail in tails]
    others += [tail + good for tail in tails]
    for place in range(len(good)):
        others += [
            good[:place],
            good[:place] + good[place + 1 :],
            good[: place + 1] + good[place:],
        ]
    for changed in others:
        assert changed == good or isinstance(outcome(changed), Refusal), changed


@pytest.mark.parametrize(
    ("prefix", "good"), [(b"DW1:", badge()), (b"DW2:", holder_pass())], ids=["DW1", "DW2"]
)
def test_every_flipped_bit_is_refused(prefix: bytes, good: bytes) -> None:
    body = body_of(good)
    for bit in range(8 * len(body)):
        body[bit // 8] ^= 1 << bit % 8
        assert isinstance(outcome(coded(prefix, bytes(body))), Refusal), f"bit {bit}"
        body[bit // 8] ^= 1 << bit % 8
    assert isinstance(outcome(coded(prefix, bytes(body))), Credential)


@pytest.mark.parametrize(
    ("prefix", "good", "at"),
    [(b"DW1:", badge(), 27), (b"DW2:", holder_pass(), 60)],
    ids=["DW1", "DW2"],
)
def test_issuer_signature_with_the_group_order_added_is_refused(
    prefix: bytes, good: bytes, at: int
) -> None:
    body = body_of(good)
    s = int.from_bytes(body[at + 32 : at + 64], "little")
    for times in range(1, 15):
        shifted = s + times * ED25519_ORDER
        body[at + 32 : at + 64] = shifted.to_bytes(32, "little")
        assert reason(coded(prefix, bytes(body))) is Reason.SIGNATURE_WRONG


def test_holder_signature_with_high_s_is_refused() -> None:
    body = body_of(holder_pass())
    s = int.from_bytes(body[160:192])
    assert s <= P256_ORDER // 2, "what we make has the low one"
    body[160:192] = (P256_ORDER - s).to_bytes(32)
    assert reason(coded(b"DW2:", bytes(body))) is Reason.HOLDER_SIGNATURE_WRONG


def test_holder_signature_with_order_added_to_r_is_refused() -> None:
    body = body_of(holder_pass())
    for value in (0, 1, P256_ORDER - 1, P256_ORDER, P256_ORDER + 1, 2**256 - 1):
        for start in (128, 160):
            changed = bytearray(body)
            changed[start : start + 32] = value.to_bytes(32)
            assert reason(coded(b"DW2:", bytes(changed))) is Reason.HOLDER_SIGNATURE_WRONG
    both = bytes(body[:128]) + bytes(64)
    assert reason(coded(b"DW2:", both)) is Reason.HOLDER_SIGNATURE_WRONG


def pass_with_key(point: bytes) -> bytes:
    """A pass that the issuer signed for any 33 bytes, as a careless issuer would."""
    signed = statement().to_wire(2) + point
    issued = signed + ISSUER.sign(PASS_CONTEXT + signed)
    signature = HOLDER.sign(slot_message(issued, 7), REPEATABLE)
    return show_pass(issued, 7, *decode_dss_signature(signature)).encode()


@pytest.mark.parametrize(
    "point",
    [
        bytes(33),
        b"\x00" + HOLDER_KEY[1:],
        b"\x04" + HOLDER_KEY[1:],
        b"\x06" + HOLDER_KEY[1:],
        bytes([HOLDER_KEY[0] ^ 1]) + HOLDER_KEY[1:],
        b"\x02" + P256_FIELD.to_bytes(32),
        b"\x02" + (P256_FIELD + 5).to_bytes(32),
        b"\x02" + (2**256 - 1).to_bytes(32),
        b"\x02" + (1).to_bytes(32),
    ],
    ids=[
        "point at infinity",
        "infinity with a tail",
        "uncompressed in 33 bytes",
        "hybrid in 33 bytes",
        "the other y",
        "x is the field's prime",
        "x is past the field's prime, the same as x = 5",
        "x is 2^256 - 1",
        "x of no point",
    ],
)
def test_pass_with_another_point_is_refused_even_when_the_issuer_signed_it(point: bytes) -> None:
    assert reason(pass_with_key(point)) is Reason.HOLDER_SIGNATURE_WRONG


def test_pass_of_the_right_point_made_the_same_way_is_accepted() -> None:
    assert isinstance(outcome(pass_with_key(HOLDER_KEY)), Credential)


def test_slot_signature_counts_for_its_own_slot_and_pass_alone() -> None:
    one, other = body_of(holder_pass(slot=100)), body_of(holder_pass(slot=101))
    mixed = bytes(one[:124] + other[124:128] + one[128:])
    assert reason(coded(b"DW2:", mixed)) is Reason.HOLDER_SIGNATURE_WRONG
    stranger = body_of(holder_pass(slot=100, status_index=99))
    grafted = bytes(stranger[:124] + one[124:])
    assert reason(coded(b"DW2:", grafted)) is Reason.HOLDER_SIGNATURE_WRONG


def test_signature_of_one_form_does_not_count_for_the_other() -> None:
    signed = statement().to_wire(1)
    for context in (b"", PASS_CONTEXT, BADGE_CONTEXT[:-1], b"doorward/2/DW1\x00"):
        code = coded(b"DW1:", signed + ISSUER.sign(context + signed))
        assert reason(code) is Reason.SIGNATURE_WRONG
    right = coded(b"DW1:", signed + ISSUER.sign(BADGE_CONTEXT + signed))
    assert isinstance(outcome(right), Credential)


# ---- the statement -----------------------------------------------------------------------------


def signed_statement(version: int, flags: int, class_: int, not_before: int, expires: int) -> bytes:
    """A badge over any statement, with a good signature."""
    signed = struct.pack(
        ">BI8sIIIBB", version, ISSUER.key_id, ALICE, 7, not_before, expires, flags, class_
    )
    return coded(b"DW1:", signed + ISSUER.sign(BADGE_CONTEXT + signed))


@pytest.mark.parametrize(
    ("version", "flags", "class_", "not_before", "expires"),
    [
        (0, 0, 1, 1, 2),
        (2, 0, 1, 1, 2),
        (255, 0, 1, 1, 2),
        *((1, 1 << bit, 1, 1, 2) for bit in range(8)),
        (1, 0, 0, 1, 2),
        (1, 0, 8, 1, 2),
        (1, 0, 255, 1, 2),
        (1, 0, 1, 2, 2),
        (1, 0, 1, 2, 1),
    ],
)
def test_statement_outside_the_format_is_malformed_even_when_it_is_signed(
    version: int, flags: int, class_: int, not_before: int, expires: int
) -> None:
    code = signed_statement(version, flags, class_, not_before, expires)
    assert reason(code) is Reason.MALFORMED
    assert isinstance(outcome(signed_statement(1, 0, 1, 1, 2)), Credential)


@given(st.binary(max_size=40), st.integers(1, 2))
def test_any_bytes_are_a_statement_with_this_one_encoding_or_none(wire: bytes, v: int) -> None:
    found = Statement.from_wire(wire, v)
    assert found is None or found.to_wire(v) == wire[:27]


@pytest.mark.parametrize(
    "changes",
    [
        {"credential_id": bytes(7)},
        {"credential_id": bytes(9)},
        {"status_index": 2**32},
        {"status_index": -1},
        {"not_before": -1},
        {"expires": 2**32},
        {"expires": 5, "not_before": 5},
        {"key_id": 2**32},
    ],
    ids=repr,
)
def test_statement_that_does_not_fit_is_never_issued(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"statement|credential id|expires"):
        badge(**changes)


def test_last_values_that_fit_are_issued_and_read() -> None:
    extreme = {"status_index": 2**32 - 1, "not_before": 2**32 - 2, "expires": 2**32 - 1}
    assert shown(badge(**extreme)).statement == statement(**extreme)


# ---- who vouches -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ring", "expected"),
    [
        (keyring(keys=(key_of(ROOT, Purpose.ROOT),)), Reason.KEY_UNKNOWN),
        (
            keyring(
                keys=(key_of(ROOT, Purpose.ROOT), key_of(ISSUER, Purpose.POLICY | Purpose.CONTROL))
            ),
            Reason.KEY_UNKNOWN,
        ),
        (
            keyring(keys=(key_of(ROOT, Purpose.ROOT), key_of(ISSUER, Purpose.ISSUE, revoked=True))),
            Reason.KEY_REVOKED,
        ),
    ],
    ids=["unknown", "another purpose", "revoked"],
)
@pytest.mark.parametrize("code", [badge(), holder_pass()], ids=["DW1", "DW2"])
def test_key_that_may_not_issue_is_its_own_reason(
    ring: Keyring, expected: Reason, code: bytes
) -> None:
    assert reason(code, ring) is expected


def test_code_signed_by_another_issuer_under_this_ones_id_is_refused() -> None:
    signed = statement().to_wire(1)
    forged = coded(b"DW1:", signed + POLICY_SIGNER.sign(BADGE_CONTEXT + signed))
    assert reason(forged) is Reason.SIGNATURE_WRONG


def test_key_outside_its_window_is_authentic_here_and_judged_by_the_decision() -> None:
    ring = keyring(keys=(key_of(ROOT, Purpose.ROOT), key_of(ISSUER, Purpose.ISSUE, 0, 1)))
    assert isinstance(outcome(badge(), ring), Credential)


@given(st.integers(5, 250))
def test_foreign_issuer_is_unknown(number: int) -> None:
    stranger: Ed25519Signer = signer(number)
    said = statement(key_id=stranger.key_id)
    assert reason(issue_badge(said, stranger).encode()) is Reason.KEY_UNKNOWN


# ---- issuing refuses what gateways would -------------------------------------------------------


def test_holder_key_that_is_no_compressed_point_is_never_signed() -> None:
    uncompressed = HOLDER.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    for wrong in (uncompressed, bytes(33), b"", HOLDER_KEY[:-1], HOLDER_KEY + b"\0"):
        with pytest.raises(ValueError, match=r".+"):
            issue_pass(statement(), wrong, ISSUER)


@pytest.mark.parametrize(
    ("slot", "r", "s"),
    [
        (-1, 1, 1),
        (2**32, 1, 1),
        (1, 0, 1),
        (1, 1, 0),
        (1, P256_ORDER, 1),
        (1, 1, P256_ORDER),
        (1, -1, 1),
    ],
)
def test_pass_is_not_shown_with_numbers_outside_their_range(slot: int, r: int, s: int) -> None:
    issued = issue_pass(statement(), HOLDER_KEY, ISSUER)
    with pytest.raises(ValueError, match="outside its range"):
        show_pass(issued, slot, r, s)
    with pytest.raises(ValueError, match="must be 124"):
        show_pass(issued[:-1], 1, 1, 1)


def test_high_s_of_a_device_is_brought_into_the_lower_half() -> None:
    issued = issue_pass(statement(), HOLDER_KEY, ISSUER)
    low = show_pass(issued, 9, 1, 5)
    assert show_pass(issued, 9, 1, P256_ORDER - 5) == low


@pytest.mark.parametrize(("utc_s", "slot"), [(0, 0), (4, 0), (5, 1), (NOON + 4, NOON // 5)])
def test_slot_is_five_seconds(utc_s: int, slot: int) -> None:
    assert slot_of(utc_s) == slot


def test_key_shows_no_secret_in_its_repr() -> None:
    assert "loaded" not in repr(
        Key(public=ISSUER.public, purposes=Purpose.ISSUE, not_before=0, not_after=1)
    )
