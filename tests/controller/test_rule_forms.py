"""Rules read from forms: what is entered, what is wrong with it, and the books that follow."""

from collections.abc import Mapping, Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from doorward.ids import PortalId
from doorward.policy import AntiPassback, Direction
from doorward.schedule import DayType, Schedule, SiteTime, is_open
from doorward_controller.domain import rule_edits, rule_fields
from doorward_controller.domain.rule_book import (
    GrantLine,
    GroupOptions,
    PortalOptions,
    RuleBook,
    SpanRule,
    ZoneOptions,
    first_rule_book,
)
from doorward_controller.domain.rule_edits import InUseError, Named, TakenError, Use
from doorward_controller.domain.rule_fields import FaultKind, Filled
from doorward_controller.domain.rule_words import say_grant, say_schedule
from doorward_controller.domain.schedule_form import Row, RowFault, read_rows, rows_of, week_of

PORTAL = tuple(entry for some in rule_fields.PORTAL.values() for entry in some)


def read_portal(
    form: Mapping[str, Sequence[str]],
) -> tuple[PortalOptions | None, dict[str, Filled]]:
    options, fields = rule_fields.read(PORTAL, lambda name: form.get(name, ()), PortalOptions, int)
    return options, {field.name: field for field in fields}


def test_every_option_of_a_portal_has_a_field() -> None:
    assert {entry.name for entry in PORTAL} == set(PortalOptions.model_fields)
    assert {entry.name for entry in rule_fields.GRANT} == set(GrantLine.model_fields)
    assert {entry.name for entry in rule_fields.GROUP} == set(GroupOptions.model_fields)
    assert {entry.name for entry in rule_fields.ZONE} == set(ZoneOptions.model_fields)


def test_a_portal_that_is_shown_and_sent_back_is_the_same() -> None:
    options = PortalOptions(
        pulse_ms=1500, direction=Direction.BOTH, beyond="yard", qualifications=("fire",),
        antipassback=AntiPassback.TIMED, antipassback_s=600, min_interval_s=90,
        escorted=("visitors",), escorts=("staff",), escort_leads=3, two_persons=True, wait_s=45,
        interlock=(PortalId("inner"),), unlock="always", unlock_after_first=True, posture_rank=4,
        posture_until=1_790_000_000, max_age_s=90_061,
    )  # fmt: skip
    shown = rule_fields.filled(PORTAL, options, str)
    form = {field.name: field.chosen or (field.value,) for field in shown}
    assert read_portal(form)[0] == options


@pytest.mark.parametrize(
    ("form", "field", "kind"),
    [
        ({"pulse_ms": ["99"]}, "pulse_ms", FaultKind.OUT_OF_BOUNDS),
        ({"pulse_ms": ["soon"]}, "pulse_ms", FaultKind.NOT_A_NUMBER),
        ({"pulse_ms": ["1.5"]}, "pulse_ms", FaultKind.NOT_A_NUMBER),
        ({"wait_s": ["3 min"]}, "wait_s", FaultKind.OUT_OF_BOUNDS),
        ({"min_interval_s": ["a while"]}, "min_interval_s", FaultKind.NOT_A_SPAN),
        ({"direction": ["up"]}, "direction", FaultKind.NOT_A_CHOICE),
        ({"posture_until": ["tomorrow"]}, "posture_until", FaultKind.NOT_A_TIME),
        ({"posture_rank": ["10"]}, "posture_rank", FaultKind.OUT_OF_BOUNDS),
        ({"escorted": ["visitors"]}, "escorts", FaultKind.ESCORTS_MISSING),
        ({"escort_leads": ["2"]}, "escorted", FaultKind.ESCORTED_MISSING),
        ({"antipassback": ["timed"]}, "antipassback_s", FaultKind.TIME_MISSING),
        ({"unlock_after_first": ["yes"]}, "unlock", FaultKind.SCHEDULE_MISSING),
        ({"interlock": ["No Door"]}, "interlock", FaultKind.NOT_A_NAME),
    ],
)
def test_what_is_wrong_stands_at_its_field_with_what_was_entered(
    form: dict[str, list[str]], field: str, kind: FaultKind
) -> None:
    options, fields = read_portal(form)
    assert options is None
    assert [(name, each.fault.kind) for name, each in fields.items() if each.fault] == [
        (field, kind)
    ]
    for name, texts in form.items():
        assert fields[name].value == texts[0] or fields[name].chosen == tuple(texts)


def test_a_bound_that_is_passed_is_told() -> None:
    _, fields = read_portal({"pulse_ms": ["40000"], "wait_s": ["3 min"]})
    pulse, wait = fields["pulse_ms"].fault, fields["wait_s"].fault
    assert pulse is not None
    assert wait is not None
    assert (pulse.least, pulse.most, pulse.is_span) == (100, 30_000, False)
    assert (wait.least, wait.most, wait.is_span) == (1, 120, True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90 s", 90),
        ("15min", 900),
        ("15 分钟", 900),
        ("72 H", 259_200),
        ("3 d", 259_200),
    ],
)
def test_a_length_of_time_is_written_with_its_unit(text: str, seconds: int) -> None:
    options, _ = read_portal({"max_age_s": [text]})
    assert options is not None
    assert options.max_age_s == seconds


@given(st.integers(1, 366 * 86_400))
def test_a_length_of_time_is_shown_as_it_is_read(seconds: int) -> None:
    field = Filled(entry=rule_fields.Entry(name="forget_s", fill=rule_fields.Fill.SPAN))
    form = {"forget_s": [rule_fields.span_text(seconds)]}
    if seconds >= 60:
        book, _ = rule_fields.read([field.entry], lambda name: form.get(name, ()), RuleBook, int)
        assert book.forget_s == seconds


spans = st.builds(
    lambda days, begin, length: SpanRule(
        days=tuple(sorted(days)), from_min=begin, to_min=min(begin + length, 2880)
    ),
    st.sets(st.integers(0, 7), min_size=1),
    st.integers(0, 1439),
    st.integers(1, 2880),
)


@given(st.lists(spans, max_size=6))
def test_a_schedule_that_is_shown_and_sent_back_is_the_same(rules: list[SpanRule]) -> None:
    read, rows = read_rows(rows_of(rules))
    assert read == tuple(rules)
    assert not any(row.faults for row in rows)


@given(st.lists(spans, max_size=5), st.integers(0, 6), st.integers(0, 1439))
def test_the_picture_of_a_week_shows_what_the_gates_decide_by(
    rules: list[SpanRule], weekday: int, minute: int
) -> None:
    """On a week without holidays a minute is drawn where `is_open` says that it is open."""
    time = SiteTime(zone="UTC", offsets=((0, 0),), day_types={})
    monday_utc_s = 4 * 86_400  # 1970-01-05
    at = monday_utc_s + 7 * 86_400 + weekday * 86_400 + minute * 60
    schedule = Schedule(name="x", spans=tuple(rule.span() for rule in rules))
    bars = week_of(rules)[weekday].bars
    assert any(bar.from_min <= minute < bar.to_min for bar in bars) == is_open(schedule, time, at)


@pytest.mark.parametrize(
    ("row", "faults"),
    [
        (Row(begin="07:00", end="19:00"), {"days": RowFault.NO_DAYS}),
        (Row(days=frozenset({0}), begin="25:00", end="26:00"), {"begin": RowFault.NOT_A_TIME}),
        (Row(days=frozenset({0}), begin="7", end="noon"), {"end": RowFault.NOT_A_TIME}),
        (Row(days=frozenset({0}), begin="7:60", end="8:00"), {"begin": RowFault.NOT_A_TIME}),
        (Row(days=frozenset({0}), begin="07:00", end="48:01"), {"end": RowFault.TOO_LONG}),
    ],
)
def test_a_row_that_cannot_be_read_says_where(row: Row, faults: dict[str, RowFault]) -> None:
    read, rows = read_rows([Row(), row])
    assert read is None
    assert dict(rows[0].faults) == faults
    assert (rows[0].begin, rows[0].end) == (row.begin, row.end)


def test_a_night_ends_on_the_next_day() -> None:
    read, _ = read_rows([Row(days=frozenset({4}), begin="22:00", end="06:00")])
    assert read == (SpanRule(days=(4,), from_min=1320, to_min=1800),)
    week = week_of(read)
    assert [(bar.from_min, bar.to_min) for bar in week[5].bars] == [(0, 360)]
    assert week[4].past_midnight_min == 360


@pytest.mark.parametrize(
    ("line", "portals", "en", "zh"),
    [
        (
            GrantLine(group="staff", zone="site", schedule="x", way=Direction.ENTRY),
            ["gate-3"],
            "staff may enter by gate-3 on Mondays to Fridays 07:00–19:00",
            "staff 可在周一至周五 07:00–19:00 从 gate-3 进入",
        ),
        (
            GrantLine(
                group="staff", zone="site", schedule="x", per_visit=1, qualifications=("fire",)
            ),
            ["a"],
            "staff may pass a on Mondays to Fridays 07:00–19:00, with fire, once a visit at most",
            "staff 可在周一至周五 07:00–19:00 通行 a，须具备 fire，每次来访最多 1 次",
        ),
        (
            GrantLine(group="staff", zone="site", schedule="x", way=Direction.EXIT),
            [f"gate-{n}" for n in range(1000)],
            "staff may leave by the 1,000 portals of zone site on Mondays to Fridays 07:00–19:00",
            "staff 可在周一至周五 07:00–19:00 从 区域 site 的 1,000 个通道 离开",
        ),
    ],
)
def test_a_rule_is_said_in_words(line: GrantLine, portals: list[str], en: str, zh: str) -> None:
    said = say_grant(line, [SpanRule(days=(0, 1, 2, 3, 4), from_min=420, to_min=1140)], portals)
    assert (said.en, said.zh) == (en, zh)


def test_a_schedule_without_lines_is_never_open() -> None:
    assert say_schedule([]).en == "never"


BOOK = first_rule_book()
STAFF = BOOK.grants[0]


def test_a_line_is_put_where_the_other_stood() -> None:
    line = STAFF.model_copy(update={"schedule": "working-hours"})
    assert rule_edits.put_grant(line, STAFF).made(BOOK).grants == (line, BOOK.grants[1])
    assert rule_edits.put_grant(line).made(BOOK).grants == (*BOOK.grants, line)
    assert rule_edits.remove_grant(STAFF).made(BOOK).grants == BOOK.grants[1:]


def test_what_is_there_already_is_not_added() -> None:
    for edit in (
        rule_edits.put_grant(STAFF),
        rule_edits.put_grant(STAFF, BOOK.grants[1]),
        rule_edits.put_group("staff", GroupOptions(), is_new=True),
        rule_edits.put_zone("site", ZoneOptions(), is_new=True),
        rule_edits.put_schedule("always", (), is_new=True),
    ):
        with pytest.raises(TakenError):
            edit.made(BOOK)


@pytest.mark.parametrize(
    ("what", "name"),
    [(Named.GROUP, "staff"), (Named.ZONE, "site"), (Named.SCHEDULE, "always")],
)
def test_a_name_that_is_in_use_does_not_go(what: Named, name: str) -> None:
    with pytest.raises(InUseError, match="staff site always"):
        rule_edits.remove(what, name).made(BOOK)


def test_a_zone_in_which_a_portal_stands_does_not_go() -> None:
    book = rule_edits.put_zone("yard", ZoneOptions(at_most=5), is_new=True).made(BOOK)
    with pytest.raises(InUseError, match="portal gate"):
        rule_edits.remove(Named.ZONE, "yard", [Use(of="portal", name="gate")]).made(book)
    assert rule_edits.remove(Named.ZONE, "yard").made(book) == BOOK


def test_a_book_that_would_refer_to_nothing_is_refused() -> None:
    line = STAFF.model_copy(update={"zone": "nowhere"})
    with pytest.raises(ValidationError, match="nowhere"):
        rule_edits.put_grant(line).made(BOOK)


def test_holidays_are_entered_by_span_and_taken_back() -> None:
    first, last = date(2026, 10, 1), date(2026, 10, 7)
    book = rule_edits.put_days(first, last, DayType.HOLIDAY).made(BOOK)
    assert len(book.calendar) == 7
    assert set(book.calendar.values()) == {7}
    assert rule_edits.put_days(first, last, None).made(book) == BOOK
    for begin, end in ((last, first), (first, date(2027, 10, 1))):
        with pytest.raises(ValueError, match="days, must be 1 to 62"):
            rule_edits.put_days(begin, end, DayType.HOLIDAY)


def test_names_are_counted_as_they_are_found() -> None:
    book = rule_edits.changed(
        BOOK,
        zones=("site", "lab"),
        zone_rules={"lab": ZoneOptions(within="site")},
        portals={"gate": PortalOptions(escorted=("visitors",), escorts=("staff",), beyond="lab")},
    )
    counts = rule_edits.use_counts(book)
    for what in Named:
        for name in getattr(book, what.value):
            assert counts[what][name] == len(rule_edits.uses_of(book, what, name)), name
    assert counts[Named.ZONE] == {"site": 3, "lab": 1}
