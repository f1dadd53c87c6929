"""A controller without network: on SQLite and on PostgreSQL, with a clock that stands still."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from doorward.ids import SiteId
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_controller import wiring
from doorward_controller.config import Accounts, Backup, BackupTarget, Config, Database, Http, Mqtt
from doorward_controller.domain.permissions import Actor, Role, local_actor
from doorward_controller.services import passwords, policy_release
from doorward_controller.services.backend import Backend
from doorward_controller.store.session import Store
from doorward_controller.store.upgrade import upgrade
from tests.fakes.controller_link import FakeLink
from tests.fakes.enrolled import enrolled
from tests.fakes.journal_gateway import AT_UTC_MS, JournalGateway
from tests.fakes.postgres import PostgresCluster, PostgresMissingError

ADMIN = local_actor()
ISSUER = Actor(name="ina", role=Role.ISSUER)
SECURITY = Actor(name="sam", role=Role.SECURITY)
AUDITOR = Actor(name="ada", role=Role.AUDITOR)
QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class StandingClock:
    """Shows the same time until it is moved."""

    utc_ms: int = AT_UTC_MS

    def now(self) -> Instant:
        return Instant(
            utc_ms=UtcMs(self.utc_ms),
            mono_ms=MonoMs(self.utc_ms - AT_UTC_MS),
            trust=ClockTrust.SYNCHRONISED,
        )

    def pass_s(self, seconds: int) -> None:
        self.utc_ms += seconds * 1000


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresCluster]:
    try:
        cluster = PostgresCluster()
    except PostgresMissingError as err:
        pytest.skip(f"no PostgreSQL here: {err}")
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresCluster) -> str:
    """A database with our tables, which is copied for each test."""
    name = postgres.make_database()
    store = Store(postgres.url(name))
    upgrade(store)
    store.close()
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty or prepared database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.sqlite3'}"
        return
    cluster: PostgresCluster = request.getfixturevalue("postgres")
    name = cluster.make_database(request.getfixturevalue("postgres_template"))
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture(autouse=True)
def quick_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same hash with the least work; a good one takes 0.1 s each time."""
    monkeypatch.setattr(passwords, "hasher", QUICK_HASHER)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def link() -> FakeLink:
    return FakeLink()


def make_config(data_dir: Path, url: str = "") -> Config:
    """Settings whose certificate files are never opened."""
    nowhere = data_dir / "none.pem"
    return Config(
        site=SiteId("main"),
        data_dir=data_dir,
        database=Database(url=url),
        mqtt=Mqtt(ca_file=nowhere, cert_file=nowhere, key_file=nowhere),
        http=Http(secure_cookies=False),
        # Most tests are about what comes after signing in.
        accounts=Accounts(second_factor_roles=()),
        backup=Backup(target=(BackupTarget(name="near", repository="copies"),)),
    )


@pytest.fixture(scope="session")
def new_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a site that was just made, database included; copied for each test."""
    data_dir = tmp_path_factory.mktemp("new-site") / "data"
    wiring.initialise(make_config(data_dir), StandingClock())
    return data_dir


@pytest.fixture(scope="session")
def postgres_site(postgres: PostgresCluster, postgres_template: str, new_site: Path) -> str:
    """A database with the tables and rows of that site, which is copied for each test."""
    name = postgres.make_database(postgres_template)
    wiring.initialise(make_config(new_site, postgres.url(name)), StandingClock())
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def site_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The new site's database of each kind; empty for the one in the data folder."""
    if request.param == "sqlite":
        yield ""
        return
    cluster: PostgresCluster = request.getfixturevalue("postgres")
    name = cluster.make_database(request.getfixturevalue("postgres_site"))
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture
def backend(
    tmp_path: Path, new_site: Path, site_url: str, clock: StandingClock, link: FakeLink
) -> Iterator[Backend]:
    shutil.copytree(new_site, tmp_path / "data")
    config = make_config(tmp_path / "data", site_url)
    made = wiring.open_backend(config, clock=clock, publisher=link)
    yield made
    made.store.close()


@pytest.fixture
def sqlite_backend(
    tmp_path: Path, new_site: Path, clock: StandingClock, link: FakeLink
) -> Iterator[Backend]:
    """For what does not depend on the database."""
    shutil.copytree(new_site, tmp_path / "data")
    made = wiring.open_backend(make_config(tmp_path / "data"), clock=clock, publisher=link)
    yield made
    made.store.close()


def enrol(backend: Backend, name: str = "gate-1", *portals: str) -> JournalGateway:
    """Enrols a gateway and returns its journal."""
    return enrolled(backend, name, *portals, actor=ADMIN)


def release(backend: Backend) -> int:
    """Releases a policy and returns its version."""
    return policy_release.release(backend, SECURITY).version
