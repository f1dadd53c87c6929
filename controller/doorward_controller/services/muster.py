"""The list of who is inside, for when everybody has to be found: each look is an audit entry.

How many there are is known at once, and everybody's place with it. Names are opened some at a time
while the list goes out; that they were looked at stands in the log before the first of them does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from doorward.records import Record, RecordKind
from doorward_controller.domain.cursors import check_limit, cursor_at, place_of
from doorward_controller.domain.permissions import (
    Action,
    Actor,
    Extent,
    Zones,
    allows,
    narrower,
)
from doorward_controller.services import holders, presence_folding, rules
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.services.holders import NotedLook
from doorward_controller.services.occupancy import ZoneCount, within, zone_counts
from doorward_controller.services.presence_folding import HOLDER
from doorward_controller.store import presence, record_bodies
from doorward_controller.store.presence import StoredPlace

_AT_ONCE = 200
_LIKE = ("", 0, 0, "")
"""A place in the list, for its kinds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """Somebody on the list.

    Attributes:
        name: None where it may not be read, or none is kept.
        credential_id: of the badge that went through; None for somebody without one.
        is_by_hand: a guard let him through.
    """

    name: str | None
    credential_id: str | None
    is_by_hand: bool
    portal: str
    since_utc_ms: int
    record_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneList:
    """Those of this list who are inside one zone, the longest there first."""

    zone: str
    at_most: int
    people: tuple[Present, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Muster:
    """Who is inside, as far as records that arrived here tell.

    Attributes:
        since_utc_ms: what was seen before that is forgotten.
        shows_names: whether the reader may read them.
        is_counted_anew: the rules were changed, and some are still where the old ones say.
        counts: how many are inside each zone, whether they are on this list or not.
        next_cursor: where the list goes on; None at its end.
    """

    at_utc_ms: int
    since_utc_ms: int
    shows_names: bool
    is_counted_anew: bool
    counts: tuple[ZoneCount, ...]
    zones: tuple[ZoneList, ...]
    next_cursor: str | None

    @property
    def people(self) -> int:
        """How many rows there would be in all."""
        return sum(zone.people for zone in self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which part of the list is asked for.

    Attributes:
        zone: one alone.
        cursor: where the part before ended.
        limit: how many people at most; None for everybody.
    """

    zone: str = ""
    cursor: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look that stands in the audit log: who is where, with names that are still sealed.

    Attributes:
        is_whole: whether everybody inside is on it.
    """

    backend: Backend
    at_utc_ms: int
    since_utc_ms: int
    is_counted_anew: bool
    counts: tuple[ZoneCount, ...]
    places: tuple[StoredPlace, ...]
    next_cursor: str | None
    is_whole: bool
    _named: NotedLook | None

    @property
    def shows_names(self) -> bool:
        """Whether the reader may read them."""
        return self._named is not None

    @property
    def people(self) -> int:
        """How many are inside, on this list or not."""
        return sum(zone.people for zone in self.counts)

    def zones(self) -> Iterator[tuple[ZoneCount, Iterator[Present]]]:
        """Yields each zone with its people, whose names are opened as they are taken."""
        by_zone: dict[str, list[StoredPlace]] = {}
        for one in self.places:
            by_zone.setdefault(one.zone, []).append(one)
        for zone in self.counts:
            if self.is_whole or zone.zone in by_zone:
                yield zone, self._present(by_zone.get(zone.zone, []))

    def _present(self, places: Sequence[StoredPlace]) -> Iterator[Present]:
        for first in range(0, len(places), _AT_ONCE):
            some = places[first : first + _AT_ONCE]
            names = {} if self._named is None else _names(self.backend, self._named, some)
            for one in some:
                yield Present(
                    name=names.get(one.person),
                    credential_id=one.credential_id.hex() if one.credential_id else None,
                    is_by_hand=one.is_by_hand,
                    portal=one.portal,
                    since_utc_ms=one.since_utc_ms,
                    record_id=one.record_id,
                )


def look(backend: Backend, actor: Actor, wanted: Wanted) -> Look:
    """Returns who is inside; each look is an audit entry, and each look at names another.

    Raises ForbiddenError, or InvalidError for a cursor or a limit that is none.
    """
    presence_folding.settle_for_page(backend)
    is_counted_anew = presence_folding.is_counted_anew(backend)
    with act(backend, actor, Action.READ_OCCUPANCY, name="muster", placed=True) as doing:
        only = _only(wanted.zone, doing.zones)
        more = None if wanted.limit is None else check_limit(wanted.limit) + 1
        after = None if wanted.cursor is None else place_of(wanted.cursor, _LIKE)
        book = rules.current(backend)
        counts = within(zone_counts(book, presence.numbers(doing.connection)), doing.zones)
        found = presence.places(doing.connection, zones=only, after=after, limit=more)
        places = found[: wanted.limit]
        doing.subject = ",".join(dict.fromkeys(one.zone for one in places))[:500]
        doing.detail["people"] = len(places)
        now_ms = doing.now.utc_ms
    is_more = len(found) > len(places)
    may_name = allows(actor, Action.READ_PERSONAL, Extent.SOMEWHERE)
    return Look(
        backend=backend,
        at_utc_ms=now_ms,
        since_utc_ms=max(0, now_ms - book.forget_s * 1000),
        is_counted_anew=is_counted_anew,
        counts=counts,
        places=places,
        next_cursor=cursor_at(presence.place_in_list(places[-1])) if is_more else None,
        is_whole=not (is_more or wanted.zone or wanted.cursor),
        _named=_note(backend, actor, places) if may_name else None,
    )


def muster(backend: Backend, actor: Actor, wanted: Wanted | None = None) -> Muster:
    """Returns the same with every name opened; everybody, unless a part is wanted.

    Raises ForbiddenError, or InvalidError for a cursor or a limit that is none.
    """
    seen = look(backend, actor, wanted or Wanted())
    return Muster(
        at_utc_ms=seen.at_utc_ms,
        since_utc_ms=seen.since_utc_ms,
        shows_names=seen.shows_names,
        is_counted_anew=seen.is_counted_anew,
        counts=seen.counts,
        zones=tuple(
            ZoneList(zone=zone.zone, at_most=zone.at_most, people=tuple(people))
            for zone, people in seen.zones()
        ),
        next_cursor=seen.next_cursor,
    )


def _only(zone: str, held: Zones) -> Zones:
    """Returns the zones to look at: those that the reader has, or of them the one that is asked."""
    return narrower(frozenset({zone}) if zone else None, held)


def _note(backend: Backend, actor: Actor, places: Sequence[StoredPlace]) -> NotedLook:
    """Notes whose names are going to be read; entries for all of them in few transactions."""
    people = {one.person.removeprefix(HOLDER) for one in places if one.person.startswith(HOLDER)}
    where = frozenset(one.zone for one in places)
    named = holders.note_look(backend, actor, sorted(people), where)
    by_hand = [one.record_id for one in places if _is_written(one)]
    if by_hand:
        subject = ",".join(map(str, by_hand))[:2000]
        with act(
            backend, actor, Action.READ_PERSONAL, name="read_by_hand", subject=subject, placed=True
        ) as doing:
            doing.at(where)
    return named


def _is_written(one: StoredPlace) -> bool:
    return one.credential_id is None and one.is_by_hand


def _names(backend: Backend, named: NotedLook, places: Sequence[StoredPlace]) -> dict[str, str]:
    """Returns the names of those of whom one is known or was written."""
    people = {one.person.removeprefix(HOLDER) for one in places if one.person.startswith(HOLDER)}
    found = {f"{HOLDER}{id_}": fields.name for id_, fields in named.read(people).items() if fields}
    by_hand = {one.record_id: one.person for one in places if _is_written(one)}
    if by_hand:
        with backend.store.read() as connection:
            bodies = record_bodies.bodies(connection, tuple(by_hand), RecordKind.MANUAL)
        for record_id, body in bodies.items():
            if written := Record.from_wire(body).subject:
                found[by_hand[record_id]] = written
    return found
