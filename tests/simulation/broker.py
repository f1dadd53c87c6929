"""An MQTT 3.1.1 broker and its clients' side, as messages in flight over connections that break.

What it permits is what the standard permits: order holds within one direction of one connection;
QoS 1 comes at least once, again after each reconnection until it is confirmed; what was in flight
when a connection broke may have arrived or not. Each side learns of a break at its own time.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from doorward.topics import CONTROLLER_OFFLINE, CONTROLLER_ONLINE, CONTROLLER_STATE
from doorward_controller.ingest.ports import Inbound
from doorward_edge.ports import Arrived, LinkDown, LinkEvent, LinkUp, Outgoing
from tests.simulation.world import Process, World

WINDOW = 20
"""So many unconfirmed messages the broker has on the way to one client."""

LOST_SHARE = 0.95
"""Of what is sent at QoS 0, which may be lost: health is not what histories are about."""

QUEUE = 1000
"""What it keeps for a client that is away; beyond that it drops, as brokers do."""


@dataclass(slots=True, eq=False)
class Connection:
    """A TCP connection with a certain fate: FIFO each way until it breaks."""

    world: World
    client: str
    latency_ms: int
    is_open: bool = True
    _due: dict[str, int] = field(default_factory=dict)

    def carry(self, way: str, act: Callable[[], None]) -> None:
        """Brings something to the other end, unless the connection breaks before."""
        if not self.is_open:
            return
        luck = self.world.luck
        wanted = self.world.now_ms + luck.randrange(1, 2 * self.latency_ms + 1)
        due = self._due[way] = max(self._due.get(way, 0), wanted)
        self.world.at(due - self.world.now_ms, lambda: act() if self.is_open else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    topic: str
    payload: bytes
    qos: int
    retained: bool


@dataclass(slots=True)
class Session:
    """What the broker knows of a client, also while it is away."""

    subscriptions: dict[str, int] = field(default_factory=dict)
    waiting: deque[Delivery] = field(default_factory=deque)
    on_way: dict[int, Delivery] = field(default_factory=dict)
    last: int = 0
    connection: Connection | None = None
    client: "Client | None" = None


class SimulatedBroker:
    """One broker; its memory may be lost, kept or rolled back when it restarts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.is_up = True
        self.retained: dict[str, bytes] = {}
        self.sessions: dict[str, Session] = {}
        self.cut_off: set[str] = set()
        self._saved: dict[str, bytes] = {}

    # --- Its own fate ---------------------------------------------------------------------------

    def save(self) -> None:
        """Writes its memory down, as Mosquitto does now and then."""
        self._saved = dict(self.retained)

    def restart(self, memory: str, away_ms: int) -> None:
        """Goes down and comes back with all of its memory, what it saved last, or none."""
        self.is_up = False
        for session in self.sessions.values():
            self._break(session)
        if memory != "kept":
            self.retained = dict(self._saved) if memory == "saved" else {}
            self.sessions = {}
        self._world.at(away_ms, self._come_back)

    def _come_back(self) -> None:
        self.is_up = True

    def cut(self, client: str) -> None:
        """A partition: nothing passes any more; both sides find out later."""
        self.cut_off.add(client)
        session = self.sessions.get(client)
        if session is not None:
            self._break(session, silent=True)

    def mend(self, client: str) -> None:
        """Ends a partition."""
        self.cut_off.discard(client)

    def _break(self, session: Session, *, silent: bool = False) -> None:
        connection, client = session.connection, session.client
        if connection is None:
            return
        connection.is_open = False
        delay = self._world.luck.randrange(100, 20_000) if silent else 0
        if client is not None:
            self._world.at(delay, lambda: client.learn_of_break(connection), client.process)
        self._world.at(
            self._world.luck.randrange(1, 20_000) if silent else 0,
            lambda: self._learn_of_break(session, connection),
        )

    def hang_up(self, client: str, *, says_goodbye: bool) -> None:
        """The client's process or machine is gone."""
        session = self.sessions.get(client)
        if session is None or session.connection is None:
            return
        connection = session.connection
        connection.is_open = False
        if says_goodbye:
            session.connection = None
            return
        delay = self._world.luck.randrange(1, 20_000)
        self._world.at(delay, lambda: self._learn_of_break(session, connection))

    def _learn_of_break(self, session: Session, connection: Connection) -> None:
        if session.connection is connection:
            session.connection = None
            will = session.client.will if session.client else None
            if will is not None and self.is_up:
                self._route(will)

    # --- MQTT -----------------------------------------------------------------------------------

    def connect(self, client: "Client") -> Connection | None:
        """Returns a new connection; None when nobody answers."""
        if not self.is_up or client.name in self.cut_off:
            return None
        session = self.sessions.setdefault(client.name, Session())
        if session.connection is not None:
            old, session.connection = session.connection, None
            old.is_open = False
            if session.client is not None and session.client.will is not None:
                self._route(session.client.will)
        latency = self._world.luck.choice((1, 5, 20, 200))
        session.connection = Connection(self._world, client.name, latency)
        session.client = client
        return session.connection

    def resume(self, client: "Client") -> None:
        """Sends again what was on the way, then what waits."""
        session = self.sessions[client.name]
        for number, delivery in list(session.on_way.items()):
            self._send(session, number, delivery)
        self._pump(session)

    def subscribe(self, client: str, filters: dict[str, int]) -> None:
        session = self.sessions[client]
        session.subscriptions |= filters
        for topic, payload in sorted(self.retained.items()):
            if any(matches(each, topic) for each in filters):
                self._offer(session, Delivery(topic=topic, payload=payload, qos=1, retained=True))

    def receive(self, message: Outgoing) -> None:
        self._route(message)

    def confirmed(self, client: str, number: int) -> None:
        session = self.sessions.get(client)
        if session is not None and session.on_way.pop(number, None) is not None:
            self._pump(session)

    def _route(self, message: Outgoing) -> None:
        if message.retain:
            self.retained[message.topic] = message.payload
        for name in sorted(self.sessions):
            session = self.sessions[name]
            qos = [q for each, q in session.subscriptions.items() if matches(each, message.topic)]
            if qos:
                self._offer(
                    session,
                    Delivery(
                        topic=message.topic,
                        payload=message.payload,
                        qos=min(max(qos), message.qos),
                        retained=False,
                    ),
                )

    def _offer(self, session: Session, delivery: Delivery) -> None:
        if delivery.qos == 0:
            if session.connection is not None:
                self._send(session, 0, delivery)
            return
        if len(session.waiting) < QUEUE:
            session.waiting.append(delivery)
        self._pump(session)

    def _pump(self, session: Session) -> None:
        if session.connection is None or not session.connection.is_open:
            return
        while session.waiting and len(session.on_way) < WINDOW:
            session.last += 1
            delivery = session.on_way[session.last] = session.waiting.popleft()
            self._send(session, session.last, delivery)

    def _send(self, session: Session, number: int, delivery: Delivery) -> None:
        connection, client = session.connection, session.client
        if connection is not None and client is not None:
            connection.carry("down", lambda: client.take(connection, number, delivery))


def matches(wanted: str, topic: str) -> bool:
    """Says whether a topic filter covers a topic."""
    left, right = wanted.split("/"), topic.split("/")
    for position, part in enumerate(left):
        if part == "#":
            return True
        if position >= len(right) or part not in {"+", right[position]}:
            return False
    return len(left) == len(right)


class Client:
    """What both ends' MQTT libraries have in common: dialling, and QoS 1 outwards."""

    def __init__(
        self,
        world: World,
        broker: SimulatedBroker,
        name: str,
        process: Process,
        *,
        keeps_unsent: bool,
    ) -> None:
        self._world, self._broker = world, broker
        self.name, self.process = name, process
        self.will: Outgoing | None = None
        self.connection: Connection | None = None
        self._is_closed = False
        self._keeps_unsent = keeps_unsent
        self._unconfirmed: dict[int, Outgoing] = {}
        self._last = 0

    @property
    def connected(self) -> bool:
        """What the library believes; it may not know yet that the connection broke."""
        return self.connection is not None

    def dial(self) -> None:
        if self._is_closed or self.connection is not None:
            return
        self._before_dialling()
        connection = self._broker.connect(self)
        if connection is None:
            self._refused()
            self._world.at(self._world.luck.randrange(1_000, 8_000), self.dial, self.process)
            return
        self.connection = connection
        self._accepted()
        for number, message in list(self._unconfirmed.items()):
            self._carry_up(number, message)
        self._broker.resume(self)

    def learn_of_break(self, connection: Connection) -> None:
        if self.connection is connection:
            self.connection = None
            self._lost()
            self._world.at(self._world.luck.randrange(500, 4_000), self.dial, self.process)

    def send(self, message: Outgoing) -> bool:
        if self.connection is None and not self._keeps_unsent:
            return False
        if not message.qos and self._world.chance(LOST_SHARE):
            return True
        self._last += 1
        if message.qos:
            self._unconfirmed[self._last] = message
        self._carry_up(self._last, message)
        return True

    def ask_for(self, filters: dict[str, int]) -> None:
        if self.connection is not None:
            name = self.name
            self.connection.carry("up", lambda: self._broker.subscribe(name, filters))

    def take(self, connection: Connection, number: int, delivery: Delivery) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self._is_closed = True
        self.connection = None
        self._broker.hang_up(self.name, says_goodbye=True)

    def confirm(self, connection: Connection, number: int) -> None:
        if number and self.connection is connection:
            name = self.name
            connection.carry("up", lambda: self._broker.confirmed(name, number))

    def _carry_up(self, number: int, message: Outgoing) -> None:
        connection = self.connection
        if connection is None:
            return

        def confirm() -> None:
            self._unconfirmed.pop(number, None)

        def arrive() -> None:
            self._broker.receive(message)
            connection.carry("down", confirm)

        connection.carry("up", arrive)

    def _before_dialling(self) -> None:
        """What the library does before each dial."""

    def _refused(self) -> None:
        """What it does when nobody answered."""

    def _accepted(self) -> None:
        """What it does when it is connected."""

    def _lost(self) -> None:
        """What it does when the connection is gone."""


class GatewayClient(Client):
    """The gateway's `Broker` port, with paho's behaviour: confirmed as soon as it is received."""

    def __init__(
        self,
        world: World,
        broker: SimulatedBroker,
        name: str,
        process: Process,
        will: Callable[[int], Outgoing],
        on_event: Callable[[], None],
    ) -> None:
        super().__init__(world, broker, name, process, keeps_unsent=False)
        self._make_will, self._on_event = will, on_event
        self._session = 0
        self._events: deque[LinkEvent] = deque()
        self.asked_wait_ms = 0
        self.last_event: LinkEvent | None = None

    @property
    def has_events(self) -> bool:
        return bool(self._events)

    def open(self) -> None:
        self._world.at(self._world.luck.randrange(1, 2_000), self.dial, self.process)

    def subscribe(self, topics: Sequence[str]) -> None:
        self.ask_for(dict.fromkeys(topics, 1))

    def publish(self, message: Outgoing) -> bool:
        return self.send(message)

    def next_event(self, timeout_s: float) -> LinkEvent | None:
        self.asked_wait_ms = int(timeout_s * 1000)
        self.last_event = self._events.popleft() if self._events else None
        return self.last_event

    def wake(self) -> None:
        self._on_event()

    def take(self, connection: Connection, number: int, delivery: Delivery) -> None:
        if not self.process.is_alive:
            return
        self.confirm(connection, number)
        self._put(
            Arrived(topic=delivery.topic, payload=delivery.payload, retained=delivery.retained)
        )

    def _before_dialling(self) -> None:
        self._session += 1
        self.will = self._make_will(self._session)

    def _refused(self) -> None:
        self._put(LinkDown("no answer"))

    def _accepted(self) -> None:
        self._put(LinkUp(self._session))

    def _lost(self) -> None:
        self._put(LinkDown("connection lost"))

    def _put(self, event: LinkEvent) -> None:
        self._events.append(event)
        self._on_event()


class ControllerClient(Client):
    """The controller's `Link` port, with paho's behaviour: confirmed by hand, sends kept."""

    def __init__(
        self,
        world: World,
        broker: SimulatedBroker,
        process: Process,
        filters: dict[str, int],
        on_publish: Callable[[str, bytes], None],
        on_event: Callable[[], None],
    ) -> None:
        super().__init__(world, broker, "controller", process, keeps_unsent=True)
        self.will = Outgoing(topic=CONTROLLER_STATE, payload=CONTROLLER_OFFLINE, retain=True)
        self._filters, self._on_publish, self._on_event = filters, on_publish, on_event
        self._on_message: Callable[[Inbound], None] = lambda _: None
        self._on_connected: Callable[[], None] = lambda: None

    def start(
        self, on_message: Callable[[Inbound], None], on_connected: Callable[[], None]
    ) -> None:
        self._on_message, self._on_connected = on_message, on_connected
        self._world.at(self._world.luck.randrange(1, 1_000), self.dial, self.process)

    def stop(self) -> None:
        self.close()

    def lead(self, *, leads: bool) -> None:
        """One controller alone always leads."""

    def publish(self, topic: str, wire: bytes, *, retain: bool) -> None:
        self._on_publish(topic, wire)
        self.send(Outgoing(topic=topic, payload=wire, retain=retain))

    def take(self, connection: Connection, number: int, delivery: Delivery) -> None:
        if not self.process.is_alive:
            return
        self._on_message(
            Inbound(
                topic=delivery.topic,
                wire=delivery.payload,
                confirm=lambda: self.confirm(connection, number),
            )
        )
        self._on_event()

    def _accepted(self) -> None:
        self.ask_for(self._filters)
        self.send(Outgoing(topic=CONTROLLER_STATE, payload=CONTROLLER_ONLINE, retain=True))
        self._on_connected()
        self._on_event()
