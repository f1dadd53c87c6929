"""What every act works with, put together once in `wiring`, and the ports it needs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from doorward.ids import GatewayId
from doorward.times import Clock
from doorward_controller.broker.errors import GateError
from doorward_controller.config import Config
from doorward_controller.services.doorstep import Doorstep
from doorward_controller.services.feed import Feed
from doorward_controller.services.key_vault import KeyVault
from doorward_controller.services.leadership import Alone, Leading
from doorward_controller.services.measures import Measures
from doorward_controller.services.terms import Terms
from doorward_controller.store.session import Store

from doorward_controller.services.recent_signers import RecentSigners

class Publisher(Protocol):
    """The way down to the gateways."""

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        ...

    def publish(self, topic: str, wire: bytes, *, retain: bool) -> None:
        """Hands a message to the broker at QoS 1, now or when it is back; never blocks."""
        ...


class Gatekeeper(Protocol):
    """The broker's own door."""

    def shut_out(self, revoked: Sequence[GatewayId], now: datetime) -> None:
        """Lets none of these connect again; doing it again changes nothing. Raises BrokerError."""
        ...

    def throw_out(self, gateway: GatewayId) -> None:
        """Ends the gateway's connection, if it has one. Raises BrokerError when not for certain."""
        ...


class NoGatekeeper:
    """For processes that have no connection to the broker."""

    def shut_out(self, revoked: Sequence[GatewayId], now: datetime) -> None:
        """Raises GateError."""
        del revoked, now
        raise GateError("this process has no connection to the broker")

    def throw_out(self, gateway: GatewayId) -> None:
        """Raises GateError."""
        del gateway
        raise GateError("this process has no connection to the broker")


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
    measures: Measures = field(default_factory=Measures)
    terms: Terms = field(default_factory=Terms)
    gatekeeper: Gatekeeper = field(default_factory=NoGatekeeper)
    leading: Leading = field(default_factory=Alone)
    signers: RecentSigners = field(default_factory=RecentSigners)
