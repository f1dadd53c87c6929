"""A site with a whole fleet enrolled, its controller and broker as processes, what they cost."""

import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]
import sqlalchemy as sa

from bench.fleet import FleetGateway, FleetLoop
from bench.report import Report
from bench.site import Site, controller_of, open_site
from doorward.keys import pin_keyring
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.services import policy_release, provisioning
from doorward_controller.store.schema import gateways, records

SECURITY = Actor(name="sam", role=Role.SECURITY)
SOCKETS_EACH = 3
"""paho keeps a pair of sockets beside each connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a process took in a time.

    Attributes:
        cpu_share: processor time over elapsed time; 1 is one processor.
        rss_mib: its resident memory at the end.
    """

    cpu_share: float
    rss_mib: float


class Watched:
    """One process, looked at from outside."""

    def __init__(self, pid: int) -> None:
        """Begins a stretch."""
        self._process = psutil.Process(pid)
        self.peak_rss_mib = 0.0
        self.begin()

    def begin(self) -> None:
        """Begins a new stretch."""
        self._at_s, self._cpu_s = time.perf_counter(), self._used_s()

    def look(self) -> None:
        """Takes note of the memory now."""
        self.peak_rss_mib = max(self.peak_rss_mib, self._rss_mib())

    def spent(self) -> Spent:
        """Returns what the stretch took so far."""
        self.look()
        took_s = time.perf_counter() - self._at_s
        return Spent(cpu_share=(self._used_s() - self._cpu_s) / took_s, rss_mib=self._rss_mib())

    def _used_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _rss_mib(self) -> float:
        return float(self._process.memory_info().rss) / 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSite:
    """What a measurement with a whole fleet works with."""

    site: Site
    loop: FleetLoop
    controller: Watched
    broker: Watched

    @property
    def fleet(self) -> Sequence[FleetGateway]:
        """All gateways."""
        return self.loop.gateways

    def told(self, report: Report, when: str) -> None:
        """Enters what both processes took since they were begun."""
        for name, watched in (("controller", self.controller), ("broker", self.broker)):
            spent = watched.spent()
            report.value(f"{name} {when}: processor", 100 * spent.cpu_share, unit="%")
            report.value(f"{name} {when}: memory", spent.rss_mib, unit="MiB")


@contextmanager
def fleet_site(report: Report, size: int) -> Iterator[FleetSite]:
    """Enrol `size` gateways, start broker and controller, and yield before anybody connects."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    report.note(
        f"{size} connections; this process may have {soft} files open (ulimit -n) and needs about"
        f" {SOCKETS_EACH * size}, the broker {size + 50}. All of it runs on this one machine."
    )
    with open_site() as site:
        fleet = enrolled(site, size)
        policy_release.release(site.backend, SECURITY)
        loop = FleetLoop(site, fleet)
        with controller_of(site) as process:
            broker_pid = site.broker.pid
            assert broker_pid is not None
            yield FleetSite(
                site=site,
                loop=loop,
                controller=Watched(process.pid),
                broker=Watched(broker_pid),
            )
            loop.close()


def enrolled(site: Site, size: int) -> list[FleetGateway]:
    """Enrol gateways, each with a certificate and a record key of its own."""
    keyring = pin_keyring(provisioning.provision(site.backend).keyring)
    return [
        FleetGateway(identity=site.identity(name), journal=site.enrol(name), keyring=keyring)
        for name in (f"gate-{number:04d}" for number in range(1, size + 1))
    ]


def check_stored(report: Report, site: Site, fleet: Sequence[FleetGateway]) -> None:
    """Compares the store with the journals: each record once. Enters what is lost or double."""
    with site.backend.store.read() as connection:
        rows = connection.execute(
            sa.select(
                gateways.c.name,
                sa.func.count().label("rows"),
                sa.func.count(sa.distinct(records.c.seq)).label("numbers"),
                sa.func.max(records.c.seq).label("last"),
            )
            .join(gateways, gateways.c.id == records.c.gateway_id)
            .group_by(gateways.c.name)
        ).all()
    stored = {row.name: row for row in rows}
    lost = double = 0
    for one in fleet:
        row = stored.get(one.name)
        lost += one.journal.head - (row.numbers if row else 0)
        double += row.rows - row.numbers if row else 0
    total = sum(one.journal.head for one in fleet)
    report.value("records sent", total, unit="")
    report.value("records lost", lost, unit="", at_most=0)
    report.value("records stored twice", double, unit="", at_most=0)
