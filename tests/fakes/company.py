"""Many processes of one controller: PostgreSQL, Mosquitto, intakes and web servers, all real.

Everything is started here and ended by its own number, so that any of it can be killed.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from doorward.ids import GatewayId, SiteId
from doorward_controller import wiring
from doorward_controller.broker.access import AccessRules
from doorward_controller.broker.authority import Authority, Identity
from doorward_controller.broker.process import BrokerSettings, Mosquitto
from doorward_controller.broker.waiting import wait_until
from doorward_controller.config import Config, load_config
from doorward_controller.domain.permissions import Actor, Role, local_actor
from doorward_controller.services import accounts, policy_release
from doorward_controller.services.backend import Backend
from doorward_controller.store import notices
from tests.fakes.enrolled import enrolled
from tests.fakes.journal_gateway import JournalGateway
from tests.fakes.postgres import PostgresCluster

SITE = SiteId("company")
SECURITY = Actor(name="sam", role=Role.SECURITY)
START_S = 180.0
"""A process starts within seconds; a machine with much to do needs far longer."""

_CONFIG = """\
site = "{site}"
data_dir = "{folder}/data"
[database]
url = "{url}"
[mqtt]
port = {port}
ca_file = "{ca}"
cert_file = "{cert}"
key_file = "{key}"
[http]
secure_cookies = false
[accounts]
second_factor_roles = []
[second_person]
release_policy = false
"""


@dataclass(kw_only=True)
class Member:
    """One process of the company."""

    name: str
    command: list[str]
    log: Path
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    starts: int = 0

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        self.starts += 1

    def kill(self) -> None:
        """Ends it as the kernel would: at once, and without a word."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def text(self) -> str:
        """Returns all that it wrote, over all its starts."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def lines(self) -> list[dict[str, str]]:
        """Returns what it logged; a line that was cut short by a kill is passed by."""
        found = []
        for line in self.text().splitlines():
            with suppress(json.JSONDecodeError):
                found.append(json.loads(line))
        return [each for each in found if isinstance(each, dict)]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self) -> bool:
        """Whether a web server says that database and broker are there."""
        try:
            with urllib.request.urlopen(f"{self.address}/health/ready", timeout=5) as answer:
                body = json.load(answer)
        except (urllib.error.URLError, OSError):
            return False
        return bool(body["broker"])


@dataclass(kw_only=True)
class Company:
    """What a test works with."""

    folder: Path
    authority: Authority
    broker: Mosquitto
    postgres: PostgresCluster
    config: Config
    backend: Backend
    """For preparation and counting, in the test's own process; it publishes nothing."""
    ingest: list[Member] = field(default_factory=list)
    web: list[Member] = field(default_factory=list)

    @property
    def members(self) -> list[Member]:
        return [*self.ingest, *self.web]

    def identity(self, name: str) -> Identity:
        return self.authority.issue_gateway(GatewayId(name), now=datetime.now(UTC))

    def enrol(self, name: str) -> JournalGateway:
        return enrolled(self.backend, name)

    def token(self) -> str:
        """Returns a bearer token of somebody who may revoke."""
        accounts.create_operator(
            self.backend, local_actor(), name="sam", password="company 12345", role=Role.SECURITY
        )
        return accounts.create_token(
            self.backend, local_actor(), operator="sam", label="test", lifetime_s=3600
        )

    def has_leader(self) -> bool:
        with self.backend.store.read() as connection:
            return notices.has_leader(connection)

    def leaders(self) -> list[tuple[str, str]]:
        """Returns when who began to lead, as their logs tell."""
        return sorted(
            (str(line["at"]), member.name)
            for member in self.ingest
            for line in member.lines()
            if line["event"] == "leader.begins"
        )

    def errors(self) -> str:
        """Returns what the processes logged as errors."""
        lines = [
            f"{member.name}: {line}"
            for member in self.members
            for line in member.text().splitlines()
            if '"level": "error"' in line or "Traceback" in line
        ]
        return "\n".join(lines[-20:])

    def start(self) -> None:
        """Starts every member and waits until one leads and all pages are ready."""
        for member in self.members:
            member.start()
        assert wait_until(lambda: all(each.is_ready() for each in self.web), timeout_s=START_S), (
            self.errors()
        )
        assert wait_until(lambda: bool(self.leaders()), timeout_s=START_S), self.errors()


@contextmanager
def company(
    *, ingest: int, web: int, gateways: int, is_durable: bool = False, site: SiteId = SITE
) -> Iterator[tuple[Company, list[JournalGateway]]]:
    """Yields a company that is not started yet, and its enrolled gateways' journals."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="dw-company-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = PostgresCluster(is_durable=is_durable).start()
        stack.callback(postgres.stop)
        made = _made(folder, postgres, site, ingest=ingest, web=web)
        stack.callback(made.broker.stop)
        made.broker.start()
        stack.callback(made.backend.store.close)
        for member in made.members:
            stack.callback(member.stop)
        journals = [made.enrol(f"gate-{number}") for number in range(1, gateways + 1)]
        policy_release.release(made.backend, SECURITY)
        yield made, journals


def _made(
    folder: Path, postgres: PostgresCluster, site: SiteId, *, ingest: int, web: int
) -> Company:
    now = datetime.now(UTC)
    authority = Authority.create(folder / "ca", now=now, valid_for=timedelta(days=1))
    server = authority.issue_server(now=now)
    names = [f"controller-{number}" for number in range(1, ingest + 1)]
    for name in names:
        authority.issue_controller(now=now, name=name)
    port = free_port()
    broker = Mosquitto(
        BrokerSettings(
            folder=folder / "broker",
            access=AccessRules(site=site, controllers=tuple(names)),
            ca_file=authority.ca_file,
            certificate_file=server.certificate_file,
            key_file=server.key_file,
            crl_file=authority.crl_file,
            port=port,
        )
    )
    file = folder / "controller.toml"
    file.write_text(
        _CONFIG.format(
            site=site,
            folder=folder,
            url=postgres.url(postgres.make_database()),
            port=port,
            ca=authority.ca_file,
            cert=folder / "ca" / f"{names[0]}.pem",
            key=folder / "ca" / f"{names[0]}-key.pem",
        )
    )
    config = load_config(file)
    wiring.initialise(config)
    base = [sys.executable, "-m", "doorward_controller", "--config", str(file), "serve", "--role"]
    ports = [free_port() for _ in range(web)]
    return Company(
        folder=folder,
        authority=authority,
        broker=broker,
        postgres=postgres,
        config=config,
        backend=wiring.open_backend(config),
        ingest=[
            Member(
                name=name, command=[*base, "ingest", "--identity", name], log=folder / f"{name}.log"
            )
            for name in names
        ],
        web=[
            Member(
                name=f"web-{number}",
                command=[*base, "web", "--http-port", str(port)],
                log=folder / f"web-{number}.log",
                port=port,
            )
            for number, port in enumerate(ports, 1)
        ],
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
