"""What of the live feed somebody sees who is limited to zones.

An event of a portal is for who has that portal, one of a gateway for who has one of its portals.
What says no more than "look again" is for everybody, because the look is narrowed; the rest is for
those who have the site.
"""

from dataclasses import dataclass
from typing import Self

from doorward_controller.domain.permissions import Zones
from doorward_controller.services.feed import EventKind, FeedEvent
from doorward_controller.store import places
from doorward_controller.store.session import Store

_HINTS = frozenset({EventKind.ALERT, EventKind.RESET})
_OF_A_PORTAL = frozenset({EventKind.SCAN, EventKind.POSTURE})
_OF_A_GATEWAY = frozenset({EventKind.GATEWAY, EventKind.COMMAND})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The portals and gateways that somebody sees; None for all, those to come too."""

    portals: frozenset[str] | None
    gateways: frozenset[str] | None

    @classmethod
    def of(cls, store: Store, zones: Zones) -> Self:
        """Reads what stands in the zones now; portals move, so whoever keeps it reads it anew."""
        if zones is None:
            return cls(portals=None, gateways=None)
        with store.read() as connection:
            return cls(
                portals=frozenset(places.portal_names(connection, zones)),
                gateways=places.gateway_names(connection, zones),
            )

    def shows(self, event: FeedEvent) -> bool:
        """Whether somebody with this sight may be told."""
        if self.portals is None or self.gateways is None or event.kind in _HINTS:
            return True
        if event.kind in _OF_A_PORTAL:
            return event.data.get("portal") in self.portals
        if event.kind in _OF_A_GATEWAY:
            return event.data.get("gateway") in self.gateways
        return False
