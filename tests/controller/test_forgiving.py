"""Anti-passback forgiven from the controller: who may, whom it tells, what is audited."""

from collections.abc import Iterator

import pytest

from doorward.commands import Forgive
from doorward.credential import CredentialClass, Form
from doorward.outcomes import JobState
from doorward_controller.app import API_ROOT
from doorward_controller.domain.permissions import Role
from doorward_controller.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from doorward_controller.queries import audit_trail, commands
from doorward_controller.services import forgiving, issuing
from doorward_controller.services.backend import Backend
from tests.controller.conftest import ADMIN, ISSUER, SECURITY
from tests.controller.test_api import NOW_S, Caller, bearer, calling, check_problem
from tests.controller.test_commands import Desk
from tests.fakes.controller_link import FakeLink


@pytest.fixture
def desk(backend: Backend, link: FakeLink) -> Desk:
    return Desk(backend, link)


@pytest.fixture
def client(desk: Desk) -> Iterator[Caller]:
    with calling(desk.backend) as caller:
        yield caller


def badge(backend: Backend) -> str:
    request = issuing.IssueRequest(
        credential_class=CredentialClass.EMPLOYEE,
        form=Form.BADGE,
        not_before=NOW_S,
        expires=NOW_S + 86_400,
    )
    return issuing.issue(backend, ISSUER, request).credential_id


def test_a_connected_gateway_is_told_whom_to_forgive_and_it_is_audited(desk: Desk) -> None:
    credential = badge(desk.backend)
    asked = forgiving.forgive_person(desk.backend, SECURITY, credential, "site")
    (command,) = desk.sent()
    assert command.order == Forgive(credential=credential, zone="site")
    assert command.id == asked
    entry = next(
        each for each in audit_trail.page(desk.backend.store, cursor=None, limit=5).items
        if each.action == "command"
    )  # fmt: skip
    assert (entry.detail["credential"], entry.detail["zone"]) == (credential, "site")
    (row,) = commands.forgiving(desk.backend.store, credential, 5)
    assert row.id == asked
    assert commands.forgiving(desk.backend.store, credential[:8], 5) == ()


def test_everybody_at_a_zone_is_forgiven(desk: Desk) -> None:
    forgiving.forgive_all(desk.backend, SECURITY, "site")
    (command,) = desk.sent()
    assert command.order == Forgive(zone="site")


def test_without_a_connected_gateway_nobody_is_told_something_that_waits(
    backend: Backend, link: FakeLink
) -> None:
    desk = Desk(backend, link, online=False)
    with pytest.raises(ConflictError, match="no gateway is connected"):
        forgiving.forgive_all(desk.backend, SECURITY, "site")
    assert commands.newest(desk.backend.store, "gate-1", 5) == ()


@pytest.mark.parametrize("actor", [ADMIN, ISSUER])
def test_who_may_not_open_doors_may_not_forgive(desk: Desk, actor: object) -> None:
    with pytest.raises(ForbiddenError):
        forgiving.forgive_all(desk.backend, actor, "site")  # type: ignore[arg-type]
    assert desk.sent() == []


@pytest.mark.parametrize("credential", ["00000000000000ff", "", "x"])
def test_nobody_is_told_of_a_credential_that_was_never_issued(desk: Desk, credential: str) -> None:
    with pytest.raises(NotFoundError):
        forgiving.forgive_person(desk.backend, SECURITY, credential)
    assert desk.sent() == []


@pytest.mark.parametrize("zone", ["", "THE HALL"])
def test_a_zone_must_be_named(desk: Desk, zone: str) -> None:
    with pytest.raises(InvalidError, match="forgive"):
        forgiving.forgive_all(desk.backend, SECURITY, zone)


def test_over_the_interface_it_is_followed_like_any_command(client: Caller, desk: Desk) -> None:
    guard, admin = bearer(client, Role.GUARD), bearer(client, Role.ADMIN)
    credential = badge(desk.backend)
    path = f"{API_ROOT}/credentials/{credential}/forgive"
    check_problem(client.post(path, json={}, headers=admin), 403, "forbidden")
    answer = client.post(path, json={}, headers=guard)
    assert answer.status_code == 202, answer.text
    asked = answer.json()
    assert (asked["name"], asked["arguments"]) == (
        "forgive",
        {"credential": credential, "zone": ""},
    )
    desk.say(desk.outcome(asked["id"], JobState.SUCCEEDED, 2, detail="done"))
    shown = client.get(f"{API_ROOT}/commands/{asked['id']}", headers=guard).json()
    assert shown["state"] == "succeeded"
    answer = client.post(f"{API_ROOT}/zones/site/forgive", headers=guard)
    assert (answer.status_code, answer.json()["arguments"]["zone"]) == (202, "site")
