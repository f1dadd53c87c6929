"""`doorward-edge check` names every thing that is missing, with what mends it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from doorward_edge.__main__ import app
from doorward_edge.diagnosis import examine
from doorward_edge.findings import Finding
from tests.fakes.site_simulator import SITE, SiteSimulator

NOWHERE = 9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An enrolled gateway's files; the broker's certificates are none."""
    (tmp_path / "data").mkdir()
    (tmp_path / "keyring.dwe").write_bytes(SiteSimulator().keyrings[0])
    (tmp_path / "seal.pub").write_bytes(bytes(32))
    for name in ("record.key", "broker.key"):
        (tmp_path / name).write_bytes(b"k" * 32)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "edge.toml").write_text(
        f"""\
[gateway]
site = "{SITE}"
id = "gate-1"
data_dir = "data"
[broker]
host = "127.0.0.1"
port = {NOWHERE}
ca_file = "ca.pem"
cert_file = "broker.pem"
key_file = "broker.key"
[trust]
keyring_file = "keyring.dwe"
seal_key_file = "seal.pub"
record_key_file = "record.key"
[[camera]]
name = "front"
kind = "scene"
[clock]
source = "assume"
[journal]
capacity_mib = 64
[[portal]]
id = "gate-1"
cameras = ["front"]
"""
    )
    return tmp_path


def found(folder: Path) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(folder / "edge.toml")}


def test_what_is_there_is_well_and_needs_no_mending(folder: Path) -> None:
    findings = found(folder)
    well = ("configuration", "keyring", "own key", "seal key", "broker key", "data folder", "clock")
    for name in (*well, "camera front", "pins"):
        assert findings[name].is_well, findings[name]
        assert findings[name].mend == ""


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def short(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(b"short")

    return change


def readable(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).chmod(0o644)


def with_camera(lines: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = folder / "edge.toml"
        config.write_text(config.read_text().replace('kind = "scene"', lines))

    return change


def with_site(site: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = folder / "edge.toml"
        config.write_text(config.read_text().replace(f'site = "{SITE}"', f'site = "{site}"'))

    return change


def test_a_desk_to_which_nothing_is_wired_needs_no_pins(folder: Path) -> None:
    with_camera('kind = "v4l2"')(folder)
    assert found(folder)["pins"] == Finding(
        name="pins", is_well=True, said="nothing is wired to any"
    )
    config = folder / "edge.toml"
    config.write_text(config.read_text() + 'lamps = { green = "green" }\n')
    assert found(folder)["pins"].said != "nothing is wired to any"


def test_whoever_names_no_configuration_is_told_how_to(tmp_path: Path) -> None:
    missing = tmp_path / "edge.toml"
    result = CliRunner().invoke(app, ["run", "--config", str(missing)])
    assert result.exit_code == 2
    assert result.stderr.endswith("; name another one with --config FILE\n")


TROUBLES: dict[str, tuple[Callable[[Path], None], str, str, str]] = {
    "no configuration": (without("edge.toml"), "configuration", "cannot be read", "--config"),
    "no keyring": (without("keyring.dwe"), "keyring", "No such file", "enrol this gateway"),
    "damaged keyring": (short("keyring.dwe"), "keyring", "keyring.dwe: ", "enrol this gateway"),
    "other site": (with_site("elsewhere"), "keyring", "of site hq", "correct gateway.site"),
    "no own key": (without("record.key"), "own key", "No such file", "enrol this gateway"),
    "short own key": (short("record.key"), "own key", "holds 5 bytes, must be 32", "enrol"),
    "open own key": (readable("record.key"), "own key", "can be read by others", "chmod 600"),
    "no seal key": (without("seal.pub"), "seal key", "No such file", "enrol this gateway"),
    "open broker key": (readable("broker.key"), "broker key", "by others", "chmod 600"),
    "no data folder": (lambda f: (f / "data").rmdir(), "data folder", "is missing", "mkdir -p"),
    "no authority": (lambda _: None, "broker", "broker.ca_file", "enrol this gateway"),
    "no camera": (
        with_camera('kind = "v4l2"\ndevice = "/dev/video99"'),
        "camera front",
        "/dev/video99 is missing",
        "connect the camera",
    ),
    "no pictures": (
        with_camera('kind = "folder"\npath = "/nowhere"'),
        "camera front",
        "/nowhere is missing",
        "correct [[camera]]",
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_is_named_with_what_mends_it(folder: Path, trouble: str) -> None:
    spoil, name, said, mend = TROUBLES[trouble]
    spoil(folder)
    finding = found(folder)[name]
    assert not finding.is_well
    assert said in finding.said
    assert mend in finding.mend


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_folder_that_takes_no_writes_is_named(folder: Path) -> None:
    (folder / "data").chmod(0o500)
    finding = found(folder)["data folder"]
    assert (finding.is_well, "Permission denied" in finding.said) == (False, True)


def test_a_card_without_room_is_named(folder: Path) -> None:
    config = folder / "edge.toml"
    config.write_text(config.read_text().replace("capacity_mib = 64", "capacity_mib = 65536"))
    finding = found(folder)["data folder"]
    if finding.is_well:
        pytest.skip("this machine has more than 64 GiB free")
    assert "journal.capacity_mib" in finding.mend


def test_the_command_ends_with_1_when_something_is_missing(folder: Path) -> None:
    done = CliRunner().invoke(app, ["check", "--config", str(folder / "edge.toml")])
    assert done.exit_code == 1
    assert "✗" in done.stdout
    assert "→ enrol this gateway" in done.stdout


def test_a_section_s_name_in_brackets_is_shown_as_it_is(folder: Path) -> None:
    with_camera('kind = "v4l2"\ndevice = "/dev/video99"')(folder)
    done = CliRunner().invoke(app, ["check", "--config", str(folder / "edge.toml")])
    assert "connect the camera, or correct [[camera]]" in " ".join(done.stdout.split())


def test_the_board_is_shown_with_the_keys_that_claim_its_terminals(folder: Path) -> None:
    config = folder / "edge.toml"
    config.write_text(config.read_text() + 'lock = { kind = "fail_safe", terminal = "lock-1" }\n')
    findings = found(folder)
    lock = findings["terminal lock-1 (GPIO17)"]
    assert lock.said.startswith("pin, portal.lock.terminal: fail_safe lock of gate-1, released by")
    assert findings["terminal lock-2 (GPIO27)"].said == "pin, free"


def test_a_lock_that_would_be_open_at_the_start_is_named_with_its_line(folder: Path) -> None:
    config = folder / "edge.toml"
    wiring = 'lock = { kind = "fail_secure", terminal = 5 }\n'
    config.write_text(config.read_text() + wiring)
    finding = found(folder)["configuration"]
    line = config.read_text().splitlines().index(wiring.strip()) + 1
    assert not finding.is_well
    assert f"edge.toml, line {line}: portal.lock.terminal cannot be" in finding.said
    assert finding.mend == f"edit {config}"


def test_json_is_one_finding_a_line_with_the_same_status(folder: Path) -> None:
    done = CliRunner().invoke(app, ["check", "--json", "--config", str(folder / "edge.toml")])
    assert done.exit_code == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {frozenset(line) for line in lines} == {frozenset({"name", "is_well", "said", "mend"})}
    broker = next(line for line in lines if line["name"] == "broker")
    assert (broker["is_well"], broker["mend"]) == (False, "enrol this gateway")
    assert all(line["mend"] for line in lines if not line["is_well"])
