"""A run passes only when everything was seen and nothing was wrong."""

import json
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from doorward_controller.clock import SystemClock
from doorward_controller.demo.report import Report
from doorward_controller.demo.scenario import NotSeenError, ScenarioResult, play, require
from doorward_controller.demo.tally import Tally

GOOD = Report(
    tally=Tally(
        presented=10,
        decided=9,
        interrupted=1,
        recorded=12,
        stored=12,
        lost=0,
        duplicated=0,
        granted_after_revocation=0,
        granted_while_propagating=1,
        findings=(),
    ),
    scenarios=(ScenarioResult(name="normal_traffic", passed=True, seconds=1.0),),
    first_scan_s=4.2,
    propagation_s=(0.02, 0.04, 0.03),
    ran_s=30.0,
    versions={"mosquitto": "2.0.11"},
)


def test_good_run_passes_and_its_json_holds_every_figure() -> None:
    assert GOOD.problems == ()
    said = json.loads(GOOD.to_json())
    assert said["passed"] is True
    assert (said["presented"], said["decided"], said["stored"]) == (10, 9, 12)
    assert (said["lost"], said["duplicated"], said["granted_after_revocation"]) == (0, 0, 0)
    spread = said["seconds_from_revocation_to_last_application"]
    assert spread == {"runs": 3, "median": 0.03, "max": 0.04}
    assert said["first_scan_seconds"] == 4.2
    assert said["versions"]["mosquitto"] == "2.0.11"


@pytest.mark.parametrize("name", ["lost", "duplicated", "granted_after_revocation"])
def test_one_of_what_must_be_zero_fails_the_run(name: str) -> None:
    counted: dict[str, Any] = {name: 1}
    bad = replace(GOOD, tally=replace(GOOD.tally, **counted))
    assert bad.problems == (f"{name} is 1, must be 0",)


@pytest.mark.parametrize("name", ["decided", "recorded", "stored"])
def test_zeros_that_come_from_nothing_having_run_fail_the_run(name: str) -> None:
    counted: dict[str, Any] = {name: 0}
    bad = replace(GOOD, tally=replace(GOOD.tally, **counted))
    assert bad.problems == (f"{name} is 0: nothing was counted",)


def test_run_without_scenarios_scan_or_revocation_fails() -> None:
    empty = replace(GOOD, scenarios=(), first_scan_s=None, propagation_s=())
    assert len(empty.problems) == 3


def test_failed_scenario_fails_the_run_and_is_named() -> None:
    failed = ScenarioResult(name="broker_killed", passed=False, seconds=9, problem="not drained")
    bad = replace(GOOD, scenarios=(*GOOD.scenarios, failed))
    assert bad.problems == ("broker_killed: not drained",)
    page = StringIO()
    bad.print_to(Console(file=page, width=200))
    assert "broker_killed" in page.getvalue()
    assert "not drained" in page.getvalue()


def test_scenario_that_does_not_see_its_effect_is_a_result_with_the_reason() -> None:
    def act() -> dict[str, int | float | str | bool]:
        require(condition=False, problem="nothing drained")
        return {}

    result = play("cable_pulled", act, SystemClock())
    assert not result.passed
    assert result.problem == "NotSeenError: nothing drained"


def test_bug_in_a_scenario_is_not_hidden_as_a_result() -> None:
    def act() -> dict[str, int | float | str | bool]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        play("broken", act, SystemClock())
    with pytest.raises(NotSeenError):
        require(0, "zero")
