"""What an administrator says of ways, presence, groups and zones is what the gateways read."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from doorward import topics
from doorward.credential import CredentialClass, Form
from doorward.envelope import parse_envelope
from doorward.ids import CredentialId, PortalId, SiteId
from doorward.policy import (
    AntiPassback,
    Direction,
    GrantRule,
    GroupRule,
    Policy,
    PortalRule,
    PresenceDoubt,
    ZoneRule,
)
from doorward.reasons import Reason
from doorward_controller.domain.rule_book import (
    GrantLine,
    GroupOptions,
    PortalOptions,
    RuleBook,
    ZoneOptions,
    first_rule_book,
)
from doorward_controller.errors import ConflictError
from doorward_controller.services import (
    enrolment,
    holders,
    issuing,
    policy_release,
    rules,
    simulation,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.holders import HolderFields
from doorward_controller.services.issuing import IssueRequest
from tests.controller.conftest import ADMIN, ISSUER, SECURITY, enrol
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import AT_UTC_MS

NOW_S = AT_UTC_MS // 1000
SITE = SiteId("main")
REQUEST = IssueRequest(
    credential_class=CredentialClass.EMPLOYEE,
    form=Form.BADGE,
    not_before=NOW_S - 60,
    expires=NOW_S + 86_400,
    groups=("staff",),
)
PORTAL = {
    "direction": "both",
    "beyond": "yard",
    "posture_rank": 5,
    "qualifications": ["fire"],
    "unlock": "working-hours",
    "unlock_after_first": True,
    "antipassback": "timed",
    "antipassback_s": 300,
    "presence_unknown": "last_known",
    "min_interval_s": 10,
    "escorted": ["visitors"],
    "escort_leads": 3,
    "escorts": ["staff"],
    "two_persons": True,
    "wait_s": 30,
    "interlock": ["south"],
}
BOOK: dict[str, Any] = first_rule_book().model_dump(mode="json") | {
    "zones": ["site", "yard", "lab"],
    "groups": ["staff", "visitors", "duress"],
    "qualifications": ["fire"],
    "portals": {"north": PORTAL},
    "group_rules": {
        "staff": {"rank": 5, "exempt": True},
        "visitors": {"once": True},
        "duress": {"duress": True},
    },
    "zone_rules": {"lab": {"within": "site", "at_most": 12, "per_day": 4, "per_visit": 9}},
    "forget_s": 7200,
    "grants": [
        {
            "group": "visitors",
            "zone": "site",
            "schedule": "always",
            "way": "entry",
            "per_day": 2,
            "per_visit": 3,
        },
        {"group": "staff", "zone": "site", "schedule": "always"},
    ],
}


def released(backend: Backend, link: FakeLink) -> Policy:
    policy_release.release(backend, SECURITY)
    wire = link.retained[topics.policy(SITE, topics.Policy.BUNDLE)]
    return Policy.from_body(parse_envelope(wire).body)


def save(backend: Backend, **changes: Any) -> None:
    rules.save_rules(backend, SECURITY, RuleBook.model_validate(BOOK | changes))


def test_every_rule_of_the_book_is_in_the_bundle(backend: Backend, link: FakeLink) -> None:
    gateway = enrol(backend, "gate-1", "north", "south")
    save(backend)
    policy = released(backend, link)
    north = policy.portals[PortalId("north")]
    assert replace(north, pulse_ms=3000) == PortalRule(
        zone=0,
        gateway=north.gateway,
        direction=Direction.BOTH,
        beyond=1,
        posture_rank=5,
        qualifications=(0,),
        unlock=1,
        unlock_after_first=True,
        antipassback=AntiPassback.TIMED,
        antipassback_s=300,
        presence_unknown=PresenceDoubt.LAST_KNOWN,
        min_interval_s=10,
        escorted=(1,),
        escort_leads=3,
        escorts=(0,),
        two_persons=True,
        wait_s=30,
        interlock=(PortalId("south"),),
    )
    assert policy.portals[PortalId("south")] == PortalRule(zone=0, gateway=north.gateway)
    assert policy.group_rules == {
        0: GroupRule(rank=5, is_exempt=True),
        1: GroupRule(is_once=True),
        2: GroupRule(is_duress=True),
    }
    assert policy.zone_rules == {2: ZoneRule(within=0, at_most=12, per_day=4, per_visit=9)}
    assert policy.forget_s == 7200
    assert policy.grants[1, 0] == (
        GrantRule(group=1, zone=0, schedule=0, way=Direction.ENTRY, per_day=2, per_visit=3),
    )
    assert policy.gateways == {north.gateway: gateway.signer.public}


def test_gateway_that_was_revoked_is_not_believed_any_more(
    backend: Backend, link: FakeLink
) -> None:
    enrol(backend, "gate-1", "north")
    enrol(backend, "gate-2", "south")
    assert set(released(backend, link).gateways) == {"gate-1", "gate-2"}
    enrolment.revoke_gateway(backend, ADMIN, gateway="gate-2", reason="stolen")
    assert set(released(backend, link).gateways) == {"gate-1"}


def test_site_without_any_of_these_rules_restrains_nobody(backend: Backend, link: FakeLink) -> None:
    enrol(backend, "gate-1", "north")
    policy = released(backend, link)
    north = policy.portals[PortalId("north")]
    assert north == PortalRule(zone=0, gateway=north.gateway)
    assert (policy.group_rules, policy.zone_rules) == ({}, {})


def test_badge_and_phone_of_one_holder_are_one_person_and_stay_so(
    backend: Backend, link: FakeLink
) -> None:
    enrol(backend, "gate-1", "north")
    ada = holders.add_holder(backend, ISSUER, HolderFields(name="Ada"), groups=["staff"])
    bea = holders.add_holder(backend, ISSUER, HolderFields(name="Bea"), groups=["staff"])
    short = replace(REQUEST, holder_id=ada, expires=NOW_S + 60)
    of_ada = [issuing.issue(backend, ISSUER, short).credential_id]
    of_ada += [
        issuing.issue(backend, ISSUER, replace(REQUEST, holder_id=ada)).credential_id
        for _ in range(2)
    ]
    of_bea = issuing.issue(backend, ISSUER, replace(REQUEST, holder_id=bea)).credential_id
    nobodys = issuing.issue(backend, ISSUER, REQUEST).credential_id
    roster = released(backend, link).roster

    def person_of(credential_id: str) -> str:
        own = CredentialId(bytes.fromhex(credential_id))
        profile = roster.find(own)
        assert profile is not None
        return (profile.holder or own).hex()

    assert {person_of(one) for one in of_ada} == {min(of_ada)}
    assert person_of(of_bea) == of_bea
    assert person_of(nobodys) == nobodys


def test_console_says_what_a_gate_with_nobody_around_would_say(
    backend: Backend, link: FakeLink
) -> None:
    enrol(backend, "gate-1", "north", "south")
    options = {"two_persons": True, "antipassback": "hard"}
    save(backend, portals={"north": options})
    badge = issuing.issue(backend, ISSUER, REQUEST)
    released(backend, link)
    found = simulation.would_grant(
        backend, SECURITY, credential_id=badge.credential_id, portal="north", at_utc_s=NOW_S
    )
    assert found.reason is Reason.SECOND_PERSON_NEEDED


def test_interlock_with_a_portal_that_is_not_enrolled_is_not_released(
    backend: Backend, link: FakeLink
) -> None:
    enrol(backend, "gate-1", "north")
    save(backend)
    with pytest.raises(ConflictError, match="north is interlocked with south"):
        released(backend, link)


def portal(**changes: Any) -> dict[str, Any]:
    return {"portals": {"north": PORTAL | changes}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (portal(beyond="roof"), "zone 'roof'"),
        (portal(unlock="never"), "schedule 'never'"),
        (portal(escorted=[]), "escort_leads needs a group"),
        (portal(escort_leads=31), "less than or equal to 30"),
        (portal(escorted=["x"]), "group 'x'"),
        (portal(escorts=["x"]), "group 'x'"),
        (portal(qualifications=["x"]), "qualification 'x'"),
        (portal(escorts=[]), "need a group among escorts"),
        (portal(antipassback_s=0), "needs antipassback_s"),
        (portal(unlock=None), "needs a schedule in unlock"),
        (portal(posture_rank=0), "greater than or equal to 1"),
        (portal(wait_s=121), "less than or equal to 120"),
        (portal(direction="up"), "'entry', 'exit' or 'both'"),
        ({"group_rules": {"x": {}}}, "group 'x'"),
        ({"group_rules": {"staff": {"rank": 10}}}, "less than or equal to 9"),
        ({"zone_rules": {"x": {}}}, "zone 'x'"),
        ({"zone_rules": {"lab": {"within": "x"}}}, "zone 'x'"),
        ({"forget_s": 59}, "greater than or equal to 60"),
    ],
)
def test_rule_book_that_does_not_hold_together_is_refused(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        RuleBook.model_validate(BOOK | changes)


def test_zone_within_itself_is_not_released(backend: Backend, link: FakeLink) -> None:
    enrol(backend, "gate-1", "north", "south")
    save(backend, zone_rules={"lab": {"within": "lab"}})
    with pytest.raises(ConflictError, match="lies within itself"):
        released(backend, link)


def test_examples_of_the_documentation_are_rules() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
    lines, zones = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    found = json.loads(f"{{{zones}}}")["zone_rules"].values()
    assert [ZoneOptions.model_validate(each).per_day for each in found] == [0, 2, 0]
    assert len([GrantLine.model_validate(line) for line in json.loads(f"[{lines}]")]) == 3
    options: dict[str, Any] = {}
    for piece in re.findall(r"`(\"[a-z_]+\": [^`]+)`", page):
        options |= json.loads(f"{{{piece}}}")
    groups = options.pop("group_rules")
    assert GroupOptions.model_validate(groups["guards"]).rank == 7
    assert {"escorted", "escorts", "two_persons", "interlock", "unlock"} <= options.keys()
    known = {name: value for name, value in options.items() if name in PortalOptions.model_fields}
    assert PortalOptions.model_validate(known).min_interval_s == 30
