"""A whole site for measurements: Mosquitto with mutual TLS, a controller, gateways' clients."""

import json
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.skipping import SkipBench
from doorward.ids import GatewayId, SiteId
from doorward_controller import wiring
from doorward_controller.broker.access import AccessRules
from doorward_controller.broker.authority import Authority, Identity
from doorward_controller.broker.errors import BrokerMissingError
from doorward_controller.broker.process import BrokerSettings, Mosquitto
from doorward_controller.config import Config, load_config
from doorward_controller.domain.permissions import Actor, Role, local_actor
from doorward_controller.services import accounts
from doorward_controller.services.backend import Backend
from tests.fakes.enrolled import enrolled
from tests.fakes.journal_gateway import JournalGateway

SITE = SiteId("bench")
SENDER = "controller-bench"
"""A second client with the controller's rights."""

START_S = 180.0
_CONFIG = """\
site = "{site}"
data_dir = "{folder}/data"
[mqtt]
port = {port}
ca_file = "{ca}"
cert_file = "{cert}"
key_file = "{key}"
[http]
port = {http_port}
secure_cookies = false
[logging]
level = "WARNING"
"""

SECURITY = Actor(name="sam", role=Role.SECURITY)
ISSUER = Actor(name="ina", role=Role.ISSUER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a measurement works with."""

    folder: Path
    authority: Authority
    broker: Mosquitto
    config: Config
    config_file: Path
    backend: Backend
    """For preparation, in this process, beside the server's own."""

    def identity(self, name: str) -> Identity:
        """Return a certificate for a gateway."""
        return self.authority.issue_gateway(GatewayId(name), now=datetime.now(UTC))

    def client(self, identity: Identity, on_message: Callable[[str, bytes], None]) -> mqtt.Client:
        """Return a connected client of a gateway."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=identity.name)
        context = ssl.create_default_context(cafile=str(self.authority.ca_file))
        context.load_cert_chain(identity.certificate_file, identity.key_file)
        client.tls_set_context(context)
        client.max_inflight_messages_set(1000)
        client.on_message = lambda _c, _u, m: on_message(m.topic, bytes(m.payload))
        client.on_socket_open = _send_at_once
        connected = threading.Event()
        client.on_connect = lambda *_: connected.set()
        client.connect("127.0.0.1", self.broker.port, 60)
        client.loop_start()
        if not connected.wait(START_S):
            raise TimeoutError(f"{identity.name} did not connect")
        return client

    def enrol(self, name: str, epoch: int = 1) -> JournalGateway:
        """Enrol a gateway and return its journal."""
        return enrolled(self.backend, name, epoch=epoch)

    def journal(self, name: str, epoch: int) -> JournalGateway:
        """Return an empty journal of a gateway."""
        intake_key = self.backend.keys.intake_public
        return JournalGateway(name, intake_key=intake_key, site=SITE, epoch=epoch)

    def token(self) -> str:
        """Return a bearer token of somebody who may revoke."""
        accounts.create_operator(
            self.backend, local_actor(), name="sam", password="bench only 12345", role=Role.SECURITY
        )
        return accounts.create_token(
            self.backend, local_actor(), operator="sam", label="bench", lifetime_s=3600
        )

    @property
    def address(self) -> str:
        """Where the interface is."""
        return f"http://127.0.0.1:{self.config.http.port}"


@contextmanager
def open_site() -> Iterator[Site]:
    """Yield a site whose broker runs and whose controller does not yet."""
    folder = Path(tempfile.mkdtemp(prefix="doorward-bench-"))
    try:
        yield from _opened(folder)
    except BrokerMissingError as err:
        raise SkipBench(str(err)) from err
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _opened(folder: Path) -> Iterator[Site]:
    now = datetime.now(UTC)
    authority = Authority.create(folder / "ca", now=now, valid_for=timedelta(days=1))
    server = authority.issue_server(now=now)
    us = authority.issue_controller(now=now)
    broker = Mosquitto(
        BrokerSettings(
            folder=folder / "broker",
            access=AccessRules(site=SITE, controllers=(us.name, SENDER)),
            ca_file=authority.ca_file,
            certificate_file=server.certificate_file,
            key_file=server.key_file,
            crl_file=authority.crl_file,
        )
    )
    broker.start()
    try:
        file = folder / "controller.toml"
        file.write_text(
            _CONFIG.format(
                site=SITE,
                folder=folder,
                port=broker.port,
                ca=authority.ca_file,
                cert=us.certificate_file,
                key=us.key_file,
                http_port=_free_port(),
            )
        )
        config = load_config(file)
        wiring.initialise(config)
        backend = wiring.open_backend(config)
        yield Site(
            folder=folder,
            authority=authority,
            broker=broker,
            config=config,
            config_file=file,
            backend=backend,
        )
        backend.store.close()
    finally:
        broker.stop()


@contextmanager
def controller_of(site: Site) -> Iterator[subprocess.Popen[bytes]]:
    """Run the controller as its own process, as an installation does."""
    command = [sys.executable, "-m", "doorward_controller", "--config", str(site.config_file)]
    with (site.folder / "controller.log").open("wb") as log:
        process = subprocess.Popen([*command, "serve"], stderr=log, stdout=log)
        try:
            _wait_until_ready(site, process)
            yield process
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_ready(site: Site, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{site.address}/health/ready", timeout=2) as answer:
                if json.load(answer)["broker"]:
                    return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.05)
    raise TimeoutError((site.folder / "controller.log").read_text()[-2000:])


def _send_at_once(_client: mqtt.Client, _data: object, sock: object) -> None:
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
