"""The gateway's connection against a real Mosquitto."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from doorward import topics
from doorward.messages import Birth, State
from doorward_controller.broker.authority import Identity
from doorward_controller.broker.waiting import wait_until
from doorward_edge.adapters.broker_paho import BrokerAddress, PahoBroker
from doorward_edge.ports import Arrived, LinkDown, LinkEvent, LinkUp, Outgoing
from tests.system.broker_clients import Talker, talker
from tests.system.conftest import SITE, Site, new_authority
from tests.system.lone_gateway import NAME, LoneSite, make_gate, running

BUNDLE = topics.policy(SITE, topics.Policy.BUNDLE)
STATE = topics.up(SITE, NAME, topics.Up.STATE)
HEALTH = topics.up(SITE, NAME, topics.Up.HEALTH)

PAHO_LEAVES_SOCKETS = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""To the garbage collector, when an error comes between."""


def address(identity: Identity, ca_file: Path, port: int, host: str = "127.0.0.1") -> BrokerAddress:
    return BrokerAddress(
        host=host,
        port=port,
        client_id=NAME,
        ca_file=str(ca_file),
        cert_file=str(identity.certificate_file),
        key_file=str(identity.key_file),
        keepalive_s=5,
    )


@contextmanager
def opened(where: BrokerAddress) -> Iterator[PahoBroker]:
    broker = PahoBroker(where, lambda session: Outgoing(topic=STATE, payload=b"%d" % session))
    broker.open()
    try:
        yield broker
    finally:
        broker.close()
        # paho closes its inner pair of sockets when it is freed; a cycle would delay that.
        del broker._client


@pytest.fixture
def broker(site: Site) -> Iterator[PahoBroker]:
    with opened(address(site.north, site.authority.ca_file, site.broker.port)) as made:
        yield made


@pytest.fixture
def host(site: Site) -> Iterator[Talker]:
    with talker(site.controller, site.authority.ca_file, site.broker.port) as made:
        yield made


def next_event(broker: PahoBroker) -> LinkEvent:
    found: list[LinkEvent] = []

    def has_come() -> bool:
        event = broker.next_event(0.2)
        found.extend([event] if event else [])
        return bool(found)

    assert wait_until(has_come, timeout_s=20)
    return found[0]


def test_accepted_connection_carries_both_ways(broker: PahoBroker, host: Talker) -> None:
    assert next_event(broker) == LinkUp(1)
    host.hear(HEALTH)
    assert broker.publish(Outgoing(topic=HEALTH, payload=b"well"))
    assert host.next() == (HEALTH, b"well")
    host.say(BUNDLE, b"rules", retain=True)
    broker.subscribe([BUNDLE])
    assert next_event(broker) == Arrived(topic=BUNDLE, payload=b"rules", retained=True)
    broker.subscribe([BUNDLE])
    assert next_event(broker) == Arrived(topic=BUNDLE, payload=b"rules", retained=True)


@PAHO_LEAVES_SOCKETS
def test_broker_of_a_foreign_authority_is_refused_in_words(site: Site, tmp_path: Path) -> None:
    foreign = new_authority(tmp_path / "foreign")
    with opened(address(site.north, foreign.ca_file, site.broker.port)) as broker:
        event = next_event(broker)
        assert isinstance(event, LinkDown)
        assert "certificate verify failed" in event.why
        assert not broker.publish(Outgoing(topic=HEALTH, payload=b"x"))


@PAHO_LEAVES_SOCKETS
def test_client_that_the_broker_refuses_never_is_up(site: Site) -> None:
    # A server's certificate is none that a client may use.
    server = Identity(
        name="server",
        certificate_file=site.settings.certificate_file,
        key_file=site.settings.key_file,
    )
    where = address(server, site.authority.ca_file, site.broker.port)
    with opened(where) as broker:
        events = [next_event(broker) for _ in range(2)]
    assert all(isinstance(event, LinkDown) for event in events), events


@PAHO_LEAVES_SOCKETS
def test_broker_that_is_killed_and_comes_back_is_a_new_session(
    site: Site, broker: PahoBroker
) -> None:
    assert next_event(broker) == LinkUp(1)
    site.broker.kill()
    assert isinstance(next_event(broker), LinkDown)
    assert not broker.publish(Outgoing(topic=HEALTH, payload=b"x"))
    site.broker.start()
    event = next_event(broker)
    while isinstance(event, LinkDown):
        event = next_event(broker)
    assert isinstance(event, LinkUp)
    assert event.session > 1
    assert broker.publish(Outgoing(topic=HEALTH, payload=b"again"))


def test_wake_ends_a_wait(broker: PahoBroker) -> None:
    assert next_event(broker) == LinkUp(1)
    broker.wake()
    # Would fail by the test's own time limit.
    assert broker.next_event(3600) is None


@PAHO_LEAVES_SOCKETS
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_connection_whose_thread_ends_by_an_error_is_dialled_again(site: Site) -> None:
    # Such a name raises UnicodeError, which paho does not expect.
    where = address(site.north, site.authority.ca_file, site.broker.port, host="x" * 70 + ".test")
    with opened(where) as broker:
        for _ in range(2):
            assert next_event(broker) == LinkDown("the connection's thread had ended")


@pytest.mark.parametrize("what", ["ca_file", "cert_file", "key_file"])
def test_file_that_cannot_be_used_is_named(site: Site, tmp_path: Path, what: str) -> None:
    where = address(site.north, site.authority.ca_file, 1)
    bad = tmp_path / "bad.pem"
    for content in (None, b"-----BEGIN CERTIFICATE-----\nno\n"):
        if content:
            bad.write_bytes(content)
        changed = BrokerAddress(
            host=where.host,
            port=where.port,
            client_id=where.client_id,
            keepalive_s=5,
            **{
                key: str(bad) if key == what else getattr(where, key)
                for key in ("ca_file", "cert_file", "key_file")
            },
        )
        with pytest.raises(OSError, match=rf"broker\.{what} .*bad\.pem"):
            PahoBroker(changed, lambda _: Outgoing(topic=STATE, payload=b""))


def test_killed_gateway_is_offline_by_the_will_of_its_own_session(
    site: Site, host: Talker, tmp_path: Path
) -> None:
    gate = make_gate(
        tmp_path / "g",
        LoneSite(),
        identity=site.north,
        ca_file=site.authority.ca_file,
        broker_port=site.broker.port,
    )
    host.hear(STATE, topics.up(SITE, NAME, topics.Up.BIRTH))
    with running(gate):
        birth, online = Birth.from_wire(host.next()[1]), State.from_wire(host.next()[1])
        gate.end(signal.SIGKILL)
        gone = State.from_wire(host.next()[1])
    assert (online.online, gone.online) == (True, False)
    assert {birth.session, online.session, gone.session} == {1}
    assert {birth.boot_id, online.boot_id, gone.boot_id} == {birth.boot_id}


def test_gateway_that_is_asked_to_end_says_goodbye_and_sends_its_last_record(
    site: Site, host: Talker, tmp_path: Path
) -> None:
    ours = LoneSite()
    gate = make_gate(
        tmp_path / "g",
        ours,
        identity=site.north,
        ca_file=site.authority.ca_file,
        broker_port=site.broker.port,
    )
    host.hear(STATE, topics.up(SITE, NAME, topics.Up.RECORDS))
    with running(gate):
        assert gate.waits_for("uplink", "draining")
        assert gate.end() == 0
    heard = {STATE: b"", "records": b""}
    while not host.received.empty():
        topic, payload = host.received.get()
        heard["records" if topic.endswith("records") else topic] = payload
    assert not State.from_wire(heard[STATE]).online
    assert ours.opened(heard["records"])[1][-1][1].reason == "gateway_stopped"
