"""How many are inside each zone, counted for whoever may know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from doorward_controller.domain.permissions import Action, Actor, Extent, Zones
from doorward_controller.domain.rule_book import RuleBook
from doorward_controller.services import presence_folding, rules
from doorward_controller.services.acting import check_read
from doorward_controller.services.backend import Backend
from doorward_controller.store import presence

RECENT_MS = 5_000
"""So long a count stays good for pages that refresh themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneCount:
    """How many are inside a zone; `at_most` is 0 where as many as come may be."""

    zone: str
    people: int
    at_most: int


@dataclass(slots=True)
class RecentCounts:
    """The last count of this process; many pages that refresh themselves cost one count."""

    _at_ms: int = 0
    _counts: tuple[ZoneCount, ...] = ()
    _lock: Lock = field(default_factory=Lock)

    def get(self, backend: Backend, actor: Actor) -> tuple[ZoneCount, ...]:
        """Returns how many are inside each zone of the reader's, a few seconds old at most.

        Raises ForbiddenError.
        """
        check_read(backend, actor, Action.READ_OCCUPANCY, where=Extent.SOMEWHERE)
        now_ms = backend.clock.now().utc_ms
        with self._lock:
            if not 0 <= now_ms - self._at_ms < RECENT_MS:
                self._counts, self._at_ms = count(backend), now_ms
            return within(self._counts, actor.zones)


def count(backend: Backend) -> tuple[ZoneCount, ...]:
    """Returns how many are inside each zone of the rules, and any other that somebody is in."""
    presence_folding.settle_for_page(backend)
    with backend.store.read() as connection:
        inside = presence.numbers(connection)
    return zone_counts(rules.current(backend), inside)


def zone_counts(book: RuleBook, inside: Mapping[str, int]) -> tuple[ZoneCount, ...]:
    """Returns the same from how many are inside each zone that somebody is in."""
    ruled = {zone: rule.at_most for zone, rule in book.zone_rules.items()}
    return tuple(
        ZoneCount(zone=zone, people=inside.get(zone, 0), at_most=ruled.get(zone, 0))
        for zone in dict.fromkeys((*book.zones, *sorted(inside)))
    )


def within(counts: tuple[ZoneCount, ...], held: Zones) -> tuple[ZoneCount, ...]:
    """Returns those of zones that somebody may see; None is all of them."""
    return counts if held is None else tuple(each for each in counts if each.zone in held)
