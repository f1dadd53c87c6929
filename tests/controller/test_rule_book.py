"""The rule book: checked whole, and the site's clock for years ahead."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_controller.domain.rule_book import RuleBook, SpanRule, first_rule_book

NOW_S = 1_790_000_000
YEAR_S = 365 * 86_400
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
BOOKS = {zone: RuleBook(time_zone=zone).site_time(NOW_S) for zone in ZONES}


@given(zone=st.sampled_from(ZONES), utc_s=st.integers(NOW_S, NOW_S + 3 * YEAR_S))
def test_local_time_is_right_for_three_years(zone: str, utc_s: int) -> None:
    local = datetime.fromtimestamp(utc_s, UTC).astimezone(ZoneInfo(zone))
    wall = datetime.fromtimestamp(BOOKS[zone].local_s(utc_s), UTC)
    assert wall.replace(tzinfo=None) == local.replace(tzinfo=None)


def test_change_of_clock_is_known_to_the_second() -> None:
    berlin = BOOKS["Europe/Berlin"]
    change = int(datetime(2027, 3, 28, 1, tzinfo=UTC).timestamp())
    assert berlin.local_s(change) - berlin.local_s(change - 1) == 3601


def test_zone_without_changes_has_one_offset() -> None:
    assert len(BOOKS["Asia/Shanghai"].offsets) == 1


def test_first_rule_book_lets_staff_in_and_visitors_by_day() -> None:
    book = first_rule_book()
    assert {(line.group, line.schedule) for line in book.grants} == {
        ("staff", "always"),
        ("visitors", "working-hours"),
    }
    assert RuleBook.model_validate_json(book.model_dump_json()) == book


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"grants": [{"group": "x", "zone": "site", "schedule": "always"}]}, "group 'x'"),
        ({"grants": [{"group": "staff", "zone": "x", "schedule": "always"}]}, "zone 'x'"),
        ({"grants": [{"group": "staff", "zone": "site", "schedule": "x"}]}, "schedule 'x'"),
        ({"classes": {"visitor": ["x"]}}, "group 'x'"),
        ({"groups": ["staff", "staff", "visitors"]}, "stands twice"),
        ({"time_zone": "Mars/Olympus"}, "is not a time zone"),
        ({"time_zone": "../../etc/passwd"}, "is not a time zone"),
        ({"zones": ["No Good"]}, "must be 1 to 32"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_rule_book_that_does_not_hold_together_is_refused(
    changed: dict[str, object], words: str
) -> None:
    whole = {**first_rule_book().model_dump(mode="json"), **changed}
    with pytest.raises(ValueError, match=words):
        RuleBook.model_validate(whole)


@pytest.mark.parametrize(("from_min", "to_min"), [(600, 600), (-1, 5), (1440, 1500), (0, 2881)])
def test_impossible_times_are_refused(from_min: int, to_min: int) -> None:
    with pytest.raises(ValueError, match="span"):
        SpanRule(days=(0,), from_min=from_min, to_min=to_min)
