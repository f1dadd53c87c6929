"""Orders of how portals are to stand, which of several counts, and until when (pure).

An order is for a portal, a zone (with the zones within it) or the whole site. Of the orders that
cover a portal the one with the highest standing counts, of equal ones the newest; it takes a higher
or newer one to let somebody through a lockdown. An order of `normal` says: here the policy decides,
whatever stands lower.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from doorward.policy import Posture

MIN_STANDING, MAX_STANDING = 1, 9
USUAL_STANDING: Mapping[Posture, int] = MappingProxyType(
    {Posture.NORMAL: 3, Posture.FREE: 3, Posture.CLOSED: 5, Posture.LOCKDOWN: 7}
)


class Scope(StrEnum):
    """What an order is for. The names are stored and never reused."""

    PORTAL = "portal"
    ZONE = "zone"
    SITE = "site"


class PostureCause(StrEnum):
    """Why. The names are stored and never reused."""

    THREAT = "threat"
    EVACUATION = "evacuation"
    EVENT = "event"
    CROWD = "crowd"
    WORKS = "works"
    FAULT = "fault"
    DRILL = "drill"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostureOrdered:
    """One order.

    Attributes:
        place: name of the portal, zone or site.
        pass_rank: groups of this rank or above pass in a lockdown; None: nobody does.
        standing: 1 to 9; a higher one counts before a lower one.
        until_utc_s: first second in which it counts no more; None: until it is ended.
    """

    id: str
    scope: Scope
    place: str
    posture: Posture
    pass_rank: int | None
    standing: int
    cause: PostureCause
    note: str
    ordered_by: str
    ordered_by_id: int | None
    ordered_at_utc_ms: int
    until_utc_s: int | None
    ended_at_utc_ms: int | None = None
    ended_by: str = ""
    ended_note: str = ""

    def counts_at(self, now_utc_s: int) -> bool:
        """Whether it still counts."""
        if self.ended_at_utc_ms is not None:
            return False
        return self.until_utc_s is None or now_utc_s < self.until_utc_s

    def covers(self, portal: str, zones: Collection[str]) -> bool:
        """Whether it is for a portal that lies in these zones, the inner ones and the outer."""
        match self.scope:
            case Scope.PORTAL:
                return self.place == portal
            case Scope.ZONE:
                return self.place in zones
            case Scope.SITE:
                return True


def topmost(
    orders: Iterable[PostureOrdered], portal: str, zones: Collection[str], now_utc_s: int
) -> PostureOrdered | None:
    """Returns the order that counts at a portal, or None where the policy alone decides."""
    covering = (each for each in orders if each.counts_at(now_utc_s) and each.covers(portal, zones))
    return max(
        covering, key=lambda each: (each.standing, each.ordered_at_utc_ms, each.id), default=None
    )


def zones_around(zone: str, within: Mapping[str, str | None]) -> tuple[str, ...]:
    """Returns a zone and those that it lies in, whatever is wrong with them."""
    found: list[str] = []
    at: str | None = zone
    while at is not None and at not in found:
        found.append(at)
        at = within.get(at)
    return tuple(found)
