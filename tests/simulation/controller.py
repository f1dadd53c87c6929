"""The controller: the product's own intake and services on a simulated machine."""

from collections.abc import Callable
from dataclasses import dataclass, field

from doorward.ids import CredentialId
from doorward_controller import wiring
from doorward_controller.errors import ControllerError
from doorward_controller.ingest.consumer import Consumer
from doorward_controller.ingest.link_paho import _OF_ONE
from doorward_controller.services import policy_release, revocation, rules, status_publishing
from doorward_controller.services.backend import Backend
from doorward_controller.store import credentials, policies
from tests.simulation.broker import ControllerClient, SimulatedBroker
from tests.simulation.disk import PowerCutError, SimulatedDisk
from tests.simulation.oracle import Oracle
from tests.simulation.site import (
    DATABASE,
    SECURITY,
    Site,
    backend_on,
    controller_store,
    rule_book,
)
from tests.simulation.world import Process, World

RESTART_MS = 4_000


@dataclass(slots=True, kw_only=True)
class SimulatedController:
    """One machine with the database; sometimes a process runs on it."""

    world: World
    oracle: Oracle
    broker: SimulatedBroker
    site: Site
    disk: SimulatedDisk
    process: Process | None = None
    loses_power: bool = False
    postures: dict[str, str] = field(default_factory=dict)
    backup: dict[str, bytes] = field(default_factory=dict)
    _backend: Backend | None = None
    _consumer: Consumer | None = None
    _link: ControllerClient | None = None

    # --- Lives ----------------------------------------------------------------------------------

    def start(self) -> None:
        """A process starts, as `serve` has it."""
        if self.process is not None:
            return
        self.disk.revive()
        process = self.process = Process("controller")
        self._link = link = ControllerClient(
            self.world,
            self.broker,
            process,
            dict(_OF_ONE),
            self.oracle.published,
            self._look,
        )
        self._backend = backend = backend_on(self.site.keys, lambda: self.world.now_ms, link)
        self.world.tell("controller", "starts")
        self.do(lambda _: self._tie(backend, link))

    def _tie(self, backend: Backend, link: ControllerClient) -> None:
        self._consumer = wiring.intakes_on(backend, link).consumer

    def crash(self) -> None:
        """The process is killed."""
        if self.process is not None:
            self.world.tell("controller", "is killed")
            self._went_down()

    def cut_power(self) -> None:
        """The machine loses power."""
        self.world.tell("controller", "loses power")
        self.loses_power = True
        self._went_down()

    def fail_in(self, steps: int, *, loses_power: bool) -> None:
        """Lets it end at a later step of its disk."""
        self.world.tell("controller", f"has its end coming in {steps} disk steps")
        self.disk.fail_in = steps
        self.loses_power = loses_power

    def save_backup(self) -> None:
        """Copies the database, as the nightly backup does."""
        if self.process is None:
            return
        with controller_store().engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            self.backup = {"doorward.sqlite3": raw.serialize()}
        self.world.tell("controller", "makes a backup")

    def restore(self) -> None:
        """The disk is lost; yesterday's backup takes its place."""
        if not self.backup:
            return
        self.world.tell("controller", "loses its disk and is restored from the backup")
        self._went_down()
        self.disk.put_back(DATABASE, self.backup)

    def _went_down(self) -> None:
        if self.process is not None:
            self.process.is_alive = False
        self.process = None
        self.broker.hang_up("controller", says_goodbye=False)
        self.oracle.controller_ended()
        self.disk.end_life()
        controller_store().close()
        self._consumer = None
        status_publishing._published_full.clear()
        policy_release._released_here.clear()
        if self.loses_power:
            self.disk.lose_power(self.world.luck)
            self.loses_power = False
        self.world.at(RESTART_MS, self.start)

    # --- What it does ---------------------------------------------------------------------------

    def do(self, act: Callable[[Backend], None]) -> bool:
        """Lets the process do something; says whether it lived to tell."""
        if self.process is None or self._backend is None:
            return False
        try:
            act(self._backend)
            if self.disk.is_down:
                raise PowerCutError
        except PowerCutError:
            self._end_in_the_middle()
            return False
        except Exception as err:
            if self.disk.is_down:
                self._end_in_the_middle()  # it was told of an error of the disk that is gone
            elif isinstance(err, ControllerError):
                self.world.tell("controller", f"refuses: {err}")
            else:
                raise
            return False
        return True

    def _end_in_the_middle(self) -> None:
        self.world.tell("controller", "ends in the middle")
        self._went_down()

    def _look(self) -> None:
        """There is something in the queue; the writer's thread gets a turn soon."""
        if self.process is not None:
            self.world.at(self.world.luck.choice((2, 30, 300)), self._turn, self.process)

    def _turn(self) -> None:
        consumer = self._consumer
        if consumer is None:
            return
        done = self.do(lambda _: self._take_turns(consumer))
        if not done and self.process is not None:
            self.world.at(1_000, self._turn, self.process)

    def _take_turns(self, consumer: Consumer) -> None:
        while consumer.has_work:
            consumer.turn(0)
            if self.disk.is_down:
                raise PowerCutError

    # --- What operators do ----------------------------------------------------------------------

    def revoke(self, who: CredentialId, name: str) -> None:
        self._tell_and_do(
            f"revokes {name}",
            lambda backend: revocation.revoke(backend, SECURITY, [who.hex()], "lost"),
        )

    def suspend(self, who: CredentialId, name: str) -> None:
        self._tell_and_do(
            f"suspends {name}",
            lambda backend: revocation.suspend(backend, SECURITY, [who.hex()], "inquiry"),
        )

    def resume(self, who: CredentialId, name: str) -> None:
        self._tell_and_do(
            f"restores {name}",
            lambda backend: revocation.restore(backend, SECURITY, [who.hex()], "cleared"),
        )

    def release(self, postures: dict[str, str]) -> None:
        self.postures = postures

        def act(backend: Backend) -> None:
            rules.save_rules(backend, SECURITY, rule_book(postures))
            policy_release.release(backend, SECURITY)

        self._tell_and_do(f"releases a policy with postures {postures}", act)

    def refresh(self) -> None:
        self._tell_and_do("vouches for the list anew", status_publishing.refresh)

    def _tell_and_do(self, what: str, act: Callable[[Backend], object]) -> None:
        if self.process is None:
            return
        self.world.tell("controller", what)
        self.do(lambda backend: _ignore(act(backend)))

    # --- What it holds --------------------------------------------------------------------------

    def held_wires(self) -> tuple[bytes, bytes]:
        """Returns the full list and the delta that are to be in force everywhere."""
        assert self._backend is not None
        with self._backend.store.read() as connection:
            return credentials.list_wires(connection, self._backend.config.site)

    def held_bundle(self) -> bytes:
        """Returns the bundle that is to be in force everywhere."""
        assert self._backend is not None
        with self._backend.store.read() as connection:
            bundle = policies.newest_bundle(connection, self._backend.config.site)
        assert bundle is not None
        return bundle.wire


def _ignore(_: object) -> None:
    """A service's answer is for whoever asked."""
