"""A fleet of 1,000 gateways: connecting, at rest, and at a steady load up to a signed-in page.

Each gateway has a certificate, a record key and a connection of its own to a real Mosquitto with
the product's rules; health reports and sealed, signed, chained batches are the kit's own. The load
is one health report a minute from each gateway and 50 scans a second spread over all of them.
"""

import time
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from bench.fleet import FleetLoop
from bench.fleet_site import check_stored, fleet_site
from bench.live_page import LivePage, reader_of
from bench.report import Report
from bench.site import Site
from doorward_controller.store.schema import gateways, records

GATEWAYS = 1_000
SCANS_PER_S = 50
HEALTH_EVERY_S = 60
CONNECT_S = 120.0
SETTLE_S = 60.0


def run(report: Report) -> None:
    """Measure one fleet."""
    size = report.scaled(GATEWAYS, 100)
    rest_s, load_s = report.scaled(20, 3), report.scaled(120, 6)
    with fleet_site(report, size) as here:
        loop = here.loop
        took_s = loop.connect(here.fleet, CONNECT_S)
        report.value(f"all {size} connected, subscribed, said to be there", took_s, unit="s")
        loop.run_for(report.scaled(5, 1))
        for watched in (here.controller, here.broker):
            watched.begin()
        loop.run_for(rest_s)
        here.told(report, "at rest")
        with LivePage(reader_of(here.site)) as page:
            for watched in (here.controller, here.broker):
                watched.begin()
            sent_s = at_load(loop, load_s)
            here.told(report, "at load")
            loop.run_until(lambda: not any(one.unacknowledged for one in here.fleet), SETTLE_S)
            loop.run_for(1.0)
        told = [ms for one in here.fleet for ms in one.told_ms]
        report.samples("scan to verified acknowledgement", told, unit="ms")
        seen = _seen_ms(here.site, page.seen_s, sent_s)
        report.samples("scan to the live feed of a page", seen, unit="ms", p99_at_most=1_000)
        share = 100 * len(seen) / len(sent_s)
        report.value("scans that the page showed one by one", share, unit="%")
        report.value("connections lost", loop.lost_connections, unit="", at_most=0)
        check_stored(report, here.site, here.fleet)
    report.note(
        f"Load: {60 * size // HEALTH_EVERY_S} health reports a minute and {SCANS_PER_S} scans a"
        f" second for {load_s} s. The page gathers what happens in 250 ms before it is told."
    )


def at_load(loop: FleetLoop, seconds: float) -> Mapping[tuple[str, int], float]:
    """Send scans and health reports at a steady rate; return when each record was sent."""
    fleet = loop.gateways
    sent_s: dict[tuple[str, int], float] = {}
    began_s = time.perf_counter()
    scans = reports = 0
    health_per_s = len(fleet) / HEALTH_EVERY_S
    while (passed_s := time.perf_counter() - began_s) < seconds:
        while scans < passed_s * SCANS_PER_S:
            one = fleet[(scans * 7) % len(fleet)]
            scans += 1
            now_s = time.perf_counter()
            sent_s[one.name, one.scan()] = now_s
            one.send_waiting(now_s)
            loop.mind_writing(one)
        while reports < passed_s * health_per_s:
            one = fleet[reports % len(fleet)]
            reports += 1
            one.report_health()
            loop.mind_writing(one)
        loop.step(0.002)
    return sent_s


def _seen_ms(
    site: Site, seen_s: Mapping[int, float], sent_s: Mapping[tuple[str, int], float]
) -> Sequence[float]:
    with site.backend.store.read() as connection:
        rows = connection.execute(
            sa.select(records.c.id, gateways.c.name, records.c.seq).join(
                gateways, gateways.c.id == records.c.gateway_id
            )
        ).all()
    places = {row.id: (row.name, row.seq) for row in rows}
    return [
        1000 * (at_s - sent_s[places[number]])
        for number, at_s in seen_s.items()
        if places.get(number) in sent_s
    ]
