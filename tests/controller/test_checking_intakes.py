"""`check` says who may hear the broker, and what is missing for one of many."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from doorward_controller import checking
from doorward_controller.config import Broker, Config
from tests.controller.conftest import make_config


@dataclass(frozen=True, slots=True)
class Case:
    """What lies there, and what is said of it."""

    more: tuple[str, ...]
    certificates: tuple[str, ...]
    rules: str | None
    is_good: bool
    says: str


CASES = {
    "one alone": Case((), (), None, is_good=True, says="controller alone may hear the broker"),
    "several, by rules of others": Case(
        ("controller-2",), ("controller-2",), None,
        is_good=True, says="controller, controller-2 may hear the broker",
    ),
    "several, by our rules": Case(
        ("controller-2",), ("controller-2",), "user controller\nuser controller-2\n",
        is_good=True, says="each as one process",
    ),
    "a certificate is missing": Case(
        ("controller-2",), (), None,
        is_good=False, says="controller-2.pem is missing",
    ),
    "the rules do not let it in": Case(
        ("controller-2",), ("controller-2",), "user controller\n",
        is_good=False, says="do not let controller-2 in",
    ),
}  # fmt: skip


def made(case: Case, folder: Path) -> Config:
    config = make_config(folder)
    for name in case.certificates:
        for ending in (".pem", "-key.pem"):
            (folder / f"{name}{ending}").touch()
    rules = folder / "access" if case.rules is not None else None
    if rules is not None:
        rules.write_text(case.rules or "")
    broker = Broker(access_file=rules, more_controllers=case.more)
    mqtt = config.mqtt.model_copy(update={"cert_file": folder / "controller.pem"})
    return config.model_copy(update={"broker": broker, "mqtt": mqtt})


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_who_may_hear_the_broker_is_told(case: Case, tmp_path: Path) -> None:
    found = {each.what: each for each in checking.check_everything(made(case, tmp_path))}
    assert found["intakes"].is_good == case.is_good
    assert case.says in found["intakes"].text


def test_on_postgresql_one_intake_is_told_how_to_become_many(tmp_path: Path) -> None:
    config = make_config(tmp_path, "postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert "more_controllers" in checking._intakes(config)
