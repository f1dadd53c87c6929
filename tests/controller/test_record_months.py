"""Records in months on PostgreSQL: made ahead, searched in order, a place for every time."""

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward_controller import wiring
from doorward_controller.errors import StoreUnavailableError
from doorward_controller.queries.record_filter import RecordFilter, newest_ids
from doorward_controller.services import record_months
from doorward_controller.services.backend import Backend
from doorward_controller.store import record_partitions
from doorward_controller.store.alert_tables import alerts
from doorward_controller.store.intake import RecordInsert, insert_records
from doorward_controller.store.record_partitions import Month, make_months, parts
from doorward_controller.store.schema import records
from doorward_controller.store.session import Store
from tests.controller.conftest import StandingClock, enrol, make_config
from tests.fakes.postgres import PostgresCluster

DAY_MS = 86_400_000
NOVEMBER = Month(2026, 11).from_utc_ms
YEAR_1970, YEAR_2099 = 5, Month(2099, 6).from_utc_ms


@pytest.fixture
def database_url(postgres: PostgresCluster, postgres_template: str) -> Iterator[str]:
    """SQLite has one table."""
    name = postgres.make_database(postgres_template)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture
def months(tmp_path: Path, database_url: str, clock: StandingClock) -> Iterator[Backend]:
    """A controller whose newest part begins with this November."""
    config = make_config(tmp_path / "data", database_url)
    wiring.initialise(config, clock)
    backend = wiring.open_backend(config, clock=clock)
    with backend.store.write() as connection:
        connection.exec_driver_sql("DROP TABLE records_past, records_future")
        record_partitions.add_part(connection, "records_past", "MINVALUE", str(NOVEMBER))
        record_partitions.add_part(connection, "records_future", str(NOVEMBER), "MAXVALUE")
    yield backend
    backend.store.close()


def names(store: Store) -> list[str]:
    with store.read() as connection:
        return [part.name for part in parts(connection)]


def store_at(backend: Backend, *times: int) -> None:
    """Stores a record for each time, as the journal of one gateway."""
    rows = [
        RecordInsert(1, 1, seq, at, at, 1, 1, "granted", "north", None, b"body", bytes(32))
        for seq, at in enumerate(times, 1)
    ]
    with backend.store.write() as connection:
        insert_records(connection, rows)


def lies_in(store: Store) -> dict[int, str]:
    with store.read() as connection:
        rows = connection.exec_driver_sql("SELECT at_utc_ms, tableoid::regclass::text FROM records")
        return {int(row[0]): str(row[1]) for row in rows}


@pytest.mark.parametrize(
    ("utc_ms", "month", "name"),
    [
        (0, (1970, 1), "records_m1970_01"),
        (NOVEMBER, (2026, 11), "records_m2026_11"),
        (NOVEMBER - 1, (2026, 10), "records_m2026_10"),
        (Month(2028, 2).from_utc_ms + 28 * DAY_MS, (2028, 2), "records_m2028_02"),
    ],
)
def test_month_of_a_time(utc_ms: int, month: tuple[int, int], name: str) -> None:
    assert Month.of(utc_ms) == month
    assert Month.of(utc_ms).name == name


def test_december_is_followed_by_january() -> None:
    assert Month(2026, 12).later(1) == (2027, 1)
    assert Month(2026, 11).later(14) == (2028, 1)


def test_months_are_made_ahead_once(months: Backend, clock: StandingClock) -> None:
    clock.utc_ms = NOVEMBER + 5 * DAY_MS
    assert record_months.keep_ahead(months) == 4
    made = [f"records_m{each}" for each in ("2026_11", "2026_12", "2027_01", "2027_02")]
    assert names(months.store) == ["records_past", *made, "records_future"]
    assert record_months.keep_ahead(months) == 0
    clock.pass_s(30 * 86_400)
    assert record_months.keep_ahead(months) == 1
    assert names(months.store)[-2:] == ["records_m2027_03", "records_future"]


def test_parts_lie_side_by_side_without_a_gap(months: Backend, clock: StandingClock) -> None:
    clock.utc_ms = NOVEMBER
    record_months.keep_ahead(months)
    with months.store.read() as connection:
        found = parts(connection)
    assert (found[0].from_utc_ms, found[-1].to_utc_ms) == (None, None)
    for earlier, later in itertools.pairwise(found):
        assert earlier.to_utc_ms == later.from_utc_ms


def test_every_time_has_a_place(months: Backend, clock: StandingClock) -> None:
    clock.utc_ms = NOVEMBER
    record_months.keep_ahead(months)
    enrol(months)
    store_at(months, YEAR_1970, NOVEMBER - 1, NOVEMBER, YEAR_2099)
    assert lies_in(months.store) == {
        YEAR_1970: "records_past",
        NOVEMBER - 1: "records_past",
        NOVEMBER: "records_m2026_11",
        YEAR_2099: "records_future",
    }


def test_records_that_were_there_before_their_month_go_along(
    months: Backend, clock: StandingClock
) -> None:
    enrol(months)
    store_at(months, NOVEMBER + 1, NOVEMBER + 40 * DAY_MS, YEAR_2099)
    clock.utc_ms = NOVEMBER
    record_months.keep_ahead(months)
    assert lies_in(months.store) == {
        NOVEMBER + 1: "records_m2026_11",
        NOVEMBER + 40 * DAY_MS: "records_m2026_12",
        YEAR_2099: "records_future",
    }


def test_cutting_off_leaves_keys_and_indexes_as_they_were(
    months: Backend, clock: StandingClock
) -> None:
    def count() -> tuple[int, int]:
        with months.store.read() as connection:
            inspector = sa.inspect(connection)
            return (
                len(inspector.get_indexes("records_future")),
                len(inspector.get_foreign_keys("records_future")),
            )

    before = count()
    for _ in range(3):
        clock.pass_s(70 * 86_400)
        assert record_months.keep_ahead(months) > 0
    assert count() == before
    assert before[1] == 1


def test_month_that_cannot_be_made_is_told_and_made_later(
    months: Backend,
    clock: StandingClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(record_partitions, "LOCK_WAIT_MS", 50)
    clock.utc_ms = NOVEMBER
    with months.store.read() as reader:
        reader.execute(sa.select(sa.func.count()).select_from(records)).all()
        with caplog.at_level(logging.WARNING):
            assert record_months.keep_ahead(months) == 0
        assert "records.months_missing ready=0" in caplog.text
        assert caplog.records[-1].levelno == logging.ERROR
    assert names(months.store) == ["records_past", "records_future"]
    assert record_months.keep_ahead(months) == 4


def test_lock_that_is_not_to_be_had_is_the_worlds_fault(
    months: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_partitions, "LOCK_WAIT_MS", 50)
    with months.store.read() as reader:
        reader.execute(sa.select(records.c.id)).all()
        with pytest.raises(StoreUnavailableError), months.store.write() as connection:
            make_months(connection, NOVEMBER)


def test_same_record_is_refused_a_second_time(months: Backend, clock: StandingClock) -> None:
    clock.utc_ms = NOVEMBER
    record_months.keep_ahead(months)
    enrol(months)
    store_at(months, YEAR_1970, NOVEMBER, YEAR_2099)
    with pytest.raises(sa.exc.IntegrityError, match="gateway_id, epoch, seq"):
        store_at(months, YEAR_1970)


def plan(store: Store, statement: sa.Select[tuple[int, int]]) -> str:
    compiled = statement.compile(store.engine, compile_kwargs={"literal_binds": True})
    with store.read() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        return "\n".join(str(line) for (line,) in connection.exec_driver_sql(f"EXPLAIN {compiled}"))


def test_newest_first_reads_one_month_after_the_other(
    months: Backend, clock: StandingClock
) -> None:
    clock.utc_ms = NOVEMBER
    record_months.keep_ahead(months)
    said = plan(months.store, newest_ids(RecordFilter(), None, 50))
    # A merge would open every month, and in each walk to the first record that fits.
    assert "Append" in said
    assert "Merge Append" not in said


def test_search_of_a_span_looks_into_its_months_alone(
    months: Backend, clock: StandingClock
) -> None:
    clock.utc_ms = NOVEMBER
    record_months.keep_ahead(months)
    span = RecordFilter(from_utc_ms=NOVEMBER + DAY_MS, to_utc_ms=NOVEMBER + 3 * DAY_MS)
    said = plan(months.store, newest_ids(span, None, 50))
    assert "records_m2026_11" in said
    for other in ("records_past", "records_m2026_12", "records_future"):
        assert other not in said


def open_alerts(backend: Backend) -> list[str]:
    with backend.store.read() as connection:
        wanted = sa.select(alerts.c.rule_code).where(alerts.c.live_key.is_not(None))
        return list(connection.scalars(wanted))


def test_somebody_is_told_while_months_cannot_be_made_and_when_they_can_again(
    months: Backend, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_partitions, "LOCK_WAIT_MS", 50)
    clock.utc_ms = NOVEMBER + DAY_MS
    with months.store.read() as connection:
        connection.execute(sa.select(records.c.id)).all()
        assert record_months.keep_ahead(months) == 0
        assert record_months.keep_ahead(months) == 0
        assert record_months.ahead(months) == -1
    assert open_alerts(months) == ["site.months_missing"]
    assert record_months.keep_ahead(months) == 4
    assert open_alerts(months) == []
    assert record_months.ahead(months) == 3


def test_one_try_that_fails_with_months_in_hand_tells_nobody(
    months: Backend, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.utc_ms = NOVEMBER
    record_months.keep_ahead(months)
    monkeypatch.setattr(record_partitions, "LOCK_WAIT_MS", 50)
    clock.pass_s(31 * 86_400)
    with months.store.read() as connection:
        connection.execute(sa.select(records.c.id)).all()
        assert record_months.keep_ahead(months) == 0
    assert record_months.ahead(months) == 2
    assert open_alerts(months) == []
