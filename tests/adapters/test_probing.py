"""What the bench test asks of an output's pin on a real board, seen at the lgpio module."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import ROOT

STAND_IN = Path(__file__).parents[1] / "fakes" / "recording_lgpio"
PIN = 17
PROBED = """
import json, sys
sys.path.insert(0, sys.argv[1])
import lgpio
from doorward_edge.adapters.gpio_gpiozero.probing import PinProbe
from doorward_edge.adapters.gpio_gpiozero.steady import SteadyFactory
from doorward_edge.boards import Level

class Pi(SteadyFactory):
    def _get_revision(self):
        return 0xC03114  # a Raspberry Pi 4 Model B

factory = Pi(0)
probe = PinProbe({17: Level(sys.argv[2])}, (), factory=factory)
exec(sys.argv[3])
probe.close()
factory.close()
print(json.dumps(lgpio.calls))
"""


def calls_of(rest: str, act: str = "") -> list[list[Any]]:
    """Probes a pin in a process of its own; returns what was asked of lgpio."""
    done = subprocess.run(
        [sys.executable, "-c", PROBED, str(STAND_IN), rest, act],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return [call for call in json.loads(done.stdout) if call[0] not in {"open", "close"}]


@pytest.mark.parametrize(("rest", "level"), [("high", 1), ("low", 0)])
def test_a_pin_is_claimed_at_rest_in_one_step_and_never_leaves_it_unasked(
    rest: str, level: int
) -> None:
    calls = calls_of(rest)
    assert calls[0] == ["claim_output", PIN, level, 0]
    assert calls[-1] == ["free", PIN]
    assert {call[2] for call in calls if call[0] == "write"} == {level}


@pytest.mark.parametrize(("rest", "level"), [("high", 1), ("low", 0)])
def test_a_pin_that_is_closed_while_it_is_switched_rests_before_it_is_let_go(
    rest: str, level: int
) -> None:
    calls = calls_of(rest, "probe.drive(17, Level(sys.argv[2]).other)")
    writes = [call[2] for call in calls if call[0] == "write"]
    assert writes[0] == 1 - level
    assert writes[-1] == level
    assert calls[-1] == ["free", PIN]
