"""Work orders: their states as a table, and who may not do what to their own.

Everything that decides about a transition stands here; what is not in `TABLE` is refused and
changes nothing. The drawing in docs/reference/work-order.md is made from this table.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

HOUR_S = 3_600
DAY_S = 86_400


class OrderState(StrEnum):
    """Where a work order stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    DONE = "done"
    VERIFIED = "verified"
    CANCELLED = "cancelled"


class OrderTurn(StrEnum):
    """What somebody does to a work order's state."""

    APPROVE = "approve"
    SCHEDULE = "schedule"
    START = "start"
    HOLD = "hold"
    RESUME = "resume"
    FINISH = "finish"
    VERIFY = "verify"
    SEND_BACK = "send_back"
    CANCEL = "cancel"


_S, _T = OrderState, OrderTurn
TABLE: Mapping[OrderState, Mapping[OrderTurn, OrderState]] = MappingProxyType(
    {
        _S.REQUESTED: {_T.APPROVE: _S.APPROVED, _T.CANCEL: _S.CANCELLED},
        _S.APPROVED: {_T.SCHEDULE: _S.SCHEDULED, _T.CANCEL: _S.CANCELLED},
        _S.SCHEDULED: {_T.START: _S.IN_PROGRESS, _T.CANCEL: _S.CANCELLED},
        _S.IN_PROGRESS: {
            _T.HOLD: _S.ON_HOLD,
            _T.FINISH: _S.DONE,
            _T.CANCEL: _S.CANCELLED,
        },
        _S.ON_HOLD: {_T.RESUME: _S.IN_PROGRESS, _T.CANCEL: _S.CANCELLED},
        _S.DONE: {_T.VERIFY: _S.VERIFIED, _T.SEND_BACK: _S.IN_PROGRESS},
        _S.VERIFIED: {},
        _S.CANCELLED: {},
    }
)

OPEN = frozenset(state for state in OrderState if _T.CANCEL in TABLE[state])
"""Work is still to be done."""

WORKED_ON = frozenset({_S.IN_PROGRESS, _S.ON_HOLD})
"""What was found, used and spent can be written down."""

JUDGING = frozenset({_T.APPROVE, _T.VERIFY, _T.SEND_BACK})
"""Acts of the second person."""

WORKING = frozenset({_T.START, _T.RESUME, _T.FINISH})
"""Whoever did one of these has done the work."""


class OrderKind(StrEnum):
    """Why work is done."""

    CORRECTIVE = "corrective"
    PREVENTIVE = "preventive"
    INSPECTION = "inspection"


class OrderOrigin(StrEnum):
    """What opened an order."""

    HAND = "hand"
    ALERT = "alert"
    PLAN = "plan"


class Priority(StrEnum):
    """How soon."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


DEADLINES_S: Mapping[Priority, int] = MappingProxyType(
    {
        Priority.URGENT: 4 * HOUR_S,
        Priority.HIGH: DAY_S,
        Priority.NORMAL: 7 * DAY_S,
        Priority.LOW: 30 * DAY_S,
    }
)
"""When an order is due that names no day of its own."""


class FailureMode(StrEnum):
    """What the device did wrong, as it was seen."""

    NO_POWER = "no_power"
    NO_PICTURE = "no_picture"
    READS_BADLY = "reads_badly"
    LOCK_STUCK = "lock_stuck"
    LOCK_OPEN = "lock_open"
    SENSOR_WRONG = "sensor_wrong"
    NO_NETWORK = "no_network"
    OVERHEATED = "overheated"
    STORAGE_FAILING = "storage_failing"
    CLOCK_WRONG = "clock_wrong"
    SIGNALS_WRONG = "signals_wrong"
    DAMAGED = "damaged"
    TAMPERED = "tampered"
    OTHER = "other"


class FailureCause(StrEnum):
    """Why it did so."""

    WEAR = "wear"
    DIRT = "dirt"
    WEATHER = "weather"
    POWER_SUPPLY = "power_supply"
    CABLING = "cabling"
    VANDALISM = "vandalism"
    MISUSE = "misuse"
    INSTALLATION = "installation"
    SOFTWARE = "software"
    NETWORK = "network"
    UNKNOWN = "unknown"
    OTHER = "other"


class Remedy(StrEnum):
    """What helped."""

    REPAIRED = "repaired"
    REPLACED = "replaced"
    ADJUSTED = "adjusted"
    CLEANED = "cleaned"
    RESTARTED = "restarted"
    UPDATED = "updated"
    NO_FAULT_FOUND = "no_fault_found"
    OTHER = "other"


class CheckResult(StrEnum):
    """What a point of a checklist came to; open points have none."""

    OK = "ok"
    BAD = "bad"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabourRate:
    """What an hour of work costs, in minor units of a currency; nothing, where nobody said."""

    per_hour_minor: int = 0
    currency: str = ""

    def cost_minor(self, minutes: int) -> int:
        """Returns what so many minutes cost, to the nearest minor unit."""
        return (minutes * self.per_hour_minor + 30) // 60


class OwnWork(StrEnum):
    """Why somebody is not the second person."""

    REQUESTED = "own_request"
    DONE = "own_work"


def after(state: OrderState, turn: OrderTurn) -> OrderState | None:
    """Returns the state that follows, or None where the turn is not possible."""
    return TABLE[state].get(turn)


def own_work(
    turn: OrderTurn, who: str, *, requested_by: str, done_by: Collection[str]
) -> OwnWork | None:
    """Says why `who` may not take a turn: nobody approves their request or judges their work.

    Args:
        turn: what is asked for.
        who: the account's name.
        requested_by: who asked for the order.
        done_by: who started, resumed or finished it.
    """
    if turn is OrderTurn.APPROVE and who == requested_by:
        return OwnWork.REQUESTED
    if turn in {OrderTurn.VERIFY, OrderTurn.SEND_BACK} and who in done_by:
        return OwnWork.DONE
    return None
