"""MQTT clients for tests against a real broker."""

import queue
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from doorward_controller.broker.authority import Identity

ARRIVES_S = 20.0


@dataclass
class Talker:
    """A connected client and what it received."""

    client: mqtt.Client
    received: "queue.Queue[tuple[str, bytes]]" = field(default_factory=queue.Queue)
    ended: "queue.Queue[str]" = field(default_factory=queue.Queue)

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publishes at QoS 1 and waits for the broker's PUBACK."""
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(ARRIVES_S)

    def hear(self, *topics: str) -> None:
        """Subscribes and waits until the broker answered."""
        done: queue.Queue[None] = queue.Queue()
        self.client.on_subscribe = lambda *_: done.put(None)
        self.client.subscribe([(topic, 1) for topic in topics])
        done.get(timeout=ARRIVES_S)

    def next(self) -> tuple[str, bytes]:
        return self.received.get(timeout=ARRIVES_S)


@contextmanager
def talker(
    identity: Identity, ca_file: Path, port: int, *, client_id: str = "", **options: Any
) -> Iterator[Talker]:
    """Connects with a certificate; raises ConnectionError when the broker does not let it in."""
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=client_id or identity.name, clean_session=True
    )
    context = ssl.create_default_context(cafile=ca_file)
    context.load_cert_chain(identity.certificate_file, identity.key_file)
    client.tls_set_context(context)
    if will := options.get("will"):
        client.will_set(will, options.get("last_words", b"gone"), qos=1)
    who = Talker(client)
    answers: queue.Queue[str] = queue.Queue()
    client.on_connect = lambda _c, _u, _f, code, _p: answers.put(str(code))

    def ended(_client: Any, _user: Any, _flags: Any, code: Any, _properties: Any) -> None:
        answers.put(str(code))
        who.ended.put(str(code))

    def heard(_client: Any, _user: Any, message: mqtt.MQTTMessage) -> None:
        who.received.put((message.topic, bytes(message.payload)))

    client.on_disconnect = ended
    client.on_message = heard
    try:
        client.connect("127.0.0.1", port, keepalive=30)
        client.loop_start()
        answer = answers.get(timeout=ARRIVES_S)
        if answer != "Success":
            raise ConnectionError(answer)
        yield who
    finally:
        client.disconnect()
        client.loop_stop()
        # paho closes its inner pair of sockets when it is freed; a cycle would delay that.
        client.on_connect = client.on_disconnect = client.on_message = client.on_subscribe = None


@contextmanager
def raw_session(identity: Identity, ca_file: Path, port: int) -> Iterator[ssl.SSLSocket]:
    """A connection on which CONNECT was accepted. Raises OSError when it was not."""
    context = ssl.create_default_context(cafile=ca_file)
    context.load_cert_chain(identity.certificate_file, identity.key_file)
    name = identity.name.encode()
    header = b"\x00\x04MQTT\x04\x02\x00\x1e" + len(name).to_bytes(2) + name
    with (
        socket.create_connection(("127.0.0.1", port), timeout=ARRIVES_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        tls.sendall(b"\x10" + bytes([len(header)]) + header)
        # With TLS 1.3 a refused certificate is told after our side of the handshake.
        if tls.recv(4) != b"\x20\x02\x00\x00":
            raise ConnectionError("not let in")
        yield tls


def is_let_in(identity: Identity, ca_file: Path, port: int) -> bool:
    """Says whether the broker answers a CONNECT of this certificate with "accepted"."""
    try:
        with raw_session(identity, ca_file, port):
            return True
    except OSError:
        return False
