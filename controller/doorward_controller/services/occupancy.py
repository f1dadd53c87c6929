"""Who is inside, zone by zone: counted for whoever may know how many, listed as an audited act."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from doorward.records import Record, RecordKind
from doorward_controller.domain.permissions import Action, Actor, allows
from doorward_controller.domain.rule_book import RuleBook
from doorward_controller.services import holders, presence_folding, rules
from doorward_controller.services.acting import act, check_read
from doorward_controller.services.backend import Backend
from doorward_controller.services.presence_folding import HOLDER
from doorward_controller.store import presence, record_bodies
from doorward_controller.store.presence import StoredPlace

RECENT_MS = 5_000
"""So long a count stays good for pages that refresh themselves."""


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
    presence_folding.settle(backend)
    limits = _limits(backend)
    with backend.store.read() as connection:
        inside = presence.numbers(connection)
    return tuple(
        ZoneCount(zone=zone, people=inside.get(zone, 0), at_most=limits.get(zone, 0))
        for zone in dict.fromkeys((*limits, *sorted(inside)))
    )


def muster(backend: Backend, actor: Actor) -> Muster:
    """Returns who is inside; each look is an audit entry, and each look at names another.

    Raises ForbiddenError.
    """
    presence_folding.settle(backend)
    with act(backend, actor, Action.READ_OCCUPANCY, name="muster") as doing:
        book = rules.current(backend)
        limits = _limits_of(book)
        places = presence.places(doing.connection)
        zones = dict.fromkeys((*limits, *(one.zone for one in places)))
        doing.subject = ",".join(zones)[:500]
        doing.detail["people"] = len(places)
        now_ms = doing.now.utc_ms
    shows_names = allows(actor, Action.READ_PERSONAL)
    names = _names(backend, actor, places) if shows_names else {}
    people: dict[str, list[Present]] = {zone: [] for zone in zones}
    for one in places:
        people[one.zone].append(_present(names, one))
    return Muster(
        at_utc_ms=now_ms,
        since_utc_ms=max(0, now_ms - book.forget_s * 1000),
        shows_names=shows_names,
        zones=tuple(
            ZoneList(zone=zone, at_most=limits.get(zone, 0), people=tuple(inside))
            for zone, inside in people.items()
        ),
    )


def _limits(backend: Backend) -> dict[str, int]:
    return _limits_of(rules.current(backend))


def _limits_of(book: RuleBook) -> dict[str, int]:
    ruled = {zone: rule.at_most for zone, rule in book.zone_rules.items()}
    return {zone: ruled.get(zone, 0) for zone in book.zones}


def _names(backend: Backend, actor: Actor, places: Sequence[StoredPlace]) -> dict[str, str]:
    """Returns the names of those of whom one is known or was written."""
    wanted = sorted(
        {one.person.removeprefix(HOLDER) for one in places if one.person.startswith(HOLDER)}
    )
    names: dict[str, str] = {}
    for some in _parts(wanted):
        read = holders.read_holders(backend, actor, some)
        names |= {f"{HOLDER}{id_}": fields.name for id_, fields in read.items() if fields}
    by_hand = [one for one in places if one.credential_id is None and one.is_by_hand]
    if by_hand:
        subject = ",".join(str(one.record_id) for one in by_hand)[:2000]
        with act(
            backend, actor, Action.READ_PERSONAL, name="read_by_hand", subject=subject
        ) as doing:
            for one in by_hand:
                body = record_bodies.body(doing.connection, one.record_id, RecordKind.MANUAL)
                if body is not None and (written := Record.from_wire(body).subject):
                    names[one.person] = written
    return names


def _parts(ids: list[str]) -> Iterable[list[str]]:
    size = holders.MAX_READ
    return (ids[first : first + size] for first in range(0, len(ids), size))


def _present(names: dict[str, str], one: StoredPlace) -> Present:
    return Present(
        name=names.get(one.person),
        credential_id=one.credential_id.hex() if one.credential_id else None,
        is_by_hand=one.is_by_hand,
        portal=one.portal,
        since_utc_ms=one.since_utc_ms,
        record_id=one.record_id,
    )
