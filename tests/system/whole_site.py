"""A whole site as the demo runs it, and the count of what became of every code held up."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import httpx

from doorward_controller import wiring
from doorward_controller.app import API_ROOT
from doorward_controller.broker.waiting import wait_until
from doorward_controller.clock import SystemClock
from doorward_controller.demo import tally
from doorward_controller.demo.cli import free_port
from doorward_controller.demo.controller_host import ControllerProcess
from doorward_controller.demo.drill import pending
from doorward_controller.demo.journal_file import read_numbers
from doorward_controller.demo.people import PORTALS, DemoPortal
from doorward_controller.demo.stored_records import read_stored
from doorward_controller.demo.turnstile import Turnstile
from doorward_controller.demo.world import World, build
from doorward_controller.domain.permissions import Role
from tests.fakes.running_server import UNREAD

READY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeSite:
    """Broker, controller and gateways with their first policy, and the interface by role."""

    world: World
    controller: ControllerProcess
    http_port: int

    @property
    def turnstile(self) -> Turnstile:
        """The first one."""
        return next(iter(self.world.turnstiles.values()))

    def ask(self, role: Role, method: str, path: str, body: object = None) -> httpx.Response:
        """Asks the interface as an operator of this role."""
        headers = {"Authorization": f"Bearer {self.world.setup.tokens[role]}"}
        if method == "PUT":
            headers["If-Match"] = "*"  # nobody else edits here
        return httpx.request(
            method,
            f"http://127.0.0.1:{self.http_port}{API_ROOT}{path}",
            json=body,
            headers=headers,
            verify=UNREAD,
            trust_env=False,
            timeout=60,
        )

    def is_online(self, gateway: str) -> bool:
        """Whether the controller hears the gateway."""
        try:
            answer = self.ask(Role.ADMIN, "GET", f"/gateways/{gateway}")
        except httpx.TransportError:
            return False  # it opens its port after it has spoken to the gateways
        return answer.status_code == 200 and bool(answer.json()["online"])

    def wait_until_online(self) -> None:
        """Waits until the controller hears every gateway."""
        for gateway in self.world.turnstiles:
            assert wait_until(partial(self.is_online, gateway), timeout_s=READY_S), gateway


Site = TypeVar("Site", bound=WholeSite)


@contextmanager
def whole_site(
    made: type[Site],
    portals: Sequence[DemoPortal] = PORTALS,
    prepare: Callable[[World], object] = lambda _: None,
) -> Iterator[Site]:
    """Runs one in a folder of its own; `prepare` comes before the controller starts."""
    with tempfile.TemporaryDirectory(prefix="dw-") as name, ExitStack() as stack:
        folder, http_port = Path(name), free_port(0)
        clock = SystemClock()
        world = build(folder, http_port=http_port, clock=clock, say=print, portals=portals)
        stack.callback(world.close)
        prepare(world)
        controller = ControllerProcess(world.config_file, folder / "log")
        controller.start()
        stack.callback(controller.stop)
        world.start_remaining()
        for turnstile in world.turnstiles.values():
            assert wait_until(turnstile.has_policy, timeout_s=READY_S), controller.last_errors
        yield made(world=world, controller=controller, http_port=http_port)


def counted(world: World) -> tally.Tally:
    """Waits until everything is delivered, and counts."""
    gateways = world.gateways
    assert wait_until(lambda: all(pending(g) == 0 for g in gateways), timeout_s=READY_S)
    journals = [n for g in gateways for n in read_numbers(g.name, g.files.data_dir)]
    store = wiring.open_store(world.config)
    try:
        return tally.count(world.log.all(), journals, read_stored(store), ())
    finally:
        store.close()
