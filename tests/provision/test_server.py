"""A server with a PostgreSQL of its own and copies at two places, and a board's boot lines."""

import json
from collections.abc import Iterator

import pytest

from doorward.software import Part
from tests.provision.machines import House, Machine
from tests.provision.playbooks import Installer, is_unchanged
from tests.provision.releases import built
from tests.provision.site import CONTROLLER, SITE, VERSION, platform_of

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]
PLACES = ("/srv/copies", "/srv/elsewhere")
SETTINGS = f"""\
[[backup.target]]
name = "near"
repository = "{PLACES[0]}"

[[backup.target]]
name = "far"
repository = "{PLACES[1]}"
is_elsewhere = true
"""
BOOT = "/boot/firmware/config.txt"
LINES = ["camera_auto_detect=0", "dtoverlay=imx708"]


@pytest.fixture(scope="module")
def server(houses: House) -> Iterator[Machine]:
    """A machine that was bare, with folders that the copies may lie in."""
    machine = houses.booted("books")
    machine.put(BOOT, b"arm_64bit=1\n")
    yield machine
    houses.halted(machine)


@pytest.fixture(scope="module")
def installer(
    houses: House, server: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Installer:
    """Somebody who wants it to be a controller on PostgreSQL."""
    made = Installer(houses, tmp_path_factory.mktemp("books"))
    releases = built(Part.CONTROLLER, VERSION, platform_of(server))
    made.set(doorward_site=SITE, doorward_version=VERSION, doorward_releases=str(releases))
    made.know(
        "controllers",
        server,
        broker_names=[server.address],
        controller_database_url="postgresql:///doorward?host=/run/postgresql",
        controller_settings=SETTINGS,
        base_boot_lines=LINES,
        base_watchdog_s=10,
    )
    return made


def test_a_check_of_a_bare_machine_says_that_all_is_to_be_done_and_does_nothing(
    installer: Installer, server: Machine
) -> None:
    told = installer.play("controller", "--check")
    assert told.status == 0, told.said[-4000:]
    assert {f"{role} : Say what a first run would do" for role in ("base", "controller")} <= set(
        told.changed
    )
    assert server.run("ls /etc/doorward /opt/doorward").out == ""
    assert server.said(f"cat {BOOT}") == "arm_64bit=1\n"


def test_the_controller_keeps_its_records_in_postgresql(
    installer: Installer, server: Machine
) -> None:
    played = installer.play("controller")
    assert played.status == 0, played.said[-6000:]
    server.said("systemctl is-active doorward-controller postgresql mosquitto")
    assert server.said("systemctl --failed --plain --no-legend") == ""
    count = "runuser -u postgres -- psql -d doorward -Atc 'SELECT count(*) FROM schema_state'"
    assert int(server.said(count)) > 0
    again = installer.play("controller")
    assert is_unchanged(again), again.changed


def test_copies_are_made_by_the_unit_and_a_restore_is_tried(server: Machine) -> None:
    for place in PLACES:
        server.said(f"install -d -m 0700 -o doorward-controller -g doorward-controller {place}")
    server.said("systemctl is-active doorward-backup.timer")
    server.said("systemctl start doorward-backup.service", timeout_s=300)
    status = json.loads(server.said(f"{CONTROLLER} backup status --json"))
    places = {each["name"]: each for each in status["places"]}
    assert set(places) == {"near", "far"}
    assert all(each["good_at_utc_s"] for each in places.values()), status
    assert any(each["rehearsed_at_utc_s"] for each in places.values()), status


def test_boot_lines_are_written_once_and_the_watchdog_is_set(server: Machine) -> None:
    assert server.said(f"cat {BOOT}").splitlines() == [
        *("arm_64bit=1", "# BEGIN doorward", "[all]", *LINES, "# END doorward"),
    ]
    # A container has no watchdog: what systemd reads is looked at, not what it does.
    told = server.said("systemd-analyze cat-config systemd/system.conf").splitlines()
    assert "RuntimeWatchdogSec=10" in told


def test_a_place_that_cannot_be_written_fails_the_unit_and_not_the_others(server: Machine) -> None:
    server.said(f"chown -R root {PLACES[0]}")
    failed = server.run("systemctl start doorward-backup.service", timeout_s=300)
    assert failed.status != 0
    assert "near" in server.journal("doorward-backup", 80)
    server.said(f"chown -R doorward-controller {PLACES[0]} && systemctl reset-failed")
