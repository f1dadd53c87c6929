"""Journal records on their way: chained, sealed, and signed as a batch (docs/protocol.md §7)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import cbor2

from doorward import shapes
from doorward.envelope import Kind, Signer, seal_envelope
from doorward.errors import DoorwardError, MalformedError, UntrustedError
from doorward.ids import MAX_SEQ, Epoch, GatewayId, KeyId, SiteId
from doorward.records import MAX_RECORD_BYTES, Record
from doorward.sealing import MAX_SEGMENT, SEALED_KEY_BYTES, TAG_BYTES, SegmentCipher

FORMAT = 1
MAX_BATCH_RECORDS = 256
MAX_BATCH_BYTES = 256 * 1024
CHAIN_BYTES = 32
MAX_SEALED_BYTES = MAX_RECORD_BYTES + TAG_BYTES


class Segment(NamedTuple):
    """A segment's key as it travels."""

    number: int
    recipient: KeyId
    sealed_key: bytes


class SealedRecord(NamedTuple):
    """A record as it lies on the card and travels; its number is its place in the batch."""

    segment: int
    sealed: bytes


def chain_start(gateway: GatewayId, epoch: Epoch) -> bytes:
    """Returns the running hash before the first record of an epoch."""
    head = b"doorward/1/chain\x00" + gateway.encode() + b"\x00"
    return hashlib.sha256(head + epoch.to_bytes(6)).digest()


def chain_next(previous: bytes, seq: int, segment: int, sealed: bytes) -> bytes:
    """Returns the running hash after a record."""
    return hashlib.sha256(previous + seq.to_bytes(8) + segment.to_bytes(4) + sealed).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Consecutive records of one epoch.

    Attributes:
        first_seq: number of the first record; the others follow without a gap.
        chain_before: the running hash before the first record.
        segments: exactly those that the records name, ascending.
        records: at least one, at most `MAX_BATCH_RECORDS`.
    """

    site: SiteId
    gateway: GatewayId
    epoch: Epoch
    first_seq: int
    chain_before: bytes
    segments: tuple[Segment, ...]
    records: tuple[SealedRecord, ...]

    @property
    def last_seq(self) -> int:
        """Number of the last record."""
        return self.first_seq + len(self.records) - 1

    def to_body(self) -> bytes:
        """Returns the canonical bytes.

        Raises:
            MalformedError: a reader would refuse the batch.
        """
        body = cbor2.dumps(
            [
                FORMAT,
                self.site,
                self.gateway,
                self.epoch,
                self.first_seq,
                self.chain_before,
                self.segments,
                self.records,
            ]
        )
        Batch.from_body(body)
        return body

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> Self:
        """Returns the batch in `body`.

        Raises:
            MalformedError: not a batch, too long, or another encoding than the canonical one.
        """
        if len(body) > MAX_BATCH_BYTES:
            raise MalformedError(f"batch of {len(body)} bytes, at most {MAX_BATCH_BYTES}")
        raw = bytes(body)
        value = shapes.load_cbor(raw, "batch", max_depth=4)
        if type(value) is not list or len(value) != 8 or value[0] != FORMAT:
            raise MalformedError(f"batch: not a list of 8 that begins with {FORMAT}")
        first = shapes.sequence_number(value[4], "batch: first number")
        records = _parse_records(value[7], MAX_SEQ - first + 1)
        batch = cls(
            site=shapes.site(value[1], "batch: site"),
            gateway=shapes.gateway(value[2], "batch: gateway"),
            epoch=shapes.epoch(value[3], "batch: epoch"),
            first_seq=first,
            chain_before=shapes.octets(value[5], "batch: chain", CHAIN_BYTES),
            segments=_parse_segments(value[6], {record.segment for record in records}),
            records=records,
        )
        # Every part is now a list, number, text or bytes, of which this writes one form only.
        if type(value[0]) is not int or cbor2.dumps(value) != raw:
            raise MalformedError("batch: not the canonical encoding, or bytes follow it")
        return batch

    def chain(self) -> tuple[bytes, ...]:
        """Returns the running hash before the first record and after each."""
        running, hashes = self.chain_before, [self.chain_before]
        for seq, (segment, sealed) in enumerate(self.records, self.first_seq):
            running = chain_next(running, seq, segment, sealed)
            hashes.append(running)
        return tuple(hashes)

    def sealed_with(self, signer: Signer) -> bytes:
        """Returns the signed envelope. Raises MalformedError as `to_body` does."""
        return seal_envelope(Kind.BATCH, self.to_body(), [signer])


def check_chain(batch: Batch, seq: int, known: bytes) -> None:
    """Checks that the batch continues the history of which the hash after `seq` is known.

    Raises:
        ValueError: `seq` is neither in the batch nor the number before it.
        UntrustedError: the histories differ: records were altered, removed or put in.
    """
    place = seq - batch.first_seq + 1
    if not 0 <= place <= len(batch.records):
        raise ValueError(f"record {seq} is not in {batch.first_seq - 1} to {batch.last_seq}")
    if batch.chain()[place] != known:
        raise UntrustedError(
            f"{batch.gateway}: chain breaks at record {seq} of epoch {batch.epoch:012x}"
        )


def open_records(
    batch: Batch, ciphers: Mapping[int, SegmentCipher]
) -> list[Record | DoorwardError]:
    """Returns every record, or why it could not be read, in the batch's order.

    Args:
        batch: a batch whose signature was verified.
        ciphers: by segment number; a record of a segment that is not in it is reported.
    """
    return [
        _open_record(ciphers.get(segment), segment, seq, sealed)
        for seq, (segment, sealed) in enumerate(batch.records, batch.first_seq)
    ]


def _open_record(
    cipher: SegmentCipher | None, segment: int, seq: int, sealed: bytes
) -> Record | DoorwardError:
    if cipher is None:
        return UntrustedError(f"record {seq}: no key for segment {segment}")
    try:
        return Record.from_wire(cipher.open(seq, sealed))
    except (UntrustedError, MalformedError) as err:
        return err


def _parse_records(value: Any, most: int) -> tuple[SealedRecord, ...]:  # noqa: ANN401
    if type(value) is not list or not 1 <= len(value) <= min(MAX_BATCH_RECORDS, most):
        raise MalformedError(f"batch: not 1 to {MAX_BATCH_RECORDS} records")
    before = 0
    for entry in value:
        if type(entry) is not list or len(entry) != 2:
            raise MalformedError("batch: a record is not a pair")
        segment, sealed = entry
        if type(segment) is not int or not before <= segment <= MAX_SEGMENT:
            raise MalformedError("batch: a record's segment is no number or goes back")
        if type(sealed) is not bytes or not TAG_BYTES < len(sealed) <= MAX_SEALED_BYTES:
            raise MalformedError(f"batch: a record is not of at most {MAX_SEALED_BYTES} bytes")
        before = segment
    return tuple(map(SealedRecord._make, value))


def _parse_segments(value: Any, wanted: set[int]) -> tuple[Segment, ...]:  # noqa: ANN401
    if type(value) is not list or len(value) != len(wanted):
        raise MalformedError("batch: the segments are not exactly those of the records")
    segments = []
    for entry in value:
        if type(entry) is not list or len(entry) != 3:
            raise MalformedError("batch: a segment is not a list of 3")
        segments.append(
            Segment(
                number=shapes.number(entry[0], "batch: segment", MAX_SEGMENT),
                recipient=KeyId(shapes.number(entry[1], "batch: recipient", 2**32 - 1)),
                sealed_key=shapes.octets(entry[2], "batch: sealed key", SEALED_KEY_BYTES),
            )
        )
    if [segment.number for segment in segments] != sorted(wanted):
        raise MalformedError("batch: the segments are not those of the records, ascending")
    return tuple(segments)
