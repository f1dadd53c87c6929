"""Keys change while a real gateway runs: old and new badges open, those of a leaked key do not."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from doorward_controller.broker.waiting import wait_until
from doorward_controller.demo.people import PORTALS
from doorward_controller.demo.turnstile import Code
from doorward_controller.domain.permissions import Role
from tests.system.whole_site import READY_S, WholeSite, whole_site

pytestmark = pytest.mark.system

NAME = PORTALS[0].name


class Desk(WholeSite):
    """An operator's desk, and the turnstile in front of it."""

    def badge(self) -> Code:
        now_s = int(time.time())
        body = {
            "credential_class": 1,
            "form": "dw1",
            "not_before": now_s - 60,
            "expires": now_s + 3600,
            "groups": ["staff"],
        }
        answer = self.ask(Role.ISSUER, "POST", "/credentials", body)
        assert answer.status_code == 201, answer.text
        said = answer.json()
        return Code(label="badge", text=said["text"], credential_id=said["credential_id"])

    def key_in_use(self) -> str:
        return next(str(each["key_id"]) for each in self.issuing() if each["state"] == "in_use")

    def issuing(self) -> list[dict[str, Any]]:
        answer = self.ask(Role.SECURITY, "GET", "/keys")
        assert answer.status_code == 200, answer.text
        return [each for each in answer.json()["keys"] if each["use"] == "issue"]

    def holds_keyring(self) -> list[dict[str, Any]]:
        """How the newest keyring arrived at the gate."""
        spread = self.ask(Role.SECURITY, "GET", "/keys").json()["propagation"]
        return [each for each in spread["arrivals"] if each["gateway"] == NAME]

    def is_at_the_gate(self) -> bool:
        return [each["has_it"] for each in self.holds_keyring()] == [True]

    def reasons(self) -> list[str]:
        """Of the newest records at the gate."""
        rows = self.ask(Role.SECURITY, "GET", "/records?limit=20").json()["items"]
        return [row["reason"] for row in rows]


@pytest.fixture
def desk() -> Iterator[Desk]:
    with whole_site(Desk, PORTALS[:1]) as site:
        site.wait_until_online()
        yield site


@pytest.mark.timeout(240)
def test_old_and_new_badges_open_until_the_old_key_is_withdrawn(desk: Desk) -> None:
    first = desk.key_in_use()
    old = desk.badge()
    assert desk.turnstile.present(old).is_granted
    assert desk.ask(Role.SECURITY, "POST", "/keys", {"use": "issue"}).status_code == 201
    assert wait_until(lambda: desk.key_in_use() != first, timeout_s=READY_S), desk.issuing()
    new = desk.badge()
    assert desk.turnstile.present(old).is_granted, "the old key verifies until its window ends"
    assert desk.turnstile.present(new).is_granted, "the gate knew the new key before it was used"

    body = {"key": first, "reason": "the disk was sold"}
    alone = {"note": "the disk was sold"}
    refused = desk.ask(Role.SECURITY, "POST", f"/keys/{first}/withdrawal", alone)
    assert refused.json()["code"] == "second_person_needed"
    proposed = desk.ask(Role.SECURITY, "POST", "/proposals/key-withdrawal", body)
    assert proposed.status_code == 201, proposed.text
    decision = f"/proposals/{proposed.json()['id']}/decision"
    approved = desk.ask(Role.REVIEWER, "POST", decision, {"decision": "approve"})
    assert approved.json()["state"] == "carried_out", approved.text

    assert wait_until(desk.is_at_the_gate, timeout_s=READY_S), desk.holds_keyring()
    assert desk.turnstile.present(old).is_granted is False
    assert wait_until(lambda: "key_revoked" in desk.reasons(), timeout_s=READY_S), desk.reasons()
    assert desk.turnstile.present(new).is_granted
