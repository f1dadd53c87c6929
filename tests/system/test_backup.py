"""A controller that loses its disk: restored from an older copy, and no scan is missing."""

import json
import subprocess
from pathlib import Path

import pytest

from doorward_controller.broker.waiting import wait_until
from doorward_controller.demo.controller_host import controller_command
from doorward_controller.demo.drill import pending
from doorward_controller.demo.world import World
from doorward_controller.services.key_vault import WRAPPING_KEY_FILE
from tests.system.whole_site import READY_S, WholeSite, counted, whole_site


def controller(world: World, *arguments: str) -> dict[str, object]:
    """Runs a command as an operator does; returns its JSON."""
    command = [*controller_command(), "--config", str(world.config_file), *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    said: dict[str, object] = json.loads(done.stdout)
    return said


def scan_everywhere(world: World, times: int) -> None:
    """Has codes decided on at every gateway, and waits until all are delivered."""
    codes = [code for code in world.setup.codes if code.credential_id is not None]
    for turnstile in world.turnstiles.values():
        for turn in range(times):
            assert turnstile.present(codes[turn % len(codes)]).is_decided
    assert wait_until(lambda: all(pending(g) == 0 for g in world.gateways), timeout_s=READY_S)


@pytest.mark.timeout(300)
def test_a_lost_disk_comes_back_from_a_copy_and_gateways_bring_what_is_newer(
    tmp_path: Path,
) -> None:
    with whole_site(WholeSite) as site:
        world = site.world
        data = world.config.data_dir
        with world.config_file.open("a") as file:
            for name in ("near", "far"):
                file.write(f'\n[[backup.target]]\nname = "{name}"\n')
                file.write(f'repository = "{tmp_path / name}"\n')
        scan_everywhere(world, 2)
        assert controller(world, "backup", "run")["runs"]
        scan_everywhere(world, 3)
        before = counted(world)
        assert (before.lost, before.duplicated) == (0, 0), before.findings

        site.controller.kill()
        key = (data / "keys" / WRAPPING_KEY_FILE).read_bytes()
        for path in (*data.glob("controller.sqlite3*"), *(data / "keys").iterdir()):
            path.unlink()
        (data / "keys" / WRAPPING_KEY_FILE).write_bytes(key)  # from its sheets
        (data / "keys" / WRAPPING_KEY_FILE).chmod(0o600)
        restored = controller(world, "backup", "restore", "--yes")
        assert restored["place"] in {"near", "far"}
        site.controller.start()

        wanted = before.stored
        assert wait_until(lambda: counted(world).stored >= wanted, timeout_s=READY_S)
        after = counted(world)
        assert (after.lost, after.duplicated) == (0, 0), after.findings
        scan_everywhere(world, 1)
        assert counted(world).lost == 0
