"""Two intakes and two web servers on one PostgreSQL: what one does, the others know."""

import json
import queue
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress

import pytest

from doorward import topics
from doorward.acks import Ack
from doorward.envelope import parse_envelope
from doorward.ids import GatewayId
from doorward.messages import State
from doorward.times import UtcSeconds
from doorward_controller.broker.waiting import wait_until
from doorward_controller.queries import fleet_board
from doorward_controller.store import policies
from tests.fakes.company import SITE, Company, Member, company
from tests.fakes.journal_gateway import JournalGateway
from tests.system.broker_clients import Talker, talker

WAIT_S = 90.0
GATE = GatewayId("gate-1")

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Company, JournalGateway, str]]:
    """A company at work, the journal of its gateway, and a token for its interface."""
    with company(ingest=2, web=2, gateways=1) as (made, journals):
        token = made.token()
        made.start()
        yield made, journals[0], token


@pytest.fixture(scope="module")
def gate(running: tuple[Company, JournalGateway, str]) -> Iterator[Talker]:
    made, _, _ = running
    identity = made.identity(GATE)
    with talker(identity, made.authority.ca_file, made.broker.port) as connected:
        yield connected


class Reader:
    """Reads the live feed of one web server in a thread."""

    def __init__(self, member: Member, token: str) -> None:
        self.lines: queue.Queue[str] = queue.Queue()
        request = urllib.request.Request(
            f"{member.address}/api/v1/live", headers={"Authorization": f"Bearer {token}"}
        )
        self._answer = urllib.request.urlopen(request, timeout=WAIT_S)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._answer:
            self.lines.put(line.decode())

    def wait_for(self, event: str) -> dict[str, object]:
        """Returns the data of the next event of a kind."""
        while True:
            if self.lines.get(timeout=WAIT_S).strip() == f"event: {event}":
                while not (line := self.lines.get(timeout=WAIT_S)).startswith("data:"):
                    pass
                found: dict[str, object] = json.loads(line.removeprefix("data:"))
                return found


def post(member: Member, token: str, path: str, body: object) -> dict[str, object]:
    request = urllib.request.Request(
        f"{member.address}/api/v1{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
        found: dict[str, object] = json.load(answer)
        return found


def test_every_web_server_shows_what_an_intake_stored(
    running: tuple[Company, JournalGateway, str], gate: Talker
) -> None:
    made, journal, token = running
    readers = [Reader(member, token) for member in made.web]
    journal.append_scans(1, portal="gate-1-door")
    gate.hear(topics.down(SITE, GATE, topics.Down.ACK))
    gate.say(journal.topic(), journal.wire(journal.head, journal.head))
    assert Ack.from_body(parse_envelope(gate.next()[1]).body).committed == (
        (journal.head, journal.head),
    )
    for reader in readers:
        assert reader.wait_for("scan")["seq"] == journal.head


def test_one_process_leads(running: tuple[Company, JournalGateway, str]) -> None:
    made, _, _ = running
    assert len(made.leaders()) == 1


def test_policy_that_a_web_server_releases_is_published_by_the_leader(
    running: tuple[Company, JournalGateway, str], gate: Talker
) -> None:
    made, _, token = running
    bundle = topics.policy(SITE, topics.Policy.BUNDLE)
    gate.hear(bundle)
    before = _next_on(gate, bundle)
    answer = post(made.web[1], token, "/policy/release", {})
    after = _next_on(gate, bundle)
    assert after != before
    with made.backend.store.read() as connection:
        stored = policies.newest_bundle(connection, SITE)
    assert stored is not None
    assert (stored.version, stored.wire) == (answer["version"], after)


def test_command_that_a_web_server_gives_goes_out(
    running: tuple[Company, JournalGateway, str], gate: Talker
) -> None:
    made, journal, token = running
    gate.hear(topics.commands_of(SITE, GATE))
    here = State(online=True, boot_id="00" * 8, session=1, at=UtcSeconds(1)).to_wire()
    gate.say(journal.topic(topics.Up.STATE), here, retain=True)
    assert wait_until(lambda: _is_online(made), timeout_s=WAIT_S), "the leader did not hear it"
    given = post(made.web[0], token, "/gateways/gate-1/commands", {"name": "identify"})
    assert _next_on(gate, topics.down(SITE, GATE, topics.Down.COMMAND, str(given["id"])))


def _is_online(made: Company) -> bool:
    row = fleet_board.gateway(made.backend.store, GATE)
    return row is not None and row.online is True


def _next_on(gate: Talker, topic: str) -> bytes:
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        with suppress(queue.Empty):
            heard, wire = gate.received.get(timeout=0.2)
            if heard == topic:
                return wire
    raise AssertionError(f"nothing on {topic} within {WAIT_S:.0f} s")
