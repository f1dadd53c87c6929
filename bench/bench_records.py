"""Pages over ten million records and a thousand gateways: searches, charts, lists, who is inside.

The real application over HTTP on this machine, on SQLite and then on a PostgreSQL of its own, each
filled with half a year of one site that ends today (`bench/big_site.py`). "api" is JSON with a
token, "page" HTML as a browser asks for it, the search box's own names. Of each search the first
page is asked for and one some million records back; "never" searches find nothing, which is what
makes a search read far. The first answer of each, with little of it in memory, is told apart; and
the processor time of application and client, which others at work on the machine do not lengthen
(PostgreSQL's own is not in it).

The databases make the records themselves (`bench/big_site_rows.py`): ten million take some minutes
each, and 12 GB of disk. DOORWARD_BENCH_RECORDS=1000000 makes it smaller, as does `--quick`.
"""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import sqlalchemy as sa
from rich.console import Console
from rich.progress import Progress, TaskID

from bench import big_site
from bench.big_site import Plan, Size
from bench.record_pages import Asked, pages
from bench.report import Report
from doorward.ids import SiteId
from doorward_controller import wiring
from doorward_controller.app import create_app
from doorward_controller.config import Accounts, Config, Database, Http, Limits, Mqtt
from doorward_controller.domain.permissions import Role, local_actor
from doorward_controller.services import accounts, presence_folding, sign_in, sum_keeping
from doorward_controller.services.backend import Backend
from doorward_controller.store.schema import credentials
from doorward_controller.store.session import Store
from tests.fakes.postgres import PostgresCluster, PostgresMissingError
from tests.fakes.running_server import UNREAD, running

ROWS, QUICK_ROWS = 10_000_000, 200_000
GATEWAYS, QUICK_GATEWAYS = 1_000, 100
PEOPLE, QUICK_PEOPLE = 20_000, 500
ROWS_ENV = "DOORWARD_BENCH_RECORDS"
"""Another number of records, for a machine with less time or room."""

LIMIT_MS = 1_000.0
PASSWORD = "not a secret at all"  # of a site that lives for some minutes
_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A site full of records, and the address at which it answers."""

    name: str
    backend: Backend
    plan: Plan


class Telling:
    """Progress on a terminal's standard error, and nothing where a program listens."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, of: int) -> None:
        """Shows how much of something is done."""
        if self._bar is None:
            return
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=of)
        self._bar.update(self._tasks[what], completed=done, total=of)


def run(report: Report) -> None:
    """Measure both databases, one after the other."""
    rows = int(os.environ.get(ROWS_ENV, "0")) or report.scaled(ROWS, QUICK_ROWS)
    size = Size(
        records=rows,
        gateways=report.scaled(GATEWAYS, QUICK_GATEWAYS),
        people=report.scaled(PEOPLE, QUICK_PEOPLE),
    )
    with tempfile.TemporaryDirectory(prefix="doorward-bench-") as folder, _telling() as tell:
        _measure_one(report, tell, "sqlite", config_of(Path(folder), ""), size)
    try:
        cluster = PostgresCluster()
    except PostgresMissingError as err:
        report.note(f"PostgreSQL was not measured: {err}")
        return
    cluster.start()
    try:
        with tempfile.TemporaryDirectory(prefix="doorward-bench-") as folder, _telling() as tell:
            url = cluster.url(cluster.make_database())
            _measure_one(report, tell, "postgresql", config_of(Path(folder), url), size)
    finally:
        cluster.stop()


@contextmanager
def _telling() -> Iterator[Telling]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Telling(None)
        return
    with Progress(console=console, transient=True) as bar:
        yield Telling(bar)


def config_of(folder: Path, url: str) -> Config:
    """Returns settings of a site that meets no gateway and lets one caller ask as he likes."""
    nowhere = folder / "none.pem"
    return Config(
        site=SiteId("main"),
        data_dir=folder / "data",
        database=Database(url=url),
        mqtt=Mqtt(ca_file=nowhere, cert_file=nowhere, key_file=nowhere),
        http=Http(secure_cookies=False),
        accounts=Accounts(second_factor_roles=()),
        limits=Limits(enabled=False),
    )


def _measure_one(report: Report, tell: Telling, name: str, config: Config, size: Size) -> None:
    wiring.initialise(config)
    backend = wiring.open_backend(config)
    try:
        began_s = time.perf_counter()
        plan = big_site.fill(backend, size, tell)
        report.value(f"{name}: filled and indexed", time.perf_counter() - began_s, unit="s")
        began_s = time.perf_counter()
        sum_keeping.recount(backend, lambda done, of: tell("sums", done, of))
        report.value(f"{name}: all sums made anew", time.perf_counter() - began_s, unit="s")
        report.value(f"{name}: size of the database", _size_bytes(backend.store) / 1e9, unit="GB")
        began_s = time.perf_counter()
        people = presence_folding.settle(backend)
        taken_s = time.perf_counter() - began_s
        report.value(f"{name}: presence of {people} folded anew", taken_s, unit="s")
        measure(report, Filled(name=name, backend=backend, plan=plan), tell)
    finally:
        backend.store.close()


def _size_bytes(store: Store) -> float:
    with store.read() as connection:
        if not store.is_sqlite:
            return float(
                connection.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0
            )
        pages_, size = (
            int(connection.exec_driver_sql(f"PRAGMA {what}").scalar_one())
            for what in ("page_count", "page_size")
        )
    return float(pages_ * size)


def measure(report: Report, filled: Filled, tell: Telling) -> None:
    """Ask every page several times and enter how long the answers took."""
    backend = filled.backend
    names = {Role.SECURITY: "bench-sam", Role.AUDITOR: "bench-ann"}
    for role, name in names.items():
        accounts.create_operator(backend, local_actor(), name=name, password=PASSWORD, role=role)
    repeats = report.scaled(10, 5)
    asked = pages(filled.plan, random.Random(7), _person(backend))
    with running(create_app(backend), backend.feed) as address:
        clients = {role: _client(backend, address, name) for role, name in names.items()}
        for place, one in enumerate(asked):
            client = clients[Role.AUDITOR if one.is_auditors else Role.SECURITY]
            taken_ms = [_ask(client, one, turn) for turn in range(2 * repeats)]
            limit = {"p99_at_most": LIMIT_MS} if one.is_promised else {}
            name = f"{filled.name}: {one.name}"
            wall_ms, worked_ms = zip(*taken_ms, strict=True)
            report.value(f"{name}: the first", wall_ms[0], unit="ms")
            report.samples(name, wall_ms[1:], unit="ms", **limit)
            report.value(f"{name}: processor", statistics.median(worked_ms), unit="ms")
            tell("pages", place + 1, len(asked))
        for client in clients.values():
            client.close()


def _person(backend: Backend) -> str:
    wanted = sa.select(credentials.c.holder_id).where(credentials.c.holder_id.is_not(None))
    with backend.store.read() as connection:
        return str(connection.scalar(wanted.limit(1)))


def _client(backend: Backend, address: str, name: str) -> httpx.Client:
    """Returns a browser that is signed in; its cookie is good for the interface too."""
    result = sign_in.sign_in(backend, name=name, password=PASSWORD, client="bench")
    if not isinstance(result, sign_in.SignedIn):
        raise TypeError(f"{name} could not sign in: {result}")
    client = httpx.Client(base_url=address, verify=UNREAD, trust_env=False, timeout=_TIMEOUT_S)
    client.cookies.set(sign_in.COOKIE, result.token, domain="127.0.0.1")
    return client


def _ask(client: httpx.Client, one: Asked, turn: int) -> tuple[float, float]:
    """Returns how long the answer took, and what of it this process worked; in ms."""
    path = one.paths[turn % len(one.paths)]
    began_s, before_s = time.perf_counter(), time.process_time()
    answer = client.get(path)
    taken = time.perf_counter() - began_s, time.process_time() - before_s
    if answer.status_code != httpx.codes.OK:
        raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text[:300]}")
    return 1000 * taken[0], 1000 * taken[1]
