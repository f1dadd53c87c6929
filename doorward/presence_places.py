"""Who was last seen where: part of a `doorward.presence.PresenceBook`."""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from doorward.presence_message import Token
from doorward.presence_port import Stay

MOST_PEOPLE = 100_000
MOST_ZONES_OF_ONE = 64
MOST_FORGIVEN = 10_000
EVERYBODY: Token = b""
EVERYWHERE = ""


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
        source: what said so.
    """

    is_inside: bool
    source: Source
    entered_at: int | None = None
    left_at: int | None = None


class Places:
    """The last passage of each person into and out of each zone; the longest unseen goes first.

    What is forgiven is dropped, and it is remembered that it was: news of a passage before that,
    which another gateway could not send in time, change nothing any more.
    """

    def __init__(self, most_people: int = MOST_PEOPLE, most_forgiven: int = MOST_FORGIVEN) -> None:
        """Starts with nobody."""
        self._people: OrderedDict[Token, dict[str, Place]] = OrderedDict()
        self._inside: Counter[str] = Counter()
        self._forgiven: OrderedDict[tuple[Token, str], Source] = OrderedDict()
        self._most_people, self._most_forgiven = most_people, most_forgiven

    def note(self, holder: Token, zone: str, source: Source, *, is_inside: bool) -> int:
        """Takes in a passage.

        Returns:
            How many people had to be forgotten for it, 0 or 1.
        """
        if any(mark.is_after(source) for mark in self._marks(holder, zone)):
            return 0
        zones = self._people.setdefault(holder, {})
        held = zones.get(zone)
        if held is None and len(zones) == MOST_ZONES_OF_ONE:
            self._drop(zones, min(zones, key=lambda name: zones[name].source.at))
        if held is None:
            held = zones[zone] = Place(is_inside, source)
            self._inside[zone] += is_inside
            _note_time(held, source.at, is_inside=is_inside)
        elif source.is_after(held.source):
            self._set(held, zone, source, is_inside=is_inside)
        else:
            _note_time(held, source.at, is_inside=is_inside)
        self._people.move_to_end(holder)
        return self._make_room()

    def forgive(self, holder: Token, zone: str, source: Source) -> None:
        """Forgives what was seen before: of a person or `EVERYBODY`, at a zone or `EVERYWHERE`."""
        held = self._forgiven.get((holder, zone))
        if held is not None and not source.is_after(held):
            return
        self._forgiven[holder, zone] = source
        self._forgiven.move_to_end((holder, zone))
        if len(self._forgiven) > self._most_forgiven:
            self._forgiven.popitem(last=False)
        for one in tuple(self._people) if holder == EVERYBODY else (holder,):
            self._drop_before(one, zone, source)

    def stay(self, holder: Token, zone: str, oldest: int) -> Stay | None:
        """Returns what was last seen since `oldest`, or that it is forgiven, or None."""
        place = self._people.get(holder, {}).get(zone)
        if place is None or place.source.at < oldest:
            is_forgiven = any(mark.at >= oldest for mark in self._marks(holder, zone))
            return Stay(is_inside=None, entered_at=None, left_at=None) if is_forgiven else None
        return Stay(is_inside=place.is_inside, entered_at=place.entered_at, left_at=place.left_at)

    def occupancy(self, zone: str) -> int:
        """Returns how many are inside."""
        return self._inside[zone]

    def __iter__(self) -> Iterator[tuple[Token, str, Place]]:
        """Yields each person's place at each zone, the longest unseen first."""
        for holder, zones in self._people.items():
            for zone, place in zones.items():
                yield holder, zone, place

    def forgiven(self) -> Iterator[tuple[Token, str, Source]]:
        """Yields what was forgiven, and by which message."""
        for (holder, zone), source in self._forgiven.items():
            yield holder, zone, source

    def forget(self, oldest: int) -> None:
        """Drops what was last seen, or forgiven, before `oldest`."""
        for key in [key for key, mark in self._forgiven.items() if mark.at < oldest]:
            del self._forgiven[key]
        for holder, zones in tuple(self._people.items()):
            for zone in [name for name, place in zones.items() if place.source.at < oldest]:
                self._drop(zones, zone)
            if not zones:
                del self._people[holder]

    def restore(self, holder: Token, zone: str, place: Place) -> None:
        """Puts back what `__iter__` yielded, in its order."""
        self._people.setdefault(holder, {})[zone] = place
        self._inside[zone] += place.is_inside

    def _marks(self, holder: Token, zone: str) -> Iterator[Source]:
        """Yields what forgave this person at this zone; most often nothing ever did."""
        if self._forgiven:
            for key in product((holder, EVERYBODY), (zone, EVERYWHERE)):
                if (mark := self._forgiven.get(key)) is not None:
                    yield mark

    def _set(self, place: Place, zone: str, source: Source, *, is_inside: bool) -> None:
        self._inside[zone] += is_inside - place.is_inside
        place.is_inside, place.source = is_inside, source
        _note_time(place, source.at, is_inside=is_inside)

    def _drop(self, zones: dict[str, Place], zone: str) -> None:
        self._inside[zone] -= zones.pop(zone).is_inside

    def _drop_before(self, holder: Token, zone: str, source: Source) -> None:
        zones = self._people.get(holder, {})
        for name in tuple(zones) if zone == EVERYWHERE else {zone} & zones.keys():
            if source.is_after(zones[name].source):
                self._drop(zones, name)
            else:
                _forget_times(zones[name], source.at)
        if not zones:
            self._people.pop(holder, None)

    def _make_room(self) -> int:
        if len(self._people) <= self._most_people:
            return 0
        _, zones = self._people.popitem(last=False)
        for zone in tuple(zones):
            self._drop(zones, zone)
        return 1


def _note_time(place: Place, at: int, *, is_inside: bool) -> None:
    """Late news may still tell of a passage that was not known, though not where one is now."""
    if is_inside:
        place.entered_at = max(at, place.entered_at or 0)
    else:
        place.left_at = max(at, place.left_at or 0)


def _forget_times(place: Place, before: int) -> None:
    """Forgives what was seen earlier of somebody who was seen since."""
    if place.entered_at is not None and place.entered_at < before:
        place.entered_at = None
    if place.left_at is not None and place.left_at < before:
        place.left_at = None
