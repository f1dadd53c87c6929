"""The interface does what its OpenAPI document says, asked by a program that read nothing else.

All checks of schemathesis count. What is left out, and why, stands here and in `schema_world`.
"""

from typing import Any

import pytest

from doorward_controller.services.backend import Backend
from tests.controller.interface.schema_world import run, served

GENERATION = {"deterministic": True, "no-shrink": True, "database": "none"}
PHASES = ("examples", "coverage", "fuzzing", "stateful")


def settings(examples: int, *phases: str) -> dict[str, Any]:
    return {
        "generation": {**GENERATION, "max-examples": examples},
        "phases": {name: {"enabled": name in phases} for name in PHASES},
    }


def check(backend: Backend, at_least: int, wanted: dict[str, Any]) -> None:
    with served(backend) as (address, keys):
        found, calls = run(address, keys, wanted)
    assert found == []
    assert calls >= at_least, "hardly anything was asked"


@pytest.mark.timeout(900)
def test_every_operation_answers_each_kind_of_right_and_wrong_value(
    sqlite_backend: Backend,
) -> None:
    check(sqlite_backend, 1_000, settings(1, "coverage"))


@pytest.mark.timeout(900)
def test_what_is_made_can_be_found_and_what_is_gone_cannot(sqlite_backend: Backend) -> None:
    check(sqlite_backend, 50, settings(3, "stateful"))


@pytest.mark.endurance
@pytest.mark.timeout(3_000)
def test_every_operation_answers_whatever_is_sent(backend: Backend) -> None:
    check(backend, 5_000, settings(60, *PHASES))
