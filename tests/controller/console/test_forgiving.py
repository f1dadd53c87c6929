"""The badge's page forgives anti-passback: who sees the button, what it says afterwards."""

import pytest

from doorward_controller.domain.permissions import Role
from doorward_controller.queries import commands
from tests.controller.console.conftest import Plant, token_of


@pytest.mark.parametrize("role", [Role.SECURITY, Role.ISSUER, Role.AUDITOR])
def test_the_button_is_for_those_who_may_open_doors(plant: Plant, role: Role) -> None:
    page = plant.signed_in(role).get(f"/badges/{plant.badge}").text
    assert (f"/badges/{plant.badge}/forgive" in page) == (role is Role.SECURITY)


def test_it_asks_first_and_says_what_became_of_it(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    path = f"/badges/{plant.badge}"
    page = client.get(path).text
    form = page[: page.index(f'{path}/forgive"')]
    assert form.rfind("<details") > form.rfind("</details>")
    answer = client.post(f"{path}/forgive", data={"csrf_token": token_of(page), "zone": "site"})
    assert answer.headers["location"] == f"{path}?done=forgiven"
    (row,) = commands.forgiving(plant.backend.store, plant.badge, 5)
    assert (row.gateway, row.arguments["zone"]) == ("near", "site")
    shown = client.get(f"{path}?done=forgiven").text
    assert "A gateway is being told" in shown
    assert "Anti-passback forgiven" in client.get(f"{path}/part").text


def test_with_every_gateway_away_the_page_says_so(plant: Plant) -> None:
    plant.near.connect(online=False)
    client = plant.signed_in(Role.SECURITY, "zh-CN,zh;q=0.9")
    path = f"/badges/{plant.badge}"
    answer = client.post(f"{path}/forgive", data={"csrf_token": token_of(client.get(path).text)})
    assert answer.status_code == 409
    assert "目前没有在线的网关" in answer.text


def test_a_role_without_the_right_changes_nothing(plant: Plant) -> None:
    client = plant.signed_in(Role.ISSUER)
    token = token_of(client.get("/account").text)
    answer = client.post(f"/badges/{plant.badge}/forgive", data={"csrf_token": token})
    assert answer.status_code == 403
    assert commands.forgiving(plant.backend.store, plant.badge, 5) == ()


def test_everybody_at_a_zone_is_forgiven_from_the_list_after_asking(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    page = client.get("/inside").text
    form = page[: page.index('action="/inside/forgive"')]
    assert form.rfind("<details") > form.rfind("</details>")
    answer = client.post("/inside/forgive", data={"csrf_token": token_of(page), "zone": "site"})
    assert answer.headers["location"] == "/inside?done=zone-forgiven"
    assert "The zone counts as empty." in client.get("/inside?done=zone-forgiven").text
    (row,) = commands.newest(plant.backend.store, "near", 5)
    assert (row.name, row.arguments) == (
        "forgive",
        {"credential": "", "zone": "site"},
    )


@pytest.mark.parametrize(
    ("role", "zone", "status"),
    [(Role.AUDITOR, "site", 403), (Role.SECURITY, "nowhere", 404), (Role.SECURITY, "", 404)],
)
def test_a_zone_is_forgiven_by_who_may_and_where_there_is_one(
    plant: Plant, role: Role, zone: str, status: int
) -> None:
    client = plant.signed_in(role)
    page = client.get("/inside").text
    assert ("/inside/forgive" in page) == (role is Role.SECURITY)
    token = token_of(client.get("/account").text)
    answer = client.post("/inside/forgive", data={"csrf_token": token, "zone": zone})
    assert answer.status_code == status
    assert commands.newest(plant.backend.store, "near", 5) == ()


def test_with_every_gateway_away_the_list_says_so(plant: Plant) -> None:
    plant.near.connect(online=False)
    client = plant.signed_in(Role.SECURITY)
    token = token_of(client.get("/account").text)
    answer = client.post("/inside/forgive", data={"csrf_token": token, "zone": "site"})
    assert answer.status_code == 409
    assert "No gateway is connected" in answer.text
