"""The life of an alert, and who is told of it when (pure).

    open -> acknowledged -> resolved          resolved -> open (it happened again, or by hand)

An alert that comes back within `REOPEN_S` is the same one, opened again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from doorward.reasons import Severity
from doorward_controller.domain.alert_rules import RANKS, Rule

REOPEN_S = 15 * 60
MAX_SILENCE_S = 30 * 86_400


class AlertState(StrEnum):
    """Where an alert stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Move(StrEnum):
    """What people do with an alert."""

    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    SILENCE = "silence"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    NOTE = "note"


_LIVE = frozenset({AlertState.OPEN, AlertState.ACKNOWLEDGED})
_FROM: Mapping[Move, frozenset[AlertState]] = MappingProxyType(
    {
        Move.ACKNOWLEDGE: frozenset({AlertState.OPEN}),
        Move.ASSIGN: _LIVE,
        Move.SILENCE: _LIVE,
        Move.RESOLVE: _LIVE,
        Move.REOPEN: frozenset({AlertState.RESOLVED}),
        Move.NOTE: frozenset(AlertState),
    }
)
_TO: Mapping[Move, AlertState] = MappingProxyType(
    {
        Move.ACKNOWLEDGE: AlertState.ACKNOWLEDGED,
        Move.RESOLVE: AlertState.RESOLVED,
        Move.REOPEN: AlertState.OPEN,
    }
)


def may_move(state: AlertState, move: Move) -> bool:
    """Says whether an alert in this state can be moved so."""
    return state in _FROM[move]


def moved(state: AlertState, move: Move) -> AlertState:
    """Returns where an alert stands after the move."""
    return _TO.get(move, state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who can be told.

    Attributes:
        least_severity: alerts below it are none of its business.
        after_min: it is told when so many minutes have passed and nobody has acknowledged.
        gets_discreet: it may be told of what must not be seen by everybody.
    """

    id: int
    least_severity: Severity
    after_min: int
    is_on: bool = True
    gets_discreet: bool = False


def due_receivers(
    rule: Rule | None,
    receivers: Sequence[Receiver],
    *,
    severity: Severity,
    is_discreet: bool,
    waited_ms: int,
    told: Iterable[int],
) -> tuple[int, ...]:
    """Returns who is to be told of an open alert by now and was not yet, the first first.

    Args:
        rule: whose own steps count before the receivers' order; None when it is gone.
        receivers: all that there are.
        severity: of the alert.
        is_discreet: whether only those who get such alerts may be told.
        waited_ms: for how long the alert has been open without anybody acknowledging it.
        told: who was told already.
    """
    known = {each.id: each for each in receivers}
    if rule is not None and rule.steps:
        ladder = [(step.after_min, step.receiver_id) for step in rule.steps]
    else:
        ladder = [
            (each.after_min, each.id)
            for each in receivers
            if RANKS[severity] >= RANKS[each.least_severity]
        ]
    done = set(told)
    due: list[int] = []
    for after_min, receiver_id in sorted(ladder):
        who = known.get(receiver_id)
        if who is None or not who.is_on or (is_discreet and not who.gets_discreet):
            continue
        if waited_ms >= after_min * 60_000 and receiver_id not in done:
            done.add(receiver_id)
            due.append(receiver_id)
    return tuple(due)


PAUSES_S = (10, 30, 60, 300, 900, 1800, 3600, 3600, 3600, 3600)
"""Between the attempts of one delivery: about five hours in all, then it has failed."""


def next_attempt_s(attempts: int) -> int | None:
    """Returns the pause after so many attempts that failed, None when it was the last."""
    return PAUSES_S[attempts - 1] if attempts <= len(PAUSES_S) else None
