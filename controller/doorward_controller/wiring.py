"""The composition root: settings to parts. The only module that names adapters."""

from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from doorward.times import Clock
from doorward_controller.broker.gatekeeper import BrokerGatekeeper, GateFiles
from doorward_controller.clock import SystemClock
from doorward_controller.config import Config
from doorward_controller.errors import StoreError
from doorward_controller.ingest.consumer import Consumer
from doorward_controller.ingest.link_paho import PahoLink
from doorward_controller.ingest.ports import Link
from doorward_controller.jobs import Jobs
from doorward_controller.services import (
    alert_watch,
    policy_release,
    provisioning,
    status_publishing,
)
from doorward_controller.services.backend import Backend, Gatekeeper, Publisher
from doorward_controller.services.delivering import Deliveries
from doorward_controller.services.feed import Feed
from doorward_controller.services.key_vault import KeyVault
from doorward_controller.store.checkpoints import Checkpoints
from doorward_controller.store.session import Store
from doorward_controller.store.upgrade import check_schema, upgrade


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Intakes:
    """What runs beside the web server: the broker connection, the writer, the timed work."""

    link: Link
    consumer: Consumer
    jobs: Jobs
    checkpoints: Checkpoints
    deliveries: Deliveries

    def start(self) -> None:
        """Starts the threads; returns at once, whether the broker is there or not."""
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
        self.checkpoints.stop()


def open_server(config: Config, clock: Clock | None = None) -> tuple[Backend, Intakes]:
    """Returns everything that `serve` runs. Raises ControllerError."""
    link = PahoLink(config.mqtt)
    gatekeeper = BrokerGatekeeper(_gate_files(config), link)
    backend = open_backend(config, clock=clock, publisher=link, gatekeeper=gatekeeper)
    return backend, intakes_on(backend, link)


def _gate_files(config: Config) -> GateFiles:
    return GateFiles(
        site=config.site,
        controllers=(config.mqtt.client_id, *config.broker.more_controllers),
        access_file=config.broker.access_file,
        authority_dir=config.broker.authority_dir,
        pid_file=config.broker.pid_file,
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
    status_publishing.begin(backend)
    alert_watch.begin(backend)
    # The writer's thread reads the store; paho's own must only enqueue.
    link.start(consumer.offer, lambda: consumer.offer(lambda: _connected(backend)))
    return intakes


def _connected(backend: Backend) -> None:
    """What is to be done whenever the broker is there again."""
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
    )
