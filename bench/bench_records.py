"""Searches of records: a page of each kind, counts of a span and the muster, over ten million rows.

SQLite on this disk and a PostgreSQL of its own, filled in bulk with half a year of one site: 50
portals, 20,000 people, one scan in 20 refused, one record in 1,000 an event. Every search is asked
for 50 rows through the same functions as the interface; "rare" searches find few rows or none,
which is what makes a search read far. Twice the first page, then one a million rows deep. Nothing
is warmed up on purpose: the first repeat of each is among the repeats.
"""

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from bench.report import Report
from doorward.records import Outcome, RecordKind
from doorward_controller.queries import record_feed, record_summary
from doorward_controller.queries.paging import to_cursor
from doorward_controller.queries.record_feed import RecordFilter
from doorward_controller.queries.record_summary import Span
from doorward_controller.store import movements
from doorward_controller.store.intake import RecordInsert
from doorward_controller.store.schema import records
from doorward_controller.store.session import Store
from doorward_controller.store.upgrade import upgrade
from tests.fakes.postgres import PostgresCluster, PostgresMissingError
from tests.fakes.stored_records import REFUSALS, Traffic

ROWS = 10_000_000
ROWS_ENV = "DOORWARD_BENCH_RECORDS"
"""Another number of rows, for a machine with less time or room."""

QUICK_ROWS = 200_000
HALF_A_YEAR_MS = 180 * 86_400_000
BEGIN_UTC_MS = 1_790_000_000_000
LIMIT_MS = 1_000.0
PEOPLE = 20_000
PORTALS = tuple(f"portal-{n:02}" for n in range(50))
SELDOM = "portal-seldom"
_AT_ONCE = 50_000
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A database full of records."""

    name: str
    store: Store
    rows: int

    @property
    def step_ms(self) -> int:
        """Between two records."""
        return HALF_A_YEAR_MS // self.rows

    @property
    def end_utc_ms(self) -> int:
        """Just behind the last record."""
        return BEGIN_UTC_MS + self.rows * self.step_ms


def run(report: Report) -> None:
    """Measure both databases, one after the other."""
    rows = int(os.environ.get(ROWS_ENV, "0")) or report.scaled(ROWS, QUICK_ROWS)
    with tempfile.TemporaryDirectory(prefix="doorward-bench-") as folder:
        _on_sqlite(report, Path(folder), rows)
    try:
        cluster = PostgresCluster()
    except PostgresMissingError as err:
        report.note(f"PostgreSQL was not measured: {err}")
        return
    cluster.start()
    try:
        _on_postgresql(report, cluster, rows)
    finally:
        cluster.stop()


def _on_sqlite(report: Report, folder: Path, rows: int) -> None:
    path = folder / "records.sqlite3"
    store = Store(f"sqlite:///{path}")
    began_s = time.perf_counter()
    indexes = _prepare(store)
    raw = store.engine.raw_connection()
    for pragma in ("synchronous = OFF", "foreign_keys = OFF", "wal_autocheckpoint = 1000000"):
        raw.execute(f"PRAGMA {pragma}")
    marks = ", ".join("?" * len(RecordInsert._fields))
    insert = f"INSERT INTO records ({', '.join(RecordInsert._fields)}) VALUES ({marks})"
    for batch in _batches(rows):
        raw.execute("BEGIN")
        raw.executemany(insert, batch)
        raw.commit()
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    for index in indexes:
        with store.write() as connection:
            index.create(connection)
    store.checkpoint()
    report.value("sqlite: filled and indexed", time.perf_counter() - began_s, unit="s")
    report.value("sqlite: size of the database", path.stat().st_size / 1e9, unit="GB")
    _measure(report, Filled(name="sqlite", store=store, rows=rows))
    store.close()


def _on_postgresql(report: Report, cluster: PostgresCluster, rows: int) -> None:
    name = cluster.make_database()
    store = Store(cluster.url(name))
    began_s = time.perf_counter()
    indexes = _prepare(store)
    place = cluster.url(name).replace("postgresql+psycopg://", "postgresql://")
    copy = f"COPY records ({', '.join(RecordInsert._fields)}) FROM STDIN"
    with (
        psycopg.connect(place) as connection,
        connection.cursor() as cursor,
        cursor.copy(copy.encode()) as out,
    ):
        for batch in _batches(rows):
            for row in batch:
                out.write_row(row)
    for index in indexes:
        with store.write() as writing:
            index.create(writing)
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE records")
    report.value("postgresql: filled and indexed", time.perf_counter() - began_s, unit="s")
    with store.read() as reading:
        size = reading.scalar(sa.text("SELECT pg_database_size(current_database())"))
    report.value("postgresql: size of the database", float(size or 0) / 1e9, unit="GB")
    _measure(report, Filled(name="postgresql", store=store, rows=rows))
    store.close()


def _prepare(store: Store) -> list[sa.Index]:
    """Makes tables, one gateway a portal, and takes the indexes off until the rows are there."""
    upgrade(store)
    with store.write() as connection:
        connection.execute(sa.text("INSERT INTO sites VALUES ('main', 1)"))
        for number, portal in enumerate((*PORTALS, SELDOM), 1):
            connection.execute(
                sa.text(
                    "INSERT INTO gateways (id, site, name, state, record_key, certificate_sha256,"
                    " enrolled_at_utc_s, boot_id, session, applied_bundle, applied_status,"
                    " applied_keyring, applied_config, birth_json, health_json) VALUES (:id,"
                    " 'main', :name, 'enrolled', :key, '', 1, '', 0, 0, 0, 0, 0, '{}', '{}')"
                ),
                {"id": number, "name": f"gate-{portal}", "key": bytes(32)},
            )
        indexes = sorted(records.indexes, key=lambda index: str(index.name))
        for index in indexes:
            index.drop(connection)
    return indexes


def _batches(rows: int) -> Iterator[list[tuple[object, ...]]]:
    """Yields rows; the bodies are real records, the same one for each kind of them."""
    traffic = Traffic(portals=PORTALS, gateway_ids=(1,), people=PEOPLE)
    step = HALF_A_YEAR_MS // rows
    cycle = 2 * traffic.refused_every * len(REFUSALS)
    bodies = [traffic.record(number).to_wire() for number in range(cycle)]
    event = traffic.record(traffic.event_every - 1)
    event_body, chain = event.to_wire(), bytes(32)
    scan, passage, event_kind = RecordKind.SCAN, RecordKind.PASSAGE, int(RecordKind.EVENT)
    deny, grant = int(Outcome.DENY), int(Outcome.GRANT)
    batch: list[tuple[object, ...]] = []
    for number in range(rows):
        at = BEGIN_UTC_MS + number * step
        count = number // 2
        place = count % len(PORTALS)
        gateway, portal = place + 1, PORTALS[place]
        is_refused = count % traffic.refused_every == traffic.refused_every - 1
        kind, outcome, badge = int(scan), grant, traffic.badge(count * 7919)
        reason, body = "granted", bodies[number % cycle]
        if number % 1000 == 999:
            kind, outcome, badge, reason = event_kind, None, None, "door_found_open"  # type: ignore[assignment]
            body = event_body
        elif is_refused:
            outcome, reason = deny, REFUSALS[(count // traffic.refused_every) % len(REFUSALS)]
            badge = None if reason == "not_ours" else badge  # type: ignore[assignment]
        elif number % 2:
            kind, outcome, badge, reason = int(passage), None, None, "entered"  # type: ignore[assignment]
        if number == rows // 7:
            gateway, portal = len(PORTALS) + 1, SELDOM
        batch.append(
            (
                gateway,
                1,
                number + 1,
                at + 300,
                at,
                kind,
                outcome,
                reason,
                portal,
                badge,
                body,
                chain,
            )
        )
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    yield batch


def _searches() -> dict[str, RecordFilter]:
    traffic = Traffic(portals=PORTALS, gateway_ids=(1,), people=PEOPLE)
    badges = tuple(traffic.badge(number).hex() for number in (7, 8, 9, 10))
    shown = ("scan", "manual")
    week: dict[str, Any] = {
        "from_utc_ms": BEGIN_UTC_MS + 60 * _DAY_MS, "to_utc_ms": BEGIN_UTC_MS + 67 * _DAY_MS
    }  # fmt: skip
    return {
        "newest": RecordFilter(kinds=shown),
        "person with 4 badges": RecordFilter(credential_ids=badges, kinds=shown),
        "one badge": RecordFilter(credential_id=badges[0], kinds=shown),
        "unknown badge": RecordFilter(credential_id="ff" * 8, kinds=shown),
        "portal": RecordFilter(portal=PORTALS[7], kinds=shown),
        "portal with one record": RecordFilter(portal=SELDOM),
        "portal and reason": RecordFilter(portal=PORTALS[7], reason="revoked", kinds=shown),
        "portal and a reason that never was": RecordFilter(portal=PORTALS[7], reason="full"),
        "gateway": RecordFilter(gateway=f"gate-{PORTALS[7]}", kinds=shown),
        "gateway and refused": RecordFilter(gateway=f"gate-{PORTALS[7]}", outcome="deny"),
        "gateway with one record, granted": RecordFilter(gateway=f"gate-{SELDOM}", outcome="grant"),
        "refused": RecordFilter(outcome="deny", kinds=shown),
        "refused at a portal": RecordFilter(outcome="deny", portal=PORTALS[9], kinds=shown),
        "reason": RecordFilter(reason="expired", kinds=shown),
        "granted and refused at once (none)": RecordFilter(outcome="deny", reason="granted"),
        "by hand (none)": RecordFilter(kind="manual"),
        "events": RecordFilter(kinds=("event", "clock", "service")),
        "a week": RecordFilter(kinds=shown, **week),
        "a week, portal, refused": RecordFilter(portal=PORTALS[3], outcome="deny", **week),
        "a week, a person": RecordFilter(credential_ids=badges, **week),
    }


def _measure(report: Report, filled: Filled) -> None:
    repeats = report.scaled(30, 5)
    chance = random.Random(7)
    for name, wanted in _searches().items():
        places = [None, None, _deep(filled, chance)]
        calls = iter(places * repeats)

        def search(wanted: RecordFilter = wanted, calls: Iterator[str | None] = calls) -> None:
            record_feed.page(filled.store, wanted, cursor=next(calls))

        _note(report, f"{filled.name}: {name}", search, repeats * len(places))
    for days in (1, 7, 30, 90, 180):
        span = Span(from_utc_ms=filled.end_utc_ms - days * _DAY_MS, to_utc_ms=filled.end_utc_ms)
        counts = report.scaled(7, 5)
        _note(
            report,
            f"{filled.name}: charts of {days} days",
            lambda span=span: record_summary.summary(filled.store, span),  # type: ignore[misc]
            counts,
            is_promised=days <= 30,
        )
    _note(report, f"{filled.name}: who is inside, 36 hours", lambda: _muster(filled), 5)


def _note(
    report: Report, name: str, call: Callable[[], object], repeats: int, *, is_promised: bool = True
) -> None:
    taken_ms = []
    for _ in range(repeats):
        began_s = time.perf_counter()
        call()
        taken_ms.append(1000 * (time.perf_counter() - began_s))
    limit = {"p99_at_most": LIMIT_MS} if is_promised else {}
    report.samples(name, taken_ms, unit="ms", **limit)


def _deep(filled: Filled, chance: random.Random) -> str:
    """Returns the cursor of a page somewhere in the older half."""
    number = chance.randrange(filled.rows // 10, filled.rows // 2)
    return to_cursor(BEGIN_UTC_MS + number * filled.step_ms, number + 1)


def _muster(filled: Filled) -> None:
    since = filled.end_utc_ms - 36 * 3_600_000
    with filled.store.read() as connection:
        for _ in movements.let_through(connection, since):
            pass
