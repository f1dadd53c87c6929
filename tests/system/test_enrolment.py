"""A bare gateway joins the fleet by a picture of a QR code, and stays in it over renewals."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import segno
from cryptography import x509

from doorward_controller import wiring
from doorward_controller.config import load_config
from doorward_controller.queries import enrolments, fleet_board
from doorward_controller.services.backend import Backend
from doorward_edge.adapters.broker_paho import BrokerAddress
from doorward_edge.enrolling.broker_check import problem_with
from tests.system.conftest import Site
from tests.system.lone_gateway import EDGE, Gate
from tests.system.test_serving import free_port, wait_until_live

WAIT_S = 60.0
GATEWAY = "gate-9"


@dataclass(kw_only=True)
class Controller:
    """A controller's process, and its command line."""

    config: Path
    process: "subprocess.Popen[bytes]"

    def tell(self, *words: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "doorward_controller", "--config", str(self.config)]
        done = subprocess.run(
            [*command, *words, "--json"],
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    @contextmanager
    def opened(self) -> Iterator[Backend]:
        backend = wiring.open_backend(load_config(self.config))
        try:
            yield backend
        finally:
            backend.store.close()


def wait_for(what: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.2)


@pytest.fixture
def controller(site: Site, tmp_path: Path) -> Iterator[Controller]:
    file, port, door = tmp_path / "controller.toml", free_port(), free_port()
    mqtt = site.mqtt
    file.write_text(
        f"""\
site = "demo"
data_dir = "{tmp_path}/controller"
[mqtt]
port = {mqtt.port}
ca_file = "{mqtt.ca_file}"
cert_file = "{mqtt.cert_file}"
key_file = "{mqtt.key_file}"
[broker]
authority_dir = "{site.authority.ca_file.parent}"
access_file = "{site.broker.access_file}"
pid_file = "{site.broker.pid_file}"
[http]
port = {port}
[enrolment]
url = "https://127.0.0.1:{door}"
host = "127.0.0.1"
port = {door}
overlap_hours = 0
"""
    )
    wiring.initialise(load_config(file))
    command = [sys.executable, "-m", "doorward_controller", "--config", str(file), "serve"]
    with subprocess.Popen(command) as process:
        try:
            wait_until_live(port)
            yield Controller(config=file, process=process)
        finally:
            process.terminate()


def bare_gateway(folder: Path) -> Gate:
    """What an image card brings: a board, a camera, a portal, and no identity."""
    (folder / "pictures").mkdir(parents=True)
    gate = Gate(folder=folder, data_dir=folder / "state")
    gate.config.write_text(
        """\
[identity]
folder = "state/identity"

[gateway]
data_dir = "state"

[broker]
keepalive_s = 5

[clock]
source = "assume"

[journal]
capacity_mib = 64

[[camera]]
name = "front"
kind = "folder"
path = "pictures"

[[portal]]
id = "gate-9"
held_s = 0.5
cameras = ["front"]
lock = { kind = "fail_secure", terminal = 17 }
lamps = { green = 22, red = 23, blue = 24 }
"""
    )
    text = gate.config.read_text().replace('path = "pictures"', f'path = "{folder}/pictures"')
    gate.config.write_text(text)
    return gate


def edge(gate: Gate, *words: str) -> "subprocess.Popen[str]":
    command = [EDGE, *words, "--config", str(gate.config), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def heard(process: "subprocess.Popen[str]", event: str) -> dict[str, str]:
    """Returns the first step of that name; the others before it are passed over."""
    assert process.stdout is not None
    for line in process.stdout:
        said = dict(json.loads(line))
        if said["event"] == event:
            return said
    pytest.fail(f"{event} was never said: {process.stderr.read() if process.stderr else ''}")


def serial_of(folder: Path) -> int:
    return x509.load_pem_x509_certificate((folder / "tls.pem").read_bytes()).serial_number


def address_in(gate: Gate, generation: Path, port: int) -> BrokerAddress:
    return BrokerAddress(
        host="127.0.0.1",
        port=port,
        client_id=GATEWAY,
        ca_file=str(generation / "ca.pem"),
        cert_file=str(generation / "tls.pem"),
        key_file=str(generation / "tls.key"),
        keepalive_s=5,
    )


def test_a_gateway_is_enrolled_by_its_camera_scans_is_renewed_and_its_old_certificate_ends(
    site: Site, controller: Controller, tmp_path: Path
) -> None:
    gate = bare_gateway(tmp_path / "gate")
    identity = gate.data_dir / "identity"
    asking = edge(gate, "enrol", "--camera", "--guard", "file")
    try:
        heard(asking, "waiting")
        claim = controller.tell("enrol", "claim", GATEWAY, "--portal", "gate-9:hall")
        picture = gate.folder / "pictures" / "claim.png"
        segno.make_qr(claim["text"], error="m").save(str(picture), scale=6, border=8)
        code = heard(asking, "compare")["code"]
        shown = controller.tell("enrol", "list")["claims"][0]
        assert (shown["state"], shown["code"], shown["guard"]) == ("asked", code, "file")
        controller.tell("enrol", "confirm", claim["claim"], code)
        heard(asking, "enrolled")
        assert heard(asking, "broker")["said"] == "the broker takes it"
        assert asking.wait(WAIT_S) == 0
    finally:
        asking.kill()
        asking.communicate()

    assert b"PRIVATE KEY" not in b"".join(
        file.read_bytes() for file in identity.rglob("*") if file.is_file()
    ), "a key lies open on the disk"
    gate.replace('kind = "folder"', 'kind = "scene"')
    old = (identity / "current").resolve()
    gate.start()
    try:
        gate.show("https://example.org/")
        with controller.opened() as backend:
            wait_for(lambda: stored(backend) > 0)
        renewed = edge(gate, "renew", "--force")
        said, problems = renewed.communicate(timeout=WAIT_S)
        assert json.loads(said)["outcome"] == "renewed", problems
        new = (identity / "current").resolve()
        assert serial_of(new) != serial_of(old)
        wait_for(lambda: serial_of(old) in listed(site))
        wait_for(lambda: problem_with(address_in(gate, old, site.broker.port)))
        assert problem_with(address_in(gate, new, site.broker.port)) == ""

        with controller.opened() as backend:
            before = stored(backend)
            site.broker.stop()
            site.broker.start()
            gate.show("https://example.org/2")
            wait_for(lambda: stored(backend) > before)
            states = enrolments.certificates_of(backend.store, "demo", GATEWAY)
        assert [each.used_at_utc_ms is not None for each in states] == [True, True]
    finally:
        gate.end(9)


def stored(backend: Backend) -> int:
    row = fleet_board.gateway(backend.store, GATEWAY)
    return row.stored_records if row else 0


def listed(site: Site) -> set[int]:
    crl = x509.load_pem_x509_crl(site.authority.crl_file.read_bytes())
    return {entry.serial_number for entry in crl}


def test_a_gateway_without_keyboard_and_screen_is_enrolled_by_two_codes_alone(
    controller: Controller, tmp_path: Path
) -> None:
    gate = bare_gateway(tmp_path / "gate")
    text = gate.config.read_text()
    gate.config.write_text(text[: text.index("lock =")])  # a desk: nothing is wired, no pins
    pictures, log = gate.folder / "pictures", gate.folder / "log"

    def says(event: str) -> bool:
        return f"enrol.{event} " in log.read_text()

    with log.open("w") as said:
        command = [EDGE, "run", "--config", str(gate.config)]
        running = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        wait_for(lambda: says("waiting"))
        claim = controller.tell("enrol", "claim", GATEWAY, "--portal", "gate-9:hall")
        segno.make_qr(claim["text"], error="m").save(str(pictures / "1.png"), scale=6, border=8)
        wait_for(lambda: says("compare"))
        code = controller.tell("enrol", "list")["claims"][0]["code"]
        assert f"code={code}" in log.read_text()
        segno.make_qr("DWE2:AAAA-AAAA", error="m").save(str(pictures / "1.png"), scale=9, border=8)
        wait_for(lambda: says("different"))
        segno.make_qr(f"DWE2:{code}", error="m").save(str(pictures / "1.png"), scale=9, border=8)
        wait_for(lambda: says("same"))
        controller.tell("enrol", "confirm", claim["claim"], code)
        wait_for(lambda: says("enrolled"))
        with controller.opened() as backend:
            wait_for(lambda: is_online(backend))
        assert running.poll() is None, log.read_text()
    finally:
        running.terminate()
        running.wait(WAIT_S)


def is_online(backend: Backend) -> bool:
    row = fleet_board.gateway(backend.store, GATEWAY)
    return row is not None and row.online is True
