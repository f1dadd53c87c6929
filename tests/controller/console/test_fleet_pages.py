"""Devices, alerts and wall screens as a browser without scripts sees and handles them."""

import re

from doorward_controller.domain.permissions import Role
from doorward_controller.services.alert_watch import AlertWatch
from tests.controller.console.conftest import Plant, token_of
from tests.controller.test_alerts import event


def test_a_new_gateway_is_adopted_and_a_component_exchanged_by_forms(plant: Plant) -> None:
    client = plant.signed_in(Role.FACILITY)
    page = client.get("/devices").text
    assert "New gateways wait to be adopted" in page
    token = token_of(page)
    form = {"csrf_token": token, "zone.near-door": "site", "label.near-door": "<i>East</i>"}
    assert client.post("/devices/adopt/near", data=form).status_code == 303
    page = client.get("/devices").text
    assert "&lt;i&gt;East&lt;/i&gt;" in page
    assert "<i>East" not in page
    made = {"csrf_token": token, "kind": "camera", "serial": "A<1>"}
    assert client.post("/gateways/near/components", data=made).status_code == 303
    page = client.get("/gateways/near").text
    assert "A&lt;1&gt;" in page
    number = re.search(r"/components/(\d+)/replace", page)
    assert number
    path = f"/gateways/near/components/{number[1]}/replace"
    new = {"csrf_token": token, "serial": "B2", "reason": "blurred"}
    assert client.post(path, data=new).status_code == 303
    page = client.get("/gateways/near").text
    assert "B2" in page
    assert "blurred" in page
    assert plant.signed_in(Role.GUARD).post(path, data=new).status_code == 403


def test_an_alert_is_handled_and_its_rule_changed_by_forms(plant: Plant) -> None:
    near = plant.near
    near.report_health(pending=0, camera_fault=1)
    AlertWatch(plant.backend).turn()
    event(near, "tamper_opened")
    client = plant.signed_in(Role.SECURITY)
    listed = client.get("/alerts").text
    assert "A housing was opened" in listed
    number = re.findall(r'href="/alerts/(\d+)"', listed)[0]
    token = token_of(client.get(f"/alerts/{number}").text)
    for move, more in (
        ("acknowledge", {}),
        ("take", {}),
        ("silence", {"hours": "2"}),
        ("note", {"note": "<b>wind</b>"}),
        ("resolve", {"note": "closed again"}),
    ):
        answer = client.post(f"/alerts/{number}/{move}", data={"csrf_token": token, **more})
        assert answer.status_code == 303, move
    page = client.get(f"/alerts/{number}").text
    assert "&lt;b&gt;wind&lt;/b&gt;" in page
    assert "Resolved" in page
    rule = {"csrf_token": token, "warning": "60", "alarm": "70.5", "minutes": "2", "is_on": "1"}
    path = "/alert-rules/metric.temperature_mc"
    assert client.post(path, data=rule).status_code == 303
    assert "≥ 70.5 °C" in client.get("/alert-rules").text
    assert client.post(path, data=rule | {"warning": "warm"}).status_code == 422
    assert client.post(f"{path}/drop", data={"csrf_token": token}).status_code == 303
    assert "≥ 80 °C" in client.get("/alert-rules").text
    unknown = client.post(f"/alerts/{number}/explode", data={"csrf_token": token})
    assert unknown.status_code == 422


def test_a_wall_screen_shows_gateways_and_nobody_without_signing_in(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    token = token_of(client.get("/walls").text)
    made = client.post("/walls", data={"csrf_token": token, "label": "Room", "days": "3"}).text
    address = re.search(r"http://[^<]+(/wall/[\w-]+)", made)
    assert address
    assert address[1] not in client.get("/walls").text
    event(plant.near, "duress_signalled")
    event(plant.near, "forced")
    screen = plant.visitor()
    for path in (address[1], f"{address[1]}/board.json"):
        answer = screen.get(path)
        assert answer.status_code == 200
        for hidden in ("Hopper", plant.badge, "uress", "set-cookie"):
            assert hidden not in answer.text
        assert "near" in answer.text
        assert answer.headers["cache-control"] == "no-store"
    board = screen.get(f"{address[1]}/board.json").json()
    assert {tile["name"]: tile["severity"] for tile in board["tiles"]}["near"] == "alarm"
    assert screen.get(f"{address[1]}x").status_code == 404
    assert client.post("/walls/1/revoke", data={"csrf_token": token}).status_code == 303
    assert screen.get(address[1]).status_code == 404
