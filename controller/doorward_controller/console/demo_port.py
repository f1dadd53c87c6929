"""What the demonstration offers to its page in the console; the demo implements it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoGateway:
    """One simulated gateway as it stands now.

    Attributes:
        running: its process is alive.
        cut_off: its network to the broker is cut on purpose.
        journal_pending: records that the controller has not acknowledged yet.
        lock: "locked", "unlocked" or "unknown".
        lamp: "off", "green", "red", "yellow" or "blue".
    """

    id: str
    portal: str
    running: bool
    cut_off: bool
    pid: int | None
    journal_pending: int
    lock: str
    lamp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoBadge:
    """Something that can be held up to a simulated camera.

    Attributes:
        credential_id: 16 hex digits, or None for a code that no credential stands behind.
        state: "valid", "upcoming", "suspended", "revoked", "expired" or "foreign".
        is_visitors: somebody issued it in the console while the demonstration ran.
    """

    label: str
    credential_id: str | None
    state: str
    is_visitors: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldUp:
    """What the person saw who pressed "Hold the badge up": the lamp, not a record.

    Attributes:
        is_granted: the lamp was green; None when the gateway said nothing.
    """

    gateway_id: str
    label: str
    credential_id: str | None
    at_utc_ms: int
    is_granted: bool | None


class DemoControls(Protocol):
    """The acts of the demonstration. Every method returns at once and may be called by any thread.

    A method raises `LookupError` for a gateway or a badge that does not exist.
    """

    def gateways(self) -> Sequence[DemoGateway]:
        """Returns the simulated gateways, always in the same order."""
        ...

    def badges(self) -> Sequence[DemoBadge]:
        """Returns what can be presented, the newest badge first."""
        ...

    def held_up(self) -> Sequence[HeldUp]:
        """Returns what became of the badges that were held up through the page, newest first."""
        ...

    def present(self, gateway_id: str, badge_label: str) -> None:
        """Holds the badge up to the gateway's camera."""
        ...

    def cut(self, gateway_id: str) -> None:
        """Cuts the gateway's network off."""
        ...

    def restore(self, gateway_id: str) -> None:
        """Reconnects the gateway's network."""
        ...

    def kill(self, gateway_id: str) -> None:
        """Kills the gateway's process without warning (SIGKILL); its supervisor starts it again."""
        ...
