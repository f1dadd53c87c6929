"""Searches of records: what fits and nothing else, by pages, never by reading the whole table."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa

from doorward.records import Record
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.errors import ForbiddenError, InvalidError
from doorward_controller.queries import audit_trail, record_feed, record_summary, record_walk
from doorward_controller.queries.record_feed import RecordFilter, RecordRow
from doorward_controller.queries.record_filter import KINDS, OUTCOMES, newest_ids
from doorward_controller.queries.record_summary import DAY_MS, HOUR_MS, Span
from doorward_controller.services import person_search
from doorward_controller.services.backend import Backend
from doorward_controller.store import intake
from doorward_controller.store.schema import gateways
from tests.controller.conftest import ADMIN, AUDITOR, SECURITY, enrol
from tests.fakes.stored_records import BEGIN_UTC_MS, Traffic

RECORDS = 3000
PORTALS = ("north-door", "south-door", "east-door")


@pytest.fixture
def traffic(backend: Backend) -> Traffic:
    """Three thousand records of three portals at two gateways."""
    enrol(backend, "north", "north-door", "east-door")
    enrol(backend, "south", "south-door")
    with backend.store.write() as connection:
        ids = tuple(connection.scalars(sa.select(gateways.c.id).order_by(gateways.c.id)))
        made = Traffic(portals=PORTALS, gateway_ids=ids, people=40, event_every=100)
        intake.insert_records(connection, list(made.rows(0, RECORDS)))
        if not backend.store.is_sqlite:
            connection.exec_driver_sql("ANALYZE records")
    return made


def fits(record: Record, wanted: RecordFilter) -> bool:
    """The same search as a sentence about one record; the gateway apart."""
    badge = record.credential_id.hex() if record.credential_id else None
    kind = KINDS[record.kind]
    outcome = None if record.outcome is None else OUTCOMES[record.outcome]
    return (
        wanted.portal in {None, record.portal}
        and wanted.reason in {None, record.reason}
        and wanted.outcome in {None, outcome}
        and wanted.kind in {None, kind}
        and (not wanted.kinds or kind in wanted.kinds)
        and wanted.credential_id in {None, badge}
        and (wanted.credential_ids is None or badge in wanted.credential_ids)
        and (wanted.from_utc_ms is None or record.utc_ms >= wanted.from_utc_ms)
        and (wanted.to_utc_ms is None or record.utc_ms < wanted.to_utc_ms)
    )


BADGES = tuple(Traffic(portals=PORTALS, gateway_ids=(1,), people=40).badge(n).hex() for n in (3, 4))
NO_SPAN: dict[str, Any] = {}
SPAN: dict[str, Any] = {
    "from_utc_ms": BEGIN_UTC_MS + 500_000,
    "to_utc_ms": BEGIN_UTC_MS + 1_500_000,
}
SEARCHES = [
    RecordFilter(),
    RecordFilter(kinds=("scan", "manual")),
    RecordFilter(portal="south-door"),
    RecordFilter(portal="nowhere"),
    RecordFilter(outcome="deny"),
    RecordFilter(outcome="grant", portal="north-door"),
    RecordFilter(reason="revoked"),
    RecordFilter(reason="granted"),
    RecordFilter(reason="revoked", portal="east-door", kinds=("scan", "manual")),
    RecordFilter(reason="entered", portal="east-door"),
    RecordFilter(kind="event"),
    RecordFilter(kinds=("event", "clock", "service")),
    RecordFilter(kind="event", reason="tamper_opened"),
    RecordFilter(credential_id=BADGES[0]),
    RecordFilter(credential_ids=BADGES),
    RecordFilter(credential_ids=BADGES, credential_id=BADGES[1], outcome="deny"),
    RecordFilter(credential_ids=()),
    RecordFilter(credential_ids=BADGES, portal="south-door", **SPAN),
    RecordFilter(outcome="deny", reason="granted"),
    RecordFilter(**SPAN),
    RecordFilter(outcome="deny", **SPAN),
]


def everything(backend: Backend, wanted: RecordFilter, limit: int) -> list[RecordRow]:
    found: list[RecordRow] = []
    cursor = None
    while True:
        page = record_feed.page(backend.store, wanted, cursor=cursor, limit=limit)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
        assert len(page.items) == limit


def test_every_search_finds_what_fits_newest_first_and_each_once(
    backend: Backend, traffic: Traffic
) -> None:
    made = [traffic.record(number) for number in range(RECORDS)]
    for wanted in SEARCHES:
        expected = [record.utc_ms for record in reversed(made) if fits(record, wanted)]
        found = everything(backend, wanted, limit=500)
        assert [row.at_utc_ms for row in found] == expected, wanted
        walked = [row.id for page in record_walk.walk(backend.store, wanted) for row, _ in page]
        assert walked == [row.id for row in found], wanted
        most = min(len(expected), 101)
        assert record_walk.count_up_to(backend.store, wanted, 100) == most, wanted


def test_search_by_gateway_finds_its_portals_records(backend: Backend, traffic: Traffic) -> None:
    found = everything(backend, RecordFilter(gateway="south", outcome="deny"), limit=500)
    assert {row.gateway for row in found} == {"south"}
    made = [traffic.record(number) for number in range(RECORDS)]
    assert len(found) == sum(r.portal == "south-door" and r.outcome == 0 for r in made)
    assert everything(backend, RecordFilter(gateway="none"), limit=500) == []


def test_new_records_do_not_shift_the_next_page(backend: Backend, traffic: Traffic) -> None:
    first = record_feed.page(backend.store, RecordFilter(), limit=10)
    with backend.store.write() as connection:
        intake.insert_records(connection, list(traffic.rows(RECORDS, RECORDS + 50)))
    second = record_feed.page(backend.store, RecordFilter(), cursor=first.next_cursor, limit=10)
    assert second.items[0].at_utc_ms == first.items[-1].at_utc_ms - 1000


def test_records_of_one_millisecond_are_on_one_page_or_the_next(
    backend: Backend, traffic: Traffic
) -> None:
    still = Traffic(portals=PORTALS, gateway_ids=traffic.gateway_ids, step_ms=0)
    with backend.store.write() as connection:
        rows = [row._replace(epoch=9) for row in still.rows(0, 23)]
        intake.insert_records(connection, rows)
    wanted = RecordFilter(from_utc_ms=BEGIN_UTC_MS, to_utc_ms=BEGIN_UTC_MS + 1)
    found = everything(backend, wanted, limit=5)
    assert len(found) == len({row.id for row in found}) == 24


@pytest.mark.parametrize(
    "wanted",
    [
        RecordFilter(outcome="maybe"),
        RecordFilter(kind="'; DROP TABLE records; --"),
        RecordFilter(kinds=("scan", "x")),
        RecordFilter(credential_id="zz"),
        RecordFilter(credential_ids=("00",)),
        RecordFilter(credential_ids=tuple(f"{n:016x}" for n in range(201))),
    ],
)
def test_filter_that_is_none_is_refused(sqlite_backend: Backend, wanted: RecordFilter) -> None:
    with pytest.raises(InvalidError):
        record_feed.page(sqlite_backend.store, wanted)


@pytest.mark.parametrize("cursor", ["", "x", "MQ", "fA", "\x00", "9" * 400])
def test_cursor_that_we_never_gave_is_refused(sqlite_backend: Backend, cursor: str) -> None:
    with pytest.raises(InvalidError, match="the cursor is not one"):
        record_feed.page(sqlite_backend.store, RecordFilter(), cursor=cursor)


# --- no search reads the table


def every_filter() -> Iterator[RecordFilter]:
    """Every combination of filters that the form can send."""
    for badge, holders, portal, outcome, reason, kinds, span, gateway in product(
        (None, BADGES[0]), (None, BADGES), (None, "south-door"), (None, "deny", "grant"),
        (None, "revoked", "granted"), ((), ("scan", "manual"), ("event", "clock", "service")),
        (NO_SPAN, SPAN), (None, "south"),
    ):  # fmt: skip
        yield RecordFilter(
            credential_id=badge,
            credential_ids=holders,
            portal=portal,
            outcome=outcome,
            reason=reason,
            kinds=kinds,
            gateway=gateway,
            **span,
        )


def plan_of(connection: sa.Connection, statement: sa.Select[Any]) -> str:
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    compiled = statement.compile(
        dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
    )
    order = compiled.positiontup
    given = compiled.params
    values = given if order is None else tuple(given[name] for name in order)
    lines = connection.exec_driver_sql(explain + str(compiled), values)
    return "\n".join(str(line[-1]) for line in lines)


def test_no_search_reads_or_sorts_the_table(backend: Backend, traffic: Traffic) -> None:
    del traffic
    with backend.store.read() as connection:
        if not backend.store.is_sqlite:
            # With so few rows reading them all would be the cheapest; at ten million it is not.
            connection.exec_driver_sql("SET enable_seqscan = off")
            connection.exec_driver_sql("SET enable_bitmapscan = off")
        for number, wanted in enumerate(every_filter()):
            # Every combination takes minutes; these strides meet every pair of values.
            if number % (5 if backend.store.is_sqlite else 17):
                continue
            gateway = None if wanted.gateway is None else 2
            behind = sa.text(f"(records.at_utc_ms, records.id) < ({BEGIN_UTC_MS + 9}, 99)")
            for cursor in (None, behind):
                plan = plan_of(connection, newest_ids(wanted, gateway, 51, cursor))  # type: ignore[arg-type]
                assert "Seq Scan on records" not in plan, (wanted, plan)
                assert "SCAN records\n" not in f"{plan}\n", (wanted, plan)
                if wanted.credentials is None:
                    assert "TEMP B-TREE" not in plan, (wanted, plan)


# --- counts


def test_counts_agree_with_the_records(backend: Backend, traffic: Traffic) -> None:
    span = Span(from_utc_ms=BEGIN_UTC_MS + 7_000, to_utc_ms=BEGIN_UTC_MS + 2_500_000)
    made = [
        record
        for record in map(traffic.record, range(RECORDS))
        if record.outcome is not None and span.from_utc_ms <= record.utc_ms < span.to_utc_ms
    ]
    found = record_summary.summary(backend.store, span)
    by_portal: dict[str, list[int]] = {}
    by_hour: dict[int, list[int]] = {}
    for record in made:
        hour = record.utc_ms // HOUR_MS * HOUR_MS
        for tally in (
            by_portal.setdefault(record.portal, [0, 0]),
            by_hour.setdefault(hour, [0, 0]),
        ):
            tally[record.outcome == 0] += 1
    assert {each.portal: [each.granted, each.refused] for each in found.portals} == by_portal
    assert {each.at_utc_ms: [each.granted, each.refused] for each in found.times} == by_hour
    refused = [record.reason for record in made if record.outcome == 0]
    assert {each.reason: each.refused for each in found.reasons} == {
        reason: refused.count(reason) for reason in set(refused)
    }
    assert (found.granted + found.refused, found.refused) == (len(made), len(refused))


@pytest.mark.parametrize(("begin", "end"), [(5, 5), (6, 5), (0, 401 * DAY_MS)])
def test_span_that_is_none_is_refused(sqlite_backend: Backend, begin: int, end: int) -> None:
    with pytest.raises(InvalidError, match="the span has"):
        record_summary.summary(sqlite_backend.store, Span(from_utc_ms=begin, to_utc_ms=end))


# --- whose


def entries(backend: Backend) -> list[tuple[str, str, str, str]]:
    rows = audit_trail.page(backend.store, limit=500).items
    return [(row.actor, row.action, row.subject, row.outcome) for row in reversed(rows)]


@pytest.mark.parametrize(
    ("act", "entry"),
    [
        (
            lambda backend: person_search.note_search(backend, AUDITOR, holders=("h1",), badge=""),
            ("ada", "trace_person", "h1", "done"),
        ),
        (
            lambda backend: person_search.note_search(backend, SECURITY, holders=(), badge="b1"),
            ("sam", "trace_person", "b1", "done"),
        ),
    ],
)
def test_looking_where_one_person_went_is_an_entry(
    sqlite_backend: Backend,
    act: Callable[[Backend], None],
    entry: tuple[str, str, str, str],
) -> None:
    act(sqlite_backend)
    assert entries(sqlite_backend) == [entry]


def test_who_may_not_see_records_may_not_trace(sqlite_backend: Backend) -> None:
    facility = Actor(name="fay", role=Role.FACILITY)
    with pytest.raises(ForbiddenError):
        person_search.note_search(sqlite_backend, facility, holders=("h1",), badge="")
    assert entries(sqlite_backend) == [("fay", "trace_person", "h1", "forbidden")]
    person_search.note_search(sqlite_backend, ADMIN, holders=(), badge="")


def test_too_many_people_of_one_name_are_not_searched(sqlite_backend: Backend) -> None:
    with pytest.raises(InvalidError, match="say more of the one you mean"):
        person_search.badges_of(sqlite_backend, [str(n) for n in range(21)])
