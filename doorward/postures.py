"""How a portal stands at an instant, before anybody shows a code (step 2 of `decide`)."""

from dataclasses import dataclass

from doorward.ids import PortalId
from doorward.policy import Policy, PortalRule, Posture, PostureOrder
from doorward.presence_port import Presence
from doorward.schedule import Schedule, SiteTime, opening_began
from doorward.times import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a portal stands.

    Attributes:
        rank: groups of this rank or above pass in lockdown; None: nobody does.
        rule: what decided, as in `doorward.verdict.Grounds`.
    """

    posture: Posture
    rank: int | None = None
    rule: str = "2:posture"


_NORMAL = Standing(posture=Posture.NORMAL)


def standing_of(
    portal: PortalId,
    rule: PortalRule,
    ordered: PostureOrder | None,
    policy: Policy,
    presence: Presence,
    now: Instant,
) -> Standing:
    """Returns how the portal stands.

    An order that was given to the gateway goes before the policy's, and each counts until its time;
    then the schedule in which the portal is unlocked. Without a trusted clock nothing gets looser
    by time: closed and lockdown stay, what is free for a while or by schedule is not. What a
    command `ordered` may be None; `normal` says nothing.
    """
    if ordered is None and rule.posture is Posture.NORMAL and rule.unlock is None:
        return _NORMAL
    for order, name in ((ordered, "2:order"), (rule.order, "2:posture")):
        if order is not None and order.posture is not Posture.NORMAL and _counts(order, now):
            return Standing(posture=order.posture, rank=order.rank, rule=name)
    schedule = None if rule.unlock is None else policy.schedules[rule.unlock]
    if schedule is not None and _is_unlocked(portal, rule, schedule, policy.time, presence, now):
        return Standing(posture=Posture.FREE, rule=f"2:unlock@{schedule.name}")
    return _NORMAL


def _counts(order: PostureOrder, now: Instant) -> bool:
    if order.until is None:
        return True
    at = now.trusted_utc_s
    if at is None:
        return order.posture is not Posture.FREE
    return at < order.until


def _is_unlocked(
    portal: PortalId,
    rule: PortalRule,
    schedule: Schedule,
    time: SiteTime,
    presence: Presence,
    now: Instant,
) -> bool:
    at = now.trusted_utc_s
    began = None if at is None else opening_began(schedule, time, at)
    if began is None or not rule.unlock_after_first:
        return began is not None
    came_at = presence.last_grant_at(portal, now)
    return came_at is not None and began <= time.local_s(came_at)
