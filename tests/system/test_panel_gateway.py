"""The pages of a real gateway process: a guard opens the door, a technician's line goes up."""

import json
import signal
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from doorward import topics
from doorward.envelope import Kind, seal_envelope
from doorward.records import Outcome, Record, RecordKind
from doorward.staff import Ability, StaffList
from doorward_controller.broker.waiting import wait_until
from doorward_controller.demo.cli import free_port
from tests.edge.panel.visitor import Visitor
from tests.fakes.panel_site import make_certificate, member
from tests.system.broker_clients import Talker, talker
from tests.system.conftest import Site
from tests.system.lone_gateway import LOCK_PIN, NAME, SEEN_S, Gate, LoneSite, make_gate, running

HELD_UP_S = 10.0
GOOD = {"way": "in", "cause": "phone_dead"}


class RealTime:
    """Nothing to do: the gateway has its own clock."""

    def pass_s(self, seconds: float) -> None:
        del seconds


@dataclass
class Post:
    """A gateway with pages, and an office that listens where the controller would."""

    gate: Gate
    ours: LoneSite
    host: Talker
    port: int
    kiosk: int
    certificate: ssl.SSLContext
    clock: RealTime = field(default_factory=RealTime)
    records: dict[tuple[int, int], Record] = field(default_factory=dict)

    def send_staff(self, version: int = 1, *, without: str = "") -> None:
        """Publishes a staff list, as the controller does."""
        end = self.ours.now + 86_400
        everybody = (
            member("g-07", Ability.REGISTER, end),
            member("g-08", Ability.REGISTER | Ability.OVERRIDE, end),
            member("t-1", Ability.SERVICE, end),
        )
        listed = StaffList(
            site=self.ours.name,
            version=version,
            created_at=self.ours.now,
            members=tuple(each for each in everybody if each.id != without),
        )
        wire = seal_envelope(Kind.STAFF, listed.to_body(), [self.ours.signer("policy")])
        self.host.say(topics.policy(self.ours.name, topics.Policy.STAFF), wire, retain=True)

    def visitor(self) -> Visitor:
        return Visitor(self, self.port)

    def sign_in(self, visitor: Visitor, number: str, purpose: str = "manual") -> None:
        """Signs in as soon as the staff list has arrived."""
        text = visitor.get(f"/sign-in/{purpose}").text
        if "no staff list" in text:
            assert wait_until(
                lambda: "no staff list" not in visitor.get(f"/sign-in/{purpose}").text,
                timeout_s=SEEN_S,
            )
        assert visitor.sign_in(number, purpose).status_code == 303
        visitor.get(f"/{purpose}")

    def arrived(self, kind: RecordKind) -> list[Record]:
        """Returns the records of a kind that came up, and acknowledges all that came."""
        while not self.host.received.empty():
            epoch, records = self.ours.opened(self.host.received.get()[1])
            self.records |= {(epoch, seq): record for seq, record in records}
            if records:
                span = (records[0][0], records[-1][0])
                down = topics.down(self.ours.name, NAME, topics.Down.ACK)
                self.host.say(down, self.ours.ack(NAME, epoch, span))
        return [record for record in self.records.values() if record.kind == kind]

    def hears(self, kind: RecordKind, count: int = 1) -> list[Record]:
        assert wait_until(lambda: len(self.arrived(kind)) >= count, timeout_s=SEEN_S), (
            self.gate.log()
        )
        return self.arrived(kind)

    def has_pulsed(self) -> bool:
        return 1.0 in [level for _, level in self.gate.ask("pins")["pins"][LOCK_PIN]]


@pytest.fixture
def post(tmp_path: Path, site: Site) -> Iterator[Post]:
    ours = LoneSite()
    gate = make_gate(
        tmp_path / "g",
        ours,
        identity=site.north,
        ca_file=site.authority.ca_file,
        broker_port=site.broker.port,
    )
    port, kiosk = free_port(0), free_port(0)
    certificate = make_certificate(gate.folder)
    with gate.config.open("a") as file:
        file.write(
            f"""
[panel]
address = "127.0.0.1"
port = {port}
hosts = ["127.0.0.1"]
cert_file = "panel.crt"
key_file = "panel.key"
kiosk_port = {kiosk}

[perception.granted]
zh = "欢迎"
"""
        )
    with talker(site.controller, site.authority.ca_file, site.broker.port) as host:
        host.hear(topics.up(ours.name, NAME, topics.Up.RECORDS))
        with running(gate):
            yield Post(gate, ours, host, port, kiosk, certificate)


def face(post: Post) -> dict[str, object]:
    """Returns what the portal's screen is told first."""
    address = f"http://127.0.0.1:{post.kiosk}/screen/{NAME}/events"
    with httpx.stream("GET", address, trust_env=False, timeout=5) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: ") and "signal" in line:
                found: dict[str, object] = json.loads(line.removeprefix("data: "))
                return found
    raise AssertionError("the stream ended without a face")


def test_a_guard_lets_somebody_in_by_hand_and_it_goes_up_sealed(post: Post) -> None:
    post.send_staff()
    with post.visitor() as visitor:
        post.sign_in(visitor, "g-07")
        answer = visitor.post(
            "/manual", GOOD | {"code": post.ours.badge(), "subject": "Visitor 17"}
        )
    assert "Opened and recorded." in answer.text
    assert post.has_pulsed()
    (record,) = post.hears(RecordKind.MANUAL)
    assert (record.outcome, record.actor, record.subject) == (
        Outcome.GRANT,
        "g-07",
        "Visitor 17",
    )
    assert (record.portal, record.cause, record.reader) == (NAME, "phone_dead", "by_hand")
    assert b"Visitor 17" not in post.gate.log().encode()


def test_who_has_no_code_is_let_in_by_who_may_overrule_and_by_nobody_else(post: Post) -> None:
    post.send_staff()
    with post.visitor() as visitor:
        post.sign_in(visitor, "g-07")
        refused = visitor.post("/manual", GOOD | {"subject": "Visitor 17"})
        assert "No code was shown." in refused.text
        assert "Open nevertheless" not in refused.text
        assert post.gate.is_locked_throughout()
    with post.visitor() as visitor:
        post.sign_in(visitor, "g-08")
        visitor.post("/manual", GOOD | {"subject": "Visitor 17"})
        opened = visitor.post("/manual/overrule", {"note": "his host waits"})
        assert "Opened and recorded." in opened.text
    assert post.has_pulsed()
    records = post.hears(RecordKind.MANUAL, 3)
    assert [record.outcome for record in records] == [Outcome.DENY, Outcome.DENY, Outcome.GRANT]
    assert records[-1].reason == "by_hand"


def test_a_technicians_line_goes_up_and_is_marked_delivered(post: Post) -> None:
    post.send_staff()
    work = {"what": "Lens cleaned", "part": "", "minutes": "5", "remarks": "dust"}
    with post.visitor() as visitor:
        post.sign_in(visitor, "t-1", "service")
        assert visitor.post("/service", work).status_code == 303
        (record,) = post.hears(RecordKind.SERVICE)
        assert (record.actor, json.loads(record.detail)["what"]) == ("t-1", "Lens cleaned")
        assert wait_until(
            lambda: (
                bool(post.arrived(RecordKind.SERVICE))
                and "Delivered" in visitor.get("/service").text
            ),
            timeout_s=SEEN_S,
        )


def test_a_new_staff_list_ends_the_session_of_who_is_not_on_it(post: Post) -> None:
    post.send_staff()
    with post.visitor() as visitor:
        post.sign_in(visitor, "g-07")
        post.send_staff(2, without="g-07")
        assert wait_until(lambda: visitor.get("/manual").status_code == 303, timeout_s=SEEN_S), (
            post.gate.log()
        )
        assert visitor.sign_in("g-07").status_code == 401


def test_list_journal_and_wrong_pins_outlive_kill_9(post: Post) -> None:
    post.send_staff()
    with post.visitor() as visitor:
        post.sign_in(visitor, "t-1", "service")
        visitor.post("/service", {"what": "Lock greased", "minutes": "5"})
        visitor.post("/sign-out", {})
        for n in range(4):
            wrong = visitor.sign_in("g-07", pin=f"{n:08}")
        assert wrong.status_code == 429
    post.gate.end(signal.SIGKILL)
    post.gate.start()
    with post.visitor() as visitor:
        assert visitor.sign_in("g-07").status_code == 429
        post.sign_in(visitor, "t-1", "service")
        assert "Lock greased" in visitor.get("/service").text


def test_the_screen_shows_what_the_lamps_show_in_the_sites_own_words(post: Post) -> None:
    assert face(post)["signal"] == "idle"
    assert post.gate.show(post.ours.badge()) == "granted"
    shown = face(post)
    assert (shown["signal"], shown["zh"], shown["en"]) == ("granted", "欢迎", "Please pass")
    assert post.gate.show(post.ours.badge(3, expires=-1)) == "expired"
    shown = face(post)
    assert (shown["signal"], shown["why_en"]) == ("refused", "This code has expired.")


@pytest.mark.timeout(90)
def test_a_code_that_is_held_up_for_ten_seconds_is_one_scan(post: Post) -> None:
    before = sum(post.gate.reasons().values())
    post.gate.ask("show", payload=post.ours.badge())
    assert wait_until(lambda: post.gate.reasons().get("granted", 0) == 1, timeout_s=SEEN_S)
    frames = post.gate.state()["decoder"]["frames"]
    wait_until(lambda: False, timeout_s=HELD_UP_S)
    assert post.gate.state()["decoder"]["frames"] > frames
    assert sum(post.gate.reasons().values()) == before + 1
    assert len(post.hears(RecordKind.SCAN)) == 1
    post.gate.ask("clear")


def test_a_gateway_whose_port_is_taken_works_without_pages_and_says_so(
    tmp_path: Path, site: Site
) -> None:
    ours = LoneSite()
    gate = make_gate(
        tmp_path / "h",
        ours,
        identity=site.north,
        ca_file=site.authority.ca_file,
        broker_port=site.broker.port,
    )
    with gate.config.open("a") as file:
        file.write(f"\n[panel]\nkiosk_port = {site.broker.port}\n")
    with running(gate):
        assert gate.show(ours.badge()) == "granted"
        assert f"panel.kiosk_port {site.broker.port}" in gate.log()
