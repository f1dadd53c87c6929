"""A gateway that sends what it recorded until it is acknowledged, as the real courier does.

It has a real connection and a real journal in memory; what it hears it verifies. It resends when
nothing came for a while, when it connects, and when the controller says that it is back.
"""

import ssl
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from doorward import topics
from doorward.acks import Ack
from doorward.envelope import Kind, parse_envelope, verify_with_key
from doorward.errors import DoorwardError
from doorward.ranges import Ranges, merge, subtract
from doorward_controller.broker.authority import Identity
from tests.fakes.journal_gateway import JournalGateway

AGAIN_S = 3.0
BATCH = 20
WINDOW = 400
TURN_S = 0.1


class InsistentGateway:
    """One thread that records and sends; paho's that hears."""

    def __init__(
        self, journal: JournalGateway, identity: Identity, ca_file: Path, port: int, control: bytes
    ) -> None:
        """Prepares; `start` runs it.

        Args:
            journal: empty.
            identity: its certificate.
            ca_file: of the broker's authority.
            port: of the broker.
            control: the public key that signs acknowledgements.
        """
        self.journal, self._control = journal, control
        self.acknowledged: Ranges = ()
        self.refused: list[str] = []
        self.per_turn = 0
        self._sent_at_s: dict[tuple[int, int], float] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=identity.name)
        context = ssl.create_default_context(cafile=str(ca_file))
        context.load_cert_chain(identity.certificate_file, identity.key_file)
        self._client.tls_set_context(context)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda *_: self._connected()
        self._client.on_message = lambda _c, _u, message: self._heard(message)
        self._client.connect_async("127.0.0.1", port, 15)
        self._acks = topics.down(journal.site, journal.name, topics.Down.ACK)
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def pending(self) -> int:
        """How many records are not acknowledged."""
        with self._lock:
            return self.journal.head - sum(last - first + 1 for first, last in self.acknowledged)

    def start(self) -> None:
        self._client.loop_start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_connect = self._client.on_message = None

    def _run(self) -> None:
        while not self._stopping.wait(TURN_S):
            with self._lock:
                if self.per_turn:
                    self.journal.append_scans(self.per_turn, portal=f"{self.journal.name}-door")
                wires = [self.journal.wire(first, last) for first, last in self._due()]
            if self._client.is_connected():
                for wire in wires:
                    self._client.publish(self.journal.topic(), wire, qos=1)

    def _due(self) -> Sequence[tuple[int, int]]:
        """Returns what is to be sent now, and notes that it is on its way."""
        if not self._client.is_connected():
            return []
        now_s = time.monotonic()
        self._sent_at_s = {
            place: at for place, at in self._sent_at_s.items() if now_s - at < AGAIN_S
        }
        wanted = subtract(
            ((1, self.journal.head),) if self.journal.head else (),
            merge(self.acknowledged, self._sent_at_s),
        )
        room = WINDOW - sum(last - first + 1 for first, last in self._sent_at_s)
        due: list[tuple[int, int]] = []
        for low, high in wanted:
            for first in range(low, high + 1, BATCH):
                if room > 0:
                    due.append((first, min(first + BATCH - 1, high)))
                    room -= BATCH
        self._sent_at_s.update(dict.fromkeys(due, now_s))
        return due

    def _connected(self) -> None:
        self._client.subscribe([(self._acks, 1), (topics.CONTROLLER_STATE, 1)])
        with self._lock:
            self._sent_at_s.clear()
        self._say_who_we_are()

    def _say_who_we_are(self) -> None:
        with self._lock:
            birth = self.journal.birth() if self.journal.head else None
        if birth is not None:
            self._client.publish(self.journal.topic(topics.Up.BIRTH), birth, qos=1, retain=True)

    def _heard(self, message: mqtt.MQTTMessage) -> None:
        if message.topic == topics.CONTROLLER_STATE:
            if message.payload == topics.CONTROLLER_ONLINE and not message.retain:
                self._say_who_we_are()
            return
        try:
            envelope = parse_envelope(bytes(message.payload))
            if envelope.kind is not Kind.ACK:
                raise ValueError(envelope.kind)
            verify_with_key(envelope, self._control)
            ack = Ack.from_body(envelope.body)
        except (DoorwardError, ValueError) as err:
            self.refused.append(repr(err))
            return
        with self._lock:
            if ack.gateway != self.journal.name or ack.epoch != self.journal.epoch:
                self.refused.append(f"acknowledges {ack.gateway} {ack.epoch}")
                return
            if ack.committed and ack.committed[-1][1] > self.journal.head:
                self.refused.append(f"acknowledges {ack.committed}, head is {self.journal.head}")
            self.acknowledged = merge(self.acknowledged, ack.committed)
            for place in list(self._sent_at_s):
                is_lacking = subtract((place,), ack.resend) != (place,)
                if is_lacking or not subtract((place,), self.acknowledged):
                    del self._sent_at_s[place]
