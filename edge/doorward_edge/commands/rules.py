"""Whether what arrived as a command is carried out. No I/O; `now` and the ledger are arguments.

The rules, in the order of the code:

1. It is a command that a command key of the newest keyring signed; else it says nothing at all.
2. It is for this site and gateway, and its id is the one in its topic; else it is not ours.
3. One that was taken before is answered with what became of it, and not carried out again.
4. One that the ledger may have forgotten is refused.
5. A retained one is refused: what is good for seconds is never kept by an honest broker.
6. Without a clock that can be trusted nothing that changes who gets through is carried out.
7. By a trusted clock it was issued at most `MAX_AHEAD_S` ahead, and has not expired.
"""

from dataclasses import dataclass
from enum import StrEnum

from doorward import topics
from doorward.commands import Command
from doorward.envelope import Kind, parse_envelope
from doorward.errors import MalformedError, WrongRecipientError
from doorward.ids import GatewayId, SiteId
from doorward.keys import PURPOSE_OF_KIND, Keyring, verify_signed
from doorward.outcomes import JobState
from doorward.times import Instant
from doorward_edge.commands.ledger import Entry, Ledger
from doorward_edge.ports import Arrived

MAX_AHEAD_S = 120
"""Clocks that are further apart than this are a fault; commands would live that much longer."""


class Refusal(StrEnum):
    """Why an authentic command is not carried out; the detail of its outcome begins with it."""

    FORGOTTEN = "forgotten"
    RETAINED = "retained"
    CLOCK_UNTRUSTED = "clock_untrusted"
    ISSUED_AHEAD = "issued_ahead"
    EXPIRED = "expired"
    NOT_RECORDED = "not_recorded"
    NOT_ALLOWED = "not_allowed"
    NOT_HERE = "not_here"
    FIRE_ALARM = "fire_alarm"
    BUSY = "busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """It is to be carried out."""

    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """It was taken before."""

    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """It will not be carried out.

    Attributes:
        uses_up: its id is to be noted, so that it stays refused.
    """

    command: Command
    why: Refusal
    detail: str
    uses_up: bool

    @property
    def state(self) -> JobState:
        """What the controller is told."""
        return JobState.TIMED_OUT if self.why is Refusal.EXPIRED else JobState.REJECTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Whose commands count here."""

    site: SiteId
    gateway: GatewayId

    def judge(
        self, message: Arrived, keyring: Keyring, ledger: Ledger, now: Instant
    ) -> Accepted | Repeated | Refused:
        """Returns what is to become of a message.

        Raises:
            MalformedError: not a command.
            UntrustedError: no command key of the keyring signed it.
            WrongRecipientError: another gateway's, or on another command's topic.
        """
        command = self._read(message, keyring, now)
        if (entry := ledger.find(command.id)) is not None:
            return Repeated(entry=entry)
        if ledger.forgets(command):
            return _refused(command, Refusal.FORGOTTEN, "may have been taken before")
        if message.retained:
            return _refused(command, Refusal.RETAINED, "the broker had kept it", uses_up=True)
        return _judge_time(command, now)

    def _read(self, message: Arrived, keyring: Keyring, now: Instant) -> Command:
        envelope = parse_envelope(message.payload)
        if envelope.kind is not Kind.COMMAND:
            raise MalformedError(f"a {envelope.kind} is not a command")
        verify_signed(envelope, keyring, PURPOSE_OF_KIND[Kind.COMMAND], now.trusted_utc_s)
        command = Command.from_body(envelope.body)
        if (command.site, command.gateway) != (self.site, self.gateway):
            raise WrongRecipientError(
                f"command: made for {command.site}/{command.gateway},"
                f" we are {self.site}/{self.gateway}"
            )
        if message.topic != topics.down(self.site, self.gateway, topics.Down.COMMAND, command.id):
            raise WrongRecipientError(f"command {command.id} came on {message.topic[:80]}")
        return command


def _judge_time(command: Command, now: Instant) -> Accepted | Refused:
    now_utc_s = now.trusted_utc_s
    if now_utc_s is None:
        if command.needs_clock:
            detail = "it changes who gets through"
            return _refused(command, Refusal.CLOCK_UNTRUSTED, detail, uses_up=True)
        return Accepted(command=command)
    if (ahead_s := command.issued_at - now_utc_s) > MAX_AHEAD_S:
        detail = f"issued {ahead_s} s ahead of our clock, at most {MAX_AHEAD_S}"
        return _refused(command, Refusal.ISSUED_AHEAD, detail, uses_up=True)
    if command.expires_at <= now_utc_s:
        detail = f"{now_utc_s - command.expires_at} s before it came"
        return _refused(command, Refusal.EXPIRED, detail)
    return Accepted(command=command)


def _refused(command: Command, why: Refusal, detail: str, *, uses_up: bool = False) -> Refused:
    return Refused(command=command, why=why, detail=f"{why}: {detail}", uses_up=uses_up)
