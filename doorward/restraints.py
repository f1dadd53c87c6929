"""Steps 11 to 16 of `decide`: what holds up somebody who may pass, because of what just happened.

Each step is a function that returns a denial's reason or None, in the order of `RESTRAINTS`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from doorward.entry_limits import over_limit
from doorward.knowledge import Knowledge
from doorward.policy import AntiPassback, Direction
from doorward.presence_port import Stay
from doorward.reasons import WAITING, Reason
from doorward.status import Status, StatusList
from doorward.times import ClockTrust
from doorward.verdict import Bearer, Companion, Movement


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """Somebody whom a line of the policy lets pass.

    Attributes:
        entered: index of the zone that one is in afterwards, or None.
        groups: the person's, as indices.
        is_forced: the credential signals duress: nothing that presence knows refuses it.
        is_exempt: interval, anti-passback and the zone's limits do not count for the person.
        companions: who else is at the portal, see `able_companions`.
        leads: how many the person, an escort who shows a code again, leads already.
    """

    bearer: Bearer
    movement: Movement
    entered: int | None
    groups: tuple[int, ...]
    is_forced: bool
    is_exempt: bool
    known: Knowledge
    companions: tuple[Companion, ...]
    leads: int = 0


def restraint_of(passing: Passing) -> tuple[Reason, str] | None:
    """Returns the first reason that holds the person up and the step that found it, or None."""
    for rule, restrain in RESTRAINTS.items():
        if reason := restrain(passing):
            return reason, rule
    return None


def able_companions(
    there: Iterable[Companion],
    bearer: Bearer,
    way: Direction,
    status: StatusList | None,
    since_mono_ms: int,
) -> tuple[Companion, ...]:
    """Returns those who count now: others, this way, just there, and not revoked since."""
    return tuple(
        one
        for one in there
        if one.at_mono_ms >= since_mono_ms
        and one.bearer.holder_id != bearer.holder_id
        and one.movement.way is way
        and status is not None
        and status.get(one.bearer.status_index) is Status.VALID
    )


def leads_already(
    there: Iterable[Companion], bearer: Bearer, way: Direction, since_mono_ms: int
) -> int:
    """Returns how many an escort leads who was let in a moment ago and shows a code again."""
    own = (
        one.leads
        for one in there
        if one.at_mono_ms >= since_mono_ms
        and one.bearer.holder_id == bearer.holder_id
        and one.movement.way is way
    )
    return max(own, default=0)


def _used_up(passing: Passing) -> Reason | None:
    known, bearer = passing.known, passing.bearer
    if not bearer.once_until:
        return None
    used = known.presence.is_used_up(bearer.credential_id, passing.movement.way, known.now)
    is_known = used is not None and known.sees_site()
    return known.weigh(Reason.USED_UP if used else None, is_known=is_known, stands=True)


def _too_soon(passing: Passing) -> Reason | None:
    known = passing.known
    interval_s = known.rule.min_interval_s
    if not interval_s or _is_let_off(passing):
        return None
    return _within(passing, interval_s, Reason.TOO_SOON, passing.movement.way)


def _does_not_fit(passing: Passing) -> Reason | None:
    known = passing.known
    mode = known.rule.antipassback
    if mode is AntiPassback.OFF or _is_let_off(passing):
        return None
    if mode is AntiPassback.TIMED:
        if passing.movement.way is Direction.EXIT:
            return None
        return _within(passing, known.rule.antipassback_s, Reason.PASSED_RECENTLY, Direction.ENTRY)
    reason = _weigh_place(passing)
    if reason is None or mode is AntiPassback.HARD:
        return reason
    known.notices.add(reason)
    return None


def _weigh_place(passing: Passing) -> Reason | None:
    known, zone = passing.known, passing.known.rule.zone
    stay = _stay(passing)
    if passing.movement.way is Direction.ENTRY:
        is_known = stay is not None or known.presence.is_complete(known.now)
        against = Reason.ALREADY_INSIDE if stay and stay.is_inside else None
    else:
        is_known = stay is not None
        against = Reason.NOT_INSIDE if stay and stay.is_inside is False else None
    return known.weigh(against, is_known=is_known and known.sees(zone))


def _within(passing: Passing, seconds: int, reason: Reason, way: Direction) -> Reason | None:
    """A passage that is known to be recent stays so, whatever else is found out."""
    known = passing.known
    stay = _stay(passing)
    last_at = None
    if stay is not None:
        last_at = stay.entered_at if way is Direction.ENTRY else stay.left_at
    has_clock = known.now.trust is not ClockTrust.UNKNOWN
    is_recent = has_clock and last_at is not None and known.now.utc_s - last_at < seconds
    is_known = (
        has_clock
        and (stay is not None or known.presence.is_complete(known.now))
        and known.sees(known.rule.zone)
    )
    return known.weigh(reason if is_recent else None, is_known=is_known, stands=True)


def _entered_often(passing: Passing) -> Reason | None:
    """The zone's own limit on entries; who leaves another zone for this one is not held back."""
    if passing.is_exempt or passing.movement.way is Direction.EXIT:
        return None
    known = passing.known
    return over_limit(known.policy.zone_rule(known.rule.zone), passing.bearer.holder_id, known)


def _is_full(passing: Passing) -> Reason | None:
    known, zone = passing.known, passing.entered
    if zone is None or passing.is_exempt:
        return None
    at_most = known.policy.zone_rule(zone).at_most
    if not at_most:
        return None
    name = known.policy.zones[zone]
    stay = known.presence.stay(passing.bearer.holder_id, name, known.now)
    if stay is not None and stay.is_inside:
        return None
    others = known.presence.occupancy(name, known.now) + len(led_along(passing))
    is_full = others >= at_most
    is_known = known.sees(zone) and known.presence.is_complete(known.now)
    return known.weigh(Reason.ZONE_FULL if is_full else None, is_known=is_known)


def _is_interlocked(passing: Passing) -> Reason | None:
    """An air lock never opens on a guess: a door that nobody sees counts as open."""
    known = passing.known
    doors = [known.presence.is_door_open(door, known.now) for door in known.rule.interlock]
    if any(doors):
        return Reason.INTERLOCK_OPEN
    return Reason.INTERLOCK_UNKNOWN if None in doors else None


def _is_alone(passing: Passing) -> Reason | None:
    rule = passing.known.rule
    if passing.movement.way is Direction.EXIT:
        return None
    if _needs_escort(passing) and escort_of(passing) is None:
        return Reason.ESCORT_NEEDED
    if rule.two_persons and not any(one.waits_for for one in passing.companions):
        return Reason.SECOND_PERSON_NEEDED
    return None


RESTRAINTS: dict[str, Callable[[Passing], Reason | None]] = {
    "11:once": _used_up,
    "12:interval": _too_soon,
    "13:antipassback": _does_not_fit,
    "14:entries": _entered_often,
    "14:occupancy": _is_full,
    "15:interlock": _is_interlocked,
    "16:together": _is_alone,
}


def led_along(passing: Passing) -> tuple[Companion, ...]:
    """Returns those waiting who pass with this person: those who lack just what he brings.

    An escort takes the longest there first, as many as there is room for.
    """
    waiting = [one for one in passing.companions if one.waits_for is Reason.ESCORT_NEEDED]
    led = waiting[: _room(passing, passing.leads)] if passing.bearer.is_escort else []
    return tuple(
        one
        for one in passing.companions
        if one in led or (one.waits_for in WAITING and one.waits_for is not Reason.ESCORT_NEEDED)
    )


def leads_of(passing: Passing, along: tuple[Companion, ...]) -> int:
    """Returns how many this person leads once they pass along."""
    return passing.leads + sum(one.waits_for is Reason.ESCORT_NEEDED for one in along)


def escort_of(passing: Passing) -> Companion | None:
    """Returns the escort who is there and leads this person, or None: no room, or no need."""
    if not _needs_escort(passing):
        return None
    escorts = (one for one in passing.companions if one.bearer.is_escort)
    return next((one for one in escorts if _room(passing, one.leads) > 0), None)


def _needs_escort(passing: Passing) -> bool:
    if passing.movement.way is Direction.EXIT or passing.bearer.is_escort:
        return False
    return not {*passing.known.rule.escorted}.isdisjoint(passing.groups)


def _room(passing: Passing, leads: int) -> int:
    """How many more somebody leads who leads so many."""
    bound = passing.known.rule.escort_leads
    return max(0, bound - leads) if bound else len(passing.companions) + 1


def _is_let_off(passing: Passing) -> bool:
    return passing.is_exempt or passing.is_forced


def _stay(passing: Passing) -> Stay | None:
    known = passing.known
    zone = known.policy.zones[known.rule.zone]
    return known.presence.stay(passing.bearer.holder_id, zone, known.now)
