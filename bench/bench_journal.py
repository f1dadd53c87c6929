"""The gateway's journal: one sealed record at a time, on the disk before anybody is told.

"Plain" appends the same number of bytes to a file and calls fsync; "bare SQLite" inserts the same
columns with SQLite's own settings (WAL, synchronous=FULL). All three take turns on the same disk.
Ours is measured from `append` to the receipt, with encoding, encryption, hash chain, the hand-over
to the journal's thread and back, and its share of folding the log into the database.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bench.report import Report
from doorward.ids import GatewayId
from doorward.records import Outcome, Record, RecordKind
from doorward.sealing import TAG_BYTES
from doorward_edge.adapters.journal_sqlite import SqliteJournal

ROOT = Path(__file__).resolve().parent.parent
CAPACITY_BYTES = 256 * 1024 * 1024
TOGETHER = 32
GATEWAY = GatewayId("gate-north")
RECIPIENT = X25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()


def record(n: int) -> Record:
    """Return a scan as a gateway records it."""
    return Record(
        kind=RecordKind.SCAN,
        utc_ms=1_760_000_000_000 + n,
        mono_ms=n,
        boot_id=b"bootboot",
        clock_trust=2,
        portal="gate-north",
        outcome=Outcome.GRANT,
        reason="granted",
        credential_id=n.to_bytes(8),
        form="dw1",
        credential_class=1,
        rule="staff/site/always",
        basis="snapshot",
        policy_version=42,
        policy_age_s=3600,
        status_seq=77,
        reader="zxing/fast",
        online=True,
    )


SEALED_BYTES = len(record(1 << 40).to_wire()) + TAG_BYTES


def run(report: Report) -> None:
    """Measure speed against plain files and bare SQLite, growth, sharing of flushes, and wear."""
    with _folder() as folder:
        _speed(report, folder)
        _growth(report, folder, report.scaled(200_000, 20_000))
    _wear(report)


def _speed(report: Report, folder: Path) -> None:
    calls, rounds = report.scaled(300, 100), report.scaled(15, 5)
    with _journal(folder / "speed") as journal, _plain(folder) as plain, _bare(folder) as bare:
        series: dict[str, list[float]] = defaultdict(list)
        for _ in range(rounds):
            series["ours"].append(_append_rate(journal, calls))
            with _one_processor():
                series["beside"].append(_append_rate(journal, calls))
                series["plain beside"].append(_rate(plain, calls))
            series["plain"].append(_rate(plain, calls))
            series["bare"].append(_rate(bare, calls))
            many = calls // TOGETHER + 1
            series["together"].append(TOGETHER * _rate(lambda: _append_together(journal), many))
    report.samples("appends, one by one", series["ours"], unit="/s")
    report.samples("plain append + fsync", series["plain"], unit="/s")
    report.samples("bare SQLite inserts", series["bare"], unit="/s")
    report.samples(f"appends, {TOGETHER} waiting at a time", series["together"], unit="/s")
    report.ratio("append / plain append + fsync", series["ours"], series["plain"], at_least=0.6)
    report.ratio(
        "append / plain append + fsync, on one processor", series["beside"], series["plain beside"]
    )
    report.ratio("bare SQLite / plain append + fsync", series["bare"], series["plain"])
    report.ratio(f"{TOGETHER} together / one by one", series["together"], series["ours"])
    report.note("On one processor no sleeping one has to be woken for the hand-over.")


def _growth(report: Report, folder: Path, records: int) -> None:
    calls, rounds = report.scaled(300, 100), report.scaled(9, 5)
    with _journal(folder / "empty") as empty, _journal(folder / "long") as long:
        began_s = time.perf_counter()
        _fill(long, records)
        report.value("filling", records / (time.perf_counter() - began_s), unit="/s")
        full, fresh = [], []
        for _ in range(rounds):
            full.append(_append_rate(long, calls))
            fresh.append(_append_rate(empty, calls))
        report.ratio(f"append at {records:,} / at 0 records", full, fresh, at_least=0.9)
    began_s = time.perf_counter()
    with _journal(folder / "long"):
        report.value(
            f"opening and checking {records:,} records", time.perf_counter() - began_s, unit="s"
        )


def _wear(report: Report) -> None:
    """Count what reaches a device of its own, with all that the file system adds."""
    calls = report.scaled(3_000, 500)
    try:
        with _device() as (folder, stat):
            for length in (0, report.scaled(200_000, 20_000)):
                with _journal(folder / f"j{length}") as journal:
                    _fill(journal, length)
                    os.sync()
                    before = _counted(stat)
                    _append_rate(journal, calls)
                    written, flushes = (
                        (now - then) / calls
                        for now, then in zip(_counted(stat), before, strict=True)
                    )
                    at = f"a record at {length:,}"
                    report.value(f"bytes to the device, {at}", written, unit="B", at_most=12_000)
                    report.value(f"flushes of the device, {at}", flushes, unit="")
                    before = _counted(stat)
                    for _ in range(calls // TOGETHER):
                        _append_together(journal)
                    shared = (_counted(stat)[1] - before[1]) / (calls // TOGETHER * TOGETHER)
                    report.value(f"flushes, {TOGETHER} waiting, {at}", shared, unit="")
    except OSError as err:
        report.note(f"bytes and flushes need root and a loop device: {err}")
    else:
        report.note("Flushes beyond 1 a record fold the log into the database, every 190 or so.")


def _append_one(journal: SqliteJournal, given: Record) -> None:
    if journal.append(given).wait(60) is None:
        raise TimeoutError("the journal took longer than a minute")


def _append_rate(journal: SqliteJournal, calls: int) -> float:
    """Measure what the journal does; the records are there, as the plain file's bytes are."""
    given = [record(n) for n in range(calls)]
    began_s = time.perf_counter()
    for each in given:
        _append_one(journal, each)
    return calls / (time.perf_counter() - began_s)


def _append_together(journal: SqliteJournal) -> None:
    tickets = [journal.append(record(n)) for n in range(TOGETHER)]
    if not all(ticket.wait(60) for ticket in tickets):
        raise TimeoutError("the journal took longer than a minute")


@contextlib.contextmanager
def _one_processor() -> Iterator[None]:
    """Keeps every thread of this process on one processor, as far as they are there already."""
    everywhere = os.sched_getaffinity(0)
    threads = [int(task.name) for task in Path("/proc/self/task").iterdir()]
    try:
        for thread in threads:
            os.sched_setaffinity(thread, {min(everywhere)})
        yield
    finally:
        for thread in threads:
            os.sched_setaffinity(thread, everywhere)


def _fill(journal: SqliteJournal, records: int) -> None:
    for _ in range(records // TOGETHER):
        _append_together(journal)


def _rate(call: Callable[[], object], calls: int) -> float:
    began_s = time.perf_counter()
    for _ in range(calls):
        call()
    return calls / (time.perf_counter() - began_s)


@contextlib.contextmanager
def _journal(folder: Path) -> Iterator[SqliteJournal]:
    journal = SqliteJournal.open(folder, GATEWAY, RECIPIENT, CAPACITY_BYTES)
    try:
        yield journal
    finally:
        journal.close()


@contextlib.contextmanager
def _plain(folder: Path) -> Iterator[Callable[[], object]]:
    data = bytes(SEALED_BYTES)
    descriptor = os.open(folder / "plain", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def append() -> None:
        os.write(descriptor, data)
        os.fsync(descriptor)

    try:
        yield append
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _bare(folder: Path) -> Iterator[Callable[[], object]]:
    db = sqlite3.connect(folder / "bare.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute(
        "CREATE TABLE records (id INTEGER PRIMARY KEY, segment INTEGER, chain BLOB, sum BLOB,"
        " sealed BLOB)"
    )
    row = (1, bytes(32), bytes(8), bytes(SEALED_BYTES))
    insert = "INSERT INTO records (segment, chain, sum, sealed) VALUES (?,?,?,?)"
    try:
        yield lambda: db.execute(insert, row)
    finally:
        db.close()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    # Beside the results: the temporary folder of some systems is in memory.
    (ROOT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "var", prefix="bench-journal-") as name:
        yield Path(name)


@contextlib.contextmanager
def _device() -> Iterator[tuple[Path, Path]]:
    """Give a mounted ext4 on a loop device, and where the kernel counts its writes."""
    with _folder() as folder:
        image, mounted = folder / "disk.img", folder / "disk"
        mounted.mkdir()
        with image.open("wb") as file:
            file.truncate(4 * CAPACITY_BYTES)
        _run("mkfs.ext4", "-q", "-F", str(image))
        device = _run("losetup", "--find", "--show", str(image))
        try:
            _run("mount", device, str(mounted))
            try:
                yield mounted, Path(f"/sys/block/{Path(device).name}/stat")
            finally:
                _run("umount", str(mounted))
        finally:
            _run("losetup", "--detach", device)


def _counted(stat: Path) -> tuple[int, int]:
    """Return bytes written and flushes completed since the device began."""
    fields = stat.read_text().split()
    return int(fields[6]) * 512, int(fields[15])


def _run(*command: str) -> str:
    if shutil.which(command[0]) is None:
        raise OSError(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()
