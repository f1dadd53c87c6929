"""The bundle's rules about ways, presence, groups and zones: what is said is what is read."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import canonical
from doorward.errors import MalformedError
from doorward.ids import CredentialId, GatewayId, PortalId
from doorward.policy import (
    MAX_ENTRIES,
    AntiPassback,
    Direction,
    Foreign,
    GrantRule,
    GroupRule,
    InDoubt,
    Policy,
    PortalRule,
    Posture,
    PostureOrder,
    PresenceDoubt,
    Unlisted,
    ZoneRule,
)
from doorward.policy_draft import GrantDraft, PortalDraft, ZoneDraft, build_body
from tests.kit.plant import ALICE, BOB, GATE, GATEWAY, LAB_DOOR, NOON, draft, person, policy

SOUTH = GatewayId("gw-south")
FULL = PortalDraft(
    zone="lab",
    gateway=GATEWAY,
    direction=Direction.BOTH,
    beyond="site",
    pulse_ms=700,
    posture=Posture.LOCKDOWN,
    posture_rank=7,
    posture_until=NOON,
    unlisted=Unlisted.DENY,
    clock_untrusted=InDoubt.ALLOW,
    max_age_s=60,
    stale=InDoubt.ALLOW,
    foreign=Foreign.ALLOW,
    qualifications=("laser", "fire"),
    unlock="office",
    unlock_after_first=True,
    antipassback=AntiPassback.TIMED,
    antipassback_s=300,
    presence_unknown=PresenceDoubt.LAST_KNOWN,
    min_interval_s=10,
    escorted=("visitors",),
    escorts=("staff", "chemists"),
    escort_leads=30,
    two_persons=True,
    wait_s=30,
    interlock=(LAB_DOOR,),
)


def test_everything_that_a_portal_says_is_read_back() -> None:
    plain = PortalDraft(zone="lab", gateway=GATEWAY)
    found = policy(portals={GATE: FULL, LAB_DOOR: plain})
    assert found.portals[GATE] == PortalRule(
        zone=1,
        gateway=GATEWAY,
        direction=Direction.BOTH,
        beyond=0,
        pulse_ms=700,
        posture=Posture.LOCKDOWN,
        posture_rank=7,
        posture_until=NOON,
        unlisted=Unlisted.DENY,
        clock_untrusted=InDoubt.ALLOW,
        max_age_s=60,
        stale=InDoubt.ALLOW,
        foreign=Foreign.ALLOW,
        qualifications=(1, 0),
        unlock=1,
        unlock_after_first=True,
        antipassback=AntiPassback.TIMED,
        antipassback_s=300,
        presence_unknown=PresenceDoubt.LAST_KNOWN,
        min_interval_s=10,
        escorted=(1,),
        escorts=(0, 2),
        escort_leads=30,
        two_persons=True,
        wait_s=30,
        interlock=(LAB_DOOR,),
    )
    assert found.portals[LAB_DOOR] == PortalRule(zone=1, gateway=GATEWAY)
    assert found.portals[GATE].order == PostureOrder(posture=Posture.LOCKDOWN, rank=7, until=NOON)


LAB = ZoneDraft(within="site", at_most=12, per_day=3, per_visit=50)


def test_what_groups_and_zones_say_is_read_back() -> None:
    guards = GroupRule(rank=9, is_duress=True, is_once=True, is_exempt=True)
    found = policy(
        group_rules={"chemists": guards},
        zone_rules={"lab": LAB},
        gateways={GATEWAY: bytes(32), SOUTH: bytes([1] * 32)},
        forget_s=3600,
    )
    assert (found.group_rule(2), found.group_rule(0), found.group_rule(99)) == (
        guards,
        GroupRule(),
        GroupRule(),
    )
    lab = ZoneRule(within=0, at_most=12, per_day=3, per_visit=50)
    assert (found.zone_rule(1), found.zone_rule(0)) == (lab, ZoneRule())
    assert found.gateways == {GATEWAY: bytes(32), SOUTH: bytes([1] * 32)}
    assert found.forget_s == 3600


@given(
    way=st.sampled_from(Direction),
    per_day=st.integers(0, MAX_ENTRIES),
    per_visit=st.integers(0, MAX_ENTRIES),
)
def test_what_a_grant_says_is_read_back(way: Direction, per_day: int, per_visit: int) -> None:
    said = {"way": way, "per_day": per_day, "per_visit": per_visit}
    line = GrantDraft(group="staff", zone="lab", schedule="night", **said)  # type: ignore[arg-type]
    found = policy(grants=(line,))
    assert found.grants[0, 1] == (
        GrantRule(group=0, zone=1, schedule=2, way=way, per_day=per_day, per_visit=per_visit),
    )


def test_person_with_two_credentials_is_read_back_and_others_take_no_room_for_it() -> None:
    phone = CredentialId(b"the-fone")
    found = policy(people=(person(), person(phone, holder=ALICE))).roster
    for one, holder in ((ALICE, None), (phone, ALICE)):
        profile = found.find(one)
        assert profile is not None
        assert profile.holder == holder
    with pytest.raises(ValueError, match="holder must be 8 bytes"):
        policy(people=(person(holder=CredentialId(b"short")),))


def test_policy_knows_which_gateways_watch_a_zone_and_which_zones_lie_in_it() -> None:
    vault, site, lab = "vault", "site", "lab"
    found = policy(
        zones=(site, lab, vault),
        zone_rules={lab: ZoneDraft(within=site), vault: ZoneDraft(within=lab)},
        portals={
            GATE: PortalDraft(zone=site, gateway=GATEWAY),
            LAB_DOOR: PortalDraft(zone=lab, gateway=SOUTH),
        },
    )
    assert found.inner == ((1, 2), (2,), ())
    assert found.watchers == (
        frozenset({GATEWAY}),
        frozenset({GATEWAY, SOUTH}),
        frozenset({GATEWAY, SOUTH}),
    )
    assert found.serving == frozenset({GATEWAY, SOUTH})
    apart = policy(portals={GATE: PortalDraft(zone=site, gateway=GATEWAY, beyond=lab)})
    assert apart.watchers == (frozenset({GATEWAY}), frozenset({GATEWAY}))


# ---- what contradicts itself


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"beyond": "site"}, "into the same one"),
        ({"escorted": ("visitors",)}, "no group provides"),
        ({"escort_leads": 1, "escorts": ("staff",)}, "nobody needs one"),
        ({"escort_leads": 31}, "escort_leads is 31, must be 1 to 30"),
        ({"escort_leads": -1}, "escort_leads is -1"),
        ({"antipassback": AntiPassback.TIMED}, "anti-passback of 0 s"),
        ({"unlock_after_first": True}, "without a schedule"),
        ({"interlock": (GATE,)}, "gate-north is interlocked with gate-north"),
        ({"interlock": (PortalId("roof"),)}, "gate-north is interlocked with roof"),
        ({"posture_rank": 0}, "posture_rank is 0, must be 1 to 9"),
        ({"posture_rank": 10}, "posture_rank is 10"),
        ({"antipassback_s": 86_401}, "antipassback_s is 86401"),
        ({"min_interval_s": -1}, "min_interval_s is -1"),
        ({"wait_s": 0}, "wait_s is 0, must be 1 to 120"),
        ({"wait_s": 121}, "wait_s is 121"),
        ({"beyond": "roof"}, "zone 'roof' is not defined"),
        ({"unlock": "never"}, "schedule 'never' is not defined"),
        ({"escorts": ("angels",)}, "group 'angels' is not defined"),
        ({"qualifications": ("flying",)}, "qualification 'flying' is not defined"),
    ],
)
def test_portal_is_refused_with(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        policy(portals={GATE: PortalDraft(zone="site", gateway=GATEWAY, **changes)})


@pytest.mark.parametrize(
    "rules",
    [
        {"lab": ZoneDraft(within="lab")},
        {"lab": ZoneDraft(within="site"), "site": ZoneDraft(within="lab")},
    ],
)
def test_zone_does_not_lie_within_itself(rules: dict[str, ZoneDraft]) -> None:
    with pytest.raises(ValueError, match="lies within itself"):
        policy(zone_rules=rules)


# ---- a header that is not one


def in_portal(**fields: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda header: header | {"portals": {GATE: header["portals"][GATE] | fields}}


def of(**fields: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda header: header | fields


ZONE = {"within": None, "at_most": 0}
GROUP = {"rank": 0, "duress": False, "once": False, "exempt": False}
WRONG: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "a way by name": of(grants=[[0, 0, 0, [], "both", 0, 0]]),
    "a way past the last": of(grants=[[0, 0, 0, [], 3, 0, 0]]),
    "a way that is true": of(grants=[[0, 0, 0, [], True, 0, 0]]),
    "more entries a day than are counted": of(grants=[[0, 0, 0, [], 0, MAX_ENTRIES + 1, 0]]),
    "more entries a visit than are counted": of(grants=[[0, 0, 0, [], 0, 0, MAX_ENTRIES + 1]]),
    "group rules as a list": of(group_rules=[]),
    "a rule of a group that is not there": of(group_rules={3: GROUP}),
    "a group's rule with a field more": of(group_rules={0: GROUP | {"more": 1}}),
    "a group's rule with a field less": of(group_rules={0: {"rank": 1}}),
    "a rank of 10": of(group_rules={0: GROUP | {"rank": 10}}),
    "duress as a number": of(group_rules={0: GROUP | {"duress": 1}}),
    "zone rules as a list": of(zone_rules=[]),
    "a rule of a zone that is not there": of(zone_rules={2: {"within": None, "at_most": 0}}),
    "a zone within one that is not there": of(zone_rules={0: {"within": 2, "at_most": 0}}),
    "a zone's rule with a field less": of(zone_rules={0: {"within": None}}),
    "a zone's limit that says nothing": of(zone_rules={0: ZONE | {"per_day": 0}}),
    "a zone's limit past what is counted": of(zone_rules={0: ZONE | {"per_visit": 51}}),
    "a zone's rule with a field more": of(zone_rules={0: ZONE | {"per_week": 1}}),
    "a zone that holds less than nobody": of(zone_rules={0: {"within": None, "at_most": -1}}),
    "a gateway's key of 31 bytes": of(gateways={GATEWAY: bytes(31)}),
    "a gateway in capitals": of(gateways={"NORTH": bytes(32)}),
    "gateways as a list": of(gateways=[]),
    "nothing remembered": of(forget_s=0),
    "an unknown direction": in_portal(direction="up"),
    "a direction that is a number": in_portal(direction=1),
    "a zone beyond that is not there": in_portal(beyond=2),
    "an unknown anti-passback": in_portal(antipassback="maybe"),
    "an unknown rule about presence": in_portal(presence_unknown="maybe"),
    "two persons as a number": in_portal(two_persons=2),
    "a schedule that is not there": in_portal(unlock=3),
    "an escort that is not there": in_portal(escorts=[3]),
    "an escort who leads nobody": in_portal(escort_leads=0),
    "a training that is not there": in_portal(qualifications=[2]),
    "an interlock in capitals": in_portal(interlock=["GATE"]),
    "an interlock with a number": in_portal(interlock=[1]),
    "an end that is a text": in_portal(posture_until="noon"),
}


@pytest.mark.parametrize("name", WRONG)
def test_header_is_malformed_with(name: str) -> None:
    body = build_body(draft(portals={GATE: PortalDraft(zone="site", gateway=GATEWAY)}))
    length = int.from_bytes(body[:4])
    header = canonical.decode(body[4 : 4 + length])
    raw = canonical.encode(WRONG[name](header))
    with pytest.raises(MalformedError):
        Policy.from_body(len(raw).to_bytes(4) + raw + body[4 + length :])


def test_draft_without_any_rule_restrains_nobody() -> None:
    found = policy()
    assert set(found.portals) == {GATE, LAB_DOOR}
    assert found.portals[GATE] == PortalRule(zone=0, gateway=GATEWAY)
    plain = replace(draft(), people=(person(BOB),))
    assert Policy.from_body(build_body(plain)).group_rules == {}
