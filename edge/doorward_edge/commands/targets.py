"""What carries commands out, as ports: the portals, the gateway around them, who is where."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from doorward.commands import Forgive
from doorward.errors import DoorwardError
from doorward.ids import Epoch, PortalId
from doorward.outcomes import Finding
from doorward_edge.commands.rules import Refusal


class NotDoneError(DoorwardError):
    """It was tried and could not be done; the message is for the outcome."""


class WillNotError(DoorwardError):
    """It is refused here; nothing was tried."""

    def __init__(self, why: Refusal, detail: str) -> None:
        """Keeps why; the detail of the outcome begins with it."""
        super().__init__(f"{why}: {detail}")
        self.why = why


class CommandTargets(Protocol):
    """The portals. Called by a thread of its own; returns when the lock was told.

    Every method raises WillNotError for a portal that is not here, or that may not be moved now
    (a fire alarm has it), and NotDoneError when the hardware does not do it.
    """

    def open_once(self, portal: PortalId) -> None:
        """Releases for one passage, by the portal's own pulse."""
        ...

    def hold_open(self, portal: PortalId, until_mono_ms: int) -> None:
        """Keeps released until a time of the monotonic clock, `secure`, or the gateway's end."""
        ...

    def secure(self, portal: PortalId) -> None:
        """Locks now."""
        ...

    def posture_changed(self, portal: PortalId) -> bool:
        """Has the portal look at its posture anew (`PostureKeeper.order_of`).

        Returns:
            Whether it counts at once: a fire alarm goes before every posture.
        """
        ...

    def identify(self, portal: PortalId | None) -> None:
        """Blinks and beeps, at one portal or at all; returns at once."""
        ...


class Premises(Protocol):
    """The gateway around the portals. Every method raises WillNotError or NotDoneError."""

    def self_test(self) -> Sequence[Finding]:
        """Tries everything that can be tried without moving a lock."""
        ...

    def restart(self) -> None:
        """Has the gateway end in order, so that it is begun anew; returns at once."""
        ...

    def log(self, lines: int) -> bytes:
        """Returns the newest lines of the log, UTF-8, nothing personal in them."""
        ...

    def picture(self, portal: PortalId) -> bytes:
        """Returns what the portal's camera sees now, as a JPEG."""
        ...

    def update(self, order: str, version: str, until_utc_s: int) -> str:
        """Has a release installed, or the one before brought back; returns what to say of it."""
        ...

    def resend(self, epoch: Epoch, first_seq: int) -> int:
        """Has records sent again; returns how many."""
        ...


class People(Protocol):
    """What is known of who is where. Raises WillNotError or NotDoneError."""

    def forgive(self, order: Forgive) -> str:
        """Lets either way fit next, here and at the site's others; returns for whom, in words."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing that a self-test tries; `try_it` returns what it saw, or raises DoorwardError."""

    what: str
    try_it: Callable[[], str]

    def find(self) -> Finding:
        """Returns what became of the try."""
        try:
            return Finding(what=self.what, is_good=True, detail=self.try_it()[:300])
        except (DoorwardError, OSError) as err:
            return Finding(what=self.what, is_good=False, detail=str(err)[:300])
