"""Which software a policy asks of gateways: what came to the format later, and with which release.

A gateway refuses a bundle with a key that it does not know, whole, and goes on with the one that it
holds (docs/protocol.md §5). Whoever adds a key that may be left out adds it here, with the version
of the first release that reads it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from doorward.errors import MalformedError
from doorward.policy import Policy
from doorward.software import Version


class Effect(StrEnum):
    """What a gateway does with a policy that needs newer software than it has."""

    REFUSE = "refuse"
    """It takes nothing of it and goes on with the one that it holds."""
    IGNORE = "ignore"
    """It takes it and acts as if the field were not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something that came to the format later.

    Attributes:
        field: as it is called in the bundle, after the part that it belongs to.
        since: the first release that reads it.
        effect: what older software does with it.
        used: where a policy uses it: names of portals or of zones.
    """

    field: str
    since: Version
    effect: Effect
    used: Callable[[Policy], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A later field that a policy uses, and where."""

    field: str
    since: Version
    effect: Effect
    where: tuple[str, ...]


def _zones_with(field: str) -> Callable[[Policy], Iterator[str]]:
    return lambda policy: (
        policy.zones[zone] for zone, rule in policy.zone_rules.items() if getattr(rule, field)
    )


def _portals_with(field: str) -> Callable[[Policy], Iterator[str]]:
    return lambda policy: (name for name, rule in policy.portals.items() if getattr(rule, field))


_FIRST = Version(0, 1, 0)

NEEDS = (
    Need(
        field="zone_rules.per_day", since=_FIRST, effect=Effect.REFUSE, used=_zones_with("per_day")
    ),
    Need(
        field="zone_rules.per_visit",
        since=_FIRST,
        effect=Effect.REFUSE,
        used=_zones_with("per_visit"),
    ),
    Need(
        field="portals.escort_leads",
        since=_FIRST,
        effect=Effect.REFUSE,
        used=_portals_with("escort_leads"),
    ),
)
"""Everything that may be left out of a bundle; what every release reads is not among it."""


def uses(policy: Policy, needs: tuple[Need, ...] = NEEDS) -> tuple[Use, ...]:
    """Returns the later fields that a policy uses."""
    found = ((need, tuple(sorted(need.used(policy)))) for need in needs)
    return tuple(
        Use(field=need.field, since=need.since, effect=need.effect, where=where)
        for need, where in found
        if where
    )


def beyond(software: str, of: tuple[Use, ...]) -> tuple[Use, ...]:
    """Returns which of these a gateway cannot read that says it has this software.

    What is no version of a release counts as older than each.
    """
    try:
        held = Version.parse(software)
    except MalformedError:
        return of
    return tuple(use for use in of if held < use.since)
