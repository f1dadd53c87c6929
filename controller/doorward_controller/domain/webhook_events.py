"""What other systems can be told of, from which act it follows, and what is said (pure).

An event holds ids and names of places, never a person's name: whoever needs more asks the
interface for it, with rights of their own. Names of types are stored and never reused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from doorward_controller.domain.permissions import Action

Value = str | int | bool | None | list[str]
Data = dict[str, Value]


class EventType(StrEnum):
    """What happened."""

    SCAN_GRANTED = "scan.granted"
    SCAN_REFUSED = "scan.refused"
    ALERT_OPENED = "alert.opened"
    ALERT_HANDLED = "alert.handled"
    ALERT_RESOLVED = "alert.resolved"
    GATEWAY_ENROLLED = "gateway.enrolled"
    GATEWAY_ADOPTED = "gateway.adopted"
    GATEWAY_LOST = "gateway.lost"
    GATEWAY_BACK = "gateway.back"
    GATEWAY_REVOKED = "gateway.revoked"
    CREDENTIAL_ISSUED = "credential.issued"
    CREDENTIAL_REVOKED = "credential.revoked"
    CREDENTIAL_SUSPENDED = "credential.suspended"
    CREDENTIAL_RESTORED = "credential.restored"
    PERSON_ADDED = "person.added"
    PERSON_LEFT = "person.left"
    POLICY_RELEASED = "policy.released"
    POSTURE_ORDERED = "posture.ordered"
    POSTURE_ENDED = "posture.ended"
    WORK_ORDER_OPENED = "work_order.opened"
    WORK_ORDER_MOVED = "work_order.moved"
    TEST = "webhook.test"


CHOICES: tuple[EventType, ...] = tuple(each for each in EventType if each is not EventType.TEST)
"""What somebody can ask to be told of; a test is told to whoever is tested."""

_BY_AREA = {
    "scan": Action.READ_RECORDS,
    "alert": Action.READ_FLEET,
    "gateway": Action.READ_FLEET,
    "credential": Action.READ_CREDENTIALS,
    "person": Action.READ_CREDENTIALS,
    "policy": Action.READ_FLEET,
    "posture": Action.READ_FLEET,
    "work_order": Action.READ_MAINTENANCE,
    "webhook": Action.READ_FLEET,
}


def needed_for(event: EventType) -> Action:
    """Returns what somebody must be allowed to see before having others told of it."""
    return _BY_AREA[event.value.partition(".")[0]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """How an entry of the audit log is told.

    Attributes:
        subject: what its subject is called in the data; with `s` at the end it is a list.
        keep: what of its details is told.
        only_with: the detail without which it is not told.
    """

    event: EventType
    subject: str
    keep: tuple[str, ...] = ()
    only_with: str = ""


_CHANGE = ("codes", "status_seq")
_BATCH = ("cause", *_CHANGE)
_POSTURE = ("order", "posture", "cause", "until_utc_s")
_ACTS: Mapping[str, _Told] = MappingProxyType(
    {
        "handle_alert": _Told(event=EventType.ALERT_HANDLED, subject="alert", keep=("move",)),
        "enrol_gateway": _Told(event=EventType.GATEWAY_ENROLLED, subject="gateway"),
        "adopt_gateway": _Told(event=EventType.GATEWAY_ADOPTED, subject="gateway"),
        "revoke_gateway": _Told(event=EventType.GATEWAY_REVOKED, subject="gateway"),
        "issue": _Told(
            event=EventType.CREDENTIAL_ISSUED, subject="credential", keep=("form", "holder")
        ),
        "revoke": _Told(event=EventType.CREDENTIAL_REVOKED, subject="credentials", keep=_CHANGE),
        "suspend": _Told(event=EventType.CREDENTIAL_SUSPENDED, subject="credentials", keep=_CHANGE),
        "restore": _Told(event=EventType.CREDENTIAL_RESTORED, subject="credentials", keep=_CHANGE),
        "bulk_revoke": _Told(event=EventType.CREDENTIAL_REVOKED, subject="batch", keep=_BATCH),
        "bulk_suspend": _Told(event=EventType.CREDENTIAL_SUSPENDED, subject="batch", keep=_BATCH),
        "bulk_restore": _Told(event=EventType.CREDENTIAL_RESTORED, subject="batch", keep=_BATCH),
        "withdraw_key": _Told(
            event=EventType.CREDENTIAL_REVOKED, subject="key", keep=("batch", "codes"),
            only_with="codes",
        ),
        "suspensions_end": _Told(event=EventType.CREDENTIAL_RESTORED, subject="", keep=_CHANGE),
        "directory_add": _Told(event=EventType.PERSON_ADDED, subject="holder"),
        "add_holder": _Told(event=EventType.PERSON_ADDED, subject="holder"),
        "directory_change": _Told(
            event=EventType.PERSON_LEFT, subject="holder", keep=("codes",), only_with="left"
        ),
        "directory_remove": _Told(
            event=EventType.PERSON_LEFT, subject="holder", keep=("codes",), only_with="left"
        ),
        "release_policy": _Told(
            event=EventType.POLICY_RELEASED, subject="site", keep=("version", "credentials"),
            only_with="version",
        ),
        "order_posture": _Told(event=EventType.POSTURE_ORDERED, subject="place", keep=_POSTURE),
        "end_posture": _Told(
            event=EventType.POSTURE_ENDED, subject="order", keep=("posture", "place")
        ),
        "request_order": _Told(
            event=EventType.WORK_ORDER_OPENED, subject="gateway",
            keep=("order", "kind", "priority", "alert"), only_with="order",
        ),
        "open_planned_order": _Told(
            event=EventType.WORK_ORDER_OPENED, subject="gateway", keep=("order",), only_with="order"
        ),
        "move_order": _Told(event=EventType.WORK_ORDER_MOVED, subject="order", keep=("turn",)),
    }
)  # fmt: skip


def told_by(
    act: str, subject: str, detail: Mapping[str, str | int | bool | None]
) -> tuple[EventType, Data] | None:
    """Returns what an entry of the audit log tells others of, or None."""
    told = _ACTS.get(act)
    if told is None or (told.only_with and not detail.get(told.only_with)):
        return None
    data: Data = {name: detail[name] for name in told.keep if detail.get(name) is not None}
    if told.subject.endswith("s"):
        data[told.subject] = [each for each in subject.split(",") if each]
    elif told.subject:
        data[told.subject] = subject
    return told.event, data


# --- trying again

PAUSES_S = (5, 30, 120, 600, 1800, 3600)
"""Between the attempts; from the last on, every hour."""

REFUSED_AT_MOST = 5
"""Attempts with an event that its receiver calls wrong; then the next one has its turn."""

OFF_AFTER_S = 3 * 86_400
"""A webhook that has failed for so long without one success is switched off."""

GONE = 410
"""By it a receiver says that it wants nothing more."""

_NOT_ITS_FAULT = frozenset({401, 403, 404, 408, 409, 425, 429})
"""Answers that say something of the receiver's state, and nothing of the event."""


def pause_s(attempts: int) -> int:
    """Returns the pause after so many attempts that failed."""
    return PAUSES_S[min(attempts, len(PAUSES_S)) - 1]


def is_refusal(status: int | None) -> bool:
    """Says whether an answer is about this one event; None stands for no answer at all."""
    return status is not None and 400 <= status < 500 and status not in _NOT_ITS_FAULT
