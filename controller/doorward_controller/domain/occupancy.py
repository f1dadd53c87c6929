"""Who is inside, folded from what was let through: the latest movement of each counts.

The controller sees what gateways recorded, some of it late; who moves between two gateways that are
cut off is where he was last seen. A grant counts as a passage unless its gateway saw that nobody
went through. The gateways' own muster (`doorward-edge muster`) knows sooner.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from doorward.policy import Direction


class HandWay(StrEnum):
    """Which way somebody went whom a guard let through."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What a portal is for: which zone it leads to, from where, and which way.

    Attributes:
        beyond: the zone on the other side where that is a zone too, else empty.
    """

    zone: str
    beyond: str = ""
    direction: Direction = Direction.ENTRY


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Somebody went through a portal.

    Attributes:
        person: who, however that is known: the same text is the same person.
        record_id: which record says so.
        way: as a guard said it; None where the portal's direction says it.
    """

    person: str
    portal: str
    at_utc_ms: int
    record_id: int
    way: HandWay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """Somebody who is inside a zone, since when, seen where."""

    person: str
    zone: str
    portal: str
    since_utc_ms: int
    record_id: int


@dataclass(slots=True)
class _Places:
    inner: Mapping[str, frozenset[str]]
    held: dict[str, dict[str, Inside]] = field(default_factory=dict)

    def enter(self, zone: str, movement: Movement) -> None:
        if zone:
            self.held.setdefault(movement.person, {})[zone] = Inside(
                person=movement.person,
                zone=zone,
                portal=movement.portal,
                since_utc_ms=movement.at_utc_ms,
                record_id=movement.record_id,
            )

    def leave(self, zone: str, person: str) -> None:
        """Who leaves a zone leaves what lies in it too."""
        mine = self.held.get(person, {})
        for each in (zone, *self.inner.get(zone, ())):
            mine.pop(each, None)

    def is_in(self, zone: str, person: str) -> bool:
        return zone in self.held.get(person, {})


def fold(
    movements: Iterable[Movement], doors: Mapping[str, Door], within: Mapping[str, str]
) -> tuple[Inside, ...]:
    """Returns who is inside which zone, by zone, the longest there first.

    Args:
        movements: in any order.
        doors: by portal; movements at other portals move nobody.
        within: for a zone inside another one, that one.
    """
    places = _Places(inner=_inner(within))
    for movement in sorted(movements, key=lambda one: (one.at_utc_ms, one.record_id)):
        door = doors.get(movement.portal)
        if door is not None:
            _move(places, door, movement, within)
    found = [one for zones in places.held.values() for one in zones.values()]
    return tuple(sorted(found, key=lambda one: (one.zone, one.since_utc_ms, one.person)))


def _move(places: _Places, door: Door, movement: Movement, within: Mapping[str, str]) -> None:
    beyond = door.beyond or within.get(door.zone, "")
    if _is_entry(places, door, movement):
        if beyond and not _contains(within, beyond, door.zone):
            places.leave(beyond, movement.person)
        places.enter(door.zone, movement)
        return
    places.leave(door.zone, movement.person)
    if beyond and not places.is_in(beyond, movement.person):
        places.enter(beyond, movement)


def _is_entry(places: _Places, door: Door, movement: Movement) -> bool:
    if movement.way is not None:
        return movement.way is HandWay.IN
    if door.direction is Direction.BOTH:
        return not places.is_in(door.zone, movement.person)
    return door.direction is Direction.ENTRY


def _contains(within: Mapping[str, str], outer: str, zone: str) -> bool:
    seen = {zone}
    while (zone := within.get(zone, "")) and zone not in seen:
        if zone == outer:
            return True
        seen.add(zone)
    return False


def _inner(within: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Returns for each zone every zone that lies in it, however deep."""
    zones = {*within, *within.values()}
    return {
        outer: frozenset(zone for zone in zones if _contains(within, outer, zone))
        for outer in zones
    }
