"""Several web processes on one PostgreSQL: what they grant together is what the settings say."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa

from doorward_controller.domain.permissions import Role
from doorward_controller.domain.token_bucket import Rate
from doorward_controller.errors import StoreUnavailableError
from doorward_controller.services import request_pace
from doorward_controller.services.backend import Backend
from doorward_controller.services.request_pace import OwnPace, Pace, SharedPace, pace_of
from doorward_controller.store import request_buckets
from doorward_controller.store.session import Store
from doorward_controller.store.upgrade import upgrade
from tests.controller.conftest import StandingClock
from tests.controller.interface.test_rates import GATEWAYS, limited
from tests.controller.test_api import bearer, calling
from tests.fakes.postgres import PostgresCluster

T = TypeVar("T")
SLOW = Rate(per_s=0.001, burst=40)
"""Nothing comes in again while a test runs."""


@pytest.fixture
def store(postgres: PostgresCluster, postgres_template: str) -> Iterator[Store]:
    name = postgres.make_database(postgres_template)
    made = Store(postgres.url(name))
    yield made
    made.close()
    postgres.drop_database(name)


Run = Callable[[Coroutine[Any, Any, T]], T]


@pytest.fixture
def run() -> Iterator[Run[Any]]:
    """The one loop in which everything of a test runs."""
    with asyncio.Runner() as runner:
        yield runner.run


def paces(store: Store, count: int, clock: StandingClock) -> list[SharedPace]:
    return [SharedPace(store, clock, OwnPace(clock), 600) for _ in range(count)]


async def asked(pace: Pace, times: int, *, caller: str = "token a", rate: Rate = SLOW) -> int:
    """How many of so many questions at once are granted."""
    answers = await asyncio.gather(*(pace.take(caller, rate) for _ in range(times)))
    return sum(each.is_allowed for each in answers)


def test_processes_together_grant_no_more_than_one_bucket_holds(
    store: Store, clock: StandingClock, run: Run[Any]
) -> None:
    first, second, third = paces(store, 3, clock)

    async def all_at_once() -> int:
        return sum(await asyncio.gather(*(asked(pace, 60) for pace in (first, second, third))))

    granted = run(all_at_once())
    assert granted <= SLOW.burst
    # A process keeps at most a tenth of the bucket for its own next questions.
    assert granted >= SLOW.burst - 2 * SLOW.burst // 10
    fresh = SharedPace(store, clock, OwnPace(clock), 600)
    assert run(asked(fresh, 60)) == 0, "a new process begins with a full bucket"


def test_one_caller_takes_nothing_from_another(
    store: Store, clock: StandingClock, run: Run[Any]
) -> None:
    (pace,) = paces(store, 1, clock)
    assert run(asked(pace, 60)) == SLOW.burst
    assert run(asked(pace, 10, caller="token b")) == 10


def test_what_is_left_is_told_across_processes(
    store: Store, clock: StandingClock, run: Run[Any]
) -> None:
    first, second = paces(store, 2, clock)
    one = run(first.take("token a", SLOW))
    other = run(second.take("token a", SLOW))
    assert (one.left, other.left) == (39, 38)


def test_a_bucket_fills_by_the_databases_clock(
    store: Store, clock: StandingClock, run: Run[Any]
) -> None:
    (pace,) = paces(store, 1, clock)
    quick = Rate(per_s=20, burst=1)
    assert run(asked(pace, 1, rate=quick)) == 1
    refused = run(pace.take("token a", quick))
    assert (refused.is_allowed, refused.retry_in_s) == (False, 1)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        clock.pass_s(1)  # what was refused is asked again
        if run(asked(pace, 1, rate=quick)):
            return
    pytest.fail("no token came in again")


def test_a_busy_caller_costs_few_statements_and_a_refused_one_none(
    store: Store, clock: StandingClock, run: Run[Any]
) -> None:
    statements = 0

    @sa.event.listens_for(store.engine, "before_cursor_execute")
    def count(_1: object, _2: object, text: str, *_: object) -> None:
        nonlocal statements
        statements += "request_buckets" in text

    (pace,) = paces(store, 1, clock)
    rate = Rate(per_s=0.001, burst=1_000)
    assert run(asked(pace, 1_000, rate=rate)) == 1_000
    assert statements < 30
    before = statements
    assert run(asked(pace, 500, rate=rate)) == 0
    assert statements - before <= 1


def test_what_was_not_used_in_a_second_is_not_kept(
    store: Store, clock: StandingClock, run: Run[Any]
) -> None:
    (pace,) = paces(store, 1, clock)
    assert run(asked(pace, 4)) == 4
    clock.pass_s(60)
    assert run(asked(pace, 60)) <= SLOW.burst - 4


def test_while_the_database_is_away_each_process_counts_for_itself(
    store: Store, clock: StandingClock, run: Run[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> tuple[int, float]:
        raise StoreUnavailableError("the database does not answer")

    monkeypatch.setattr(request_buckets, "take", away)
    (pace,) = paces(store, 1, clock)
    assert run(asked(pace, 60)) == SLOW.burst


def test_full_buckets_are_deleted(store: Store, clock: StandingClock, run: Run[Any]) -> None:
    (pace,) = paces(store, 1, clock)
    run(pace.take("token a", SLOW))
    with store.write() as connection:
        connection.execute(sa.text("UPDATE request_buckets SET at_utc_ms = at_utc_ms - 601000"))
    run(pace.take("token b", SLOW))
    clock.pass_s(request_pace._SWEEP_MS // 1000)
    run(pace.take("token b", SLOW))
    with store.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM request_buckets")).scalar() == 1


def test_the_table_waits_for_no_disk(store: Store) -> None:
    with store.read() as connection:
        kept = connection.execute(
            sa.text("SELECT relpersistence FROM pg_class WHERE relname = 'request_buckets'")
        ).scalar()
    assert kept == "u"
    upgrade(store)


def test_one_process_on_sqlite_counts_in_memory(sqlite_backend: Backend) -> None:
    assert isinstance(pace_of(sqlite_backend, [SLOW]), OwnPace)


def test_two_web_servers_refuse_together(backend: Backend) -> None:
    if backend.store.is_sqlite:
        pytest.skip("SQLite is for one process")
    few = limited(
        backend, requests_per_s=0.001, burst=10, address_requests_per_s=100, address_burst=1_000
    )
    with ExitStack() as ends:
        one = ends.enter_context(calling(few))
        other = ends.enter_context(calling(few))
        headers = bearer(one, Role.FACILITY)
        said = [
            client.get(GATEWAYS, headers=headers).status_code
            for _ in range(10)
            for client in (one, other)
        ]
    assert sorted(said) == [200] * 10 + [429] * 10
