"""Maintenance by the interface: an order's life, who may call what, what is refused."""

import io
from typing import Any

import pytest
from PIL import Image

from doorward_controller.domain.permissions import Action, Role, may
from doorward_controller.services.backend import Backend
from tests.controller.conftest import StandingClock
from tests.controller.test_api import bearer, calling, check_problem
from tests.fakes.fed_gateway import FedGateway

ROOT = "/api/v1/maintenance"
ANY = {"If-Match": "*"}
PATIENCE_S = 60
"""Signing in hashes, and the machine may be busy."""

ORDER = {"gateway": "near", "kind": "corrective", "priority": "high", "title": "No picture"}
PLAN = {
    "name": "Clean",
    "rule": {"by": "calendar", "every": 1, "unit": "weeks", "first_day": "2026-01-05"},
    "gateways": ["near"],
}


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(out, "JPEG")
    return out.getvalue()


def test_an_order_lives_its_life_by_the_interface(backend: Backend, clock: StandingClock) -> None:
    FedGateway(backend, "near").enrol()
    with calling(backend) as client:
        client.timeout = PATIENCE_S
        fay, sam = bearer(client, Role.FACILITY), bearer(client, Role.SECURITY)

        def post(path: str, body: dict[str, Any], headers: dict[str, str] = fay) -> Any:
            return client.post(f"{ROOT}{path}", json=body, headers=headers)

        asked = post("/orders", ORDER | {"checklist": ["Lens"]})
        assert asked.status_code == 201, asked.text
        at = f"/orders/{asked.json()['id']}"
        check_problem(post(f"{at}/turns", {"turn": "approve"}), 403, "forbidden")
        assert post(f"{at}/turns", {"turn": "approve"}, sam).json() == {"state": "approved"}
        check_problem(post(f"{at}/turns", {"turn": "start"}), 409, "turn_impossible")
        check_problem(post(f"{at}/turns", {"turn": "schedule"}), 422, "no_day")
        planned = {"turn": "schedule", "scheduled_for_utc_s": 1_800_000_000, "assignee": "fay"}
        assert post(f"{at}/turns", planned).status_code == 200
        assert post(f"{at}/turns", {"turn": "start"}).json() == {"state": "in_progress"}
        part = post("/parts", {"number": "C", "name": "Camera", "stock": 1}).json()["id"]
        assert post(f"{at}/parts", {"part_id": part, "count": 1}).json() == {"stock": 0}
        check_problem(post(f"{at}/parts", {"part_id": part, "count": 1}), 409, "stock_short")
        sent = client.post(
            f"{ROOT}{at}/photos", files={"photo": ("x.php", jpeg(), "text/html")}, headers=fay
        )
        assert sent.status_code == 201, sent.text
        kept = client.get(f"{ROOT}{at}/photos/{sent.json()['id']}", headers=sam)
        assert kept.headers["content-type"] == "image/jpeg"
        assert "sandbox" in kept.headers["content-security-policy"]
        assert kept.headers["content-disposition"].startswith("attachment")
        told = {"failure_mode": "no_picture", "cause": "wear", "remedy": "replaced"}
        assert client.put(f"{ROOT}{at}/write-up", json=told, headers=fay | ANY).status_code == 204
        answer = {"result": "ok"}
        assert client.put(f"{ROOT}{at}/checks/0", json=answer, headers=fay).status_code == 204
        check_problem(client.put(f"{ROOT}{at}/checks/9", json=answer, headers=fay), 404, "no_check")
        assert post(f"{at}/turns", {"turn": "finish"}).json() == {"state": "done"}
        assert post(f"{at}/turns", {"turn": "verify"}, sam).json() == {"state": "verified"}
        view = client.get(f"{ROOT}{at}", headers=sam).json()
        assert (view["order"]["state"], view["parts"][0]["count"]) == ("verified", 1)
        assert len(view["photos"]) == 1
        listed = client.get(f"{ROOT}/orders", params={"state": "verified"}, headers=sam).json()
        assert [one["id"] for one in listed["items"]] == [view["order"]["id"]]
        life = client.get(f"{ROOT}/devices/near/life", headers=sam).json()
        assert {event["kind"] for event in life["events"]} >= {"enrolled", "requested", "done"}
        clock.pass_s(60)
        figures = client.get(f"{ROOT}/figures", headers=sam).json()
        assert figures["together"]["failures"] == 1
        assert figures["together"]["mtbf"]["value"] is None


def test_plans_and_downtime_by_the_interface(sqlite_backend: Backend) -> None:
    FedGateway(sqlite_backend, "near").enrol()
    with calling(sqlite_backend) as client:
        client.timeout = PATIENCE_S
        fay, sam = bearer(client, Role.FACILITY), bearer(client, Role.SECURITY)
        plan = client.post(f"{ROOT}/plans", json=PLAN, headers=fay)
        assert plan.status_code == 201, plan.text
        at = f"{ROOT}/plans/{plan.json()['id']}"
        assert client.put(at, json=PLAN | {"days_to_do": 3}, headers=fay | ANY).status_code == 204
        assert client.post(f"{at}/approve", headers=sam).status_code == 204
        check_problem(client.post(f"{at}/approve", headers=sam), 409, "plan_approved")
        assert client.get(at, headers=sam).json()["plan"]["state"] == "approved"
        assert client.post(f"{at}/pause", headers=sam).status_code == 204
        wrong = PLAN | {"rule": {"by": "moon"}}
        check_problem(client.post(f"{ROOT}/plans", json=wrong, headers=fay), 422, "invalid")
        now = sqlite_backend.clock.now().utc_s
        span = {"gateway": "near", "began_utc_s": now - 60}
        down = client.post(f"{ROOT}/downtimes", json=span, headers=fay)
        assert down.status_code == 201
        check_problem(
            client.post(f"{ROOT}/downtimes", json=span, headers=fay), 409, "downtime_overlaps"
        )
        end = f"{ROOT}/downtimes/{down.json()['id']}/end"
        assert client.post(end, json={}, headers=fay).status_code == 204


@pytest.mark.parametrize("role", Role)
def test_the_interface_is_read_by_the_roles_of_the_matrix(
    sqlite_backend: Backend, role: Role
) -> None:
    FedGateway(sqlite_backend, "near").enrol()
    with calling(sqlite_backend) as client:
        client.timeout = PATIENCE_S
        headers = bearer(client, role)
        expected = 200 if may(role, Action.READ_MAINTENANCE) else 403
        for path in ("/orders", "/plans", "/parts", "/figures", "/devices/near/life"):
            assert client.get(f"{ROOT}{path}", headers=headers).status_code == expected, path
        does = may(role, Action.DO_MAINTENANCE)
        for path, body in (("/plans", PLAN), ("/parts", {"number": "1", "name": "x"})):
            answer = client.post(f"{ROOT}{path}", json=body, headers=headers)
            assert answer.status_code == (201 if does else 403), path
        asks = does or may(role, Action.APPROVE_MAINTENANCE)
        answer = client.post(f"{ROOT}/orders", json=ORDER, headers=headers)
        assert answer.status_code == (201 if asks else 403)


def test_only_a_photograph_may_be_longer_than_other_requests(sqlite_backend: Backend) -> None:
    with calling(sqlite_backend) as client:
        client.timeout = PATIENCE_S
        fay = bearer(client, Role.FACILITY)
        body = b" " * (2 * 1024 * 1024)
        for path, status in (("/orders", 413), ("/orders/1/photos", 422)):
            answer = client.post(f"{ROOT}{path}", content=body, headers=fay)
            assert answer.status_code == status, path
        huge = b" " * (14 * 1024 * 1024)
        answer = client.post(f"{ROOT}/orders/1/photos", content=huge, headers=fay)
        assert answer.status_code == 413
