"""What the bench test asks of an output's pin on a real board, seen at the lgpio module."""

from typing import Any

import pytest

from tests.fakes.lgpio_calls import lgpio_calls

PIN = 17
PROBED = """
from doorward_edge.adapters.gpio_gpiozero.probing import PinProbe
from doorward_edge.boards import Level

probe = PinProbe({17: Level(sys.argv[2])}, (), factory=factory)
exec(sys.argv[3])
probe.close()
"""


def calls_of(rest: str, act: str = "") -> list[list[Any]]:
    """Probes a pin; returns what was asked of lgpio."""
    return lgpio_calls(PROBED, rest, act)


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
