"""Runs a few lines on pins of a Raspberry Pi 4, in a process of its own, with a recording lgpio."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.architecture.source import ROOT

_STAND_IN = Path(__file__).parent / "recording_lgpio"
_BEGIN = """
import json, sys
sys.path.insert(0, sys.argv[1])
import lgpio
from doorward_edge.adapters.gpio_gpiozero.steady import SteadyFactory

class Pi(SteadyFactory):
    def _get_revision(self):
        return 0xC03114  # a Raspberry Pi 4 Model B

factory = Pi(0)
"""
_END = """
factory.close()
print(json.dumps(lgpio.calls))
"""


def lgpio_calls(program: str, *arguments: str) -> list[list[Any]]:
    """Returns what was asked of lgpio; the program has `factory`, and arguments from 2 on."""
    done = subprocess.run(
        [sys.executable, "-c", _BEGIN + program + _END, str(_STAND_IN), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return [call for call in json.loads(done.stdout) if call[0] not in {"open", "close"}]
