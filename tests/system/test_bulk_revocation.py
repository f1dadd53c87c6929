"""Five hundred badges revoked at once by two people, with two of three real gateways connected."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from doorward.credential import CredentialClass, Form
from doorward_controller.app import API_ROOT
from doorward_controller.broker.waiting import wait_until
from doorward_controller.clock import SystemClock
from doorward_controller.demo.cable import Fault
from doorward_controller.demo.cli import free_port
from doorward_controller.demo.controller_host import ControllerProcess
from doorward_controller.demo.people import PORTALS
from doorward_controller.demo.world import World, build
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.services import issuing
from doorward_controller.services.issuing import IssueRequest
from doorward_controller.wiring import open_backend
from tests.fakes.running_server import UNREAD

READY_S = 60.0
SEEN_S = 45.0
CODES = 500
NAMES = [portal.name for portal in PORTALS[:3]]


class Desk:
    """Operators at their desks: the API, by role."""

    def __init__(self, world: World, http_port: int) -> None:
        self.world = world
        self.base = f"http://127.0.0.1:{http_port}{API_ROOT}"

    def ask(self, role: Role, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.world.setup.tokens[role]}"}
        answer = httpx.request(
            method,
            f"{self.base}{path}",
            json=body,
            headers=headers,
            verify=UNREAD,
            trust_env=False,
            timeout=60,
        )
        assert answer.status_code < 300, answer.text
        return answer.json()

    def spread(self, batch_id: str) -> dict[str, bool]:
        found = self.ask(Role.SECURITY, "GET", f"/revocations/{batch_id}")
        return {each["gateway"]: each["has_it"] for each in found["propagation"]["arrivals"]}

    def online(self) -> set[str]:
        rows = [self.ask(Role.ADMIN, "GET", f"/gateways/{name}") for name in NAMES]
        return {row["gateway"] for row in rows if row["online"]}

    def lock_postures(self) -> dict[str, str]:
        rows = self.ask(Role.SECURITY, "GET", "/postures")["portals"]
        return {row["portal"]: row["state"] for row in rows if row["portal"] in NAMES}


def _issue(world: World) -> list[str]:
    """Badges that nobody shows, beside those of the demonstration's people."""
    backend = open_backend(world.config, clock=SystemClock())
    now = int(time.time())
    wanted = IssueRequest(
        credential_class=CredentialClass.EMPLOYEE,
        form=Form.BADGE,
        not_before=now - 60,
        expires=now + 86_400,
    )
    try:
        issuer = Actor(name="issuer", role=Role.ISSUER)
        return [issuing.issue(backend, issuer, wanted).credential_id for _ in range(CODES - 1)]
    finally:
        backend.store.close()


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Desk, list[str]]]:
    with tempfile.TemporaryDirectory(prefix="dw-") as name, ExitStack() as stack:
        folder, http_port = Path(name), free_port(0)
        world = build(
            folder, http_port=http_port, clock=SystemClock(), say=print, portals=PORTALS[:3]
        )
        stack.callback(world.close)
        issued = _issue(world)
        controller = ControllerProcess(world.config_file, folder / "log")
        controller.start()
        stack.callback(controller.stop)
        world.start_remaining()
        for turnstile in world.turnstiles.values():
            assert wait_until(turnstile.has_policy, timeout_s=READY_S), controller.last_errors
        desk = Desk(world, http_port)
        assert wait_until(lambda: desk.online() == set(NAMES), timeout_s=READY_S)
        yield desk, issued


@pytest.mark.timeout(400)
def test_two_gateways_know_at_once_and_the_third_when_it_is_back(
    site: tuple[Desk, list[str]],
) -> None:
    desk, issued = site
    away = desk.world.turnstiles[NAMES[2]]
    badge = next(
        code
        for code in desk.world.setup.codes
        if code.credential_id is not None and set(NAMES) <= code.opens
    )
    assert away.present(badge).is_granted
    away.gateway.cable.cut(Fault.RESET)
    assert wait_until(lambda: desk.online() == set(NAMES[:2]), timeout_s=READY_S)

    body = {
        "change": "revoke",
        "source": "list",
        "codes": [*issued, badge.credential_id],
        "cause": "copied",
    }
    shown = desk.ask(Role.SECURITY, "POST", "/revocations/preview", body)
    assert (shown["codes"], shown["needs_second"]) == (CODES, True)
    proposal = desk.ask(
        Role.SECURITY, "POST", "/proposals/revocation", body | {"reason": "list on the net"}
    )
    decide = f"/proposals/{proposal['id']}/decision"
    done = desk.ask(Role.REVIEWER, "POST", decide, {"decision": "approve"})
    batch = done["outcome"]["batch"]
    reached = {NAMES[0]: True, NAMES[1]: True, NAMES[2]: False}
    assert wait_until(
        lambda: {n: desk.spread(batch)[n] for n in NAMES} == reached, timeout_s=SEEN_S
    ), desk.spread(batch)
    assert desk.world.turnstiles[NAMES[0]].present(badge).is_granted is False
    assert away.present(badge).is_granted, "it cannot know yet, and says so in the console"

    away.gateway.cable.restore()
    assert wait_until(lambda: desk.spread(batch)[NAMES[2]], timeout_s=READY_S)
    assert away.present(badge).is_granted is False


@pytest.mark.timeout(400)
def test_a_lockdown_reaches_the_gateway_that_was_away(site: tuple[Desk, list[str]]) -> None:
    desk, _ = site
    away = desk.world.turnstiles[NAMES[2]]
    badge = next(
        code
        for code in desk.world.setup.codes
        if code.credential_id is not None
        and set(NAMES) <= code.opens
        and desk.ask(Role.SECURITY, "GET", f"/credentials/{code.credential_id}")["state"] == "valid"
    )
    away.gateway.cable.cut(Fault.RESET)
    assert wait_until(lambda: NAMES[2] not in desk.online(), timeout_s=READY_S)
    body = {
        "scope": "site",
        "place": desk.world.setup.provision.site,
        "posture": "lockdown",
        "cause": "drill",
    }
    order = desk.ask(Role.SECURITY, "POST", "/postures", body)
    there = {NAMES[0]: "arrived", NAMES[1]: "arrived", NAMES[2]: "unreachable"}
    assert wait_until(lambda: desk.lock_postures() == there, timeout_s=SEEN_S), desk.lock_postures()
    assert desk.world.turnstiles[NAMES[0]].present(badge).is_granted is False
    assert away.present(badge).is_granted
    away.gateway.cable.restore()
    assert wait_until(lambda: desk.lock_postures()[NAMES[2]] == "arrived", timeout_s=READY_S)
    assert away.present(badge).is_granted is False
    headers = {"Authorization": f"Bearer {desk.world.setup.tokens[Role.SECURITY]}"}
    ended = httpx.post(
        f"{desk.base}/postures/{order['id']}/end",
        json={"note": "drill over"},
        headers=headers,
        trust_env=False,
    )
    assert ended.status_code == 204
    assert wait_until(lambda: set(desk.lock_postures().values()) == {"arrived"}, timeout_s=SEEN_S)
    assert desk.world.turnstiles[NAMES[0]].present(badge).is_granted
