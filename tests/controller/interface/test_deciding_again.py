"""Who approves by a browser what cannot be taken back proves once more who they are."""

from collections.abc import Iterator

import pytest

from doorward_controller.app import API_ROOT
from doorward_controller.domain.permissions import Role
from doorward_controller.services import accounts, proposing
from doorward_controller.services.backend import Backend
from tests.controller.conftest import ADMIN, SECURITY, StandingClock, enrol
from tests.controller.test_api import PASSWORD, Caller, calling, check_problem


@pytest.fixture
def client(sqlite_backend: Backend) -> Iterator[Caller]:
    enrol(sqlite_backend)
    with calling(sqlite_backend) as caller:
        yield caller


def signed_in(client: Caller) -> dict[str, str]:
    accounts.create_operator(
        client.backend, ADMIN, name="rea", password=PASSWORD, role=Role.REVIEWER
    )
    body = {"name": "rea", "password": PASSWORD}
    session = client.post(f"{API_ROOT}/session", json=body).json()
    return {"X-CSRF-Token": session["csrf_token"]}


def test_a_gateway_is_not_revoked_by_a_browser_left_open(
    client: Caller, clock: StandingClock
) -> None:
    proposed = proposing.propose_gateway(client.backend, SECURITY, "gate-1", "stolen")
    headers, at = signed_in(client), f"{API_ROOT}/proposals/{proposed.id}/decision"
    clock.pass_s(60 * client.backend.config.accounts.fresh_minutes + 1)
    late = client.post(at, json={"decision": "approve"}, headers=headers)
    check_problem(late, 403, "proof_needed")
    proof = client.post(f"{API_ROOT}/session/proof", json={"proof": PASSWORD}, headers=headers)
    assert proof.status_code == 204
    done = client.post(at, json={"decision": "approve"}, headers=headers)
    assert done.json()["state"] == "carried_out"


def test_to_refuse_takes_no_proof(client: Caller, clock: StandingClock) -> None:
    proposed = proposing.propose_gateway(client.backend, SECURITY, "gate-1", "stolen")
    headers, at = signed_in(client), f"{API_ROOT}/proposals/{proposed.id}/decision"
    clock.pass_s(60 * client.backend.config.accounts.fresh_minutes + 1)
    body = {"decision": "refuse", "note": "it is here"}
    assert client.post(at, json=body, headers=headers).json()["state"] == "refused"
