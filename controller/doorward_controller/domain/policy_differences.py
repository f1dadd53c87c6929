"""What a new policy would change: who gets through where and when, and what is called differently.

Both come from the policies as gateways read them, and who gets through from the gateways' own
`decide`: nothing here knows a rule of its own, so nothing here can disagree with a gate. What needs
to know what happened before (who is inside, when somebody last passed, passes that are used up)
cannot show in a model week; a rule of that kind which changes shows among the named changes.
"""

from collections import defaultdict
from collections.abc import Container, Mapping
from dataclasses import dataclass

from doorward.credential import CredentialClass
from doorward.ids import CredentialId
from doorward.policy import Direction, Policy
from doorward_controller.domain.rule_changes import NamedChange, rule_changes
from doorward_controller.domain.software_age import TooOld
from doorward_controller.domain.weekly_rights import (
    Alike,
    Comparison,
    ModelWeek,
    Pattern,
    gather,
)

EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsChange:
    """Some people get through some portals at more times, or at fewer.

    Attributes:
        is_loss: they no longer get through.
        when: in the model week.
        is_all: they had no other time there, or have none.
        people: how many different persons.
        examples: some of their credentials, in hex.
    """

    is_loss: bool
    portals: tuple[str, ...]
    way: Direction
    when: Pattern
    people: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterChange:
    """How the list of people itself changes.

    Attributes:
        listed, unlisted: credentials that come and go.
        changed: credentials whose groups, qualifications or days change.
    """

    listed: int
    unlisted: int
    changed: int

    @property
    def is_none(self) -> bool:
        """Whether the list stays as it is."""
        return not (self.listed or self.unlisted or self.changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Everything that would change.

    Attributes:
        people: how many persons either policy lists.
        affected: how many of them get through somewhere at other times.
        too_old: gateways whose software cannot read all of the new policy.
    """

    rights: tuple[RightsChange, ...]
    named: tuple[NamedChange, ...]
    roster: RosterChange
    people: int
    affected: int
    too_old: tuple[TooOld, ...] = ()

    @property
    def is_none(self) -> bool:
        """Whether nothing would change at all."""
        return not self.rights and not self.named and self.roster.is_none


def differences(
    before: Policy | None,
    after: Policy,
    *,
    now_utc_s: int,
    classes: Mapping[CredentialId, CredentialClass],
    without: Container[CredentialId] = frozenset(),
) -> Differences:
    """Compares two policies.

    Args:
        before: what counts now; None before the first release.
        after: what would count.
        now_utc_s: the model week begins on this day.
        classes: of credentials that one of the two may not list.
        without: credentials that are revoked or suspended anyway.

    Raises:
        MalformedError: a roster points at something that is not a profile.
    """
    week = ModelWeek.of(now_utc_s, after.time)
    people = gather(before, after, week, classes, without)
    rights, affected = _rights(Comparison(before, after, week, people), people)
    return Differences(
        rights=rights,
        named=rule_changes(before, after),
        roster=_roster(before, after),
        people=len(set().union(*(alike.people for alike in people))),
        affected=affected,
    )


def _rights(comparison: Comparison, people: list[Alike]) -> tuple[tuple[RightsChange, ...], int]:
    """Says once what is the same: first of many people, then of many portals."""
    who: dict[tuple[bool, str, Direction, Pattern], list[int]] = defaultdict(list)
    affected: set[CredentialId] = set()
    for place, alike in enumerate(people):
        for shift in comparison.shifts(alike):
            affected |= alike.people
            for is_loss, when in ((True, shift.lost), (False, shift.gained)):
                if when:
                    who[is_loss, shift.portal, shift.way, when].append(place)
    where: dict[tuple[bool, Direction, Pattern, tuple[int, ...]], list[str]] = defaultdict(list)
    for (is_loss, portal, way, when), places in who.items():
        where[is_loss, way, when, tuple(places)].append(portal)
    found = [
        RightsChange(
            is_loss=is_loss,
            portals=tuple(sorted(portals)),
            way=way,
            when=when,
            people=len(set().union(*(people[place].people for place in places))),
            examples=tuple(people[place].example.hex() for place in places[:EXAMPLES]),
        )
        for (is_loss, way, when, places), portals in where.items()
    ]
    found.sort(key=lambda one: (not one.is_loss, -one.people, one.portals, one.way, one.when))
    return tuple(found), len(affected)


def _roster(before: Policy | None, after: Policy) -> RosterChange:
    was = set(before.roster.ids()) if before else set()
    will = set(after.roster.ids())
    changed = 0
    if before:
        names_before, names_after = _names_of(before), _names_of(after)
        for id_ in was & will:
            one, other = before.roster.find(id_), after.roster.find(id_)
            if one is None or other is None:
                continue
            if one == other and names_before == names_after:
                continue
            changed += _named(before, id_) != _named(after, id_)
    return RosterChange(listed=len(will - was), unlisted=len(was - will), changed=changed)


def _names_of(policy: Policy) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return policy.groups, policy.qualifications


def _named(policy: Policy, id_: CredentialId) -> tuple[object, ...]:
    """A profile by names, since indices move."""
    profile = policy.roster.find(id_)
    if profile is None:
        return ()
    return (
        profile.not_before,
        profile.not_after,
        frozenset(policy.groups[n] for n in profile.groups),
        frozenset((policy.qualifications[n], until) for n, until in profile.qualifications),
        profile.holder,
    )
