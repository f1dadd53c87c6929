"""An outcome that nobody heard is asked for again, when the gateway is there again."""

import pytest

from doorward import topics
from doorward.ids import GatewayId, SiteId
from doorward.outcomes import JobState
from doorward_controller.services import command_outcomes
from doorward_controller.services.backend import Backend
from doorward_controller.services.commanding import ASKED_AGAIN_S, ON_ITS_WAY_MS
from tests.controller.conftest import ADMIN, StandingClock
from tests.controller.test_commands import Desk
from tests.fakes.controller_link import FakeLink


@pytest.fixture
def desk(sqlite_backend: Backend, link: FakeLink) -> Desk:
    return Desk(sqlite_backend, link)


def sent(desk: Desk, command_id: str) -> int:
    """How often a command was published."""
    topic = topics.down(SiteId("main"), GatewayId("gate-1"), topics.Down.COMMAND, command_id)
    return sum(each == topic for each, _ in desk.link.published)


def test_a_command_of_unknown_end_is_sent_again_at_the_birth(
    desk: Desk, clock: StandingClock
) -> None:
    command = desk.ask()
    desk.comes()
    assert sent(desk, command) == 1, "it may still be on its way"
    clock.pass_s(ON_ITS_WAY_MS // 1000)
    desk.comes()
    assert sent(desk, command) == 2


def test_also_one_that_we_gave_up(desk: Desk, clock: StandingClock) -> None:
    command = desk.ask()
    clock.pass_s(120)
    command_outcomes.expire(desk.backend)
    desk.comes()
    assert sent(desk, command) == 2


def test_what_has_ended_what_is_long_over_and_a_restart_are_not_asked_about(
    desk: Desk, clock: StandingClock
) -> None:
    restart = desk.ask("restart", {}, actor=ADMIN)
    old = desk.ask()
    clock.pass_s(ASKED_AGAIN_S + 60)
    ended = desk.ask()
    desk.say(desk.outcome(ended, JobState.SUCCEEDED))
    desk.comes()
    assert [sent(desk, each) for each in (restart, old, ended)] == [1, 1, 1]


def test_the_late_answer_takes_the_place_of_ours(desk: Desk, clock: StandingClock) -> None:
    command = desk.ask()
    clock.pass_s(120)
    command_outcomes.expire(desk.backend)
    assert desk.row(command).state is JobState.TIMED_OUT
    desk.comes()
    desk.say(desk.outcome(command, JobState.SUCCEEDED))
    assert desk.row(command).state is JobState.SUCCEEDED
