"""What a new policy would change, against the gates' own `decide` on random scans."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.credential import Credential, CredentialClass, Form, Statement
from doorward.decision import Grant, Rules, decide
from doorward.envelope import Ed25519Signer
from doorward.ids import CredentialId, GatewayId, PortalId, SiteId
from doorward.keys import Key, Purpose
from doorward.policy import Direction, GroupRule, Policy, Posture, Unlisted
from doorward.policy_draft import (
    GrantDraft,
    PersonDraft,
    PolicyDraft,
    PortalDraft,
    ZoneDraft,
    build_body,
)
from doorward.presence_port import NothingSeen
from doorward.schedule import Schedule, SiteTime, Span
from doorward.status import StatusList
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_controller.domain.difference_words import (
    say_named,
    say_rights,
    say_roster,
    say_when,
)
from doorward_controller.domain.policy_differences import Differences, differences
from doorward_controller.domain.rule_changes import How, NamedChange, Thing
from doorward_controller.domain.weekly_rights import ModelWeek, Pattern, Stretch

NOW_S = 1_790_000_000
FAR = NOW_S + 400 * 86_400
WORK, NIGHT = Span(0b0011111, 480, 1080), Span(0b11111111, 1320, 1800)
KEY = Key(
    public=Ed25519Signer.from_seed(b"k" * 32).public,
    purposes=Purpose.ISSUE,
    not_before=0,
    not_after=2**40,
)


def person(number: int, *groups: str, **more: Any) -> PersonDraft:
    values: dict[str, Any] = {"not_before": 0, "not_after": FAR}
    return PersonDraft(
        credential_id=CredentialId(number.to_bytes(8)), groups=groups, **{**values, **more}
    )


def policy(**changed: object) -> Policy:
    values: dict[str, Any] = {
        "site": SiteId("main"),
        "version": 1,
        "created_at": NOW_S,
        "keyrings": (),
        "time": SiteTime(zone="UTC", offsets=((0, 0),), day_types={}),
        "zones": ("yard", "lab"),
        "groups": ("guests", "staff"),
        "qualifications": ("laser",),
        "schedules": (
            Schedule(name="work", spans=(WORK,)),
            Schedule(name="night", spans=(NIGHT,)),
            Schedule(name="always", spans=(Span(255, 0, 1440),)),
        ),
        "grants": (
            GrantDraft(group="staff", zone="yard", schedule="always"),
            GrantDraft(group="guests", zone="yard", schedule="work"),
            GrantDraft(group="staff", zone="lab", schedule="work", qualifications=("laser",)),
        ),
        "classes": {CredentialClass.VISITOR: ("guests",)},
        "portals": {
            PortalId("gate"): PortalDraft(zone="yard", gateway=GatewayId("one")),
            PortalId("lab"): PortalDraft(zone="lab", gateway=GatewayId("one")),
        },
        "people": (
            person(1, "staff"),
            person(2, "staff", qualifications=(("laser", FAR),)),
            person(3, "guests"),
        ),
    }
    return Policy.from_body(build_body(PolicyDraft(**{**values, **changed})))


def compare(before: Policy | None, after: Policy, **more: Any) -> Differences:
    return differences(before, after, now_utc_s=NOW_S, classes=more.pop("classes", {}), **more)


def said(found: Differences) -> list[str]:
    return [
        *(say_rights(change).en for change in found.rights),
        *(say_named(change).en for change in found.named),
        *(each.en for each in say_roster(found.roster)),
    ]


def schedule(name: str, *spans: Span) -> tuple[Schedule, ...]:
    kept = {each.name: each for each in (
        Schedule(name="work", spans=(WORK,)),
        Schedule(name="night", spans=(NIGHT,)),
        Schedule(name="always", spans=(Span(255, 0, 1440),)),
    )}  # fmt: skip
    return tuple({**kept, name: Schedule(name=name, spans=spans)}.values())


def grants(*lines: GrantDraft) -> tuple[GrantDraft, ...]:
    return lines


STAFF = GrantDraft(group="staff", zone="yard", schedule="always")
GUESTS = GrantDraft(group="guests", zone="yard", schedule="work")
LASER = GrantDraft(group="staff", zone="lab", schedule="work", qualifications=("laser",))

CASES: Mapping[str, tuple[dict[str, object], list[str]]] = {
    "nothing": ({"version": 2, "created_at": NOW_S + 60}, []),
    "a schedule ends earlier": (
        {"schedules": schedule("work", Span(0b0011111, 480, 1020))},
        [
            "1 person loses gate on Mondays to Fridays 17:00–18:00",
            "1 person loses lab on Mondays to Fridays 17:00–18:00",
            "Schedule work ends at 17:00 instead of 18:00",
        ],
    ),
    "a schedule opens on another day": (
        {"schedules": schedule("work", Span(0b1011111, 480, 1080))},
        [
            "1 person gains gate on Sundays 08:00–18:00",
            "1 person gains lab on Sundays 08:00–18:00",
            (
                "Schedule work is open on Mondays to Fridays and Sundays 08:00–18:00 instead of"
                " on Mondays to Fridays 08:00–18:00"
            ),
        ],
    ),
    "a line is gone": (
        {"grants": grants(GUESTS, LASER)},
        ["2 people lose gate at all times", "Rule staff > yard @ always is removed"],
    ),
    "holidays are no longer open": (
        {"schedules": schedule("always", Span(0b1111111, 0, 1440))},
        [
            "2 people lose gate on public holidays",
            (
                "Schedule always is open every day but public holidays 00:00–24:00 instead of"
                " every day 00:00–24:00"
            ),
        ],
    ),
    "a portal closes": (
        {
            "portals": {
                PortalId("gate"): PortalDraft(
                    zone="yard", gateway=GatewayId("one"), posture=Posture.CLOSED
                ),
                PortalId("lab"): PortalDraft(zone="lab", gateway=GatewayId("one")),
            }
        },
        [
            "2 people lose gate at all times",
            "1 person loses gate on Mondays to Fridays 08:00–18:00",
            "Portal gate: posture closed instead of the default",
        ],
    ),
    "a new portal": (
        {
            "portals": {
                PortalId("gate"): PortalDraft(zone="yard", gateway=GatewayId("one")),
                PortalId("lab"): PortalDraft(zone="lab", gateway=GatewayId("one")),
                PortalId("side"): PortalDraft(zone="yard", gateway=GatewayId("one")),
            }
        },
        [
            "2 people gain side at all times",
            "1 person gains side on Mondays to Fridays 08:00–18:00",
            "New portal side (zone yard)",
            "Portal side: gateway one instead of the default",
        ],
    ),
    "a rule that only the past can show": (
        {
            "portals": {
                PortalId("gate"): PortalDraft(
                    zone="yard", gateway=GatewayId("one"), min_interval_s=60
                ),
                PortalId("lab"): PortalDraft(zone="lab", gateway=GatewayId("one")),
            }
        },
        ["Portal gate: least interval in s 60 instead of the default"],
    ),
    "names that moved but say the same": (
        {"groups": ("staff", "guests"), "zones": ("lab", "yard")},
        [],
    ),
    "somebody changes groups": (
        {
            "people": (
                person(1, "staff"),
                person(2, "staff", qualifications=(("laser", FAR),)),
                person(3, "guests", "staff"),
            )
        },
        [
            "1 person gains gate every day 00:00–08:00".replace(
                "every day", "on Mondays to Fridays"
            )
            + ", on Mondays to Fridays 18:00–24:00, on Saturdays, Sundays and public holidays",
            "1 code is listed with other groups, qualifications or days",
        ],
    ),
    "a group is told to signal duress": (
        {"group_rules": {"guests": GroupRule(is_duress=True)}},
        ["Group guests: signals duress yes instead of the default"],
    ),
    "a zone lies within another": (
        {"zone_rules": {"lab": ZoneDraft(within="yard", at_most=5)}},
        [
            "Zone lab: most people inside 5 instead of the default",
            "Zone lab: lies within yard instead of the default",
        ],
    ),
    "a zone says how often one may enter": (
        {"zone_rules": {"lab": ZoneDraft(per_day=2, per_visit=9)}},
        [
            "Zone lab: most entries of one person a day 2 instead of the default",
            "Zone lab: most entries of one person a visit 9 instead of the default",
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_changes_is_said_and_nothing_else(case: str) -> None:
    changed, wanted = CASES[case]
    assert said(compare(policy(), policy(**changed))) == wanted


def test_before_the_first_release_everything_is_new() -> None:
    found = compare(None, policy())
    assert "2 people gain gate at all times" in said(found)
    assert "New group staff" in said(found)
    assert (found.people, found.affected) == (3, 3)


def test_who_is_revoked_anyway_loses_nothing() -> None:
    after = policy(grants=grants(GUESTS, LASER))
    found = compare(policy(), after, without={CredentialId((1).to_bytes(8))})
    assert said(found)[0] == "1 person loses gate at all times"


@pytest.mark.parametrize("offset_s", [0, 8 * 3600, -5 * 3600])
def test_a_visitor_of_today_loses_today_and_no_other_day(offset_s: int) -> None:
    """The days of a badge are those of the site's clocks."""
    time = SiteTime(zone="x", offsets=((0, offset_s),), day_types={})
    local_s = NOW_S + offset_s
    midnight = NOW_S - local_s % 86_400
    people = (person(1, "staff", not_before=midnight, not_after=midnight + 86_400),)
    found = compare(policy(people=people, time=time), policy(people=people, time=time, grants=()))
    days = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
    today = days[(local_s // 86_400 + 3) % 7]
    assert said(found)[0] == f"1 person loses gate on {today}"


def test_two_badges_of_one_person_are_one_person() -> None:
    first = CredentialId((1).to_bytes(8))
    people = (person(1, "staff"), person(2, "staff", holder=first))
    found = compare(policy(people=people), policy(people=people, grants=()))
    assert said(found)[0] == "1 person loses gate at all times"


def test_a_badge_that_is_not_listed_yet_counts_by_its_class_before() -> None:
    people = (person(1, "guests"), person(2, "guests"))
    classes = {CredentialId((2).to_bytes(8)): CredentialClass.VISITOR}
    found = compare(policy(people=people[:1]), policy(people=people), classes=classes)
    assert said(found) == ["1 code is listed that the gates do not list yet"]
    label = compare(policy(people=people[:1]), policy(people=people))
    assert "1 person gains gate on Mondays to Fridays 08:00–18:00" in said(label)


def test_the_way_out_is_told_apart_from_the_way_in() -> None:
    def gate(direction: Direction) -> dict[PortalId, PortalDraft]:
        return {
            PortalId("gate"): PortalDraft(
                zone="yard", gateway=GatewayId("one"), direction=direction
            )
        }

    found = compare(policy(portals=gate(Direction.ENTRY)), policy(portals=gate(Direction.BOTH)))
    assert "2 people gain the way out through gate at all times" in said(found)


@pytest.mark.parametrize(
    ("pattern", "en", "zh"),
    [
        (tuple(Stretch(day, 0, 1440) for day in range(8)), "at all times", "任何时间"),
        ((Stretch(6, 0, 1440),), "on Sundays", "周日"),
        (
            tuple(Stretch(day, 1320, 1380) for day in range(5)),
            "on Mondays to Fridays 22:00–23:00",
            "周一至周五 22:00–23:00 ",
        ),
        (
            (Stretch(5, 0, 1440), Stretch(6, 0, 1440), Stretch(7, 0, 1440)),
            "on Saturdays, Sundays and public holidays",
            "周六、周日、节假日",
        ),
        (
            tuple(Stretch(0, hour * 60, hour * 60 + 30) for hour in range(6)),
            (
                "on Mondays 00:00–00:30, on Mondays 01:00–01:30, on Mondays 02:00–02:30,"
                " on Mondays 03:00–03:30 and at other times"
            ),
            "周一 00:00–00:30 、周一 01:00–01:30 、周一 02:00–02:30 、周一 03:00–03:30 等时间",
        ),
    ],
)
def test_times_of_the_week_in_words(pattern: Pattern, en: str, zh: str) -> None:
    assert (say_when(pattern).en, say_when(pattern).zh) == (en, zh)


def test_the_sentence_is_said_in_chinese_too() -> None:
    after = policy(schedules=schedule("always", Span(0b10111111, 0, 1440)))
    found = compare(policy(), after)
    assert say_rights(found.rights[0]).zh == "2 人失去周日通行 gate 的权限"
    change = NamedChange(
        thing=Thing.SCHEDULE,
        how=How.CHANGED,
        name="night",
        before="12345 08:00-23:00",
        after="12345 08:00-22:00",
    )
    assert say_named(change).en == "Schedule night ends at 22:00 instead of 23:00"
    assert say_named(change).zh == "时段 night 的结束时间由 23:00 改为 22:00"


@pytest.mark.parametrize("thing", Thing)
@pytest.mark.parametrize("how", How)
def test_every_kind_of_change_has_words_in_both_languages(thing: Thing, how: How) -> None:
    value = "12345 08:00-18:00" if thing is Thing.SCHEDULE else "x"
    sentence = say_named(
        NamedChange(
            thing=thing,
            how=how,
            name="name",
            item="rank",
            before="" if how is How.ADDED else value,
            after="" if how is How.REMOVED else value.replace("18", "17"),
        )
    )
    assert sentence.en[0].isupper()
    assert any("一" <= each <= "鿿" for each in sentence.zh)


# --- the property: what is said differs exactly where the gates' decisions differ

GROUPS = ("g0", "g1", "g2")


def _listed(number: int, row: dict[str, Any]) -> PersonDraft:
    groups = row["groups"]
    rest = {name: value for name, value in row.items() if name != "groups"}
    return person(number, *groups, **rest)


spans = st.builds(
    lambda mask, begin, length: Span(mask, begin, min(begin + length, 2880)),
    st.integers(1, 255),
    st.integers(0, 1439),
    st.integers(1, 1500),
)
lines = st.builds(
    GrantDraft,
    group=st.sampled_from(GROUPS),
    zone=st.sampled_from(("z0", "z1")),
    schedule=st.sampled_from(("s0", "s1")),
    qualifications=st.sampled_from(((), ("q0",))),
    way=st.sampled_from(Direction),
)
WEEK = ModelWeek.of(NOW_S, SiteTime(zone="UTC", offsets=((0, 0),), day_types={}))


def _times() -> st.SearchStrategy[int]:
    return st.integers(WEEK.start_s - 86_400, WEEK.end_s + 86_400)


people = st.lists(
    st.builds(
        lambda groups, begin, length, held: {
            "groups": tuple(sorted(groups)),
            "not_before": begin,
            "not_after": begin + length,
            "qualifications": () if held is None else (("q0", held),),
        },
        st.sets(st.sampled_from(GROUPS)),
        st.just(0) | _times(),
        st.integers(3600, 20 * 86_400) | st.just(FAR),
        st.none() | _times(),
    ),
    min_size=1,
    max_size=4,
)
portal_rules = st.builds(
    lambda zone, direction, posture, until, unlock, unlisted: PortalDraft(
        zone=zone,
        gateway=GatewayId("one"),
        direction=direction,
        posture=posture,
        posture_until=until,
        posture_rank=1 if posture is Posture.LOCKDOWN else None,
        unlock=unlock,
        unlisted=unlisted,
    ),
    st.sampled_from(("z0", "z1")),
    st.sampled_from((Direction.ENTRY, Direction.EXIT)),
    st.sampled_from((Posture.NORMAL, Posture.NORMAL, *Posture)),
    st.none() | _times(),
    st.sampled_from((None, None, "s1")),
    st.sampled_from(Unlisted),
)
policies = st.builds(
    lambda s0, s1, grants, rows, portals, rank: policy(
        zones=("z0", "z1"),
        groups=GROUPS,
        qualifications=("q0",),
        schedules=(
            Schedule(name="s0", spans=tuple(s0)),
            Schedule(name="s1", spans=tuple(s1)),
        ),
        grants=tuple(grants),
        classes={CredentialClass.VISITOR: ("g0",)},
        group_rules={"g1": GroupRule(rank=rank)},
        portals={PortalId(f"p{n}"): rule for n, rule in enumerate(portals)},
        people=tuple(_listed(n + 1, row) for n, row in enumerate(rows)),
    ),
    st.lists(spans, max_size=3),
    st.lists(spans, max_size=2),
    st.lists(lines, max_size=5),
    people,
    st.lists(portal_rules, min_size=1, max_size=2),
    st.integers(0, 2),
)


def granted(rules: Policy, number: int, portal: str, at: int) -> bool:
    """What a gate says whose rules are these; on the model week's calendar."""
    statement = Statement(
        key_id=KEY.key_id,
        credential_id=CredentialId(number.to_bytes(8)),
        status_index=0,
        not_before=0,
        expires=2**40,
        credential_class=CredentialClass.VISITOR,
    )
    shown = Credential(statement=statement, form=Form.BADGE, key=KEY)
    status = StatusList(site=SiteId("main"), seq=1, issued_at=at, size=1, bits=b"\0")
    instant = Instant(utc_ms=UtcMs(at * 1000), mono_ms=MonoMs(0), trust=ClockTrust.SYNCHRONISED)
    held = Rules(policy=replace(rules, time=WEEK.time), status=status)
    return isinstance(decide(shown, PortalId(portal), held, NothingSeen(), instant), Grant)


@settings(max_examples=60, deadline=None)
@given(policies, policies, st.data())
def test_rights_differ_exactly_where_the_gates_decide_differently(
    before: Policy, after: Policy, data: st.DataObject
) -> None:
    """Scans at random minutes of the week: said to be lost or gained if and only if they are."""
    visitors = {CredentialId(n.to_bytes(8)): CredentialClass.VISITOR for n in range(1, 6)}
    known = sorted({*before.roster.ids(), *after.roster.ids()})
    entries = [
        name
        for name in {*before.portals, *after.portals}
        if all(
            rules.portals[name].direction is Direction.ENTRY
            for rules in (before, after)
            if name in rules.portals
        )
    ]
    for _ in range(6) if entries else ():
        id_ = data.draw(st.sampled_from(known))
        portal = data.draw(st.sampled_from(sorted(entries)))
        day, minute = data.draw(st.integers(0, 7)), data.draw(st.integers(0, 1439))
        at = WEEK.at(day, minute)
        number = int.from_bytes(id_)
        was, will = granted(before, number, portal, at), granted(after, number, portal, at)
        alone = compare(before, after, classes=visitors, without=set(known) - {id_})
        lost, gained = (
            any(
                change.is_loss is is_loss
                and portal in change.portals
                and any(
                    piece.day == day and piece.from_min <= minute < piece.to_min
                    for piece in change.when
                )
                for change in alone.rights
            )
            for is_loss in (True, False)
        )
        assert (lost, gained) == (was and not will, will and not was)


@settings(max_examples=20, deadline=None)
@given(policies)
def test_a_policy_does_not_differ_from_itself(one: Policy) -> None:
    assert compare(one, one).is_none


@settings(max_examples=20, deadline=None)
@given(policies, policies)
def test_together_people_are_told_as_each_alone(before: Policy, after: Policy) -> None:
    """Gathering people of equal rights loses nobody and invents nobody."""
    visitors = {CredentialId(n.to_bytes(8)): CredentialClass.VISITOR for n in range(1, 6)}
    known = {*before.roster.ids(), *after.roster.ids()}
    together = compare(before, after, classes=visitors)
    alone = [
        compare(before, after, classes=visitors, without=known - {id_}) for id_ in sorted(known)
    ]
    counted: dict[tuple[bool, str, Direction, Pattern], int] = {}
    for each in alone:
        for change in each.rights:
            for portal in change.portals:
                key = (change.is_loss, portal, change.way, change.when)
                counted[key] = counted.get(key, 0) + change.people
    assert counted == {
        (change.is_loss, portal, change.way, change.when): change.people
        for change in together.rights
        for portal in change.portals
    }
    assert together.affected == sum(each.affected for each in alone)
