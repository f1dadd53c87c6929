"""What a guard typed: a registration, or a problem at the right field."""

from typing import Any

import pytest

from doorward.ids import PortalId
from doorward_edge.by_hand import Cause, Registration, Way
from doorward_edge.config_panel import Subject
from doorward_edge.panel.manual_forms import Guard, Rules, read_registration, read_time
from doorward_edge.panel.visit import _plain
from doorward_edge.panel.words import TEXTS

NORTH, SOUTH = PortalId("north"), PortalId("south")
GUARD = Guard(actor="g-07", may_overrule=False)
GOOD = {
    "portal": "south",
    "way": "in",
    "code": "DW0ABC",
    "subject": "Visitor 17/B",
    "cause": "phone_dead",
    "note": "",
}
NOW_S = 1_800_000_000
OFFSET_S = 8 * 3600


def read(allowed: Subject = Subject.REFERENCE, /, **changes: str) -> Registration | dict[str, Any]:
    return read_registration(GOOD | changes, Rules(portals=(NORTH, SOUTH), subject=allowed), GUARD)


def test_a_good_form_is_a_registration_of_the_guard() -> None:
    assert read() == Registration(
        portal=SOUTH,
        way=Way.IN,
        code="DW0ABC",
        subject="Visitor 17/B",
        cause=Cause.PHONE_DEAD,
        note="",
        actor="g-07",
    )


def test_the_only_portal_need_not_be_chosen() -> None:
    rules = Rules(portals=(NORTH,), subject=Subject.NONE)
    found = read_registration({"way": "in", "code": "X", "cause": "visitor"}, rules, GUARD)
    assert isinstance(found, Registration)
    assert found.portal == NORTH


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"portal": "west"}, "portal"),
        ({"portal": ""}, "portal"),
        ({"way": "sideways"}, "way"),
        ({"cause": ""}, "cause"),
        ({"cause": "because"}, "cause"),
        ({"cause": "other"}, "note"),
        ({"note": "x" * 201}, "note"),
        ({"code": "x" * 513}, "code"),
        ({"code": "", "subject": ""}, "code"),
        ({"subject": "Grace Hopper <g@example.org>"}, "subject"),
        ({"subject": "x" * 41}, "subject"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_in_words_that_exist(
    changes: dict[str, str], field: str
) -> None:
    found = read(**changes)
    assert isinstance(found, dict)
    assert list(found) == [field]
    key, values = found[field]
    assert all(text.format(**values) for text in TEXTS[key])


def test_a_free_name_is_written_only_where_the_site_allows_it() -> None:
    name = "Grace Hopper (Navy), 格蕾丝"
    assert isinstance(read(subject=name), dict)
    free = read(Subject.NAME, subject=name)
    assert isinstance(free, Registration)
    assert free.subject == name
    none = read(Subject.NONE, subject=name)
    assert isinstance(none, Registration)
    assert none.subject == ""


def test_control_characters_do_not_get_into_a_record() -> None:
    assert _plain("  a\0b\r\nc\u202e\td  ") == "a b c d"


@pytest.mark.parametrize(
    ("text", "utc_s"),
    [
        ("2027-01-15T16:00", NOW_S),
        ("2027-01-15T16:01", NOW_S + 60),
        ("2027-01-15T16:02", None),
        ("2026-01-16T16:00", NOW_S - 364 * 86_400),
        ("2025-12-31T16:00", None),
        ("2027-02-30T08:00", None),
        ("yesterday", None),
        ("", None),
        ("2027-01-15T16:00:00+09:00", None),
        ("1969-12-31T23:59", None),
    ],
)
def test_a_time_is_the_sites_own_and_of_the_last_year(text: str, utc_s: int | None) -> None:
    found = read_time(text, NOW_S, OFFSET_S)
    assert found == (None if utc_s is None else utc_s * 1000)


def test_without_a_trusted_clock_a_paper_form_can_still_be_entered() -> None:
    assert read_time("2031-05-05T05:05", None, 0) is not None
