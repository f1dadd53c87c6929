"""Who is inside, kept record by record: the same as a fold over all of them, in any order."""

import random
from dataclasses import dataclass, field, replace

import pytest
import sqlalchemy as sa

from doorward.policy import Direction
from doorward.records import Outcome, Record, RecordKind
from doorward_controller.domain.occupancy import Door, HandWay, Movement, fold
from doorward_controller.domain.rule_book import PortalOptions, RuleBook, ZoneOptions
from doorward_controller.services import muster, occupancy, presence_folding, rules
from doorward_controller.services.backend import Backend
from doorward_controller.services.holders import HolderFields, add_holder
from doorward_controller.store import intake, presence
from doorward_controller.store.schema import credentials, gateways
from doorward_controller.store.sum_tables import presence_changes, presence_people
from tests.controller.conftest import ISSUER, SECURITY, StandingClock, enrol
from tests.controller.test_occupancy import badge_of
from tests.fakes.stored_records import row_of

PORTALS = {
    "main-in": ("site", "", Direction.ENTRY),
    "main-out": ("site", "", Direction.EXIT),
    "gate": ("site", "", Direction.BOTH),
    "lab-in": ("lab", "", Direction.ENTRY),
    "bridge": ("east", "west", Direction.ENTRY),
}
FORGET_S = 7_200
GUARDED = ("Li Wei", " li  WEI ", "Bo", "")


def book(*, forget_s: int = FORGET_S, gate: Direction = Direction.BOTH) -> RuleBook:
    options = {
        name: PortalOptions(direction=gate if name == "gate" else way, beyond=beyond or None)
        for name, (_, beyond, way) in PORTALS.items()
    }
    return RuleBook(
        zones=("site", "lab", "east", "west"),
        portals=options,
        zone_rules={"lab": ZoneOptions(within="site")},
        forget_s=forget_s,
    )


@dataclass
class History:
    """Makes up what gateways record, and knows by itself who is inside."""

    backend: Backend
    clock: StandingClock
    badges: dict[bytes, str]
    chance: random.Random
    rules: RuleBook = field(default_factory=book)
    made: list[tuple[int, Record]] = field(default_factory=list)
    arrived: list[tuple[int, Record]] = field(default_factory=list)

    def happen(self) -> None:
        """One more movement, refusal or annulment, some of it long ago; it has not arrived yet."""
        chance, seq = self.chance, len(self.made) + 1
        at = self.clock.utc_ms - chance.choice((0, 1, 60, 3_000, 7_100, 9_000)) * 1000
        plain = Record(
            kind=RecordKind.SCAN, utc_ms=at, mono_ms=0, boot_id=bytes(8), clock_trust=2,
            portal=chance.choice((*PORTALS, "elsewhere")), outcome=Outcome.GRANT, reason="granted",
        )  # fmt: skip
        what = chance.random()
        if what < 0.6:
            record = replace(plain, credential_id=chance.choice(tuple(self.badges)))
        elif what < 0.7:
            record = replace(
                plain, kind=RecordKind.MANUAL, reason="by_hand", subject=chance.choice(GUARDED),
                detail=chance.choice(("in", "out", "")),
                credential_id=chance.choice((None, None, *self.badges)),
            )  # fmt: skip
        elif what < 0.75:
            record = plain
        elif what < 0.8:
            record = replace(plain, outcome=Outcome.DENY, reason="expired")
        else:
            record = replace(
                plain, kind=RecordKind.PASSAGE, outcome=None,
                reason=chance.choice(("no_entry", "no_entry", "entered")),
                about_seq=chance.randrange(1, seq + 3),
            )  # fmt: skip
        self.made.append((seq, record))

    def arrive(self, number: int) -> None:
        """Some of what happened is stored, in any order."""
        waiting = [one for one in self.made if one not in self.arrived]
        some = self.chance.sample(waiting, min(number, len(waiting)))
        with self.backend.store.write() as connection:
            intake.insert_records(connection, [row_of(record, 1, seq) for seq, record in some])
        self.arrived += some

    def inside(self) -> set[tuple[str, str, int]]:
        """Who is inside which zone since when, by folding all that arrived."""
        since = self.clock.utc_ms - self.rules.forget_s * 1000
        annulled = {r.about_seq for _, r in self.arrived if r.reason == "no_entry"}
        order = {seq: place for place, (seq, _) in enumerate(self.arrived)}
        moved = [
            Movement(
                person=self._person(seq, record),
                portal=record.portal,
                at_utc_ms=record.utc_ms,
                record_id=order[seq],
                way=HandWay(record.detail) if record.detail in set(HandWay) else None,
            )
            for seq, record in self.arrived
            if record.outcome == Outcome.GRANT and record.utc_ms >= since and seq not in annulled
        ]
        doors = {
            name: Door(
                zone=zone,
                beyond=beyond,
                direction=self.rules.portals[name].direction,
            )
            for name, (zone, beyond, _) in PORTALS.items()
        }
        found = fold(moved, doors, {"lab": "site"})
        return {(one.zone, one.portal, one.since_utc_ms) for one in found}

    def _person(self, seq: int, record: Record) -> str:
        if record.credential_id is not None:
            return self.badges[record.credential_id]
        written = " ".join(record.subject.casefold().split())
        return f"by hand {written or seq}"

    def assert_kept(self) -> None:
        presence_folding.settle(self.backend)
        with self.backend.store.read() as connection:
            kept = presence.places(connection)
            assert connection.scalar(sa.select(presence_changes.c.id)) is None
        assert {(one.zone, one.portal, one.since_utc_ms) for one in kept} == self.inside()
        found = occupancy.count(self.backend)
        assert sum(zone.people for zone in found) == len(kept)


@pytest.fixture
def site(backend: Backend) -> Backend:
    enrol(backend, "gate-1", *PORTALS)
    with backend.store.write() as connection:
        for name, (zone, _, _) in PORTALS.items():
            connection.execute(
                sa.text("UPDATE portals SET zone = :zone WHERE name = :name"),
                {"zone": zone, "name": name},
            )
        assert connection.scalar(sa.select(gateways.c.id)) == 1
    rules.save_rules(backend, SECURITY, book())
    return backend


def history(backend: Backend, clock: StandingClock, seed: int) -> History:
    """Three people, one with a badge and a phone, and a badge that is nobody's."""
    ada, bob = (add_holder(backend, ISSUER, HolderFields(name=name)) for name in ("Ada", "Bob"))
    badges = {
        badge_of(backend, ada): "ada",
        badge_of(backend, ada): "ada",
        badge_of(backend, bob): "bob",
        badge_of(backend, None): "badge",
    }
    return History(backend, clock, badges, random.Random(seed))


@pytest.mark.parametrize("seed", range(4))
def test_who_is_inside_is_the_fold_over_all_that_arrived_in_any_order(
    site: Backend, clock: StandingClock, seed: int
) -> None:
    told = history(site, clock, seed)
    for _ in range(40):
        for _ in range(told.chance.randrange(4)):
            told.happen()
        told.arrive(told.chance.randrange(4))
        if told.chance.random() < 0.2:
            clock.pass_s(told.chance.choice((1, 900, 3_000, 8_000)))
        if told.chance.random() < 0.1:
            told.rules = book(
                forget_s=told.chance.choice((3_600, FORGET_S)),
                gate=told.chance.choice((Direction.BOTH, Direction.EXIT)),
            )
            rules.save_rules(site, SECURITY, told.rules)
        if told.chance.random() < 0.6:
            told.assert_kept()
    told.arrive(len(told.made))
    told.assert_kept()


def test_what_was_folded_step_by_step_is_what_is_folded_at_once(
    site: Backend, clock: StandingClock
) -> None:
    told = history(site, clock, 77)
    for _ in range(60):
        told.happen()
        told.arrive(1)
        presence_folding.settle(site)
    with site.store.write() as connection:
        step_by_step = presence.places(connection)
        people = set(connection.execute(sa.select(presence_people)).all())
        connection.execute(sa.text("DELETE FROM presence_rules"))
    presence_folding.settle(site)
    with site.store.read() as connection:
        assert presence.places(connection) == step_by_step
        assert set(connection.execute(sa.select(presence_people)).all()) == people
    assert step_by_step


def test_nobody_is_kept_longer_than_movements_count(site: Backend, clock: StandingClock) -> None:
    told = history(site, clock, 5)
    for _ in range(30):
        told.happen()
    told.arrive(30)
    told.assert_kept()
    clock.pass_s(20_000)
    told.assert_kept()
    with site.store.read() as connection:
        assert connection.execute(sa.select(presence_people)).all() == []
    assert presence_folding.settle(site) == 0


def test_badge_that_becomes_somebodys_is_him_from_his_next_movement_on(
    site: Backend, clock: StandingClock
) -> None:
    told = history(site, clock, 6)
    badge = next(one for one, person in told.badges.items() if person == "badge")
    seen = Record(
        kind=RecordKind.SCAN, utc_ms=clock.utc_ms - 9_000, mono_ms=0, boot_id=bytes(8),
        clock_trust=2, portal="main-in", outcome=Outcome.GRANT, reason="granted",
        credential_id=badge,
    )  # fmt: skip
    told.made = [(1, seen), (2, replace(seen, portal="main-out", utc_ms=clock.utc_ms))]
    told.arrive(2)
    told.assert_kept()
    with site.store.write() as connection:
        holder = connection.scalar(sa.text("SELECT id FROM holders LIMIT 1"))
        connection.execute(
            sa.update(credentials).where(credentials.c.id == badge).values(holder_id=holder)
        )
    told.made.append((3, replace(seen, portal="lab-in", utc_ms=clock.utc_ms + 1)))
    told.arrive(1)
    told.assert_kept()
    with site.store.read() as connection:
        people = connection.execute(sa.select(presence_people.c.person)).scalars().all()
    assert people == [f"holder:{holder}"]


def test_names_that_a_guard_wrote_are_not_kept_in_clear(
    site: Backend, clock: StandingClock
) -> None:
    told = history(site, clock, 7)
    at = clock.utc_ms - 1_000
    written = Record(
        kind=RecordKind.MANUAL, utc_ms=at, mono_ms=0, boot_id=bytes(8), clock_trust=2,
        portal="main-in", outcome=Outcome.GRANT, reason="by_hand", subject="Li Wei", detail="in",
    )  # fmt: skip
    told.made = [(1, written)]
    told.arrive(1)
    told.assert_kept()
    with site.store.read() as connection:
        person = connection.scalar(sa.select(presence_people.c.person))
    assert person is not None
    assert "li" not in person.casefold()
    assert muster.muster(site, SECURITY).zones[0].people[0].name == "Li Wei"


def test_other_rules_are_folded_in_pieces_and_the_page_says_so_meanwhile(
    site: Backend, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hurried look folds one piece at a time, and what is shown is never empty meanwhile."""
    monkeypatch.setattr(presence_folding, "_BADGES_A_NOTE", 1)
    monkeypatch.setattr(presence_folding, "_CHARACTERS_AT_ONCE", 1)
    told = history(site, clock, 8)
    for _ in range(40):
        told.happen()
    told.arrive(40)
    told.assert_kept()
    told.rules = book(gate=Direction.EXIT)
    rules.save_rules(site, SECURITY, told.rules)
    assert presence_folding.is_counted_anew(site)
    pieces = 0
    while presence_folding.is_counted_anew(site):
        presence_folding.settle(site, within_s=0.0)
        pieces += 1
    assert pieces > len(told.badges)
    told.assert_kept()


def test_page_leaves_finding_everybody_to_the_job_where_there_are_many(
    site: Backend, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = history(site, clock, 9)
    for _ in range(30):
        told.happen()
    told.arrive(30)
    told.assert_kept()
    monkeypatch.setattr(presence_folding, "_MANY", 1)
    told.rules = book(gate=Direction.EXIT)
    rules.save_rules(site, SECURITY, told.rules)
    assert muster.muster(site, SECURITY).is_counted_anew
    presence_folding.settle(site)
    assert not muster.muster(site, SECURITY).is_counted_anew
    told.assert_kept()


def test_who_moves_while_everybody_is_counted_anew_is_counted_too(
    site: Backend, clock: StandingClock
) -> None:
    told = history(site, clock, 10)
    for _ in range(30):
        told.happen()
    told.arrive(20)
    told.assert_kept()
    told.rules = book(gate=Direction.EXIT)
    rules.save_rules(site, SECURITY, told.rules)
    presence_folding.settle(site, within_s=0.0)
    told.arrive(10)
    told.assert_kept()
