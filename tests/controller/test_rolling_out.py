"""Roll-outs over the real tables, with gateways whose words the test chooses."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from doorward import topics
from doorward.commands import Command, CommandName
from doorward.envelope import parse_envelope
from doorward.messages import Applied, Rejection, Reported, State
from doorward.outcomes import JobState, Outcome
from doorward.times import UtcSeconds
from doorward.topics import Up
from doorward_controller.domain.permissions import Role
from doorward_controller.domain.roll_out_order import (
    CommandOrder,
    ConfigurationOrder,
    Order,
    Selection,
)
from doorward_controller.errors import (
    ActError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from doorward_controller.ingest.writer import Writer
from doorward_controller.queries import audit_trail, commands, configurations, roll_outs
from doorward_controller.services import (
    command_outcomes,
    commanding,
    configuring,
    enrolment,
    roll_out_steps,
    rolling_out,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.rolling_out import NewRollOut
from doorward_controller.store import roll_outs as stored
from tests.controller.conftest import ADMIN, SECURITY, StandingClock, enrol
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import JournalGateway

BOOT = "0011223344556677"
SELF_TEST = CommandOrder(name=CommandName.SELF_TEST)
SLOW = ConfigurationOrder(changes={"portal.*.held_s": 2.5})


class PowerCutError(Exception):
    """The controller stops in the middle of what it does."""


class Fleet:
    """Some gateways, and the roll-outs to them."""

    def __init__(self, backend: Backend, link: FakeLink, *names: str) -> None:
        self.backend, self.link = backend, link
        self.gateways: dict[str, JournalGateway] = {}
        for name in names:
            self.gateways[name] = enrol(backend, name)
            self.comes(name)

    def comes(self, name: str, *, online: bool = True) -> None:
        if online:
            self._hear(name, Up.BIRTH, self.gateways[name].birth())
        state = State(online=online, boot_id=BOOT, session=1, at=UtcSeconds(0))
        self._hear(name, Up.STATE, state.to_wire())

    def start(self, order: Order, *waves: str, **more: Any) -> int:
        new = NewRollOut(title="Try it", order=order, waves=waves, **more)
        roll_out_id = rolling_out.start(self.backend, ADMIN, new)
        self.step()
        return roll_out_id

    def step(self) -> None:
        """Lets the job run until it has nothing to do."""
        while roll_out_steps.advance(self.backend):
            pass

    def answer(self, name: str, state: JobState = JobState.SUCCEEDED, detail: str = "") -> None:
        """Has a gateway end the command that it was sent last."""
        command = self.sent(name)[-1]
        outcome = Outcome(
            site=command.site,
            gateway=command.gateway,
            id=command.id,
            state=state,
            seq=1,
            at=UtcSeconds(0),
            detail=detail,
        )
        wire = outcome.sealed_with(self.gateways[name].signer)
        topic = topics.up(command.site, command.gateway, Up.OUTCOME, command.id)
        Writer(self.backend).process([self.link.inbound(topic, wire)])
        self.step()

    def report(self, name: str, in_force: int, **more: Any) -> None:
        """Has a gateway tell of its configuration."""
        said = Reported(
            applied=Applied(config=in_force),
            at=UtcSeconds(1),
            **{"rejected": (), "config_taken": in_force, **more},
        )
        self._hear(name, Up.REPORTED, said.to_wire())
        self.step()

    def sent(self, name: str) -> list[Command]:
        wires = (wire for topic, wire in self.link.published if f"/{name}/down/cmd/" in topic)
        return [Command.from_body(parse_envelope(wire).body) for wire in wires]

    def states(self, roll_out_id: int) -> dict[str, str]:
        found = self.full(roll_out_id)
        return {member.gateway: member.state.value for member in found.members}

    def full(self, roll_out_id: int) -> roll_outs.RollOutInFull:
        found = roll_outs.roll_out(self.backend.store, roll_out_id)
        assert found is not None
        return found

    def state(self, roll_out_id: int) -> tuple[str, str | None]:
        row = self.full(roll_out_id).roll_out
        return row.state.value, row.ending.value if row.ending else None

    def desired(self, name: str) -> tuple[int, Mapping[str, Any]]:
        row = configurations.configuration(self.backend.store, name)
        assert row is not None
        assert row.desired is not None
        return row.desired.version, row.desired.settings

    def audited(self) -> list[tuple[str, str]]:
        page = audit_trail.page(
            self.backend.store, audit_trail.AuditFilter(), cursor=None, limit=100
        )
        return [(row.action, row.outcome) for row in page.items if "roll_out" in row.action][::-1]

    def _hear(self, name: str, kind: Up, wire: bytes) -> None:
        Writer(self.backend).process([self.link.inbound(self.gateways[name].topic(kind), wire)])


@pytest.fixture
def fleet(backend: Backend, link: FakeLink) -> Fleet:
    return Fleet(backend, link, "a1", "a2", "b1")


def test_a_command_goes_out_wave_by_wave_to_its_end(fleet: Fleet) -> None:
    number = fleet.start(SELF_TEST, "1")
    assert fleet.states(number) == {"a1": "asked", "a2": "waiting", "b1": "waiting"}
    assert [command.order for command in fleet.sent("a1")]
    assert not fleet.sent("a2")
    fleet.answer("a1", detail="all good")
    assert fleet.states(number) == {"a1": "succeeded", "a2": "asked", "b1": "asked"}
    fleet.answer("a2")
    fleet.answer("b1")
    assert fleet.state(number) == ("succeeded", None)
    assert fleet.full(number).members[0].detail == "all good"
    assert fleet.audited() == [
        ("start_roll_out", "done"),
        ("roll_out_wave", "done"),
        ("roll_out_wave", "done"),
        ("roll_out_ended", "succeeded"),
    ]


def test_settings_are_laid_over_those_desired_restarted_and_in_force(fleet: Fleet) -> None:
    configuring.desire(
        fleet.backend, ADMIN, gateway="a1", settings={"health.interval_s": 30}, note="before"
    )
    number = fleet.start(SLOW, "1")
    version, settings = fleet.desired("a1")
    assert settings == {"health.interval_s": 30, "portal.a1-door.held_s": 2.5}
    fleet.step()
    assert fleet.desired("a1")[0] == version == 2
    assert not fleet.sent("a1"), "nothing to restart for, before it was taken"
    fleet.report("a1", 0, config_taken=2, pending=("portal.a1-door.held_s",))
    fleet.step()
    assert [command.order.__class__.__name__ for command in fleet.sent("a1")] == ["Restart"]
    fleet.answer("a1")
    assert fleet.states(number)["a1"] == "asked"
    fleet.report("a1", 2)
    assert fleet.states(number) == {"a1": "succeeded", "a2": "asked", "b1": "asked"}


def test_a_second_wave_that_fails_keeps_the_third_from_beginning(fleet: Fleet) -> None:
    number = fleet.start(SLOW, "1", "1")
    fleet.report("a1", 1)
    rejected = Rejection(what="config", version=1, error="portal.held_s: nobody knows it")
    fleet.report("a2", 0, rejected=(rejected,))
    assert fleet.state(number) == ("failed", "too_many_failed")
    assert fleet.states(number) == {"a1": "succeeded", "a2": "failed", "b1": "left_out"}
    assert fleet.full(number).members[1].detail == "portal.held_s: nobody knows it"
    row = configurations.configuration(fleet.backend.store, "b1")
    assert row is not None
    assert row.desired is None


def test_settings_that_are_taken_back_while_the_wave_rests_end_it(
    fleet: Fleet, clock: StandingClock
) -> None:
    number = fleet.start(SLOW, "1", rest_s=600)
    fleet.report("a1", 1)
    clock.pass_s(300)
    rejected = Rejection(what="config", version=1, error="it was taken back")
    fleet.report("a1", 0, rejected=(rejected,))
    assert fleet.state(number) == ("failed", "too_many_failed")
    assert fleet.states(number)["a2"] == "left_out"


def test_who_is_away_is_asked_when_it_is_back(fleet: Fleet) -> None:
    fleet.comes("a1", online=False)
    number = fleet.start(SELF_TEST)
    fleet.answer("a2")
    fleet.answer("b1")
    assert fleet.states(number)["a1"] == "asked"
    assert not fleet.sent("a1")
    fleet.comes("a1")
    fleet.step()
    roll_out_steps.advance(fleet.backend)
    fleet.answer("a1")
    assert fleet.state(number) == ("succeeded", None)


def test_who_stays_away_is_missed_at_the_deadline(fleet: Fleet, clock: StandingClock) -> None:
    fleet.comes("a1", online=False)
    number = fleet.start(SELF_TEST, success_percent=60, failure_percent=40, deadline_s=600)
    fleet.answer("a2")
    fleet.answer("b1")
    clock.pass_s(600)
    fleet.step()
    assert fleet.states(number)["a1"] == "missed"
    assert fleet.state(number) == ("succeeded", None)


def test_a_command_that_never_left_is_given_anew_and_one_that_left_is_not(
    fleet: Fleet, clock: StandingClock
) -> None:
    number = fleet.start(SELF_TEST, failure_percent=100, success_percent=1)
    clock.pass_s(200)
    command_outcomes.expire(fleet.backend)
    fleet.step()
    assert set(fleet.states(number).values()) == {"failed"}
    assert len(fleet.sent("a1")) == 1


def test_paused_nothing_is_handed_out_and_resumed_it_goes_on(fleet: Fleet) -> None:
    number = fleet.start(SELF_TEST, "1")
    rolling_out.pause(fleet.backend, ADMIN, number)
    fleet.answer("a1")
    assert fleet.states(number) == {"a1": "succeeded", "a2": "waiting", "b1": "waiting"}
    with pytest.raises(ConflictError, match="is paused"):
        rolling_out.pause(fleet.backend, ADMIN, number)
    rolling_out.resume(fleet.backend, ADMIN, number)
    fleet.step()
    assert fleet.states(number)["a2"] == "asked"


def test_aborted_it_asks_nobody_else_and_takes_back_what_was_not_sent(fleet: Fleet) -> None:
    number = fleet.start(SELF_TEST, "1")
    rolling_out.abort(fleet.backend, ADMIN, number)
    fleet.answer("a1")
    assert fleet.states(number) == {"a1": "succeeded", "a2": "left_out", "b1": "left_out"}
    assert fleet.state(number) == ("aborted", None)
    for act in (rolling_out.pause, rolling_out.resume, rolling_out.abort):
        with pytest.raises(ConflictError, match="is aborted"):
            act(fleet.backend, ADMIN, number)
    assert ("abort_roll_out", "done") in fleet.audited()


def test_who_takes_part_is_fixed_at_the_start(fleet: Fleet, backend: Backend) -> None:
    number = fleet.start(SELF_TEST, selection=Selection(pattern="a*"))
    enrol(backend, "a3")
    fleet.step()
    assert fleet.states(number).keys() == {"a1", "a2"}


def test_a_gateway_that_is_revoked_meanwhile_has_failed(fleet: Fleet) -> None:
    number = fleet.start(SELF_TEST, "1")
    enrolment.revoke_gateway(fleet.backend, SECURITY, gateway="a1", reason="gone")
    fleet.step()
    assert fleet.states(number) == {"a1": "failed", "a2": "left_out", "b1": "left_out"}


def test_a_controller_that_stopped_between_noting_and_giving_asks_once(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It died after the command's id was noted: the same id is given after the restart."""

    def die(*_: object, **__: object) -> str:
        raise PowerCutError

    new = NewRollOut(title="Try it", order=SELF_TEST, waves=["1"])
    with monkeypatch.context() as patch:
        patch.setattr(commanding, "send", die)
        number = rolling_out.start(fleet.backend, ADMIN, new)
        with pytest.raises(PowerCutError):
            roll_out_steps.advance(fleet.backend)
    noted = fleet.full(number).members[0].command_id
    assert noted
    assert commands.command(fleet.backend.store, noted) is None
    fleet.step()
    roll_out_steps.advance(fleet.backend)
    assert [command.id for command in fleet.sent("a1")] == [noted]


def test_a_controller_that_stopped_before_it_noted_the_version_desires_once(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = stored.change_member

    def die(*given: Any, **values: Any) -> None:
        if "config_version" in values:
            raise PowerCutError
        real(*given, **values)

    new = NewRollOut(title="Try it", order=SLOW, waves=["1"])
    number = rolling_out.start(fleet.backend, ADMIN, new)
    with monkeypatch.context() as patch:
        patch.setattr(stored, "change_member", die)
        with pytest.raises(PowerCutError):
            roll_out_steps.advance(fleet.backend)
    assert fleet.desired("a1")[0] == 1
    roll_out_steps.advance(fleet.backend)
    assert fleet.desired("a1")[0] == 1
    assert fleet.full(number).members[0].config_version == 1


GOOD = NewRollOut(title="Try it", order=SELF_TEST)
REFUSED: dict[str, tuple[NewRollOut, str]] = {
    "no title": (replace(GOOD, title=" "), "bad_title"),
    "a command that opens": (
        replace(GOOD, order=CommandOrder(name=CommandName.OPEN_ONCE, arguments={"portal": "x"})),
        "not_for_many",
    ),
    "arguments of another command": (
        replace(GOOD, order=CommandOrder(name=CommandName.RESTART, arguments={"lines": 3})),
        "bad_command",
    ),
    "no setting": (replace(GOOD, order=ConfigurationOrder(changes={})), "bad_settings"),
    "what cannot be set": (
        replace(GOOD, order=ConfigurationOrder(changes={"broker.host": "x"})),
        "bad_settings",
    ),
    "a value of no shape": (
        replace(GOOD, order=ConfigurationOrder(changes={"portal.*.held_s": float("inf")})),
        "bad_settings",
    ),
    "nobody fits": (replace(GOOD, selection=Selection(zone="moon")), "nobody_selected"),
    "nobody of that name": (
        replace(GOOD, selection=Selection(gateways=frozenset({"a1", "z9"}))),
        "no_gateway",
    ),
    "a wave of no size": (replace(GOOD, waves=["0"]), "bad_waves"),
    "no success": (replace(GOOD, success_percent=0), "bad_success_percent"),
    "more than all": (replace(GOOD, failure_percent=101), "bad_failure_percent"),
    "too long a rest": (replace(GOOD, rest_s=10**6), "bad_rest_s"),
    "no time": (replace(GOOD, deadline_s=1), "bad_deadline_s"),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_nobody_could_mean_is_refused_and_nothing_begins(
    sqlite_backend: Backend, link: FakeLink, sentence: str
) -> None:
    fleet = Fleet(sqlite_backend, link, "a1", "a2")
    new, code = REFUSED[sentence]
    with pytest.raises(ActError) as caught:
        rolling_out.start(sqlite_backend, ADMIN, new)
    assert (type(caught.value), caught.value.code) == (InvalidError, code)
    assert roll_outs.page(sqlite_backend.store).items == ()
    assert fleet.audited() == [("start_roll_out", code)]


def test_only_who_may_rolls_out_and_only_what_is_there(
    sqlite_backend: Backend, link: FakeLink
) -> None:
    Fleet(sqlite_backend, link, "a1")
    for role in set(Role) - {Role.ADMIN}:
        with pytest.raises(ForbiddenError):
            rolling_out.start(sqlite_backend, replace(SECURITY, role=role), GOOD)
    for act in (rolling_out.pause, rolling_out.resume, rolling_out.abort):
        with pytest.raises(NotFoundError):
            act(sqlite_backend, ADMIN, 99)
