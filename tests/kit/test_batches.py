"""Sealing, chaining and batches: whatever is altered, moved, removed or put in is found."""

from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward import canonical
from doorward.acks import Ack
from doorward.batches import (
    MAX_BATCH_BYTES,
    MAX_BATCH_RECORDS,
    Batch,
    SealedRecord,
    Segment,
    chain_next,
    chain_start,
    check_chain,
    open_records,
)
from doorward.envelope import Ed25519Signer, parse_envelope, verify_with_key
from doorward.errors import MalformedError, UntrustedError
from doorward.ids import Epoch, GatewayId, KeyId, SiteId
from doorward.records import Record, RecordKind
from doorward.sealing import (
    SEALED_KEY_BYTES,
    SegmentCipher,
    SegmentName,
    open_segment_key,
    seal_segment_key,
)

SITE, GATEWAY, EPOCH = SiteId("plant-7"), GatewayId("gate-1"), Epoch(77)
KEY = bytes(range(32))
SIGNER = Ed25519Signer.from_seed(bytes(32))
CIPHER = SegmentCipher.of(KEY, GATEWAY, EPOCH)
RECIPIENT = X25519PrivateKey.from_private_bytes(bytes(range(32)))
NAME = SegmentName(gateway=GATEWAY, epoch=EPOCH, number=1)


def record(n: int) -> Record:
    return Record(
        kind=RecordKind.EVENT, utc_ms=n, mono_ms=n, boot_id=bytes(8), clock_trust=0, detail=f"{n}"
    )


def batch(first: int = 1, many: int = 3, before: bytes | None = None) -> Batch:
    sealed = [CIPHER.seal(n, record(n).to_wire()) for n in range(first, first + many)]
    return Batch(
        site=SITE,
        gateway=GATEWAY,
        epoch=EPOCH,
        first_seq=first,
        chain_before=before or chain_start(GATEWAY, EPOCH),
        segments=(Segment(1, KeyId(9), bytes(SEALED_KEY_BYTES)),),
        records=tuple(SealedRecord(1, ciphertext) for ciphertext in sealed),
    )


WIRE = batch().sealed_with(SIGNER)
BODY = batch().to_body()


def read(wire: bytes) -> Batch:
    envelope = parse_envelope(wire)
    verify_with_key(envelope, SIGNER.public)
    return Batch.from_body(envelope.body)


def test_a_batch_is_read_as_it_was_written() -> None:
    assert read(WIRE) == batch()
    assert batch().last_seq == 3
    assert open_records(batch(), {1: CIPHER}) == [record(1), record(2), record(3)]


def test_any_flipped_bit_of_a_signed_batch_is_refused() -> None:
    for bit in range(len(WIRE) * 8):
        flipped = bytearray(WIRE)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises((MalformedError, UntrustedError)):
            read(bytes(flipped))


def test_any_truncation_or_appended_byte_of_a_signed_batch_is_refused() -> None:
    for cut in range(len(WIRE)):
        with pytest.raises((MalformedError, UntrustedError)):
            read(WIRE[:cut])
    with pytest.raises(UntrustedError):
        read(WIRE + b"\0")


@given(st.binary(max_size=300) | st.lists(st.binary(max_size=8)).map(canonical.encode))
def test_any_body_parses_or_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedError):
        Batch.from_body(body)
    with pytest.raises(MalformedError):
        Ack.from_body(body)


@settings(max_examples=300)
@given(st.integers(0, len(BODY) * 8 - 1))
def test_an_altered_body_never_reads_as_the_same_batch(bit: int) -> None:
    flipped = bytearray(BODY)
    flipped[bit // 8] ^= 1 << bit % 8
    with suppress(MalformedError):
        assert Batch.from_body(bytes(flipped)) != batch()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 2),
        (0, True),
        (1, "Plant"),
        (1, "policy"),
        (2, 7),
        (3, 2**48),
        (4, 0),
        (4, 2**53),
        (5, bytes(31)),
        (6, []),
        (6, [[1, 9, bytes(80)], [2, 9, bytes(80)]]),
        (6, [[1, 9, bytes(79)]]),
        (6, [[1, 2**32, bytes(80)]]),
        (6, [[2, 9, bytes(80)]]),
        (7, []),
        (7, [[1, bytes(16)]]),
        (7, [[1, bytes(4096)]]),
        (7, [[1, bytes(40)], [0, bytes(40)]]),
        (7, [[1, "x" * 40]]),
        (7, [[1, bytes(20)]] * (MAX_BATCH_RECORDS + 1)),
    ],
)
def test_a_batch_with_a_part_out_of_bounds_is_refused(place: int, value: object) -> None:
    body = canonical.decode(BODY)
    body[place] = value
    with pytest.raises(MalformedError):
        Batch.from_body(canonical.encode(body))


def test_a_batch_in_another_encoding_is_refused() -> None:
    longer = BODY.replace(b"\x88\x01", b"\x88\x18\x01", 1)
    assert longer != BODY
    with pytest.raises(MalformedError, match="canonical"):
        Batch.from_body(longer)


def test_too_long_a_batch_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(MalformedError, match=str(MAX_BATCH_BYTES)):
        Batch.from_body(bytes(MAX_BATCH_BYTES + 1))


def test_a_batch_that_no_reader_would_take_is_not_written() -> None:
    with pytest.raises(MalformedError):
        batch(many=MAX_BATCH_RECORDS + 1).to_body()


def test_a_batch_that_continues_the_known_history_passes_at_every_record() -> None:
    whole = batch(many=5)
    for seq, known in enumerate(whole.chain()):
        check_chain(whole, seq, known)
    later = batch(first=3, many=4, before=whole.chain()[2])
    check_chain(later, 5, whole.chain()[5])


@pytest.mark.parametrize("seq", [3, 4, 5, 6])
def test_a_record_removed_or_replaced_before_breaks_the_chain(seq: int) -> None:
    known = batch(many=6).chain()[seq]
    other = chain_next(batch(many=1).chain()[1], 2, 1, b"another second record")
    with pytest.raises(UntrustedError, match=f"chain breaks at record {seq}"):
        check_chain(batch(first=3, many=4, before=other), seq, known)


def test_a_number_outside_of_the_batch_proves_nothing() -> None:
    with pytest.raises(ValueError, match="record 4"):
        check_chain(batch(), 4, bytes(32))


def test_records_that_do_not_open_are_reported_each_in_its_place() -> None:
    good = batch()
    swapped = (good.records[1], good.records[0], good.records[2])
    opened = open_records(
        Batch(
            site=SITE,
            gateway=GATEWAY,
            epoch=EPOCH,
            first_seq=1,
            chain_before=good.chain_before,
            segments=good.segments,
            records=swapped,
        ),
        {1: CIPHER},
    )
    assert isinstance(opened[0], UntrustedError)
    assert isinstance(opened[1], UntrustedError)
    assert opened[2] == record(3)
    assert all(isinstance(each, UntrustedError) for each in open_records(good, {2: CIPHER}))


@pytest.mark.parametrize(
    "other",
    [
        SegmentCipher.of(bytes(32), GATEWAY, EPOCH),
        SegmentCipher.of(KEY, GatewayId("gate-2"), EPOCH),
        SegmentCipher.of(KEY, GATEWAY, Epoch(78)),
    ],
)
def test_a_record_opens_only_with_its_key_gateway_and_epoch(other: SegmentCipher) -> None:
    sealed = CIPHER.seal(5, b"a record")
    assert CIPHER.open(5, sealed) == b"a record"
    with pytest.raises(UntrustedError):
        other.open(5, sealed)
    with pytest.raises(UntrustedError):
        CIPHER.open(6, sealed)


def test_a_segment_key_opens_only_for_its_recipient_and_its_segment() -> None:
    sealed = seal_segment_key(KEY, RECIPIENT.public_key(), NAME)
    assert len(sealed) == SEALED_KEY_BYTES
    assert open_segment_key(sealed, RECIPIENT, NAME) == KEY
    for name in (
        SegmentName(gateway=GATEWAY, epoch=EPOCH, number=2),
        SegmentName(gateway=GATEWAY, epoch=Epoch(78), number=1),
        SegmentName(gateway=GatewayId("gate-2"), epoch=EPOCH, number=1),
    ):
        with pytest.raises(UntrustedError):
            open_segment_key(sealed, RECIPIENT, name)
    with pytest.raises(UntrustedError):
        open_segment_key(sealed, X25519PrivateKey.from_private_bytes(bytes(32)), NAME)
    for bit in range(0, len(sealed) * 8, 5):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        if bit != 255:  # X25519 ignores the highest bit of a public key, but HPKE hashes it
            with pytest.raises(UntrustedError):
                open_segment_key(bytes(flipped), RECIPIENT, NAME)


def test_a_cipher_does_not_show_its_key() -> None:
    assert KEY.hex() not in repr(CIPHER)
    assert "ChaCha20" not in repr(CIPHER)
