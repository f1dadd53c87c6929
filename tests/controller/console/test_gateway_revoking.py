"""Revoking a gateway on its page: asked once more, proposed where two are needed, then told."""

from dataclasses import replace

import httpx

from doorward_controller.app import create_app
from doorward_controller.broker.errors import GateError
from doorward_controller.config import SecondPerson
from doorward_controller.domain.permissions import Role
from doorward_controller.queries import cut_offs, fleet_board
from doorward_controller.services.backend import NoGatekeeper
from doorward_controller.services.cutting_off import CuttingOff
from tests.controller.console.conftest import Plant, token_of
from tests.fakes.running_server import running

PAGE = "/gateways/near/revoke"


class DoneGate(NoGatekeeper):
    """A broker's door that does all it is asked."""

    def shut_out(self, *_: object) -> None: ...

    def throw_out(self, *_: object) -> None: ...


class ShutGate(DoneGate):
    """One that lists, and cannot end a connection."""

    def throw_out(self, *_: object) -> None:
        raise GateError("the broker <b>did not</b> answer")


def send(client: httpx.Client, **fields: str) -> httpx.Response:
    form = {"csrf_token": token_of(client.get(PAGE).text)} | fields
    return client.post(PAGE, data=form, follow_redirects=True)


def state(plant: Plant) -> str:
    row = fleet_board.gateway(plant.backend.store, "near")
    assert row is not None
    return row.state


def test_gateways_page_leads_to_it_only_for_those_who_may(plant: Plant) -> None:
    assert PAGE in plant.signed_in(Role.SECURITY).get("/gateways/near").text
    assert PAGE not in plant.signed_in(Role.GUARD).get("/gateways/near").text
    assert plant.signed_in(Role.GUARD).get(PAGE).status_code == 403


def test_nothing_happens_until_the_name_is_typed_and_a_reason_given(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    for fields in ({"name": "far", "reason": "stolen"}, {"name": "near", "reason": " "}):
        answer = send(client, **fields)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert state(plant) == "enrolled"
    assert 'value="stolen"' in send(client, name="far", reason="stolen").text


def test_revoked_gateway_says_on_its_page_how_far_it_is_shut_out(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    page = send(client, name="near", reason="stolen").text
    assert state(plant) == "revoked"
    assert "Revoked. The broker is being told now." in page
    assert "The broker is being told to refuse its certificate" in page
    assert PAGE not in page
    CuttingOff(replace(plant.backend, gatekeeper=ShutGate())).turn()
    page = client.get("/gateways/near/part").text
    assert "Its certificate is refused. The broker is being told to end its connection." in page
    assert "the broker &lt;b&gt;did not&lt;/b&gt; answer" in page
    CuttingOff(replace(plant.backend, gatekeeper=DoneGate())).turn()
    page = client.get("/gateways/near/part").text
    assert "the broker has ended its connection" in page
    assert "did not" not in page
    assert "already" in client.get(PAGE).text


def test_second_person_approves_where_the_rule_wants_one(plant: Plant) -> None:
    config = plant.backend.config.model_copy(
        update={"second_person": SecondPerson(revoke_gateway=True)}
    )
    backend = replace(plant.backend, config=config)
    with running(create_app(backend), backend.feed) as address:
        proposer, approver = plant.signed_in(Role.SECURITY), plant.signed_in(Role.REVIEWER)
        proposer.base_url = approver.base_url = httpx.URL(address)
        page = send(proposer, name="near", reason="stolen")
        assert state(plant) == "enrolled"
        assert cut_offs.of_gateway(backend.store, backend.config.site, "near") is None
        assert page.url.path.startswith("/approvals/")
        assert "somebody else decides" in page.text
        path = page.url.path
        theirs = approver.get(path)
        assert theirs.status_code == 200, "the reviewer may look at it"
        approved = approver.post(
            f"{path}/approve",
            data={"csrf_token": token_of(theirs.text), "note": ""},
            follow_redirects=True,
        )
        assert approved.status_code == 200
        assert state(plant) == "revoked"
