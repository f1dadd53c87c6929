"""Guards and technicians in the console: a PIN is on one answer and on no page."""

import re
from typing import Any

import httpx
import pytest

from doorward import topics
from doorward.ids import GatewayId, SiteId
from doorward.messages import Applied, Rejection, Reported
from doorward.times import UtcSeconds
from doorward.topics import Up
from doorward_controller.domain.permissions import Role, local_actor
from doorward_controller.ingest.ports import Inbound
from doorward_controller.ingest.writer import Writer
from doorward_controller.queries import staff, staff_spread
from doorward_controller.services import enrolment
from tests.controller.console.conftest import Plant, token_of
from tests.fakes.fed_gateway import FedGateway

LAST_DAY = "2026-12-31"


def send(client: httpx.Client, path: str = "/staff", **fields: Any) -> httpx.Response:
    token = token_of(client.get("/staff").text)
    return client.post(path, data={"csrf_token": token, **fields})


def add(client: httpx.Client, number: str = "g-07", **fields: Any) -> httpx.Response:
    form = {"member_id": number, "abilities": ["register", "service"], "last_day": LAST_DAY}
    return send(client, **(form | fields))


def pin_on(page: str) -> str | None:
    found = re.search(r'class="pin"><code>(\d{5}) (\d{5})</code>', page)
    return found[1] + found[2] if found else None


def members(plant: Plant) -> dict[str, staff.StaffRow]:
    _, rows = staff.newest(plant.backend.store, plant.backend.config.site)
    return {row.id: row for row in rows}


def test_somebody_is_added_and_the_pin_is_shown_once(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    answer = add(client)
    assert answer.status_code == 200
    assert pin_on(answer.text)
    assert answer.headers["cache-control"] == "no-store"
    assert members(plant)["g-07"].abilities == ["register", "service"]
    page = client.get("/staff").text
    assert "g-07" in page
    assert pin_on(page) is None


def test_the_last_day_counts_in_the_sites_time_zone(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    add(client)
    assert f'value="{LAST_DAY}"' in client.get("/staff").text


def test_a_new_pin_is_another_one(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    first = pin_on(add(client).text)
    second = pin_on(send(client, "/staff/g-07/pin").text)
    assert second
    assert second != first


def test_abilities_and_end_are_changed_and_somebody_is_removed(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    add(client)
    changed = send(client, "/staff/g-07/change", abilities=["override"], last_day="2026-11-30")
    assert changed.headers["location"] == "/staff?done=staff-changed"
    assert members(plant)["g-07"].abilities == ["override"]
    removed = send(client, "/staff/g-07/remove")
    assert removed.headers["location"] == "/staff?done=staff-removed"
    assert members(plant) == {}


REFUSED: dict[str, dict[str, Any]] = {
    "no number": {"number": "", "says": "A staff number has 1 to 32"},
    "a name": {"number": "Zhang San", "says": "A staff number has 1 to 32"},
    "nothing to do": {"abilities": [], "says": "Choose at least one thing"},
    "what nobody can do": {"abilities": ["fly"], "says": "Choose at least one thing"},
    "no day": {"last_day": "soon", "says": "must be in the future"},
    "a day that is over": {"last_day": "2020-01-01", "says": "must be in the future"},
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_is_refused_is_said_in_words_and_the_form_keeps_what_was_typed(
    plant: Plant, sentence: str
) -> None:
    case = dict(REFUSED[sentence])
    says, number = str(case.pop("says")), str(case.pop("number", "g-07"))
    answer = add(plant.signed_in(Role.SECURITY), number, **case)
    assert answer.status_code == 422
    assert says in answer.text
    assert f'value="{number}"' in answer.text
    assert pin_on(answer.text) is None
    assert members(plant) == {}


def test_a_number_is_given_out_once(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    add(client)
    assert "numbers are not given out again" in add(client).text


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SECURITY}))
def test_nobody_else_sees_or_changes_the_list(plant: Plant, role: Role) -> None:
    client = plant.signed_in(role)
    assert client.get("/staff").status_code == 403
    token = token_of(client.get("/gateways").text)
    form = {"csrf_token": token, "member_id": "g-1", "abilities": "register", "last_day": LAST_DAY}
    for path in ("/staff", "/staff/g-1/pin", "/staff/g-1/change", "/staff/g-1/remove"):
        assert client.post(path, data=form).status_code == 403, path
    assert members(plant) == {}


def test_who_is_away_keeps_the_list_that_it_has(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    assert "No list was sent yet." in client.get("/staff").text
    page = words_of(add(client).text)
    assert "0 of 2 gateways go by the newest list." in page
    assert "Not known far its software does not tell · unreachable since" in page
    assert "A gateway that is away goes on with the list that it has" in page
    FedGateway(plant.backend, "new").enrol()
    assert "Not known new never heard" in words_of(client.get("/staff/part").text)


def report(plant: Plant, **said: Any) -> None:
    """What near says of itself."""
    plain: dict[str, Any] = {"rejected": (), "at": UtcSeconds(1_790_000_000)}
    message = Reported(applied=Applied(), **(plain | said))
    topic = topics.up(SiteId("main"), GatewayId("near"), Up.REPORTED)
    inbound = Inbound(topic=topic, wire=message.to_wire(), confirm=lambda: None)
    Writer(plant.backend).process([inbound])


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page))


def test_the_page_says_which_list_each_gateway_goes_by(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    add(client)
    add(client, "g-08")
    newest, _ = staff.newest(plant.backend.store, plant.backend.config.site)
    wrong = Rejection(what="staff", version=0, error="key 1f is <i>unknown</i>")
    seen: list[tuple[dict[str, Any], str]] = [
        ({"staff": newest}, "Has the newest near version"),
        ({"staff": newest - 1}, "Has an older one near version"),
        ({"staff": 0, "rejected": (wrong,)}, "Has an older one near nobody can sign in there yet"),
        ({"staff": newest + 1}, "Has one not known here near version"),
        ({"staff": None}, "1 gateway has no pages of its own and needs no list."),
        ({"tells_staff": False}, "Not known near its software does not tell"),
    ]
    for said, sentence in seen:
        report(plant, **said)
        assert sentence in words_of(client.get("/staff/part").text), said
        assert sentence in words_of(client.get("/staff").text)
        if "rejected" in said:
            assert "key 1f is &lt;i&gt;unknown&lt;/i&gt;" in client.get("/staff/part").text


def test_every_gateway_that_needs_the_list_has_it(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    add(client)
    newest, _ = staff.newest(plant.backend.store, plant.backend.config.site)
    enrolment.revoke_gateway(plant.backend, local_actor(), gateway="far", reason="gone")
    report(plant, staff=newest)
    page = words_of(client.get("/staff/part").text)
    assert "Every gateway with pages goes by the newest list." in page
    (held,) = staff_spread.at_gateways(plant.backend.store, plant.backend.config.site)
    report(plant, staff=newest)
    (again,) = staff_spread.at_gateways(plant.backend.store, plant.backend.config.site)
    assert again.since_utc_ms == held.since_utc_ms, "since it was first heard, not last"
    report(plant, staff=None)
    page = words_of(client.get("/staff/part").text)
    assert "No gateway has pages of its own, so none keeps a list." in page


def test_the_page_speaks_chinese(plant: Plant) -> None:
    page = add(plant.signed_in(Role.SECURITY, "zh-CN")).text
    assert "仅此一次显示。" in page
    assert "手工放行" in page
