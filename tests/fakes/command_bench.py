"""A desk and a commander between a pretended broker and portals that write down what they did."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from doorward import topics
from doorward.commands import Command, Forgive, OpenOnce, Order
from doorward.decision import Rules
from doorward.envelope import Kind, parse_envelope, seal_envelope, verify_with_key
from doorward.events import EventCode
from doorward.ids import Epoch, GatewayId, PortalId
from doorward.outcomes import Finding, Outcome
from doorward.times import UtcSeconds
from doorward_edge.commands.commander import Commander
from doorward_edge.commands.desk import CommandDesk
from doorward_edge.commands.posture_keeper import PostureKeeper
from doorward_edge.commands.rules import Judge
from doorward_edge.commands.targets import NotDoneError
from doorward_edge.ports import Arrived, Outgoing
from tests.fakes.edge_ports import FakeClock
from tests.fakes.site_simulator import (
    GATEWAY,
    PORTAL,
    SITE,
    START_S,
    SiteSimulator,
    signer_of,
)

RECORD_KEY = signer_of("gate-1")


class FakeNotes:
    """Notes in memory; they outlive a desk. `broken` is a disk that takes no more writes."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.broken = False

    def notes(self, name: str) -> Mapping[str, Any]:
        return deepcopy(self.kept.get(name, {}))

    def set_notes(self, name: str, values: Mapping[str, Any]) -> None:
        if self.broken:
            raise OSError(28, "No space left on device")
        self.kept[name] = deepcopy(dict(values))


@dataclass
class Hands:
    """Portals and premises; `did` says in order what was done, records among it."""

    did: list[str] = field(default_factory=list)
    fails: str = ""
    is_recording: bool = True
    has_fire: bool = False
    findings: Sequence[Finding] = (Finding(what="camera", is_good=True, detail="30 frames"),)

    def record(self, code: EventCode, detail: str) -> bool:
        del detail
        if self.is_recording:
            self.did.append(f"record {code}")
        return self.is_recording

    def open_once(self, portal: PortalId) -> None:
        self._do(f"open {portal}")

    def hold_open(self, portal: PortalId, until_mono_ms: int) -> None:
        self._do(f"hold {portal} {until_mono_ms}")

    def secure(self, portal: PortalId) -> None:
        self._do(f"secure {portal}")

    def posture_changed(self, portal: PortalId) -> bool:
        self._do(f"posture {portal}")
        return not self.has_fire

    def identify(self, portal: PortalId | None) -> None:
        self._do(f"identify {portal}")

    def self_test(self) -> Sequence[Finding]:
        self._do("self-test")
        return self.findings

    def restart(self) -> None:
        self._do("restart")

    def log(self, lines: int) -> bytes:
        self._do(f"log {lines}")
        return b"one line\n"

    def picture(self, portal: PortalId) -> bytes:
        self._do(f"picture {portal}")
        return b"\xff\xd8 a face"

    def update(self, order: str, version: str, until_utc_s: int) -> str:
        self._do(f"update {order} {version} {until_utc_s}")
        return f"ordered: {version}"

    def resend(self, epoch: Epoch, first_seq: int) -> int:
        self._do(f"resend {epoch} {first_seq}")
        return 7

    def forgive(self, order: Forgive) -> str:
        self._do(f"forgive {order.credential} {order.zone}")
        return "credential 0a at lab"

    def moves(self) -> list[str]:
        return [each for each in self.did if each.split()[0] in {"open", "hold", "secure"}]

    def _do(self, what: str) -> None:
        if self.fails:
            raise NotDoneError(self.fails)
        self.did.append(what)


class CommandBench:
    """One gateway's commands without a gateway."""

    def __init__(self, *, allows_pictures: bool = False, rules: Rules | None = None) -> None:
        self.site = SiteSimulator()
        self.clock = FakeClock(START_S)
        self.notes = FakeNotes()
        self.hands = Hands()
        self.rules = rules
        self.allows_pictures = allows_pictures
        self.controller = X25519PrivateKey.generate()
        self.published: list[Outgoing] = []
        self.is_connected = True
        self._drawn = 0
        self.boot()

    def boot(self) -> None:
        """Begins the process, or begins it anew on the same disk."""
        self.postures = PostureKeeper(self.notes, lambda: self.rules)
        self.desk = CommandDesk(
            judge=Judge(site=SITE, gateway=GATEWAY),
            keyring=lambda: self.site.keyring,
            notes=self.notes,
            signer=RECORD_KEY,
            clock=self.clock,
        )
        self.commander = Commander(
            desk=self.desk,
            targets=self.hands,
            premises=self.hands,
            people=self.hands,
            postures=self.postures,
            record=self.hands.record,
            clock=self.clock,
            gateway=GATEWAY,
            portals=frozenset({PORTAL}),
            seal_key=self.controller.public_key().public_bytes_raw(),
            allows_pictures=self.allows_pictures,
        )

    def command(self, order: Order | None = None, **changed: Any) -> Command:
        self._drawn += 1
        now = UtcSeconds(int(self.clock.utc_s))
        command = Command(
            site=SITE,
            gateway=GATEWAY,
            id=f"c{self._drawn}",
            order=order or OpenOnce(portal=PORTAL),
            issued_at=now,
            expires_at=UtcSeconds(now + 30),
            by="op-1",
        )
        return replace(command, **changed)

    def wire(self, command: Command, key: str = "command-1", kind: Kind = Kind.COMMAND) -> bytes:
        return seal_envelope(kind, command.to_body(), [signer_of(key)])

    def deliver(self, wire: bytes, command_id: str, *, retained: bool = False) -> bool:
        """Hands over what the broker brought; nothing is carried out yet."""
        topic = topics.down(SITE, GatewayId(GATEWAY), topics.Down.COMMAND, command_id)
        message = Arrived(topic=topic, payload=wire, retained=retained)
        return self.desk.take(message, self.clock.now())

    def work(self) -> None:
        """Carries out what was accepted, and sends what is to be said."""
        while (command := self.desk.next_command(0)) is not None:
            self.commander.carry_out(command)
        self.tell()

    def tell(self) -> None:
        def publish(message: Outgoing) -> bool:
            self.published.append(message)
            return True

        self.desk.turn(self.clock.now(), publish, is_connected=self.is_connected)

    def send(self, command: Command, **how: Any) -> bool:
        said = self.deliver(self.wire(command), command.id, **how)
        self.work()
        return said

    def outcomes(self, command_id: str) -> list[Outcome]:
        """Everything that was said about a command, checked as the controller does."""
        found = []
        for message in self.published:
            if message.topic.endswith(f"/up/cmd/{command_id}"):
                envelope = parse_envelope(message.payload)
                assert envelope.kind is Kind.OUTCOME
                verify_with_key(envelope, RECORD_KEY.public)
                found.append(Outcome.from_body(envelope.body))
        return found

    def states(self, command_id: str) -> list[str]:
        return [outcome.state.value for outcome in self.outcomes(command_id)]
