"""Commands and configuration end to end: the API, a real broker, a real gateway, its lock's pin."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from doorward import topics
from doorward.envelope import parse_envelope
from doorward.ids import GatewayId
from doorward_controller.broker.waiting import wait_until
from doorward_controller.demo.cable import Fault
from doorward_controller.demo.gateway_process import GatewayProcess
from doorward_controller.demo.people import PORTALS
from doorward_controller.domain.permissions import Role
from tests.system.broker_clients import talker
from tests.system.whole_site import READY_S, WholeSite, whole_site

SEEN_S = 45.0
NAME = PORTALS[0].name


class Desk(WholeSite):
    """An operator's desk."""

    def command(self, role: Role, name: str, **arguments: object) -> dict[str, Any]:
        """Gives a command and follows it to its end."""
        body = {"name": name, "arguments": arguments}
        answer = self.ask(role, "POST", f"/gateways/{NAME}/commands", body)
        assert answer.status_code == 202, answer.text
        return self.ended(answer.json()["id"])

    def ended(self, command_id: str) -> dict[str, Any]:
        def row() -> Any:
            return self.ask(Role.SECURITY, "GET", f"/commands/{command_id}").json()

        assert wait_until(lambda: bool(row()["is_over"]), timeout_s=READY_S), row()
        return dict(row())

    def configuration(self) -> Any:
        return self.ask(Role.ADMIN, "GET", f"/gateways/{NAME}/configuration").json()

    def events(self) -> list[str]:
        answer = self.ask(Role.SECURITY, "GET", "/records?limit=200").json()
        return [row["reason"] for row in answer["items"]]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with whole_site(Desk, PORTALS[:1]) as site:
        site.wait_until_online()
        yield site


@pytest.fixture
def gateway(desk: Desk) -> GatewayProcess:
    return desk.turnstile.gateway


def _pending(gateway: GatewayProcess) -> Any:
    return ((gateway.state() or {}).get("journal") or {}).get("pending")


def lock_of(gateway: GatewayProcess) -> Any:
    return ((gateway.state() or {}).get("portals") or {}).get(NAME, {}).get("lock")


@pytest.mark.timeout(180)
def test_open_once_reaches_the_lock_and_its_outcome_the_interface(
    desk: Desk, gateway: GatewayProcess
) -> None:
    assert lock_of(gateway) == "locked"
    body = {"name": "open_once", "arguments": {"portal": NAME}}
    answer = desk.ask(Role.SECURITY, "POST", f"/gateways/{NAME}/commands", body)
    assert wait_until(lambda: lock_of(gateway) == "released", timeout_s=SEEN_S)
    row = desk.ended(answer.json()["id"])
    assert (row["state"], row["detail"]) == ("succeeded", "released once")
    assert wait_until(lambda: lock_of(gateway) == "locked", timeout_s=SEEN_S)
    assert wait_until(lambda: "command_taken" in desk.events(), timeout_s=SEEN_S)


@pytest.mark.timeout(180)
def test_whoever_repeats_a_command_at_the_broker_opens_nothing(
    desk: Desk, gateway: GatewayProcess
) -> None:
    site, world = desk.world.setup.provision.site, desk.world
    mine = topics.commands_of(site, GatewayId(NAME))
    with talker(world.tap, world.authority.ca_file, world.broker.port) as spy:
        spy.hear(mine)
        desk.command(Role.SECURITY, "secure", portal=NAME)
        topic, wire = spy.next()
        assert parse_envelope(wire).kind == "command"
        assert wait_until(lambda: "command_taken" in desk.events(), timeout_s=SEEN_S)
        before = desk.events().count("command_taken")
        spy.say(topic, wire)
        spy.say(topic, wire, retain=True)
        spy.say(topic, b"", retain=True)
        assert wait_until(lambda: "command_repeated" in desk.events(), timeout_s=SEEN_S)
    assert desk.events().count("command_taken") == before


@pytest.mark.timeout(180)
def test_a_self_test_looks_through_camera_and_decoder_and_moves_no_lock(
    desk: Desk, gateway: GatewayProcess
) -> None:
    row = desk.command(Role.ADMIN, "self_test")
    findings = {each["what"]: each for each in row["findings"]}
    assert row["state"] == "succeeded", json.dumps(findings)
    assert {"camera front", "journal", "inputs", "lamps", "clock"} <= findings.keys()
    assert lock_of(gateway) == "locked"


@pytest.mark.timeout(180)
def test_everybody_at_a_zone_is_forgiven_and_it_is_on_record(desk: Desk) -> None:
    answer = desk.ask(Role.SECURITY, "POST", f"/zones/{PORTALS[0].zone}/forgive")
    assert answer.status_code == 202, answer.text
    row = desk.ended(answer.json()["id"])
    assert (row["state"], row["detail"]) == ("succeeded", f"everybody at {PORTALS[0].zone}")
    assert wait_until(lambda: "presence_forgiven" in desk.events(), timeout_s=SEEN_S)
    unknown = desk.ask(Role.SECURITY, "POST", "/zones/cellar/forgive")
    row = desk.ended(unknown.json()["id"])
    assert (row["state"], row["detail"]) == (
        "rejected",
        "not_here: the policy has no zone cellar",
    )


@pytest.mark.timeout(180)
def test_the_log_comes_sealed_and_a_picture_only_where_the_file_allows_it(desk: Desk) -> None:
    row = desk.command(Role.ADMIN, "send_log", lines=50)
    assert (row["state"], row["attachment"]) == ("succeeded", "log")
    log = desk.ask(Role.ADMIN, "GET", f"/commands/{row['id']}/attachment")
    assert "gateway.started" in log.text or "command.taken" in log.text
    refused = desk.command(Role.SECURITY, "take_picture", portal=NAME)
    assert refused["state"] == "rejected"
    assert refused["detail"].startswith("not_allowed")


@pytest.mark.timeout(180)
def test_kept_records_are_sent_again_and_stored_once(desk: Desk) -> None:
    def rows() -> list[dict[str, Any]]:
        answer = desk.ask(Role.SECURITY, "GET", f"/records?limit=500&gateway={NAME}")
        return list(answer.json()["items"])

    assert wait_until(lambda: len(rows()) > 0, timeout_s=SEEN_S)
    epoch = rows()[-1]["epoch"]
    row = desk.command(Role.ADMIN, "resend_records", epoch=int(epoch, 16), first_seq=1)
    assert row["state"] == "succeeded"
    assert int(row["detail"].split()[0]) > 0
    gateway = desk.world.gateway(NAME)
    assert wait_until(lambda: _pending(gateway) == 0, timeout_s=SEEN_S)
    numbers = [(each["epoch"], each["seq"]) for each in rows()]
    assert len(numbers) == len(set(numbers))


@pytest.mark.timeout(240)
def test_a_picture_is_taken_where_the_file_allows_it_and_each_look_is_audited(
    desk: Desk, gateway: GatewayProcess
) -> None:
    config = gateway.files.config_file
    before = config.read_text()
    config.write_text(f"{before}\n[commands]\npictures = true\n")
    try:
        assert desk.command(Role.ADMIN, "restart")["state"] == "succeeded"
        row = desk.command(Role.SECURITY, "take_picture", portal=NAME)
    finally:
        config.write_text(before)
    assert (row["state"], row["attachment_is_personal"]) == ("succeeded", True), row
    path = f"/commands/{row['id']}/attachment"
    assert desk.ask(Role.ADMIN, "GET", path).status_code == 403
    picture = desk.ask(Role.SECURITY, "GET", path)
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8")
    audited = desk.ask(Role.AUDITOR, "GET", "/audit?limit=20").json()["items"]
    assert ("read_attachment", "done") in {(each["action"], each["outcome"]) for each in audited}
    assert desk.command(Role.ADMIN, "restart")["state"] == "succeeded"


@pytest.mark.timeout(240)
def test_settings_from_afar_count_after_a_restart_and_bad_ones_never(
    desk: Desk, gateway: GatewayProcess
) -> None:
    path = f"/gateways/{NAME}/configuration"
    good = {"settings": {f"portal.{NAME}.held_s": 0.8, "camera.front.fps": 8}}
    assert desk.ask(Role.ADMIN, "PUT", path, good).status_code == 200
    assert wait_until(lambda: desk.configuration()["state"] == "pending", timeout_s=SEEN_S)
    assert desk.configuration()["reported"]["pending"] == [
        "camera.front.fps",
        f"portal.{NAME}.held_s",
    ]
    pid = gateway.pid
    row = desk.command(Role.ADMIN, "restart")
    assert (row["state"], row["detail"]) == ("succeeded", "restarted")
    assert gateway.pid != pid
    assert wait_until(lambda: desk.configuration()["state"] == "in_force", timeout_s=SEEN_S)
    bad = {"settings": {f"portal.{NAME}.held_s": 999}}
    assert desk.ask(Role.ADMIN, "PUT", path, bad).status_code == 200
    assert wait_until(lambda: desk.configuration()["state"] == "rejected", timeout_s=SEEN_S)
    found = desk.configuration()
    assert found["reported"]["in_force"] == 1
    assert "held_s" in found["reported"]["rejected"][0]["error"]


@pytest.mark.timeout(240)
def test_a_posture_from_afar_outlives_a_kill_and_returns_by_itself(
    desk: Desk, gateway: GatewayProcess
) -> None:
    until = int(time.time()) + 15
    row = desk.command(Role.SECURITY, "posture", portal=NAME, posture="free", until=until)
    assert row["state"] == "succeeded"
    assert wait_until(lambda: lock_of(gateway) == "released", timeout_s=SEEN_S)
    gateway.kill()
    assert wait_until(lambda: lock_of(gateway) == "released", timeout_s=READY_S)
    assert wait_until(
        lambda: lock_of(gateway) == "locked" and time.time() >= until, timeout_s=READY_S
    )


@pytest.mark.timeout(240)
def test_a_command_for_a_gateway_that_is_cut_off_times_out_and_never_opens(
    desk: Desk, gateway: GatewayProcess
) -> None:
    gateway.cable.cut(Fault.RESET)
    try:
        assert wait_until(lambda: not desk.is_online(NAME), timeout_s=READY_S)
        body = {"name": "open_once", "arguments": {"portal": NAME}, "lifetime_s": 5}
        asked = desk.ask(Role.SECURITY, "POST", f"/gateways/{NAME}/commands", body).json()
        assert asked["sent_at_utc_ms"] is None
        row = desk.ended(asked["id"])
        assert (row["state"], row["detail"]) == ("timed_out", "never sent")
    finally:
        gateway.cable.restore()
    assert wait_until(lambda: desk.is_online(NAME), timeout_s=READY_S)
    assert lock_of(gateway) == "locked"
