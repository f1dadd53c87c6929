"""Registering people by hand: what a guard wrote is decided, recorded, and only then acted on.

The same rules decide as for a code that is held up; a guard who may do so opens against them, with
a reason that goes on record. What no guard may overrule is a short list: a lockdown, an interlock,
and codes that somebody withdrew or forged. A paper form that is entered later is recorded and moves
nothing.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from doorward.credential import Refusal
from doorward.decision import Deny, Grant, Presentation, Rules
from doorward.events import ByHand
from doorward.ids import PortalId
from doorward.policy import Direction
from doorward.reasons import Reason
from doorward.records import Outcome, Record, RecordKind
from doorward.times import Clock, Instant
from doorward.verdict import Movement
from doorward_edge.pipeline import RulesInForce
from doorward_edge.scan import Scan
from doorward_edge.stages.record import Recorded, RecordOutcome, RecordStage
from doorward_edge.stages.verify import verify_scan

log = logging.getLogger(__name__)

BY_HAND, PAPER = "by_hand", ByHand.PAPER.value
"""The two `reader`s of what no reader saw."""

MOST_NOTE = 200
MOST_SUBJECT = 120
MOST_CODE = 512


class Cause(StrEnum):
    """Why somebody is registered by hand. Codes are on record and never reused."""

    CAMERA_FAILED = "camera_failed"
    PHONE_DEAD = "phone_dead"
    BADGE_FORGOTTEN = "badge_forgotten"
    BADGE_DAMAGED = "badge_damaged"
    VISITOR = "visitor"
    EMERGENCY = "emergency"
    POWER_FAILED = "power_failed"
    OTHER = "other"


class Way(StrEnum):
    """Where the person goes, as the guard sees it."""

    IN = "in"
    OUT = "out"


NEVER_OVERRULED = frozenset(
    {
        Reason.LOCKDOWN,
        Reason.INTERLOCK_OPEN,
        Reason.INTERLOCK_UNKNOWN,
        Reason.REVOKED,
        Reason.KEY_REVOKED,
        Reason.SIGNATURE_WRONG,
        Reason.HOLDER_SIGNATURE_WRONG,
        Reason.PORTAL_UNKNOWN,
        Reason.POLICY_MISSING,
        Reason.NOT_RECORDED,
    }
)
"""A guard's eyes are no answer to these: somebody decided otherwise, or nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a guard wrote. `subject` and `note` are personal data: recorded sealed, never logged.

    Attributes:
        code: what stands on the badge or label, or empty where there is none.
        subject: who it is: a badge number, a company's reference, as the site wants it.
        actor: the guard's staff number.
        may_overrule: whether the guard's entry in the staff list allows that.
        overrules: the guard has seen the refusal, and opens.
        happened_utc_ms: of a paper form, when it happened; None for what happens now.
    """

    portal: PortalId
    way: Way
    code: str
    subject: str
    cause: Cause
    note: str
    actor: str
    may_overrule: bool = False
    overrules: bool = False
    happened_utc_ms: int | None = None

    @property
    def is_paper(self) -> bool:
        """Whether it happened before and is only entered now."""
        return self.happened_utc_ms is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a registration.

    Attributes:
        is_open: the portal was told to open.
        reason: of the decision; `NOT_RECORDED` when the journal did not take it.
        may_be_overruled: the same guard could open nevertheless.
        is_recorded: it is, or will be, on the disk.
    """

    is_open: bool
    reason: Reason
    may_be_overruled: bool
    is_recorded: bool


class Acting(Protocol):
    """Whoever opens and shows at a portal: `doorward_edge.portal.Portal`."""

    def act(
        self, decision: Grant | Deny, recorded: RecordOutcome, now: Instant, *, online: bool
    ) -> None:
        """Opens for a grant that is on record, and shows what was decided."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One portal, as far as registration by hand is concerned.

    Attributes:
        decide: what the rules say of a presentation here; see `doorward.decision.decide`.
        is_interlocked: whether a door that keeps this one shut is known to stand open.
    """

    portal: PortalId
    decide: Callable[[Presentation, Rules | None, Instant], Grant | Deny]
    is_interlocked: Callable[[Instant], bool]
    record: RecordStage
    acting: Acting


class HandDesk:
    """Takes registrations, one at a time, on the main loop's thread."""

    def __init__(
        self,
        gates: Mapping[PortalId, Gate],
        rules: RulesInForce,
        clock: Clock,
        is_online: Callable[[], bool],
    ) -> None:
        """Takes the portals of this gateway and the rules that count."""
        self._gates = gates
        self._rules = rules
        self._clock = clock
        self._is_online = is_online
        self.taken = 0

    def take(self, registration: Registration) -> Answer:
        """Decides, records, acts. Raises KeyError for a portal that is not ours."""
        gate, now = self._gates[registration.portal], self._clock.now()
        if registration.is_paper:
            return self._note_paper(gate, registration, now)
        ruled = gate.decide(self._presented(registration), self._rules.rules, now)
        decision = self._settled(gate, registration, ruled, now)
        recorded = gate.record.record(_record(gate, registration, decision, ruled, now))
        is_recorded = recorded.state is not Recorded.FAILED
        if not is_recorded:
            decision = Deny(reason=Reason.NOT_RECORDED, grounds=decision.grounds)
        gate.acting.act(decision, recorded, now, online=self._is_online())
        self.taken += 1
        # Neither who nor by whom: the journal is sealed so that a stolen card does not tell.
        log.info("hand.taken reason=%s overrules=%s", decision.reason, registration.overrules)
        return Answer(
            is_open=isinstance(decision, Grant),
            reason=decision.reason,
            may_be_overruled=_may_overrule(registration, decision),
            is_recorded=is_recorded,
        )

    def _note_paper(self, gate: Gate, registration: Registration, now: Instant) -> Answer:
        begun = gate.record.begin(RecordKind.MANUAL, now, PAPER, registration.way.value)
        record = replace(
            _written(begun, registration),
            reader=PAPER,
            happened_utc_ms=registration.happened_utc_ms,
        )
        is_recorded = gate.record.record(record).state is not Recorded.FAILED
        self.taken += is_recorded
        return Answer(
            is_open=False,
            reason=Reason.GRANTED if is_recorded else Reason.NOT_RECORDED,
            may_be_overruled=False,
            is_recorded=is_recorded,
        )

    def _presented(self, registration: Registration) -> Presentation:
        if not registration.code:
            return Refusal(Reason.NO_CODE)
        rules = self._rules.rules
        scan = Scan(
            payload=registration.code.encode(), problem="", reader=BY_HAND, captured_mono_ms=0
        )
        return verify_scan(scan, self._rules.keyring, rules.policy.foreign_salt if rules else b"")

    def _settled(
        self, gate: Gate, registration: Registration, ruled: Grant | Deny, now: Instant
    ) -> Grant | Deny:
        """Returns what is done: what the rules say, or what the guard puts in its place."""
        rules = self._rules.rules
        rule = rules.policy.portals.get(gate.portal) if rules else None
        if not registration.overrules or isinstance(ruled, Grant) or rule is None:
            return ruled
        if not _may_overrule(registration, ruled):
            return ruled
        if gate.is_interlocked(now):
            return Deny(reason=Reason.INTERLOCK_OPEN, grounds=ruled.grounds)
        return Grant(
            reason=Reason.BY_HAND,
            grounds=ruled.grounds,
            pulse_ms=rule.pulse_ms,
            movement=ruled.movement or Movement(way=_WAYS[registration.way]),
            bearer=ruled.bearer,
        )


_WAYS = {Way.IN: Direction.ENTRY, Way.OUT: Direction.EXIT}


def _may_overrule(registration: Registration, decision: Grant | Deny) -> bool:
    is_refused = isinstance(decision, Deny) and decision.reason not in NEVER_OVERRULED
    return is_refused and registration.may_overrule


def _record(
    gate: Gate,
    registration: Registration,
    decision: Grant | Deny,
    ruled: Grant | Deny,
    now: Instant,
) -> Record:
    grounds = decision.grounds
    begun = gate.record.begin(RecordKind.MANUAL, now, decision.reason.value, registration.way.value)
    is_overruled = decision.reason is Reason.BY_HAND
    rule = f"overruled:{ruled.reason}|{grounds.rule}" if is_overruled else grounds.rule
    return replace(
        _written(begun, registration),
        outcome=Outcome.GRANT if isinstance(decision, Grant) else Outcome.DENY,
        credential_id=grounds.credential_id,
        form=grounds.form.value if grounds.form else "",
        credential_class=grounds.credential_class,
        rule=rule[:128],
        basis=grounds.basis.value,
        policy_version=grounds.policy_version or None,
        policy_age_s=grounds.policy_age_s,
        status_seq=grounds.status_seq or None,
        reader=BY_HAND,
    )


def _written(record: Record, registration: Registration) -> Record:
    return replace(
        record,
        actor=registration.actor,
        subject=registration.subject[:MOST_SUBJECT],
        cause=registration.cause.value,
        note=registration.note[:MOST_NOTE],
    )
