"""PostgreSQL's log, gathered by the real programs, damaged, and played back to a moment."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward_controller import wiring
from doorward_controller.backup import log_receiving, moments, places, restoring
from doorward_controller.backup.gathering import Gathering
from doorward_controller.backup.log_shipping import LOG_TAG, SEGMENTS
from doorward_controller.backup.moments import Moment
from doorward_controller.backup.snapshot import LOG, LOG_ARRIVING
from doorward_controller.broker.waiting import wait_until
from doorward_controller.cli.log_of_database import moment_of
from doorward_controller.config import Database, WriteAheadLog
from doorward_controller.domain.alert_rules import Key
from doorward_controller.domain.backup_state import Lack
from doorward_controller.errors import BackupError
from doorward_controller.services import backups
from doorward_controller.services.backend import Backend
from doorward_controller.store import alerts, log_slots
from doorward_controller.store import backups as rows
from doorward_controller.store.backups import LogShipment
from doorward_controller.store.log_slots import Slot
from doorward_controller.store.schema import records
from tests.controller.backup.conftest import RECORDS, take_in
from tests.controller.conftest import StandingClock
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import JournalGateway
from tests.fakes.loop_disk import loop_disk
from tests.fakes.postgres import PostgresCluster

pytestmark = pytest.mark.parametrize("site_url", ["postgresql"], indirect=True)


@dataclass
class Bench:
    """A site whose log is gathered, in folders that PostgreSQL's account can get at."""

    backend: Backend
    gathering: Gathering
    link: FakeLink
    gateway: JournalGateway
    cluster: PostgresCluster
    folder: Path

    def add_scans(self, count: int) -> None:
        first = self.gateway.head + 1
        self.gateway.append_scans(count)
        take_in(self.backend, self.link, self.gateway, first, self.gateway.head)

    def next_second(self) -> None:
        """Waits until the database's clock shows another second."""
        began = self.ask("SELECT floor(extract(epoch FROM clock_timestamp()))")
        assert wait_until(
            lambda: self.ask("SELECT floor(extract(epoch FROM clock_timestamp()))") != began,
            timeout_s=10,
        )

    def switch(self) -> None:
        """Has the server begin a new segment, however little is in the last one."""
        self.ask("SELECT pg_switch_wal()::text")

    def ask(self, question: str) -> object:
        with self.backend.store.write() as connection:
            return connection.scalar(sa.text(question))

    def moment(self, until_utc_s: int | None, *names: str) -> Moment:
        targets = [t for t in self.backend.config.backup.target if not names or t.name in names]
        return Moment(targets=targets, until_utc_s=until_utc_s, workshop=self.folder / "workshop")

    def restored(self, until_utc_s: int | None, *names: str) -> tuple[list[int], tuple[str, ...]]:
        """Brings a moment back into an empty database; returns its records, and complaints."""
        config = self.backend.config
        url = self.cluster.url(self.cluster.make_database())
        empty = config.model_copy(
            update={"database": Database(url=url), "data_dir": self.folder / f"again-{url[8:40]}"}
        )
        shutil.rmtree(empty.data_dir, ignore_errors=True)
        shutil.copytree(config.data_dir / "keys", empty.data_dir / "keys")
        into = self.folder / "into"
        fetched = moments.fetch_moment(empty, self.moment(until_utc_s, *names), into, quiet)
        restoring.put_in_place(empty, fetched, 0)
        shutil.rmtree(into)
        again = wiring.open_backend(empty, clock=self.backend.clock, publisher=self.link)
        found = seqs(again)
        again.store.close()
        return found, fetched.passed_by

    def staged(self) -> list[Path]:
        return sorted((self.backend.config.data_dir / LOG / SEGMENTS).iterdir())


def give_up(backend: Backend, most_bytes: int) -> Slot | None:
    with backend.store.write() as connection:
        return log_slots.give_up_if_over(connection, "doorward", most_bytes)


def is_read(backend: Backend) -> bool:
    with backend.store.read() as connection:
        slot = log_slots.slot_of(connection, "doorward")
    return slot is not None and slot.is_active


def quiet(_what: str) -> None:
    """Nobody looks."""


def seqs(backend: Backend) -> list[int]:
    with backend.store.read() as connection:
        return list(connection.execute(sa.select(records.c.seq).order_by(records.c.seq)).scalars())


def shipments(backend: Backend) -> dict[str, LogShipment]:
    with backend.store.read() as connection:
        return rows.shipments(connection)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Pytest's own folders are closed to PostgreSQL's account."""
    made = Path(tempfile.mkdtemp(prefix="doorward-log-"))
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(made, account.pw_uid, account.pw_gid)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def bench(
    kept: Backend,
    gateway: JournalGateway,
    link: FakeLink,
    config_file: Path,
    folder: Path,
    postgres: PostgresCluster,
) -> Iterator[Bench]:
    backup = kept.config.backup.model_copy(update={"log": WriteAheadLog(is_on=True)})
    backend = replace(kept, config=kept.config.model_copy(update={"backup": backup}))
    gathering = Gathering(backend, config_file)
    yield Bench(backend, gathering, link, gateway, postgres, folder)
    gathering.end()
    give_up(backend, -1)


ALL = list(range(1, RECORDS + 1))


def test_a_moment_comes_back_and_nothing_of_later(bench: Bench) -> None:
    first = bench.gathering.once()
    assert first.base is not None
    assert first.base.places == ("near", "far")
    bench.add_scans(5)
    bench.next_second()
    between = bench.gathering.once()
    assert (between.base, between.problems) == (None, {})
    bench.add_scans(3)
    bench.switch()
    bench.next_second()
    last = bench.gathering.once()
    bench.add_scans(7)
    assert [each.covers_utc_s for each in shipments(bench.backend).values()] == [
        last.covers_utc_s,
        last.covers_utc_s,
    ]
    here = bench.gateway.head
    assert bench.restored(between.covers_utc_s) == (list(range(1, here - 10 + 1)), ())
    assert bench.restored(None) == (list(range(1, here - 7 + 1)), ())
    with pytest.raises(BackupError, match=r"the log there ends at .* earlier moment"):
        bench.restored(last.covers_utc_s + 60)
    with pytest.raises(BackupError, match="no base copy there is older"):
        bench.restored(first.base.made_at_utc_s - 3600)


@pytest.mark.parametrize("how", ["cut short", pytest.param("missing", marks=pytest.mark.endurance)])
def test_a_bad_segment_is_named_and_the_other_place_restores(bench: Bench, how: str) -> None:
    bench.gathering.once()
    for _ in range(3):
        bench.add_scans(2)
        bench.switch()
    bench.next_second()
    bench.gathering.once()
    bad = bench.staged()[-2]
    whole = bad.read_bytes()
    if how == "missing":
        bad.unlink()
    else:
        bad.write_bytes(whole[: len(whole) // 3])
    near = places.repository_of(bench.backend.config, places.place_of(bench.backend.config, "near"))
    staged = bench.backend.config.data_dir / LOG
    near.backup(staged, tag=LOG_TAG, host="main", tell=lambda _done, _of: None)
    with pytest.raises(BackupError, match=rf"{bad.name} is {how}.*earlier moment") as caught:
        bench.restored(None, "near")
    assert "before it the log is whole, up to" in caught.value.message
    found, passed_by = bench.restored(None)
    assert found == list(range(1, bench.gateway.head + 1))
    assert bad.name in "".join(passed_by)
    assert seqs(bench.backend) == found, "nothing in use was touched"


@pytest.mark.endurance
def test_a_log_that_broke_here_begins_again_with_a_base_copy(bench: Bench) -> None:
    bench.gathering.once()
    bench.add_scans(2)
    bench.switch()
    bench.next_second()
    bench.gathering.once()
    for folder in (LOG_ARRIVING, f"{LOG}/{SEGMENTS}"):
        whole = sorted((bench.backend.config.data_dir / folder).glob("*" + "[0-9A-F]"))
        whole[-1].unlink()
    bench.add_scans(2)
    bench.next_second()
    done = bench.gathering.once()
    assert done.base is not None
    assert bench.restored(None)[0] == list(range(1, bench.gateway.head + 1))


def test_a_full_place_loses_nothing_and_catches_up(bench: Bench, tmp_path: Path) -> None:
    with loop_disk(tmp_path) as disk:
        ballast = disk.fill_up()
        backup = bench.backend.config.backup
        near, far = backup.target
        full = far.model_copy(update={"repository": str(disk.folder / "far")})
        backup = backup.model_copy(update={"target": (near, full)})
        config = bench.backend.config.model_copy(update={"backup": backup})
        bench.backend = replace(bench.backend, config=config)
        bench.gathering = Gathering(bench.backend, tmp_path / "controller.toml")
        try:
            done = bench.gathering.once()
            assert list(done.problems) == ["far"]
            assert "no space left" in done.problems["far"]
            assert "no space left" in shipments(bench.backend)["far"].problem
            assert shipments(bench.backend)["far"].covers_utc_s == 0
            assert shipments(bench.backend)["near"].covers_utc_s == done.covers_utc_s
            ballast.unlink()
            bench.add_scans(2)
            bench.next_second()
            assert bench.gathering.once().problems == {}
            assert shipments(bench.backend)["far"].covers_utc_s == 0, "it has no base copy yet"
            done = bench.gathering.once()
            assert done.base is not None
            assert shipments(bench.backend)["far"].covers_utc_s == done.covers_utc_s
            found, _ = bench.restored(None, "far")
            assert found == list(range(1, bench.gateway.head + 1))
        finally:
            bench.gathering.end()


def test_a_server_is_not_filled_by_a_slot_that_nobody_reads(bench: Bench) -> None:
    bench.gathering.once()
    assert give_up(bench.backend, 0) is None, "it is being read"
    bench.gathering.end()
    assert wait_until(lambda: not is_read(bench.backend), timeout_s=10)
    bench.switch()
    bench.add_scans(1)
    assert give_up(bench.backend, 1 << 40) is None
    given_up = give_up(bench.backend, 1024)
    assert given_up is not None
    assert given_up.kept_bytes > 1024
    bench.switch()
    bench.next_second()
    bench.gathering.once()
    assert bench.restored(None)[0] == list(range(1, bench.gateway.head + 1))


@pytest.mark.endurance
def test_two_base_copies_worth_of_the_log_stays_here(bench: Bench) -> None:
    firsts = []
    for _ in range(3):
        bench.switch()
        bench.gathering._shipping._wants_base = True
        done = bench.gathering.once()
        assert done.base is not None
        firsts.append(done.base.first)
    names = [path.name.removesuffix(".partial") for path in bench.staged()]
    assert min(names) == firsts[1]
    arriving = bench.backend.config.data_dir / LOG_ARRIVING
    assert min(path.name for path in arriving.iterdir()) >= firsts[1]


def test_what_may_not_be_done_is_said_with_the_command(
    bench: Bench, postgres: PostgresCluster, config_file: Path
) -> None:
    name = bench.backend.store.engine.url.database
    with bench.backend.store.write() as connection:
        connection.exec_driver_sql("CREATE ROLE weak LOGIN")
    try:
        url = postgres.url(str(name)).replace("postgres@", "weak@")
        with pytest.raises(BackupError, match='ALTER ROLE "weak" REPLICATION'):
            log_receiving.cluster_of(url)
        with bench.backend.store.write() as connection:
            connection.exec_driver_sql("ALTER ROLE weak REPLICATION")
        assert log_receiving.cluster_of(url).segment_bytes == 16 * 2**20
    finally:
        with bench.backend.store.write() as connection:
            connection.exec_driver_sql("DROP ROLE weak")


def test_a_place_that_is_behind_is_told_of_and_shown(bench: Bench, clock: StandingClock) -> None:
    backend, now_s = bench.backend, clock.now().utc_s
    with backend.store.write() as connection:
        for name, behind_s in (("near", 60), ("far", 1801)):
            row = LogShipment(
                place=name, tried_at_utc_s=now_s, covers_utc_s=now_s - behind_s, base_at_utc_s=1
            )
            rows.put_shipment(connection, row)
    found = backups.overview(backend)
    assert [(each.place, each.is_late) for each in found.log] == [("near", False), ("far", True)]
    assert Lack.LOG_LATE in found.lacks
    backups.look(backend)
    with backend.store.read() as connection:
        assert alerts.live(connection, Key("site.log_late", "log-far")) is not None
        assert alerts.live(connection, Key("site.log_late", "log-near")) is None


def test_what_no_place_takes_waits_up_to_a_bound_and_goes_when_one_is_back(
    bench: Bench, tmp_path: Path
) -> None:
    log = WriteAheadLog(is_on=True, most_mb=64)
    backup = bench.backend.config.backup.model_copy(update={"log": log})
    config = bench.backend.config.model_copy(update={"backup": backup})
    bench.backend = replace(bench.backend, config=config)
    gathering = Gathering(bench.backend, tmp_path / "controller.toml")
    try:
        gathering.once()
        for name in ("near", "far"):
            (tmp_path / name).rename(tmp_path / f"{name}-away")
            (tmp_path / name).write_text("a file where a folder should be")
        for _ in range(6):
            bench.add_scans(1)
            bench.switch()
        gathering._try_round()
        assert wait_until(lambda: not is_read(bench.backend), timeout_s=10), "it stops receiving"
        assert all(
            "no more of it may wait here" in each.problem
            for each in shipments(bench.backend).values()
        )
        staged = bench.staged()
        for name in ("near", "far"):
            (tmp_path / name).unlink()
            (tmp_path / f"{name}-away").rename(tmp_path / name)
        gathering._try_round()
        assert bench.staged() == staged, "nothing was thrown away"
        assert all(each.problem == "" for each in shipments(bench.backend).values())
        bench.next_second()
        gathering._try_round()
        assert is_read(bench.backend)
        assert bench.restored(None)[0] == list(range(1, bench.gateway.head + 1))
    finally:
        gathering.end()


@pytest.mark.endurance
def test_a_receiver_that_is_killed_is_told_of_and_begins_again(bench: Bench) -> None:
    bench.gathering.once()
    receiver = bench.gathering._receiver
    assert receiver is not None
    receiver._process.kill()
    assert wait_until(lambda: bool(receiver.trouble), timeout_s=10)
    assert "pg_receivewal has ended" in receiver.trouble
    assert wait_until(lambda: not is_read(bench.backend), timeout_s=10)
    bench.add_scans(2)
    bench.next_second()
    assert bench.gathering.once().problems == {}
    assert bench.restored(None)[0] == list(range(1, bench.gateway.head + 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("newest", None),
        ("2026-11-22T10:30:00Z", 1_795_343_400),
        ("2026-11-22T18:30:00+08:00", 1_795_343_400),
    ],
)
def test_a_moment_is_named_with_its_zone(text: str, expected: int | None, site_url: str) -> None:
    assert moment_of(text) == expected


@pytest.mark.parametrize("text", ["yesterday", "", "2026-11-22T10:30:00"])
def test_a_moment_that_could_be_another_is_refused(text: str, site_url: str) -> None:
    with pytest.raises(BackupError, match="--until is"):
        moment_of(text)
