"""Intake of many processes on PostgreSQL: records a second, from batch to acknowledgement.

Real Mosquitto on loopback with mutual TLS, PostgreSQL with fsync, one, two and four intakes that
share a subscription, gateways in this process, all on the processors of this machine. "Bare" is
what PostgreSQL alone does with COPY of the same rows into the same parts, indexes and batch size,
one transaction a batch. `--only ingest` measures one process on SQLite.
"""

import itertools
import sys
import time
from collections.abc import Sequence

from bench.bench_ingest import BATCH, SWITCH_S, Fleet, journals_of, rows_like
from bench.report import Report
from bench.site import SITE, Site
from bench.skipping import SkipBench
from doorward_controller.broker.errors import BrokerMissingError
from doorward_controller.broker.waiting import wait_until
from doorward_controller.store import intake
from doorward_controller.store.intake import RecordInsert
from tests.fakes.company import START_S, Company, company
from tests.fakes.postgres import PostgresMissingError

WORKERS = (1, 2, 4)
GATEWAYS = tuple(f"gate-{number}" for number in range(1, 17))

_turns = itertools.count(1_000)


def run(report: Report) -> None:
    """Measure 1, 2 and 4 intakes, their share of bare inserts, and what a group's lock costs."""
    sys.setswitchinterval(SWITCH_S)
    records = report.scaled(32_000, 3_200)
    try:
        opened = company(ingest=max(WORKERS), web=0, gateways=0, is_durable=True, site=SITE)
        with opened as (made, _):
            _measure(report, made, records)
    except (BrokerMissingError, PostgresMissingError) as err:
        raise SkipBench(str(err)) from err
    report.note("Intakes, broker, database and 16 gateways share the processors of this machine.")


def _measure(report: Report, made: Company, records: int) -> None:
    site = Site(
        folder=made.folder,
        authority=made.authority,
        broker=made.broker,
        config=made.config,
        config_file=made.folder / "controller.toml",
        backend=made.backend,
    )
    for name in GATEWAYS:
        site.enrol(name)
    fleet = Fleet(site, GATEWAYS)
    for count in WORKERS:
        _start(made, count)
        fleet.send(journals_of(site, 1_600, GATEWAYS), BATCH)  # warm: keys open, pages cached
        ours, bare = [], []
        for _ in range(5):
            journals = journals_of(site, records, GATEWAYS)
            ours.append(records / fleet.send(journals, BATCH))
            bare.append(records / _bare(made, rows_like(site, journals[0]), records))
        of = f"{count} intake{'s' if count > 1 else ''}"
        report.samples(f"acknowledged records, {of}", ours, unit="/s")
        report.samples(f"bare PostgreSQL COPY, beside {of}", bare, unit="/s")
        report.ratio(f"acknowledged / bare, {of}", ours, bare)
    report.samples("lock of 16 gateways' rows", _locks_ms(made), unit="ms")
    fleet.close()


def _start(made: Company, count: int) -> None:
    """Have so many intakes run, and subscribed."""
    for member in made.ingest[:count]:
        if not member.is_running:
            member.start()
    ready = wait_until(
        lambda: (
            all(
                any(line["event"] == "broker.connected" for line in member.lines())
                for member in made.ingest[:count]
            )
            and bool(made.leaders())
        ),
        timeout_s=START_S,
    )
    if not ready:
        raise TimeoutError(made.errors())


def _bare(made: Company, rows: Sequence[RecordInsert], records: int) -> float:
    """Return the seconds that PostgreSQL alone takes for as many rows of the same kind."""
    repeated = [
        row._replace(epoch=epoch)
        for epoch in (next(_turns) for _ in range(-(-records // len(rows))))
        for row in rows
    ][:records]
    began_s = time.perf_counter()
    for start in range(0, records, BATCH):
        with made.backend.store.write() as connection:
            intake.insert_records(connection, repeated[start : start + BATCH])
    return time.perf_counter() - began_s


def _locks_ms(made: Company) -> list[float]:
    taken = []
    for _ in range(200):
        with made.backend.store.write() as connection:
            began_s = time.perf_counter()
            intake.lock_gateways(connection, range(1, len(GATEWAYS) + 1))
            taken.append(1000 * (time.perf_counter() - began_s))
    return taken
