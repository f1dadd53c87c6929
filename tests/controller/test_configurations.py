"""The desired configuration: versions, what is retained, and how far it has come."""

from typing import Any

import pytest

from doorward import topics
from doorward.envelope import parse_envelope
from doorward.ids import GatewayId, SiteId
from doorward.keys import Purpose, verify_signed
from doorward.messages import Applied, Rejection, Reported
from doorward.times import UtcSeconds
from doorward.topics import Up
from doorward.twin import Desired
from doorward_controller.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from doorward_controller.ingest.writer import Writer
from doorward_controller.queries import configurations
from doorward_controller.queries.configurations import ConfigurationRow, TwinState
from doorward_controller.services import (
    configuring,
    enrolment,
    policy_release,
    provisioning,
)
from doorward_controller.services.backend import Backend
from tests.controller.conftest import ADMIN, SECURITY, enrol
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import JournalGateway

TOPIC = topics.down(SiteId("main"), GatewayId("gate-1"), topics.Down.DESIRED)
SLOW = {"portal.north.held_s": 5.0}


@pytest.fixture
def gateway(backend: Backend) -> JournalGateway:
    return enrol(backend, "gate-1", "north")


def report(
    backend: Backend, link: FakeLink, gateway: JournalGateway, in_force: int, **more: Any
) -> None:
    said = Reported(
        applied=Applied(config=in_force),
        **{"rejected": (), "config_taken": in_force, "at": UtcSeconds(1), **more},
    )
    Writer(backend).process([link.inbound(gateway.topic(Up.REPORTED), said.to_wire())])


def row(backend: Backend) -> ConfigurationRow:
    found = configurations.configuration(backend.store, "gate-1")
    assert found is not None
    return found


def retained(backend: Backend, link: FakeLink) -> Desired:
    envelope = parse_envelope(link.retained[TOPIC])
    keyring = provisioning.current_keyring(backend)
    verify_signed(envelope, keyring, Purpose.COMMAND, backend.clock.now().utc_s)
    return Desired.from_body(envelope.body)


def test_a_configuration_is_numbered_signed_retained_and_followed(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    assert row(backend).state is TwinState.NONE
    assert configuring.desire(backend, ADMIN, gateway="gate-1", settings=SLOW, note="slow") == 1
    assert (retained(backend, link).version, retained(backend, link).settings) == (1, SLOW)
    assert (row(backend).state, row(backend).differences) == (
        TwinState.WAITING,
        ("portal.north.held_s",),
    )
    pending = ("portal.north.held_s",)
    report(backend, link, gateway, 0, config_taken=1, pending=pending)
    assert (row(backend).state, row(backend).reported.pending) == (TwinState.PENDING, pending)
    report(backend, link, gateway, 1)
    found = row(backend)
    assert (found.state, found.differences) == (TwinState.IN_FORCE, ())
    assert found.reported.settings == SLOW
    assert found.desired is not None
    assert (found.desired.desired_by, found.desired.note) == ("local", "slow")


def test_what_a_gateway_refused_is_shown_with_its_reason_and_what_goes_on(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    configuring.desire(backend, ADMIN, gateway="gate-1", settings=SLOW)
    report(backend, link, gateway, 1)
    configuring.desire(backend, ADMIN, gateway="gate-1", settings={"portal.north.held_s": 99})
    rejected = Rejection(what="config", version=2, error="portal.held_s is 99, at most 60")
    report(backend, link, gateway, 1, rejected=(rejected,))
    found = row(backend)
    assert (found.state, found.reported.in_force) == (TwinState.REJECTED, 1)
    assert found.differences == ("portal.north.held_s",)
    assert found.reported.rejected[0].error == "portal.held_s is 99, at most 60"


def test_a_restored_database_goes_on_after_what_the_gateway_has_seen(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    rejected = Rejection(what="config", version=9, error="taken back")
    report(backend, link, gateway, 7, config_taken=8, rejected=(rejected,))
    assert row(backend).reported.settings is None
    assert configuring.desire(backend, ADMIN, gateway="gate-1", settings=SLOW) == 10


def test_every_gateways_newest_is_retained_again_after_the_broker_forgot(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    enrol(backend, "gate-2", "south")
    configuring.desire(backend, ADMIN, gateway="gate-1", settings=SLOW)
    configuring.desire(backend, ADMIN, gateway="gate-1", settings={})
    configuring.desire(backend, ADMIN, gateway="gate-2", settings={})
    enrolment.revoke_gateway(backend, SECURITY, gateway="gate-2", reason="gone")
    link.retained.clear()
    policy_release.publish_current(backend)
    assert retained(backend, link).version == 2
    assert [topic for topic in link.retained if "desired" in topic] == [TOPIC]


BAD: dict[str, dict[str, Any]] = {
    "who the broker is": {"broker.host": "elsewhere"},
    "what the lock is wired to": {"portal.north.lock.terminal": 4},
    "what is trusted": {"trust.keyring_file": "mine"},
    "no value": {"portal.north.held_s": None},
    "no number": {"portal.north.held_s": float("nan")},
    "a table": {"portal.north.held_s": {"a": 1}},
}


@pytest.mark.parametrize("sentence", BAD)
def test_what_cannot_be_set_from_afar_is_refused_here(
    sqlite_backend: Backend, link: FakeLink, sentence: str
) -> None:
    enrol(sqlite_backend, "gate-1", "north")
    with pytest.raises(InvalidError) as caught:
        configuring.desire(sqlite_backend, ADMIN, gateway="gate-1", settings=BAD[sentence])
    assert caught.value.code == "bad_settings"
    assert TOPIC not in link.retained


def test_only_who_runs_the_system_configures_and_only_what_is_there(
    sqlite_backend: Backend,
) -> None:
    enrol(sqlite_backend, "gate-1", "north")
    with pytest.raises(ForbiddenError):
        configuring.desire(sqlite_backend, SECURITY, gateway="gate-1", settings=SLOW)
    with pytest.raises(NotFoundError):
        configuring.desire(sqlite_backend, ADMIN, gateway="gate-9", settings=SLOW)
    enrolment.revoke_gateway(sqlite_backend, SECURITY, gateway="gate-1", reason="gone")
    with pytest.raises(ConflictError):
        configuring.desire(sqlite_backend, ADMIN, gateway="gate-1", settings=SLOW)


def test_a_version_is_on_trial_from_when_it_counts_and_no_later_word_begins_it_anew(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    configuring.desire(backend, ADMIN, gateway="gate-1", settings=SLOW)
    report(backend, link, gateway, 0, config_taken=1, at=UtcSeconds(100))
    assert row(backend).reported.trial_until_utc_s is None
    report(backend, link, gateway, 1, at=UtcSeconds(200))
    report(backend, link, gateway, 1, at=UtcSeconds(290))
    found = row(backend).reported
    assert (found.since_utc_s, found.trial_until_utc_s) == (200, 500)


def test_what_was_taken_back_is_told_apart_from_what_was_never_taken(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    configuring.desire(backend, ADMIN, gateway="gate-1", settings=SLOW)
    report(backend, link, gateway, 1)
    lost = Rejection(what="config", version=1, error="the controller was out of reach")
    report(backend, link, gateway, 0, rejected=(lost,))
    assert (row(backend).state, row(backend).reported.taken_back) == (TwinState.REJECTED, 1)
    report(backend, link, gateway, 0, rejected=(lost,))
    assert row(backend).reported.taken_back == 1
    configuring.desire(backend, ADMIN, gateway="gate-1", settings={})
    refused = Rejection(what="config", version=2, error="does not fit")
    report(backend, link, gateway, 0, rejected=(refused,))
    assert row(backend).reported.taken_back == 0


def test_every_version_is_kept_with_what_it_changed_and_can_be_desired_again(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    other = {"portal.north.held_s": 6.0, "health.interval_s": 30}
    configuring.desire(backend, ADMIN, gateway="gate-1", settings=SLOW, note="slow")
    configuring.desire(backend, ADMIN, gateway="gate-1", settings=other)
    assert configuring.go_back(backend, ADMIN, gateway="gate-1", version=1) == 3
    assert retained(backend, link).settings == SLOW
    assert configuring.go_back(backend, ADMIN, gateway="gate-1", version=0) == 4
    assert retained(backend, link).settings == {}
    rows = configurations.versions(backend.store, "gate-1")
    assert [(each.version, each.note) for each in rows] == [
        (4, "back to version 0"),
        (3, "back to version 1"),
        (2, ""),
        (1, "slow"),
    ]
    assert rows[2].changed == ("health.interval_s", "portal.north.held_s")
    assert rows[3].changed == ("portal.north.held_s",)
    newest = configurations.versions(backend.store, "gate-1", limit=1)
    assert [each.changed for each in newest] == [("portal.north.held_s",)]
    assert configurations.versions(backend.store, "gate-9") == ()


def test_nobody_goes_back_to_what_never_was_or_without_the_right(
    sqlite_backend: Backend,
) -> None:
    enrol(sqlite_backend, "gate-1", "north")
    with pytest.raises(NotFoundError):
        configuring.go_back(sqlite_backend, ADMIN, gateway="gate-1", version=7)
    with pytest.raises(NotFoundError):
        configuring.go_back(sqlite_backend, ADMIN, gateway="gate-9", version=0)
    with pytest.raises(ForbiddenError):
        configuring.go_back(sqlite_backend, SECURITY, gateway="gate-1", version=0)
