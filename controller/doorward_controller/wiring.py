"""The composition root: settings to parts. The only module that names adapters."""

import logging
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

import sqlalchemy as sa

from doorward.times import Clock
from doorward_controller.broker.access import HomeAssistantAccess
from doorward_controller.broker.certifying import FolderCertifier
from doorward_controller.broker.gatekeeper import BrokerGatekeeper, GateFiles
from doorward_controller.clock import SystemClock
from doorward_controller.config import Config
from doorward_controller.domain import home_assistant
from doorward_controller.errors import ConfigError, ControllerError, StoreError
from doorward_controller.ingest.consumer import Consumer
from doorward_controller.ingest.link_paho import PahoLink
from doorward_controller.ingest.ports import Link
from doorward_controller.jobs import Jobs
from doorward_controller.services import (
    alert_watch,
    policy_release,
    provisioning,
    speaking_for_all,
    status_publishing,
)
from doorward_controller.services.backend import Backend, Gatekeeper, Publisher
from doorward_controller.services.delivering import Deliveries
from doorward_controller.services.feed import Feed
from doorward_controller.services.key_vault import KeyVault
from doorward_controller.services.leadership import Follower, Leadership
from doorward_controller.services.relay import Relay
from doorward_controller.services.speaking_for_all import SharedPublisher
from doorward_controller.store.checkpoints import Checkpoints
from doorward_controller.store.session import Store
from doorward_controller.store.upgrade import check_schema, upgrade

if TYPE_CHECKING:
    from doorward_controller.services.outside_provider import OutsideProvider

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class SilentPublisher:
    """Keeps the newest message of each topic; for commands that run beside the server."""

    connected: bool = False
    kept: dict[str, bytes] = field(default_factory=dict)

    def publish(self, topic: str, wire: bytes, *, retain: bool) -> None:
        """Keeps what is retained; the server publishes it at its next start."""
        if retain:
            self.kept[topic] = wire


def open_store(config: Config) -> Store:
    """Returns the store, which may still be empty. Raises StoreError."""
    try:
        return Store(config.database_url)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as err:
        raise StoreError(f"database.url cannot be used: {err}") from err


def initialise(config: Config, clock: Clock | None = None) -> bool:
    """Makes data folder, keys, tables, and the site; what is there already stays as it is.

    Returns:
        Whether the site is new.

    Raises:
        ControllerError: something of it cannot be made; says what.
    """
    try:
        config.data_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as err:
        raise StoreError(f"{config.data_dir}: cannot be made: {err.strerror}") from err
    keys = KeyVault.create(config.data_dir / "keys")
    store = open_store(config)
    try:
        upgrade(store)
        return provisioning.start_site(_backend(config, store, keys, clock, None))
    finally:
        store.close()


def open_backend(
    config: Config,
    *,
    clock: Clock | None = None,
    publisher: Publisher | None = None,
    gatekeeper: Gatekeeper | None = None,
) -> Backend:
    """Returns the controller's parts on an initialised data folder. Raises ControllerError."""
    store = open_store(config)
    check_schema(store)
    keys = KeyVault.open(config.data_dir / "keys")
    backend = _backend(config, store, keys, clock, publisher)
    return backend if gatekeeper is None else replace(backend, gatekeeper=gatekeeper)


class ServeRole(StrEnum):
    """What one process does."""

    ALL = "all"
    WEB = "web"
    INGEST = "ingest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """What ties one process of many to the others; all that runs beside a mere web server."""

    backend: Backend
    relay: Relay
    leadership: Leadership | None = None
    link: Link | None = None

    def start(self) -> None:
        """Starts the threads."""
        self.relay.start(partial(speaking_for_all.answer, self.backend), self._publish_again)
        if self.leadership is not None:
            self.leadership.start(self._lead)

    def stop(self) -> None:
        """Lets another process lead, and tells nobody anything any more."""
        if self.leadership is not None:
            self.leadership.stop()
        self.relay.stop()

    def _publish_again(self) -> None:
        """What was asked for meanwhile was not heard."""
        if self.backend.leading.is_held:
            policy_release.publish_current(self.backend)

    def _lead(self, leads: bool) -> None:  # noqa: FBT001  # a callback
        """Called by the thread that renews the lease, which must not wait for the rest."""
        if self.link is not None:
            self.link.lead(leads=leads)
        if leads:
            Thread(target=self._begin, name="leader-begins", daemon=True).start()

    def _begin(self) -> None:
        try:
            status_publishing.begin(self.backend)
            alert_watch.begin(self.backend)
            _connected(self.backend)
        except ControllerError as err:
            _log.warning("leader.waits problem=%s", err)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intakes:
    """What runs beside the web server: the broker connection, the writer, the timed work."""

    link: Link
    consumer: Consumer
    jobs: Jobs
    checkpoints: Checkpoints
    deliveries: Deliveries
    others: Others | None = None

    def start(self) -> None:
        """Starts the threads; returns at once, whether the broker is there or not."""
        if self.others is not None:
            self.others.start()
        self.consumer.start()
        self.jobs.start()
        self.deliveries.start()
        self.checkpoints.start()

    def stop(self) -> None:
        """Stops in the order in which nothing is lost: no more in, then out with the answers."""
        self.jobs.stop()
        self.deliveries.stop()
        self.consumer.stop()
        self.link.stop()
        self.jobs.sign_off()
        if self.others is not None:
            self.others.stop()
        self.checkpoints.stop()


def open_server(
    config: Config, clock: Clock | None = None, role: ServeRole = ServeRole.ALL
) -> tuple[Backend, Intakes | Others]:
    """Returns everything that `serve` runs. Raises ControllerError."""
    if config.sqlite_file is None:
        return _open_one_of_many(config, clock or SystemClock(), role)
    if role is not ServeRole.ALL:
        raise ConfigError(
            f"serve --role {role} is for one process of many, which share a PostgreSQL; the"
            " database here is SQLite, for one process: set database.url, or leave --role out"
        )
    link = PahoLink(config.mqtt)
    gatekeeper = BrokerGatekeeper(_gate_files(config), link)
    backend = open_backend(config, clock=clock, publisher=link, gatekeeper=gatekeeper)
    return backend, intakes_on(backend, link)


def _open_one_of_many(
    config: Config, clock: Clock, role: ServeRole
) -> tuple[Backend, Intakes | Others]:
    store = open_store(config)
    check_schema(store)
    keys = KeyVault.open(config.data_dir / "keys")
    backend = _backend(config, store, keys, clock, None)
    relay = Relay(store, backend.feed)
    if role is ServeRole.WEB:
        leading = Follower()
        publisher = SharedPublisher(store, relay, leading, None)
        backend = replace(backend, publisher=publisher, leading=leading)
        return backend, Others(backend=backend, relay=relay)
    link = PahoLink(config.mqtt, is_shared=role is ServeRole.INGEST)
    leadership = Leadership(store, clock)
    backend = replace(
        backend,
        publisher=SharedPublisher(store, relay, leadership, link),
        leading=leadership,
        gatekeeper=BrokerGatekeeper(_gate_files(config), link),
    )
    others = Others(backend=backend, relay=relay, leadership=leadership, link=link)
    return backend, replace(intakes_on(backend, link), others=others)


def _gate_files(config: Config) -> GateFiles:
    return GateFiles(
        site=config.site,
        controllers=tuple(dict.fromkeys((config.mqtt.client_id, *config.broker.more_controllers))),
        access_file=config.broker.access_file,
        authority_dir=config.broker.authority_dir,
        pid_file=config.broker.pid_file,
        home_assistant=home_assistant_access(config),
    )


def home_assistant_access(config: Config) -> HomeAssistantAccess | None:
    """Returns what Home Assistant may hear, None where the settings do not ask for it."""
    settings = config.home_assistant
    if not settings.is_on:
        return None
    return HomeAssistantAccess(
        user=settings.user,
        discovery_prefix=settings.discovery_prefix,
        values=f"{home_assistant.ROOT}/{config.site}",
    )


def intakes_on(backend: Backend, link: Link) -> Intakes:
    """Ties a connection to a backend that publishes by it."""
    consumer = Consumer(backend)
    intakes = Intakes(
        link=link,
        consumer=consumer,
        jobs=Jobs(backend),
        checkpoints=Checkpoints(backend.store),
        deliveries=Deliveries(backend),
    )
    if backend.leading.is_held:
        status_publishing.begin(backend)
        alert_watch.begin(backend)
    # The writer's thread reads the store; paho's own must only enqueue.
    link.start(consumer.offer, lambda: consumer.offer(lambda: _connected(backend)))
    return intakes


def _connected(backend: Backend) -> None:
    """What is to be done whenever the broker is there again."""
    if backend.leading.is_held:
        alert_watch.note_link(backend)
        policy_release.publish_current(backend)


def _backend(
    config: Config,
    store: Store,
    keys: KeyVault,
    clock: Clock | None,
    publisher: Publisher | None,
) -> Backend:
    return Backend(
        config=config,
        store=store,
        clock=clock or SystemClock(),
        keys=keys,
        publisher=publisher or SilentPublisher(),
        feed=Feed(),
        certifier=certifier_of(config),
        outside=provider_of(config, clock or SystemClock()),
    )


def provider_of(config: Config, clock: Clock) -> "OutsideProvider | None":
    """Returns the organisation's provider of accounts, where one is set."""
    if not config.oidc.is_on:
        return None
    # Its HTTP client is a tenth of every start; only a site with a provider needs it.
    from doorward_controller.services.outside_provider import OutsideProvider  # noqa: PLC0415

    return OutsideProvider(settings=config.oidc, origin=config.http.origin, clock=clock)


def certifier_of(config: Config) -> FolderCertifier:
    """Returns whoever signs certificates, as the settings say."""
    return FolderCertifier(
        config.broker.authority_dir, config.data_dir / "enrolment", config.broker.pid_file
    )
