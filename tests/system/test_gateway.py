"""A real gateway process and a broker that it must not believe, or that must not believe it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from doorward_controller.broker.waiting import wait_until
from doorward_controller.demo.drill import head, pending
from doorward_controller.demo.gateway_process import GatewayProcess
from doorward_controller.demo.people import PORTALS
from doorward_controller.demo.turnstile import Turnstile
from doorward_controller.demo.world import World
from tests.system.conftest import new_authority
from tests.system.whole_site import READY_S, WholeSite, whole_site


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with whole_site(WholeSite, PORTALS[:1]) as site:
        yield site.world


@pytest.fixture
def turnstile(world: World) -> Turnstile:
    return next(iter(world.turnstiles.values()))


def restarted(gateway: GatewayProcess) -> None:
    """Kills it; it comes back with what stands in its configuration by then."""
    pid = gateway.pid
    gateway.kill()
    assert wait_until(
        lambda: gateway.pid not in {None, pid} and gateway.state() is not None, timeout_s=READY_S
    )


def uplink(gateway: GatewayProcess) -> Any:
    return (gateway.state() or {}).get("uplink")


def log_of(gateway: GatewayProcess) -> str:
    return (gateway.files.log_dir / f"{gateway.name}.err").read_text()


def with_files(config: str, files: dict[str, Path]) -> str:
    """Returns the configuration with other files under these keys."""
    lines = config.splitlines()
    for key, path in files.items():
        assert sum(line.startswith(f"{key} = ") for line in lines) == 1
        lines = [f'{key} = "{path}"' if line.startswith(f"{key} = ") else line for line in lines]
    return "\n".join(lines) + "\n"


def works_offline_until_mended(turnstile: Turnstile, world: World, files: dict[str, Path]) -> None:
    """With wrong files it decides and keeps its records, and delivers them once they are right."""
    gateway = turnstile.gateway
    config = gateway.files.config_file
    right = config.read_text()
    config.write_text(with_files(right, files))
    try:
        restarted(gateway)
        before = head(gateway)
        shown = turnstile.present(world.setup.codes[0])
        assert shown.is_decided
        assert head(gateway) > before
        assert pending(gateway) > 0
        assert uplink(gateway) != "live"
    finally:
        config.write_text(right)
    restarted(gateway)
    assert wait_until(lambda: pending(gateway) == 0, timeout_s=READY_S)
    assert wait_until(lambda: uplink(gateway) == "live", timeout_s=READY_S)


@pytest.mark.timeout(180)
def test_gateway_does_not_believe_a_broker_of_a_foreign_authority(
    world: World, turnstile: Turnstile, tmp_path: Path
) -> None:
    foreign = new_authority(tmp_path / "foreign")
    works_offline_until_mended(turnstile, world, {"ca_file": foreign.ca_file})
    assert "certificate" in log_of(turnstile.gateway).lower()


@pytest.mark.timeout(180)
def test_gateway_whose_certificate_is_foreign_is_refused_and_loses_nothing(
    world: World, turnstile: Turnstile, tmp_path: Path
) -> None:
    foreign = new_authority(tmp_path / "foreign")
    fake = foreign.issue_gateway(PORTALS[0].name, now=datetime.now(UTC))
    works_offline_until_mended(
        turnstile, world, {"cert_file": fake.certificate_file, "key_file": fake.key_file}
    )
    assert "certificate verify failed" in world.broker.log_file.read_text()
