"""What one takes from a site's machines, and how a gateway leaves: the last about the site."""

from pathlib import Path

import pytest

from tests.provision.playbooks import is_unchanged
from tests.provision.site import GATEWAY, Site

pytestmark = pytest.mark.timeout(600)


def test_diagnostics_hold_no_key(site: Site, tmp_path: Path) -> None:
    played = site.installer.play("collect-diagnostics", diagnostics_into=str(tmp_path))
    assert played.status == 0, played.said[-3000:]
    assert {path.name for path in tmp_path.iterdir()} == {"server.tar.gz", "gate.tar.gz"}
    assert is_unchanged(played), played.changed


def test_a_decommissioned_gateway_is_revoked_and_holds_nothing(site: Site) -> None:
    refused = site.installer.play("decommission", "--limit=gate")
    assert refused.status != 0
    assert "say why" in refused.said
    played = site.installer.play("decommission", "--limit=gate", decommission_reason="moved")
    assert played.status == 0, played.said[-4000:]
    assert (
        site.gate.run("ls /var/lib/doorward/identity /etc/doorward /opt/doorward/gateway").out == ""
    )
    assert site.gate.run("systemctl is-active doorward-edge").status != 0
    (state,) = (
        each["condition"]
        for each in site.controller("gateway", "list")["gateways"]
        if each["gateway"] == GATEWAY
    )
    assert state == "revoked"
