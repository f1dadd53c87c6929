"""Webhooks in the console: a secret is on one answer and on no page; nobody sends away too much."""

import json
from typing import Any

import httpx
import pytest

from doorward_controller.config import Webhooks
from doorward_controller.domain.permissions import Role
from doorward_controller.queries import webhooks as shown
from doorward_controller.services import webhook_delivering
from doorward_controller.store import webhooks as rows
from tests.controller.console.conftest import Plant, token_of
from tests.fakes.receivers import web_receiver


def send(client: httpx.Client, path: str = "/webhooks", **fields: Any) -> httpx.Response:
    token = token_of(client.get("/webhooks").text)
    return client.post(path, data={"csrf_token": token, **fields})


def add(client: httpx.Client, **fields: Any) -> httpx.Response:
    form = {"name": "Tickets", "url": "https://tickets.example/in", "events": ["scan.refused"]}
    return send(client, **(form | fields))


def secret_on(page: str) -> str:
    found = page.partition('class="once">')[2].partition("<")[0]
    return found if found.startswith("whsec_") else ""


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_secret_is_shown_once(plant: Plant, language: str) -> None:
    client = plant.signed_in(Role.SECURITY, language)
    answer = add(client)
    assert answer.status_code == 200
    secret = secret_on(answer.text)
    assert secret
    assert answer.headers["cache-control"] == "no-store"
    for path in ("/webhooks", "/webhooks/1"):
        page = client.get(path).text
        assert "Tickets" in page
        assert secret not in page
        assert "/in" not in page.replace("/inside", ""), "an address may hold a secret itself"
    renewed = secret_on(send(client, "/webhooks/1/secret").text)
    assert renewed not in {"", secret}


def test_what_was_typed_is_explained_and_kept(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    answer = add(client, url="http://tickets.example/")
    assert answer.status_code == 422
    assert "must be one of HTTPS" in answer.text
    assert 'value="Tickets"' in answer.text
    assert add(client, events=[]).status_code == 422
    assert shown.webhooks_of(plant.backend.store) == ()


def test_the_administrator_is_not_offered_what_scans_say(plant: Plant) -> None:
    client = plant.signed_in(Role.ADMIN)
    page = client.get("/webhooks").text
    assert 'value="gateway.lost"' in page
    assert 'value="scan.refused"' not in page
    assert add(client).status_code == 403
    assert shown.webhooks_of(plant.backend.store) == ()


def test_it_is_tried_switched_resent_and_removed(plant: Plant) -> None:
    allowed = Webhooks(allow_insecure=True, allow_private_addresses=True)
    object.__setattr__(plant.backend.config, "webhooks", allowed)
    client = plant.signed_in(Role.SECURITY)
    with web_receiver() as receiver:
        add(client, url=receiver.address)
        assert send(client, "/webhooks/1/test").status_code == 303
        deliver(plant)
        page = client.get("/webhooks/1").text
        assert "Delivered" in page
        assert send(client, "/webhooks/1/resend", delivery="1").status_code == 303
        deliver(plant)
        first, again = (json.loads(each.body)["type"] for each in receiver.posted)
        assert (first, again) == ("webhook.test", "webhook.test")
        assert receiver.posted[0].headers["webhook-id"] == receiver.posted[1].headers["webhook-id"]
    send(client, "/webhooks/1/switch", on="0")
    assert "It is off" in client.get("/webhooks/1").text
    send(client, "/webhooks/1/switch", on="1")
    changed = send(client, "/webhooks/1", name="Desk", url="", events=["gateway.lost"])
    assert changed.status_code == 303
    (row,) = shown.webhooks_of(plant.backend.store)
    assert (row.name, row.events, row.shown) == ("Desk", ("gateway.lost",), "127.0.0.1")
    assert send(client, "/webhooks/1/remove").status_code == 303
    assert client.get("/webhooks/1").status_code == 404


def deliver(plant: Plant) -> None:
    with plant.backend.store.read() as connection:
        heads = rows.heads(connection, plant.backend.clock.now().utc_ms)
    for head in heads:
        webhook_delivering.drain(plant.backend, head, within_s=5)


def test_others_see_nothing_of_it(plant: Plant) -> None:
    add(plant.signed_in(Role.SECURITY))
    for role in (Role.GUARD, Role.AUDITOR, Role.ISSUER):
        client = plant.signed_in(role)
        assert client.get("/webhooks").status_code == 403
        assert client.get("/webhooks/1").status_code == 403
        assert 'href="/webhooks"' not in client.get("/").text
