"""Who is inside: the fold as a table, and the list as an audited look at records and names."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from doorward.credential import CredentialClass, Form
from doorward.policy import Direction
from doorward.records import Outcome, Record, RecordKind
from doorward_controller.domain.occupancy import Door, HandWay, Movement, fold
from doorward_controller.domain.permissions import Action, Actor, Extent, Role, may
from doorward_controller.domain.rule_book import PortalOptions, RuleBook, ZoneOptions
from doorward_controller.errors import ForbiddenError, InvalidError
from doorward_controller.queries import audit_trail
from doorward_controller.services import holders, issuing, muster, occupancy, rules
from doorward_controller.services.backend import Backend
from doorward_controller.services.holders import HolderFields, add_holder
from doorward_controller.services.issuing import IssueRequest
from doorward_controller.services.muster import Present, Wanted
from doorward_controller.services.occupancy import RecentCounts
from doorward_controller.store import intake
from doorward_controller.store.schema import gateways
from tests.controller.conftest import AUDITOR, ISSUER, SECURITY, StandingClock, enrol
from tests.fakes.stored_records import row_of

IN, OUT, BOTH = Direction.ENTRY, Direction.EXIT, Direction.BOTH
DOORS = {
    "main-in": Door(zone="site", direction=IN),
    "main-out": Door(zone="site", direction=OUT),
    "gate": Door(zone="site", direction=BOTH),
    "lab-in": Door(zone="lab", direction=IN),
    "lab-out": Door(zone="lab", direction=OUT),
    "bridge": Door(zone="east", beyond="west", direction=IN),
    "bridge-back": Door(zone="east", beyond="west", direction=OUT),
}
WITHIN = {"lab": "site", "vault": "lab"}


def moves(text: str) -> list[Movement]:
    """Reads "a main-in, b gate:out": who goes through what, and which way where a guard says it."""
    made = []
    for number, part in enumerate(text.split(", ") if text else ()):
        person, _, place = part.partition(" ")
        portal, _, way = place.partition(":")
        made.append(
            Movement(
                person=person,
                portal=portal,
                at_utc_ms=number,
                record_id=number,
                way=HandWay(way) if way else None,
            )
        )
    return made


CASES = [
    ("", ""),
    ("a main-in", "a@site"),
    ("a main-in, a main-out", ""),
    ("a main-out", ""),
    ("a main-in, a main-in", "a@site"),
    ("a main-in, b main-in, a main-out", "b@site"),
    ("a gate", "a@site"),
    ("a gate, a gate", ""),
    ("a gate, a gate, a gate", "a@site"),
    ("a main-in, a gate", ""),
    ("a gate:in, a gate:in", "a@site"),
    ("a gate:out", ""),
    ("a main-in:out", ""),
    ("a main-in, a lab-in", "a@lab a@site"),
    ("a main-in, a lab-in, a lab-out", "a@site"),
    ("a main-in, a lab-in, a main-out", ""),
    ("a lab-in", "a@lab"),
    ("a lab-in, a lab-out", "a@site"),
    ("a bridge", "a@east"),
    ("a bridge, a bridge-back", "a@west"),
    ("a bridge-back, a bridge", "a@east"),
    ("a nowhere", ""),
]


@pytest.mark.parametrize(("text", "inside"), CASES)
def test_who_is_inside_follows_from_the_movements(text: str, inside: str) -> None:
    found = fold(moves(text), DOORS, WITHIN)
    assert " ".join(f"{one.person}@{one.zone}" for one in found) == inside


@pytest.mark.parametrize(("text", "inside"), CASES)
def test_movements_count_in_the_order_of_their_times(text: str, inside: str) -> None:
    late = list(reversed(moves(text)))
    found = fold(late, DOORS, WITHIN)
    assert " ".join(f"{one.person}@{one.zone}" for one in found) == inside


def test_zones_that_lie_in_each_other_end_nowhere() -> None:
    looped = {"a": "b", "b": "a", "c": "c"}
    doors = {"d": Door(zone="a", direction=IN), "e": Door(zone="c", direction=OUT)}
    assert [one.zone for one in fold(moves("x d, x e"), doors, looped)] == ["a", "c"]


# --- from records


@pytest.fixture
def site(backend: Backend) -> Backend:
    enrol(backend, "gate", "main-in", "main-out")
    book = RuleBook(
        zones=("site", "lab"),
        portals={
            "main-in": PortalOptions(direction=IN),
            "main-out": PortalOptions(direction=OUT),
        },
        zone_rules={"site": ZoneOptions(at_most=2)},
        forget_s=7200,
    )
    rules.save_rules(backend, SECURITY, book)
    return backend


def badge_of(backend: Backend, holder: str | None) -> bytes:
    now = backend.clock.now().utc_s
    wanted = IssueRequest(
        credential_class=CredentialClass.EMPLOYEE,
        form=Form.BADGE,
        not_before=now,
        expires=now + 86_400,
        holder_id=holder,
    )
    return bytes.fromhex(issuing.issue(backend, ISSUER, wanted).credential_id)


def tell(backend: Backend, *made: Record) -> None:
    with backend.store.write() as connection:
        gateway = int(connection.scalar(sa.select(gateways.c.id)) or 0)
        rows = [row_of(record, gateway, seq) for seq, record in enumerate(made, 1)]
        intake.insert_records(connection, rows)


def granted(backend: Backend, badge: bytes | None, portal: str, ago_s: int = 60) -> Record:
    at = backend.clock.now().utc_ms - ago_s * 1000
    return Record(
        kind=RecordKind.SCAN, utc_ms=at, mono_ms=0, boot_id=bytes(8), clock_trust=2,
        portal=portal, outcome=Outcome.GRANT, reason="granted", credential_id=badge,
    )  # fmt: skip


def by_hand(backend: Backend, subject: str, way: str, ago_s: int = 50) -> Record:
    plain = granted(backend, None, "main-in", ago_s)
    return replace(plain, kind=RecordKind.MANUAL, reason="by_hand", subject=subject, detail=way)


def counts(backend: Backend) -> dict[str, int]:
    return {each.zone: each.people for each in occupancy.count(backend)}


def test_grants_count_unless_nobody_went_through(site: Backend) -> None:
    ada, bob, eve = (badge_of(site, None) for _ in range(3))
    annulled = replace(
        granted(site, None, "main-in", 55),
        kind=RecordKind.PASSAGE, outcome=None, reason="no_entry", about_seq=2,
    )  # fmt: skip
    denied = replace(granted(site, eve, "main-in"), outcome=Outcome.DENY, reason="expired")
    tell(site, granted(site, ada, "main-in"), granted(site, bob, "main-in"), denied, annulled)
    assert counts(site) == {"site": 1, "lab": 0}


def test_badge_and_phone_of_one_person_are_one_person(site: Backend) -> None:
    holder = add_holder(site, ISSUER, HolderFields(name="Ada"))
    badge, phone = badge_of(site, holder), badge_of(site, holder)
    tell(site, granted(site, badge, "main-in", 90), granted(site, phone, "main-out", 60))
    assert counts(site)["site"] == 0


def test_what_is_long_ago_is_forgotten(site: Backend) -> None:
    badge = badge_of(site, None)
    tell(site, granted(site, badge, "main-in", 7201))
    assert counts(site)["site"] == 0


def test_who_was_let_in_by_hand_leaves_by_hand(site: Backend) -> None:
    tell(site, by_hand(site, "Li Wei", "in", 90), by_hand(site, "Bo", "in", 80))
    assert counts(site)["site"] == 2
    paper = replace(by_hand(site, "Li Wei", "out", 70), outcome=None, reason="paper")
    with site.store.write() as connection:
        gateway = int(connection.scalar(sa.select(gateways.c.id)) or 0)
        intake.insert_records(connection, [row_of(paper, gateway, 7)])
        left = by_hand(site, " li  WEI ", "out", 60)
        intake.insert_records(connection, [row_of(left, gateway, 8)])
    assert counts(site)["site"] == 1


def told(backend: Backend) -> list[tuple[str, str, str]]:
    rows = audit_trail.page(backend.store, limit=500).items
    return [(row.actor, row.action, row.outcome) for row in reversed(rows)]


def test_list_names_people_to_who_may_read_names_and_each_look_is_an_entry(site: Backend) -> None:
    holder = add_holder(site, ISSUER, HolderFields(name="Ada"))
    badge = badge_of(site, holder)
    tell(site, granted(site, badge, "main-in"), by_hand(site, "Li Wei", "in"))
    before = len(told(site))
    seen = muster.muster(site, SECURITY)
    zone = seen.zones[0]
    assert (zone.zone, zone.at_most, seen.people) == ("site", 2, 2)
    assert [one.name for one in zone.people] == ["Ada", "Li Wei"]
    assert [one.is_by_hand for one in zone.people] == [False, True]
    assert not seen.is_counted_anew
    assert [entry[1] for entry in told(site)[before:]] == [
        "muster",
        "read_personal",
        "read_by_hand",
    ]
    before = len(told(site))
    masked = muster.muster(site, AUDITOR)
    assert [one.name for one in masked.zones[0].people] == [None, None]
    assert masked.zones[0].people[0].credential_id == badge.hex()
    assert told(site)[before:] == [("ada", "muster", "done")]


def test_list_comes_in_parts_that_are_the_whole_together(site: Backend) -> None:
    for number in range(7):
        holder = add_holder(site, ISSUER, HolderFields(name=f"Person {number}"))
        badge = badge_of(site, holder)
        with site.store.write() as connection:
            one = granted(site, badge, "main-in", ago_s=600 - 10 * (number // 2))
            intake.insert_records(connection, [row_of(one, 1, number + 1)])
    whole = muster.muster(site, SECURITY)
    assert (len(whole.zones[0].people), whole.next_cursor) == (7, None)
    found: list[Present] = []
    cursor, parts = None, 0
    while True:
        part = muster.muster(site, SECURITY, Wanted(cursor=cursor, limit=3))
        assert part.people == 7, "how many there are is known from the first part on"
        found += [one for zone in part.zones for one in zone.people]
        parts, cursor = parts + 1, part.next_cursor
        if cursor is None:
            break
    assert parts == 3
    assert found == list(whole.zones[0].people)
    assert muster.muster(site, SECURITY, Wanted(zone="lab")).zones == ()
    with pytest.raises(InvalidError):
        muster.muster(site, SECURITY, Wanted(cursor="x"))
    with pytest.raises(InvalidError):
        muster.muster(site, SECURITY, Wanted(limit=0))


def test_every_name_on_a_long_list_stands_in_the_log(
    sqlite_backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "MAX_READ", 2)
    held = sorted(add_holder(sqlite_backend, ISSUER, HolderFields(name=name)) for name in "abcde")
    before = len(told(sqlite_backend))
    seen = holders.note_look(sqlite_backend, SECURITY, held, Extent.WHOLE_SITE)
    rows = audit_trail.page(sqlite_backend.store, limit=500).items[
        : len(told(sqlite_backend)) - before
    ]
    assert sorted(",".join(row.subject for row in rows).split(",")) == held
    assert {row.action for row in rows} == {"read_personal"}
    assert len(rows) == 3
    names = [fields.name for fields in seen.read(held).values() if fields]
    assert sorted(names) == list("abcde")
    with pytest.raises(InvalidError):
        seen.read(["somebody-else"])


def test_who_is_limited_to_zones_sees_these_alone(site: Backend) -> None:
    holder = add_holder(site, ISSUER, HolderFields(name="Ada"))
    tell(site, granted(site, badge_of(site, holder), "main-in"))
    here = replace(SECURITY, zones=frozenset({"site"}))
    assert [zone.people[0].name for zone in muster.muster(site, here).zones] == ["Ada"]
    there = muster.muster(site, replace(SECURITY, zones=frozenset({"lab"})))
    assert [(zone.zone, zone.people) for zone in there.zones] == [("lab", ())]
    assert [each.zone for each in there.counts] == ["lab"]


@pytest.mark.parametrize("role", Role)
def test_only_who_may_see_who_is_inside_does(sqlite_backend: Backend, role: Role) -> None:
    actor = Actor(name="x", role=role)
    recent = RecentCounts()
    if may(role, Action.READ_OCCUPANCY):
        muster.muster(sqlite_backend, actor)
        recent.get(sqlite_backend, actor)
        return
    with pytest.raises(ForbiddenError):
        muster.muster(sqlite_backend, actor)
    with pytest.raises(ForbiddenError):
        recent.get(sqlite_backend, actor)
    assert [entry[2] for entry in told(sqlite_backend)] == ["forbidden"] * 2


def test_count_stays_good_for_seconds_and_no_longer(
    sqlite_backend: Backend, clock: StandingClock
) -> None:
    backend = sqlite_backend
    enrol(backend, "gate", "main-in")
    rules.save_rules(backend, SECURITY, RuleBook(zones=("site",)))
    recent = RecentCounts()
    assert recent.get(backend, SECURITY)[0].people == 0
    tell(backend, granted(backend, badge_of(backend, None), "main-in"))
    assert recent.get(backend, SECURITY)[0].people == 0
    clock.pass_s(5)
    assert recent.get(backend, SECURITY)[0].people == 1
