"""The segment that takes records now; its key is in memory alone and ends with it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from doorward.envelope import key_id_of
from doorward.ids import GatewayId
from doorward.sealing import SEGMENT_KEY_BYTES, SegmentCipher, SegmentName, seal_segment_key
from doorward_edge.adapters.journal_sqlite.rows import SEGMENT_BITS, EpochRow, SegmentRow

SEGMENT_RECORDS = 1024
"""After so many, give or take those that share a flush, the next one begins."""

SEGMENT_MS = 24 * 3600 * 1000


@dataclass(slots=True)
class OpenSegment:
    """A segment that still takes records."""

    number: int
    cipher: SegmentCipher = field(repr=False)
    row: SegmentRow
    opened_mono_ms: int
    records: int = 0
    is_stored: bool = False


class Segments:
    """Opens one segment after the other in an epoch."""

    def __init__(
        self,
        *,
        gateway: GatewayId,
        epoch: EpochRow,
        recipient: bytes,
        next_number: int,
        draw: Callable[[int], bytes],
    ) -> None:
        self._gateway, self._epoch, self._draw = gateway, epoch, draw
        self._recipient = X25519PublicKey.from_public_bytes(recipient)
        self._recipient_id = key_id_of(recipient)
        self._next_number = next_number
        self._held: OpenSegment | None = None

    def at(self, mono_ms: int) -> OpenSegment:
        """Returns the segment for a record made at that time."""
        held = self._held
        if held and held.records < SEGMENT_RECORDS and mono_ms - held.opened_mono_ms < SEGMENT_MS:
            return held
        number, (ordinal, epoch) = self._next_number, self._epoch
        self._next_number += 1
        key = self._draw(SEGMENT_KEY_BYTES)
        name = SegmentName(gateway=self._gateway, epoch=epoch, number=number)
        sealed_key = seal_segment_key(key, self._recipient, name)
        row = SegmentRow(ordinal << SEGMENT_BITS | number, epoch, self._recipient_id, sealed_key)
        cipher = SegmentCipher.of(key, self._gateway, epoch)
        self._held = OpenSegment(number, cipher, row, mono_ms)
        return self._held

    def discard(self) -> None:
        """Ends the segment after a failed commit.

        The record numbers will be given out again, and one key never seals two records under one.
        """
        self._held = None
