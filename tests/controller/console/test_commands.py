"""The commands on a gateway's page: who has which button, what is confirmed, what is shown."""

import httpx
import pytest

from doorward_controller.domain.permissions import Role
from doorward_controller.queries import commands
from tests.controller.console.conftest import Plant, token_of

PAGE = "/gateways/near"
BUTTONS = {
    "identify": {Role.SECURITY, Role.ADMIN, Role.FACILITY},
    "self_test": {Role.SECURITY, Role.ADMIN, Role.FACILITY},
    "restart": {Role.SECURITY, Role.ADMIN, Role.FACILITY},
    "open_once": {Role.SECURITY, Role.GUARD},
}


def give(client: httpx.Client, name: str, **fields: str) -> httpx.Response:
    token = token_of(client.get(PAGE).text)
    form = {"csrf_token": token, "name": name} | fields
    return client.post(f"{PAGE}/commands", data=form)


@pytest.mark.parametrize("role", Role)
def test_each_role_has_the_buttons_that_it_may_press(plant: Plant, role: Role) -> None:
    page = plant.signed_in(role).get(PAGE).text
    shown = {name for name in BUTTONS if f'name="name" value="{name}"' in page}
    assert shown == {name for name, roles in BUTTONS.items() if role in roles}


def test_a_command_is_given_and_stands_on_the_page(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    answer = give(client, "open_once", portal="near-door")
    assert answer.headers["location"] == f"{PAGE}?done=commanded"
    (row,) = commands.newest(plant.backend.store, "near", 10)
    assert (row.name, row.arguments) == ("open_once", {"portal": "near-door"})
    part = client.get(f"{PAGE}/commands/part").text
    assert "Open once" in part
    assert "Waits for the gateway" in part


def test_what_hurts_asks_first(plant: Plant) -> None:
    page = plant.signed_in(Role.SECURITY).get(PAGE).text
    for name in ("open_once", "restart"):
        form = page[: page.index(f'value="{name}"')]
        assert form.rfind("<details") > form.rfind("</details>"), name


def test_a_role_without_the_right_is_refused_and_nothing_is_sent(plant: Plant) -> None:
    answer = give(plant.signed_in(Role.ADMIN), "open_once", portal="near-door")
    assert answer.status_code == 403
    assert commands.newest(plant.backend.store, "near", 10) == ()


@pytest.mark.parametrize("fields", [{"name": "open_all"}, {"name": ""}, {"name": "open_once"}])
def test_a_form_that_nobody_made_is_refused_in_words(plant: Plant, fields: dict[str, str]) -> None:
    answer = give(plant.signed_in(Role.SECURITY), **fields)
    assert answer.status_code == 422
    assert commands.newest(plant.backend.store, "near", 10) == ()


def test_the_page_speaks_chinese(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY, "zh-CN,zh;q=0.9")
    give(client, "self_test")
    part = client.get(f"{PAGE}/commands/part").text
    assert "自检" in part
    assert "等待网关" in part
