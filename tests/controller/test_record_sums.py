"""Sums of records: what the charts show is what a count of every record says, at any moment."""

import itertools
import random
import threading
from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from doorward.records import Outcome, RecordKind
from doorward_controller.queries import record_summary
from doorward_controller.queries.record_summary import DAY_MS, HOUR_MS, Span
from doorward_controller.services import sum_keeping
from doorward_controller.services.backend import Backend
from doorward_controller.store import intake, record_sums
from doorward_controller.store.intake import RecordInsert
from doorward_controller.store.record_sums import DAY_S, FORTNIGHT_S
from doorward_controller.store.schema import gateways, records
from doorward_controller.store.session import Store
from doorward_controller.store.sum_tables import record_sum_changes
from doorward_controller.store.sum_tables import record_sums as kept_sums
from doorward_controller.store.upgrade import upgrade
from tests.controller.conftest import enrol
from tests.controller.test_migrations import begin_with_the_first_tables

BEGIN = 1_790_000_000_000
QUIET = lambda _done, _of: None  # noqa: E731
DECISIONS = (
    (RecordKind.SCAN, Outcome.GRANT, "granted"),
    (RecordKind.SCAN, Outcome.GRANT, "granted"),
    (RecordKind.SCAN, Outcome.DENY, "expired"),
    (RecordKind.SCAN, Outcome.DENY, "revoked"),
    (RecordKind.MANUAL, Outcome.GRANT, "by_hand"),
    (RecordKind.PASSAGE, None, "entered"),
    (RecordKind.EVENT, None, "door_found_open"),
)


def made(seed: int, number: int, days: int = 45) -> list[RecordInsert]:
    """Records of some days in the order in which they arrive: any."""
    chance = random.Random(seed)
    rows = []
    for seq in range(1, number + 1):
        kind, outcome, reason = chance.choice(DECISIONS)
        at = BEGIN + chance.randrange(days * DAY_MS)
        if seq % 7 == 0:
            at -= at % (900_000 * chance.choice((1, 4, 96)))
        rows.append(
            RecordInsert(
                gateway_id=1, epoch=seed + 1, seq=seq, received_at_utc_ms=at, at_utc_ms=at,
                kind=int(kind), outcome=None if outcome is None else int(outcome), reason=reason,
                portal=chance.choice(("north", "south", "")), credential_id=None, body=b"",
                chain=b"",
            )
        )  # fmt: skip
    return rows


@pytest.fixture
def site(backend: Backend) -> Backend:
    enrol(backend, "gate", "north", "south")
    with backend.store.read() as connection:
        assert connection.scalar(sa.select(gateways.c.id)) == 1
    return backend


def store(backend: Backend, rows: list[RecordInsert]) -> None:
    with backend.store.write() as connection:
        intake.insert_records(connection, rows)


def assert_is_so(backend: Backend, rows: list[RecordInsert], span: Span, zone: ZoneInfo) -> None:
    """Compares the three charts with a count by hand."""
    inside = [
        row
        for row in rows
        if row.outcome is not None and span.from_utc_ms <= row.at_utc_ms < span.to_utc_ms
    ]
    found = record_summary.summary(backend.store, span, zone)
    is_daily = found.bucket_ms == DAY_MS

    def bucket(row: RecordInsert) -> datetime:
        local = datetime.fromtimestamp(row.at_utc_ms / 1000, UTC).astimezone(zone)
        whole = local.replace(minute=0, second=0, microsecond=0)
        return whole.replace(hour=0) if is_daily else whole

    times = Counter((int(bucket(row).timestamp() * 1000), row.outcome) for row in inside)
    portals = Counter((row.portal, row.outcome) for row in inside)
    reasons = Counter(row.reason for row in inside if row.outcome == 0)
    assert {(t.at_utc_ms, t.granted, t.refused) for t in found.times} == {
        (at, times[at, 1], times[at, 0]) for at, _ in times
    }
    assert {(p.portal, p.granted, p.refused) for p in found.portals} == {
        (portal, portals[portal, 1], portals[portal, 0]) for portal, _ in portals
    }
    assert {r.reason: r.refused for r in found.reasons} == reasons


LATER_S = (BEGIN // 1000 // FORTNIGHT_S + 3) * FORTNIGHT_S
ZONES = ("UTC", "Asia/Shanghai", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns")


def spans(chance: random.Random) -> list[Span]:
    whole = Span(from_utc_ms=BEGIN - DAY_MS, to_utc_ms=BEGIN + 60 * DAY_MS)
    ends = sorted(BEGIN + chance.randrange(45 * DAY_MS) for _ in range(6))
    short = BEGIN + DAY_MS + chance.randrange(HOUR_MS)
    hour = BEGIN - BEGIN % HOUR_MS + 3 * HOUR_MS
    return [
        whole,
        Span(from_utc_ms=ends[0], to_utc_ms=ends[5]),
        Span(from_utc_ms=ends[1], to_utc_ms=ends[2] + 1),
        Span(from_utc_ms=short, to_utc_ms=short + 7_000_000),
        Span(from_utc_ms=short, to_utc_ms=short + 1_000_000),
        Span(from_utc_ms=hour, to_utc_ms=hour + 2 * HOUR_MS),
        Span(from_utc_ms=BEGIN - BEGIN % DAY_MS, to_utc_ms=BEGIN - BEGIN % DAY_MS + 3 * DAY_MS),
    ]


def test_charts_are_what_the_records_are_in_any_order_of_arrival(site: Backend) -> None:
    chance = random.Random(11)
    stored: list[RecordInsert] = []
    for turn, zone in enumerate(ZONES):
        new = made(turn, 300)
        for first in range(0, len(new), 60):
            store(site, new[first : first + 60])
            if chance.random() < 0.5:
                sum_keeping.add_up(site)
        stored += new
        for span in spans(chance):
            assert_is_so(site, stored, span, ZoneInfo(zone))
    sum_keeping.add_up(site)
    with site.store.read() as connection:
        assert not record_sums.is_waiting(connection)
    assert sum_keeping.compare(site, QUIET).wrong == 0


def test_a_clock_that_stood_at_1970_makes_nobody_look_at_every_fortnight_since(
    site: Backend,
) -> None:
    old, new = made(3, 1)[0], made(4, 200, days=20)
    store(site, [old._replace(at_utc_ms=5, kind=1, outcome=1, reason="granted"), *new])
    begins = {row.at_utc_ms // 1000 // FORTNIGHT_S * FORTNIGHT_S for row in new if row.outcome}
    with site.store.read() as connection:
        waiting = record_sums.fortnights(connection)
    assert waiting[0] == 0
    assert begins <= set(waiting[1:])
    assert len(waiting) <= 4
    sum_keeping.add_up(site)
    with site.store.read() as connection:
        assert record_sums.fortnights(connection) == waiting
    assert sum_keeping.compare(site, QUIET).fortnights == len(waiting)
    assert sum_keeping.recount(site, QUIET) == len(waiting)
    assert sum_keeping.compare(site, QUIET).wrong == 0


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_every_day_begins_at_midnight_also_where_clocks_change(
    sqlite_backend: Backend, zone: str
) -> None:
    enrol(sqlite_backend, "gate", "north")
    rows = made(1, 2000, days=80)
    store(sqlite_backend, rows)
    span = Span(from_utc_ms=BEGIN - 5 * HOUR_MS, to_utc_ms=BEGIN + 80 * DAY_MS)
    assert_is_so(sqlite_backend, rows, span, ZoneInfo(zone))
    lengths = {
        later - earlier
        for earlier, later in itertools.pairwise(record_summary.begins(span, ZoneInfo(zone)))
    }
    assert len(lengths) == 2, "the clocks change within the span"


def test_today_counts_scans_and_why_some_were_refused(site: Backend) -> None:
    rows = made(3, 400)
    store(site, rows[:200])
    sum_keeping.add_up(site)
    store(site, rows[200:])
    today = BEGIN - BEGIN % DAY_MS + 2 * DAY_MS
    of_today = [row for row in rows if row.at_utc_ms >= today and row.outcome is not None]
    scans = Counter(row.outcome for row in of_today if row.kind == RecordKind.SCAN)
    found = record_summary.since(site.store, today)
    assert (found.scans, found.grants, found.denies) == (sum(scans.values()), scans[1], scans[0])
    assert dict(found.reasons) == Counter(row.reason for row in of_today if row.outcome == 0)


def test_nothing_is_counted_when_the_records_are_not_stored(site: Backend) -> None:
    def fail() -> None:
        with site.store.write() as connection:
            intake.insert_records(connection, made(1, 50))
            raise RuntimeError("the transaction fails")

    with pytest.raises(RuntimeError, match="the transaction fails"):
        fail()
    with site.store.read() as connection:
        assert not record_sums.is_waiting(connection)


def test_sums_are_right_while_many_store_and_others_add_up(site: Backend) -> None:
    """On PostgreSQL at once; SQLite has one writer at a time."""
    groups = [[made(seed, 240)[n : n + 20] for n in range(0, 240, 20)] for seed in range(4)]
    is_over = threading.Event()
    problems: list[BaseException] = []

    def guarded(act: object, *arguments: object) -> None:
        try:
            act(*arguments)  # type: ignore[operator]
        except BaseException as err:  # told by the test
            problems.append(err)

    def store_all(group: list[list[RecordInsert]]) -> None:
        for rows in group:
            store(site, rows)

    def keep_adding() -> None:
        while not is_over.is_set():
            sum_keeping.add_up(site)

    def keep_recounting() -> None:
        while not is_over.is_set():
            sum_keeping.recount(site, QUIET)

    writers = [threading.Thread(target=guarded, args=(store_all, group)) for group in groups]
    others = [
        threading.Thread(target=guarded, args=(act,))
        for act in (keep_adding, keep_adding, keep_recounting)
    ]
    for thread in (*others, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    is_over.set()
    for thread in others:
        thread.join()
    assert problems == []
    sum_keeping.add_up(site)
    assert sum_keeping.compare(site, QUIET).wrong == 0
    stored = [row for group in groups for rows in group for row in rows]
    span = Span(from_utc_ms=BEGIN, to_utc_ms=BEGIN + 46 * DAY_MS)
    assert_is_so(site, stored, span, ZoneInfo("UTC"))


def test_comparison_finds_what_somebody_changed_and_recount_mends_it(site: Backend) -> None:
    rows = made(5, 300)
    store(site, rows)
    sum_keeping.add_up(site)
    store(site, [row._replace(epoch=99) for row in rows[:40]])
    first_day = BEGIN // DAY_MS * DAY_MS // 1000
    with site.store.write() as connection:
        of_day = kept_sums.c.begin_utc_s == first_day + 86_400
        connection.execute(sa.update(kept_sums).where(of_day).values(number=7_000))
        connection.execute(
            sa.insert(record_sum_changes).values(
                begin_utc_s=LATER_S, portal="never", kind=1, outcome=1,
                reason="granted", number=1,
            )
        )  # fmt: skip
    found = sum_keeping.compare(site, QUIET)
    assert found.wrong_begins == (first_day // FORTNIGHT_S * FORTNIGHT_S, LATER_S)
    told: list[tuple[int, int]] = []
    assert sum_keeping.recount(site, lambda *done: told.append(done)) == found.fortnights
    assert told[-1] == (found.fortnights, found.fortnights)
    assert sum_keeping.compare(site, QUIET).wrong == 0
    with site.store.write() as connection:
        connection.execute(sa.delete(records))
    assert sum_keeping.compare(site, QUIET).wrong > 0
    sum_keeping.recount(site, QUIET)
    with site.store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(kept_sums)) == 0


@pytest.mark.parametrize(
    ("low_days", "high_days"), [(0, 1), (0, 14), (13.5, 14.5), (1.25, 60.75), (3, 3.5), (14, 42)]
)
def test_a_span_is_covered_once_and_by_the_longest_steps(low_days: float, high_days: float) -> None:
    span = int(low_days * DAY_S), int(high_days * DAY_S)
    parts = sorted((begin, end, step) for step, begin, end in record_sums.cover(*span))
    assert (parts[0][0], parts[-1][1]) == span
    assert all(one[1] == other[0] for one, other in itertools.pairwise(parts))
    assert all(begin % step == end % step == 0 for begin, end, step in parts)
    rows = sum((end - begin) // step for begin, end, step in parts)
    assert rows <= 2 * 23 + 2 * 13 + (span[1] - span[0]) // FORTNIGHT_S


def test_site_without_records_has_nothing_to_compare(sqlite_backend: Backend) -> None:
    assert sum_keeping.compare(sqlite_backend, QUIET).fortnights == 0
    assert sum_keeping.recount(sqlite_backend, QUIET) == 0


def test_records_of_an_older_program_are_counted_when_the_tables_are_made(
    database_url: str,
) -> None:
    older = Store(database_url)
    begin_with_the_first_tables(older)
    with older.write() as connection:
        for seq in range(1, 200):
            connection.execute(
                sa.text(
                    "INSERT INTO records (gateway_id, epoch, seq, received_at_utc_ms, at_utc_ms,"
                    " kind, outcome, reason, portal, credential_id, body, chain) VALUES (1, 1,"
                    " :seq, :at, :at, 1, :outcome, :reason, :portal, NULL, :body, :body)"
                ),
                {
                    "seq": seq,
                    "at": BEGIN + seq * 5_000_000,
                    "outcome": (1, 1, 0, None)[seq % 4],
                    "reason": ("granted", "granted", "expired", "entered")[seq % 4],
                    "portal": ("north", "south")[seq % 2],
                    "body": b"",
                },
            )
    upgrade(older)
    with older.snapshot() as connection:
        begins = record_sums.fortnights(connection)
        assert [record_sums.differences(connection, begin) for begin in begins] == [0, 0]
        assert connection.scalar(sa.select(sa.func.sum(kept_sums.c.number))) == 4 * 149
    older.close()
