"""The broker connection (paho-mqtt, MQTT 3.1.1): callbacks only enqueue.

The session of a process that works alone is persistent and every message is confirmed by hand,
after it was stored: what the broker sent and we did not confirm, it sends again. Of many processes
that share the work each gets a part, and the leader what must be heard in order (docs/scaling.md).
"""

import logging
import queue
import socket
import ssl
from collections.abc import Callable

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from doorward import topics
from doorward_controller.config import Mqtt
from doorward_controller.errors import ConfigError
from doorward_controller.ingest.ports import Inbound

KEEPALIVE_S = 30
MIN_RECONNECT_S, MAX_RECONNECT_S = 1, 15
"""A controller that is away holds back every acknowledgement; it looks again soon."""

SHARE = "$share/doorward"
"""The broker gives each message to one of those who subscribe with this before the topic."""

_QOS = {topics.Up.HEALTH: 0}


def _subscriptions(*kinds: topics.Up, shared: bool = False) -> list[tuple[str, int]]:
    before = f"{SHARE}/" if shared else ""
    return [(before + topics.ups_of_every_gateway(kind), _QOS.get(kind, 1)) for kind in kinds]


_OF_ONE = _subscriptions(*topics.Up)
_OF_EACH = [
    *_subscriptions(topics.Up.RECORDS, topics.Up.HEALTH, shared=True),
    # Small, not retained, and of no use twice: whichever process is alive has it.
    *_subscriptions(topics.Up.OUTCOME),
]
_OF_LEADER = [
    # Retained: whoever leads next is told them again. One process sees them in their order.
    *_subscriptions(topics.Up.STATE, topics.Up.BIRTH, topics.Up.REPORTED),
    (topics.CONTROLLER_STATE, 1),
]

_log = logging.getLogger(__name__)


class PahoLink:
    """One MQTT client over mutual TLS."""

    def __init__(self, settings: Mqtt, *, is_shared: bool = False) -> None:
        """Prepares the client. Raises ConfigError for certificate files that cannot be used.

        Args:
            settings: where the broker is, and who we are.
            is_shared: one of many that share the work. The broker then keeps nothing for us while
                we are away: it would go on giving us our share (measured: Mosquitto 2.0.11), and
                the others would wait for it. What is lost so, gateways send again.
        """
        self._settings, self._is_shared = settings, is_shared
        self._leads = not is_shared
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            clean_session=is_shared,
            protocol=mqtt.MQTTv311,
            manual_ack=True,
        )
        self._client.tls_set_context(make_tls(settings))
        self._client.max_inflight_messages_set(1000)
        self._client.reconnect_delay_set(MIN_RECONNECT_S, MAX_RECONNECT_S)
        self._client.will_set(
            topics.CONTROLLER_STATE, topics.CONTROLLER_OFFLINE, qos=1, retain=True
        )
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._arrived
        self._client.on_socket_open = _send_at_once
        self._on_message: Callable[[Inbound], None] = lambda _: None
        self._on_connected: Callable[[], None] = lambda: None
        self._connection = 0

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        return self._client.is_connected()

    def publish(self, topic: str, wire: bytes, *, retain: bool) -> None:
        """Hands a message over at QoS 1; paho keeps it while the broker is away."""
        self._client.publish(topic, wire, qos=1, retain=retain)

    def exchange(
        self, topic: str, wire: bytes, *, answers_on: str, mark: str, timeout_s: float
    ) -> bytes | None:
        """Says something to the broker itself; returns the first answer with `mark` in it."""
        if not self.connected:
            return None
        answers: queue.Queue[bytes] = queue.Queue()

        def heard(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            if mark.encode() in message.payload:
                answers.put(bytes(message.payload))

        self._client.message_callback_add(answers_on, heard)
        try:
            # One connection: the broker reads the subscription before what it is told.
            self._client.subscribe(answers_on, qos=0)
            self._client.publish(topic, wire, qos=1)
            return answers.get(timeout=timeout_s)
        except queue.Empty:
            return None
        finally:
            self._client.unsubscribe(answers_on)
            self._client.message_callback_remove(answers_on)

    def start(
        self, on_message: Callable[[Inbound], None], on_connected: Callable[[], None]
    ) -> None:
        """Connects in the background and stays connected until `stop`."""
        self._on_message, self._on_connected = on_message, on_connected
        self._client.connect_async(self._settings.host, self._settings.port, KEEPALIVE_S)
        self._client.loop_start()

    def stop(self) -> None:
        """Says good-bye, disconnects and ends paho's thread."""
        if self.connected:
            farewell = self._client.publish(
                topics.CONTROLLER_STATE, topics.CONTROLLER_OFFLINE, qos=1, retain=True
            )
            farewell.wait_for_publish(timeout=2)
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(
        self, client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _: object
    ) -> None:
        if reason.is_failure:
            _log.error("broker.refused reason=%s", reason)
            return
        self._connection += 1
        _log.info("broker.connected host=%s port=%d", self._settings.host, self._settings.port)
        client.subscribe(_OF_EACH if self._is_shared else _OF_ONE)
        if self._is_shared and self._leads:
            client.subscribe(_OF_LEADER)
        if self._leads:
            self._say_online()
        self._on_connected()

    def lead(self, *, leads: bool) -> None:
        """From now on hears what one process of many must hear alone, and says that we are here."""
        if not self._is_shared:
            return  # hears everything anyway
        self._leads = leads
        if not self.connected:
            return
        if leads:
            self._client.subscribe(_OF_LEADER)
            self._say_online()
        else:
            self._client.unsubscribe([topic for topic, _ in _OF_LEADER])

    def _say_online(self) -> None:
        self._client.publish(topics.CONTROLLER_STATE, topics.CONTROLLER_ONLINE, qos=1, retain=True)

    def _hear_of_ourselves(self, message: mqtt.MQTTMessage) -> None:
        """Another of us has died, and the broker said that there is nobody. Gateways that hear that
        we are here ask at once what we hold, and send what the dead one had not stored.
        """
        if self._leads and message.payload == topics.CONTROLLER_OFFLINE:
            self._say_online()

    def _disconnected(
        self, _client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _: object
    ) -> None:
        if reason.is_failure:
            _log.warning("broker.lost reason=%s", reason)

    def _arrived(self, client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        mid, qos, connection = message.mid, message.qos, self._connection
        if self._is_shared and _topic(message) == topics.CONTROLLER_STATE:
            client.ack(mid, qos)
            self._hear_of_ourselves(message)
            return

        def confirm() -> None:
            # The number means another message after a reconnection; that one will come again.
            if qos and connection == self._connection:
                client.ack(mid, qos)

        self._on_message(
            Inbound(topic=_topic(message), wire=bytes(message.payload), confirm=confirm)
        )


def _send_at_once(_client: mqtt.Client, _data: object, sock: object) -> None:
    """Nagle's algorithm and delayed acknowledgements would add 40 ms to each answer."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _topic(message: mqtt.MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return "not UTF-8"


def make_tls(settings: Mqtt) -> ssl.SSLContext:
    """Returns the TLS settings of our side. Raises ConfigError for files that cannot be used."""
    try:
        context = ssl.create_default_context(cafile=str(settings.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(settings.cert_file, settings.key_file)
    except (OSError, ssl.SSLError) as err:
        raise ConfigError(
            f"mqtt: {settings.ca_file}, {settings.cert_file} or {settings.key_file}"
            f" cannot be used: {err}"
        ) from err
    return context
