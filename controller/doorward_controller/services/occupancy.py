"""Who is inside, zone by zone: counted for whoever may know how many, listed as an audited act."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

from doorward.policy import Direction
from doorward.records import Record
from doorward_controller.domain.occupancy import Door, HandWay, Inside, Movement, fold
from doorward_controller.domain.permissions import Action, Actor, allows
from doorward_controller.services import holders, rules
from doorward_controller.services.acting import act, check_read
from doorward_controller.services.backend import Backend
from doorward_controller.store import movements
from doorward_controller.store.movements import LetThrough

RECENT_MS = 5_000
"""So long a count stays good for pages that refresh themselves."""

_HOLDER, _BADGE, _HAND = "holder:", "badge:", "hand:"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneCount:
    """How many are inside a zone; `at_most` is 0 where as many as come may be."""

    zone: str
    people: int
    at_most: int


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
    """Everybody inside one zone, the longest there first."""

    zone: str
    at_most: int
    people: tuple[Present, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Muster:
    """Who is inside, as far as records that arrived here tell.

    Attributes:
        shows_names: whether the reader may read them.
        since_utc_ms: what was seen before that is forgotten.
    """

    at_utc_ms: int
    since_utc_ms: int
    shows_names: bool
    zones: tuple[ZoneList, ...]

    @property
    def people(self) -> int:
        """How many different rows there are."""
        return sum(len(zone.people) for zone in self.zones)


@dataclass(slots=True)
class RecentCounts:
    """The last count of this process; many pages that refresh themselves cost one count."""

    _at_ms: int = 0
    _counts: tuple[ZoneCount, ...] = ()
    _lock: Lock = field(default_factory=Lock)

    def get(self, backend: Backend, actor: Actor) -> tuple[ZoneCount, ...]:
        """Returns how many are inside each zone, a few seconds old at most.

        Raises ForbiddenError.
        """
        check_read(backend, actor, Action.READ_OCCUPANCY)
        now_ms = backend.clock.now().utc_ms
        with self._lock:
            if not 0 <= now_ms - self._at_ms < RECENT_MS:
                self._counts, self._at_ms = count(backend), now_ms
            return self._counts


def count(backend: Backend) -> tuple[ZoneCount, ...]:
    """Returns how many are inside each zone of the rules, and any other that somebody is in."""
    found = _inside(backend)
    limits = _limits(backend)
    numbers = dict.fromkeys(limits, 0)
    for one in found.inside:
        numbers[one.zone] = numbers.get(one.zone, 0) + 1
    return tuple(
        ZoneCount(zone=zone, people=number, at_most=limits.get(zone, 0))
        for zone, number in numbers.items()
    )


def muster(backend: Backend, actor: Actor) -> Muster:
    """Returns who is inside; each look is an audit entry, and each look at names another.

    Raises ForbiddenError.
    """
    with act(backend, actor, Action.READ_OCCUPANCY, name="muster") as doing:
        found, limits = _inside(backend), _limits(backend)
        zones = dict.fromkeys((*limits, *sorted({one.zone for one in found.inside})))
        doing.subject = ",".join(zones)[:500]
        doing.detail["people"] = len(found.inside)
        now_ms = doing.now.utc_ms
    shows_names = allows(actor, Action.READ_PERSONAL)
    names = _names(backend, actor, found) if shows_names else {}
    listed = tuple(
        ZoneList(
            zone=zone,
            at_most=limits.get(zone, 0),
            people=tuple(_present(found, names, one) for one in found.inside if one.zone == zone),
        )
        for zone in zones
    )
    return Muster(
        at_utc_ms=now_ms, since_utc_ms=found.since_utc_ms, shows_names=shows_names, zones=listed
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    since_utc_ms: int
    inside: tuple[Inside, ...]
    let: dict[int, LetThrough]


def _inside(backend: Backend) -> _Found:
    book = rules.current(backend)
    since = max(0, backend.clock.now().utc_ms - book.forget_s * 1000)
    with backend.store.read() as connection:
        let = {one.record_id: one for one in movements.let_through(connection, since)}
        known = {one.credential_id for one in let.values() if one.credential_id is not None}
        holder_of = movements.holders_of(connection, known)
        zones = movements.zones(connection)
    doors = {
        portal: Door(
            zone=zone,
            beyond=(options.beyond or "") if (options := book.portals.get(portal)) else "",
            direction=options.direction if options else Direction.ENTRY,
        )
        for portal, zone in zones.items()
    }
    within = {zone: rule.within for zone, rule in book.zone_rules.items() if rule.within}
    moved = (_movement(one, holder_of) for one in let.values())
    return _Found(since_utc_ms=since, inside=fold(moved, doors, within), let=let)


def _movement(one: LetThrough, holder_of: dict[bytes, str]) -> Movement:
    way, written = None, ""
    if one.body is not None:
        record = Record.from_wire(one.body)
        written = " ".join(record.subject.casefold().split())
        way = HandWay(record.detail) if record.detail in set(HandWay) else None
    if one.credential_id is not None:
        held = holder_of.get(one.credential_id)
        person = f"{_HOLDER}{held}" if held else f"{_BADGE}{one.credential_id.hex()}"
    else:
        person = f"{_HAND}{written or one.record_id}"
    return Movement(
        person=person,
        portal=one.portal,
        at_utc_ms=one.at_utc_ms,
        record_id=one.record_id,
        way=way,
    )


def _limits(backend: Backend) -> dict[str, int]:
    book = rules.current(backend)
    ruled = {zone: rule.at_most for zone, rule in book.zone_rules.items()}
    return {zone: ruled.get(zone, 0) for zone in book.zones}


def _names(backend: Backend, actor: Actor, found: _Found) -> dict[str, str]:
    wanted = sorted(
        {one.person.removeprefix(_HOLDER) for one in found.inside if one.person.startswith(_HOLDER)}
    )
    names: dict[str, str] = {}
    for some in _parts(wanted):
        read = holders.read_holders(backend, actor, some)
        names |= {f"{_HOLDER}{id_}": fields.name for id_, fields in read.items() if fields}
    by_hand = [one for one in found.inside if one.person.startswith(_HAND)]
    if by_hand:
        subject = ",".join(str(one.record_id) for one in by_hand)[:2000]
        with act(backend, actor, Action.READ_PERSONAL, name="read_by_hand", subject=subject):
            for one in by_hand:
                body = found.let[one.record_id].body
                if body is not None and (written := Record.from_wire(body).subject):
                    names[one.person] = written
    return names


def _parts(ids: list[str]) -> Iterable[list[str]]:
    size = holders.MAX_READ
    return (ids[first : first + size] for first in range(0, len(ids), size))


def _present(found: _Found, names: dict[str, str], one: Inside) -> Present:
    let = found.let[one.record_id]
    return Present(
        name=names.get(one.person),
        credential_id=let.credential_id.hex() if let.credential_id else None,
        is_by_hand=let.body is not None,
        portal=one.portal,
        since_utc_ms=one.since_utc_ms,
        record_id=one.record_id,
    )
