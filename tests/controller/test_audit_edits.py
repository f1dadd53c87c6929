"""Edits below the program: refused by the database, and found where somebody drops its triggers."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from doorward_controller.domain.audit_checkpoint import Checkpoint, sign_checkpoint
from doorward_controller.domain.audit_faults import Fault, finding
from doorward_controller.errors import InvalidError
from doorward_controller.jobs import Jobs
from doorward_controller.services import audit_check, audit_checkpoints, rules
from doorward_controller.services.audit import BEFORE_FIRST, entry_hash
from doorward_controller.services.backend import Backend
from doorward_controller.store import audit_log as rows
from doorward_controller.store.audit_log import StoredEntry
from doorward_controller.store.audit_tables import audit_checkpoints as signed
from doorward_controller.store.schema import audit_log
from tests.controller.conftest import SECURITY, StandingClock

ENTRIES = 12
SIGNED = 8


def fill(backend: Backend, entries: int = ENTRIES) -> None:
    for _ in range(entries):
        rules.save_rules(backend, SECURITY, rules.current(backend))


def verified(backend: Backend, kept: Path | None = None) -> audit_check.Verified:
    return audit_check.verify(backend.config, backend.store, backend.keys.audit.public, kept)


def found(backend: Backend, kept: Path | None = None) -> tuple[Fault, int, int]:
    wrong = verified(backend, kept).finding
    assert wrong is not None, "nothing was found"
    return wrong.fault, wrong.first, wrong.last


def drop_triggers(connection: sa.Connection) -> None:
    """What somebody who owns the database does first."""
    if connection.dialect.name == "sqlite":
        named = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for name in connection.exec_driver_sql(named).scalars().all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        return
    for table in ("audit_log", "audit_checkpoints"):
        connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")


def edit(backend: Backend, change: Callable[[sa.Connection], object]) -> None:
    with backend.store.write() as connection:
        drop_triggers(connection)
        change(connection)


def stored(connection: sa.Connection) -> list[StoredEntry]:
    return list(rows.walk(connection))


def put(connection: sa.Connection, entries: list[StoredEntry]) -> None:
    connection.execute(sa.delete(audit_log))
    for entry in entries:
        rows.append(connection, entry)


def rehashed(entries: list[StoredEntry]) -> list[StoredEntry]:
    """Numbers and chains entries anew, as the program would have."""
    made: list[StoredEntry] = []
    for number, entry in enumerate(entries, 1):
        previous = made[-1].hash if made else BEFORE_FIRST
        again = replace(entry, id=number)
        made.append(replace(again, hash=entry_hash(previous, again)))
    return made


@pytest.fixture
def signed_log(backend: Backend) -> Backend:
    """Eight entries that a checkpoint vouches for, and four behind it."""
    fill(backend, SIGNED)
    assert audit_checkpoints.sign(backend) == 1
    fill(backend, ENTRIES - SIGNED)
    return backend


def test_untouched_log_is_unbroken_and_says_how_far_it_is_vouched_for(signed_log: Backend) -> None:
    result = verified(signed_log)
    assert result.finding is None
    assert (result.entries, result.checkpoints, result.vouched) == (ENTRIES, 1, SIGNED)


@pytest.mark.parametrize("table", ["audit_log", "audit_checkpoints"])
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {table}",
        "UPDATE {table} SET at_utc_ms = 1",
        "UPDATE {table} SET at_utc_ms = at_utc_ms",
        "INSERT INTO {table} SELECT * FROM {table} WHERE FALSE",
        "TRUNCATE {table}",
        "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
    ],
)
def test_the_database_itself_refuses_to_change_what_was_written(
    signed_log: Backend, table: str, statement: str
) -> None:
    is_sqlite = signed_log.store.is_sqlite
    if ("TRUNCATE" in statement and is_sqlite) or ("REPLACE" in statement and not is_sqlite):
        pytest.skip("not a statement of this database")
    before = verified(signed_log)

    def act() -> None:
        with signed_log.store.write() as connection:
            connection.exec_driver_sql(statement.format(table=table))

    if "WHERE FALSE" in statement:
        act()
    else:
        with pytest.raises(DBAPIError, match=r"cannot be changed|only grows at its end"):
            act()
    assert verified(signed_log) == before


@pytest.mark.parametrize("number", [-1, 0, 5, ENTRIES, ENTRIES + 2])
def test_the_database_takes_no_entry_but_the_next(signed_log: Backend, number: int) -> None:
    with signed_log.store.read() as connection:
        entry = stored(connection)[4]

    def insert() -> None:
        with signed_log.store.write() as connection:
            rows.append(connection, replace(entry, id=number))

    with pytest.raises(DBAPIError, match="only grows at its end"):
        insert()


@pytest.mark.parametrize("number", [1, 2, SIGNED, ENTRIES])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "eve"), ("action", "x"), ("subject", "x"), ("detail_json", "{}"),
        ("at_utc_ms", 1), ("outcome", "x"), ("hash", bytes(32)),
    ],
)  # fmt: skip
def test_altered_entry_is_named(
    sqlite_backend: Backend, number: int, column: str, value: object
) -> None:
    fill(sqlite_backend)
    change = sa.update(audit_log).where(audit_log.c.id == number).values({column: value})
    edit(sqlite_backend, lambda connection: connection.execute(change))
    assert found(sqlite_backend) == (Fault.ALTERED, number, number)


@pytest.mark.parametrize(("first", "last"), [(1, 1), (3, 3), (3, 6), (ENTRIES - 1, ENTRIES - 1)])
def test_entries_that_are_missing_in_the_middle_are_named(
    signed_log: Backend, first: int, last: int
) -> None:
    gone = sa.delete(audit_log).where(audit_log.c.id.between(first, last))
    edit(signed_log, lambda connection: connection.execute(gone))
    assert found(signed_log) == (Fault.MISSING, first, last)


@pytest.mark.parametrize("is_hashed", [True, False])
@pytest.mark.parametrize("number", [2, 5, ENTRIES])
def test_inserted_entry_is_named(signed_log: Backend, number: int, *, is_hashed: bool) -> None:
    def insert(connection: sa.Connection) -> None:
        entries = stored(connection)
        before, behind = entries[: number - 1], entries[number - 1 :]
        false = replace(behind[0], id=number, actor="eve", hash=bytes(32))
        if is_hashed:
            false = replace(false, hash=entry_hash(before[-1].hash, false))
        put(connection, [*before, false, *(replace(one, id=one.id + 1) for one in behind)])

    edit(signed_log, insert)
    assert found(signed_log) == (Fault.INSERTED, number, number)


def test_entry_with_an_impossible_number_is_named(signed_log: Backend) -> None:
    with signed_log.store.read() as connection:
        entry = stored(connection)[0]
    edit(signed_log, lambda connection: rows.append(connection, replace(entry, id=-7)))
    assert found(signed_log) == (Fault.INSERTED, -7, -7)


def test_swapped_entries_are_named(signed_log: Backend) -> None:
    def swap(connection: sa.Connection) -> None:
        entries = stored(connection)
        entries[2], entries[5] = replace(entries[5], id=3), replace(entries[2], id=6)
        put(connection, entries)

    edit(signed_log, swap)
    assert found(signed_log) == (Fault.ALTERED, 3, 3)


def test_tail_that_was_cut_off_is_named(signed_log: Backend) -> None:
    gone = sa.delete(audit_log).where(audit_log.c.id > SIGNED - 3)
    edit(signed_log, lambda connection: connection.execute(gone))
    assert found(signed_log) == (Fault.TRUNCATED, SIGNED - 2, SIGNED)


def test_log_that_was_emptied_is_named(signed_log: Backend) -> None:
    edit(signed_log, lambda connection: connection.execute(sa.delete(audit_log)))
    assert found(signed_log) == (Fault.TRUNCATED, 1, SIGNED)


@pytest.mark.parametrize("from_entry", [1, 4, SIGNED])
def test_chain_that_was_hashed_anew_contradicts_a_checkpoint(
    signed_log: Backend, from_entry: int
) -> None:
    def rewrite(connection: sa.Connection) -> None:
        entries = stored(connection)
        entries[from_entry - 1] = replace(entries[from_entry - 1], actor="eve")
        put(connection, rehashed(entries))

    edit(signed_log, rewrite)
    assert found(signed_log) == (Fault.REWRITTEN, 1, SIGNED)


def test_rewriting_is_narrowed_down_to_what_lies_between_two_checkpoints(
    signed_log: Backend,
) -> None:
    audit_checkpoints.sign(signed_log)

    def rewrite(connection: sa.Connection) -> None:
        entries = stored(connection)
        entries[SIGNED + 1] = replace(entries[SIGNED + 1], actor="eve")
        put(connection, rehashed(entries))

    edit(signed_log, rewrite)
    assert found(signed_log) == (Fault.REWRITTEN, SIGNED + 1, ENTRIES)


def test_rewriting_that_takes_the_checkpoints_along_contradicts_their_file(
    signed_log: Backend,
) -> None:
    def rewrite(connection: sa.Connection) -> None:
        put(connection, rehashed([replace(one, actor="eve") for one in stored(connection)]))
        connection.execute(sa.delete(signed))

    edit(signed_log, rewrite)
    assert found(signed_log) == (Fault.REWRITTEN, 1, SIGNED)


def test_who_owns_the_whole_machine_contradicts_what_somebody_else_keeps(
    signed_log: Backend, tmp_path: Path
) -> None:
    """Log, checkpoints, their file and even the key: all made anew."""
    kept = tmp_path / "kept elsewhere.jsonl"
    kept.write_bytes(audit_checkpoints.file_of(signed_log.config).read_bytes())

    def rewrite(connection: sa.Connection) -> None:
        put(connection, rehashed(stored(connection)[:4]))
        connection.execute(sa.delete(signed))

    edit(signed_log, rewrite)
    audit_checkpoints.file_of(signed_log.config).unlink()
    audit_checkpoints.sign(signed_log)
    assert verified(signed_log).finding is None
    assert found(signed_log, kept) == (Fault.TRUNCATED, 5, SIGNED)


def test_checkpoint_by_another_key_or_for_another_site_is_named(signed_log: Backend) -> None:
    with signed_log.store.read() as connection:
        hash_ = stored(connection)[ENTRIES - 1].hash
    forgeries = [
        sign_checkpoint(signer, site, number=2, entry=ENTRIES, entry_hash=hash_, at_utc_ms=1)
        for signer, site in ((signed_log.keys.control, "main"), (signed_log.keys.audit, "other"))
    ]
    file = audit_checkpoints.file_of(signed_log.config)
    genuine = file.read_text()
    for forged in forgeries:
        file.write_text(genuine + forged.to_line() + "\n")
        assert found(signed_log) == (Fault.CHECKPOINT_FORGED, 2, 2)


def test_checkpoint_that_was_deleted_is_named(signed_log: Backend) -> None:
    audit_checkpoints.sign(signed_log)
    gone = sa.delete(signed).where(signed.c.number == 1)
    edit(signed_log, lambda connection: connection.execute(gone))
    assert found(signed_log) == (Fault.CHECKPOINT_MISSING, 1, 1)


def test_every_fault_says_what_is_wrong_and_what_to_do() -> None:
    for fault in Fault:
        said = finding(fault, 17, 23)
        assert "17" in said.sentence
        assert len(said.advice) > 60
        assert not re.search(r"[{}]", said.sentence + said.advice)


def test_checkpoints_come_by_number_of_entries_and_by_the_hour(
    sqlite_backend: Backend, clock: StandingClock
) -> None:
    backend = sqlite_backend
    assert audit_checkpoints.sign_when_due(backend) == 0, "nothing was written"
    fill(backend, 1)
    assert audit_checkpoints.sign_when_due(backend) == 1, "the first entry"
    fill(backend, audit_checkpoints.ENTRIES - 1)
    assert audit_checkpoints.sign_when_due(backend) == 0
    fill(backend, 1)
    assert audit_checkpoints.sign_when_due(backend) == 1, "enough entries"
    fill(backend, 1)
    clock.pass_s(3599)
    assert audit_checkpoints.sign_when_due(backend) == 0
    clock.pass_s(1)
    assert audit_checkpoints.sign_when_due(backend) == 1, "an hour later"
    clock.pass_s(7200)
    assert audit_checkpoints.sign_when_due(backend) == 0, "nothing new"
    lines = audit_checkpoints.file_of(backend.config).read_text().splitlines()
    assert [json.loads(line)["entry"] for line in lines] == [1, 101, 102]


def test_the_end_is_signed_when_the_server_stops(sqlite_backend: Backend) -> None:
    jobs = Jobs(sqlite_backend)
    fill(sqlite_backend, 3)
    jobs.start()
    jobs.stop()
    jobs.sign_off()
    assert verified(sqlite_backend).vouched == 3


def test_file_of_checkpoints_is_made_whole_after_a_power_cut(signed_log: Backend) -> None:
    file = audit_checkpoints.file_of(signed_log.config)
    line = file.read_text()
    file.write_text(line[: len(line) // 2])
    assert verified(signed_log).finding is None
    audit_checkpoints.sign(signed_log)
    numbers = [one.number for one in audit_checkpoints.read_file(file)]
    assert numbers == [1, 2]
    assert file.stat().st_mode & 0o007 == 0


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        "[]",
        "null",
        "x",
        '{"number": 1}',
        '{"number": "1"}',
        "\x00",
        "9" * 5000,
        "[" * 5000,
    ],
)
def test_file_that_holds_something_else_is_named_with_its_line(
    signed_log: Backend, tmp_path: Path, line: str
) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_text(f"{line}\n")
    with pytest.raises(InvalidError, match=r"kept\.jsonl, line 1"):
        verified(signed_log, kept)
    with pytest.raises(InvalidError, match="there is no such file"):
        verified(signed_log, tmp_path / "none")


def test_checkpoint_with_values_out_of_bounds_is_none(signed_log: Backend) -> None:
    with signed_log.store.read() as connection:
        good = Checkpoint(**connection.execute(sa.select(signed)).one()._asdict())
    plain = json.loads(good.to_line())
    assert Checkpoint.from_line(good.to_line()) == good
    for name, value in (
        ("number", -1), ("number", True), ("entry", 2**63), ("entry", 1.5), ("at_utc_ms", None),
        ("entry_hash", "00"), ("public_key", "zz"), ("signature", ""), ("signature", 7),
    ):  # fmt: skip
        with pytest.raises(InvalidError, match="is not a checkpoint"):
            Checkpoint.from_line(json.dumps(plain | {name: value}))


def test_progress_is_told_on_a_long_log(sqlite_backend: Backend) -> None:
    fill(sqlite_backend, 3)
    with sqlite_backend.store.write() as connection:
        entry = stored(connection)[-1]
        for number in range(4, 2501):
            again = replace(entry, id=number)
            entry = replace(again, hash=entry_hash(entry.hash, again))
            rows.append(connection, entry)
    told: list[tuple[int, int]] = []
    result = audit_check.verify(
        sqlite_backend.config,
        sqlite_backend.store,
        sqlite_backend.keys.audit.public,
        None,
        lambda done, of: told.append((done, of)),
    )
    assert (result.finding, told) == (None, [(1000, 2500), (2000, 2500)])
