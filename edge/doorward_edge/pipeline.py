"""One scan, end to end: verify -> decide -> record -> actuate.

What comes before (capture, decode) delivers a `Scan`; what comes after (publish) reads the journal.
"""

import logging
from dataclasses import dataclass, field
from typing import Protocol

from doorward.decision import Deny, Grant, Rules
from doorward.keys import Keyring
from doorward.reasons import Reason
from doorward.times import Clock, Instant
from doorward_edge.scan import Scan
from doorward_edge.stages.decide import DecideStage
from doorward_edge.stages.record import Recorded, RecordOutcome, RecordStage
from doorward_edge.stages.verify import verify_scan

log = logging.getLogger(__name__)


class RulesInForce(Protocol):
    """Where keyring and rules are looked up, once a scan."""

    @property
    def keyring(self) -> Keyring:
        """The keys that count now."""
        ...

    @property
    def rules(self) -> Rules | None:
        """Policy and status list, or None before the first ones."""
        ...


class LinkView(Protocol):
    """Whether the controller could hear of it at once."""

    @property
    def is_connected(self) -> bool:
        """Whether messages can be sent now."""
        ...


class Actor(Protocol):
    """Who acts on a decision; `doorward_edge.portal.Portal`."""

    def act(
        self, decision: Grant | Deny, recorded: RecordOutcome, now: Instant, *, online: bool
    ) -> None:
        """Opens for a grant, and shows what was decided."""
        ...


@dataclass(slots=True)
class Counters:
    """What happened since this process started."""

    scans: int = 0
    granted: int = 0
    denied: int = 0
    late: int = 0
    not_recorded: int = 0
    reasons: dict[Reason, int] = field(default_factory=dict)

    def totals(self) -> dict[str, int]:
        """Returns the numbers by name, without the reasons."""
        return {
            "scans": self.scans,
            "granted": self.granted,
            "denied": self.denied,
            "late": self.late,
            "not_recorded": self.not_recorded,
        }


class Pipeline:
    """Takes one scan at a time, from one thread."""

    def __init__(
        self,
        *,
        rules: RulesInForce,
        link: LinkView,
        clock: Clock,
        decide: DecideStage,
        record: RecordStage,
        actuate: Actor,
        counters: Counters,
    ) -> None:
        """Takes the stages of one portal, and where to count."""
        self._rules = rules
        self._link = link
        self._clock = clock
        self._decide = decide
        self._record = record
        self._actuate = actuate
        self._counters = counters

    def take(self, scan: Scan, *, is_stale: bool = False) -> Grant | Deny | None:
        """Decides on a scan, records it and acts.

        Args:
            scan: what was held up.
            is_stale: it waited for so long that somebody else may stand there by now.

        Returns:
            What was done, or None for a granted pass that only drew itself anew.
        """
        now, online = self._clock.now(), self._link.is_connected
        rules = self._rules.rules
        salt = rules.policy.foreign_salt if rules else b""
        presentation = verify_scan(scan, self._rules.keyring, salt)
        if self._decide.is_same_pass_again(presentation, now):
            return None
        decision = self._decide.decide(presentation, rules, now)
        if is_stale:
            decision = Deny(reason=Reason.BUSY, grounds=decision.grounds)
        recorded = self._record.scan(scan, decision, now)
        if recorded.state is Recorded.FAILED:
            decision = Deny(reason=Reason.NOT_RECORDED, grounds=decision.grounds)
        if isinstance(decision, Grant):
            self._decide.note_granted(presentation, now)
        self._actuate.act(decision, recorded, now, online=online)
        self._count(decision, recorded.state)
        return decision

    def _count(self, decision: Grant | Deny, recorded: Recorded) -> None:
        counters, reason = self._counters, decision.reason
        counters.scans += 1
        counters.granted += isinstance(decision, Grant)
        counters.denied += isinstance(decision, Deny)
        counters.late += recorded is Recorded.LATE
        counters.not_recorded += recorded is Recorded.FAILED
        counters.reasons[reason] = counters.reasons.get(reason, 0) + 1
        # Not who it was: the journal is sealed so that a stolen card does not tell.
        log.info(
            "scan.%s reason=%s rule=%s recorded=%s",
            "granted" if isinstance(decision, Grant) else "denied",
            reason,
            decision.grounds.rule or "-",
            recorded,
        )
