"""A broker connection in memory: what the controller published, and messages that it is given."""

from collections.abc import Callable

from doorward import topics
from doorward.acks import Ack
from doorward.envelope import parse_envelope
from doorward.ids import GatewayId, SiteId
from doorward_controller.ingest.ports import Inbound


class FakeLink:
    """Keeps everything; `retained` is what a broker would give to a new subscriber."""

    def __init__(self) -> None:
        self.connected = True
        self.published: list[tuple[str, bytes]] = []
        self.retained: dict[str, bytes] = {}
        self.confirmed = 0
        self.leads = True

    def publish(self, topic: str, wire: bytes, *, retain: bool) -> None:
        self.published.append((topic, wire))
        if retain:
            self.retained[topic] = wire

    def start(
        self, on_message: Callable[[Inbound], None], on_connected: Callable[[], None]
    ) -> None:
        self.deliver = on_message
        on_connected()

    def lead(self, *, leads: bool) -> None:
        self.leads = leads

    def stop(self) -> None:
        self.connected = False

    def inbound(self, topic: str, wire: bytes) -> Inbound:
        return Inbound(topic=topic, wire=wire, confirm=self._confirm)

    def acks(self, site: str, gateway: str) -> list[Ack]:
        """Every acknowledgement that was sent to one gateway, oldest first."""
        wanted = topics.down(SiteId(site), GatewayId(gateway), topics.Down.ACK)
        return [
            Ack.from_body(parse_envelope(wire).body)
            for topic, wire in self.published
            if topic == wanted
        ]

    def _confirm(self) -> None:
        self.confirmed += 1
