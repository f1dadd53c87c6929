"""What every act works with, put together once in `wiring`, and the ports it needs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from doorward.ids import GatewayId
from doorward.times import Clock
from doorward_controller.broker.certifying import SignedCertificate
from doorward_controller.broker.errors import CertificateError, GateError
from doorward_controller.config import Config
from doorward_controller.services.doorstep import Doorstep
from doorward_controller.services.feed import Feed
from doorward_controller.services.key_vault import KeyVault
from doorward_controller.services.leadership import Alone, Leading
from doorward_controller.services.measures import Measures
from doorward_controller.services.recent_signers import RecentSigners
from doorward_controller.services.terms import Terms
from doorward_controller.store.session import Store

if TYPE_CHECKING:
    from doorward_controller.services.outside_provider import OutsideProvider


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


class Certifier(Protocol):
    """Whoever has the authority's key."""

    def certify(
        self, key: EllipticCurvePublicKey, gateway: GatewayId, now: datetime, days: int
    ) -> SignedCertificate:
        """Signs a gateway's certificate. Raises BadIdError or BrokerError."""
        ...

    def ca_pem(self) -> str:
        """Returns the authority's own certificate. Raises BrokerError."""
        ...

    def pin(self) -> bytes:
        """Returns the pin of the key at the door. Raises BrokerError."""
        ...

    def put_on_list(self, serials: Sequence[str], now: datetime) -> None:
        """Has the broker refuse certificates; again changes nothing. Raises BrokerError."""
        ...


class NoCertifier:
    """For processes that sign nothing."""

    def certify(
        self, key: EllipticCurvePublicKey, gateway: GatewayId, now: datetime, days: int
    ) -> SignedCertificate:
        """Raises CertificateError."""
        del key, gateway, now, days
        raise CertificateError("this process signs no certificates")

    def ca_pem(self) -> str:
        """Raises CertificateError."""
        raise CertificateError("this process has no authority")

    def pin(self) -> bytes:
        """Raises CertificateError."""
        raise CertificateError("this process has no door for gateways")

    def put_on_list(self, serials: Sequence[str], now: datetime) -> None:
        """Raises CertificateError."""
        del serials, now
        raise CertificateError("this process keeps no list of certificates")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The controller's parts, as an act sees them."""

    config: Config
    store: Store
    clock: Clock
    keys: KeyVault
    publisher: Publisher
    feed: Feed
    signers: RecentSigners = field(default_factory=RecentSigners)
    doorstep: Doorstep = field(default_factory=Doorstep)
    measures: Measures = field(default_factory=Measures)
    terms: Terms = field(default_factory=Terms)
    gatekeeper: Gatekeeper = field(default_factory=NoGatekeeper)
    leading: Leading = field(default_factory=Alone)
    outside: "OutsideProvider | None" = None
    certifier: Certifier = field(default_factory=NoCertifier)
