"""No search reads for ever: what never was is known at once, and what takes too long is stopped."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from doorward_controller.errors import InvalidError, TooSlowError
from doorward_controller.queries import record_feed, record_filter, record_walk
from doorward_controller.queries.record_feed import RecordFilter
from doorward_controller.services import sum_keeping
from doorward_controller.services.backend import Backend
from doorward_controller.store import intake
from doorward_controller.store.schema import gateways
from doorward_controller.store.sum_tables import record_facets
from doorward_controller.store.time_limits import limited
from tests.controller.conftest import enrol
from tests.fakes.stored_records import Traffic

FOREVER = {
    "sqlite": "WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT 1 FROM c) SELECT max(n) FROM c",
    "postgresql": "SELECT pg_sleep(60)",
}


@pytest.fixture
def site(backend: Backend) -> Backend:
    """Records of two gateways; only one of them ever found its door open."""
    enrol(backend, "north", "north-door")
    enrol(backend, "south", "south-door")
    with backend.store.write() as connection:
        ids = tuple(connection.scalars(sa.select(gateways.c.id).order_by(gateways.c.id)))
        traffic = Traffic(portals=("north-door", "south-door"), gateway_ids=ids, event_every=100)
        intake.insert_records(connection, list(traffic.rows(0, 600)))
    return backend


@contextmanager
def statements(backend: Backend) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    sa.event.listen(backend.store.engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(backend.store.engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    "wanted",
    [
        RecordFilter(outcome="deny", reason="granted"),
        RecordFilter(outcome="grant", reason="entered"),
        RecordFilter(kind="passage", outcome="grant"),
        RecordFilter(kinds=("event", "clock"), outcome="grant"),
        RecordFilter(kind="scan", reason="entered"),
        RecordFilter(kind="manual"),
        RecordFilter(gateway="nowhere", outcome="deny"),
        RecordFilter(portal="north-door", reason="full"),
        RecordFilter(portal="north-door", gateway="south"),
    ],
)
def test_what_never_stood_together_in_a_record_is_not_searched_for(
    site: Backend, wanted: RecordFilter
) -> None:
    with statements(site) as asked:
        assert record_feed.page(site.store, wanted).items == ()
        assert record_walk.count_up_to(site.store, wanted, 10) == 0
    assert asked
    assert not [one for one in asked if "FROM records" in one]


def test_facets_that_are_missing_are_found_and_made(site: Backend) -> None:
    wanted = RecordFilter(portal="south-door", outcome="deny")
    there = record_feed.page(site.store, wanted).items
    assert there
    with site.store.write() as connection:
        before = set(connection.execute(sa.select(record_facets)).all())
        connection.execute(sa.delete(record_facets))
    assert sum_keeping.compare(site, lambda *_: None).wrong == len(before)
    sum_keeping.recount(site, lambda *_: None)
    assert record_feed.page(site.store, wanted).items == there
    with site.store.read() as connection:
        assert set(connection.execute(sa.select(record_facets)).all()) == before


def test_what_takes_too_long_is_stopped_and_the_next_question_is_answered(
    backend: Backend,
) -> None:
    with backend.store.read() as connection:
        forever = FOREVER[connection.dialect.name]
    for _ in range(3):
        with (
            pytest.raises(TooSlowError, match=r"longer than 0\.1 s"),
            backend.store.read() as connection,
            limited(connection, 0.1),
        ):
            connection.exec_driver_sql(forever)
        with backend.store.read() as connection, limited(connection, 30.0):
            assert connection.scalar(sa.select(sa.literal(1))) == 1
    with backend.store.write() as connection:
        if connection.dialect.name == "postgresql":
            assert connection.scalar(sa.text("SHOW statement_timeout")) == "0"


def test_who_searches_too_widely_is_told_how_to_narrow_it(backend: Backend) -> None:
    with (
        pytest.raises(InvalidError, match="choose a shorter time") as told,
        record_filter.searching(backend.store, 0.1) as connection,
    ):
        connection.exec_driver_sql(FOREVER[connection.dialect.name])
    assert told.value.code == "search_too_wide"


def test_fault_of_the_database_is_not_taken_for_slowness(backend: Backend) -> None:
    with (
        pytest.raises(Exception, match="never_made") as told,
        backend.store.read() as connection,
        limited(connection, 5.0),
    ):
        connection.exec_driver_sql("SELECT * FROM never_made")
    assert not isinstance(told.value, TooSlowError)
