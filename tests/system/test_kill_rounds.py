"""`kill -9` of gateways, decoders and the broker at random, while codes are held up.

A round holds a code up, lets something die within 0.3 s (before the code is seen, while it is
decided or written, after that), waits until it is back, and has another code decided on. In the end
three sources that know nothing of each other are compared: what was held up, the numbers in the
gateways' journals, and the controller's store (`demo.tally`).
"""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

import psutil  # type: ignore[import-untyped]
import pytest

from doorward_controller.broker.waiting import wait_until
from doorward_controller.demo.control_socket import ControlError
from doorward_controller.demo.drill import head
from doorward_controller.demo.turnstile import Code, Turnstile
from doorward_controller.demo.world import World
from tests.system.whole_site import READY_S, WholeSite, counted, whole_site

KILLED_WITHIN_S = 0.3
BROKER_EVERY = 5
"""One round in so many is the broker's, which concerns everybody."""


@dataclass(kw_only=True)
class Rounds:
    """Who died how often, and how many records stood in a journal that its gateway died over."""

    world: World
    seed: int
    died: Counter[str] = field(default_factory=Counter)
    recorded_before_death: int = 0

    def play(self, count: int) -> None:
        """Plays so many rounds, at all gateways at the same time."""
        turnstiles = tuple(self.world.turnstiles.values())
        of_broker = count // BROKER_EVERY
        shares = [(count - of_broker + n) // len(turnstiles) for n in range(len(turnstiles))]
        with ThreadPoolExecutor(len(turnstiles)) as pool:
            played = [
                pool.submit(self._play_at, turnstile, share, random.Random(self.seed + n))
                for n, (turnstile, share) in enumerate(zip(turnstiles, shares, strict=True))
            ]
            self._play_broker(of_broker, random.Random(self.seed - 1))
            for one in played:
                one.result()

    def _play_at(self, turnstile: Turnstile, count: int, chance: random.Random) -> None:
        codes = [c for c in self.world.setup.codes if c.credential_id is not None]
        for _ in range(count):
            shown, proof = chance.sample(codes, 2)
            if chance.random() < 0.5:
                self._kill_gateway(turnstile, shown, chance)
            else:
                self._kill_decoder(turnstile, shown, chance)
            _decides(turnstile, proof)

    def _kill_gateway(self, turnstile: Turnstile, code: Code, chance: random.Random) -> None:
        gateway = turnstile.gateway
        before, pid = head(gateway), gateway.pid
        turnstile.flash(code)
        Event().wait(chance.uniform(0, KILLED_WITHIN_S))
        gateway.kill()
        assert wait_until(
            lambda: gateway.pid not in {None, pid} and head(gateway) >= 0, timeout_s=READY_S
        )
        after = head(gateway)
        assert after >= before, f"{gateway.name} forgot records {after + 1} to {before}"
        # The first new record tells of the start; what is beyond it was the scan.
        self.recorded_before_death += after > before + 1
        self.died["gateway"] += 1

    def _kill_decoder(self, turnstile: Turnstile, code: Code, chance: random.Random) -> None:
        turnstile.flash(code)
        Event().wait(chance.uniform(0, KILLED_WITHIN_S))
        for child in _decoders(turnstile):
            with suppress(psutil.NoSuchProcess):
                child.kill()
                self.died["decoder"] += 1
        assert wait_until(lambda: bool(_decoders(turnstile)), timeout_s=READY_S)

    def _play_broker(self, count: int, chance: random.Random) -> None:
        broker = self.world.broker
        for _ in range(count):
            Event().wait(chance.uniform(0.2, 2.0))
            broker.kill()
            Event().wait(chance.uniform(0, KILLED_WITHIN_S))
            broker.start()
            self.died["broker"] += 1


def _decoders(turnstile: Turnstile) -> list[psutil.Process]:
    pid = turnstile.gateway.pid
    if pid is None:
        return []
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        children = psutil.Process(pid).children()
        return [c for c in children if "doorward_edge.decoder.child" in c.cmdline()]
    return []


def _decides(turnstile: Turnstile, code: Code) -> None:
    """Holds a code up until the gateway has decided, which it must after whatever died."""

    def is_decided() -> bool:
        with suppress(ControlError):
            return turnstile.present(code).is_decided is True
        return False

    assert wait_until(is_decided, timeout_s=READY_S), f"{turnstile.gateway.name} decides no more"


@pytest.fixture
def world() -> Iterator[World]:
    with whole_site(WholeSite) as site:
        yield site.world


def play(world: World, count: int, seed: int) -> None:
    rounds = Rounds(world=world, seed=seed)
    rounds.play(count)
    said = counted(world)
    print(f"{dict(rounds.died)}, {rounds.recorded_before_death} records just before death, {said}")
    assert (said.lost, said.duplicated) == (0, 0), said.findings
    assert rounds.died["broker"] == count // BROKER_EVERY
    assert rounds.died["gateway"] > 0
    assert rounds.died["decoder"] > 0
    # Had nobody died over a record, the counting would have proved nothing.
    assert rounds.recorded_before_death > 0


@pytest.mark.timeout(300)
def test_nothing_is_lost_or_doubled_when_anything_is_killed(world: World) -> None:
    play(world, 30, seed=11)


@pytest.mark.endurance
@pytest.mark.timeout(1800)
def test_nothing_is_lost_or_doubled_in_two_hundred_killings(world: World) -> None:
    play(world, 200, seed=2026)
