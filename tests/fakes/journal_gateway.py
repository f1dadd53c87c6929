"""A gateway's journal without a gateway: records, chained, sealed and signed as the kit says."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from doorward import topics
from doorward.batches import Batch, SealedRecord, Segment, chain_next, chain_start
from doorward.envelope import Ed25519Signer, key_id_of
from doorward.ids import Epoch, GatewayId, PortalId, SiteId
from doorward.messages import Applied, Birth, JournalSpan
from doorward.records import Outcome, Record, RecordKind
from doorward.sealing import SegmentCipher, SegmentName, seal_segment_key
from doorward.times import UtcSeconds

AT_UTC_MS = 1_790_000_000_000

FIRST_EPOCH = 0xE0


def scan(number: int, *, portal: str = "north", granted: bool = True) -> Record:
    """Returns the record of one scan, the same for the same number."""
    return Record(
        kind=RecordKind.SCAN,
        utc_ms=AT_UTC_MS + number * 1000,
        mono_ms=number * 1000,
        boot_id=b"12345678",
        clock_trust=2,
        portal=portal,
        outcome=Outcome.GRANT if granted else Outcome.DENY,
        reason="granted" if granted else "revoked",
        credential_id=hashlib.sha256(number.to_bytes(8)).digest()[:8],
        form="dw1",
        credential_class=1,
        rule="10:staff>site@always",
        basis="snapshot",
        policy_version=1,
        policy_age_s=60,
        status_seq=1,
        reader="zxing",
        online=True,
    )


class JournalGateway:
    """Appends records and cuts batches out of them, any range, any number of times."""

    def __init__(
        self,
        name: str = "gate-1",
        *,
        intake_key: bytes,
        site: str = "main",
        epoch: int = FIRST_EPOCH,
        seed: bytes | None = None,
    ) -> None:
        self.site, self.name, self.epoch = SiteId(site), GatewayId(name), Epoch(epoch)
        self.signer = Ed25519Signer.from_seed(seed or hashlib.sha256(name.encode()).digest())
        key = hashlib.sha256(f"{name}/{epoch}".encode()).digest()
        segment = SegmentName(gateway=self.name, epoch=self.epoch, number=1)
        recipient = X25519PublicKey.from_public_bytes(intake_key)
        self.segment = Segment(1, key_id_of(intake_key), seal_segment_key(key, recipient, segment))
        self._cipher = SegmentCipher.of(key, self.name, self.epoch)
        self._sealed: list[SealedRecord] = []
        self._chain = [chain_start(self.name, self.epoch)]
        self.plain: list[bytes] = []

    @property
    def head(self) -> int:
        """Number of the last record."""
        return len(self._sealed)

    @property
    def chain(self) -> list[bytes]:
        """The running hash before the first record and after each."""
        return self._chain

    def topic(self, kind: topics.Up = topics.Up.RECORDS) -> str:
        return topics.up(self.site, self.name, kind)

    def append(self, *records: Record) -> None:
        for record in records:
            self.append_bytes(record.to_wire())

    def append_bytes(self, plain: bytes) -> None:
        """Appends whatever is given, also what no reader accepts."""
        seq = self.head + 1
        sealed = self._cipher.seal(seq, plain)
        self._sealed.append(SealedRecord(1, sealed))
        self.plain.append(plain)
        self._chain.append(chain_next(self._chain[-1], seq, 1, sealed))

    def append_scans(self, count: int, *, portal: str = "north") -> None:
        self.append(*(scan(self.head + n + 1, portal=portal) for n in range(count)))

    def batch(self, first: int, last: int) -> Batch:
        return Batch(
            site=self.site,
            gateway=self.name,
            epoch=self.epoch,
            first_seq=first,
            chain_before=self._chain[first - 1],
            segments=(self.segment,),
            records=tuple(self._sealed[first - 1 : last]),
        )

    def wire(self, first: int, last: int) -> bytes:
        return self.batch(first, last).sealed_with(self.signer)

    def wires(self, size: int) -> Sequence[bytes]:
        """Returns the whole journal in batches of `size`."""
        return [
            self.wire(first, min(first + size - 1, self.head))
            for first in range(1, self.head + 1, size)
        ]

    def forged(self, first: int, last: int, **changed: object) -> bytes:
        """Returns a batch with other values in it, well signed."""
        return replace(self.batch(first, last), **changed).sealed_with(self.signer)  # type: ignore[arg-type]

    def birth(self, *, applied: Applied | None = None, tail: int = 1, **changed: object) -> bytes:
        birth = Birth(
            boot_id="0011223344556677",
            session=1,
            software="0.1.0",
            hardware={"board": "none"},
            capabilities=("dw1",),
            applied=applied or Applied(),
            journal=JournalSpan(epoch=self.epoch, head=self.head, tail=min(tail, self.head)),
            record_key=self.signer.public.hex(),
            portals=(PortalId("north"),),
            at=UtcSeconds(AT_UTC_MS // 1000),
        )
        return replace(birth, **changed).to_wire()  # type: ignore[arg-type]
