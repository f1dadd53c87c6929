"""A second pair of ears and a second mouth at the broker: hears every batch, can say it again."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Lock
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from doorward.topics import Up, ups_of_every_gateway
from doorward_controller.broker.authority import Identity
from doorward_controller.demo.errors import DemoError

_CONNECT_S = 10.0


class Tap:
    """Remembers the batches that gateways publish while it is open."""

    def __init__(self, identity: Identity, ca_file: Path, host: str, port: int) -> None:
        """Raises DemoError when the broker does not let it in."""
        self._heard: list[tuple[str, bytes]] = []
        self._lock = Lock()
        self._subscribed = Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=identity.name)
        context = ssl.create_default_context(cafile=str(ca_file))
        context.load_cert_chain(identity.certificate_file, identity.key_file)
        self._client.tls_set_context(context)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        try:
            self._client.connect(host, port)
        except OSError as err:
            raise DemoError(f"the tap cannot reach the broker at {host}:{port}: {err}") from err
        self._client.loop_start()
        if not self._subscribed.wait(_CONNECT_S):
            self.close()
            raise DemoError(f"the broker at {host}:{port} does not let the tap listen")

    def heard(self) -> Sequence[tuple[str, bytes]]:
        """Returns topic and body of every batch so far, our own repetitions left out."""
        with self._lock:
            return tuple(dict.fromkeys(self._heard))

    def repeat(self, batches: Sequence[tuple[str, bytes]], times: int) -> int:
        """Publishes batches again, byte for byte; returns how many messages that were."""
        sent = 0
        for _ in range(times):
            for topic, body in batches:
                self._client.publish(topic, body, qos=1).wait_for_publish(_CONNECT_S)
                sent += 1
        return sent

    def say(self, topic: str, body: bytes) -> None:
        """Publishes anything."""
        self._client.publish(topic, body, qos=1).wait_for_publish(_CONNECT_S)

    def close(self) -> None:
        """Leaves the broker."""
        self._client.disconnect()
        self._client.loop_stop()
        # paho closes its inner pair of sockets when it is freed; our callbacks would delay that.
        self._client.on_connect = self._client.on_subscribe = self._client.on_message = None

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:  # noqa: ANN401 (paho's types)
        client.subscribe(ups_of_every_gateway(Up.RECORDS), qos=1)

    def _on_message(self, _client: mqtt.Client, _user: Any, message: mqtt.MQTTMessage) -> None:  # noqa: ANN401
        with self._lock:
            self._heard.append((message.topic, bytes(message.payload)))
