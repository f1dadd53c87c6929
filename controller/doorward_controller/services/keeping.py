"""How long what is kept: looked at, changed, and stopped by holds; each change is audited."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.domain.keeping import (
    BOUNDS,
    Bounds,
    Hold,
    Kind,
    check_days,
    check_hold,
    cut_utc_ms,
    held_by,
)
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import InvalidError, NotFoundError
from doorward_controller.services import rules
from doorward_controller.services.acting import act, check_read
from doorward_controller.services.backend import Backend
from doorward_controller.store import holders, keeping, outdated
from doorward_controller.store.keeping import KeptFor, Run, RunState
from doorward_controller.store.outdated import Outdated

ENDED_SHOWN = 20
RUNS_SHOWN = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class KindKept:
    """How long a kind is kept.

    Attributes:
        cut_utc_ms: what is older than that goes in a run that began now.
    """

    kind: Kind
    days: int
    least_days: int
    usual_days: int
    most_days: int
    changed_by: str
    changed_at_utc_ms: int | None
    cut_utc_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What is kept how long, what is held, what went when, and when something goes next.

    Attributes:
        by_months: records go a month at a time (PostgreSQL), each when all of it is over.
        records_from_utc_ms: from when on all records are there; None where none went yet.
        due_utc_ms: when the next run begins; None while one is under way, or before the first plan.
        runs: the newest first, without the next one.
    """

    kinds: tuple[KindKept, ...]
    by_months: bool
    records_from_utc_ms: int | None
    holds: tuple[Hold, ...]
    due_utc_ms: int | None
    running: Run | None
    runs: tuple[Run, ...]


def show(backend: Backend, actor: Actor) -> Keeping:
    """Returns all of it. Raises ForbiddenError."""
    check_read(backend, actor, Action.READ_KEEPING)
    with backend.store.read() as connection:
        of = outdated_now(backend, connection)
        runs = keeping.runs(connection, RUNS_SHOWN + 1)
        return Keeping(
            kinds=tuple(
                _kind(kept, of.cuts_utc_ms[kept.kind], BOUNDS[kept.kind])
                for kept in keeping.times(connection)
            ),
            by_months=not backend.store.is_sqlite,
            records_from_utc_ms=keeping.records_from_utc_ms(connection),
            holds=keeping.holds(connection, ended=ENDED_SHOWN),
            due_utc_ms=next((r.due_utc_ms for r in runs if r.state is RunState.PLANNED), None),
            running=next((run for run in runs if run.state is RunState.RUNNING), None),
            runs=tuple(run for run in runs if run.state is RunState.DONE),
        )


def outdated_now(backend: Backend, connection: sa.Connection) -> Outdated:
    """Returns what may go now, by the times and holds that a transaction sees."""
    now_ms, forget_s = backend.clock.now().utc_ms, rules.current(backend).forget_s
    times = {kept.kind: kept.days for kept in keeping.times(connection)}
    cuts = {
        kind: cut_utc_ms(kind, times, now_ms, forget_s=forget_s if kind is Kind.RECORDS else 0)
        for kind in Kind
    }
    return Outdated(cuts_utc_ms=cuts, held=held_by(keeping.holds(connection)))


def preview(backend: Backend, actor: Actor) -> Mapping[Kind, int]:
    """Returns how much of each kind a run would take away now. Raises ForbiddenError."""
    check_read(backend, actor, Action.READ_KEEPING)
    with backend.store.read() as connection:
        of = outdated_now(backend, connection)
        return {kind: outdated.count(connection, kind, of) for kind in Kind}


def set_time(backend: Backend, actor: Actor, kind: Kind, days: int) -> None:
    """Keeps a kind so many days from now on. Raises ForbiddenError or InvalidError."""
    with act(backend, actor, Action.MANAGE_KEEPING, name="set_keeping", subject=kind) as doing:
        check_days(kind, days)
        before = {kept.kind: kept.days for kept in keeping.times(doing.connection)}[kind]
        doing.detail.update(before=before, days=days)
        keeping.set_time(
            doing.connection,
            KeptFor(
                kind=kind, days=days, changed_by=actor.name, changed_at_utc_ms=doing.now.utc_ms
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHold:
    """What is to be held, and why: everything, a time, a person, or a person's time."""

    reason: str
    holder_id: str | None = None
    from_utc_ms: int | None = None
    to_utc_ms: int | None = None


def place_hold(backend: Backend, actor: Actor, wanted: NewHold) -> int:
    """Stops what is covered from going, at once; returns the hold's number.

    Raises ForbiddenError, InvalidError, or NotFoundError for a person whom nobody knows.
    """
    with act(backend, actor, Action.MANAGE_KEEPING, name="place_hold") as doing:
        check_hold(wanted.reason, wanted.from_utc_ms, wanted.to_utc_ms)
        if wanted.holder_id is not None:
            found = holders.find(doing.connection, [wanted.holder_id]).get(wanted.holder_id)
            if found is None:
                raise NotFoundError(
                    f"there is no holder {wanted.holder_id[:40]!r}", code="no_holder"
                )
            if found.wrapped_key is None:
                raise InvalidError(f"holder {found.id} was erased", code="holder_erased")
        hold_id = keeping.add_hold(
            doing.connection,
            {
                "reason": wanted.reason.strip(),
                "holder_id": wanted.holder_id,
                "from_utc_ms": wanted.from_utc_ms,
                "to_utc_ms": wanted.to_utc_ms,
                "placed_by": actor.name,
                "placed_at_utc_ms": doing.now.utc_ms,
            },
        )
        doing.subject = str(hold_id)
        doing.detail.update(
            reason=wanted.reason.strip(), holder=wanted.holder_id,
            from_utc_ms=wanted.from_utc_ms, to_utc_ms=wanted.to_utc_ms,
        )  # fmt: skip
        return hold_id


def end_hold(backend: Backend, actor: Actor, hold_id: int) -> None:
    """Ends a hold: what it covered goes when its time is over.

    Raises ForbiddenError, or NotFoundError where none of this number stands.
    """
    with act(backend, actor, Action.MANAGE_KEEPING, name="end_hold", subject=str(hold_id)) as doing:
        if not keeping.end_hold(doing.connection, hold_id, actor.name, doing.now.utc_ms):
            raise NotFoundError(f"hold {hold_id} does not stand", code="no_hold")


def _kind(kept: KeptFor, cut: int, bounds: Bounds) -> KindKept:
    return KindKept(
        kind=kept.kind,
        days=kept.days,
        least_days=bounds.least_days,
        usual_days=bounds.usual_days,
        most_days=bounds.most_days,
        changed_by=kept.changed_by,
        changed_at_utc_ms=kept.changed_at_utc_ms,
        cut_utc_ms=cut,
    )
