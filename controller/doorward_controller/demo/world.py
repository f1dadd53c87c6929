"""Everything that runs: broker, cables, controller, gateways; started and stopped in order."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from doorward.ids import GatewayId
from doorward.times import Clock
from doorward_controller.broker.access import AccessRules
from doorward_controller.broker.authority import Authority, Identity
from doorward_controller.broker.process import BrokerSettings, Mosquitto
from doorward_controller.config import Config, load_config
from doorward_controller.demo.api_client import ApiClient
from doorward_controller.demo.cable import Cable, Network
from doorward_controller.demo.gateway_files import Enrolment, make_record_key, write_gateway
from doorward_controller.demo.gateway_process import GatewayProcess
from doorward_controller.demo.people import PORTALS, SITE, DemoPortal
from doorward_controller.demo.site_setup import SiteSetup, set_up
from doorward_controller.demo.turnstile import PresentedLog, Turnstile
from doorward_controller.domain.permissions import Role
from doorward_controller.wiring import initialise, open_backend

CERTIFICATES_LAST = timedelta(days=30)

TAP = "controller-tap"
"""A second connection with a controller's rights, for whoever watches or repeats messages."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The parts of a running demonstration.

    Attributes:
        tap: identity of a connection that may read and write everything.
        config_file: the controller's.
    """

    folder: Path
    clock: Clock
    authority: Authority
    broker: Mosquitto
    network: Network
    config_file: Path
    config: Config
    setup: SiteSetup
    tap: Identity
    log: PresentedLog
    turnstiles: dict[str, Turnstile]

    @property
    def gateways(self) -> tuple[GatewayProcess, ...]:
        """The gateways, in the order of the portals."""
        return tuple(turnstile.gateway for turnstile in self.turnstiles.values())

    def api_as(self, role: Role) -> ApiClient:
        """A client of the controller with the rights of a role."""
        return ApiClient(self.config.http.host, self.config.http.port, self.setup.tokens[role])

    def gateway(self, name: str) -> GatewayProcess:
        """Returns one gateway. Raises KeyError."""
        return self.turnstiles[name].gateway

    def start_remaining(self) -> None:
        """Starts the gateways that `build` left for later."""
        for gateway in self.gateways:
            if not gateway.was_started:
                gateway.start()

    def close(self) -> None:
        """Stops gateways and broker; the controller is stopped by whoever started it."""
        for gateway in self.gateways:
            with contextlib.suppress(OSError):
                gateway.stop()
        self.network.close()
        self.broker.stop()


def build(
    folder: Path,
    *,
    http_port: int,
    clock: Clock,
    say: Say,
    portals: Sequence[DemoPortal] = PORTALS,
) -> World:
    """Makes the site in an empty folder, starts the broker and the first gateway.

    The others wait for `World.start_remaining`: four programs that import their libraries at once
    keep whoever waits for the first scan waiting for all of them.

    Args:
        folder: everything is written here.
        http_port: where the controller will listen on 127.0.0.1.
        clock: the time.
        say: told each step, for a person who waits.
        portals: at which there is a gateway; all of them are enrolled.

    Raises:
        DoorwardError: something is missing or does not start; nothing is left running.
    """
    with contextlib.ExitStack() as undo:
        world = _build(folder, http_port, clock, say, portals, undo)
        undo.pop_all()
        return world


def _build(
    folder: Path,
    http_port: int,
    clock: Clock,
    say: Say,
    portals: Sequence[DemoPortal],
    undo: contextlib.ExitStack,
) -> World:
    now = clock.now()
    at = datetime.fromtimestamp(now.utc_s, UTC)
    authority = Authority.create(folder / "authority", now=at, valid_for=CERTIFICATES_LAST)
    broker = _make_broker(folder, authority, at)
    broker.start()
    undo.callback(broker.stop)
    say(f"broker: Mosquitto {broker.version}, mutual TLS, port {broker.port}")
    network = Network()
    undo.callback(network.close)
    config_file = _write_controller(folder, authority, broker.port, http_port, at)
    config = load_config(config_file)
    initialise(config, clock)
    keys = {p.name: make_record_key(folder / "gateways" / p.name) for p in PORTALS}
    backend = open_backend(config, clock=clock)
    try:
        setup = set_up(backend, keys)
    finally:
        backend.store.close()
    say(f"controller: database, keys, {len(setup.codes)} codes, first policy")
    log = PresentedLog()
    turnstiles: dict[str, Turnstile] = {}
    for portal in portals:
        cable = network.lay("127.0.0.1", broker.port)
        gateway = _make_gateway(folder, portal.name, setup, authority, cable, at)
        if not turnstiles:
            gateway.start()
            undo.callback(gateway.stop)
        turnstiles[portal.name] = Turnstile(gateway, log, clock)
    say(f"gateways: {', '.join(turnstiles)}, each a process of its own")
    return World(
        folder=folder,
        clock=clock,
        authority=authority,
        broker=broker,
        network=network,
        config_file=config_file,
        config=config,
        setup=setup,
        tap=authority.issue_controller(now=at, name=TAP),
        log=log,
        turnstiles=turnstiles,
    )


def _make_broker(folder: Path, authority: Authority, at: datetime) -> Mosquitto:
    server = authority.issue_server(now=at)
    return Mosquitto(
        BrokerSettings(
            folder=folder / "broker",
            access=AccessRules(site=SITE, controllers=("controller", TAP)),
            ca_file=authority.ca_file,
            certificate_file=server.certificate_file,
            key_file=server.key_file,
            crl_file=authority.crl_file,
        )
    )


def _write_controller(
    folder: Path, authority: Authority, broker_port: int, http_port: int, at: datetime
) -> Path:
    identity = authority.issue_controller(now=at)
    path = folder / "controller.toml"
    path.write_text(
        f"""\
site = "{SITE}"
data_dir = "controller"

[mqtt]
host = "127.0.0.1"
port = {broker_port}
ca_file = "{authority.ca_file}"
cert_file = "{identity.certificate_file}"
key_file = "{identity.key_file}"

[broker]
access_file = "{folder / "broker" / "access.acl"}"
authority_dir = "{folder / "authority"}"
pid_file = "{folder / "broker" / "mosquitto.pid"}"
more_controllers = ["{TAP}"]

[http]
host = "127.0.0.1"
port = {http_port}
# Plain HTTP on this machine alone: a browser would not send a secure cookie back.
secure_cookies = false

[accounts]
# Whoever looks at the demonstration has no time to set up an authenticator.
second_factor_roles = []
""",
        "utf-8",
    )
    return path


def _make_gateway(
    folder: Path,
    name: GatewayId,
    setup: SiteSetup,
    authority: Authority,
    cable: Cable,
    at: datetime,
) -> GatewayProcess:
    enrolment = Enrolment(
        site=SITE,
        keyring=setup.provision.keyring,
        seal_key=setup.provision.intake_key,
        identity=authority.issue_gateway(name, now=at),
        ca_file=authority.ca_file,
        broker_port=cable.port,
    )
    files = write_gateway(folder / "gateways" / name, name, enrolment)
    return GatewayProcess(name, files, cable)
