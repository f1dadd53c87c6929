"""Step 10 of the decision: which way a line lets go, and what a portal asks for by itself."""

from typing import Any

import pytest

from doorward.decision import Deny, Grant
from doorward.policy import Direction
from doorward.policy_draft import GrantDraft
from doorward.reasons import Reason
from tests.kit.asking import Case, portal
from tests.kit.plant import NOON, at, person
from tests.kit.remembering import Remembered

EVENING = NOON + 7 * 3600
ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


def lines(*rows: tuple[str, Direction], needed: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "grants": tuple(
            GrantDraft(
                group="staff", zone="site", schedule=schedule, way=way, qualifications=needed
            )
            for schedule, way in rows
        )
    }


CASES: dict[str, tuple[dict[str, Any], int, Reason, str]] = {
    "enters by a line for entry": (
        lines(("always", ENTRY)),
        NOON,
        Reason.GRANTED,
        "10:staff>site@always",
    ),
    "does not leave by it": (
        lines(("always", ENTRY)) | {"portals": portal(direction=EXIT)},
        NOON,
        Reason.NOT_THIS_WAY,
        "10:staff>site@always",
    ),
    "leaves by a line for leaving": (
        lines(("always", EXIT)) | {"portals": portal(direction=EXIT)},
        NOON,
        Reason.GRANTED,
        "10:staff>site@always",
    ),
    "does not enter by it": (
        lines(("always", EXIT)),
        NOON,
        Reason.NOT_THIS_WAY,
        "10:staff>site@always",
    ),
    "enters in office hours": (
        lines(("office", ENTRY), ("always", EXIT)),
        EVENING,
        Reason.OUTSIDE_SCHEDULE,
        "10:staff>site@office",
    ),
    "leaves at any time": (
        lines(("office", ENTRY), ("always", EXIT)) | {"portals": portal(direction=EXIT)},
        EVENING,
        Reason.GRANTED,
        "10:staff>site@always",
    ),
    "leaving has its hours too": (
        lines(("office", EXIT)) | {"portals": portal(direction=EXIT)},
        EVENING,
        Reason.OUTSIDE_SCHEDULE,
        "10:staff>site@office",
    ),
    "leaves without the training": (
        lines(("always", Direction.BOTH), needed=("laser",))
        | {"portals": portal(direction=EXIT, qualifications=("fire",))},
        NOON,
        Reason.GRANTED,
        "10:staff>site@always",
    ),
    "the portal asks for a training": (
        {"portals": portal(qualifications=("fire",))},
        NOON,
        Reason.QUALIFICATION_MISSING,
        "10:staff>site@always",
    ),
    "which is valid today": (
        {
            "portals": portal(qualifications=("fire",)),
            "people": (person(qualifications=(("fire", NOON + 1),)),),
        },
        NOON,
        Reason.GRANTED,
        "10:staff>site@always",
    ),
    "which ended this second": (
        {
            "portals": portal(qualifications=("fire",)),
            "people": (person(qualifications=(("fire", NOON),)),),
        },
        NOON,
        Reason.QUALIFICATION_EXPIRED,
        "10:staff>site@always",
    ),
    "beside that of the grant": (
        lines(("always", Direction.BOTH), needed=("laser",))
        | {
            "portals": portal(qualifications=("fire",)),
            "people": (person(qualifications=(("fire", NOON + 1),)),),
        },
        NOON,
        Reason.QUALIFICATION_MISSING,
        "10:staff>site@always",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_line(name: str) -> None:
    draft, utc_s, reason, rule = CASES[name]
    case = Case(draft=draft, presence=Remembered(), now=at(utc_s), issued_at=utc_s)
    decision = case.decision()
    assert type(decision) is (Grant if reason is Reason.GRANTED else Deny)
    assert (decision.reason, decision.grounds.rule) == (reason, rule)


def test_doubt_about_a_line_that_does_not_grant_is_not_noticed() -> None:
    draft = {
        "grants": (
            GrantDraft(group="staff", zone="site", schedule="always", per_day=1, per_visit=1),
            GrantDraft(group="staff", zone="site", schedule="always"),
        ),
    }
    sure = Case(draft=draft, presence=Remembered(whole=False)).decision()
    assert isinstance(sure, Grant)
    assert sure.grounds.notices == ()
