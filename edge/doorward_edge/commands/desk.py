"""Between the broker and whoever carries commands out: judges, notes, hands over, and tells.

The courier's thread calls `take` and `turn`, the worker's `next_command` and `settle`. An outcome
stays untold until a connection has held for a while after it was sent.
"""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from doorward import topics
from doorward.commands import Command, CommandName
from doorward.envelope import Signer
from doorward.errors import DoorwardError
from doorward.events import EventCode
from doorward.keys import Keyring
from doorward.messages import Rejection
from doorward.outcomes import Attachment, Finding, JobState, Outcome
from doorward.times import Clock, Instant, UtcSeconds
from doorward_edge.commands.ledger import Entry, Ledger, entry_of
from doorward_edge.commands.posture_keeper import Notes
from doorward_edge.commands.rules import Accepted, Judge, Refusal, Refused, Repeated
from doorward_edge.ports import Arrived, Notice, Outgoing

log = logging.getLogger(__name__)

NOTES = "commands"
TOLD_AFTER_MS = 30_000
"""A connection that still stands so long after an outcome was sent has carried it."""

MOST_NOTICES = 32
MOST_BROUGHT = 4
"""What commands brought back waits in memory; more than so many at once is given up."""

Publish = Callable[[Outgoing], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What an outcome says beside its state."""

    findings: tuple[Finding, ...] = ()
    attachment: Attachment | None = None


class CommandDesk:
    """Takes each command once. Safe from every thread."""

    def __init__(
        self,
        *,
        judge: Judge,
        keyring: Callable[[], Keyring],
        notes: Notes,
        signer: Signer,
        clock: Clock,
    ) -> None:
        """Brings the ledger back, and settles what was under way when the gateway ended."""
        self._judge = judge
        self._keyring = keyring
        self._notes = notes
        self._signer = signer
        self._clock = clock
        self._lock = threading.Lock()
        self._ledger = Ledger.from_notes(notes.notes(NOTES), clock.now().trusted_utc_s)
        self._accepted: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._soon: deque[Outcome] = deque(maxlen=64)
        self._sent_ms: dict[str, int] = {}
        self._brought: dict[str, Brought] = {}
        self._notices: deque[Notice] = deque(maxlen=MOST_NOTICES)
        self._repeated: set[str] = set()
        self.rejected: tuple[Rejection, ...] = ()
        self.wake: Callable[[], None] = lambda: None
        self._begin()

    @property
    def topics(self) -> Sequence[str]:
        """What is subscribed to."""
        return (topics.commands_of(self._judge.site, self._judge.gateway),)

    def wants(self, topic: str) -> bool:
        """Whether a message on this topic is for `take`."""
        return topic.startswith(self.topics[0].removesuffix("+"))

    # --- The courier's thread -------------------------------------------------------------------

    def take(self, message: Arrived, now: Instant) -> bool:
        """Judges what arrived. Returns whether to report that it says nothing at all."""
        with self._lock:
            try:
                verdict = self._judge.judge(message, self._keyring(), self._ledger, now)
            except DoorwardError as err:
                log.warning("command.untrusted error=%s", err)
                before, self.rejected = self.rejected, (_rejection(err),)
                return before != self.rejected
            match verdict:
                case Accepted(command=command):
                    self._accept(command, now)
                case Repeated(entry=entry):
                    self._repeat(entry)
                case Refused():
                    self._refuse(verdict, now)
        return False

    def turn(self, now: Instant, publish: Publish, *, is_connected: bool) -> bool:
        """Sends what is to be said. Nothing of it is for the report."""
        with self._lock:
            if is_connected:
                self._tell(now, publish)
            else:
                self._sent_ms.clear()
        return False

    def _tell(self, now: Instant, publish: Publish) -> None:
        while self._soon and self._send(self._soon[0], publish):
            self._soon.popleft()
        for entry in self._ledger.untold():
            if entry.id not in self._sent_ms and self._send(self._outcome(entry), publish):
                self._sent_ms[entry.id] = now.mono_ms
        self._note_told(now)

    # --- The worker's thread --------------------------------------------------------------------

    def next_command(self, timeout_s: float) -> Command | None:
        """Returns the next command to carry out, or None when there was none in time."""
        try:
            return self._accepted.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def settle(
        self, command: Command, state: JobState, detail: str, brought: Brought | None = None
    ) -> None:
        """Notes and tells what became of a command; never raises for the disk."""
        now_utc_s = self._clock.now().utc_s
        log.info("command.%s id=%s name=%s detail=%s", state, command.id, command.name, detail)
        with self._lock:
            entry = self._ledger.find(command.id) or entry_of(command, state, now_utc_s)
            settled = replace(
                entry, state=state, detail=detail[:300], seq=entry.seq + 1, at=now_utc_s
            )
            if brought is not None and len(self._brought) < MOST_BROUGHT:
                self._brought[command.id] = brought
            self._ledger = self._ledger.with_entry(settled)
            try:
                self._notes.set_notes(NOTES, self._ledger.to_notes())
            except OSError as err:
                # It is told all the same; after a crash it would read as cut short.
                log.warning("command.outcome_unwritten error=%s", err)
        self.wake()

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what happened that belongs into the journal, since the last call."""
        with self._lock:
            notices = tuple(self._notices)
            self._notices.clear()
            return notices

    def notice(self, code: EventCode, detail: str) -> None:
        """Has something written into the journal."""
        with self._lock:
            self._notices.append(Notice(code=code, detail=detail))

    # --- Within the lock ------------------------------------------------------------------------

    def _begin(self) -> None:
        """What was under way when the gateway ended: a restart is done, all else was cut short."""
        for entry in self._ledger.entries:
            if entry.is_settled:
                continue
            is_restart = entry.name == CommandName.RESTART
            settled = replace(
                entry,
                state=JobState.SUCCEEDED if is_restart else JobState.FAILED,
                detail="restarted"
                if is_restart
                else "the gateway ended before it said what became of it",
                seq=entry.seq + 1,
                at=self._clock.now().utc_s,
            )
            self._ledger = self._ledger.with_entry(settled)

    def _accept(self, command: Command, now: Instant) -> None:
        entry = entry_of(command, JobState.IN_PROGRESS, now.utc_s)
        try:
            self._write(self._ledger.with_entry(entry))
        except OSError as err:
            # Not on the disk, so not carried out: after a restart it could come again.
            log.error("command.unwritten id=%s error=%s", command.id, err)  # noqa: TRY400  # one line
            detail = f"{Refusal.NOT_RECORDED}: {err}"[:300]
            self._ledger = self._ledger.with_entry(
                replace(entry, state=JobState.REJECTED, detail=detail)
            )
            return
        log.info("command.taken id=%s name=%s by=%s", command.id, command.name, command.by)
        self._soon.append(self._outcome(entry))
        self._accepted.put(command)

    def _repeat(self, entry: Entry) -> None:
        """A broker repeats at QoS 1, and so does who recorded it: once is worth a record."""
        if entry.id not in self._repeated and len(self._repeated) < MOST_NOTICES:
            self._repeated.add(entry.id)
            self._notices.append(
                Notice(code=EventCode.COMMAND_REPEATED, detail=f"{entry.name} {entry.id}")
            )
        self._soon.append(self._outcome(entry))

    def _refuse(self, refused: Refused, now: Instant) -> None:
        command = refused.command
        log.warning("command.refused id=%s why=%s", command.id, refused.detail)
        entry = entry_of(command, refused.state, now.utc_s, refused.detail[:300])
        if not refused.uses_up:
            self._soon.append(self._outcome(entry))
        else:
            # What was said of it stays said, also where the disk does not take it.
            self._ledger = self._ledger.with_entry(entry)
            try:
                self._write(self._ledger)
            except OSError as err:
                log.warning("command.refusal_unwritten id=%s error=%s", command.id, err)
        if command.id not in self._repeated and len(self._repeated) < MOST_NOTICES:
            self._repeated.add(command.id)
            detail = f"{command.name} {command.id} by {command.by}: {refused.detail}"
            self._notices.append(Notice(code=EventCode.COMMAND_REFUSED, detail=detail))

    def _write(self, ledger: Ledger) -> None:
        self._notes.set_notes(NOTES, ledger.to_notes())
        self._ledger = ledger

    def _note_told(self, now: Instant) -> None:
        told = [
            entry
            for entry in self._ledger.untold()
            if now.mono_ms - self._sent_ms.get(entry.id, now.mono_ms) >= TOLD_AFTER_MS
        ]
        if not told:
            return
        ledger = self._ledger
        for entry in told:
            ledger = ledger.with_entry(replace(entry, is_told=True))
            self._sent_ms.pop(entry.id)
            self._brought.pop(entry.id, None)
        try:
            self._write(ledger)
        except OSError as err:
            log.warning("command.told_unwritten error=%s", err)
            self._ledger = ledger

    def _outcome(self, entry: Entry) -> Outcome:
        brought = self._brought.get(entry.id, Brought())
        return Outcome(
            site=self._judge.site,
            gateway=self._judge.gateway,
            id=entry.id,
            state=entry.state,
            seq=entry.seq,
            at=UtcSeconds(entry.at),
            detail=entry.detail,
            findings=brought.findings,
            attachment=brought.attachment,
        )

    def _send(self, outcome: Outcome, publish: Publish) -> bool:
        judge = self._judge
        topic = topics.up(judge.site, judge.gateway, topics.Up.OUTCOME, outcome.id)
        return publish(Outgoing(topic=topic, payload=outcome.sealed_with(self._signer)))


def _rejection(err: DoorwardError) -> Rejection:
    return Rejection(what="command", version=0, error=str(err)[:200])
