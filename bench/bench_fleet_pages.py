"""Pages of a fleet of 1,000 gateways, the look for alerts, and what a health report costs.

Pages are asked for over HTTP by somebody who has signed in; the controller is its own process.
Every gateway has a birth, a health report and two components; a tenth is away, another tenth has
records waiting. The look for alerts and the intake run in this process on the same database.
"""

import time
from collections.abc import Callable, Sequence

import httpx

from bench.fleet import BOOT_ID
from bench.fleet_site import enrolled
from bench.live_page import reader_of
from bench.report import Report
from bench.site import SITE, Site, controller_of, open_site
from doorward import topics
from doorward.ids import GatewayId, PortalId
from doorward.messages import Applied, Birth, Health, JournalSpan, State
from doorward.times import UtcSeconds
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.ingest.ports import Inbound
from doorward_controller.ingest.writer import Writer
from doorward_controller.services import devices as device_acts
from doorward_controller.services import policy_release, wall_screens
from doorward_controller.services.alert_watch import AlertWatch
from doorward_controller.services.devices import Adoption
from doorward_controller.store.devices import NewComponent

GATEWAYS = 1_000
FACILITY = Actor(name="fay", role=Role.FACILITY)
SECURITY = Actor(name="sam", role=Role.SECURITY)
ADMIN = Actor(name="ada", role=Role.ADMIN)
GROUP = 32
"""Messages in one transaction; intake takes up to 64 where as many wait."""
AT_MOST_MS = 1_000


def run(report: Report) -> None:
    """Measure pages, alerts and intake on one fleet."""
    size = report.scaled(GATEWAYS, 100)
    with open_site() as site:
        fleet = Fleet(site, size)
        policy_release.release(site.backend, SECURITY)
        _intake(report, fleet, 3)
        watch = AlertWatch(site.backend)
        report.time("the look for alerts", watch.turn, repeats=10, at_most=AT_MOST_MS)
        report.samples("the look for alerts: processor time", _worked(watch.turn), unit="ms")
        fleet.adopt()
        _pages(report, site, size)
    report.note("Page weight is HTML before compression; scripts and styles are kept by browsers.")


class Fleet:
    """Gateways that have said everything once."""

    def __init__(self, site: Site, size: int) -> None:
        """Enrols them."""
        self.site = site
        self.members = enrolled(site, size)
        self._writer = Writer(site.backend)

    def births(self) -> list[Inbound]:
        """Returns what each says when it connects: a tenth has left again."""
        said = []
        for number, one in enumerate(self.members):
            state = State(online=True, boot_id=BOOT_ID, session=1, at=self._now())
            said.append(self._inbound(one.name, topics.Up.STATE, state.to_wire()))
            birth = Birth(
                boot_id=BOOT_ID,
                session=1,
                software="0.1.0",
                hardware={"board": "pi4b", "serial": f"10000000{number:08x}", "camera": "imx708"},
                capabilities=("dw1", "dw2"),
                applied=Applied(bundle=1, status=1, keyring=1),
                journal=JournalSpan(epoch=one.journal.epoch, head=0, tail=0),
                record_key=one.journal.signer.public.hex(),
                portals=(PortalId(f"{one.name}-door"),),
                at=self._now(),
            )
            said.append(self._inbound(one.name, topics.Up.BIRTH, birth.to_wire()))
            if number % 10 == 0:
                gone = State(online=False, boot_id=BOOT_ID, session=1, at=self._now())
                said.append(self._inbound(one.name, topics.Up.STATE, gone.to_wire()))
        return said

    def healths(self) -> list[Inbound]:
        """Returns one health report of each."""
        return [
            self._inbound(
                one.name,
                topics.Up.HEALTH,
                Health(
                    at=self._now(),
                    boot_id=BOOT_ID,
                    journal={"pending": 12 if number % 10 == 1 else 0, "kept": 4_000},
                    decoder={"restarts": 0},
                    camera="ok",
                    clock="synchronised",
                    vitals={"temperature_mc": 51_000 + number, "disk_free_kib": 22_000_000},
                ).to_wire(),
            )
            for number, one in enumerate(self.members)
        ]

    def take(self, messages: Sequence[Inbound]) -> list[float]:
        """Takes them in; returns the microseconds for each message, by group."""
        took = []
        for first in range(0, len(messages), GROUP):
            group = messages[first : first + GROUP]
            began_s = time.perf_counter()
            self._writer.process(group)
            took.append(1e6 * (time.perf_counter() - began_s) / len(group))
        return took

    def adopt(self) -> None:
        """Puts all of them in twenty zones, with two components each."""
        for number, one in enumerate(self.members):
            places = {f"{one.name}-door": (f"zone-{number % 20:02d}", f"Gate {number}")}
            device_acts.adopt(self.site.backend, FACILITY, one.name, Adoption(portals=places))
            for kind in ("camera", "lock"):
                new = NewComponent(kind=kind, maker="Acme", model="X1", serial=f"{kind}-{number}")
                device_acts.add_component(self.site.backend, FACILITY, one.name, new)

    def _inbound(self, name: GatewayId, kind: topics.Up, wire: bytes) -> Inbound:
        return Inbound(topic=topics.up(SITE, name, kind), wire=wire, confirm=lambda: None)

    def _now(self) -> UtcSeconds:
        return UtcSeconds(self.site.backend.clock.now().utc_s)


def _worked(act: Callable[[], object]) -> list[float]:
    """Return the milliseconds of processor time, which other work on the machine leaves alone."""
    took = []
    for _ in range(10):
        began_ns = time.process_time_ns()
        act()
        took.append((time.process_time_ns() - began_ns) / 1e6)
    return took


def _intake(report: Report, fleet: Fleet, rounds: int) -> None:
    report.samples("a state or birth at intake", fleet.take(fleet.births()), unit="µs")
    took = [us for _ in range(rounds) for us in fleet.take(fleet.healths())]
    report.samples("a health report at intake", took, unit="µs")


def _pages(report: Report, site: Site, size: int) -> None:
    screen = wall_screens.add_screen(site.backend, ADMIN, label="bench", days=1)
    name = f"gate-{size // 2:04d}"
    paths = {
        "overview": "/",
        "overview, its changing part": "/overview/part",
        "gateways": "/gateways",
        "gateways, a search": "/gateways?text=0042",
        "gateways, its changing part": "/gateways/part",
        "one gateway": f"/gateways/{name}",
        "devices": "/devices",
        "alerts": "/alerts",
        "policy and its way": "/policy",
        "postures": "/postures",
        "wall screen": f"/wall/{screen.token}",
        "life of a device": f"/devices/{name}/life",
    }
    with controller_of(site), reader_of(site) as reader:
        for what, path in paths.items():
            _page(report, reader, what, path)


def _page(report: Report, reader: httpx.Client, what: str, path: str) -> None:
    took, size = [], 0
    for _ in range(9):
        began_s = time.perf_counter()
        answer = reader.get(path)
        took.append(1000 * (time.perf_counter() - began_s))
        answer.raise_for_status()
        size = len(answer.content)
    report.samples(f"{what}", took[1:], unit="ms", at_most=AT_MOST_MS)
    report.value(f"{what}: weight", size / 1024, unit="KiB")
