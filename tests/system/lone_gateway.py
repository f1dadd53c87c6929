"""A real gateway process at a site that the test itself signs for: no controller is needed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from doorward.acks import Ack
from doorward.batches import Batch, open_records
from doorward.credential import CredentialClass, Statement, issue_badge
from doorward.envelope import Ed25519Signer, Kind, parse_envelope, seal_envelope
from doorward.ids import CredentialId, Epoch, GatewayId, PortalId, SiteId
from doorward.keys import Key, Keyring, Purpose
from doorward.policy_draft import GrantDraft, PolicyDraft, PortalDraft, build_body
from doorward.records import Record
from doorward.schedule import ALWAYS, Schedule, SiteTime
from doorward.sealing import SegmentCipher, SegmentName, open_segment_key
from doorward.status import StatusList
from doorward.times import UtcSeconds
from doorward_controller.broker.authority import Identity
from doorward_controller.broker.waiting import wait_until

EDGE = str(Path(sys.executable).parent / "doorward-edge")
NAME = GatewayId("north")
DEMO = SiteId("demo")
DAY_S = 86_400
READY_S = 60.0
SEEN_S = 45.0
LOCK_PIN = "GPIO17"


def signer(name: str) -> Ed25519Signer:
    return Ed25519Signer.from_seed(name.encode().ljust(32, b"."))


@dataclass(kw_only=True)
class LoneSite:
    """Keys and rules of a site; `old` is an issuing key whose window is over."""

    name: SiteId = DEMO
    now: int = field(default_factory=lambda: int(time.time()))
    intake: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    portals: dict[PortalId, PortalDraft] = field(
        default_factory=lambda: {
            PortalId(NAME): PortalDraft(zone="hall", gateway=NAME, pulse_ms=500)
        }
    )

    def signer(self, role: str) -> Ed25519Signer:
        return signer(f"{self.name} {role}")

    def key(self, role: str, purpose: Purpose) -> Key:
        began, ends = (-20, -10) if role == "old" else (-20, 20)
        return Key(
            public=self.signer(role).public,
            purposes=purpose,
            not_before=self.now + began * DAY_S,
            not_after=self.now + ends * DAY_S,
            revoked=False,
        )

    def keyring(self) -> bytes:
        keys = (
            self.key("root", Purpose.ROOT),
            self.key("issue", Purpose.ISSUE),
            self.key("old", Purpose.ISSUE),
            self.key("policy", Purpose.POLICY),
            self.key("control", Purpose.CONTROL),
            self.key("command", Purpose.COMMAND),
        )
        ring = Keyring(site=self.name, version=1, created_at=self.now, threshold=1, keys=keys)
        return seal_envelope(Kind.KEYRING, ring.to_body(), [self.signer("root")])

    def bundle(self, version: int = 1) -> bytes:
        draft = PolicyDraft(
            site=self.name,
            version=version,
            created_at=self.now,
            keyrings=(self.keyring(),),
            time=SiteTime(zone="Asia/Shanghai", offsets=((0, 8 * 3600),), day_types={}),
            zones=("hall",),
            groups=("staff",),
            schedules=(Schedule(name="always", spans=(ALWAYS,)),),
            grants=(GrantDraft(group="staff", zone="hall", schedule="always"),),
            portals=self.portals,
            classes={CredentialClass.EMPLOYEE: ("staff",)},
        )
        return seal_envelope(Kind.BUNDLE, build_body(draft), [self.signer("policy")])

    def status(self, seq: int = 1) -> bytes:
        full = StatusList(
            site=self.name, seq=seq, issued_at=self.now, size=1024, bits=bytes(1024 // 4)
        )
        return seal_envelope(Kind.STATUS, full.to_body(), [self.signer("policy")])

    def badge(self, number: int = 1, *, key: str = "issue", expires: int = 20) -> str:
        by = self.signer(key)
        statement = Statement(
            key_id=by.key_id,
            credential_id=CredentialId(number.to_bytes(8)),
            status_index=number,
            not_before=self.now - 20 * DAY_S,
            expires=self.now + expires * DAY_S,
            credential_class=CredentialClass.EMPLOYEE,
        )
        return issue_badge(statement, by)

    def ack(self, gateway: GatewayId, epoch: Epoch, span: tuple[int, int]) -> bytes:
        ack = Ack(
            site=self.name,
            gateway=gateway,
            epoch=epoch,
            committed=(span,),
            resend=(),
            at=UtcSeconds(self.now),
        )
        return seal_envelope(Kind.ACK, ack.to_body(), [self.signer("control")])

    def opened(self, wire: bytes) -> tuple[Epoch, list[tuple[int, Record]]]:
        """Opens a batch as the controller would: its epoch, and records with their numbers."""
        batch = Batch.from_body(parse_envelope(wire).body)
        ciphers = {}
        for segment in batch.segments:
            name = SegmentName(gateway=batch.gateway, epoch=batch.epoch, number=segment.number)
            key = open_segment_key(segment.sealed_key, self.intake, name)
            ciphers[segment.number] = SegmentCipher.of(key, batch.gateway, batch.epoch)
        numbered = enumerate(open_records(batch, ciphers), batch.first_seq)
        return batch.epoch, [(seq, each) for seq, each in numbered if isinstance(each, Record)]


@dataclass(kw_only=True)
class Gate:
    """One gateway's folder, and its process while it runs."""

    folder: Path
    data_dir: Path
    process: "subprocess.Popen[str] | None" = None

    @property
    def config(self) -> Path:
        return self.folder / "edge.toml"

    @property
    def policy_dir(self) -> Path:
        return self.data_dir / "policy"

    def replace(self, old: str, new: str) -> None:
        """Changes the configuration; what is changed must stand there once."""
        text = self.config.read_text()
        assert text.count(old) == 1, old
        self.config.write_text(text.replace(old, new))

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def start(self) -> None:
        """Starts it and waits until it reads codes."""
        with (self.folder / "log").open("w") as said:
            self.process = subprocess.Popen(
                [EDGE, "simulate", "--config", str(self.config)],
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert '"ready"' in line, self.log()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ends it and returns its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.communicate(timeout=READY_S)
        status, self.process = self.process.returncode, None
        return int(status)

    def ask(self, do: str, **more: object) -> Any:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(20)
            line.connect(str(self.data_dir / "control.sock"))
            line.sendall(json.dumps({"do": do, **more}).encode() + b"\n")
            answer = json.loads(line.makefile("rb").readline())
        assert answer["ok"], answer
        return answer

    def state(self) -> Any:
        return self.ask("state")

    def reasons(self) -> dict[str, int]:
        return dict(self.state()["counters"]["reasons"])

    def show(self, payload: str) -> str:
        """Holds a code up until it is decided on; returns the reason."""
        before = self.reasons()
        self.ask("show", payload=payload)
        try:
            assert wait_until(lambda: self.reasons() != before, timeout_s=SEEN_S), self.log()
        finally:
            self.ask("clear")
        (reason,) = (r for r, n in self.reasons().items() if n != before.get(r, 0))
        return reason

    def waits_for(self, key: str, value: object, timeout_s: float = SEEN_S) -> bool:
        return wait_until(lambda: bool(self.state()[key] == value), timeout_s=timeout_s)

    def is_locked_throughout(self) -> bool:
        return {level for _, level in self.ask("pins")["pins"][LOCK_PIN]} == {0.0}


def make_gate(
    folder: Path, site: LoneSite, *, identity: Identity, ca_file: Path, broker_port: int
) -> Gate:
    """Writes the files of an enrolled gateway; its rules are on its disk already."""
    folder.mkdir()
    (folder / "keyring.dwe").write_bytes(site.keyring())
    (folder / "seal.pub").write_bytes(site.intake.public_key().public_bytes_raw())
    (folder / "record.key").write_bytes(b"r" * 32)
    (folder / "record.key").chmod(0o600)
    gate = Gate(folder=folder, data_dir=folder / "data")
    gate.config.write_text(
        f"""\
[gateway]
site = "{site.name}"
id = "{NAME}"
data_dir = "{gate.data_dir}"

[broker]
host = "127.0.0.1"
port = {broker_port}
ca_file = "{ca_file}"
cert_file = "{identity.certificate_file}"
key_file = "{identity.key_file}"
keepalive_s = 5

[trust]
keyring_file = "keyring.dwe"
seal_key_file = "seal.pub"
record_key_file = "record.key"

[[camera]]
name = "front"
kind = "scene"

[clock]
source = "assume"

[journal]
capacity_mib = 64

[[portal]]
id = "{NAME}"
held_s = 0.5
cameras = ["front"]
lock = {{ kind = "fail_secure", terminal = 17 }}
lamps = {{ green = 22, red = 23 }}
"""
    )
    put_rules(gate, site)
    return gate


def put_rules(gate: Gate, site: LoneSite) -> None:
    gate.policy_dir.mkdir(parents=True, exist_ok=True)
    (gate.policy_dir / "bundle.dwe").write_bytes(site.bundle())
    (gate.policy_dir / "status.dwe").write_bytes(site.status())


@contextmanager
def running(gate: Gate) -> Iterator[Gate]:
    """A gateway that runs inside and is killed at the latest at the end."""
    gate.start()
    try:
        yield gate
    finally:
        if gate.process is not None:
            gate.end(signal.SIGKILL)


def run_to_its_end(gate: Gate, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of the gateway that is expected to end by itself."""
    return subprocess.run(
        [EDGE, *(command or ("simulate",)), "--config", str(gate.config)],
        capture_output=True,
        text=True,
        timeout=READY_S,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
