"""What is done about a camera's fault: cases by time, and what holds whatever happens."""

import itertools
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_edge.ports import CameraHealth
from doorward_edge.vitals.camera_ladder import (
    DAY_S,
    SERVICE_PAUSE_S,
    WELL_AFTER_MS,
    Allowed,
    Ladder,
    Past,
    Step,
    look,
)

OK, GONE, FROZEN = CameraHealth.OK, CameraHealth.GONE, CameraHealth.FROZEN
DARK, BLINDED = CameraHealth.DARK, CameraHealth.BLINDED
NOW_S = 1_800_000_000
TICK_MS = 1_000


@dataclass
class Site:
    """One camera over time; processes and boards that start anew forget what was in memory."""

    allowed: Allowed = Allowed()  # noqa: RUF009  # frozen
    past: Past = field(default_factory=Past)
    ladder: Ladder = field(default_factory=Ladder)
    mono_ms: int = 1_000_000
    utc_s: int = NOW_S
    steps: list[tuple[int, Step]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def goes_on(self, seen: CameraHealth, seconds: int) -> "Site":
        for _ in range(seconds):
            self.mono_ms += TICK_MS
            self.utc_s += TICK_MS // 1000
            verdict = look(
                self.ladder,
                seen,
                self.mono_ms,
                self.utc_s,
                past=self.past,
                allowed=self.allowed,
            )
            self.ladder = verdict.ladder
            self.told += [f"-{verdict.ended}"] if verdict.ended else []
            self.told += [f"+{verdict.began}"] if verdict.began else []
            if verdict.step:
                self._do(verdict.step)
        return self

    def _do(self, step: Step) -> None:
        self.steps.append((self.utc_s - NOW_S, step))
        if step is Step.SERVICE:
            self.past = replace(self.past, services=(*self.past.services, self.utc_s))
        if step is Step.BOARD:
            self.past = replace(self.past, boards=(*self.past.boards, self.utc_s))
        if step is not Step.CAPTURE:
            self.ladder = Ladder()

    def count(self, step: Step) -> int:
        return sum(done is step for _, done in self.steps)


@pytest.mark.parametrize("fault", [GONE, FROZEN])
def test_a_lasting_fault_climbs_capture_service_board(fault: CameraHealth) -> None:
    site = Site().goes_on(fault, 1_200)
    assert site.steps[:4] == [
        (1, Step.CAPTURE),
        (21, Step.CAPTURE),
        (61, Step.CAPTURE),
        (121, Step.CAPTURE),
    ]
    assert (181, Step.SERVICE) in site.steps
    assert (182 + 900, Step.BOARD) in site.steps


@pytest.mark.parametrize("fault", [DARK, BLINDED])
def test_darkness_and_glare_never_start_service_or_board_anew(fault: CameraHealth) -> None:
    site = Site().goes_on(fault, 2 * DAY_S // 24)
    assert site.steps == [(61, Step.CAPTURE)]


def test_a_day_without_a_camera_costs_a_bounded_number_of_starts() -> None:
    site = Site().goes_on(GONE, DAY_S)
    assert site.count(Step.SERVICE) == 3
    assert site.count(Step.BOARD) == 1
    assert site.count(Step.CAPTURE) < 60
    services = [at for at, step in site.steps if step is Step.SERVICE]
    assert all(b - a >= SERVICE_PAUSE_S for a, b in itertools.pairwise(services))


def test_a_board_is_never_started_anew_where_the_configuration_forbids_it() -> None:
    site = Site(allowed=Allowed(boards_a_day=0)).goes_on(GONE, DAY_S)
    assert site.count(Step.BOARD) == 0
    site = Site(allowed=Allowed(boards_a_day=0, services_a_day=0)).goes_on(GONE, DAY_S)
    assert {step for _, step in site.steps} == {Step.CAPTURE}


def test_what_was_done_before_a_restart_counts() -> None:
    past = Past(services=(NOW_S - 3600, NOW_S - 7200, NOW_S - 9000), boards=(NOW_S - 100,))
    site = Site(past=past).goes_on(GONE, 4_000)
    assert {step for _, step in site.steps} == {Step.CAPTURE}


def test_a_day_later_it_may_be_tried_again() -> None:
    past = Past(services=(NOW_S - DAY_S - 1,) * 3, boards=(NOW_S - DAY_S - 1,))
    site = Site(past=past).goes_on(GONE, 1_200)
    assert (site.count(Step.SERVICE), site.count(Step.BOARD)) == (1, 1)


def test_starts_that_seem_to_lie_ahead_still_count() -> None:
    past = Past(services=(NOW_S + 10**6,) * 3, boards=(NOW_S + 10**6,))
    assert Site(past=past).goes_on(GONE, 4_000).count(Step.BOARD) == 0


def test_a_service_comes_before_a_board() -> None:
    ladder = Ladder(fault=GONE, steady_ms=0, due_ms=10**9)
    verdict = look(ladder, GONE, 10_000_000, NOW_S, past=Past(), allowed=Allowed())
    assert verdict.step is Step.SERVICE


def test_begin_and_end_of_a_fault_are_told_once() -> None:
    site = Site().goes_on(OK, 5).goes_on(FROZEN, 50).goes_on(OK, 60).goes_on(OK, 60)
    assert site.told == ["+frozen", "-frozen"]


def test_a_fault_that_comes_and_goes_is_one_fault() -> None:
    site = Site()
    for _ in range(20):
        site.goes_on(GONE, 5).goes_on(OK, WELL_AFTER_MS // 1000 - 2)
    assert site.told == ["+gone"]
    assert site.count(Step.CAPTURE) <= 6


def test_another_fault_in_its_place_is_told_and_keeps_its_age() -> None:
    site = Site().goes_on(GONE, 100).goes_on(FROZEN, 100)
    assert site.told[:3] == ["+gone", "-gone", "+frozen"]
    assert (181, Step.SERVICE) in site.steps


@pytest.mark.parametrize("harmless", [DARK, BLINDED])
def test_a_camera_that_goes_away_in_the_night_is_taken_care_of_at_once(
    harmless: CameraHealth,
) -> None:
    site = Site().goes_on(harmless, 8 * 3600)
    began = site.utc_s - NOW_S
    site.steps.clear()
    site.goes_on(GONE, 300)
    assert site.steps[0] == (began + 1, Step.CAPTURE)
    assert (began + 181, Step.SERVICE) in site.steps


@pytest.mark.parametrize("other", [FROZEN, DARK, BLINDED])
def test_faults_that_take_turns_do_not_begin_again_and_again(other: CameraHealth) -> None:
    site = Site(allowed=Allowed(services_a_day=0, boards_a_day=0))
    for _ in range(600):
        site.goes_on(GONE, 3).goes_on(other, 3)
    assert 2 <= site.count(Step.CAPTURE) <= 7


def test_a_lamp_that_goes_out_in_the_evening_climbs_nothing() -> None:
    site = Site().goes_on(OK, 60).goes_on(DARK, 8 * 3600).goes_on(OK, 60)
    assert site.told == ["+dark", "-dark"]
    assert site.count(Step.CAPTURE) == 1


@given(
    spans=st.lists(
        st.tuples(st.sampled_from(list(CameraHealth)), st.integers(1, 2_000)), max_size=12
    ),
    services=st.integers(0, 3),
    boards=st.integers(0, 2),
)
def test_whatever_a_camera_does_nothing_is_done_in_a_tight_loop(
    spans: list[tuple[CameraHealth, int]], services: int, boards: int
) -> None:
    site = Site(allowed=Allowed(services_a_day=services, boards_a_day=boards))
    for seen, seconds in spans:
        site.goes_on(seen, seconds)
    assert site.count(Step.SERVICE) <= services * (1 + site.utc_s // DAY_S - NOW_S // DAY_S)
    assert site.count(Step.BOARD) <= boards * (1 + site.utc_s // DAY_S - NOW_S // DAY_S)
    hours = 1 + (site.utc_s - NOW_S) / 3_600
    assert site.count(Step.CAPTURE) <= 40 * hours + 6
    open_faults = [told[0] for told in site.told if told[0] == "-"]
    assert len(open_faults) <= len(site.told) - len(open_faults)
