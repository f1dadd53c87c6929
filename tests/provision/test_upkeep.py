"""A site over the years: other releases, gates that are away, new keys, updates by themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from doorward.software import Part
from tests.provision.machines import Machine
from tests.provision.releases import built
from tests.provision.site import CONTROLLER, GATEWAY, SEEN_S, VERSION, Site, platform_of
from tests.provision.waiting import wait_until

pytestmark = [pytest.mark.full, pytest.mark.timeout(1500)]
NEXT = "0.2.0"
RELEASES = "/opt/doorward/gateway/releases"
STICK = "/srv/releases"
DATA = "/var/lib/doorward-controller"
SIGNING = f"{DATA}/signing"
PASS_PHRASE = "only-for-these-tests"
TRIED_S = 600.0
"""A download, an installation by pip, and a trial of a minute."""


@pytest.fixture(scope="module")
def next_release(site: Site) -> Path:
    """The folder with another release of both parts."""
    platform = platform_of(site.server)
    (folder,) = {built(part, NEXT, platform) for part in Part}
    return folder


@pytest.fixture
def lost_ones(site: Site) -> Iterator[tuple[str, str]]:
    """Two more gateways of the inventory, which nobody can reach."""
    names = ("lost", "last")
    for number, name in enumerate(names):
        machine = Machine(name=name, address=f"10.77.0.{250 + number}", house=site.gate.house)
        site.installer.know("gateways", machine, gateway_id=name, gateway_portals=[f"{name}:hall"])
    yield names
    for name in names:
        site.installer.forget("gateways", name)


def _runs(site: Site) -> str:
    return site.gate.said("readlink /opt/doorward/gateway/current").strip()


def _grants_go_on(site: Site) -> bool:
    newest, *_ = site.granted()
    return wait_until(lambda: newest not in site.granted()[:5], timeout_s=SEEN_S)


def test_another_release_is_brought_and_proved(site: Site, next_release: Path) -> None:
    upgraded = site.installer.play(
        "upgrade", doorward_version=NEXT, doorward_releases=str(next_release)
    )
    assert upgraded.status == 0, upgraded.said[-4000:]
    for part, machine in (("gateway", site.gate), ("controller", site.server)):
        for link in ("current", "confirmed") if part == "gateway" else ("current",):
            said = machine.said(f"readlink /opt/doorward/{part}/{link}").strip()
            assert said == f"releases/{NEXT}"
    assert _grants_go_on(site)


def test_a_gate_that_cannot_be_reached_ends_a_roll_out_at_its_group(
    site: Site, lost_ones: tuple[str, str]
) -> None:
    lost, last = lost_ones
    back = site.installer.play("rollback", doorward_version=VERSION, upgrade_serial=[1, 1, 1])
    assert back.status != 0
    assert back.hosts[lost].unreachable == 1
    assert last not in back.hosts
    assert (back.hosts["gate"].failures, _runs(site)) == (0, f"releases/{VERSION}")
    assert _grants_go_on(site)
    together = site.installer.play("rollback", doorward_version=VERSION, upgrade_serial=[2, 1])
    assert together.status != 0
    assert f"{lost}, of the same group, was not reached" in " ".join(together.said.split())
    assert last not in together.hosts


def test_the_controller_is_taken_back_when_that_is_asked_for(site: Site) -> None:
    current = "readlink /opt/doorward/controller/current"
    assert site.server.said(current).strip() == f"releases/{NEXT}"
    back = site.installer.play("rollback", doorward_version=VERSION, rollback_controllers=True)
    assert back.status == 0, back.said[-4000:]
    assert back.hosts["gate"].changed == 0
    assert site.server.said(current).strip() == f"releases/{VERSION}"
    assert _grants_go_on(site)


def test_keys_and_certificates_are_changed_and_the_gate_goes_on(site: Site) -> None:
    refused = site.installer.play("rotate-keys", rotate_uses=["issue", "front door"])
    assert refused.status != 0
    assert "rotate_uses is ['issue', 'front door']" in " ".join(refused.said.split())
    before = {each["key_id"] for each in site.controller("keys", "list")["keys"]}
    certificate = "openssl x509 -noout -serial -in /var/lib/doorward/identity/current/tls.pem"
    serial = site.gate.said(certificate)
    asked = {"rotate_uses": ["issue", "policy"], "rotate_certificates": True}
    nobody = site.installer.play("rotate-keys", **asked)
    assert "DOORWARD_TOKEN is empty" in " ".join(nobody.said.split()), nobody.said[-3000:]
    auditor = site.installer.play("rotate-keys", **asked, rotate_token=site.tokens["auditor"])
    assert "no new key for issue" in " ".join(auditor.said.split()), auditor.said[-3000:]
    changed = site.installer.play("rotate-keys", **asked, rotate_token=site.tokens["security"])
    assert changed.status == 0, changed.said[-4000:]
    made = {e["key_id"]: e["use"] for e in site.controller("keys", "list")["keys"]}
    assert sorted(use for key, use in made.items() if key not in before) == ["issue", "policy"]
    assert site.gate.said(certificate) != serial
    said = site.server.run(f"journalctl --no-pager | grep -F {site.tokens['security']}")
    assert said.status != 0
    site.gate.said("systemctl restart doorward-edge")
    assert _grants_go_on(site)


def test_the_renewal_knows_the_time_and_finds_nothing_due(site: Site) -> None:
    site.gate.said("systemctl start doorward-edge-renew.service")
    assert "not due" in site.gate.journal("doorward-edge-renew")


def test_a_gateway_takes_a_signed_release_by_itself_when_the_console_orders_it(
    site: Site, next_release: Path, tmp_path: Path
) -> None:
    _publish(site, next_release, tmp_path)
    site.gate.said(f"rm -rf {RELEASES}/{NEXT}")
    played = site.installer.play(
        "gateway",
        gateway_update_repository=f"file://{STICK}",
        gateway_tuf_root=str(tmp_path / "root.json"),
        # A badge is held up all the time here, and the machine's clock is nobody's.
        gateway_update_settings='quiet_s = 0\nclock = "assume"',
    )
    assert played.status == 0, played.said[-4000:]
    site.gate.said("systemctl start doorward-edge-update.service")
    ordered = f"roll-out start Another --release {NEXT} --gateway {GATEWAY}"
    site.server.said(f"{CONTROLLER} {ordered}")
    assert wait_until(lambda: _runs(site) == f"releases/{NEXT}", timeout_s=TRIED_S), _told(site)
    confirmed = "readlink /opt/doorward/gateway/confirmed"
    assert wait_until(
        lambda: site.gate.said(confirmed).strip() == f"releases/{NEXT}", timeout_s=TRIED_S
    ), _told(site)
    assert _grants_go_on(site)


def _publish(site: Site, releases: Path, folder: Path) -> None:
    """Has four people sign the release at the controller, and puts it where a stick would be."""
    file = f"doorward-gateway-{NEXT}-{platform_of(site.gate)}.tar"
    site.server.put(f"{SIGNING}/{file}", (releases / file).read_bytes())
    site.server.said(f"chown -R doorward-controller {SIGNING}")
    staged = f"{DATA}/releases/staged"
    roots, targets = (("root-a", "root-b"), ("targets-a", "targets-b"))
    public = [f"--{each.partition('-')[0]} {SIGNING}/{each}.pub" for each in roots + targets]
    first = [f"sign {staged}/root.json --key {SIGNING}/{each}" for each in roots]
    signed = [f"sign {staged}/targets.json --key {SIGNING}/{each}" for each in targets]
    made = f"init-keys {' '.join(f'{SIGNING}/{each}' for each in roots + targets)}"
    begun = [made, f"init {' '.join(public)}", *first, *signed, "publish"]
    added = [f"add {SIGNING}/{file}", *signed, "publish", "verify", f"export {DATA}/stick"]
    for words in begun + added:
        site.server.said(f"DOORWARD_RELEASE_PASS_PHRASE={PASS_PHRASE} {CONTROLLER} release {words}")
    site.server.get_tree(f"{DATA}/stick", folder / "stick")
    site.gate.put_tree(folder / "stick", STICK)
    (folder / "root.json").write_bytes((folder / "stick/metadata/1.root.json").read_bytes())


def _told(site: Site) -> str:
    return site.gate.journal("doorward-edge-update", 60) + site.gate.journal("doorward-edge", 20)
