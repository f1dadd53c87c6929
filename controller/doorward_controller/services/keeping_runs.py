"""The daily run that takes away what is kept no longer, some rows at a time.

A piece is a transaction of at most `PIECE` rows: intake, which writes in between, never waits for
more. How much went is counted in the transaction in which it goes, so that a run which is killed
goes on where it was; at its end one audit entry says what went. Sums stay: they name nobody.
"""

import logging
from collections.abc import Callable, Mapping

import sqlalchemy as sa

from doorward_controller.domain.keeping import FIRST_AFTER_MS, Kind, next_due_utc_ms
from doorward_controller.domain.permissions import Action, Actor, Role
from doorward_controller.errors import StoreUnavailableError
from doorward_controller.services import erasures, holders
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.services.keeping import outdated_now
from doorward_controller.services.pausing import Pace
from doorward_controller.store import keeping, outdated, record_partitions
from doorward_controller.store.keeping import Run, RunState
from doorward_controller.store.outdated import Outdated

KEEPER = Actor(name="keeping", role=Role.SECURITY)
"""Takes away what is kept no longer, on behalf of whoever chose how long."""

PIECE = 200
"""On SQLite 500 rows, spread over eight indexes, held up intake for 0.3 s on a busy machine."""

_TURN_S = 0.5
"""So long a turn of the job goes on; other timed work waits for it."""

Tell = Callable[[int, int | None], None]
"""How much went so far."""

_log = logging.getLogger(__name__)


def turn(backend: Backend) -> int:
    """Goes on with the run that is due, for a moment; returns how much went."""
    run, pace = _due(backend), Pace(backend)
    began_ms = backend.clock.now().mono_ms
    taken = 0
    while run is not None:
        with pace.piece():
            piece = _piece(backend, run)
        if piece == 0:
            _finish(backend, run)
            break
        taken += piece
        if backend.clock.now().mono_ms - began_ms >= 1000 * _TURN_S:
            break
    return taken


def run_now(backend: Backend, tell: Tell, by: str) -> Mapping[str, int]:
    """Does the whole run at once, due or not; returns what went."""
    run, pace = _begin(backend), Pace(backend)
    taken = 0
    while True:
        with pace.piece():
            piece = _piece(backend, run)
        if piece == 0:
            return _finish(backend, run, by)
        taken += piece
        tell(taken, None)


def _due(backend: Backend) -> Run | None:
    """Returns the run that is under way, begun if its time has come; plans the first one."""
    now_ms = backend.clock.now().utc_ms
    with backend.store.read() as connection:
        newest = keeping.runs(connection, 1)
    if not newest:
        with backend.store.write() as connection:
            keeping.plan_run(connection, now_ms + FIRST_AFTER_MS)
        return None
    if newest[0].state is RunState.RUNNING:
        return newest[0]
    return _begin(backend) if now_ms >= newest[0].due_utc_ms else None


def _begin(backend: Backend) -> Run:
    """Begins the next run and takes the months that go as a whole."""
    now_ms = backend.clock.now().utc_ms
    with backend.store.write() as connection:
        newest = keeping.runs(connection, 1)
        if not newest or newest[0].state is RunState.DONE:
            keeping.plan_run(connection, now_ms)
            newest = keeping.runs(connection, 1)
        (run,) = newest
        if run.state is RunState.PLANNED:
            begun = {"state": RunState.RUNNING.value, "began_utc_ms": now_ms}
            keeping.change_run(connection, run.id, begun)
    _log.info("keeping.began run=%d", run.id)
    _drop_months(backend, run)
    return run


def _drop_months(backend: Backend, run: Run) -> None:
    """PostgreSQL: a month at a time. One that is busy too long is tried again in the next run."""
    while True:
        try:
            with backend.store.write() as connection:
                of = _outdated(backend, connection)
                months = () if of.held.is_everything else outdated.months(connection, of)
                if not months:
                    return
                number = record_partitions.drop_oldest_month(connection, months[0])
                keeping.add_to_run(connection, run.id, Kind.RECORDS, number)
                keeping.note_gone(connection, months[0].to_utc_ms or 0)
            _log.info("keeping.month_gone name=%s records=%d", months[0].name, number)
        except StoreUnavailableError as err:
            _log.warning("keeping.month_busy problem=%s", err)
            return


def _outdated(backend: Backend, connection: sa.Connection) -> Outdated:
    """Returns what may go, with every hold that stands: none is placed until we commit."""
    keeping.lock_holds(connection)
    return outdated_now(backend, connection)


def _piece(backend: Backend, run: Run) -> int:
    """Takes one piece of whatever there is; returns how much, 0 when nothing is left."""
    with backend.store.write() as connection:
        of = _outdated(backend, connection)
        for kind in Kind:
            if kind is Kind.PEOPLE:
                continue
            number = outdated.take(connection, kind, of, PIECE)
            if number:
                keeping.add_to_run(connection, run.id, kind, number)
                if kind is Kind.RECORDS:
                    keeping.note_gone(connection, outdated.records_until(connection, of))
                return number
        people = outdated.people(connection, of, PIECE)
        now_s = backend.clock.now().utc_s
        for holder_id in people:
            holders.forget(connection, holder_id, now_s)
        if people:
            keeping.add_to_run(connection, run.id, Kind.PEOPLE, len(people))
    for holder_id in people:
        erasures.note(backend.config, holder_id, now_s)
    return len(people)


def _finish(backend: Backend, run: Run, by: str = "") -> Mapping[str, int]:
    """Ends a run with its audit entry, and plans the next one."""
    with backend.store.read() as connection:
        newest = keeping.runs(connection, 1)[0]
    if newest.id != run.id:
        return run.counts  # somebody else ended it meanwhile
    with act(
        backend, KEEPER, Action.MANAGE_KEEPING, name="keeping_run", subject=str(run.id)
    ) as doing:
        now_ms = doing.now.utc_ms
        ended = {"state": RunState.DONE.value, "ended_utc_ms": now_ms}
        keeping.change_run(doing.connection, run.id, ended)
        keeping.plan_run(doing.connection, next_due_utc_ms(newest.began_utc_ms or now_ms))
        of = outdated_now(backend, doing.connection)
        doing.detail.update({kind.value: newest.counts.get(kind.value, 0) for kind in Kind})
        doing.detail["holds"] = sum(1 for _ in keeping.holds(doing.connection))
        doing.detail["records_before_utc_ms"] = of.cuts_utc_ms[Kind.RECORDS]
        if by:
            doing.detail["asked_by"] = by
    _log.info("keeping.ended run=%d counts=%s", run.id, dict(newest.counts))
    return newest.counts
