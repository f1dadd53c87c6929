"""Rules that hold people up, and what a site remembers, in the words of the tests' tables."""

from typing import Any

from doorward.ids import GatewayId, PortalId
from doorward.policy import AntiPassback, Direction, GroupRule, PresenceDoubt
from doorward.policy_draft import GrantDraft, PortalDraft, ZoneDraft
from doorward.presence_port import Entries, Stay
from doorward.reasons import Reason
from tests.kit.plant import (
    GATE,
    GATEWAY,
    NOON,
)
from tests.kit.remembering import Remembered

SOUTH = PortalId("gate-south")
AIRLOCK = PortalId("airlock-inner")
EXIT, ENTRY, BOTH = Direction.EXIT, Direction.ENTRY, Direction.BOTH
HARD, SOFT, TIMED = AntiPassback.HARD, AntiPassback.SOFT, AntiPassback.TIMED
ALLOW, LAST, DENY = PresenceDoubt.ALLOW, PresenceDoubt.LAST_KNOWN, PresenceDoubt.DENY
YES: tuple[Reason, ...] = ()
"""Granted, and there is nothing to notice."""
UNKNOWN = (Reason.PRESENCE_UNKNOWN,)


def at_gate(*, alone: bool = True, **changes: Any) -> dict[str, Any]:
    """The portals of a site; not `alone`, another gateway sees people enter the zone as well."""
    others = changes.get("interlock", ())
    portals: dict[PortalId, PortalDraft] = {
        door: PortalDraft(zone="lab", gateway=GATEWAY) for door in others
    }
    portals[GATE] = PortalDraft(zone="site", gateway=GATEWAY, **changes)
    if not alone:
        portals[SOUTH] = PortalDraft(zone="site", gateway=GatewayId("gw-south"))
    return {"portals": portals}


def away(**changes: Any) -> dict[str, Any]:
    return at_gate(alone=False, **changes)


def once(**changes: Any) -> dict[str, Any]:
    return at_gate(**changes) | {"group_rules": {"staff": GroupRule(is_once=True)}}


def limited(**limits: Any) -> dict[str, Any]:
    grants = (GrantDraft(group="staff", zone="site", schedule="always", **limits),)
    return {"grants": grants}


def full(at_most: int, **changes: Any) -> dict[str, Any]:
    return at_gate(**changes) | {"zone_rules": {"site": ZoneDraft(at_most=at_most)}}


def visited(draft: dict[str, Any] | None = None, **limits: Any) -> dict[str, Any]:
    """The zone itself says how often one may enter, whatever the lines of the grants say."""
    return (draft or at_gate()) | {"zone_rules": {"site": ZoneDraft(**limits)}}


def exempt(draft: dict[str, Any]) -> dict[str, Any]:
    return draft | {"group_rules": {"staff": GroupRule(is_exempt=True)}}


def forced(draft: dict[str, Any]) -> dict[str, Any]:
    return draft | {"group_rules": {"staff": GroupRule(is_duress=True)}}


def seen(stay: Stay, **changes: Any) -> Remembered:
    return Remembered(stays={"site": stay}, **changes)


def entries(*ago_s: int, **changes: Any) -> Remembered:
    return Remembered(entered=Entries(at=tuple(sorted(NOON - s for s in ago_s)), **changes))


JUST_INSIDE = Stay(is_inside=True, entered_at=NOON - 1, left_at=None)
Expected = Reason | tuple[Reason, ...]
"""The reason of a denial, or what is noticed on a grant."""
