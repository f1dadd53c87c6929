"""Step 10 of `decide`: which line of the policy lets this person go this way, now."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from doorward.entry_limits import over_limit
from doorward.ids import CredentialId
from doorward.knowledge import Knowledge
from doorward.policy import Direction, GrantRule, Policy
from doorward.reasons import Reason

_NEARNESS = {
    Reason.NOT_AUTHORISED: 0,
    Reason.NOT_THIS_WAY: 1,
    Reason.OUTSIDE_SCHEDULE: 2,
    Reason.QUALIFICATION_MISSING: 3,
    Reason.QUALIFICATION_EXPIRED: 4,
    Reason.VISIT_LIMIT: 5,
    Reason.DAY_LIMIT: 6,
    Reason.PRESENCE_UNKNOWN: 7,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who asks.

    Attributes:
        held: until when each qualification holds.
        way: `Direction.ENTRY` or `Direction.EXIT`.
        time_counts: whether the clock may be believed.
    """

    holder_id: CredentialId
    groups: tuple[int, ...]
    held: dict[int, int]
    way: Direction
    time_counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """What step 10 found.

    Attributes:
        reason: `Reason.GRANTED`, or the nearest miss.
        rule: the line that granted, or came nearest.
        line: the line that granted, which may limit how often one enters; None where none did.
    """

    reason: Reason
    rule: str
    line: GrantRule | None = None


def entitlement_of(claim: Claim, known: Knowledge) -> Entitlement:
    """Returns the first line that lets pass, or the nearest miss, the first of equally near ones.

    Qualifications and the number of entries restrain who enters, never who leaves.
    """
    nearest, nearest_line = Reason.NOT_AUTHORISED, None
    for grant in _lines(claim.groups, known.rule.zone, known.policy):
        miss = _miss_of(grant, claim, known)
        if miss is None:
            return Entitlement(
                reason=Reason.GRANTED,
                rule=_name_of(grant, known.policy),
                line=grant,
            )
        if _NEARNESS[miss] > _NEARNESS[nearest]:
            nearest, nearest_line = miss, grant
    rule = "10:grants" if nearest_line is None else _name_of(nearest_line, known.policy)
    return Entitlement(reason=nearest, rule=rule)


def _miss_of(grant: GrantRule, claim: Claim, known: Knowledge) -> Reason | None:
    """Returns what is missing for this line, or None where nothing is."""
    if not grant.way.covers(claim.way):
        return Reason.NOT_THIS_WAY
    if claim.time_counts and not known.is_open(grant.schedule):
        return Reason.OUTSIDE_SCHEDULE
    if claim.way is Direction.EXIT:
        return None
    wanted = (*grant.qualifications, *known.rule.qualifications)
    if any(needed not in claim.held for needed in wanted):
        return Reason.QUALIFICATION_MISSING
    if claim.time_counts and any(claim.held[needed] <= known.now.utc_s for needed in wanted):
        return Reason.QUALIFICATION_EXPIRED
    return over_limit(grant, claim.holder_id, known)


def _lines(groups: Iterable[int], zone: int, policy: Policy) -> Iterator[GrantRule]:
    for group in groups:
        yield from policy.grants.get((group, zone), ())


def _name_of(grant: GrantRule, policy: Policy) -> str:
    return (
        f"10:{policy.groups[grant.group]}>{policy.zones[grant.zone]}"
        f"@{policy.schedules[grant.schedule].name}"
    )
