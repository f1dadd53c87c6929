"""Adding a gateway in the console: shown once, compared, confirmed, and what goes wrong."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from doorward.enrolment import CLAIM_PREFIX, parse_claim
from doorward_controller.app import create_app
from doorward_controller.broker.authority import Authority
from doorward_controller.broker.certifying import FolderCertifier
from doorward_controller.config import Broker, Enrolment
from doorward_controller.domain.permissions import Role
from doorward_controller.queries import enrolments
from doorward_controller.services import enrolling
from tests.controller.console.conftest import Plant, token_of
from tests.fakes.asking_gateway import AskingGateway
from tests.fakes.running_server import running


@pytest.fixture
def site(plant: Plant, tmp_path: Path) -> Iterator[Plant]:
    """The plant, with a door for gateways."""
    folder = tmp_path / "authority"
    at = datetime.fromtimestamp(plant.backend.clock.now().utc_s, UTC)
    Authority.create(folder, now=at, valid_for=timedelta(days=3650))
    settings = {
        "enrolment": Enrolment(url="https://10.0.4.2:8843"),
        "broker": Broker(authority_dir=folder),
    }
    backend = replace(
        plant.backend,
        config=plant.backend.config.model_copy(update=settings),
        certifier=FolderCertifier(folder, tmp_path / "door", None),
    )
    with running(create_app(backend), backend.feed) as address:
        yield replace(plant, backend=backend, address=address)


def make(client: httpx.Client, **fields: str) -> httpx.Response:
    token = token_of(client.get("/enrolments/new").text)
    given = {"gateway": "gate-9", "portal": "gate-9", "zone": "site", "label": ""}
    return client.post("/enrolments", data={"csrf_token": token} | given | fields)


def asked(site: Plant, page: str) -> tuple[str, AskingGateway]:
    """A gateway asks by the text that the page shows; returns the claim's id, too."""
    found = re.search(rf"{CLAIM_PREFIX}[A-Z2-7]+", page)
    assert found
    asking = AskingGateway(claim=parse_claim(found[0]))
    enrolling.ask(site.backend, asking.asked())
    (claim,) = enrolments.pending(site.backend.store, site.backend.clock.now().utc_s)
    return claim.id, asking


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_gateway_is_added_by_showing_comparing_and_confirming(site: Plant, language: str) -> None:
    client = site.signed_in(Role.ADMIN, language)
    made = make(client)
    assert made.status_code == 200
    assert "<svg" in made.text
    claim_id, asking = asked(site, made.text)
    code = enrolling.ask(site.backend, asking.asked()).code

    for path in (f"/enrolments/{claim_id}", f"/enrolments/{claim_id}/part"):
        page = client.get(path).text
        assert code in page
        assert CLAIM_PREFIX not in page, "the claim is shown once"
    token = token_of(client.get(f"/enrolments/{claim_id}").text)
    done = client.post(f"/enrolments/{claim_id}/confirm", data={"csrf_token": token, "code": code})

    assert (done.status_code, done.headers["location"].partition("?")[0]) == (
        303,
        "/gateways/gate-9",
    )
    assert enrolling.ask(site.backend, asking.asked()).granted is not None
    for path in (f"/enrolments/{claim_id}/part", "/enrolments/part", "/gateways/gate-9"):
        assert client.get(path).status_code == 200
    assert "SHA-256" in client.get("/gateways/gate-9").text


def test_another_code_than_the_one_that_was_shown_confirms_nothing(site: Plant) -> None:
    client = site.signed_in(Role.ADMIN)
    claim_id, asking = asked(site, make(client).text)
    token = token_of(client.get(f"/enrolments/{claim_id}").text)
    answer = client.post(
        f"/enrolments/{claim_id}/confirm", data={"csrf_token": token, "code": "0000-0000"}
    )

    assert answer.status_code == 422
    assert "not that of the gateway that asked" in answer.text
    assert enrolling.ask(site.backend, asking.asked()).granted is None


def test_whoever_confirms_sees_that_somebody_else_asked(site: Plant) -> None:
    client = site.signed_in(Role.ADMIN)
    claim_id, asking = asked(site, make(client).text)
    with pytest.raises(Exception, match="used already"):
        enrolling.ask(site.backend, AskingGateway(claim=asking.claim).asked())

    assert "Somebody else asked with this claim" in client.get(f"/enrolments/{claim_id}/part").text
    assert "asked with by others" in client.get("/enrolments").text


def test_refused_and_withdrawn_claims_say_so(site: Plant) -> None:
    client = site.signed_in(Role.ADMIN)
    claim_id, _ = asked(site, make(client).text)
    token = token_of(client.get(f"/enrolments/{claim_id}").text)
    client.post(f"/enrolments/{claim_id}/refuse", data={"csrf_token": token})
    assert "The gateway was told" in client.get(f"/enrolments/{claim_id}").text

    make(client)
    (claim,) = enrolments.pending(site.backend.store, site.backend.clock.now().utc_s)
    client.post(f"/enrolments/{claim.id}/withdraw", data={"csrf_token": token})
    assert "Taken back" in client.get(f"/enrolments/{claim.id}").text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"gateway": "near"}, "There is a gateway of this name"),
        ({"gateway": "A b"}, "Names have 1 to 32"),
        ({"gateway": "controller"}, "means something else at the broker"),
        ({"portal": "near-door"}, "There is a portal of this name already"),
        ({"zone": ""}, "Names have 1 to 32"),
        ({"portal": ""}, "1 to 16 portals"),
    ],
)
def test_what_cannot_be_enrolled_is_said_and_the_form_keeps_what_was_typed(
    site: Plant, fields: dict[str, str], says: str
) -> None:
    answer = make(site.signed_in(Role.ADMIN), **fields)

    assert answer.status_code >= 400
    assert says in answer.text
    assert f'value="{fields.get("gateway", "gate-9")}"' in answer.text


def test_a_gateway_that_exists_gets_new_keys_from_its_page(site: Plant) -> None:
    client = site.signed_in(Role.ADMIN)
    assert "/enrolments/new?gateway=near" in client.get("/gateways/near").text
    made = make(client, gateway="near", is_replacement="1", portal="")
    claim_id, asking = asked(site, made.text)
    token = token_of(client.get(f"/enrolments/{claim_id}").text)
    code = enrolling.ask(site.backend, asking.asked()).code
    client.post(f"/enrolments/{claim_id}/confirm", data={"csrf_token": token, "code": code})

    granted = enrolling.ask(site.backend, asking.asked()).granted
    assert granted is not None
    assert [portal for portal, _ in granted.portals] == ["near-door"]


def test_without_a_door_the_page_says_what_is_missing(plant: Plant) -> None:
    client = plant.signed_in(Role.ADMIN)
    assert "enrolment.url" in client.get("/enrolments").text
    assert "enrolment.url" in make(client).text
