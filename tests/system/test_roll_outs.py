"""A roll-out of settings to three real gateways: its second wave fails, its third is not begun.

The controller is killed while the first wave restarts: what it goes on from stands in its tables.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from doorward_controller.broker.waiting import wait_until
from doorward_controller.demo.people import PORTALS
from doorward_controller.demo.world import World
from doorward_controller.domain.permissions import Role
from tests.system.whole_site import WholeSite, whole_site

READY_S = 90.0
FIRST, SECOND, THIRD = sorted(portal.name for portal in PORTALS)
"""The waves of one member each, as names are sorted."""


class Desk(WholeSite):
    """An operator's desk at a site of three gateways, one of which has a camera of another name."""

    def read(self, path: str) -> Any:
        """What the interface says, None while nobody answers."""
        try:
            return self.ask(Role.ADMIN, "GET", path).json()
        except httpx.TransportError:
            return None

    def states(self, number: int) -> dict[str, str]:
        found = self.read(f"/roll-outs/{number}") or {"members": ()}
        return {member["gateway"]: member["state"] for member in found["members"]}

    def state(self, number: int) -> str:
        found = self.read(f"/roll-outs/{number}")
        return str(found["roll_out"]["state"]) if found else ""


def _rename_a_camera(world: World) -> None:
    other = world.gateway(SECOND).files.config_file
    other.write_text(other.read_text().replace('"front"', '"side"'))


@pytest.fixture
def desk() -> Iterator[Desk]:
    with whole_site(Desk, prepare=_rename_a_camera) as site:
        site.wait_until_online()
        yield site


@pytest.mark.timeout(420)
def test_a_second_wave_that_fails_keeps_the_third_from_beginning(desk: Desk) -> None:
    body = {
        "title": "Fewer pictures",
        "configuration": {"changes": {"camera.front.fps": 8, "portal.*.held_s": 0.8}},
        "waves": ["1", "1", "1"],
    }
    pids = {name: desk.world.gateway(name).pid for name in (FIRST, SECOND, THIRD)}
    answer = desk.ask(Role.ADMIN, "POST", "/roll-outs", body)
    assert answer.status_code == 201, answer.text
    number = answer.json()["roll_out"]["id"]
    assert wait_until(lambda: desk.states(number).get(FIRST) == "asked", timeout_s=READY_S)
    desk.controller.kill()
    desk.controller.start()
    assert wait_until(lambda: desk.states(number).get(FIRST) == "succeeded", timeout_s=READY_S), (
        desk.read(f"/roll-outs/{number}")
    )
    assert wait_until(lambda: desk.state(number) == "failed", timeout_s=READY_S), desk.read(
        f"/roll-outs/{number}"
    )
    assert desk.states(number) == {FIRST: "succeeded", SECOND: "failed", THIRD: "left_out"}
    found = desk.read(f"/roll-outs/{number}")
    assert found["roll_out"]["ending"] == "too_many_failed"
    assert "camera.front" in found["members"][1]["detail"]
    _check_settings(desk)
    assert desk.world.gateway(FIRST).pid != pids[FIRST], "the first was restarted"
    assert desk.world.gateway(SECOND).pid == pids[SECOND]
    assert desk.world.gateway(THIRD).pid == pids[THIRD]
    audited = desk.ask(Role.AUDITOR, "GET", "/audit?limit=100").json()["items"]
    waves = [each for each in audited if each["action"] == "roll_out_wave"]
    assert [each["detail"]["wave"] for each in waves] == [2, 1]


def _check_settings(desk: Desk) -> None:
    """What counts at each gateway now."""
    first = desk.read(f"/gateways/{FIRST}/configuration")
    assert (first["state"], first["reported"]["settings"]) == (
        "in_force",
        {"camera.front.fps": 8, f"portal.{FIRST}.held_s": 0.8},
    )
    second = desk.read(f"/gateways/{SECOND}/configuration")
    assert (second["state"], second["reported"]["in_force"]) == ("rejected", 0)
    assert desk.read(f"/gateways/{THIRD}/configuration")["desired"] is None
