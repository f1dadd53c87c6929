"""Long work rests between its pieces, the longer the more others write."""

import sqlalchemy as sa

from doorward_controller.services.backend import Backend
from doorward_controller.services.pausing import REST, REST_IN_A_RUSH, RUSH_SHARE, Pace
from tests.controller.conftest import StandingClock


def write(backend: Backend) -> None:
    with backend.store.write() as connection:
        connection.execute(sa.text("DELETE FROM webhook_events"))


def test_a_piece_is_followed_by_a_rest_in_proportion(
    sqlite_backend: Backend, clock: StandingClock
) -> None:
    rested: list[float] = []
    pace = Pace(sqlite_backend, rested.append)
    for _ in range(2):
        with pace.piece():
            write(sqlite_backend)
            clock.pass_s(1)
    assert rested == [REST, REST]


def test_in_a_rush_the_rest_is_long_and_after_it_short_again(
    sqlite_backend: Backend, clock: StandingClock
) -> None:
    rested: list[float] = []
    pace = Pace(sqlite_backend, rested.append)
    sqlite_backend.store.written_s += 1
    for _ in range(2):
        with pace.piece():
            write(sqlite_backend)
            clock.pass_s(1)
    assert rested == [REST_IN_A_RUSH, REST]


def test_where_nobody_waits_for_one_writer_there_is_no_rest(
    backend: Backend, clock: StandingClock
) -> None:
    rested: list[float] = []
    with Pace(backend, rested.append).piece():
        clock.pass_s(1)
    assert bool(rested) is backend.store.is_sqlite


def test_work_that_fails_does_not_rest(sqlite_backend: Backend, clock: StandingClock) -> None:
    rested: list[float] = []
    try:
        with Pace(sqlite_backend, rested.append).piece():
            clock.pass_s(1)
            raise LookupError
    except LookupError:
        pass
    assert rested == []


def test_work_that_can_wait_begins_after_a_rush_or_once_a_minute(
    sqlite_backend: Backend, clock: StandingClock
) -> None:
    pace = Pace(sqlite_backend)
    clock.pass_s(5)
    assert pace.may_begin()
    began = 0
    for _ in range(30):
        sqlite_backend.store.written_s += 6 * RUSH_SHARE
        clock.pass_s(5)
        began += pace.may_begin()
    assert began == 2, "in two and a half minutes of rush"
    clock.pass_s(5)
    assert pace.may_begin()
