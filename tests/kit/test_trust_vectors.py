"""The committed vectors of codes, keyrings, status and policy, read as a stranger reads them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from doorward import base45, canonical
from doorward.credential import (
    Badge,
    Credential,
    CredentialClass,
    HolderPass,
    Refusal,
    Statement,
    read_payload,
    verify,
)
from doorward.decision import Grant, Rules, decide
from doorward.envelope import Ed25519Signer, Kind, load_public, parse_envelope, verify_with_key
from doorward.errors import (
    DoorwardError,
    GapError,
    MalformedError,
    RollbackError,
    UntrustedError,
    WrongRecipientError,
)
from doorward.foreign import Family, foreign_digest
from doorward.ids import CredentialId, GatewayId, KeyId, PortalId, SiteId
from doorward.keys import (
    PURPOSE_OF_KIND,
    Key,
    Keyring,
    Purpose,
    accept_keyring,
    pin_keyring,
    verify_signed,
)
from doorward.policy import Policy
from doorward.presence_message import open_presence, token_of
from doorward.reasons import Reason
from doorward.status import Delta, StatusList, accept_list, apply_delta
from doorward.sticker import StickerClaim, group_for_reading, make_sticker, read_sticker
from doorward.times import ClockTrust
from tests.kit.plant import Used, at

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
ERRORS: dict[str, type[DoorwardError]] = {
    "rollback": RollbackError,
    "untrusted": UntrustedError,
    "wrong_recipient": WrongRecipientError,
    "gap": GapError,
    "malformed": MalformedError,
}


def load(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


CODES, ENVELOPES, STATUS, POLICY = map(load, ("codes", "envelopes", "status", "policy"))
PRESENCE = load("presence")
SITE = SiteId("plant-7")


def named(rows: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=[row["why"] for row in rows])


# ---- codes


def keyring_of_the_codes() -> Keyring:
    root = Key(
        public=Ed25519Signer.from_seed(bytes([9] * 32)).public,
        purposes=Purpose.ROOT,
        not_before=0,
        not_after=9,
    )
    keys = [
        Key(
            public=bytes.fromhex(key["public"]),
            purposes=Purpose(key["purposes"]),
            not_before=0,
            not_after=2**32,
            revoked=key["revoked"],
        )
        for key in CODES["keys"]
    ]
    return Keyring(site=SITE, version=1, created_at=0, threshold=1, keys=(root, *keys))


RING = keyring_of_the_codes()


def statement_in(row: dict[str, Any]) -> Statement:
    said = row["statement"]
    return Statement(
        key_id=KeyId(int(said["key_id"], 16)),
        credential_id=CredentialId(bytes.fromhex(said["credential_id"])),
        status_index=said["status_index"],
        not_before=said["not_before"],
        expires=said["expires"],
        credential_class=CredentialClass(said["class"]),
    )


def test_key_ids_and_public_keys_follow_from_the_seeds() -> None:
    for key in (*CODES["keys"], *ENVELOPES["keys"].values()):
        signer = Ed25519Signer.from_seed(bytes.fromhex(key["seed"]))
        assert signer.public.hex() == key["public"]
        assert f"{signer.key_id:08x}" == key["key_id"]


@pytest.mark.parametrize("row", CODES["badges"])
def test_badge_reads_byte_for_byte(row: dict[str, Any]) -> None:
    claim = read_payload(row["text"].encode())
    assert isinstance(claim, Badge)
    assert claim.statement == statement_in(row)
    assert base45.decode(row["text"][4:].encode()).hex() == row["body"]
    signed = bytes.fromhex(row["signed"])
    assert signed == b"doorward/1/DW1\0" + statement_in(row).to_wire(1)
    load_public(bytes.fromhex(CODES["keys"][0]["public"])).verify(claim.signature, signed)
    assert isinstance(verify(claim, RING), Credential)


@pytest.mark.parametrize("row", CODES["passes"])
def test_pass_reads_byte_for_byte(row: dict[str, Any]) -> None:
    claim = read_payload(row["text"].encode())
    assert isinstance(claim, HolderPass)
    assert (claim.statement, claim.slot) == (statement_in(row), row["slot"])
    assert claim.holder_key.hex() == CODES["holder"]["public"]
    issued = bytes.fromhex(row["issued"])
    holder = bytes.fromhex(CODES["holder"]["public"])
    signed = statement_in(row).to_wire(2) + holder
    assert bytes.fromhex(row["signed_by_issuer"]) == b"doorward/1/DW2\0" + signed
    by_holder = b"doorward/1/DW2-slot\0" + signed + row["slot"].to_bytes(4)
    assert bytes.fromhex(row["signed_by_holder"]) == by_holder
    assert bytes.fromhex(row["body"])[:124] == issued
    assert base45.decode(row["text"][4:].encode()).hex() == row["body"]
    assert isinstance(verify(claim, RING), Credential)


def test_holder_of_the_vectors_is_the_point_of_its_scalar() -> None:
    private = ec.derive_private_key(int(CODES["holder"]["scalar"], 16), ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    point = bytes([2 + numbers.y % 2]) + numbers.x.to_bytes(32)
    assert point.hex() == CODES["holder"]["public"]


@pytest.mark.parametrize("row", CODES["stickers"], ids=lambda row: row["number"])
def test_sticker_reads_byte_for_byte(row: dict[str, Any]) -> None:
    assert make_sticker(bytes.fromhex(row["number"])) == row["text"]
    if row["text"] is not None:
        claim = StickerClaim(bytes.fromhex(row["digest"]))
        assert read_sticker(row["text"].encode()) == claim
        assert group_for_reading(row["text"]) == row["printed"]


@named(CODES["refused"])
def test_code_is_refused_for_its_reason(row: dict[str, Any]) -> None:
    found = verify(read_payload(bytes.fromhex(row["payload"])), RING)
    assert found == Refusal(Reason(row["reason"]))


# ---- envelopes and keyrings


def test_keyrings_are_taken_and_refused_in_their_order() -> None:
    first, *rest = ENVELOPES["keyrings"]
    held = pin_keyring(bytes.fromhex(first["wire"]))
    for row in rest:
        wire, before = bytes.fromhex(row["wire"]), held.to_body()
        if row["error"] is None:
            held = accept_keyring(held, wire)
            assert held.to_body().hex() == row["body"]
        else:
            with pytest.raises(ERRORS[row["error"]]):
                accept_keyring(held, wire)
            assert held.to_body() == before, row["why"]
    assert held.version == 9


@named(ENVELOPES["messages"])
def test_message_counts_by_the_right_key_in_its_window(row: dict[str, Any]) -> None:
    ring = pin_keyring(bytes.fromhex(ENVELOPES["keyrings"][0]["wire"]))
    envelope = parse_envelope(bytes.fromhex(row["wire"]))
    assert (envelope.kind.value, bytes(envelope.body)) == (row["kind"], b"body")
    purpose = PURPOSE_OF_KIND[Kind(row["kind"])]
    if row["key_id"] is not None:
        assert f"{verify_signed(envelope, ring, purpose, row['now']):08x}" == row["key_id"]
    else:
        with pytest.raises(UntrustedError):
            verify_signed(envelope, ring, purpose, row["now"])


@named(ENVELOPES["malformed"])
def test_envelope_is_malformed(row: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        parse_envelope(bytes.fromhex(row["wire"]))


@named(ENVELOPES["malformed_keyrings"])
def test_keyring_body_is_malformed(row: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        Keyring.from_body(bytes.fromhex(row["body"]))


@pytest.mark.parametrize("key", ENVELOPES["weak_keys"])
def test_weak_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="weak"):
        load_public(bytes.fromhex(key))


# ---- status


def test_layout_of_the_status_bits() -> None:
    layout = STATUS["layout"]
    held = StatusList(site=SITE, seq=1, issued_at=0, size=12, bits=bytes.fromhex(layout["bits"]))
    found = [held.get(index) for index in range(12)]
    assert [3 if status is None else status for status in found] == layout["values"]


def take(held: StatusList | None, kind: str, body: bytes) -> StatusList:
    if kind == "status":
        return accept_list(held, StatusList.from_body(body), SITE)
    assert held is not None
    return apply_delta(held, Delta.from_body(body))


def test_lists_and_deltas_are_taken_and_refused_in_their_order() -> None:
    held: StatusList | None = None
    for row in STATUS["messages"]:
        body = bytes.fromhex(row["body"])
        if row["error"] is None:
            held = take(held, row["kind"], body)
        else:
            with pytest.raises(ERRORS[row["error"]]):
                take(held, row["kind"], body)
        assert held is not None
        statuses = [held.get(index) for index in range(held.size)]
        assert {"seq": held.seq, "statuses": statuses} == row["held"], row["why"]
        assert StatusList.from_body(held.to_body()) == held, "whatever this zlib packs"


@named(STATUS["malformed"])
def test_status_body_is_malformed(row: dict[str, Any]) -> None:
    kind: type[StatusList | Delta] = StatusList if row["kind"] == "status" else Delta
    with pytest.raises(MalformedError):
        kind.from_body(bytes.fromhex(row["body"]))


# ---- policy


def test_bundle_says_what_its_draft_says() -> None:
    said, found = POLICY["says"], Policy.from_body(bytes.fromhex(POLICY["body"]))
    assert (found.site, found.version, found.created_at) == (
        said["site"],
        said["version"],
        said["created_at"],
    )
    assert [list(found.zones), list(found.groups)] == [said["zones"], said["groups"]]
    assert list(found.qualifications) == said["qualifications"]
    assert [list(pair) for pair in found.time.offsets] == said["time"]["offsets"]
    assert [[day, int(kind)] for day, kind in found.time.day_types.items()] == said["time"][
        "day_types"
    ]
    for person in said["people"]:
        profile = found.roster.find(CredentialId(bytes.fromhex(person["credential_id"])))
        assert profile is not None
        assert (profile.not_before, profile.not_after) == (
            person["not_before"],
            person["not_after"],
        )
        assert [found.groups[group] for group in profile.groups] == sorted(
            person["groups"], key=said["groups"].index
        )
        assert {found.qualifications[q]: until for q, until in profile.qualifications} == dict(
            person["qualifications"]
        )
    for digest, credential_id, index in said["stickers"]:
        row = found.roster.find_sticker(bytes.fromhex(digest))
        assert row is not None
        assert (row.credential_id.hex(), row.status_index) == (credential_id, index)
    assert found.foreign_salt.hex() == said["foreign_salt"]


@pytest.mark.parametrize("row", POLICY["foreign"], ids=lambda row: repr(row["text"]))
def test_foreign_code_has_the_digest_of_the_vectors(row: dict[str, Any]) -> None:
    """By the protocol's own words, not by the kit's function alone."""
    salt, text = bytes.fromhex(row["salt"]), row["text"].encode()
    slow = hashlib.scrypt(
        text.strip(), salt=b"doorward/1/foreign\0" + salt, n=4096, r=8, p=1, dklen=32
    )
    family = row["family"].encode()
    by_hand = hashlib.sha256(b"doorward/1/foreign\0" + family + b"\0" + slow).digest()[:16]
    assert by_hand.hex() == row["digest"]
    assert foreign_digest(text, Family(row["family"]), salt) == by_hand


def test_header_of_the_bundle_is_where_the_protocol_says() -> None:
    body = bytes.fromhex(POLICY["body"])
    length = int.from_bytes(body[:4])
    header = canonical.decode(body[4 : 4 + length])
    rows, profile_bytes, stickers = header["tables"]
    assert len(body) == 4 + length + 12 * rows + profile_bytes + 28 * stickers
    verify_with_key(
        parse_envelope(bytes.fromhex(POLICY["envelope"])), bytes.fromhex(POLICY["signer_public"])
    )


@named(POLICY["malformed"])
def test_policy_body_is_malformed(row: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        Policy.from_body(bytes.fromhex(row["body"]))


@named(POLICY["decisions"])
def test_decision_of_the_vectors(row: dict[str, Any]) -> None:
    status = POLICY["status"]
    rules = Rules(
        policy=Policy.from_body(bytes.fromhex(POLICY["body"])),
        status=StatusList(
            site=SITE,
            seq=status["seq"],
            issued_at=status["issued_at"],
            size=status["size"],
            bits=bytes.fromhex(status["bits"]),
        ),
    )
    ring = Keyring.from_body(bytes.fromhex(POLICY["keyring"]))
    presentation = verify(read_payload(row["payload"].encode()), ring)
    now = at(row["now"], ClockTrust(row["trust"]))
    decision = decide(presentation, PortalId(row["portal"]), rules, Used(), now)
    assert (decision.reason.value, decision.grounds.rule) == (row["reason"], row["rule"])
    assert isinstance(decision, Grant) == (row["reason"] == "granted")


# ---- presence


@named(PRESENCE["messages"])
def test_presence_message_of_the_vectors(row: dict[str, Any]) -> None:
    gateways = {GatewayId(name): bytes.fromhex(key) for name, key in PRESENCE["gateways"].items()}
    message = open_presence(bytes.fromhex(row["envelope"]), SiteId(PRESENCE["site"]), gateways)
    assert message.to_body().hex() == row["body"]
    assert (message.sign.name.lower(), message.gateway) == (row["sign"], row["gateway"])
    assert (message.credential.hex(), message.holder.hex()) == (row["credential"], row["holder"])
    for name in ("epoch", "seq", "at", "is_clock_trusted", "portal", "way", "enters", "slot"):
        assert getattr(message, name) == row[name], name
    assert (list(message.leaves), message.once_until, message.counts_until) == (
        row["leaves"],
        row["once_until"],
        row["counts_until"],
    )


@named(PRESENCE["refused"])
def test_presence_message_is_refused(row: dict[str, Any]) -> None:
    gateways = {GatewayId(name): bytes.fromhex(key) for name, key in PRESENCE["gateways"].items()}
    with pytest.raises(ERRORS[row["error"]]):
        open_presence(bytes.fromhex(row["envelope"]), SiteId(PRESENCE["site"]), gateways)


@pytest.mark.parametrize("row", PRESENCE["tokens"], ids=lambda row: row["credential"])
def test_token_has_the_bytes_of_the_vectors(row: dict[str, Any]) -> None:
    """By the protocol's own words, not by the kit's function alone."""
    credential, site = bytes.fromhex(row["credential"]), PRESENCE["site"].encode()
    by_hand = hashlib.sha256(b"doorward/1/presence\0" + site + b"\0" + credential).digest()[:16]
    assert by_hand.hex() == row["token"]
    assert token_of(SiteId(PRESENCE["site"]), CredentialId(credential)) == by_hand
