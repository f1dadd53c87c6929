"""Record: on the disk before the lock is told, or known to be late (architecture, §2)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from doorward.decision import Deny, Grant
from doorward.errors import MalformedError
from doorward.events import CLOCK_EVENTS, EventCode
from doorward.records import Outcome, Record, RecordKind
from doorward.times import Instant
from doorward_edge.ports import Journal, JournalError, Receipt, Ticket
from doorward_edge.scan import Scan

RECORD_WAIT_S = 0.150
"""A person at a turnstile waits no longer for a slow card; past it the record is marked late."""


_OTHER_FORM = "other"


class Recorded(StrEnum):
    """What became of a record when the wait ended."""

    DURABLE = "durable"
    LATE = "late"
    """Not on the disk yet; the journal marks it when it gets there."""
    FAILED = "failed"
    """It will not be on the disk; the portal's policy says what that means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOutcome:
    """What became of a record.

    Attributes:
        receipt: its number when it is durable.
        error: why it failed.
        ticket: asks the journal again, for what was late.
    """

    state: Recorded
    receipt: Receipt | None = None
    error: Exception | None = None
    ticket: Ticket | None = None

    def now(self, wait_s: float = 0) -> "RecordOutcome":
        """Returns what became of it by now, or within some time. Never raises for the disk."""
        if self.state is not Recorded.LATE or self.ticket is None:
            return self
        try:
            receipt = self.ticket.wait(wait_s)
        except JournalError as err:
            return RecordOutcome(state=Recorded.FAILED, error=err)
        return self if receipt is None else _durable(receipt)


class RecordStage:
    """Fills in what every record of this boot has in common, appends, and waits a bounded time."""

    def __init__(
        self,
        journal: Journal,
        *,
        boot_id: bytes,
        portal: str,
        is_online: Callable[[], bool],
        wait_s: float = RECORD_WAIT_S,
    ) -> None:
        self._journal, self._boot_id, self._portal = journal, boot_id, portal
        self._is_online, self._wait_s = is_online, wait_s

    def begin(self, kind: RecordKind, now: Instant, reason: str, detail: str = "") -> Record:
        """Returns a record with time, boot, portal and uplink filled in."""
        return Record(
            kind=kind,
            utc_ms=now.utc_ms,
            mono_ms=now.mono_ms,
            boot_id=self._boot_id,
            clock_trust=now.trust,
            portal=self._portal,
            reason=reason,
            detail=detail,
            online=self._is_online(),
        )

    def record(self, record: Record) -> RecordOutcome:
        """Appends and waits until it is durable, at most `wait_s`. Never raises for the disk."""
        try:
            ticket = self._journal.append(record)
            receipt = ticket.wait(self._wait_s)
            if receipt is None and not ticket.mark_late():
                receipt = ticket.wait(0)
        except (JournalError, MalformedError) as err:
            return RecordOutcome(state=Recorded.FAILED, error=err)
        if receipt is None:
            return RecordOutcome(state=Recorded.LATE, ticket=ticket)
        return _durable(receipt)

    def hand_over(self, record: Record) -> RecordOutcome:
        """Appends without waiting; `RecordOutcome.now` tells later what became of it."""
        try:
            ticket = self._journal.append(record)
        except (JournalError, MalformedError) as err:
            return RecordOutcome(state=Recorded.FAILED, error=err)
        return RecordOutcome(state=Recorded.LATE, ticket=ticket)

    def scan(self, scan: Scan, decision: Grant | Deny, now: Instant) -> RecordOutcome:
        """Records what was decided about a scan, a refusal like a grant."""
        grounds = decision.grounds
        is_ours = grounds.credential_id is not None
        # In one go: somebody stands before the door.
        made = Record(
            kind=RecordKind.SCAN,
            utc_ms=now.utc_ms,
            mono_ms=now.mono_ms,
            boot_id=self._boot_id,
            clock_trust=now.trust,
            portal=self._portal,
            outcome=Outcome.GRANT if isinstance(decision, Grant) else Outcome.DENY,
            reason=decision.reason.value,
            credential_id=grounds.credential_id,
            form=grounds.form.value if grounds.form else _OTHER_FORM,
            credential_class=grounds.credential_class,
            rule=grounds.rule,
            basis=grounds.basis.value,
            policy_version=grounds.policy_version or None,
            policy_age_s=grounds.policy_age_s,
            status_seq=grounds.status_seq or None,
            reader=scan.reader,
            # Of a code that is not ours only a part of its hash is kept.
            payload_digest=None if is_ours else hashlib.sha256(scan.payload).digest()[:8],
            online=self._is_online(),
            detail=_detail(decision),
        )
        return self.record(made)

    def event(self, code: EventCode, detail: str, now: Instant) -> RecordOutcome:
        """Records that something happened to the gateway."""
        return self.record(self.begin_event(code, detail, now))

    def begin_event(self, code: EventCode, detail: str, now: Instant) -> Record:
        """Returns the record of something that happened to the gateway."""
        said = detail[:512].replace("\0", "")
        kind = RecordKind.CLOCK if code in CLOCK_EVENTS else RecordKind.EVENT
        return self.begin(kind, now, code.value, said)


def _durable(receipt: Receipt) -> RecordOutcome:
    return RecordOutcome(state=Recorded.DURABLE, receipt=receipt)


def _detail(decision: Grant | Deny) -> str:
    """Says what was to be noticed, and the codes of those who waited and pass along."""
    along = decision.companions if isinstance(decision, Grant) else ()
    if not along and not decision.grounds.notices:
        return ""
    said = {
        "noticed": decision.grounds.notices,
        "along": [one.bearer.credential_id.hex() for one in along],
    }
    return "; ".join(f"{what}: {', '.join(which)}" for what, which in said.items() if which)[:512]
