"""`doorward-edge check` on boards: files of a Raspberry Pi, laid out in a folder."""

from pathlib import Path

import pytest

from doorward_edge.board_findings import examine_board
from doorward_edge.config import EdgeConfig, parse_config
from doorward_edge.findings import Finding
from tests.fakes.edge_toml import ENROLLED

CONFIG = (
    ENROLLED
    + """\
[board]
profile = "raspberry-pi-4"
[[portal]]
id = "north"
panel_only = true
lock = { kind = "fail_safe", terminal = "lock-1" }
lamps = { green = 8 }
buzzer = "buzzer"
[portal.inputs]
contact = { terminal = "contact", second_terminal = 21 }
[inputs]
fire = { terminal = "fire" }
"""
)


def configured(text: str = CONFIG) -> EdgeConfig:
    return parse_config(text, Path("/etc/doorward/edge.toml"))


def put(root: Path, name: str, content: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def found(root: Path, text: str = CONFIG) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine_board(configured(text), root)}


def test_every_terminal_says_who_claims_it_and_what_its_levels_mean(tmp_path: Path) -> None:
    findings = found(tmp_path)
    assert all(finding.is_well and not finding.mend for finding in findings.values())
    said = {name: finding.said for name, finding in findings.items()}
    assert said["board"] == "raspberry-pi-4: Raspberry Pi 4 Model B, plain wiring"
    assert said["terminal lock-1 (GPIO17)"] == (
        "pin, portal.lock.terminal: fail_safe lock of north, released by high, low at rest"
    )
    assert said["terminal GPIO8"] == "pin, portal.lamps.green: green lamp of north"
    assert said["terminal contact (GPIO5)"] == (
        "pin, portal.inputs.contact.terminal: contact of north, supervised, nc at rest, "
        "a closed circuit reads low"
    )
    assert "supervised" in said["terminal GPIO21"]
    assert said["terminal fire (GPIO26)"].startswith("pin, inputs.fire.terminal: fire of the gate")
    assert said["terminal lock-2 (GPIO27)"] == "pin, free"
    assert len(said) == 1 + 13 + 2


def test_another_computer_than_the_profile_is_for_is_named_with_its_own_profile(
    tmp_path: Path,
) -> None:
    put(tmp_path, "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    board = found(tmp_path)["board"]
    assert not board.is_well
    assert "this is a Raspberry Pi 5 Model B Rev 1.0" in board.said
    assert board.mend == 'set profile = "raspberry-pi-5" in [board]'


def test_a_computer_without_a_profile_is_named_with_those_there_are(tmp_path: Path) -> None:
    put(tmp_path, "proc/device-tree/model", "Orange Pi\0")
    board = found(tmp_path)["board"]
    assert not board.is_well
    assert "waveshare-rpi-relay-board-b" in board.mend


def test_the_right_computer_is_well_and_a_relay_board_fits_on_any(tmp_path: Path) -> None:
    put(tmp_path, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.5\0")
    assert found(tmp_path)["board"].is_well
    relays = CONFIG.replace('profile = "raspberry-pi-4"', 'profile = "raspberry-pi-header"')
    assert found(tmp_path, relays)["board"].is_well


SWITCHED_ON = ["dtparam=spi=on", "dtparam=spi", "  dtparam=audio=on,spi=on"]
NOT_SWITCHED_ON = ["#dtparam=spi=on", "dtparam=spi=off", "dtparam=i2c_arm=on", ""]


@pytest.mark.parametrize("line", SWITCHED_ON)
def test_a_pin_that_the_system_gave_away_is_named_with_what_gives_it_back(
    tmp_path: Path, line: str
) -> None:
    put(tmp_path, "boot/firmware/config.txt", f"[all]\n{line}\n")
    finding = found(tmp_path)["pins of spi"]
    assert not finding.is_well
    assert "GPIO8 (portal.lamps.green)" in finding.said
    assert finding.mend.startswith("sudo raspi-config nonint do_spi 1")


@pytest.mark.parametrize("line", NOT_SWITCHED_ON)
def test_what_is_switched_off_or_not_claimed_is_no_matter(tmp_path: Path, line: str) -> None:
    put(tmp_path, "boot/firmware/config.txt", f"[all]\n{line}\n")
    assert "pins of spi" not in found(tmp_path)


@pytest.mark.parametrize(("value", "is_named"), [("Y\n", True), ("N\n", False)])
def test_a_kernel_that_keeps_a_dead_process_s_outputs_is_named(
    tmp_path: Path, value: str, *, is_named: bool
) -> None:
    put(tmp_path, "sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs", value)
    finding = found(tmp_path).get("outputs of a dead process")
    assert (finding is not None) is is_named
    if finding is not None:
        assert "strict_gpiod" in finding.mend
    without_lock = CONFIG.replace('lock = { kind = "fail_safe", terminal = "lock-1" }\n', "")
    assert "outputs of a dead process" not in found(tmp_path, without_lock)
