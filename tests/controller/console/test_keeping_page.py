"""How long what is kept, as a browser without scripts meets it."""

import re

import httpx

from doorward_controller.domain.permissions import Role
from doorward_controller.queries import audit_trail
from doorward_controller.services import keeping_runs
from tests.controller.conftest import StandingClock
from tests.controller.console.conftest import HOLDER, Plant, token_of


def post(client: httpx.Client, path: str, **data: str) -> httpx.Response:
    token = token_of(client.get("/account").text)
    return client.post(path, data={"csrf_token": token, **data}, follow_redirects=True)


def acts(plant: Plant) -> list[str]:
    rows = audit_trail.page(plant.backend.store, limit=500).items
    return [row.action for row in rows if row.outcome == "done"]


def test_security_chooses_how_long_within_what_the_rules_allow(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    saved = post(client, "/keeping/times", kind="records", days="90")
    assert saved.status_code == 200
    assert re.search(r"Scan records</strong> · 90 days", saved.text)
    for days in ("59", "", "x", "-3", "99999999999"):
        refused = post(client, "/keeping/times", kind="records", days=days)
        assert refused.status_code == 422, days
        assert "Nothing was changed." in refused.text
    assert "90 days" in client.get("/keeping").text
    assert "set_keeping" in acts(plant)


def test_hold_is_placed_by_name_shown_without_it_and_ended(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    placed = post(client, "/keeping/holds", reason="Inquiry 7", holder=HOLDER)
    assert "Inquiry 7" in placed.text
    assert "Hopper" not in placed.text
    number = re.search(r"/keeping/holds/(\d+)/end", placed.text)
    assert number is not None
    ended = post(client, f"/keeping/holds/{number[1]}/end")
    assert "Holds that have ended" in ended.text
    for data, said in (
        ({"reason": ""}, "Say why it is held"),
        ({"reason": "Inquiry 8", "holder": "Nobody Known"}, "Nobody is known by that name"),
        ({"reason": "Inquiry 8", "begin": "2026-02-02T10:00", "end": "2026-02-01T10:00"}, "before"),
        ({"reason": "Inquiry 8", "begin": "soon"}, "or is none"),
    ):
        refused = post(client, "/keeping/holds", **data)
        assert 400 <= refused.status_code < 500, data
        assert said in refused.text, data
    assert {"place_hold", "end_hold"} <= set(acts(plant))


def test_page_tells_what_went_and_what_is_next(plant: Plant, clock: StandingClock) -> None:
    client = plant.signed_in(Role.AUDITOR)
    assert "Nothing has gone yet" in client.get("/keeping").text
    keeping_runs.turn(plant.backend)
    assert "The next run begins on" in client.get("/keeping").text
    clock.pass_s(400 * 86_400)
    gone = keeping_runs.turn(plant.backend)
    assert gone
    clock.pass_s(-400 * 86_400)  # while the browser is still signed in
    page = plant.signed_in(Role.AUDITOR).get("/keeping").text
    assert "All records are there from" in page
    assert "/keeping/holds" not in page, "who audits changes nothing"
    chinese = plant.signed_in(Role.AUDITOR, "zh-Hans").get("/keeping").text
    assert "数据保存期限" in chinese


def test_who_runs_the_system_sees_it_and_changes_nothing(plant: Plant) -> None:
    client = plant.signed_in(Role.ADMIN)
    assert "Change…" not in client.get("/keeping").text
    assert post(client, "/keeping/times", kind="records", days="90").status_code == 403
    assert post(client, "/keeping/holds", reason="Inquiry 9").status_code == 403
    assert post(client, "/keeping/holds/1/end").status_code == 403
