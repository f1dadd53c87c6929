"""From the bytes of a batch to records, or the reason why not. Touches neither disk nor network."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from doorward.batches import MAX_BATCH_BYTES, Batch, Segment
from doorward.envelope import (
    MAX_HEADER_BYTES,
    Envelope,
    Kind,
    key_id_of,
    parse_envelope,
    verify_with_key,
)
from doorward.errors import MalformedError, UntrustedError
from doorward.ids import Epoch, GatewayId, KeyId
from doorward.records import Record, read_fields
from doorward.sealing import SegmentCipher, SegmentName, open_segment_key
from doorward.topics import UpTopic
from doorward_controller.domain.intake_reasons import QuarantineReason
from doorward_controller.store.gateways import Gateway, GatewayState

MAX_MESSAGE_BYTES = MAX_BATCH_BYTES + MAX_HEADER_BYTES + 6
_MAX_CIPHERS = 4096
"""Segment keys kept open: four for each of a thousand gateways."""


class Unfit(NamedTuple):
    """A message that is put aside, and why."""

    reason: QuarantineReason
    detail: str


class OpenedRecord(NamedTuple):
    """A record's attributes, checked, and the bytes that it was sealed from.

    Storing needs a few of the attributes; `record` builds the whole for whoever wants it.
    """

    seq: int
    fields: Mapping[str, Any]
    body: bytes

    @property
    def record(self) -> Record:
        """The record."""
        return Record(**self.fields)


class UnreadableRecord(NamedTuple):
    """A record of a good batch that could not be read, with its sealed bytes."""

    seq: int
    sealed: bytes
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBatch:
    """A batch whose sender, signature and content hold.

    Attributes:
        chain: the running hash before the first record and after each.
    """

    gateway: Gateway
    batch: Batch
    chain: tuple[bytes, ...]
    records: tuple[OpenedRecord, ...]
    unreadable: tuple[UnreadableRecord, ...]


class Opener:
    """Opens batches with the intake key; keeps the segments' keys open between them."""

    def __init__(
        self,
        intake: X25519PrivateKey,
        others: Callable[[], Iterable[X25519PrivateKey]] = tuple,
    ) -> None:
        """Begins with no segment open.

        Args:
            intake: the key that gateways were given first.
            others: looks up those that they were given since; asked when one is not known here.
        """
        self._intakes = {_id_of(intake): intake}
        self._others = others
        self._ciphers: OrderedDict[tuple[GatewayId, Epoch, Segment], SegmentCipher] = OrderedDict()

    def open(self, topic: UpTopic, wire: bytes, gateway: Gateway | None) -> OpenedBatch | Unfit:
        """Returns the opened batch. Total: never raises for any bytes."""
        sender = check_sender(gateway)
        if isinstance(sender, Unfit):
            return sender
        if len(wire) > MAX_MESSAGE_BYTES:
            return Unfit(
                QuarantineReason.TOO_LARGE, f"{len(wire)} bytes, at most {MAX_MESSAGE_BYTES}"
            )
        try:
            batch = _verified(wire, sender.record_key)
        except MalformedError as err:
            return Unfit(QuarantineReason.MALFORMED, str(err))
        except UntrustedError as err:
            return Unfit(QuarantineReason.BAD_SIGNATURE, str(err))
        if (batch.site, batch.gateway) != (topic.site, topic.gateway):
            return Unfit(QuarantineReason.WRONG_SENDER, f"is from {batch.site}/{batch.gateway}")
        try:
            ciphers = {segment.number: self._cipher(batch, segment) for segment in batch.segments}
        except UntrustedError as err:
            return Unfit(QuarantineReason.KEY_NOT_OURS, str(err))
        return _opened(sender, batch, ciphers)

    def _cipher(self, batch: Batch, segment: Segment) -> SegmentCipher:
        place = (batch.gateway, batch.epoch, segment)
        cipher = self._ciphers.get(place)
        if cipher is not None:
            self._ciphers.move_to_end(place)
            return cipher
        private = self._private(segment)
        name = SegmentName(gateway=batch.gateway, epoch=batch.epoch, number=segment.number)
        key = open_segment_key(segment.sealed_key, private, name)
        cipher = self._ciphers[place] = SegmentCipher.of(key, batch.gateway, batch.epoch)
        if len(self._ciphers) > _MAX_CIPHERS:
            self._ciphers.popitem(last=False)
        return cipher

    def _private(self, segment: Segment) -> X25519PrivateKey:
        if segment.recipient not in self._intakes:
            self._intakes |= {_id_of(key): key for key in self._others()}
        private = self._intakes.get(segment.recipient)
        if private is None:
            ours = ", ".join(f"{key_id:08x}" for key_id in self._intakes)
            raise UntrustedError(
                f"segment {segment.number} is sealed to key {segment.recipient:08x}, ours: {ours}"
            )
        return private


def check_sender(gateway: Gateway | None) -> Gateway | Unfit:
    """Returns the gateway when we listen to it."""
    if gateway is None:
        return Unfit(QuarantineReason.UNKNOWN_GATEWAY, "no gateway of this name is enrolled")
    if gateway.state is GatewayState.REVOKED:
        return Unfit(QuarantineReason.GATEWAY_REVOKED, "the gateway was revoked")
    return gateway


def _id_of(private: X25519PrivateKey) -> KeyId:
    return key_id_of(private.public_key().public_bytes_raw())


def _verified(wire: bytes, record_key: bytes) -> Batch:
    envelope: Envelope = parse_envelope(wire)
    if envelope.kind is not Kind.BATCH:
        raise MalformedError(f"expected a batch, this is a {envelope.kind}")
    verify_with_key(envelope, record_key)
    return Batch.from_body(envelope.body)


def _opened(gateway: Gateway, batch: Batch, ciphers: Mapping[int, SegmentCipher]) -> OpenedBatch:
    records: list[OpenedRecord] = []
    unreadable: list[UnreadableRecord] = []
    for seq, (segment, sealed) in enumerate(batch.records, batch.first_seq):
        try:
            body = ciphers[segment].open(seq, sealed)
            records.append(OpenedRecord(seq, read_fields(body), body))
        except (MalformedError, UntrustedError) as err:
            unreadable.append(UnreadableRecord(seq, sealed, str(err)))
    return OpenedBatch(
        gateway=gateway,
        batch=batch,
        chain=batch.chain(),
        records=tuple(records),
        unreadable=tuple(unreadable),
    )
