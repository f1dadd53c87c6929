"""How far a revoked gateway is shut out of the broker, and what is still to be done (pure).

Intake refuses it from the act's own transaction on. The broker follows: its certificate goes onto
the list, the rules deny it everything, and its open connection is ended.
"""

from dataclasses import dataclass
from enum import StrEnum

from doorward.ids import GatewayId

URGENT_MS = 60_000
SOON_MS, LATER_MS = 2_000, 30_000
"""A broker that did not answer is asked again so soon in the first minute, and later so: each try
waits for it, and other timed work waits as well."""

INSIST_MS = 45_000
"""A broker that somebody else tells of the new list may read it after the connection was ended, and
let the gateway in once more; so it is ended again and again for this long."""


class CutOffStage(StrEnum):
    """How far it is."""

    REFUSED = "refused"
    """Intake refuses what it says; the broker does not know yet."""
    LISTED = "listed"
    """The broker was told not to let it in again; its connection may still be open."""
    ENDED = "ended"
    """Its connection was ended as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """One revoked gateway.

    Attributes:
        gateway_id: its number in the tables.
        asked_at_utc_ms: when it was revoked.
        listed_at_utc_ms: when certificate list and rules were written and the broker told.
        ended_at_utc_ms: when the broker said that its connection is ended.
        problem: what keeps us from going on, in words for whoever runs the broker.
    """

    gateway_id: int
    gateway: GatewayId
    asked_at_utc_ms: int
    listed_at_utc_ms: int | None
    ended_at_utc_ms: int | None
    problem: str = ""

    @property
    def stage(self) -> CutOffStage:
        """How far it is. Without the list an ended connection could come back at once."""
        if self.listed_at_utc_ms is None:
            return CutOffStage.REFUSED
        return CutOffStage.LISTED if self.ended_at_utc_ms is None else CutOffStage.ENDED

    def is_to_be_thrown_out(self, now_ms: int, failed_at_ms: int) -> bool:
        """Whether the broker is to be told (again) to end its connection.

        Args:
            now_ms: the time.
            failed_at_ms: when a try last failed, at whatever gateway; 0 for never.
        """
        if self.ended_at_utc_ms is None:
            is_urgent = now_ms - self.asked_at_utc_ms < URGENT_MS
            return now_ms - failed_at_ms >= (SOON_MS if is_urgent else LATER_MS)
        listed_ms = self.listed_at_utc_ms
        return listed_ms is not None and now_ms - listed_ms < INSIST_MS
