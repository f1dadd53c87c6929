"""The pure part of maintenance: states, separation of duties, due dates, meters, downtime."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_controller.domain import work_orders
from doorward_controller.domain.downtime import Span, first_overlap, total_s
from doorward_controller.domain.maintenance_plans import (
    CalendarRule,
    ConditionRule,
    CountFrom,
    Every,
    MeterRule,
    calendar_due,
    condition_due,
    condition_since,
    meter_due,
)
from doorward_controller.domain.meters import Meter, MeterName, advance
from doorward_controller.domain.repair_evidence import WATCH_S, Telemetry, is_borne_out
from doorward_controller.domain.work_orders import OrderState as S
from doorward_controller.domain.work_orders import OrderTurn as T
from doorward_controller.domain.work_orders import OwnWork, after, own_work

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
DAY_S = 86_400

ALLOWED = {
    (S.REQUESTED, T.APPROVE): S.APPROVED,
    (S.REQUESTED, T.CANCEL): S.CANCELLED,
    (S.APPROVED, T.SCHEDULE): S.SCHEDULED,
    (S.APPROVED, T.CANCEL): S.CANCELLED,
    (S.SCHEDULED, T.START): S.IN_PROGRESS,
    (S.SCHEDULED, T.CANCEL): S.CANCELLED,
    (S.IN_PROGRESS, T.HOLD): S.ON_HOLD,
    (S.IN_PROGRESS, T.FINISH): S.DONE,
    (S.IN_PROGRESS, T.CANCEL): S.CANCELLED,
    (S.ON_HOLD, T.RESUME): S.IN_PROGRESS,
    (S.ON_HOLD, T.CANCEL): S.CANCELLED,
    (S.DONE, T.VERIFY): S.VERIFIED,
    (S.DONE, T.SEND_BACK): S.IN_PROGRESS,
}


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("turn", T)
def test_an_order_takes_exactly_the_turns_of_the_drawing(state: S, turn: T) -> None:
    assert after(state, turn) is ALLOWED.get((state, turn))


def test_every_state_is_reached_and_only_two_are_ends() -> None:
    reached = {S.REQUESTED} | {to for row in work_orders.TABLE.values() for to in row.values()}
    assert reached == set(S)
    assert {state for state, row in work_orders.TABLE.items() if not row} == {
        S.VERIFIED,
        S.CANCELLED,
    }
    assert set(S) - {S.DONE, S.VERIFIED, S.CANCELLED} == work_orders.OPEN


@pytest.mark.parametrize(
    ("turn", "who", "refused"),
    [
        (T.APPROVE, "ann", OwnWork.REQUESTED),
        (T.APPROVE, "bob", None),
        (T.VERIFY, "bob", OwnWork.DONE),
        (T.SEND_BACK, "bob", OwnWork.DONE),
        (T.VERIFY, "ann", None),
        (T.VERIFY, "cid", None),
        (T.CANCEL, "ann", None),
        (T.START, "ann", None),
    ],
)
def test_nobody_judges_their_own(turn: T, who: str, refused: OwnWork | None) -> None:
    assert own_work(turn, who, requested_by="ann", done_by={"bob"}) is refused


def at(zone: ZoneInfo, *parts: int) -> int:
    return int(datetime(*parts, tzinfo=zone).timestamp())  # type: ignore[arg-type,misc]


def due_days(rule: CalendarRule, zone: ZoneInfo, now: int, count: int) -> list[str]:
    """Serves each due day a minute after it, and returns the days."""
    found: list[str] = []
    last: int | None = None
    for _ in range(count):
        due = calendar_due(rule, zone, now, last_due_utc_s=last, last_done_utc_s=None)
        assert due.at_utc_s is not None
        last, now = due.at_utc_s, due.at_utc_s + 60
        found.append(datetime.fromtimestamp(last, UTC).astimezone(zone).isoformat())
    return found


def test_a_month_from_the_31st_is_the_months_last_day_and_then_the_31st_again() -> None:
    rule = CalendarRule(every=1, unit=Every.MONTHS, first_day=date(2024, 1, 31))
    days = due_days(rule, SHANGHAI, at(SHANGHAI, 2024, 1, 1), 5)
    assert [day[:10] for day in days] == [
        "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31",
    ]  # fmt: skip


def test_a_year_from_a_leap_day_is_the_last_of_february() -> None:
    rule = CalendarRule(every=12, unit=Every.MONTHS, first_day=date(2024, 2, 29))
    days = due_days(rule, BERLIN, at(BERLIN, 2024, 1, 1), 5)
    assert [day[5:10] for day in days] == ["02-29", "02-28", "02-28", "02-28", "02-29"]


def test_a_day_keeps_its_hour_over_both_clock_changes() -> None:
    rule = CalendarRule(every=1, unit=Every.DAYS, first_day=date(2026, 3, 28), at=time(8))
    spring = due_days(rule, BERLIN, at(BERLIN, 2026, 3, 27), 3)
    assert [day[11:] for day in spring] == ["08:00:00+01:00", "08:00:00+02:00", "08:00:00+02:00"]
    autumn = due_days(rule, BERLIN, at(BERLIN, 2026, 10, 24, 7), 4)[1:]
    assert [day[11:] for day in autumn] == ["08:00:00+02:00", "08:00:00+01:00", "08:00:00+01:00"]


def test_an_hour_that_is_left_out_or_comes_twice_is_due_once() -> None:
    rule = CalendarRule(every=1, unit=Every.DAYS, first_day=date(2026, 3, 28), at=time(2, 30))
    spring = due_days(rule, BERLIN, at(BERLIN, 2026, 3, 27), 3)
    assert spring[1] == "2026-03-29T03:30:00+02:00"
    autumn = due_days(rule, BERLIN, at(BERLIN, 2026, 10, 24, 12), 3)
    assert autumn[1:] == ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]


def test_of_several_days_that_were_missed_only_the_latest_is_due() -> None:
    rule = CalendarRule(every=1, unit=Every.WEEKS, first_day=date(2026, 1, 5))
    now = at(SHANGHAI, 2026, 3, 4, 12)
    due = calendar_due(
        rule, SHANGHAI, now, last_due_utc_s=at(SHANGHAI, 2026, 1, 5, 8), last_done_utc_s=None
    )
    assert (due.is_due, due.at_utc_s) == (True, at(SHANGHAI, 2026, 3, 2, 8))
    after_it = calendar_due(rule, SHANGHAI, now, last_due_utc_s=due.at_utc_s, last_done_utc_s=None)
    assert (after_it.is_due, after_it.at_utc_s) == (False, at(SHANGHAI, 2026, 3, 9, 8))


def test_what_lasts_from_its_exchange_is_counted_from_when_it_was_done() -> None:
    rule = CalendarRule(
        every=3, unit=Every.MONTHS, first_day=date(2026, 1, 1), count_from=CountFrom.LAST_DONE
    )
    done = at(SHANGHAI, 2026, 1, 31, 15)
    due = calendar_due(rule, SHANGHAI, done, last_due_utc_s=1, last_done_utc_s=done)
    assert due.at_utc_s == at(SHANGHAI, 2026, 4, 30, 8)


def test_a_plan_warns_before_it_is_due() -> None:
    rule = CalendarRule(every=1, unit=Every.MONTHS, first_day=date(2026, 5, 10))
    for day, near, is_due in ((6, False, False), (8, True, False), (11, True, True)):
        due = calendar_due(
            rule, SHANGHAI, at(SHANGHAI, 2026, 5, day, 12),
            last_due_utc_s=None, last_done_utc_s=None, warn_before_s=3 * DAY_S,
        )  # fmt: skip
        assert (due.is_near, due.is_due) == (near, is_due)


@given(
    every=st.integers(1, 40),
    unit=st.sampled_from(Every),
    first=st.dates(date(2000, 1, 1), date(2030, 12, 31)),
    now=st.integers(at(BERLIN, 2001, 1, 1), at(BERLIN, 2034, 1, 1)),
)
def test_serving_what_is_due_always_leads_to_a_later_day(
    every: int, unit: Every, first: date, now: int
) -> None:
    rule = CalendarRule(every=every, unit=unit, first_day=first)
    served: int | None = None
    for _ in range(4):
        due = calendar_due(rule, BERLIN, now, last_due_utc_s=served, last_done_utc_s=None)
        assert due.at_utc_s is not None
        assert served is None or due.at_utc_s > served
        assert due.is_due == (due.at_utc_s <= now)
        if served is not None and served <= now:
            assert not due.is_due, "one late day is enough"
        served = due.at_utc_s


@pytest.mark.parametrize(
    ("reports", "total"),
    [
        ([(10, 100), (15, 160)], 15),
        ([(10, 100), (3, 20)], 13),
        # The counter is already higher than before the restart: the running time tells.
        ([(10, 100), (12, 20)], 22),
        # Another card, another gateway under the name: both start at nothing.
        ([(900, 50_000), (0, 5), (7, 65), (2, 5)], 909),
        ([(10, None), (12, None)], 12),
        ([(10, None), (4, None)], 14),
        ([(0, 1), (0, 61)], 0),
    ],
)
def test_a_meter_counts_on_over_restarts_cards_and_gateways(
    reports: list[tuple[int, int | None]], total: int
) -> None:
    meter: Meter | None = None
    for reading, witness_s in reports:
        meter = advance(meter, reading, witness_s)
    assert meter is not None
    assert meter.total == total


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**9)), min_size=1))
def test_a_meter_never_runs_backwards(reports: list[tuple[int, int]]) -> None:
    meter, before = None, 0
    for reading, witness_s in reports:
        meter = advance(meter, reading, witness_s)
        assert meter.total >= before
        before = meter.total


def test_a_meter_plan_is_due_when_its_count_is_used_up() -> None:
    rule = MeterRule(meter=MeterName.LOCK_CYCLES, every=1_000, warn_left=100)
    lefts = [meter_due(rule, total=total, total_when_done=500) for total in (500, 1_400, 1_500)]
    assert [(due.left, due.is_near, due.is_due) for due in lefts] == [
        (1_000, False, False), (100, True, False), (0, True, True),
    ]  # fmt: skip


def test_a_condition_must_last_and_starts_anew_when_it_clears() -> None:
    rule = ConditionRule(metric="temperature_mc", limit=75_000, is_above=True, for_s=600)
    since: int | None = None
    due: list[bool] = []
    for now, value in ((0, 76_000), (300, None), (500, 75_000), (550, 74_999), (600, 80_000)):
        since = condition_since(rule, value, now, since)
        due.append(condition_due(rule, now, since).is_due)
    assert (due, since) == ([False] * 5, 600)
    assert condition_due(rule, 1_200, since).is_due


def test_a_condition_below_a_limit_counts_too() -> None:
    rule = ConditionRule(metric="certificate_days_left", limit=14, is_above=False, for_s=0)
    assert condition_since(rule, 15, 5, None) is None
    assert condition_since(rule, 14, 5, None) == 5


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ((0, 10), (10, 20), False),
        ((0, 11), (10, 20), True),
        ((12, 15), (10, 20), True),
        ((0, None), (10, 20), True),
        ((20, None), (10, 20), False),
        ((5, None), (9, None), True),
    ],
)
def test_downtimes_share_time_or_only_touch(
    one: tuple[int, int | None], other: tuple[int, int | None], *, shared: bool
) -> None:
    a = Span(began_utc_s=one[0], ended_utc_s=one[1])
    b = Span(began_utc_s=other[0], ended_utc_s=other[1])
    assert a.overlaps(b) is b.overlaps(a) is shared
    assert (first_overlap(a, [b]) is b) is shared


def test_downtime_is_cut_to_the_window_and_told_apart() -> None:
    spans = [
        Span(began_utc_s=0, ended_utc_s=100),
        Span(began_utc_s=150, ended_utc_s=160, planned=True),
        Span(began_utc_s=190, ended_utc_s=None),
    ]
    assert total_s(spans, 50, 200) == 50 + 10 + 10
    assert total_s(spans, 50, 200, planned=False) == 60
    assert total_s(spans, 50, 200, planned=True) == 10


SEEN = Telemetry(
    heard_at_utc_s=10_000 + WATCH_S,
    is_online=True,
    bad=frozenset(),
    told=frozenset({"camera_fault", "temperature_mc"}),
)


@pytest.mark.parametrize(
    ("mode", "change", "borne_out"),
    [
        ("no_picture", {}, True),
        ("no_network", {"told": frozenset()}, True),
        ("no_picture", {"bad": frozenset({"camera_fault"})}, False),
        ("no_picture", {"bad": frozenset({"temperature_mc"})}, True),
        ("no_picture", {"is_online": False}, False),
        ("no_picture", {"heard_at_utc_s": 10_000 + WATCH_S - 1}, False),
        ("no_picture", {"heard_at_utc_s": None}, False),
        ("no_picture", {"told": frozenset({"temperature_mc"})}, False),
        ("lock_stuck", {}, False),
        ("", {}, False),
    ],
)
def test_telemetry_bears_a_repair_out_only_where_it_can_tell(
    mode: str, change: dict[str, object], *, borne_out: bool
) -> None:
    values = {name: getattr(SEEN, name) for name in Telemetry.__dataclass_fields__}
    seen = Telemetry(**(values | change))
    assert is_borne_out(mode, 10_000, 10_000 + WATCH_S, seen) is borne_out
