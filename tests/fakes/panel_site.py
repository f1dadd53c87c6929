"""The gateway's pages on real sockets, with everything behind them in memory."""

import datetime as dt
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from argon2 import PasswordHasher
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from doorward.events import EventCode
from doorward.ids import CredentialId, Epoch, GatewayId, PortalId, SiteId
from doorward.presence_muster import Muster
from doorward.reasons import Reason
from doorward.records import Record, RecordKind
from doorward.staff import Ability, StaffMember
from doorward.times import UtcSeconds
from doorward_edge.by_hand import Answer, Registration
from doorward_edge.config_panel import PanelSection, PerceptionSection, Subject
from doorward_edge.panel.board import ScreenBoard
from doorward_edge.panel.opening import Panel
from doorward_edge.panel.parts import PanelParts
from doorward_edge.perception import perception_of
from doorward_edge.ports import EpochSpan, MaintenanceEntry, Receipt
from doorward_edge.presence.muster import RollCall
from doorward_edge.stages.record import Recorded, RecordOutcome
from tests.fakes.edge_ports import FakeClock
from tests.fakes.tallies import FakeTallies

START_S = 1_800_000_000
PIN = "20468101"
NORTH, SOUTH = PortalId("north"), PortalId("south")
EPOCH = Epoch(0xABCDEF)


@cache
def pin_hash() -> str:
    """The hash of `PIN`, as cheap as a staff list may have it."""
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(PIN)


def member(member_id: str, abilities: Ability, not_after: int = START_S + 86_400) -> StaffMember:
    """Returns an entry whose PIN is `PIN`."""
    return StaffMember(id=member_id, abilities=abilities, pin_hash=pin_hash(), not_after=not_after)


@dataclass
class FakeStaff:
    """A staff list in memory."""

    members: dict[str, StaffMember] = field(default_factory=dict)
    version: int = 1

    def find(self, member_id: str) -> StaffMember | None:
        return self.members.get(member_id)

    def put(self, *members: StaffMember) -> None:
        self.members.update({each.id: each for each in members})


@dataclass
class FakeServiceBook:
    """The service journal in memory."""

    entries: list[MaintenanceEntry] = field(default_factory=list)

    def maintenance(self) -> tuple[MaintenanceEntry, ...]:
        return tuple(self.entries)

    def add_maintenance(self, entry: MaintenanceEntry) -> None:
        self.entries.append(entry)


def granted(registration: Registration) -> Answer:
    return Answer(
        is_open=not registration.is_paper,
        reason=Reason.GRANTED,
        may_be_overruled=False,
        is_recorded=True,
    )


@dataclass
class PanelSite:
    """What the pages see of a gateway, and what they did to it.

    Attributes:
        answer: what the main loop says of a registration; None: it does not turn.
    """

    folder: Path
    subject: Subject = Subject.REFERENCE
    portals: tuple[PortalId, ...] = (NORTH, SOUTH)
    screens_on_network: bool = False
    clock: FakeClock = field(default_factory=lambda: FakeClock(START_S))
    staff: FakeStaff = field(default_factory=FakeStaff)
    tallies: FakeTallies = field(default_factory=FakeTallies)
    service: FakeServiceBook = field(default_factory=FakeServiceBook)
    answer: Callable[[Registration], Answer] | None = granted
    registered: list[Registration] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    told: list[tuple[EventCode, str]] = field(default_factory=list)
    meters: dict[str, int] = field(default_factory=dict)
    pending: tuple[tuple[int, int], ...] = ()
    online: bool = True
    camera_well: bool = True
    offset_s: int | None = 8 * 3600
    zones: Muster | None = ()

    def __post_init__(self) -> None:
        self.staff.put(
            member("g-07", Ability.REGISTER),
            member("g-08", Ability.REGISTER | Ability.OVERRIDE),
            member("t-1", Ability.SERVICE),
        )
        perception = perception_of(PerceptionSection())
        self.board = ScreenBoard(self.portals, perception, self.clock)
        self.certificate = make_certificate(self.folder)

    @contextmanager
    def running(self) -> Iterator[Panel]:
        """Serves the pages until the block ends."""
        section = PanelSection(
            address="127.0.0.1",
            port=_free_port(),
            hosts=("127.0.0.1", "gate-1.example"),
            cert_file=str(self.folder / "panel.crt"),
            key_file=str(self.folder / "panel.key"),
            kiosk_port=_free_port(),
            screens_on_network=self.screens_on_network,
            subject=self.subject,
            title_en="North Gate",
            title_zh="北门",
        )
        panel = Panel(self.parts(section))
        assert panel.problems == ()
        panel.start(lambda _portal, _scan: None)
        try:
            yield panel
        finally:
            panel.close()

    def parts(self, section: PanelSection) -> PanelParts:
        return PanelParts(
            site=SiteId("hq"),
            gateway=GatewayId("gate-1"),
            section=section,
            portals=self.portals,
            clock=self.clock,
            board=self.board,
            staff=self.staff,
            tallies=self.tallies,
            service=self.service,
            labels={"Site / gateway": "hq / gate-1", "QR": "doorward:hq/gate-1"},
            is_online=lambda: self.online,
            is_camera_well=lambda _portal: self.camera_well,
            register=self.register,
            begin=self.begin,
            record=self.record,
            spans=lambda: (
                EpochSpan(epoch=EPOCH, head=99, pending=self.pending, kept=(), lost=()),
            ),
            meters=self._meters,
            offset_s=lambda _utc_s: self.offset_s,
            tell=lambda code, detail: self.told.append((code, detail)),
            muster=self.muster,
        )

    def muster(self) -> RollCall:
        if self.zones is None:
            raise TimeoutError
        return RollCall(
            gateway="gate-1",
            at_utc_s=START_S,
            is_running=True,
            zones=self.zones,
            names={bytes(16): CredentialId(b"\0" * 7 + b"\7")},
        )

    def _meters(self) -> Mapping[str, int]:
        return dict(self.meters)

    def register(self, registration: Registration) -> Answer:
        if self.answer is None:
            raise TimeoutError
        self.registered.append(registration)
        return self.answer(registration)

    def begin(self, kind: RecordKind, reason: str, detail: str) -> Record:
        now = self.clock.now()
        return Record(
            kind=kind,
            utc_ms=now.utc_ms,
            mono_ms=now.mono_ms,
            boot_id=bytes(8),
            clock_trust=now.trust,
            reason=reason,
            detail=detail,
        )

    def record(self, record: Record) -> RecordOutcome:
        record.to_wire()
        self.records.append(record)
        receipt = Receipt(epoch=EPOCH, seq=len(self.records))
        return RecordOutcome(state=Recorded.DURABLE, receipt=receipt)

    def entry(self, **changes: object) -> MaintenanceEntry:
        plain = MaintenanceEntry(
            at=UtcSeconds(START_S), what="Lens cleaned", who="t-1", epoch=EPOCH, seq=1
        )
        return replace(plain, **changes)  # type: ignore[arg-type]


def make_certificate(folder: Path) -> ssl.SSLContext:
    """Writes a certificate for the loopback; returns how a client trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gate-1")])
    began = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + dt.timedelta(days=30))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("gate-1.example")]
            ),
            critical=False,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "panel.crt").write_bytes(certificate.public_bytes(pem))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "panel.key").write_bytes(key.private_bytes(pem, *plain))
    return ssl.create_default_context(cafile=str(folder / "panel.crt"))


def _free_port() -> int:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
