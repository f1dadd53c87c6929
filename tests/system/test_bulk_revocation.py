"""Five hundred badges revoked at once by two people, with two of three real gateways connected."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from doorward.credential import CredentialClass, Form
from doorward_controller.broker.waiting import wait_until
from doorward_controller.clock import SystemClock
from doorward_controller.demo.cable import Fault
from doorward_controller.demo.people import PORTALS
from doorward_controller.demo.world import World
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.services import issuing
from doorward_controller.services.issuing import IssueRequest
from doorward_controller.wiring import open_backend
from tests.system.whole_site import READY_S, WholeSite, whole_site

SEEN_S = 45.0
CODES = 500
NAMES = [portal.name for portal in PORTALS[:3]]


class Desk(WholeSite):
    """Operators at their desks."""

    def told(self, role: Role, method: str, path: str, body: object = None) -> Any:
        answer = self.ask(role, method, path, body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def state_of(self, credential_id: str) -> str:
        return str(self.told(Role.SECURITY, "GET", f"/credentials/{credential_id}")["state"])

    def spread(self, batch_id: str) -> dict[str, bool]:
        found = self.told(Role.SECURITY, "GET", f"/revocations/{batch_id}")
        return {each["gateway"]: each["has_it"] for each in found["propagation"]["arrivals"]}

    def online(self) -> set[str]:
        return {name for name in NAMES if self.is_online(name)}

    def lock_postures(self) -> dict[str, str]:
        rows = self.told(Role.SECURITY, "GET", "/postures")["portals"]
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
    issued: list[str] = []
    with whole_site(Desk, PORTALS[:3], lambda world: issued.extend(_issue(world))) as desk:
        desk.wait_until_online()
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
    shown = desk.told(Role.SECURITY, "POST", "/revocations/preview", body)
    assert (shown["codes"], shown["needs_second"]) == (CODES, True)
    proposal = desk.told(
        Role.SECURITY, "POST", "/proposals/revocation", body | {"reason": "list on the net"}
    )
    decide = f"/proposals/{proposal['id']}/decision"
    done = desk.told(Role.REVIEWER, "POST", decide, {"decision": "approve"})
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
        and desk.state_of(code.credential_id) == "valid"
    )
    away.gateway.cable.cut(Fault.RESET)
    assert wait_until(lambda: NAMES[2] not in desk.online(), timeout_s=READY_S)
    body = {
        "scope": "site",
        "place": desk.world.setup.provision.site,
        "posture": "lockdown",
        "cause": "drill",
    }
    order = desk.told(Role.SECURITY, "POST", "/postures", body)
    there = {NAMES[0]: "arrived", NAMES[1]: "arrived", NAMES[2]: "unreachable"}
    assert wait_until(lambda: desk.lock_postures() == there, timeout_s=SEEN_S), desk.lock_postures()
    assert desk.world.turnstiles[NAMES[0]].present(badge).is_granted is False
    assert away.present(badge).is_granted
    away.gateway.cable.restore()
    assert wait_until(lambda: desk.lock_postures()[NAMES[2]] == "arrived", timeout_s=READY_S)
    assert away.present(badge).is_granted is False
    ended = desk.ask(Role.SECURITY, "POST", f"/postures/{order['id']}/end", {"note": "drill over"})
    assert ended.status_code == 204
    assert wait_until(lambda: set(desk.lock_postures().values()) == {"arrived"}, timeout_s=SEEN_S)
    assert desk.world.turnstiles[NAMES[0]].present(badge).is_granted
