"""Many simulated gateways in one thread: real certificates, keys, batches and outboxes, no doors.

Each holds its own connection by mutual TLS and sends as the gateway's courier does, by the very
same outbox: at most four batches on their way, again what is not acknowledged in time. It verifies
the signature of every acknowledgement. paho runs without threads of its own; one selector watches
all sockets.
"""

import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.site import SITE, Site
from doorward import topics
from doorward.acks import Ack
from doorward.envelope import parse_envelope
from doorward.ids import GatewayId
from doorward.keys import Keyring, Purpose, verify_signed
from doorward.messages import Health, State
from doorward.ranges import Ranges, count, merge, subtract
from doorward.times import UtcSeconds
from doorward_controller.broker.authority import Identity
from doorward_edge.ports import EpochSpan, Stretch
from doorward_edge.stages.publish import Outbox, make_batch, settlement_of
from tests.fakes.journal_gateway import JournalGateway, scan

BOOT_ID = "00" * 8
KEEPALIVE_S = 60
MISC_EVERY_S = 5.0
DIALLERS = 16
STEP_S = 0.05


@dataclass
class FleetGateway:
    """One gateway.

    Attributes:
        sent: batches that were handed to the connection, those that went again included.
        told_ms: from a record's first being sent to its verified acknowledgement.
        heard: is told of every message but acknowledgements.
    """

    identity: Identity
    journal: JournalGateway
    keyring: Keyring
    is_ready: bool = False
    is_watched: bool = False
    session: int = 0
    sent: int = 0
    acks: int = 0
    client: mqtt.Client | None = None
    first_sent_s: dict[int, float] = field(default_factory=dict)
    told_ms: list[float] = field(default_factory=list)
    heard: Callable[[str, bytes], None] = lambda *_: None
    _acked: Ranges = ()
    _outbox: Outbox = field(default_factory=lambda: Outbox(()))

    @property
    def name(self) -> GatewayId:
        """Also the certificate's."""
        return self.journal.name

    @property
    def unacknowledged(self) -> int:
        """How many records the controller has not acknowledged."""
        return self.journal.head - count(self._acked)

    def span(self) -> EpochSpan:
        """What the journal would say of itself."""
        whole = ((1, self.journal.head),) if self.journal.head else ()
        return EpochSpan(
            epoch=self.journal.epoch,
            head=self.journal.head,
            pending=subtract(whole, self._acked),
            kept=self._acked,
            lost=(),
        )

    def disconnected(self) -> None:
        """What was on its way goes again."""
        self.is_ready = self.is_watched = False
        self._outbox.disconnected()

    def send_waiting(self, now_s: float) -> None:
        """Hands over what the outbox wants."""
        if not self.is_ready or self.client is None:
            return
        self._outbox.refresh([self.span()])
        now_ms = int(now_s * 1000)
        while (wanted := self._outbox.wanted(now_ms)) is not None:
            batch = self.journal.batch(wanted.first, wanted.last)
            stretch = Stretch(
                epoch=batch.epoch,
                first_seq=batch.first_seq,
                chain_before=batch.chain_before,
                segments=batch.segments,
                records=batch.records,
            )
            wire = make_batch(SITE, self.name, stretch, self.journal.signer)
            self.client.publish(self.journal.topic(), wire, qos=1)
            self.sent += 1
            for seq in range(stretch.first_seq, stretch.last_seq + 1):
                self.first_sent_s.setdefault(seq, now_s)
            self._outbox.sent(wanted, stretch, now_ms)

    def note_ack(self, wire: bytes, now_s: float) -> None:
        """Verifies an acknowledgement and settles what it names. Raises DoorwardError."""
        envelope = parse_envelope(wire)
        verify_signed(envelope, self.keyring, Purpose.CONTROL, int(datetime.now(UTC).timestamp()))
        settlement = settlement_of(Ack.from_body(envelope.body), SITE, self.name, [self.span()])
        if settlement is None:
            return
        self.acks += 1
        for first, last in subtract(settlement.committed, self._acked):
            for seq in range(first, last + 1):
                self.told_ms.append(1000 * (now_s - self.first_sent_s.pop(seq, now_s)))
        self._acked = merge(self._acked, settlement.committed)
        self._outbox.acknowledged(settlement, int(now_s * 1000))

    def scan(self) -> int:
        """Appends one scan; returns its number."""
        self.journal.append(scan(self.journal.head + 1, portal=f"{self.name}-door"))
        return self.journal.head

    def report_health(self) -> None:
        """Sends a report of the size that a gateway's has."""
        assert self.client is not None
        health = Health(
            at=_now_s(),
            boot_id=BOOT_ID,
            journal={"pending": self.unacknowledged, "kept": 0, "bytes": 1_200_000},
            decoder={"restarts": 0, "frames": 123_456, "fps_milli": 9_870},
            camera="ok",
            clock="synchronised",
            vitals={
                "temperature_mc": 51_200,
                "memory_free_kib": 412_000,
                "disk_free_kib": 22_000_000,
                "load_milli": 420,
                "uptime_s": 86_400,
                "throttled": 0,
            },
        )
        self.client.publish(self.journal.topic(topics.Up.HEALTH), health.to_wire(), qos=0)

    def say_state(self, *, online: bool) -> bytes:
        """Returns the state message of this session."""
        return State(online=online, boot_id=BOOT_ID, session=self.session, at=_now_s()).to_wire()


class FleetLoop:
    """All connections in the thread that calls `run`."""

    def __init__(self, site: Site, gateways: Sequence[FleetGateway]) -> None:
        """Connects nobody yet."""
        self._site = site
        self.gateways = gateways
        self._selector = selectors.DefaultSelector()
        self._writing: set[int] = set()
        self._misc_due_s = 0.0
        self._lost: list[FleetGateway] = []
        self.lost_connections = 0

    def connect(self, some: Sequence[FleetGateway], timeout_s: float) -> float:
        """Dials for all of them and serves them until each is ready; returns the seconds.

        Ready: accepted, its subscriptions granted, and its state said.

        Raises:
            TimeoutError: some are not.
        """
        began_s = time.perf_counter()
        with ThreadPoolExecutor(DIALLERS) as diallers:
            waiting = [(one, diallers.submit(self._dial, one)) for one in some]
            while waiting:
                for one, dialled in [each for each in waiting if each[1].done()]:
                    dialled.result()
                    self._watch(one)
                waiting = [each for each in waiting if not each[0].is_watched]
                self.step(0.002)
        self.run_until(lambda: all(one.is_ready for one in some), timeout_s)
        return time.perf_counter() - began_s

    def cut(self, some: Iterable[FleetGateway]) -> None:
        """Ends their connections as a cable that is pulled does."""
        for one in some:
            assert one.client is not None
            self._drop(one)

    def step(self, timeout_s: float = STEP_S) -> None:
        """Waits for sockets, reads and writes what is ready, sends what outboxes want."""
        touched: dict[GatewayId, FleetGateway] = {}
        for key, ready in self._selector.select(timeout_s):
            one: FleetGateway = key.data
            self._serve(one, ready)
            touched[one.name] = one
        now_s = time.perf_counter()
        for one in touched.values():
            one.send_waiting(now_s)
            self.mind_writing(one)
            self._mind_loss(one)
        self._dial_lost()
        if now_s >= self._misc_due_s:
            self._misc_due_s = now_s + MISC_EVERY_S
            for one in self.gateways:
                if one.client is not None:
                    one.client.loop_misc()
                    one.send_waiting(now_s)
                    self.mind_writing(one)
                    self._mind_loss(one)

    def run_until(self, is_done: Callable[[], bool], timeout_s: float) -> None:
        """Serves all until it is done. Raises TimeoutError."""
        ends_s = time.perf_counter() + timeout_s
        while not is_done():
            if time.perf_counter() > ends_s:
                left = sum(one.unacknowledged for one in self.gateways)
                ready = sum(one.is_ready for one in self.gateways)
                raise TimeoutError(
                    f"not done within {timeout_s:.0f} s: {ready} of {len(self.gateways)} are"
                    f" ready, {left} records are not acknowledged"
                )
            self.step()

    def run_for(self, seconds: float) -> None:
        """Serves all for a while."""
        ends_s = time.perf_counter() + seconds
        while (left_s := ends_s - time.perf_counter()) > 0:
            self.step(min(STEP_S, left_s))

    def mind_writing(self, one: FleetGateway) -> None:
        """Watches for room to write where something waits to be written."""
        client = one.client
        sock = client.socket() if client is not None else None
        if client is None or sock is None:
            return
        wants = client.want_write()
        if wants != (sock.fileno() in self._writing):
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wants else 0)
            self._selector.modify(sock, events, one)
            (self._writing.add if wants else self._writing.discard)(sock.fileno())

    def close(self) -> None:
        """Disconnects all."""
        for one in self.gateways:
            if one.client is not None:
                one.client.disconnect()
                self._drop(one)
        self._selector.close()

    def _dial(self, one: FleetGateway) -> None:
        one.session += 1
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=one.name,
            clean_session=False,
            protocol=mqtt.MQTTv311,
        )
        context = ssl.create_default_context(cafile=str(self._site.authority.ca_file))
        context.load_cert_chain(one.identity.certificate_file, one.identity.key_file)
        client.tls_set_context(context)
        client.max_inflight_messages_set(1000)
        client.on_socket_open = _send_at_once
        state = one.journal.topic(topics.Up.STATE)
        client.will_set(state, one.say_state(online=False), qos=1, retain=True)

        def accepted(*_: object) -> None:
            client.subscribe([(topic, 1) for topic in _heard_by(one.name)])

        def subscribed(*_: object) -> None:
            client.publish(state, one.say_state(online=True), qos=1, retain=True)
            one.is_ready = True

        client.on_connect = accepted
        client.on_message = lambda _c, _u, m: one.heard(m.topic, bytes(m.payload))
        client.on_subscribe = subscribed
        client.message_callback_add(
            topics.down(SITE, one.name, topics.Down.ACK),
            lambda _c, _u, message: one.note_ack(bytes(message.payload), time.perf_counter()),
        )
        client.connect("127.0.0.1", self._site.broker.port, KEEPALIVE_S)
        one.client = client

    def _watch(self, one: FleetGateway) -> None:
        assert one.client is not None
        sock = one.client.socket()
        if sock is None:
            raise ConnectionError(f"{one.name} was not let in")
        if sock.fileno() in self._selector.get_map():
            # Of a connection that paho has closed meanwhile; the number went to the new one.
            for other in self.gateways:
                self._mind_loss(other)
        self._selector.register(sock, selectors.EVENT_READ, one)
        one.is_watched = True
        self.mind_writing(one)

    def _serve(self, one: FleetGateway, ready: int) -> None:
        """Reads and writes; paho closes a connection that failed."""
        client = one.client
        if client is None:
            return
        if ready & selectors.EVENT_WRITE:
            client.loop_write()
        while ready & selectors.EVENT_READ and client.loop_read() == mqtt.MQTT_ERR_SUCCESS:
            sock = client.socket()
            if not isinstance(sock, ssl.SSLSocket) or not sock.pending():
                break

    def _mind_loss(self, one: FleetGateway) -> None:
        """Notes a connection that ended; it is dialled again, as a gateway would."""
        if one.client is not None and one.client.socket() is None:
            self.lost_connections += 1
            self._drop(one)
            self._lost.append(one)

    def _dial_lost(self) -> None:
        while self._lost:
            one = self._lost.pop()
            self._dial(one)
            self._watch(one)

    def _drop(self, one: FleetGateway) -> None:
        client, one.client = one.client, None
        one.disconnected()
        sock = client.socket() if client is not None else None
        if client is None:
            return
        for key in [key for key in self._selector.get_map().values() if key.data is one]:
            self._writing.discard(key.fd)
            self._selector.unregister(key.fileobj)
        if sock is not None:
            sock.close()
        client.on_connect = client.on_subscribe = client.on_message = None


def _heard_by(gateway: GatewayId) -> list[str]:
    down = [topics.down(SITE, gateway, kind) for kind in (topics.Down.ACK, topics.Down.DESIRED)]
    return [*down, *(topics.policy(SITE, kind) for kind in topics.Policy)]


def _now_s() -> UtcSeconds:
    return UtcSeconds(int(datetime.now(UTC).timestamp()))


def _send_at_once(_client: mqtt.Client, _data: object, sock: object) -> None:
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
