"""Commands from the asking to the end: who may, what is sent, what is believed, what is audited."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from doorward import topics
from doorward.commands import Command
from doorward.envelope import Ed25519Signer, Kind, parse_envelope, seal_envelope
from doorward.ids import GatewayId, SiteId
from doorward.keys import Purpose, verify_signed
from doorward.messages import State
from doorward.outcomes import Attachment, AttachmentKind, Finding, JobState, Outcome
from doorward.sealing import seal_attachment
from doorward.times import UtcSeconds
from doorward.topics import Up
from doorward_controller.domain.permissions import Actor
from doorward_controller.errors import (
    ActError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from doorward_controller.ingest.writer import Writer
from doorward_controller.jobs import Jobs
from doorward_controller.queries import audit_trail, commands, quarantine_list
from doorward_controller.queries.commands import CommandRow
from doorward_controller.services import (
    audit_check,
    command_outcomes,
    commanding,
    enrolment,
    provisioning,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.command_outcomes import END_WITHIN_S, WORD_WITHIN_S
from tests.controller.conftest import ADMIN, AUDITOR, ISSUER, SECURITY, StandingClock, enrol
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import JournalGateway

BOOT = "0011223344556677"


class Desk:
    """A controller with one gateway whose words the test chooses."""

    def __init__(self, backend: Backend, link: FakeLink, *, online: bool = True) -> None:
        self.backend, self.link = backend, link
        self.gateway = enrol(backend, "gate-1", "north")
        if online:
            self.comes()

    def comes(self, *, online: bool = True) -> None:
        if online:
            self.hear(Up.BIRTH, self.gateway.birth())
        state = State(online=online, boot_id=BOOT, session=1, at=UtcSeconds(0))
        self.hear(Up.STATE, state.to_wire())

    def hear(self, kind: Up, wire: bytes) -> None:
        inbound = self.link.inbound(self.gateway.topic(kind), wire)
        Writer(self.backend).process([inbound])

    def ask(
        self,
        name: str = "open_once",
        arguments: Mapping[str, object] | None = None,
        *,
        actor: Actor = SECURITY,
        gateway: str = "gate-1",
        lifetime_s: int = 30,
    ) -> str:
        given = {"portal": "north"} if arguments is None else arguments
        return commanding.send(
            self.backend,
            actor,
            gateway=gateway,
            name=name,
            arguments=given,
            lifetime_s=lifetime_s,
        )

    def sent(self) -> list[Command]:
        """What was published to the gateway, each checked as it checks it."""
        keyring = provisioning.current_keyring(self.backend)
        found = []
        for topic, wire in self.link.published:
            if "/down/cmd/" in topic:
                envelope = parse_envelope(wire)
                verify_signed(envelope, keyring, Purpose.COMMAND, self.now_s)
                command = Command.from_body(envelope.body)
                assert topic == topics.down(
                    SiteId("main"), GatewayId("gate-1"), topics.Down.COMMAND, command.id
                )
                assert topic not in self.link.retained
                found.append(command)
        return found

    @property
    def now_s(self) -> int:
        return self.backend.clock.now().utc_s

    def outcome(self, command_id: str, state: JobState, seq: int = 1, **more: Any) -> Outcome:
        return Outcome(
            site=SiteId("main"),
            gateway=GatewayId("gate-1"),
            id=command_id,
            state=state,
            seq=seq,
            at=UtcSeconds(self.now_s),
            **more,
        )

    def say(self, outcome: Outcome, signer: Ed25519Signer | None = None) -> None:
        wire = outcome.sealed_with(signer or self.gateway.signer)
        self.say_wire(outcome.id, wire)

    def say_wire(self, command_id: str, wire: bytes) -> None:
        topic = topics.up(SiteId("main"), GatewayId("gate-1"), Up.OUTCOME, command_id)
        Writer(self.backend).process([self.link.inbound(topic, wire)])

    def row(self, command_id: str) -> CommandRow:
        found = commands.command(self.backend.store, command_id)
        assert found is not None
        return found

    def audited(self) -> list[tuple[str, str, str]]:
        items = audit_trail.page(self.backend.store, cursor=None, limit=50).items
        return [
            (entry.actor, entry.action, entry.outcome)
            for entry in reversed(items)
            if "command" in entry.action or entry.action == "read_attachment"
        ]

    def reasons(self) -> list[str]:
        return [each.reason for each in quarantine_list.page(self.backend.store).items]


@pytest.fixture
def desk(backend: Backend, link: FakeLink) -> Desk:
    return Desk(backend, link)


@pytest.fixture
def quick(sqlite_backend: Backend, link: FakeLink) -> Desk:
    """For what does not depend on the database."""
    return Desk(sqlite_backend, link)


def test_a_command_is_signed_with_its_own_key_sent_and_followed_to_its_end(desk: Desk) -> None:
    command_id = desk.ask()
    (command,) = desk.sent()
    assert (command.id, command.by, command.portal) == (command_id, "local", "north")
    assert command.expires_at - command.issued_at == 30
    assert desk.row(command_id).state is JobState.QUEUED
    desk.say(desk.outcome(command_id, JobState.IN_PROGRESS))
    assert desk.row(command_id).state is JobState.IN_PROGRESS
    desk.say(desk.outcome(command_id, JobState.SUCCEEDED, 2, detail="released once"))
    row = desk.row(command_id)
    assert (row.state, row.detail, row.is_over) == (JobState.SUCCEEDED, "released once", True)
    assert row.asked_by == "sam"
    assert desk.audited() == [
        ("sam", "command", "done"),
        ("gateway gate-1", "command_outcome", "succeeded"),
    ]
    backend = desk.backend
    found = audit_check.verify(backend.config, backend.store, backend.keys.audit.public)
    assert found.finding is None


def test_who_asked_is_known_to_the_gateway_as_a_number_alone(quick: Desk) -> None:
    quick.ask(actor=replace(SECURITY, name="Li Wei", operator_id=12))
    (command,) = quick.sent()
    assert command.by == "op-12"
    assert b"Li Wei" not in command.to_body()


MAY = {
    ("open_once", SECURITY): True,
    ("open_once", ADMIN): False,
    ("open_once", ISSUER): False,
    ("open_once", AUDITOR): False,
    ("identify", ADMIN): True,
    ("identify", SECURITY): True,
    ("identify", ISSUER): False,
    ("take_picture", SECURITY): True,
    ("take_picture", ADMIN): False,
}


@pytest.mark.parametrize(("name", "actor"), MAY)
def test_only_those_may_whom_the_matrix_allows(quick: Desk, name: str, actor: Actor) -> None:
    if MAY[name, actor]:
        assert quick.ask(name, actor=actor)
        return
    with pytest.raises(ForbiddenError):
        quick.ask(name, actor=actor)
    assert quick.sent() == []
    assert quick.audited() == [(actor.name, "command", "forbidden")]


REFUSED: dict[str, tuple[dict[str, Any], type[ActError], str]] = {
    "an unknown gateway": ({"gateway": "gate-9"}, NotFoundError, "no_gateway"),
    "a portal of another gateway": (
        {"arguments": {"portal": "south"}},
        InvalidError,
        "portal_elsewhere",
    ),
    "no portal": ({"arguments": {}}, InvalidError, "bad_command"),
    "an argument more": (
        {"arguments": {"portal": "north", "force": 1}},
        InvalidError,
        "bad_command",
    ),
    "held for two days": (
        {"name": "hold_open", "arguments": {"portal": "north", "until": 1_790_172_800}},
        InvalidError,
        "bad_command",
    ),
    "a posture that nobody knows": (
        {"name": "posture", "arguments": {"portal": "north", "posture": "ajar"}},
        InvalidError,
        "bad_command",
    ),
    "good for two hours": ({"lifetime_s": 7200}, InvalidError, "bad_lifetime"),
    "good for a second": ({"lifetime_s": 1}, InvalidError, "bad_lifetime"),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_no_gateway_would_take_is_refused_here(quick: Desk, sentence: str) -> None:
    asked, error, code = REFUSED[sentence]
    with pytest.raises(error) as caught:
        quick.ask(**asked)
    assert caught.value.code == code
    assert quick.sent() == []


def test_a_revoked_gateway_is_told_nothing(quick: Desk) -> None:
    enrolment.revoke_gateway(quick.backend, SECURITY, gateway="gate-1", reason="stolen")
    with pytest.raises(ConflictError):
        quick.ask()


def test_a_command_waits_for_a_gateway_that_is_away_and_is_sent_at_its_birth(
    backend: Backend, link: FakeLink, clock: StandingClock
) -> None:
    desk = Desk(backend, link, online=False)
    first, second = desk.ask(), desk.ask(lifetime_s=10)
    assert desk.sent() == []
    clock.pass_s(15)
    desk.comes()
    assert [command.id for command in desk.sent()] == [first]
    desk.comes()
    assert len(desk.sent()) == 1, "once"
    assert desk.row(second).sent_at_utc_ms is None


def test_a_command_whose_gateway_stays_away_times_out(
    backend: Backend, link: FakeLink, clock: StandingClock
) -> None:
    desk = Desk(backend, link, online=False)
    command_id = desk.ask()
    clock.pass_s(29)
    assert command_outcomes.expire(backend) == 0
    clock.pass_s(1)
    assert command_outcomes.expire(backend) == 1
    assert command_outcomes.expire(backend) == 0
    row = desk.row(command_id)
    assert (row.state, row.detail) == (JobState.TIMED_OUT, "never sent")
    desk.comes()
    assert desk.sent() == []
    assert desk.audited()[-1] == ("time", "command_outcome", "timed_out")


def test_what_was_sent_has_a_moment_longer_and_what_was_begun_some_minutes(
    quick: Desk, clock: StandingClock
) -> None:
    silent, begun = quick.ask(), quick.ask("restart", {})
    quick.say(quick.outcome(begun, JobState.IN_PROGRESS))
    clock.pass_s(30 + WORD_WITHIN_S - 1)
    assert command_outcomes.expire(quick.backend) == 0
    clock.pass_s(1)
    assert command_outcomes.expire(quick.backend) == 1
    assert quick.row(silent).state is JobState.TIMED_OUT
    clock.pass_s(END_WITHIN_S)
    assert command_outcomes.expire(quick.backend) == 1
    assert quick.row(begun).detail == "begun, and nothing more was heard"


def test_the_gateways_late_word_is_what_happened(quick: Desk, clock: StandingClock) -> None:
    command_id = quick.ask()
    clock.pass_s(120)
    command_outcomes.expire(quick.backend)
    quick.say(quick.outcome(command_id, JobState.SUCCEEDED, 2, detail="released once"))
    assert quick.row(command_id).state is JobState.SUCCEEDED


def test_only_what_was_never_sent_can_be_taken_back(
    backend: Backend, link: FakeLink, clock: StandingClock
) -> None:
    desk = Desk(backend, link, online=False)
    command_id = desk.ask()
    with pytest.raises(ForbiddenError):
        commanding.cancel(backend, ISSUER, command_id)
    commanding.cancel(backend, SECURITY, command_id)
    assert desk.row(command_id).state is JobState.CANCELED
    desk.comes()
    assert desk.sent() == []
    sent = desk.ask()
    for known in (sent, command_id):
        with pytest.raises(ConflictError) as caught:
            commanding.cancel(backend, SECURITY, known)
        assert caught.value.code == "command_sent"
    with pytest.raises(NotFoundError):
        commanding.cancel(backend, SECURITY, "f" * 32)


def test_the_same_word_again_and_an_older_one_change_nothing(quick: Desk) -> None:
    command_id = quick.ask()
    quick.say(quick.outcome(command_id, JobState.SUCCEEDED, 2, detail="released once"))
    quick.say(quick.outcome(command_id, JobState.SUCCEEDED, 2, detail="again"))
    quick.say(quick.outcome(command_id, JobState.IN_PROGRESS, 1))
    quick.say(quick.outcome(command_id, JobState.FAILED, 3))
    row = quick.row(command_id)
    assert (row.state, row.detail) == (JobState.SUCCEEDED, "released once")
    assert len(quick.audited()) == 2


def test_findings_of_a_self_test_are_kept_in_order(desk: Desk) -> None:
    command_id = desk.ask("self_test", {}, actor=ADMIN)
    findings = (
        Finding(what="camera", is_good=True, detail="30 frames"),
        Finding(what="decoder", is_good=False, detail="no answer"),
    )
    desk.say(desk.outcome(command_id, JobState.FAILED, 2, findings=findings))
    row = desk.row(command_id)
    assert [(f.what, f.is_good) for f in row.findings] == [("camera", True), ("decoder", False)]


def test_what_is_brought_back_opens_here_alone_and_each_look_is_audited(desk: Desk) -> None:
    command_id = desk.ask("take_picture", {"portal": "north"})
    recipient = desk.backend.keys.intake.public_key()
    sealed = seal_attachment(b"a face", recipient, GatewayId("gate-1"), command_id)
    picture = Attachment(kind=AttachmentKind.PICTURE, is_personal=True, sealed=sealed)
    desk.say(desk.outcome(command_id, JobState.SUCCEEDED, 2, attachment=picture))
    row = desk.row(command_id)
    assert (row.attachment, row.attachment_is_personal) == ("picture", True)
    with pytest.raises(ForbiddenError):
        commanding.read_attachment(desk.backend, ADMIN, command_id)
    assert commanding.read_attachment(desk.backend, SECURITY, command_id) == (
        "picture",
        b"a face",
    )
    assert desk.audited()[-2:] == [
        ("local", "read_attachment", "forbidden"),
        ("sam", "read_attachment", "done"),
    ]


def test_an_attachment_of_another_command_does_not_open(quick: Desk) -> None:
    command_id = quick.ask("send_log", {}, actor=ADMIN)
    recipient = quick.backend.keys.intake.public_key()
    sealed = seal_attachment(b"lines", recipient, GatewayId("gate-1"), "another")
    log = Attachment(kind=AttachmentKind.LOG, is_personal=False, sealed=sealed)
    quick.say(quick.outcome(command_id, JobState.SUCCEEDED, 2, attachment=log))
    with pytest.raises(ConflictError) as caught:
        commanding.read_attachment(quick.backend, ADMIN, command_id)
    assert caught.value.code == "attachment_unreadable"
    with pytest.raises(NotFoundError):
        commanding.read_attachment(quick.backend, SECURITY, quick.ask())


def test_words_that_cannot_be_trusted_change_nothing_and_are_put_aside(quick: Desk) -> None:
    command_id = quick.ask()
    good = quick.outcome(command_id, JobState.SUCCEEDED)
    thief = Ed25519Signer.from_seed(bytes(32))
    other = enrol(quick.backend, "gate-2", "south")
    quick.say(good, thief)
    quick.say(good, other.signer)
    quick.say(replace(good, gateway=GatewayId("gate-2")))
    quick.say(replace(good, site=SiteId("elsewhere")))
    quick.say_wire("c1", good.sealed_with(quick.gateway.signer))
    quick.say(quick.outcome("f" * 32, JobState.SUCCEEDED))
    quick.say_wire(command_id, b"DWE1 rubbish")
    quick.say_wire(command_id, seal_envelope(Kind.BATCH, good.to_body(), [quick.gateway.signer]))
    assert quick.row(command_id).state is JobState.QUEUED
    assert sorted(set(quick.reasons())) == [
        "bad_signature",
        "malformed",
        "unknown_command",
        "wrong_sender",
    ]


def test_a_gateway_cannot_speak_of_anothers_command(quick: Desk, link: FakeLink) -> None:
    command_id = quick.ask()
    other: JournalGateway = enrol(quick.backend, "gate-2", "south")
    claimed = replace(quick.outcome(command_id, JobState.SUCCEEDED), gateway=GatewayId("gate-2"))
    topic = topics.up(SiteId("main"), GatewayId("gate-2"), Up.OUTCOME, command_id)
    Writer(quick.backend).process([link.inbound(topic, claimed.sealed_with(other.signer))])
    assert quick.row(command_id).state is JobState.QUEUED
    assert quick.reasons() == ["unknown_command"]


def test_the_job_ends_what_is_over(quick: Desk, clock: StandingClock) -> None:
    command_id = quick.ask()
    clock.pass_s(300)
    subscription = quick.backend.feed.subscribe()
    jobs = Jobs(quick.backend, refresh_s=3600, expire_s=0.01)
    jobs.start()
    event = subscription.next(10)
    jobs.stop()
    assert event is not None
    assert dict(event.data) == {
        "gateway": "gate-1",
        "command": command_id,
        "state": "timed_out",
    }
