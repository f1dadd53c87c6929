"""A whole site as the demo runs it, and the count of what became of every code held up."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from doorward_controller import wiring
from doorward_controller.broker.waiting import wait_until
from doorward_controller.clock import SystemClock
from doorward_controller.demo import tally
from doorward_controller.demo.cli import free_port
from doorward_controller.demo.controller_host import ControllerProcess
from doorward_controller.demo.drill import pending
from doorward_controller.demo.journal_file import read_numbers
from doorward_controller.demo.stored_records import read_stored
from doorward_controller.demo.world import World, build

READY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeSite:
    """Broker, controller and three gateways with their first policy."""

    world: World
    controller: ControllerProcess


@contextmanager
def whole_site() -> Iterator[WholeSite]:
    """Runs one in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="dw-") as name, ExitStack() as stack:
        folder = Path(name)
        world = build(folder, http_port=free_port(0), clock=SystemClock(), say=print)
        stack.callback(world.close)
        controller = ControllerProcess(world.config_file, folder / "log")
        controller.start()
        stack.callback(controller.stop)
        world.start_remaining()
        for turnstile in world.turnstiles.values():
            assert wait_until(turnstile.has_policy, timeout_s=READY_S), controller.last_errors
        yield WholeSite(world=world, controller=controller)


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
