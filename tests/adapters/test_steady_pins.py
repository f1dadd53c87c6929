"""What is asked of a lock's pin on a real board, seen at the lgpio module: only to be locked."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import ROOT
from tests.fakes.edge_toml import ENROLLED
from tests.fakes.lgpio_calls import lgpio_calls

STAND_IN = Path(__file__).parents[1] / "fakes" / "recording_lgpio"
PIN = 17
LIFE_OF_A_LOCK = """
from doorward_edge.adapters.gpio_gpiozero import GpioLock
from doorward_edge.boards import Level, LockKind
from doorward_edge.config import LockLine

line = LockLine(
    kind=LockKind.FAIL_SAFE, terminal="t", pin=17, released=Level(sys.argv[2]), pulse_ms=None
)
for _ in range(2):
    lock = GpioLock(line, factory=factory)
    exec(sys.argv[3])
    lock.close()
"""


@pytest.mark.parametrize(("released", "locked"), [("high", 0), ("low", 1)])
def test_a_lock_is_claimed_locked_in_one_step_and_let_go_untouched(
    released: str, locked: int
) -> None:
    one_life = [["claim_output", PIN, locked, 0], ["write", PIN, locked], ["free", PIN]]
    assert lgpio_calls(LIFE_OF_A_LOCK, released, "") == one_life * 2


@pytest.mark.parametrize(("released", "locked"), [("high", 0), ("low", 1)])
def test_a_lock_that_is_closed_while_it_is_released_is_locked_before_it_is_let_go(
    released: str, locked: int
) -> None:
    calls = lgpio_calls(LIFE_OF_A_LOCK, released, "lock.release(60_000)")
    assert calls[:4] == [
        ["claim_output", PIN, locked, 0],
        ["write", PIN, 1 - locked],
        ["write", PIN, locked],
        ["free", PIN],
    ]


SECURE = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import lgpio
import typer
from doorward_edge.adapters.gpio_gpiozero import steady
from doorward_edge.cli.secure import secure

class Pi(steady.SteadyFactory):
    def _get_revision(self):
        return 0xC03114  # a Raspberry Pi 4 Model B

steady.SteadyFactory = Pi
lgpio.busy |= set(json.loads(sys.argv[3]))
status = 0
try:
    secure(Path(sys.argv[2]))
except typer.Exit as err:
    status = err.exit_code
print(json.dumps([status, lgpio.calls]))
"""
CONFIG = (
    ENROLLED
    + """\
[board]
profile = "waveshare-rpi-relay-board-b"
[[portal]]
id = "in"
panel_only = true
lock = { kind = "fail_secure", terminal = "ch1" }
[[portal]]
id = "out"
panel_only = true
lock = { kind = "fail_safe", terminal = "ch2" }
[[portal]]
id = "desk"
panel_only = true
"""
)


def secured(config: Path, busy: list[int]) -> tuple[int, list[list[Any]], str]:
    done = subprocess.run(
        [sys.executable, "-c", SECURE, str(STAND_IN), str(config), json.dumps(busy)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.stdout, done.stderr
    status, calls = json.loads(done.stdout)
    return status, [call for call in calls if call[0] not in {"open", "close"}], done.stderr


def test_secure_locks_every_lock_and_lets_go(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(CONFIG)
    status, calls, _ = secured(config, busy=[])
    assert status == 0
    assert calls == [
        step
        for pin in (5, 6)
        for step in (["claim_output", pin, 1, 0], ["write", pin, 1], ["free", pin])
    ]


def test_secure_locks_the_others_when_one_pin_is_taken_and_says_so(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(CONFIG)
    status, calls, said = secured(config, busy=[5])
    assert status == 1
    assert "lock of in: GPIO5: GPIO busy" in said
    assert ["claim_output", 6, 1, 0] in calls


def test_secure_says_what_is_wrong_with_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(CONFIG.replace("ch1", "ch9"))
    status, calls, said = secured(config, busy=[])
    assert (status, calls) == (2, [])
    assert "line 19: portal.lock.terminal is 'ch9'" in said
