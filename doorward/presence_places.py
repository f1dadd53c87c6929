"""Who was last seen where: part of a `doorward.presence.PresenceBook`."""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from doorward.presence_message import Token
from doorward.presence_port import Stay

MOST_PEOPLE = 100_000
MOST_ZONES_OF_ONE = 64


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Source:
    """Which message said it; of two, the greater is the later one.

    A gateway's clock may step back, its numbers do not: within one epoch they alone decide.
    """

    at: int
    gateway: str
    epoch: int
    seq: int

    def is_after(self, other: "Source") -> bool:
        """Whether this was seen after the other."""
        if (self.gateway, self.epoch) == (other.gateway, other.epoch):
            return self.seq > other.seq
        return self > other


@dataclass(slots=True)
class Place:
    """What is known of one person at one zone.

    Attributes:
        is_inside: None where it was forgiven.
        source: what said so.
    """

    is_inside: bool | None
    source: Source
    entered_at: int | None = None
    left_at: int | None = None


class Places:
    """The last passage of each person into and out of each zone; the longest unseen goes first."""

    def __init__(self, most_people: int = MOST_PEOPLE) -> None:
        """Starts with nobody."""
        self._people: OrderedDict[Token, dict[str, Place]] = OrderedDict()
        self._inside: Counter[str] = Counter()
        self._most_people = most_people

    def note(self, holder: Token, zone: str, source: Source, *, is_inside: bool | None) -> int:
        """Takes in a passage, or with None that what is known is forgiven.

        Returns:
            How many people had to be forgotten for it, 0 or 1.
        """
        zones = self._people.setdefault(holder, {})
        held = zones.get(zone)
        if held is None and len(zones) == MOST_ZONES_OF_ONE:
            self._drop(zones, min(zones, key=lambda name: zones[name].source.at))
        if held is None:
            held = zones[zone] = Place(None, source)
            self._set(held, zone, source, is_inside=is_inside)
        elif source.is_after(held.source):
            self._set(held, zone, source, is_inside=is_inside)
        else:
            _note_time(held, source.at, is_inside=is_inside)
        self._people.move_to_end(holder)
        return self._make_room()

    def forgive(self, holder: Token, source: Source) -> None:
        """Forgives everything that is known of a person."""
        for zone in tuple(self._people.get(holder, ())):
            self.note(holder, zone, source, is_inside=None)

    def stay(self, holder: Token, zone: str, oldest: int) -> Stay | None:
        """Returns what was last seen since `oldest`, or None."""
        place = self._people.get(holder, {}).get(zone)
        if place is None or place.source.at < oldest:
            return None
        return Stay(is_inside=place.is_inside, entered_at=place.entered_at, left_at=place.left_at)

    def occupancy(self, zone: str) -> int:
        """Returns how many are inside."""
        return self._inside[zone]

    def __iter__(self) -> Iterator[tuple[Token, str, Place]]:
        """Yields each person's place at each zone, the longest unseen first."""
        for holder, zones in self._people.items():
            for zone, place in zones.items():
                yield holder, zone, place

    def forget(self, oldest: int) -> None:
        """Drops what was last seen before `oldest`."""
        for holder, zones in tuple(self._people.items()):
            for zone in [name for name, place in zones.items() if place.source.at < oldest]:
                self._drop(zones, zone)
            if not zones:
                del self._people[holder]

    def restore(self, holder: Token, zone: str, place: Place) -> None:
        """Puts back what `__iter__` yielded, in its order."""
        self._people.setdefault(holder, {})[zone] = place
        self._inside[zone] += place.is_inside is True

    def _set(self, place: Place, zone: str, source: Source, *, is_inside: bool | None) -> None:
        self._inside[zone] += (is_inside is True) - (place.is_inside is True)
        place.is_inside, place.source = is_inside, source
        if is_inside is None:
            place.entered_at = place.left_at = None
        else:
            _note_time(place, source.at, is_inside=is_inside)

    def _drop(self, zones: dict[str, Place], zone: str) -> None:
        self._inside[zone] -= zones.pop(zone).is_inside is True

    def _make_room(self) -> int:
        if len(self._people) <= self._most_people:
            return 0
        _, zones = self._people.popitem(last=False)
        for zone in tuple(zones):
            self._drop(zones, zone)
        return 1


def _note_time(place: Place, at: int, *, is_inside: bool | None) -> None:
    """Late news may still tell of a passage that was not known, though not where one is now."""
    if is_inside is True:
        place.entered_at = max(at, place.entered_at or 0)
    elif is_inside is False:
        place.left_at = max(at, place.left_at or 0)
