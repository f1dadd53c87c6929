"""A gateway without a machine: it speaks to the real intake in signed batches and reports.

It decides nothing; a test says what it recorded. What it says is byte for byte what a gateway
would publish, so the controller under test verifies, decrypts and stores it as always.
"""

from dataclasses import dataclass, field
from typing import Any

from doorward import topics
from doorward.messages import Applied, Health, Reported, State
from doorward.records import Outcome, Record, RecordKind
from doorward.times import ClockTrust, UtcSeconds
from doorward_controller.domain.permissions import local_actor
from doorward_controller.ingest.ports import Inbound
from doorward_controller.ingest.writer import Writer
from doorward_controller.services import enrolment
from doorward_controller.services.backend import Backend
from tests.fakes.journal_gateway import JournalGateway

BOOT_ID = bytes(range(8))


@dataclass(slots=True)
class FedGateway:
    """One gateway with one portal, `{name}-door`."""

    backend: Backend
    name: str
    zone: str = "site"
    journal: JournalGateway = field(init=False)
    _writer: Writer = field(init=False)

    def __post_init__(self) -> None:
        keys, site = self.backend.keys, self.backend.config.site
        self.journal = JournalGateway(self.name, intake_key=keys.intake_public, site=site)
        self._writer = Writer(self.backend)

    def enrol(self, label: str = "") -> None:
        portal = enrolment.NewPortal(portal=f"{self.name}-door", zone=self.zone, label=label)
        enrolment.enrol_gateway(
            self.backend,
            local_actor(),
            gateway=self.name,
            record_key=self.journal.signer.public,
            portals=[portal],
        )

    def connect(self, *, online: bool = True) -> None:
        state = State(online=online, boot_id=BOOT_ID.hex(), session=1, at=self._now_s())
        self._say(topics.Up.STATE, state.to_wire())

    def apply(self, *, bundle: int = 0, status: int = 0) -> None:
        applied = Applied(bundle=bundle, status=status, keyring=1, config=0)
        reported = Reported(applied=applied, rejected=(), at=self._now_s())
        self._say(topics.Up.REPORTED, reported.to_wire())

    def report_health(self, *, pending: int, **vitals: int) -> None:
        health = Health(
            at=self._now_s(),
            boot_id=BOOT_ID.hex(),
            journal={"pending": pending, "kept": self.journal.head},
            decoder={"restarts": 0},
            camera="ok",
            clock="synchronised",
            vitals=vitals,
        )
        self._say(topics.Up.HEALTH, health.to_wire())

    def by_hand(self, **changes: Any) -> None:
        """Tells of somebody whom a guard let in."""
        now = self.backend.clock.now()
        plain: dict[str, Any] = {
            "kind": RecordKind.MANUAL,
            "utc_ms": now.utc_ms,
            "mono_ms": now.mono_ms,
            "boot_id": BOOT_ID,
            "clock_trust": ClockTrust.SYNCHRONISED,
            "portal": f"{self.name}-door",
            "outcome": Outcome.GRANT,
            "reason": "by_hand",
            "reader": "by_hand",
            "actor": "g-07",
            "cause": "phone_dead",
            "subject": "Visitor 17",
            "note": "her host waits",
            "detail": "in",
        }
        self._tell(Record(**(plain | changes)))

    def scan(
        self,
        reason: str,
        credential_id: str | None = None,
        *,
        at_utc_ms: int | None = None,
        online: bool = True,
        detail: str = "",
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
            portal=f"{self.name}-door",
            outcome=Outcome.GRANT if granted else Outcome.DENY,
            reason=reason,
            credential_id=bytes.fromhex(credential_id) if credential_id else None,
            form="dw1" if credential_id else "other",
            credential_class=1 if credential_id else None,
            rule="10:staff>site@always" if granted else "",
            basis="snapshot" if credential_id else "",
            policy_version=1,
            policy_age_s=420,
            status_seq=1,
            reader="zxing",
            online=online,
            detail=detail,
        )
        self._tell(record)

    def _tell(self, record: Record) -> None:
        self.journal.append(record)
        head = self.journal.head
        self._say(topics.Up.RECORDS, self.journal.wire(head, head))

    def send_rubbish(self) -> None:
        """Sends what cannot be read."""
        self._say(topics.Up.RECORDS, b"DWE1 this is not a batch")

    def _now_s(self) -> UtcSeconds:
        return UtcSeconds(self.backend.clock.now().utc_s)

    def _say(self, kind: topics.Up, wire: bytes) -> None:
        topic = self.journal.topic(kind)
        self._writer.process([Inbound(topic=topic, wire=wire, confirm=lambda: None)])
