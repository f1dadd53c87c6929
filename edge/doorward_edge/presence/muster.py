"""Who is inside, as the gateway's own people ask for it: `doorward-edge muster` and the pages.

A gateway knows no names. It knows people by hashes of credentials, and finds the credential where
the policy's roster lists it; whoever is admitted by class alone stays a hash here.
"""

from dataclasses import dataclass
from typing import Any

from doorward.decision import Rules
from doorward.ids import CredentialId, SiteId
from doorward.presence_message import Token
from doorward.presence_muster import Muster, ZoneMuster, names_of
from doorward.times import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class RollCall:
    """A muster with the credentials that could be found.

    Attributes:
        is_running: the gateway answered; otherwise it is what it knew when it last ran.
    """

    gateway: str
    at_utc_s: int
    is_running: bool
    zones: Muster
    names: dict[Token, CredentialId]

    def to_json(self) -> dict[str, Any]:
        """Returns what `doorward-edge muster --json` prints."""
        return {
            "gateway": self.gateway,
            "at": self.at_utc_s,
            "is_running": self.is_running,
            "zones": [self._zone(zone) for zone in self.zones],
        }

    def _zone(self, zone: ZoneMuster) -> dict[str, Any]:
        return {
            "zone": zone.zone,
            "is_certain": zone.is_certain and self.is_running,
            "is_complete": zone.is_complete,
            "unheard": list(zone.unheard),
            "as_of": zone.as_of,
            "people": [
                {
                    "credential": self._name(one.holder),
                    "token": one.holder.hex(),
                    "since": one.since,
                    "seen_by": one.seen_by,
                }
                for one in zone.people
            ],
        }

    def _name(self, holder: Token) -> str | None:
        found = self.names.get(holder)
        return None if found is None else found.hex()


def call_roll(
    muster: Muster,
    rules: Rules | None,
    *,
    site: SiteId,
    gateway: str,
    now: Instant,
    is_running: bool = True,
) -> RollCall:
    """Returns the muster with credentials; about a second for a roster of a million."""
    tokens = {one.holder for zone in muster for one in zone.people}
    known = rules.policy.roster.ids() if rules and tokens else ()
    return RollCall(
        gateway=gateway,
        at_utc_s=now.utc_s,
        is_running=is_running,
        zones=muster,
        names=names_of(tokens, site, known),
    )
