"""Takes the desired configuration in, keeps it, tries it, and takes it back when it cuts us off.

What is taken counts from the next start of the gateway; until then it is reported as pending.
`load` is called once, at the start; `take` and `turn` by the courier's thread.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from doorward import topics
from doorward.envelope import Kind, parse_envelope
from doorward.errors import (
    DoorwardError,
    MalformedError,
    RollbackError,
    UntrustedError,
    WrongRecipientError,
)
from doorward.events import EventCode
from doorward.ids import GatewayId, SiteId
from doorward.keys import PURPOSE_OF_KIND, Keyring, verify_signed
from doorward.messages import Applied, Rejection
from doorward.times import Instant
from doorward.twin import Desired, Settings
from doorward_edge.ports import Arrived, Documents, Notice, Outgoing
from doorward_edge.twin.generations import LOST, Generation, Generations
from doorward_edge.twin.trial import Trial, Verdict

log = logging.getLogger(__name__)

NOTES = "twin"
MOST_PENDING = 64
_WHAT = Kind.CONFIG.value


class Check(Protocol):
    """The checks of the installer's file, with settings over it."""

    def __call__(self, settings: Settings) -> object:
        """Raises ValueError in words where they do not fit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigReport:
    """What is said of the configuration: version in force, version taken, refusals, what waits.

    Attributes:
        on_trial: whether the version in force would still be taken back.
    """

    in_force: int = 0
    taken: int = 0
    rejected: tuple[Rejection, ...] = ()
    pending: tuple[str, ...] = ()
    on_trial: bool = False


class TwinKeeper:
    """The only writer of the settings from afar."""

    def __init__(self, *, site: SiteId, gateway: GatewayId, documents: Documents) -> None:
        """Takes whose configuration it is and where it is kept."""
        self._site = site
        self._gateway = gateway
        self._documents = documents
        self._keyring: Callable[[], Keyring] | None = None
        self._kept = Generations.from_notes(documents.notes(NOTES))
        self._in_force = self._kept.newest
        self._trial: Trial | None = None
        self._refused: Rejection | None = None
        self._notices: deque[Notice] = deque(maxlen=16)
        self._check: Check = _refuse_all
        self._restart: Callable[[str], None] = lambda _: None

    @property
    def topics(self) -> Sequence[str]:
        """What is subscribed to."""
        return (topics.down(self._site, self._gateway, topics.Down.DESIRED),)

    def wants(self, topic: str) -> bool:
        """Whether a message on this topic is for `take`."""
        return topic in self.topics

    @property
    def report(self) -> ConfigReport:
        """What is to be said of the configuration."""
        kept = self._kept
        refused = [self._refused] if self._refused is not None else []
        if kept.rejected:
            refused.append(Rejection(what=_WHAT, version=kept.rejected, error=kept.error))
        return ConfigReport(
            in_force=self._in_force.version,
            taken=kept.newest.version,
            rejected=tuple(refused),
            pending=kept.pending(self._in_force)[:MOST_PENDING],
            on_trial=self._trial is not None,
        )

    @property
    def rejected(self) -> tuple[Rejection, ...]:
        """What was refused, for the report."""
        return self.report.rejected

    def load(self, check: Check, now: Instant) -> Settings:
        """Returns the settings that count from now on, and begins their trial where one is due.

        What no longer fits the installer's file is taken back at once.

        Args:
            check: raises ValueError where settings do not fit.
            now: when the gateway begins.
        """
        self._check = check
        began = self._kept.with_start()
        if began is not self._kept and not began.is_on_trial:
            self._tell(EventCode.CONFIG_TAKEN_BACK, began.rejected, began.error)
        for _ in range(2):
            try:
                check(began.newest.settings)
            except ValueError as err:
                error = f"does not fit the file any more: {err}"
                self._tell(EventCode.CONFIG_TAKEN_BACK, began.newest.version, error)
                began = began.with_newest_taken_back(error)
            else:
                break
        self._keep(began)
        self._in_force = began.newest
        if began.is_on_trial:
            self._trial = Trial(was_reachable=began.was_reachable, since_ms=now.mono_ms)
            self._tell(EventCode.CONFIG_APPLIED, began.newest.version, "on trial")
        return began.newest.settings

    def connect(self, keyring: Callable[[], Keyring], restart: Callable[[str], None]) -> None:
        """Takes which keys may sign, and what begins the gateway anew; before `take`."""
        self._keyring = keyring
        self._restart = restart

    def take(self, message: Arrived, now: Instant) -> bool:
        """Takes a desired configuration in, or says why not. Returns whether to report anew."""
        version = 0
        try:
            desired = self._read(message, now)
            version = desired.version
            if not self._kept.judge(desired, self._documents.floors().config):
                return False
        except RollbackError as err:
            log.info("config.older error=%s", err)
            return False
        except DoorwardError as err:
            log.warning("config.untrusted error=%s", err)
            refused = Rejection(what=_WHAT, version=version, error=str(err)[:200])
            has_changed, self._refused = self._refused != refused, refused
            return has_changed
        self._refused = None
        try:
            self._weigh(desired)
        except OSError as err:
            log.error("config.unwritten error=%s", err)  # noqa: TRY400  # said in one line
            self._refused = Rejection(
                what=_WHAT, version=version, error=f"not written: {err}"[:200]
            )
        return True

    def turn(
        self, now: Instant, publish: Callable[[Outgoing], bool], *, is_connected: bool
    ) -> bool:
        """Goes on with a trial. Returns whether to report anew."""
        del publish  # everything that it says is in the report
        if self._trial is None:
            return False
        self._trial = self._trial.noted(is_connected=is_connected, now_ms=now.mono_ms)
        verdict = self._trial.verdict(now.mono_ms)
        if verdict is Verdict.WAIT:
            return False
        self._trial = None
        if verdict is Verdict.CONFIRM:
            log.info("config.confirmed version=%d", self._in_force.version)
            self._keep(self._kept.with_confirmed(self._in_force))
            return True
        self._tell(EventCode.CONFIG_TAKEN_BACK, self._in_force.version, LOST)
        if self._kept.newest == self._in_force:
            self._keep(self._kept.with_newest_taken_back(LOST))
        # Else a newer one was taken meanwhile, and is tried in its place.
        self._restart("a configuration was taken back")
        return True

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what happened that belongs into the journal, since the last call."""
        notices = []
        while self._notices:
            notices.append(self._notices.popleft())
        return tuple(notices)

    def _read(self, message: Arrived, now: Instant) -> Desired:
        envelope = parse_envelope(message.payload)
        if envelope.kind is not Kind.CONFIG:
            raise MalformedError(f"a {envelope.kind} is not a configuration")
        if self._keyring is None:
            raise UntrustedError("config: no keys are known yet")
        verify_signed(envelope, self._keyring(), PURPOSE_OF_KIND[Kind.CONFIG], now.trusted_utc_s)
        desired = Desired.from_body(envelope.body)
        if (desired.site, desired.gateway) != (self._site, self._gateway):
            raise WrongRecipientError(f"config: made for {desired.site}/{desired.gateway}")
        return desired

    def _weigh(self, desired: Desired) -> None:
        """Takes or refuses a new configuration by the file's own checks. Raises OSError."""
        try:
            self._check(desired.settings)
        except ValueError as err:
            log.warning("config.refused version=%d error=%s", desired.version, err)
            self._note(self._kept.with_rejected(desired.version, str(err)))
            self._tell(EventCode.CONFIG_REFUSED, desired.version, str(err))
            return
        self._note(self._kept.with_taken(desired, was_reachable=True))
        log.info("config.taken version=%d", desired.version)
        if not self._kept.pending(self._in_force):
            # It changes nothing that is at work: it is in force as it stands.
            self._in_force = self._kept.newest
            self._note(self._kept.with_confirmed(self._in_force))
            self._tell(EventCode.CONFIG_APPLIED, desired.version, "it changes nothing")

    def _note(self, kept: Generations) -> None:
        """Writes, then counts. Raises OSError."""
        self._documents.raise_floors(Applied(config=max(kept.newest.version, kept.rejected)))
        self._documents.set_notes(NOTES, kept.to_notes())
        self._kept = kept

    def _keep(self, kept: Generations) -> None:
        """Counts at once; a disk that does not take it is tried again at the next change."""
        if kept is self._kept:
            return
        self._kept = kept
        try:
            self._documents.set_notes(NOTES, kept.to_notes())
        except OSError as err:
            log.warning("config.unwritten error=%s", err)

    def _tell(self, code: EventCode, version: int, detail: str) -> None:
        self._notices.append(Notice(code=code, detail=f"version {version}: {detail}"))


def _refuse_all(settings: Settings) -> None:
    raise ValueError(f"{len(settings)} settings, but there is no file that they could lie over")


__all__ = ["Check", "ConfigReport", "Generation", "TwinKeeper"]
