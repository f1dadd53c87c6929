"""What is told of long work: by every process on PostgreSQL, and not for ever."""

from dataclasses import replace

from doorward_controller.services import work_progress
from doorward_controller.services.backend import Backend
from doorward_controller.services.work_progress import STALE_MS, TOLD_EVERY_MS
from tests.controller.conftest import StandingClock


def seen_elsewhere(backend: Backend) -> tuple[tuple[int, int], ...]:
    """What another process of the site shows, which knows only what stands in the database."""
    here, work_progress._HERE = work_progress._HERE, work_progress._Here()
    try:
        return work_progress.under_way(replace(backend))
    finally:
        work_progress._HERE = here


def test_the_work_is_seen_while_its_own_transaction_is_open(
    backend: Backend, clock: StandingClock
) -> None:
    with backend.store.write():
        work_progress.tell(backend, "one", 500, 2000)
        assert work_progress.under_way(backend) == ((500, 2000),)
        expected = () if backend.store.is_sqlite else ((500, 2000),)
        assert seen_elsewhere(backend) == expected
    clock.utc_ms += TOLD_EVERY_MS
    work_progress.tell(backend, "one", 1000, 2000)
    assert work_progress.under_way(backend) == ((1000, 2000),)
    work_progress.end(backend, "one")
    assert work_progress.under_way(backend) == seen_elsewhere(backend) == ()


def test_work_whose_process_died_is_not_shown_for_ever(
    backend: Backend, clock: StandingClock
) -> None:
    work_progress.tell(backend, "two", 1, 2)
    clock.pass_s(STALE_MS // 1000)
    assert work_progress.under_way(backend) == seen_elsewhere(backend) == ()
    work_progress.end(backend, "two")


def test_a_database_that_is_asked_too_often_is_spared(backend: Backend) -> None:
    for done in range(5):
        work_progress.tell(backend, "three", done, 5)
    if not backend.store.is_sqlite:
        assert seen_elsewhere(backend) == ((0, 5),)
    work_progress.end(backend, "three")
