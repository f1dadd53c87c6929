"""Keeps who is inside: folds again whoever moved, whose movement was annulled, or is forgotten.

What is kept for a person is always the whole fold over his movements that count now, read from the
records: whoever is folded once more than needed stays as he was. So it does not matter in which
order records arrive, how late, or how often somebody is noted. What has to be right is only that
everybody is noted for whom something changed; `store/presence_notes.py` does it in the records' own
transaction, and other rules fold everybody anew.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

import sqlalchemy as sa

from doorward.policy import Direction
from doorward.records import Record
from doorward_controller.domain.occupancy import Door, HandWay, Movement, fold
from doorward_controller.domain.rule_book import RuleBook
from doorward_controller.services.backend import Backend
from doorward_controller.services.pausing import Pace
from doorward_controller.store import movements, policies, presence, presence_notes
from doorward_controller.store.movements import LetThrough
from doorward_controller.store.presence import StoredPlace
from doorward_controller.store.presence_notes import Changes

HOLDER, BADGE, HAND, ALONE = "holder:", "badge:", "hand:", "record:"
"""Who somebody is: a person whom we know, a badge, what a guard wrote, or one record alone."""

PAGE_S = 0.3
"""So long a page folds what waits before it shows what there is."""

JOB_S = 1.0
"""So long the job does each time, rests included: other timed work waits for it."""

_NOTES_AT_ONCE = 50
_CHARACTERS_AT_ONCE = 2_000
"""Of notes: some dozens of people. Intake waits for as long as they take."""

_PEOPLE_AT_ONCE = 200
_BADGES_A_NOTE = 100
_MANY = 1_000
"""Where more people are known, a page leaves to the job to find everybody who moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides where a movement leads, and how long it counts."""

    doors: dict[str, Door]
    within: dict[str, str]
    forget_s: int

    @property
    def fingerprint(self) -> str:
        """Another one for rules by which somebody might be elsewhere."""
        doors = sorted(
            (name, d.zone, d.beyond, d.direction.value) for name, d in self.doors.items()
        )
        said = json.dumps([doors, sorted(self.within.items()), self.forget_s])
        return sha256(said.encode()).hexdigest()

    def since_utc_ms(self, now_utc_ms: int) -> int:
        """Returns from when on movements count."""
        return max(0, now_utc_ms - self.forget_s * 1000)


def settle(backend: Backend, within_s: float | None = None, pace: Pace | None = None) -> int:
    """Folds whatever waits to be; returns how many people were.

    Args:
        backend: the controller's parts.
        within_s: when to stop although some wait; None folds everybody.
        pace: rests after each piece; None for whoever looks on.
    """
    people, began_ms = 0, backend.clock.now().mono_ms
    while True:
        with backend.store.read() as connection:
            rules = _rules(backend, connection)
            is_by_others = presence.fingerprint(connection) != rules.fingerprint
            if not is_by_others and not _is_due(backend, connection, rules):
                return people
        if is_by_others:
            _begin_anew(backend, rules)
            continue
        with pace.piece() if pace else nullcontext(), backend.store.write() as connection:
            presence.lock(connection)
            people += _Folding(backend, connection, rules).turn()
        spent_ms = backend.clock.now().mono_ms - began_ms
        if within_s is not None and spent_ms >= 1000 * within_s:
            return people


def settle_for_page(backend: Backend) -> None:
    """Folds for a moment before a page looks; where many are known it finds nobody anew."""
    with backend.store.read() as connection:
        if presence.is_known_large(connection, _MANY):
            by, rules = presence.fingerprint(connection), _rules(backend, connection)
            if by != rules.fingerprint:
                return
    settle(backend, PAGE_S)


def is_counted_anew(backend: Backend) -> bool:
    """Whether somebody is still where the rules of before say: after a change of rules."""
    with backend.store.read() as connection:
        by = presence.fingerprint(connection)
        is_by_others = by != _rules(backend, connection).fingerprint
        return is_by_others or presence.is_counted_anew(connection)


def _begin_anew(backend: Backend, rules: Rules) -> None:
    """Notes everybody who moved; whoever moves meanwhile is noted by intake."""
    with backend.store.read() as connection:
        before = presence.fingerprint(connection)
        since = rules.since_utc_ms(backend.clock.now().utc_ms)
        everybody = movements.everybody(connection, since)
    with backend.store.write() as connection:
        presence.lock(connection)
        if presence.fingerprint(connection) == before:
            presence_notes.note_again(connection, everybody, _BADGES_A_NOTE)
            presence.begin_anew(connection, rules.fingerprint)


def _is_due(backend: Backend, connection: sa.Connection, rules: Rules) -> bool:
    return presence_notes.is_noted(connection) or presence.has_expired(
        connection, rules.since_utc_ms(backend.clock.now().utc_ms)
    )


def _rules(backend: Backend, connection: sa.Connection) -> Rules:
    _, body = policies.newest_rule_book(connection, backend.config.site)
    book = _book(body)
    doors = {
        portal: Door(
            zone=zone,
            beyond=(options.beyond or "") if (options := book.portals.get(portal)) else "",
            direction=options.direction if options else Direction.ENTRY,
        )
        for portal, zone in movements.zones(connection).items()
    }
    within = {zone: rule.within for zone, rule in book.zone_rules.items() if rule.within}
    return Rules(doors=doors, within=within, forget_s=book.forget_s)


@lru_cache(maxsize=4)
def _book(body_json: str) -> RuleBook:
    return RuleBook.model_validate_json(body_json)


@dataclass(slots=True)
class _Affected:
    """Whose movements are read again.

    Attributes:
        people: everybody who is replaced, also by nothing.
        badges: with what they went through.
        record_ids: of those who are known by one record alone.
    """

    people: set[str] = field(default_factory=set)
    badges: dict[bytes, str] = field(default_factory=dict)
    record_ids: set[int] = field(default_factory=set)
    is_by_hand: bool = False


@dataclass(frozen=True, slots=True)
class _Folding:
    backend: Backend
    connection: sa.Connection
    rules: Rules

    def turn(self) -> int:
        since = self.rules.since_utc_ms(self.backend.clock.now().utc_ms)
        changes = presence_notes.take(self.connection, _NOTES_AT_ONCE, _CHARACTERS_AT_ONCE)
        expired = presence.expired(self.connection, since, _PEOPLE_AT_ONCE)
        affected = self._affected(changes, expired)
        oldest, places = self._fold(self._movements(affected, since), affected.badges)
        presence.replace(self.connection, affected.people, oldest, places)
        return len(affected.people)

    def _affected(self, changes: Changes, expired: Iterable[str]) -> _Affected:
        """Returns everybody to be folded, with all that any of them went through with."""
        found = _Affected(is_by_hand=changes.is_by_hand)
        badges, holders = set(changes.badges), set()
        for mover in presence.movers(self.connection, changes.places):
            if mover.credential_id is not None:
                badges.add(mover.credential_id)
            elif mover.is_by_hand:
                found.is_by_hand = True
            else:
                found.record_ids.add(mover.record_id)
        for person in expired:
            if person.startswith(HOLDER):
                holders.add(person.removeprefix(HOLDER))
            elif person.startswith(BADGE):
                badges.add(bytes.fromhex(person.removeprefix(BADGE)))
            elif person.startswith(HAND):
                found.is_by_hand = True
            else:
                found.record_ids.add(int(person.removeprefix(ALONE)))
        held = movements.holders_of(self.connection, badges)
        theirs = presence.badges_of(self.connection, holders | set(held.values()))
        found.badges = {
            badge: _of_badge(badge, theirs.get(badge)) for badge in badges | set(theirs)
        }
        # A badge that was nobody's when it was folded may be somebody's now.
        found.people = {
            *found.badges.values(),
            *(f"{BADGE}{badge.hex()}" for badge in found.badges),
        }
        found.people |= {f"{HOLDER}{holder}" for holder in holders}
        found.people |= {f"{ALONE}{record_id}" for record_id in found.record_ids}
        if found.is_by_hand:
            found.people.update(presence.people(self.connection, HAND))
        return found

    def _movements(self, affected: _Affected, since: int) -> list[LetThrough]:
        found = list(movements.let_through_with(self.connection, since, affected.badges))
        if affected.is_by_hand:
            found += movements.let_through_by_hand(self.connection, since)
        found += movements.let_through_without(self.connection, since, affected.record_ids)
        return found

    def _fold(
        self, let: Sequence[LetThrough], people: dict[bytes, str]
    ) -> tuple[dict[str, int], list[StoredPlace]]:
        """Returns when each of them moved first, and where those are who are inside."""
        moved = [self._movement(one, people) for one in let]
        oldest: dict[str, int] = {}
        for one in moved:
            oldest[one.person] = min(one.at_utc_ms, oldest.get(one.person, one.at_utc_ms))
        said = {one.record_id: one for one in let}
        places = [
            StoredPlace(
                person=one.person,
                zone=one.zone,
                portal=one.portal,
                since_utc_ms=one.since_utc_ms,
                record_id=one.record_id,
                credential_id=said[one.record_id].credential_id,
                is_by_hand=said[one.record_id].body is not None,
            )
            for one in fold(moved, self.rules.doors, self.rules.within)
        ]
        return oldest, places

    def _movement(self, one: LetThrough, people: dict[bytes, str]) -> Movement:
        way, written = None, ""
        if one.body is not None:
            record = Record.from_wire(one.body)
            written = " ".join(record.subject.casefold().split())
            way = HandWay(record.detail) if record.detail in set(HandWay) else None
        if one.credential_id is not None:
            person = people[one.credential_id]
        elif written:
            # What a guard wrote is personal; here it only tells people apart.
            person = f"{HAND}{self.backend.keys.blind('by_hand', written).hex()}"
        else:
            person = f"{ALONE if one.body is None else HAND}{one.record_id}"
        return Movement(
            person=person,
            portal=one.portal,
            at_utc_ms=one.at_utc_ms,
            record_id=one.record_id,
            way=way,
        )


def _of_badge(badge: bytes, holder: str | None) -> str:
    return f"{HOLDER}{holder}" if holder else f"{BADGE}{badge.hex()}"
