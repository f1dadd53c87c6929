"""Keyrings: who may bring in whom, told as attacks, and what is left after each."""

import dataclasses
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import canonical
from doorward.envelope import Ed25519Signer, Kind, key_id_of, parse_envelope, seal_envelope
from doorward.errors import (
    DoorwardError,
    MalformedError,
    RollbackError,
    UntrustedError,
    WrongRecipientError,
)
from doorward.ids import MAX_SEQ, SiteId
from doorward.keys import (
    MAX_BODY_BYTES,
    MAX_KEYS,
    MAX_THRESHOLD,
    PURPOSE_OF_KIND,
    Key,
    Keyring,
    Purpose,
    accept_keyring,
    pin_keyring,
    verify_signed,
)
from tests.kit.plant import (
    COMMANDER,
    CONTROL,
    ISSUER,
    KEYRING,
    NOON,
    POLICY_SIGNER,
    ROOT,
    SITE,
    key_of,
    keyring,
    signer,
)

R1, R2, R3, R4, THIEF = (signer(number) for number in (31, 32, 33, 34, 66))
BY_NAME = {"r1": R1, "r2": R2, "r3": R3, "r4": R4, "thief": THIEF, "policy": POLICY_SIGNER}


@dataclass(frozen=True)
class Step:
    """One keyring that is offered.

    Attributes:
        roots: root keys in it, in words; a name after ``-`` is in it, but revoked.
        signers: who signed it.
        error: what the gateway says, or None where it takes it.
    """

    version: int
    threshold: int
    roots: str
    signers: str
    error: type[DoorwardError] | None = None
    site: str = SITE
    kind: Kind = Kind.KEYRING
    others: tuple[Key, ...] = field(default=())

    def keyring(self) -> Keyring:
        keys = [
            key_of(BY_NAME[name.lstrip("-")], Purpose.ROOT, revoked=name.startswith("-"))
            for name in self.roots.split()
        ]
        return Keyring(
            site=SiteId(self.site),
            version=self.version,
            created_at=NOON,
            threshold=self.threshold,
            keys=(*keys, *self.others),
        )

    def wire(self) -> bytes:
        names = self.signers.split()
        return seal_envelope(self.kind, self.keyring().to_body(), [BY_NAME[n] for n in names])


POLICY_AS_ROOT = (key_of(POLICY_SIGNER, Purpose.POLICY | Purpose.ISSUE | Purpose.CONTROL),)
HISTORIES: dict[str, list[Step]] = {
    "one root key follows another": [
        Step(1, 1, "r1", "r1"),
        Step(2, 1, "r2", "r1 r2"),
        Step(3, 1, "r2", "r2"),
    ],
    "new root key alone cannot bring itself in": [
        Step(1, 1, "r1", "r1"),
        Step(2, 1, "r2", "r2", UntrustedError),
    ],
    "old root key cannot bring in a key that did not sign": [
        Step(1, 1, "r1", "r1"),
        Step(2, 1, "r2", "r1", UntrustedError),
    ],
    "stranger signs beside nobody": [
        Step(1, 1, "r1", "r1"),
        Step(2, 1, "r1", "thief", UntrustedError),
    ],
    "stranger's signature beside a good one changes nothing": [
        Step(1, 1, "r1", "r1"),
        Step(2, 1, "r1", "thief r1"),
    ],
    "key that only signs policy is no root": [
        Step(1, 1, "r1", "r1", others=POLICY_AS_ROOT),
        Step(2, 1, "r1", "policy", UntrustedError, others=POLICY_AS_ROOT),
        Step(2, 2, "r1 r2", "policy r1", UntrustedError, others=POLICY_AS_ROOT),
    ],
    "same version with other content": [
        Step(1, 1, "r1", "r1"),
        Step(2, 1, "r1 r2", "r1"),
        Step(2, 1, "r1 r3", "r1", RollbackError),
    ],
    "version goes back": [
        Step(5, 1, "r1", "r1"),
        Step(4, 1, "r1", "r1", RollbackError),
        Step(5, 1, "r1", "r1", RollbackError),
        Step(6, 1, "r1", "r1"),
    ],
    "versions may be skipped": [Step(1, 1, "r1", "r1"), Step(MAX_SEQ, 1, "r1", "r1")],
    "another site's keyring signed by our root": [
        Step(1, 1, "r1", "r1"),
        Step(2, 1, "r1", "r1", WrongRecipientError, site="plant-8"),
    ],
    "two of three sign": [Step(1, 2, "r1 r2 r3", "r1 r2"), Step(2, 2, "r1 r2 r3", "r2 r3")],
    "one of three is too few": [
        Step(1, 2, "r1 r2 r3", "r1 r2"),
        Step(2, 2, "r1 r2 r3", "r3", UntrustedError),
    ],
    "threshold lowered by one key alone": [
        Step(1, 2, "r1 r2", "r1 r2"),
        Step(2, 1, "r1 r2", "r1", UntrustedError),
    ],
    "threshold lowered by enough": [
        Step(1, 2, "r1 r2", "r1 r2"),
        Step(2, 1, "r1 r2", "r2 r1"),
        Step(3, 1, "r1 r2", "r1"),
    ],
    "threshold raised without enough of the new keys": [
        Step(1, 1, "r1", "r1"),
        Step(2, 2, "r1 r2", "r1", UntrustedError),
        Step(2, 2, "r1 r2", "r2", UntrustedError),
        Step(2, 2, "r1 r2", "r1 r2"),
    ],
    "every root key is replaced at once": [
        Step(1, 2, "r1 r2", "r1 r2"),
        Step(2, 2, "r3 r4", "r1 r2 r3 r4"),
        Step(3, 2, "r3 r4", "r1 r2", UntrustedError),
        Step(3, 2, "r3 r4", "r3 r4"),
    ],
    "half of the old and half of the new are not enough": [
        Step(1, 2, "r1 r2", "r1 r2"),
        Step(2, 2, "r3 r4", "r1 r3 r4", UntrustedError),
        Step(2, 2, "r3 r4", "r1 r2 r3", UntrustedError),
    ],
    "revoked root key signs its successor": [
        Step(1, 1, "r1 r2", "r1"),
        Step(2, 1, "-r1 r2", "r1 r2"),
        Step(3, 1, "-r1 r2", "r1", UntrustedError),
        Step(3, 1, "r1", "r1", UntrustedError),
        Step(3, 1, "-r1 r2", "r2"),
    ],
    "root key that revokes itself does not count as a new one": [
        Step(1, 1, "r1 r2", "r1"),
        Step(2, 1, "-r1 r2", "r1", UntrustedError),
    ],
    "revoked key does not fill a threshold": [
        Step(1, 2, "r1 r2 r3", "r1 r2"),
        Step(2, 2, "r1 -r2 r3", "r1 r2", UntrustedError),
        Step(2, 2, "r1 -r2 r3", "r1 r2 r3"),
        Step(3, 2, "r1 -r2 r3", "r1 r2", UntrustedError),
    ],
    "root key that was left out signs no more": [
        Step(1, 1, "r1 r2", "r1"),
        Step(2, 1, "r2", "r2"),
        Step(3, 1, "r1", "r1", UntrustedError),
        Step(3, 1, "r1 r2", "r1", UntrustedError),
    ],
    "root key that was left out comes back when the others want it": [
        Step(1, 1, "r1 r2", "r1"),
        Step(2, 1, "r2", "r2"),
        Step(3, 1, "r1 r2", "r2"),
        Step(4, 1, "r1", "r1"),
    ],
    "revoked key comes back when the others want it": [
        Step(1, 1, "r1 r2", "r1"),
        Step(2, 1, "-r1 r2", "r2"),
        Step(3, 1, "r1 r2", "r2"),
        Step(4, 1, "r1 r2", "r1"),
    ],
    "old keyring of a stolen key after the change": [
        Step(1, 1, "r1", "r1"),
        Step(2, 1, "r2", "r1 r2"),
        Step(3, 1, "r1 thief", "r1 thief", UntrustedError),
    ],
    "keyring under the name of another kind": [
        Step(1, 1, "r1", "r1"),
        Step(2, 1, "r1", "r1", MalformedError, kind=Kind.BUNDLE),
    ],
}


@pytest.mark.parametrize("story", HISTORIES)
def test_history_of_keyrings(story: str) -> None:
    first, *rest = HISTORIES[story]
    held = pin_keyring(first.wire())
    for step in rest:
        before = held.to_body()
        if step.error is None:
            held = accept_keyring(held, step.wire())
            assert held == step.keyring()
        else:
            with pytest.raises(step.error):
                accept_keyring(held, step.wire())
            assert held.to_body() == before, "a refusal changes nothing"
    assert held.site == SITE


def test_first_keyring_must_sign_itself() -> None:
    assert pin_keyring(Step(1, 2, "r1 r2", "r1 r2").wire()).version == 1
    for signers in ("r1", "r1 thief", "thief"):
        with pytest.raises(UntrustedError, match="own root keys"):
            pin_keyring(Step(1, 2, "r1 r2", signers).wire())


def test_signature_over_another_keyring_does_not_count() -> None:
    one, other = Step(2, 1, "r1", "r1"), Step(2, 1, "r1 thief", "r1")
    head = one.wire()[: -len(one.keyring().to_body())]
    with pytest.raises(UntrustedError):
        accept_keyring(Step(1, 1, "r1", "r1").keyring(), head + other.keyring().to_body())


# ---- what a keyring may be ---------------------------------------------------------------------


def rooted(*more: Key) -> tuple[Key, ...]:
    return (key_of(ROOT, Purpose.ROOT), *more)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threshold": 0}, "threshold"),
        ({"threshold": 2}, "threshold is 2, must be 1 to 1"),
        ({"threshold": -1}, "threshold"),
        ({"keys": ()}, "0 keys"),
        ({"keys": (key_of(ISSUER, Purpose.ISSUE),)}, "threshold"),
        ({"keys": (key_of(ROOT, Purpose.ROOT, revoked=True),)}, "threshold"),
        ({"keys": rooted(key_of(ROOT, Purpose.ISSUE))}, "share an id"),
        ({"keys": rooted(*(key_of(signer(n), Purpose.ROOT) for n in range(100, 164)))}, "65 keys"),
        ({"version": 0}, "out of range"),
        ({"version": MAX_SEQ + 1}, "out of range"),
        ({"created_at": -1}, "out of range"),
    ],
)
def test_keyring_that_could_not_be_used_or_replaced_is_never_made(
    changes: dict[str, object], words: str
) -> None:
    with pytest.raises(MalformedError, match=words):
        dataclasses.replace(KEYRING, **changes)  # type: ignore[arg-type]


def test_threshold_leaves_room_for_a_change_of_every_root_key() -> None:
    old = tuple(key_of(signer(100 + n), Purpose.ROOT) for n in range(5))
    assert keyring(threshold=MAX_THRESHOLD, keys=old).threshold == 4
    with pytest.raises(MalformedError, match="must be 1 to 4"):
        keyring(threshold=5, keys=old)
    new = tuple(key_of(signer(110 + n), Purpose.ROOT) for n in range(4))
    successor = keyring(2, threshold=4, keys=new)
    signers = [signer(100 + n) for n in range(4)] + [signer(110 + n) for n in range(4)]
    wire = seal_envelope(Kind.KEYRING, successor.to_body(), signers)
    assert accept_keyring(keyring(threshold=4, keys=old), wire) == successor


@pytest.mark.parametrize(
    "changes",
    [
        {"public": bytes(31)},
        {"public": bytes(32)},
        {"public": (1).to_bytes(32, "little")},
        {"purposes": Purpose(0)},
        {"purposes": Purpose(32)},
        {"not_before": -1},
        {"not_before": 5, "not_after": 5},
        {"not_after": MAX_SEQ + 1},
    ],
    ids=repr,
)
def test_key_that_could_not_be_used_safely_is_never_made(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError, match="key"):
        dataclasses.replace(key_of(ROOT, Purpose.ROOT), **changes)  # type: ignore[arg-type]


FULL = keyring(
    keys=tuple(
        key_of(signer(100 + n), Purpose(1 + n % 31), n, MAX_SEQ - n, revoked=n == 7)
        for n in range(MAX_KEYS)
    )
)


def test_largest_keyring_fits_its_bound() -> None:
    body = FULL.to_body()
    assert len(body) < MAX_BODY_BYTES
    assert Keyring.from_body(body) == FULL
    with pytest.raises(MalformedError, match="at most 16384"):
        Keyring.from_body(bytes(MAX_BODY_BYTES + 1))


KEYS = st.builds(
    lambda number, purposes, before, length, revoked: key_of(
        signer(number), Purpose(purposes), before, before + length, revoked=revoked
    ),
    st.integers(0, 255),
    st.integers(1, 31),
    st.integers(0, 2**40),
    st.integers(1, 2**40),
    st.booleans(),
)


@given(
    st.lists(KEYS, max_size=6, unique_by=lambda key: key.key_id),
    st.integers(1, MAX_SEQ),
    st.integers(0, MAX_SEQ),
)
def test_every_keyring_reads_back(keys: list[Key], version: int, created_at: int) -> None:
    some = [key for key in keys if key.public != ROOT.public]
    ring = Keyring(
        site=SITE, version=version, created_at=created_at, threshold=1, keys=rooted(*some)
    )
    assert Keyring.from_body(ring.to_body()) == ring
    for key in ring.keys:
        assert ring.find(key.key_id) is key


FIELDS: dict[str, object] = {
    "site": SITE,
    "version": 1,
    "created_at": 0,
    "threshold": 1,
    "keys": [[ROOT.public, 1, 0, 9, False]],
}
ROW = [ISSUER.public, 2, 0, 9, False]
WRONG_FIELDS: dict[str, object] = {
    "no map": [],
    "a field more": FIELDS | {"more": 0},
    "a field less": {name: FIELDS[name] for name in FIELDS if name != "created_at"},
    "a version that is true": FIELDS | {"version": True},
    "version 0": FIELDS | {"version": 0},
    "a version past 2^53": FIELDS | {"version": 2**53},
    "a time that is false": FIELDS | {"created_at": False},
    "a time before 1970": FIELDS | {"created_at": -1},
    "a threshold that is true": FIELDS | {"threshold": True},
    "threshold 0": FIELDS | {"threshold": 0},
    "a site in capitals": FIELDS | {"site": "PLANT"},
    "a site that is bytes": FIELDS | {"site": b"plant"},
    "a site that is a word of the topics": FIELDS | {"site": "host"},
    "keys as a map": FIELDS | {"keys": {}},
    "no keys": FIELDS | {"keys": []},
    "a key that is a number": FIELDS | {"keys": [1]},
    "a key of four parts": FIELDS | {"keys": [ROW[:4]]},
    "a key that is a text": FIELDS | {"keys": [["x" * 32, 1, 0, 9, False]]},
    "a key of 33 bytes": FIELDS | {"keys": [[bytes(33), 1, 0, 9, False]]},
    "a weak key": FIELDS | {"keys": [[bytes(32), 1, 0, 9, False]]},
    "purposes that are true": FIELDS | {"keys": [[ROOT.public, True, 0, 9, False]]},
    "purpose 32": FIELDS | {"keys": [[ROOT.public, 33, 0, 9, False]]},
    "purpose 0": FIELDS | {"keys": [FIELDS["keys"][0], [ISSUER.public, 0, 0, 9, False]]},  # type: ignore[index]
    "a window that is false": FIELDS | {"keys": [[ROOT.public, 1, False, 9, False]]},
    "an empty window": FIELDS | {"keys": [[ROOT.public, 1, 9, 9, False]]},
    "revoked as a number": FIELDS | {"keys": [[ROOT.public, 1, 0, 9, 0]]},
    "the same key twice": FIELDS | {"keys": [FIELDS["keys"][0]] * 2},  # type: ignore[index]
}


@pytest.mark.parametrize("name", WRONG_FIELDS)
def test_body_is_malformed_with(name: str) -> None:
    assert Keyring.from_body(canonical.encode(FIELDS)).version == 1
    with pytest.raises(MalformedError):
        Keyring.from_body(canonical.encode(WRONG_FIELDS[name]))


@given(st.binary(max_size=100))
def test_any_bytes_are_a_keyring_or_malformed(body: bytes) -> None:
    with pytest.raises(MalformedError):
        Keyring.from_body(body)
    with pytest.raises(MalformedError):
        accept_keyring(KEYRING, body)


def test_every_flipped_bit_is_refused_or_another_keyring() -> None:
    good = KEYRING.to_body()
    for bit in range(8 * len(good)):
        body = bytearray(good)
        body[bit // 8] ^= 1 << bit % 8
        try:
            found = Keyring.from_body(bytes(body))
        except MalformedError:
            continue
        assert found != KEYRING
        assert found.to_body() == bytes(body)


# ---- which signature makes a message count -----------------------------------------------------


def offered(kind: Kind, *signers: Ed25519Signer) -> bytes:
    return seal_envelope(kind, b"body", signers)


@pytest.mark.parametrize("kind", PURPOSE_OF_KIND)
@pytest.mark.parametrize("owner", [ROOT, ISSUER, POLICY_SIGNER, CONTROL, COMMANDER, THIEF])
def test_each_kind_counts_by_keys_of_its_own_purpose_alone(
    kind: Kind, owner: Ed25519Signer
) -> None:
    purpose = PURPOSE_OF_KIND[kind]
    envelope = parse_envelope(offered(kind, owner))
    key = KEYRING.find(owner.key_id)
    if key is not None and purpose in key.purposes:
        assert verify_signed(envelope, KEYRING, purpose, NOON) == owner.key_id
    else:
        with pytest.raises(UntrustedError, match=r"may not sign this|is unknown"):
            verify_signed(envelope, KEYRING, purpose, NOON)


@pytest.mark.parametrize(
    ("kind", "purpose"),
    [
        (Kind.ACK, Purpose.POLICY),
        (Kind.BUNDLE, Purpose.CONTROL),
        (Kind.KEYRING, Purpose.ROOT),
        (Kind.BATCH, Purpose.CONTROL),
        (Kind.OUTCOME, Purpose.CONTROL),
        (Kind.STATUS, Purpose.ISSUE),
        (Kind.COMMAND, Purpose.CONTROL),
        (Kind.CONFIG, Purpose.CONTROL),
        (Kind.ACK, Purpose.COMMAND),
    ],
)
def test_caller_who_asks_for_the_wrong_purpose_gets_no_trust(kind: Kind, purpose: Purpose) -> None:
    everything = key_of(CONTROL, Purpose(31))
    ring = keyring(keys=(everything,))
    with pytest.raises(UntrustedError, match="never counts"):
        verify_signed(parse_envelope(offered(kind, CONTROL)), ring, purpose, NOON)


def test_window_of_the_signing_key_holds_to_the_second() -> None:
    ring = keyring(keys=rooted(key_of(CONTROL, Purpose.CONTROL, 100, 200)))
    envelope = parse_envelope(offered(Kind.ACK, CONTROL))
    for now in (100, 199, None):
        assert verify_signed(envelope, ring, Purpose.CONTROL, now) == CONTROL.key_id
    for now in (99, 200):
        with pytest.raises(UntrustedError, match="outside its window"):
            verify_signed(envelope, ring, Purpose.CONTROL, now)


def test_one_good_signature_is_enough_and_bad_ones_beside_it_do_not_matter() -> None:
    other = signer(5)
    ring = keyring(
        keys=rooted(
            key_of(other, Purpose.CONTROL),
            key_of(CONTROL, Purpose.CONTROL),
            key_of(R1, Purpose.CONTROL, revoked=True),
        )
    )
    good = parse_envelope(offered(Kind.ACK, other, THIEF, R1, CONTROL))
    first, *rest = good.signatures
    spoilt = dataclasses.replace(first, value=bytes(64))
    envelope = dataclasses.replace(good, signatures=(spoilt, *rest))
    assert verify_signed(envelope, ring, Purpose.CONTROL, NOON) == CONTROL.key_id
    without = dataclasses.replace(good, signatures=(spoilt, *rest[:2]))
    with pytest.raises(UntrustedError) as caught:
        verify_signed(without, ring, Purpose.CONTROL, NOON)
    assert str(caught.value) == (
        f"ack: key {other.key_id:08x} did not sign this, key {THIEF.key_id:08x} is unknown, "
        f"key {R1.key_id:08x} was revoked"
    )


def test_signature_under_the_id_of_a_known_key_must_be_that_keys() -> None:
    envelope = parse_envelope(offered(Kind.ACK, THIEF))
    disguised = dataclasses.replace(envelope.signatures[0], key_id=CONTROL.key_id)
    with pytest.raises(UntrustedError, match="did not sign"):
        verify_signed(
            dataclasses.replace(envelope, signatures=(disguised,)), KEYRING, Purpose.CONTROL, NOON
        )


def test_key_id_is_the_beginning_of_the_hash() -> None:
    assert key_id_of(bytes(32)) == 0x66687AAD
    assert KEYRING.find(key_id_of(bytes(32))) is None
