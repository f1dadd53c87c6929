"""The broker, through paho-mqtt: MQTT 3.1.1, mutual TLS, a persistent session.

paho's thread only puts events into a queue. Nothing is queued for sending while the link is down:
the journal is the queue.
"""

import logging
import os
import queue
import random
import socket
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from doorward_edge.config import EdgeConfig
from doorward_edge.keeping.sealed import secret_path
from doorward_edge.ports import Arrived, LinkDown, LinkEvent, LinkUp, Outgoing

log = logging.getLogger(__name__)

FIRST_RETRY_S = (0.5, 2.0)
LAST_RETRY_S = (20.0, 40.0)
"""Between these each gateway draws its own pauses: a whole fleet that lost its broker must not come
back in one second, nor take minutes."""
CONNECT_TIMEOUT_S = 5.0
_DICE = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is and how both sides prove who they are.

    Attributes:
        client_id: also the certificate's common name.
    """

    host: str
    port: int
    client_id: str
    ca_file: str
    cert_file: str
    key_file: str
    keepalive_s: int


class PahoBroker:
    """A connection that dials again by itself."""

    def __init__(
        self,
        address: BrokerAddress,
        will: Callable[[int], Outgoing],
        mono_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        """Prepares TLS.

        Args:
            address: where and as whom.
            will: the last will of the connection with a session number.
            mono_ms: monotonic time, to measure how long the broker takes to answer.

        Raises:
            OSError: a certificate or key file cannot be used; the message names it.
        """
        self._address = address
        self._will = will
        self._mono_ms = mono_ms
        self._session = 0
        self._accepted = 0
        self._timed: tuple[int, int] | None = None
        self._round_trip_ms: int | None = None
        self._last_error = ""
        self._is_open = False
        self._events: queue.SimpleQueue[LinkEvent | None] = queue.SimpleQueue()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=address.client_id,
            clean_session=False,
            protocol=mqtt.MQTTv311,
        )
        self._tls = tls_context(address)
        self._shown = _shown_files(address)
        self._client.tls_set_context(self._tls)
        self._client.connect_timeout = CONNECT_TIMEOUT_S
        first_s, last_s = (_DICE.uniform(*span) for span in (FIRST_RETRY_S, LAST_RETRY_S))
        self._client.reconnect_delay_set(first_s, last_s)  # type: ignore[arg-type]  # fractions, too
        self._client.on_socket_open = _send_at_once
        self._client.on_pre_connect = self._on_pre_connect
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_log = self._on_log

    def open(self) -> None:
        """Begins to dial, in paho's thread."""
        self._client.connect_async(
            self._address.host, self._address.port, keepalive=self._address.keepalive_s
        )
        self._is_open = True
        self._client.loop_start()

    def subscribe(self, topics: Sequence[str]) -> None:
        """Asks for topics at QoS 1."""
        self._client.subscribe([(topic, 1) for topic in topics])

    def publish(self, message: Outgoing) -> bool:
        """Hands a message to paho, unless there is no connection."""
        if not self._client.is_connected():
            return False
        began_ms = self._mono_ms()
        info = self._client.publish(
            message.topic, message.payload, qos=message.qos, retain=message.retain
        )
        if message.qos:
            # One at a time is measured; an answer that came before this line is not.
            self._timed = (info.mid, began_ms)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def next_event(self, timeout_s: float) -> LinkEvent | None:
        """Waits for what happens next."""
        try:
            return self._events.get(timeout=timeout_s)
        except queue.Empty:
            return self._revive()

    def wake(self) -> None:
        """Puts nothing into the queue, which ends a wait."""
        self._events.put(None)

    def figures(self) -> Mapping[str, int]:
        """Returns how often the connection was made anew, and how long the last answer took."""
        found = {"reconnects": max(0, self._accepted - 1)}
        round_trip_ms = self._round_trip_ms
        return found if round_trip_ms is None else {**found, "round_trip_ms": round_trip_ms}

    def close(self) -> None:
        """Sends DISCONNECT, so that the broker drops the will, and ends paho's thread."""
        self._is_open = False
        self._client.disconnect()
        self._client.loop_stop()

    def _take_new_certificate(self) -> None:
        """A renewal puts other files in their place; the next connection shows them."""
        files = _shown_files(self._address)
        if files == self._shown:
            return
        try:
            _load_pair(self._tls, self._address)
        except OSError as err:
            log.error("link.certificate_not_taken problem=%s", err)  # noqa: TRY400  # it says all
        else:
            log.info("link.certificate_taken file=%s", files[0])
            self._shown = files

    def _revive(self) -> LinkEvent | None:
        """Starts paho's thread anew if an error that paho does not expect has ended it."""
        if not self._is_open or self._client.loop_start() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return None
        log.error("link.thread_ended; dialling anew")
        return LinkDown("the connection's thread had ended")

    def _on_pre_connect(self, _client: mqtt.Client, _userdata: object) -> None:
        self._session += 1
        self._take_new_certificate()
        will = self._will(self._session)
        self._client.will_set(will.topic, will.payload, qos=will.qos, retain=will.retain)

    def _on_connect(
        self, _client: mqtt.Client, _userdata: object, _flags: object, code: ReasonCode, _p: object
    ) -> None:
        if code.is_failure:
            self._events.put(LinkDown(f"refused: {code}"))
        else:
            self._accepted += 1
            self._events.put(LinkUp(self._session))

    def _on_connect_fail(self, _client: mqtt.Client, _userdata: object) -> None:
        # paho calls this while it handles the error; a broker with a foreign certificate and one
        # that is away need different hands.
        why = sys.exception()
        self._events.put(LinkDown(f"no answer: {why}" if why else "no answer"))

    def _on_disconnect(
        self, _client: mqtt.Client, _userdata: object, _flags: object, code: ReasonCode, _p: object
    ) -> None:
        said, self._last_error = self._last_error, ""
        self._events.put(LinkDown(f"{code}: {said}" if said and code.is_failure else str(code)))

    def _on_log(self, _client: mqtt.Client, _userdata: object, level: int, said: str) -> None:
        # The only place where paho says why a connection ended: a refused certificate, for one.
        if level == mqtt.MQTT_LOG_ERR:
            self._last_error = said

    def _on_subscribe(
        self, _client: mqtt.Client, _u: object, _mid: int, codes: list[ReasonCode], _p: object
    ) -> None:
        refused = sum(code.is_failure for code in codes)
        if refused:
            log.error("link.subscriptions_refused count=%d", refused)

    def _on_publish(
        self, _client: mqtt.Client, _userdata: object, mid: int, _code: ReasonCode, _p: object
    ) -> None:
        timed = self._timed
        if timed is not None and timed[0] == mid:
            self._timed, self._round_trip_ms = None, self._mono_ms() - timed[1]

    def _on_message(
        self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage
    ) -> None:
        self._events.put(
            Arrived(topic=message.topic, payload=bytes(message.payload), retained=message.retain)
        )


def _send_at_once(_client: mqtt.Client, _data: object, sock: object) -> None:
    """Nagle's algorithm and delayed acknowledgements would add 40 ms to each batch."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def address_of(config: EdgeConfig) -> BrokerAddress:
    """Returns where the broker is, and the files that prove who we are."""
    broker = config.broker
    return BrokerAddress(
        host=broker.host,
        port=broker.port,
        client_id=config.gateway,
        ca_file=broker.ca_file,
        cert_file=broker.cert_file,
        key_file=broker.key_file,
        keepalive_s=broker.keepalive_s,
    )


def tls_context(address: BrokerAddress) -> ssl.SSLContext:
    """Returns how both sides prove who they are.

    Raises:
        OSError: a file cannot be used; ssl's own errors do not say which one, this does.
    """
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=address.ca_file)
    except OSError as err:
        raise OSError(f"broker.ca_file {address.ca_file}: {_words(err)}") from err
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_pair(context, address)
    return context


def _load_pair(context: ssl.SSLContext, address: BrokerAddress) -> None:
    try:
        certificate, key = _shown_files(address)
        with secret_path(key) as key_file:
            # An empty password, so that nobody is asked for one.
            context.load_cert_chain(certificate, key_file, password="")
    except OSError as err:
        pair = f"broker.cert_file {address.cert_file} with broker.key_file {address.key_file}"
        raise OSError(f"{pair}: {_words(err)}") from err


def _shown_files(address: BrokerAddress) -> tuple[str, str]:
    """Returns which files are meant now: a renewal turns a link from one folder to the next."""
    return os.path.realpath(address.cert_file), os.path.realpath(address.key_file)


def _words(err: OSError) -> str:
    reason = err.reason if isinstance(err, ssl.SSLError) else err.strerror
    return (reason or str(err)).lower().replace("_", " ")
