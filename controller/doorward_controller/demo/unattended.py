"""The unattended run: builds the world, plays every scenario in it, stops it, counts."""

import contextlib
import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from threading import Event

from doorward.times import Clock
from doorward_controller.broker.waiting import wait_until
from doorward_controller.demo import report, scenarios
from doorward_controller.demo.controller_host import ControllerProcess
from doorward_controller.demo.drill import DRAINED_S, Drill, pending
from doorward_controller.demo.first_scan import wait_first_scan, wait_serving
from doorward_controller.demo.journal_file import read_numbers
from doorward_controller.demo.report import Report
from doorward_controller.demo.scenario import ScenarioResult, play
from doorward_controller.demo.stored_records import read_stored
from doorward_controller.demo.tally import Tally, count
from doorward_controller.demo.tap import Tap
from doorward_controller.demo.traffic import Traffic
from doorward_controller.demo.world import Say, World, build
from doorward_controller.domain.permissions import Role
from doorward_controller.store.session import Store


def run(
    folder: Path,
    *,
    http_port: int,
    seconds: float,
    seed: int,
    clock: Clock,
    say: Say,
    stop: Event,
) -> Report:
    """Runs everything once in an empty folder.

    Args:
        folder: everything is written here.
        http_port: for the controller.
        seconds: people walk for at least so long; scenarios may need longer.
        seed: of the people and of the moments at which something is killed.
        clock: the time.
        say: told each step; may raise StoppedError.
        stop: ends what waits.

    Raises:
        DoorwardError: it could not be started; nothing is left running.
    """
    begun_mono_ms = clock.now().mono_ms
    with contextlib.ExitStack() as stack:
        world = build(folder, http_port=http_port, clock=clock, say=say)
        stack.callback(world.close)
        controller = ControllerProcess(world.config_file, folder / "log")
        controller.start()
        stack.callback(controller.stop)
        traffic = Traffic(tuple(world.turnstiles.values()), world.setup.codes, seed)
        traffic.start()
        stack.callback(traffic.stop)
        wait_serving(world, stop)
        world.start_remaining()
        first_scan_s = wait_first_scan(world, stop)
        say(f"first scan in the console {first_scan_s:.1f} s after the start")
        tap = Tap(world.tap, world.authority.ca_file, "127.0.0.1", world.broker.port)
        stack.callback(tap.close)
        drill = Drill(
            world=world,
            controller=controller,
            desk=world.api_as(Role.ISSUER),
            guard=world.api_as(Role.SECURITY),
            tap=tap,
        )
        results = _play_all(drill, seed, say)
        end_ms = begun_mono_ms + seconds * 1000
        wait_until(lambda: clock.now().mono_ms >= end_ms, timeout_s=seconds, stop=stop)
        say("people stop coming; journals drain")
        traffic.stop()
        _drain(world)
        # Ended in order they would record that, and perhaps have no time left to deliver it.
        for gateway in world.gateways:
            gateway.power_off()
        _keep_presentations(world)
        tally = _count(drill)
        return Report(
            tally=tally,
            scenarios=results,
            first_scan_s=first_scan_s,
            propagation_s=tuple(drill.propagation_s),
            ran_s=round((clock.now().mono_ms - begun_mono_ms) / 1000, 1),
            versions=report.versions(world.broker.version),
        )


def _play_all(drill: Drill, seed: int, say: Say) -> tuple[ScenarioResult, ...]:
    results = []
    for name, act in scenarios.all_scenarios(seed):
        result = play(name, partial(act, drill), drill.world.clock)
        say(f"{name}: {'passed' if result.passed else result.problem}")
        results.append(result)
    return tuple(results)


def _drain(world: World) -> None:
    # What is still waiting then is counted as lost, which says more than an exception here would.
    wait_until(lambda: all(pending(g) == 0 for g in world.gateways), timeout_s=DRAINED_S)


def _keep_presentations(world: World) -> None:
    """Writes the driver's own log beside the journals, for who looks into a finding."""
    lines = (json.dumps(asdict(shown)) for shown in world.log.all())
    (world.folder / "presentations.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def _count(drill: Drill) -> Tally:
    world = drill.world
    journals = [
        numbers
        for gateway in world.gateways
        for numbers in read_numbers(gateway.name, gateway.files.data_dir)
    ]
    store = Store(world.config.database_url)
    try:
        stored = read_stored(store)
    finally:
        store.close()
    return count(world.log.all(), journals, stored, drill.revocations)
