"""Trying a restore: the newest copy is brought back into a scratch database, counted and compared.

What is compared: every file with the manifest, rows of every table, the audit log's chain from its
first entry to the root that the manifest names, and a sample of at least 10 % of the records, byte
for byte, with those of the database in use (requirement S14). At the place itself as large a share
of the stored data is read.
"""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from doorward_controller.backup import snapshot
from doorward_controller.backup.database import (
    POSTGRESQL_FILE,
    SQLITE_FILE,
    contents_of,
    restore_dump,
    scratch_database,
)
from doorward_controller.backup.manifest import Manifest, check_files, read_manifest
from doorward_controller.backup.places import TAG, repository_of
from doorward_controller.backup.restic import Snapshot
from doorward_controller.config import BackupTarget
from doorward_controller.errors import BackupError
from doorward_controller.services import audit_check
from doorward_controller.services.backend import Backend
from doorward_controller.store import backups, record_samples
from doorward_controller.store.backups import Rehearsal
from doorward_controller.store.session import Store

Tell = Callable[[str], None]


@dataclass(slots=True)
class _Found:
    """What a rehearsal has found out so far; it is noted also when it ends early."""

    snapshot: str = ""
    copied_at_utc_s: int = 0
    tables: int = 0
    rows: int = 0
    records_compared: int = 0
    records_of: int = 0
    audit_entries: int = 0


def rehearse(backend: Backend, target: BackupTarget, tell: Tell) -> Rehearsal:
    """Tries a restore from a place; returns how it went, which is noted too."""
    began_s = backend.clock.now().utc_s
    found, problem = _Found(), ""
    try:
        _try(backend, target, found, tell)
    except BackupError as err:
        problem = err.message
    made = Rehearsal(
        place=target.name,
        snapshot=found.snapshot,
        copied_at_utc_s=found.copied_at_utc_s,
        began_at_utc_s=began_s,
        ended_at_utc_s=backend.clock.now().utc_s,
        held=not problem,
        tables=found.tables,
        rows=found.rows,
        records_compared=found.records_compared,
        records_of=found.records_of,
        audit_entries=found.audit_entries,
        problem=problem,
    )
    with backend.store.write() as connection:
        backups.add_rehearsal(connection, made)
    return made


def _try(backend: Backend, target: BackupTarget, found: _Found, tell: Tell) -> None:
    place = repository_of(backend.config, target)
    copies = place.snapshots(tag=TAG)
    if not copies:
        raise BackupError(
            f"{target.name}: there is no copy yet; run `doorward-controller backup run`"
        )
    found.snapshot = copies[0].id
    share = backend.config.backup.rehearse_share
    tell(f"reading {share:.0%} of what is stored at {target.name}")
    place.check(share)
    with _restored(backend, target, copies[0], tell) as (folder, manifest):
        found.copied_at_utc_s = manifest.made_at_utc_s
        tell("comparing files")
        check_files(folder, manifest)
        with _database(backend, folder, manifest) as url:
            tell("counting rows and following the audit log")
            _compare(backend, url, folder, manifest, found)
            tell("comparing records")
            _compare_records(backend, url, share, found)


@contextmanager
def _restored(
    backend: Backend, target: BackupTarget, copy: Snapshot, tell: Tell
) -> Iterator[tuple[Path, Manifest]]:
    into = backend.config.data_dir / snapshot.SCRATCH
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(mode=0o700)
    try:
        tell(f"bringing the copy of {copy.time[:16]} back from {target.name}")
        folder = repository_of(backend.config, target).restore(copy, into)
        yield folder, read_manifest(folder)
    finally:
        shutil.rmtree(into, ignore_errors=True)


@contextmanager
def _database(backend: Backend, folder: Path, manifest: Manifest) -> Iterator[str]:
    """Gives the address of a database that holds the copy."""
    if not manifest.is_postgresql:
        yield f"sqlite:///{folder / SQLITE_FILE}"
        return
    given = backend.config.backup.rehearse_url
    if given:
        restore_dump(folder / POSTGRESQL_FILE, given)
        yield given
        return
    with scratch_database(backend.config.database_url) as url:
        restore_dump(folder / POSTGRESQL_FILE, url)
        yield url


def _compare(backend: Backend, url: str, folder: Path, manifest: Manifest, found: _Found) -> None:
    contents = contents_of(url)
    found.tables, found.rows = len(contents.rows), sum(contents.rows.values())
    for table in sorted(manifest.rows.keys() | contents.rows.keys()):
        had, has = manifest.rows.get(table), contents.rows.get(table)
        if had != has:
            raise BackupError(f"table {table} had {had} rows, the copy has {has}")
    if (contents.audit_entries, contents.audit_root) != (
        manifest.audit_entries,
        manifest.audit_root,
    ):
        raise BackupError("the audit log in the copy ends with another entry than it did")
    store = Store(url)
    try:
        copied = backend.config.model_copy(update={"data_dir": folder / snapshot.DATA})
        verified = audit_check.verify(copied, store, backend.keys.audit.public)
    finally:
        store.close()
    found.audit_entries = verified.entries
    if verified.finding is not None:
        raise BackupError(f"the audit log in the copy: {verified.finding.sentence}")


def _compare_records(backend: Backend, url: str, share: float, found: _Found) -> None:
    """A record that is not in use any more, because its time was over, is no fault of the copy."""
    every = max(1, int(1 / share))
    copy = Store(url)
    try:
        with copy.read() as copied, backend.store.read() as used:
            found.records_of = record_samples.count(copied)
            sample = record_samples.every(copied, every, random.randrange(every))  # noqa: S311  # a sample, no secret
            for ours, in_use in record_samples.beside(sample, used):
                found.records_compared += 1
                if in_use is not None and ours != in_use:
                    raise BackupError(
                        f"record {ours.seq} of epoch {ours.epoch:012x} of gateway number"
                        f" {ours.gateway_id} is another one in the copy"
                    )
    finally:
        copy.close()
