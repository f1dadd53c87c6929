"""The units as files: what they expose never rises, and each line has its reason."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

UNITS = ROOT / "systemd"
KEPT = tomllib.loads(Path(__file__).with_name("exposure.toml").read_text("utf-8"))
DROP_INS = sorted(path for path in UNITS.glob("*.service.d/*") if path.is_file())
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))


def _template_of(unit: str) -> str:
    return re.sub(r"@[^.]+\.", "@.", unit)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the units in it."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(UNITS, root / "etc/systemd/system")
    for example in root.rglob("*.example"):
        example.unlink()
    return root


def _exposure(root: Path, unit: str) -> float:
    argv = ["systemd-analyze", "security", "--no-pager", "--offline=true", f"--root={root}", unit]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    return float(found[1])


@pytest.mark.parametrize("unit", sorted(KEPT))
def test_what_a_unit_exposes_never_rises(installed: Path, unit: str) -> None:
    kept = KEPT[unit]
    assert kept["measured"] <= kept["limit"]
    assert _exposure(installed, unit) <= kept["measured"]


def test_every_service_is_measured() -> None:
    assert {_template_of(unit) for unit in KEPT} == set(SERVICES)


def test_the_measure_would_see_a_directive_that_went_missing(installed: Path) -> None:
    file = installed / "etc/systemd/system/doorward-edge.service.d/50-hardening.conf"
    text = file.read_text("utf-8")
    file.write_text(text.replace("ProtectSystem=strict\n", ""), "utf-8")
    try:
        unit = "doorward-edge.service"
        assert _exposure(installed, unit) > KEPT[unit]["measured"]
    finally:
        file.write_text(text, "utf-8")


@pytest.mark.parametrize("path", DROP_INS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_group_of_directives_has_its_reason(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if line and not line.startswith(("#", "[")):
            assert before.startswith("#") or "=" in before, f"{path.name}: {line} has no reason"


CLOCK_READERS = ("doorward-edge", "doorward-edge-update", "doorward-edge-renew")


@pytest.mark.parametrize("service", CLOCK_READERS)
def test_a_service_that_goes_by_the_time_may_ask_how_far_it_is_to_be_trusted(service: str) -> None:
    text = (UNITS / f"{service}.service.d/50-hardening.conf").read_text("utf-8")
    assert "ProtectClock=yes" not in text
    *_, after = text.partition("~@privileged" if "~@privileged" in text else "~@obsolete")
    # The C library of Debian 12 asks by the first.
    assert "SystemCallFilter=clock_adjtime adjtimex\n" in after


def test_processes_of_one_controller_are_held_alike() -> None:
    one = (UNITS / "doorward-controller.service.d/50-hardening.conf").read_text("utf-8")
    for role in ("web", "ingest"):
        many = UNITS / f"doorward-controller-{role}@.service.d/50-hardening.conf"
        assert many.read_text("utf-8") == one


@pytest.mark.parametrize("unit", sorted(set(SERVICES) - {"doorward-broker-files.service"}))
def test_programs_and_settings_lie_where_the_updater_and_the_playbooks_put_them(unit: str) -> None:
    text = (UNITS / unit).read_text("utf-8")
    started = re.findall(r"^Exec\w+=[-+!@]*(\S+)", text, flags=re.MULTILINE)
    assert started
    part = "gateway" if "edge" in unit else "controller"
    program = "doorward-edge" if part == "gateway" else "doorward-controller"
    for path in (each for each in started if not each.startswith("/usr/bin/")):
        assert re.fullmatch(rf"/opt/doorward/{part}/(current|confirmed)/bin/{program}", path)
