"""After an outage: 500 gateways come back at once with 1,000 records each, others scan on.

All are cut off, as by a switch that fails, and dial again at the same moment: the gateway's own
spread of its dialling is left out, so this is the worst case. What they send goes by the gateway's
own outbox: what is not acknowledged in time is sent again, and counted here.
"""

import time

from bench.bench_fleet import SETTLE_S
from bench.fleet_site import check_stored, fleet_site
from bench.report import Report

RETURNING, STAYING = 500, 100
RECORDS = 1_000
FRESH_PER_S = 20
CONNECT_S = 120.0
WAIT_S = 900.0


def run(report: Report) -> None:
    """Measure one return."""
    back, stay = report.scaled(RETURNING, 50), report.scaled(STAYING, 10)
    each = report.scaled(RECORDS, 200)
    with fleet_site(report, back + stay) as here:
        loop = here.loop
        loop.connect(here.fleet, CONNECT_S)
        returning, staying = here.fleet[:back], here.fleet[back:]
        loop.cut(returning)
        for one in returning:
            one.journal.append_scans(each, portal=f"{one.name}-door")
            loop.step(0)  # the others stay connected meanwhile
        for watched in (here.controller, here.broker):
            watched.begin()
        began_s = time.perf_counter()
        connect_s = loop.connect(returning, CONNECT_S)
        fresh = 0
        looked_s = 0.0
        while any(one.unacknowledged for one in returning):
            passed_s = time.perf_counter() - began_s
            if passed_s > WAIT_S:
                left = sum(one.unacknowledged for one in returning)
                raise TimeoutError(f"{left} records are not acknowledged after {passed_s:.0f} s")
            while fresh < (passed_s - connect_s) * FRESH_PER_S:
                one = staying[fresh % len(staying)]
                fresh += 1
                one.scan()
                one.send_waiting(time.perf_counter())
                loop.mind_writing(one)
            if passed_s - looked_s > 0.5:
                looked_s = passed_s
                here.controller.look()
                here.broker.look()
            loop.step(0.002)
        took_s = time.perf_counter() - began_s
        here.told(report, "while they return")
        loop.run_until(lambda: not any(one.unacknowledged for one in here.fleet), SETTLE_S)
        total = back * each
        batches = sum(one.sent for one in returning)
        least = sum(-(-one.journal.head // 256) for one in returning)
        report.value(f"{back} connected again", connect_s, unit="s")
        report.value(f"all {total} records acknowledged", took_s, unit="s")
        report.value("records acknowledged", total / took_s, unit="/s")
        report.value("batches sent again", 100 * (batches - least) / least, unit="%")
        told = [ms for one in staying for ms in one.told_ms]
        report.samples("a fresh scan's way to its acknowledgement meanwhile", told, unit="ms")
        report.value("controller's memory at most", here.controller.peak_rss_mib, unit="MiB")
        report.value("broker's memory at most", here.broker.peak_rss_mib, unit="MiB")
        report.value("connections lost", loop.lost_connections, unit="", at_most=0)
        check_stored(report, here.site, here.fleet)
