"""What people do with alerts: acknowledge, assign, silence, resolve, open again, write a note."""

from collections.abc import Iterator
from contextlib import contextmanager

from doorward_controller.domain.alert_life import MAX_SILENCE_S, AlertState, Move, may_move, moved
from doorward_controller.domain.permissions import Action, Actor, Extent, allows
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import alerting
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.store import alerts
from doorward_controller.store.alerts import StoredAlert

MAX_NOTE = 500
SEES_DISCREET = Action.SET_POSTURE
"""Who may see what the person at the door must not be known to have told."""


def sees_discreet(actor: Actor) -> bool:
    """Whether somebody may see such alerts, of the places that are theirs."""
    return allows(actor, SEES_DISCREET, Extent.SOMEWHERE)


def acknowledge(backend: Backend, actor: Actor, alert_id: int) -> None:
    """Says that somebody has taken note; nobody further is told.

    Raises ForbiddenError, NotFoundError or ConflictError, as all of these do.
    """
    with _moving(backend, actor, alert_id, Move.ACKNOWLEDGE) as (doing, held):
        alerts.change(
            doing.connection,
            held.id,
            acknowledged_at_utc_ms=doing.now.utc_ms,
            acknowledged_by=actor.name,
        )
        _note(doing, actor, held, "acknowledged")


def assign(backend: Backend, actor: Actor, alert_id: int, to: str) -> None:
    """Says who looks after it; an empty name for nobody."""
    who = _text(to, "the name", 60)
    with _moving(backend, actor, alert_id, Move.ASSIGN) as (doing, held):
        alerts.change(doing.connection, held.id, assigned_to=who)
        _note(doing, actor, held, "assigned", who)
        doing.detail["to"] = who


def silence(backend: Backend, actor: Actor, alert_id: int, until_utc_s: int) -> None:
    """Tells nobody until a time; 0 ends the silence."""
    with _moving(backend, actor, alert_id, Move.SILENCE) as (doing, held):
        now_s = doing.now.utc_s
        if until_utc_s and not now_s < until_utc_s <= now_s + MAX_SILENCE_S:
            raise InvalidError("a silence ends in the future, within 30 days", code="bad_end")
        alerts.change(doing.connection, held.id, silenced_until_utc_s=until_utc_s)
        _note(doing, actor, held, "silenced" if until_utc_s else "unsilenced", str(until_utc_s))
        doing.detail["until"] = until_utc_s


def resolve(backend: Backend, actor: Actor, alert_id: int, text: str = "") -> None:
    """Ends an alert. If its condition still holds it is told anew."""
    said = _text(text, "the note", MAX_NOTE)
    with _moving(backend, actor, alert_id, Move.RESOLVE) as (doing, held):
        alerting.resolve(doing.connection, held, who=actor.name, now=doing.now, text=said)
        alerts.forget_condition(doing.connection, held.key)


def reopen(backend: Backend, actor: Actor, alert_id: int, text: str = "") -> None:
    """Opens an alert that was resolved too soon."""
    said = _text(text, "the note", MAX_NOTE)
    with _moving(backend, actor, alert_id, Move.REOPEN) as (doing, held):
        if alerts.live(doing.connection, held.key) is not None:
            raise ConflictError("a newer alert of the same is open", code="open_already")
        alerts.change(
            doing.connection,
            held.id,
            live_key=alerts.live_key(held.key),
            opened_at_utc_ms=doing.now.utc_ms,
            resolved_at_utc_ms=None,
            resolved_by="",
            acknowledged_at_utc_ms=None,
            acknowledged_by="",
        )
        _note(doing, actor, held, "reopened", said)


def note(backend: Backend, actor: Actor, alert_id: int, text: str) -> None:
    """Writes a line into an alert's history."""
    said = _text(text, "the note", MAX_NOTE)
    if not said:
        raise InvalidError("the note is empty", code="note_empty")
    with _moving(backend, actor, alert_id, Move.NOTE) as (doing, held):
        _note(doing, actor, held, "note", said)


@contextmanager
def _moving(
    backend: Backend, actor: Actor, alert_id: int, move: Move
) -> Iterator[tuple[Act, StoredAlert]]:
    with act(
        backend, actor, Action.HANDLE_ALERTS,
        name="handle_alert", subject=str(alert_id), placed=True,
    ) as doing:  # fmt: skip
        held = alerts.find(doing.connection, alert_id)
        if held is None or (held.is_discreet and not sees_discreet(actor)):
            raise NotFoundError(f"there is no alert {alert_id}")
        doing.at_gateway_named(held.gateway)
        if not may_move(held.state, move):
            raise ConflictError(f"alert {alert_id} is {held.state}", code=f"alert_{held.state}")
        yield doing, held
        after = moved(held.state, move)
        if after is not AlertState.RESOLVED:
            alerts.change(doing.connection, held.id, state=after.value)
        doing.detail["move"] = move.value
    alerting.announce(backend)


def _note(doing: Act, actor: Actor, held: StoredAlert, what: str, text: str = "") -> None:
    alerts.note(
        doing.connection, held.id, at_ms=doing.now.utc_ms, who=actor.name, what=what, text=text
    )


def _text(text: str, what: str, most: int) -> str:
    found = " ".join(text.split())
    if len(found) > most or not found.isprintable():
        raise InvalidError(f"{what} must have at most {most} characters that can be shown")
    return found
