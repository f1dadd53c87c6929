"""How gateways stand: every transition by table, and what must hold for all histories."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_controller.domain.fleet_state import (
    Condition,
    Fleet,
    GatewayNow,
    Heard,
    Limits,
    Link,
    SiteCause,
    Stretch,
    Trace,
    Work,
    fleet_of,
    state_of,
    work_during,
)

LIMITS = Limits()
UP = Link(is_up=True, since_ms=0)
NOW = 100_000_000
LATE, LOST = LIMITS.late_after_s * 1000, LIMITS.lost_after_s * 1000


def heard(
    last_ago: int | None = 0,
    gone_ago: int | None = None,
    *,
    name: str = "gate",
    is_revoked: bool = False,
    stretches: tuple[Stretch, ...] = (),
) -> Heard:
    return Heard(
        gateway=name,
        is_revoked=is_revoked,
        last_ms=None if last_ago is None else NOW - last_ago,
        gone_ms=None if gone_ago is None else NOW - gone_ago,
        stretches=stretches,
    )


def away(from_ago: int, to_ago: int) -> Stretch:
    return Stretch(from_ms=NOW - from_ago, to_ms=NOW - to_ago)


@pytest.mark.parametrize(
    ("what", "link", "condition", "since_ago"),
    [
        (heard(None), UP, Condition.NEVER_SEEN, None),
        (heard(0, is_revoked=True), UP, Condition.REVOKED, None),
        (heard(LOST, LOST, is_revoked=True), UP, Condition.REVOKED, None),
        (heard(0), UP, Condition.ON_TIME, None),
        (heard(LATE - 1), UP, Condition.ON_TIME, None),
        (heard(LATE), UP, Condition.LATE, LATE),
        (heard(LOST - 1), UP, Condition.LATE, LOST - 1),
        (heard(LOST), UP, Condition.LOST, LOST),
        # The broker's word counts at once: its connection ended.
        (heard(1, 1), UP, Condition.LATE, 1),
        (heard(LOST, LOST - 1), UP, Condition.LATE, LOST - 1),
        (heard(LOST, LOST), UP, Condition.LOST, LOST),
        # A gateway of which only the last will is known.
        (heard(None, LOST), UP, Condition.LOST, LOST),
        # We are deaf ourselves: nothing can be known, except what was known before.
        (heard(LOST * 9), Link(is_up=False, since_ms=NOW - 5), Condition.UNHEARD, 5),
        (heard(LOST * 9, LOST), Link(is_up=False, since_ms=NOW), Condition.LOST, LOST),
        (heard(None), Link(is_up=False, since_ms=NOW), Condition.NEVER_SEEN, None),
        # We were deaf until a moment ago: silence begins to count there.
        (heard(LOST * 9), Link(is_up=True, since_ms=NOW - LATE + 1), Condition.ON_TIME, None),
        (heard(LOST * 9), Link(is_up=True, since_ms=NOW - LATE), Condition.LATE, LATE),
        (heard(LOST * 9), Link(is_up=True, since_ms=NOW - LOST), Condition.LOST, LOST),
        # A clock that was set back makes nobody late.
        (heard(-LOST), UP, Condition.ON_TIME, None),
    ],
)
def test_a_gateway_stands_as_it_was_heard(
    what: Heard, link: Link, condition: Condition, since_ago: int | None
) -> None:
    found = state_of(what, link, NOW)
    assert found.condition is condition
    assert found.since_ms == (None if since_ago is None else NOW - since_ago)
    assert not found.is_settling


@pytest.mark.parametrize(
    ("stretches", "is_settling"),
    [
        # One short absence is nothing.
        ((away(5_000, 1),), False),
        ((away(9_000, 8_000), away(5_000, 1)), False),
        # Who was lost must stay for 15 s first.
        ((away(LOST + 1, 1),), True),
        ((away(LOST + 15_000, 14_999),), True),
        ((away(LOST + 15_000, 15_000),), False),
        # The third absence within a quarter of an hour: 15 s doubled twice.
        ((away(90_000, 89_000), away(80_000, 79_000), away(60_500, 59_999)), True),
        ((away(90_000, 89_000), away(80_000, 79_000), away(60_500, 60_000)), False),
        # Ten absences: ten minutes.
        (tuple(away(600_000 + n, 599_000 + n) for n in range(10)), True),
        (tuple(away(601_000 + n, 600_000 + n) for n in range(10)), False),
        # What lies further back is forgotten.
        (tuple(away(901_000 + n, 900_000 + n) for n in range(10)), False),
    ],
)
def test_a_gateway_that_comes_and_goes_is_not_relied_on_at_once(
    stretches: tuple[Stretch, ...], *, is_settling: bool
) -> None:
    found = state_of(heard(0, stretches=stretches), UP, NOW)
    assert found.is_settling is is_settling
    assert found.condition is (Condition.LATE if is_settling else Condition.ON_TIME)
    assert not found.is_away


def test_absences_are_counted_with_the_one_that_lasts() -> None:
    stretches = (away(80_000, 79_000), away(50_000, 49_000))
    assert state_of(heard(0, stretches=stretches), UP, NOW).absences == 2
    assert state_of(heard(1, 1, stretches=stretches), UP, NOW).absences == 3


def fleet(*gone_ago: int | None, link: Link = UP) -> Fleet:
    found = [heard(0, ago, name=f"gate-{n}") for n, ago in enumerate(gone_ago)]
    return fleet_of(found, link, NOW)


@pytest.mark.parametrize(
    ("gone_ago", "hidden"),
    [
        ((None, None, None), 0),
        # Most of them within the same minute and a half.
        ((1000, 2000, 3000), 3),
        ((1000, 50_000, 91_000), 3),
        ((1000, 50_000, 91_001), 0),
        ((1000, 2000, 3000, None, None), 3),
        # Three of six are not most; two are too few.
        ((1000, 2000, 3000, None, None, None), 0),
        ((1000, 2000), 0),
        # One that went long before is told by itself.
        ((1000, 2000, 3000, LOST * 4), 3),
    ],
)
def test_one_cause_for_many_is_told_once(gone_ago: tuple[int | None, ...], hidden: int) -> None:
    found = fleet(*gone_ago)
    assert sum(each.is_hidden for each in found.gateways.values()) == hidden
    assert (found.site is None) == (hidden == 0)
    if found.site:
        assert found.site.cause is SiteCause.SITE_LINK_DOWN
        assert found.site.since_ms == NOW - max(ago for ago in gone_ago[:hidden] if ago)


def test_a_broker_that_is_away_hides_those_that_cannot_be_heard() -> None:
    found = fleet(None, None, LOST, link=Link(is_up=False, since_ms=NOW - 7))
    assert found.site is not None
    assert (found.site.cause, found.site.since_ms) == (SiteCause.BROKER_DOWN, NOW - 7)
    assert found.site.gateways == ("gate-0", "gate-1")
    assert not found.of("gate-2").is_hidden
    assert found.of("unknown").condition is Condition.NEVER_SEEN
    assert found.count(Condition.UNHEARD) == 2


def test_revoked_and_unseen_gateways_do_not_count_as_the_site() -> None:
    gone = [heard(0, 1000 + n, name=f"gone-{n}") for n in range(3)]
    others = [heard(None, name=f"new-{n}") for n in range(9)]
    assert fleet_of([*gone, *others], UP, NOW).site is not None


@pytest.mark.parametrize(
    ("records", "starts", "work"),
    [
        (0, 0, Work.NOTHING_SHOWN),
        (1, 1, Work.WAS_OFF),
        (5, 0, Work.WORKED),
        (5, 2, Work.WORKED),
    ],
)
def test_a_journal_shows_what_an_absence_was(records: int, starts: int, work: Work) -> None:
    assert work_during(Trace(records=records, starts=starts)) is work


_stretches = st.lists(
    st.tuples(st.integers(0, 3_000_000), st.integers(0, 900_000)), max_size=6
).map(lambda pairs: tuple(away(at + length, at) for at, length in pairs))
_heard = st.builds(
    heard,
    st.none() | st.integers(-1000, 2_000_000),
    st.none() | st.integers(0, 2_000_000),
    is_revoked=st.booleans(),
    stretches=_stretches,
)
_links = st.builds(Link, is_up=st.booleans(), since_ms=st.integers(0, NOW))


@given(_heard, _links, st.integers(0, 2_000_000))
def test_a_gateway_that_stays_silent_never_gets_better(what: Heard, link: Link, later: int) -> None:
    ranks = {Condition.ON_TIME: 0, Condition.LATE: 1, Condition.LOST: 2}
    settled = replace(what, stretches=())
    before, after = state_of(settled, link, NOW), state_of(settled, link, NOW + later)
    if before.condition in ranks:
        assert ranks[after.condition] >= ranks[before.condition]
    else:
        assert after.condition is before.condition


@given(_heard, _links)
def test_a_word_now_makes_whoever_is_heard_be_on_time_or_settle(what: Heard, link: Link) -> None:
    spoke = replace(what, last_ms=NOW, gone_ms=None, is_revoked=False)
    found = state_of(spoke, replace(link, is_up=True), NOW)
    assert found.condition is (Condition.LATE if found.is_settling else Condition.ON_TIME)
    assert not found.is_away


@given(_heard)
def test_settling_ends_within_its_longest_time(what: Heard) -> None:
    spoke = replace(what, last_ms=NOW + 600_000, gone_ms=None, is_revoked=False)
    assert state_of(spoke, UP, NOW + 600_000).condition is Condition.ON_TIME


@given(st.lists(_heard, max_size=8), _links)
def test_what_is_hidden_is_exactly_what_the_site_names(found: list[Heard], link: Link) -> None:
    named = [replace(each, gateway=f"gate-{n}") for n, each in enumerate(found)]
    whole = fleet_of(named, link, NOW)
    hidden = {each.gateway for each in whole.gateways.values() if each.is_hidden}
    assert hidden == set(whole.site.gateways if whole.site else ())
    alone: list[GatewayNow] = [state_of(each, link, NOW) for each in named]
    assert [replace(whole.of(each.gateway), is_hidden=False) for each in alone] == alone
