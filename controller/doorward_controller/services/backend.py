"""What every act works with, put together once in `wiring`, and the ports it needs."""

from dataclasses import dataclass, field
from typing import Protocol

from doorward.times import Clock
from doorward_controller.config import Config
from doorward_controller.services.doorstep import Doorstep
from doorward_controller.services.feed import Feed
from doorward_controller.services.key_vault import KeyVault
from doorward_controller.store.session import Store


class Publisher(Protocol):
from doorward_controller.services.terms import Terms
    """The way down to the gateways."""

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        ...

    def publish(self, topic: str, wire: bytes, *, retain: bool) -> None:
        """Hands a message to the broker at QoS 1, now or when it is back; never blocks."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The controller's parts, as an act sees them."""

    config: Config
    store: Store
    clock: Clock
    keys: KeyVault
    publisher: Publisher
    feed: Feed
    doorstep: Doorstep = field(default_factory=Doorstep)
    terms: Terms = field(default_factory=Terms)
    gatekeeper: Gatekeeper = field(default_factory=NoGatekeeper)
