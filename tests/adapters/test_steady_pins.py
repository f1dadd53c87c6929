"""What is asked of a lock's pin on a real board, seen at the lgpio module: only to be locked."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import ROOT

STAND_IN = Path(__file__).parents[1] / "fakes" / "recording_lgpio"
PIN = 17
LIFE_OF_A_LOCK = """
import json, sys
sys.path.insert(0, sys.argv[1])
import lgpio
from doorward_edge.adapters.gpio_gpiozero import GpioLock
from doorward_edge.adapters.gpio_gpiozero.steady import SteadyFactory
from doorward_edge.boards import Level, LockKind
from doorward_edge.config import LockLine

class Pi(SteadyFactory):
    def _get_revision(self):
        return 0xC03114  # a Raspberry Pi 4 Model B

line = LockLine(
    kind=LockKind.FAIL_SAFE, terminal="t", pin=17, released=Level(sys.argv[2]), pulse_ms=None
)
factory = Pi(0)
for _ in range(2):
    lock = GpioLock(line, factory=factory)
    exec(sys.argv[3])
    lock.close()
factory.close()
print(json.dumps(lgpio.calls))
"""


def calls_of(released: str, act: str = "") -> list[list[Any]]:
    """Runs a lock through two lives in a process of its own; returns what was asked of lgpio."""
    done = subprocess.run(
        [sys.executable, "-c", LIFE_OF_A_LOCK, str(STAND_IN), released, act],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return [call for call in json.loads(done.stdout) if call[0] not in {"open", "close"}]


@pytest.mark.parametrize(("released", "locked"), [("high", 0), ("low", 1)])
def test_a_lock_is_claimed_locked_in_one_step_and_let_go_untouched(
    released: str, locked: int
) -> None:
    one_life = [["claim_output", PIN, locked, 0], ["write", PIN, locked], ["free", PIN]]
    assert calls_of(released) == one_life * 2


@pytest.mark.parametrize(("released", "locked"), [("high", 0), ("low", 1)])
def test_a_lock_that_is_closed_while_it_is_released_is_locked_before_it_is_let_go(
    released: str, locked: int
) -> None:
    calls = calls_of(released, "lock.release(60_000)")
    assert calls[:4] == [
        ["claim_output", PIN, locked, 0],
        ["write", PIN, 1 - locked],
        ["write", PIN, locked],
        ["free", PIN],
    ]
