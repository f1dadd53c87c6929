"""A site as the playbooks make it: one server and gates, all of them booted Debian machines."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doorward.software import Part
from tests.provision.machines import House, Machine
from tests.provision.pictures import HEIGHT_PX, WIDTH_PX, pictures
from tests.provision.playbooks import Installer, Played
from tests.provision.releases import built
from tests.provision.waiting import wait_until

SITE, ZONE, VERSION = "plant", "hall", "0.1.0"
GATEWAY = "gate-north"
FRAMES = "/var/lib/doorward-frames"
SEEN_S = 90.0
PROBES = Path(__file__).with_name("probes")
CONTROLLER = (
    "runuser -u doorward-controller -- /opt/doorward/controller/current/bin/doorward-controller"
    " --config /etc/doorward/controller.toml"
)
SETTINGS = f"""\
[[camera]]
name = "front"
kind = "folder"
path = "{FRAMES}"
width_px = {WIDTH_PX}
height_px = {HEIGHT_PX}
fps = 5

[clock]
source = "assume"

[[portal]]
id = "{{{{ gateway_id }}}}"
held_s = 0.5
cameras = ["front"]
lock = {{ kind = "fail_secure", terminal = 17 }}
lamps = {{ green = 22, red = 23 }}
"""
"""A camera that is replayed; the pins are recorded, because the machine has none."""


@dataclass(kw_only=True)
class Site:
    """The machines and whoever installs them."""

    installer: Installer
    server: Machine
    gate: Machine
    played: Played
    tokens: dict[str, str] = field(default_factory=dict)

    def controller(self, *words: str, role: str = "auditor") -> Any:
        """Returns what the controller answers to somebody, as JSON."""
        asked = f"DOORWARD_TOKEN={self.tokens[role]} {CONTROLLER} {' '.join(words)} --json"
        return json.loads(self.server.said(asked))

    def furnish(self, *gateways: str) -> str:
        """Gives the site rules and accounts; returns a badge that opens."""
        program = "/opt/doorward/controller/furnish.py"
        self.server.put(program, (PROBES / "furnish.py").read_bytes())
        python = "/opt/doorward/controller/current/bin/python"
        asked = f"runuser -u doorward-controller -- {python} {program} {ZONE} {' '.join(gateways)}"
        given = json.loads(self.server.said(asked).strip().splitlines()[-1])
        self.tokens = given["tokens"]
        return str(given["badge"])

    def hold_up(self, code: str) -> None:
        """Has the gate's camera see a badge again and again."""
        for name, content in pictures(code).items():
            self.gate.put(f"{FRAMES}/{name}", content)
        self.gate.said("systemctl restart doorward-edge")

    def granted(self) -> list[Any]:
        """The grants that the controller holds."""
        return list(self.controller("records", "search", "--outcome", "grant")["records"])

    def is_granted_within(self, timeout_s: float = SEEN_S) -> bool:
        """Waits until the gateway lets somebody in."""
        return wait_until(
            lambda: "scan.granted" in self.gate.journal("doorward-edge", 400), timeout_s=timeout_s
        )


def platform_of(machine: Machine) -> str:
    """Returns for which interpreter and processor its releases are made."""
    asked = 'python3 -c "import sys,platform; print(sys.version_info[1], platform.machine())"'
    minor, processor = machine.said(asked).split()
    return f"cp3{minor}-{processor}"


def installed_site(house: House, folder: Path) -> Site:
    """Boots two bare machines and has the playbooks make a site of them."""
    server, gate = house.booted("server"), house.booted("gate")
    for name, content in pictures("").items():
        gate.put(f"{FRAMES}/{name}", content)
    platform = platform_of(server)
    installer = Installer(house, folder)
    releases = {str(built(part, VERSION, platform)) for part in Part}
    installer.set(doorward_site=SITE, doorward_version=VERSION, doorward_releases=releases.pop())
    installer.know(
        "controllers",
        server,
        broker_names=[server.address, "server"],
        controller_enrolment_url=f"https://{server.address}:8843",
    )
    installer.know(
        "gateways",
        gate,
        gateway_id=GATEWAY,
        gateway_portals=[f"{GATEWAY}:{ZONE}"],
        gateway_simulated=True,
        gateway_packages=["libzbar0", "libseccomp2"],
        gateway_settings=SETTINGS,
    )
    played = installer.play("site")
    return Site(installer=installer, server=server, gate=gate, played=played)
