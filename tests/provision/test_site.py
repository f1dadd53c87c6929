"""From bare machines to a gate that lets somebody in, and how it holds.

In the order in which they stand here (`make test-provision` keeps it): they are about one site,
which `test_upkeep.py` goes on with and `test_way_out.py` ends.
"""

import json
from pathlib import Path

import pytest

from tests.provision.machines import House
from tests.provision.playbooks import is_unchanged
from tests.provision.site import GATEWAY, PROBES, SEEN_S, Site
from tests.provision.waiting import wait_until

pytestmark = pytest.mark.timeout(1500)

MAY = {
    *("write its state", "write where it runs", "run a program of the system", "internet socket"),
    *("netlink socket", "bound own memory", "device null"),
    "read how far the clock is to be trusted",
}
"""What the gateway needs, of what `probes/reach.py` tries. Everything else is refused."""


def test_services_run_by_their_own_word_and_nothing_failed(site: Site) -> None:
    site.server.said("systemctl is-active doorward-controller mosquitto nftables")
    site.gate.said("systemctl is-active doorward-edge nftables doorward-edge-renew.timer")
    for machine in (site.server, site.gate):
        assert machine.said("systemctl --failed --plain --no-legend") == ""


def test_a_badge_opens_and_the_controller_has_the_record(site: Site) -> None:
    site.hold_up(site.furnish(GATEWAY))
    assert site.is_granted_within(SEEN_S), site.gate.journal("doorward-edge")
    assert wait_until(lambda: len(site.granted()) > 0, timeout_s=SEEN_S)
    assert {each["gateway"] for each in site.granted()} == {GATEWAY}


def test_a_second_run_changes_nothing(site: Site) -> None:
    again = site.installer.play("site")
    assert again.status == 0, again.said[-4000:]
    assert is_unchanged(again), again.changed


def test_a_check_tells_what_would_change_and_changes_nothing(site: Site) -> None:
    unchanged = site.installer.play("gateway", "--check")
    assert is_unchanged(unchanged), unchanged.changed
    told = site.installer.play("gateway", "--check", base_journal_max_use="50M")
    assert told.status == 0, told.said[-4000:]
    assert "base : Bound the journal" in told.changed
    assert "200M" in site.gate.said("cat /etc/systemd/journald.conf.d/10-doorward.conf")


@pytest.mark.parametrize(
    ("playbook", "value", "said"),
    [
        ("gateway", {"gateway_id": "Gate North"}, "gateway_id is Gate North"),
        ("gateway", {"base_journal_max_use": "much"}, "base_journal_max_use is much"),
        ("gateway", {"gateway_scanner": "perhaps"}, "gateway_scanner"),
        ("controller", {"controller_http_port": 80}, "controller_http_port is 80"),
        ("upgrade", {"doorward_version": "newest"}, "doorward_version is newest"),
    ],
)
def test_a_wrong_value_is_named_with_its_host_before_anything_is_done(
    site: Site, playbook: str, value: dict[str, object], said: str
) -> None:
    refused = site.installer.play(playbook, "--check", **value)
    assert refused.status != 0
    assert said in " ".join(refused.said.split()), refused.said[-3000:]
    assert "gate" in refused.hosts or "server" in refused.hosts


def test_only_what_was_named_is_reached_from_outside(site: Site, houses: House) -> None:
    open_ports = site.gate.said("ss -Hltn | wc -l")
    assert int(open_ports) >= 1
    site.gate.said("systemd-run --unit=stray python3 -m http.server 9999")
    assert wait_until(
        lambda: site.gate.run("ss -Hltn 'sport = :9999' | grep -q .").status == 0, timeout_s=20
    )
    reach = "timeout 3 bash -c '</dev/tcp/{}/{}'"
    assert site.gate.run(reach.format("127.0.0.1", 9999)).status == 0
    assert site.server.run(reach.format(site.gate.address, 9999)).status != 0
    assert site.gate.run(reach.format(site.server.address, 8883)).status == 0
    assert site.gate.run(reach.format(site.server.address, 8080)).status != 0
    site.gate.said("systemctl stop stray")


def test_in_the_gateways_place_one_can_do_what_it_needs_and_nothing_else(site: Site) -> None:
    gate = site.gate
    gate.put("/opt/doorward/gateway/reach.py", (PROBES / "reach.py").read_bytes())
    for name, numbers in (("input", "13 64"), ("mem", "1 1"), ("video", "81 0")):
        gate.said(f"mknod -m 0666 /dev/probe-{name} c {numbers}")
    drop_in = "/etc/systemd/system/doorward-edge.service.d/95-probe.conf"
    program = "/usr/bin/python3 /opt/doorward/gateway/reach.py"
    instead = f"Type=oneshot\nRestart=no\nWatchdogSec=0\nExecStart=\nExecStart={program}\n"
    gate.put(drop_in, f"[Service]\n{instead}".encode())
    try:
        gate.said("systemctl daemon-reload && systemctl restart doorward-edge")
        found = _probed(site)
        assert {name for name, outcome in found.items() if outcome == "yes"} == MAY
        assert found["device input"] == "EPERM"
        # A scanner is let in by its drop-in: what refuses now is that there is none.
        scanner = "/etc/systemd/system/doorward-edge.service.d/60-scanner.conf"
        example = "systemd/doorward-edge.service.d/scanner.conf.example"
        gate.put(scanner, (Path(__file__).parents[2] / example).read_bytes())
        gate.said("systemctl daemon-reload && systemctl restart doorward-edge")
        assert _probed(site)["device input"] in {"ENXIO", "ENODEV"}
        gate.said(f"rm {scanner}")
    finally:
        gate.said(f"rm -f {drop_in} && systemctl daemon-reload && systemctl restart doorward-edge")


def _probed(site: Site) -> dict[str, str]:
    lines = site.gate.journal("doorward-edge", 60).splitlines()
    (*_, last) = (line for line in lines if "PROBED " in line)
    return dict(json.loads(last.partition("PROBED ")[2]))


def test_a_gateway_that_is_killed_comes_back_by_itself(site: Site) -> None:
    asked = "systemctl show --property=MainPID --value doorward-edge"
    before = site.gate.said(asked)
    site.gate.said("systemctl kill --kill-whom=main --signal=KILL doorward-edge")
    assert wait_until(
        lambda: (
            site.gate.run("systemctl is-active doorward-edge").status == 0
            and site.gate.said(asked) not in {before, "0\n"}
        ),
        timeout_s=60,
    )


def test_everything_is_there_again_after_the_power_was_off(site: Site, houses: House) -> None:
    site.gate = houses.rebooted(site.gate)
    assert wait_until(
        lambda: site.gate.run("systemctl is-active doorward-edge").status == 0, timeout_s=90
    )
    site.gate.said("nft list table inet doorward")


def test_a_release_that_does_not_hold_is_taken_back(site: Site) -> None:
    releases = "/opt/doorward/gateway/releases"
    site.gate.said(f"cp -a {releases}/0.1.0 {releases}/0.9.9")
    site.gate.put(f"{releases}/0.9.9/bin/doorward-edge", b"#!/bin/sh\nexit 3\n", mode="0755")
    played = site.installer.play("rollback", "--limit=gate", doorward_version="0.9.9")
    assert played.status != 0
    assert "0.1.0 runs again" in " ".join(played.said.split()), played.said[-4000:]
    assert site.gate.said("readlink /opt/doorward/gateway/current").strip() == "releases/0.1.0"
    site.gate.said("systemctl is-active doorward-edge")
    site.gate.said(f"rm -r {releases}/0.9.9")
