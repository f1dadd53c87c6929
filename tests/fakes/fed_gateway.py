"""A gateway without a machine: it speaks to the real intake in signed batches and reports.

It decides nothing; a test says what it recorded. What it says is byte for byte what a gateway
would publish, so the controller under test verifies, decrypts and stores it as always.
"""

import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from doorward import topics
from doorward.batches import Batch, SealedRecord, Segment, chain_next, chain_start
from doorward.envelope import Ed25519Signer
from doorward.ids import Epoch, GatewayId, KeyId
from doorward.messages import Applied, Health, Reported, State
from doorward.records import Outcome, Record, RecordKind
from doorward.sealing import SegmentCipher, SegmentName, seal_segment_key
from doorward.times import ClockTrust, UtcSeconds
from doorward_controller.domain.permissions import local_actor
from doorward_controller.ingest.ports import Inbound
from doorward_controller.ingest.writer import Writer
from doorward_controller.services import enrolment, provisioning
from doorward_controller.services.backend import Backend

EPOCH = Epoch(0x12AB34CD56EF)
BOOT_ID = bytes(range(8))


@dataclass(slots=True)
class FedGateway:
    """One enrolled gateway with one portal.

    Attributes:
        name: also names the portal, `{name}-door`.
    """

    backend: Backend
    name: GatewayId
    zone: str = "yard"
    signer: Ed25519Signer = field(
        default_factory=lambda: Ed25519Signer.from_seed(secrets.token_bytes(32))
    )
    segment_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    seq: int = 0
    chain: bytes = b""
    writer: Writer = field(init=False)

    def __post_init__(self) -> None:
        self.writer = Writer(self.backend)
        self.chain = chain_start(self.name, EPOCH)

    @property
    def portal(self) -> str:
        return f"{self.name}-door"

    def enrol(self, label: str = "") -> None:
        portal = enrolment.NewPortal(portal=self.portal, zone=self.zone, label=label)
        enrolment.enrol_gateway(
            self.backend,
            local_actor(),
            gateway=self.name,
            record_key=self.signer.public,
            portals=[portal],
        )

    def connect(self, *, online: bool = True) -> None:
        at = UtcSeconds(self.backend.clock.now().utc_s)
        state = State(online=online, boot_id=BOOT_ID.hex(), session=1, at=at)
        self._say(topics.Up.STATE, state.to_wire())

    def apply(self, *, bundle: int = 0, status: int = 0) -> None:
        at = UtcSeconds(self.backend.clock.now().utc_s)
        applied = Applied(bundle=bundle, status=status, keyring=1, config=0)
        self._say(topics.Up.REPORTED, Reported(applied=applied, rejected=(), at=at).to_wire())

    def report_health(self, *, pending: int) -> None:
        health = Health(
            at=UtcSeconds(self.backend.clock.now().utc_s),
            boot_id=BOOT_ID.hex(),
            journal={"pending": pending, "kept": self.seq},
            decoder={"restarts": 0},
            camera="ok",
            clock="synchronised",
        )
        self._say(topics.Up.HEALTH, health.to_wire())

    def scan(
        self,
        reason: str,
        credential_id: str | None = None,
        *,
        at_utc_ms: int | None = None,
        online: bool = True,
    ) -> None:
        """Tells of one scan; `granted` is the one reason that lets somebody in."""
        granted = reason == "granted"
        now = self.backend.clock.now()
        record = Record(
            kind=RecordKind.SCAN,
            utc_ms=now.utc_ms if at_utc_ms is None else at_utc_ms,
            mono_ms=now.mono_ms,
            boot_id=BOOT_ID,
            clock_trust=ClockTrust.SYNCHRONISED,
            portal=self.portal,
            outcome=Outcome.GRANT if granted else Outcome.DENY,
            reason=reason,
            credential_id=bytes.fromhex(credential_id) if credential_id else None,
            form="dw1" if credential_id else "other",
            credential_class=1 if credential_id else None,
            rule="staff > yard > workdays" if granted else "",
            basis="snapshot" if credential_id else "",
            policy_version=1,
            policy_age_s=420,
            status_seq=1,
            reader="zxing",
            online=online,
        )
        self._say(topics.Up.RECORDS, self._batch_of(record))

    def send_rubbish(self) -> None:
        """Sends what cannot be read."""
        self._say(topics.Up.RECORDS, b"DWE1 this is not a batch")

    def _batch_of(self, record: Record) -> bytes:
        self.seq += 1
        cipher = SegmentCipher.of(self.segment_key, self.name, EPOCH)
        sealed = cipher.seal(self.seq, record.to_wire())
        batch = Batch(
            site=self.backend.config.site,
            gateway=self.name,
            epoch=EPOCH,
            first_seq=self.seq,
            chain_before=self.chain,
            segments=(self._segment(),),
            records=(SealedRecord(1, sealed),),
        )
        self.chain = chain_next(self.chain, self.seq, 1, sealed)
        return batch.sealed_with(self.signer)

    def _segment(self) -> Segment:
        given = provisioning.provision(self.backend)
        name = SegmentName(gateway=self.name, epoch=EPOCH, number=1)
        public = X25519PublicKey.from_public_bytes(given.intake_key)
        sealed = seal_segment_key(self.segment_key, public, name)
        return Segment(1, KeyId(given.intake_key_id), sealed)

    def _say(self, kind: topics.Up, wire: bytes) -> None:
        topic = topics.up(self.backend.config.site, self.name, kind)
        self.writer.process([Inbound(topic=topic, wire=wire, confirm=lambda: None)])
