"""The way back: the newest copy that is whole, from whichever place has it, put where it belongs.

What was there is moved aside, never deleted. Erasures that came after the copy are made again;
gateways find that the controller lacks records and send them anew (docs/backup.md).
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from doorward_controller.backup import snapshot
from doorward_controller.backup.database import POSTGRESQL_FILE, SQLITE_FILE, restore_dump
from doorward_controller.backup.manifest import Manifest, check_files, read_manifest
from doorward_controller.backup.places import TAG, repository_of
from doorward_controller.backup.restic import Snapshot
from doorward_controller.config import BackupTarget, Config
from doorward_controller.errors import BackupError
from doorward_controller.services import erasures
from doorward_controller.services.key_vault import WRAPPING_KEY_FILE

Tell = Callable[[str], None]

_ERASURES = f"{snapshot.DATA}/{erasures.ERASURES_FILE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy at a place."""

    target: BackupTarget
    snapshot: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which copy, from which places; the newest for an empty number."""

    targets: Sequence[BackupTarget]
    copy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A copy that is here now and whole.

    Attributes:
        folder: where it lies.
        erased: whoever any place knows to have been erased, and when.
        passed_by: newer copies, and why they were not taken.
    """

    folder: Path
    manifest: Manifest
    copy: Copy
    erased: dict[str, int]
    passed_by: tuple[str, ...]


def copies(config: Config, targets: Sequence[BackupTarget]) -> tuple[list[Copy], list[str]]:
    """Returns every copy there is, the newest first, and what is wrong with places."""
    found: list[Copy] = []
    troubles: list[str] = []
    for target in targets:
        try:
            there = repository_of(config, target).snapshots(tag=TAG)
        except BackupError as err:
            if err.code in {"key_missing", "restic_missing"}:
                raise
            troubles.append(f"{target.name}: {err.message}")
            continue
        found += [Copy(target=target, snapshot=each) for each in there]
    found.sort(key=lambda each: each.snapshot.time, reverse=True)
    return found, troubles


@contextmanager
def scratch(config: Config) -> Iterator[Path]:
    """Gives a folder that is not there, on the disk where the copy is to lie, and removes it."""
    folder = config.data_dir / snapshot.RESTORED
    config.data_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fetch(config: Config, wanted: Wanted, into: Path, tell: Tell) -> Fetched:
    """Brings back the newest whole copy, or the one of this number.

    Raises:
        BackupError: there is none; says what was wrong with each.
    """
    found, troubles = copies(config, wanted.targets)
    chosen = [each for each in found if each.snapshot.id.startswith(wanted.copy)]
    if into.exists() and any(into.iterdir()):
        raise BackupError(f"{into}: is not empty; name another folder with --into")
    for each in chosen:
        tell(f"bringing back the copy of {each.snapshot.time[:16]} from {each.target.name}")
        try:
            folder = repository_of(config, each.target).restore(each.snapshot, into)
            manifest = read_manifest(folder)
            check_files(folder, manifest)
        except BackupError as err:
            troubles.append(f"{each.snapshot.time[:16]} at {each.target.name}: {err.message}")
            shutil.rmtree(into, ignore_errors=True)
            continue
        if manifest.site != config.site:
            raise BackupError(f"the copy is of site {manifest.site}, the settings of {config.site}")
        return Fetched(
            folder=folder,
            manifest=manifest,
            copy=each,
            erased=_erased(config, found),
            passed_by=tuple(troubles),
        )
    reasons = (
        "; ".join(troubles)
        or f"no copy is there{' of number ' + wanted.copy if wanted.copy else ''}"
    )
    raise BackupError(f"nothing could be restored: {reasons}", code="nothing_restored")


def put_in_place(config: Config, fetched: Fetched, now_utc_s: int) -> Path | None:
    """Puts database, keys and data where they belong, moving aside what is there.

    Returns:
        Where that is now, None when nothing was there.

    Raises:
        BackupError: the PostgreSQL database is not empty, or a file cannot be moved; nothing of
            the old is lost in either case.
    """
    folder, manifest = fetched.folder, fetched.manifest
    database = config.sqlite_file
    if manifest.is_postgresql is not (database is None):
        kind = "PostgreSQL" if manifest.is_postgresql else "SQLite"
        raise BackupError(f"the copy is of a {kind} database, and database.url names another kind")
    try:
        if manifest.is_postgresql:
            restore_dump(folder / POSTGRESQL_FILE, config.database_url)
        aside = _move_aside(config, now_utc_s)
        _bring_keys(folder / snapshot.KEYS, config.data_dir / snapshot.KEYS)
        for path in sorted((folder / snapshot.DATA).iterdir()):
            _bring(path, config.data_dir / path.name)
        if database is not None:
            _bring(folder / SQLITE_FILE, database)
    except OSError as err:
        raise BackupError(f"{err.filename}: cannot be put in place: {err.strerror}") from err
    return aside


def put_back_elsewhere(fetched: Fetched) -> tuple[list[Path], list[Path]]:
    """Puts the broker's files where they lay, if nothing is there; returns which, and which not."""
    put, left = [], []
    for name, where in sorted(fetched.manifest.places.items()):
        target = Path(where)
        if target.exists():
            left.append(target)
            continue
        _bring(fetched.folder / snapshot.ALSO / name, target)
        put.append(target)
    return put, left


def erased_since(config: Config, targets: Sequence[BackupTarget], folder: Path) -> dict[str, int]:
    """Returns whoever any place, or a copy that lies here, knows to have been erased."""
    found, _ = copies(config, targets)
    here = folder / _ERASURES
    return _erased(config, found) | (erasures.read(here.read_bytes()) if here.exists() else {})


def _erased(config: Config, found: Sequence[Copy]) -> dict[str, int]:
    """The newest copy of each place may know of erasures that the chosen one does not."""
    ours = erasures.file_of(config)
    known = erasures.read(ours.read_bytes()) if ours.exists() else {}
    newest: dict[str, Copy] = {}
    for each in found:
        newest.setdefault(each.target.name, each)
    for each in newest.values():
        try:
            said = repository_of(config, each.target).read(each.snapshot, _ERASURES)
        except BackupError:
            continue  # nobody was erased yet, or the place has gone since
        known |= erasures.read(said)
    return known


def _move_aside(config: Config, now_utc_s: int) -> Path | None:
    """The key-encryption key stays: it is in no copy, and the copy was opened with it."""
    stamp = datetime.fromtimestamp(now_utc_s, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = config.data_dir / f"{snapshot.SET_ASIDE}{stamp}"
    database = config.sqlite_file
    beside = [
        path
        for path in sorted(config.data_dir.iterdir())
        if path.name not in snapshot.LEFT_BEHIND and not path.name.startswith(snapshot.SET_ASIDE)
    ]
    if database is not None and database.parent != config.data_dir:
        beside += sorted(database.parent.glob(f"{database.name}*"))
    keys = [
        path
        for path in sorted((config.data_dir / snapshot.KEYS).glob("*"))
        if path.name != WRAPPING_KEY_FILE
    ]
    if not beside and not keys:
        return None
    (aside / snapshot.KEYS).mkdir(mode=0o700, parents=True)
    for path in beside:
        shutil.move(path, aside / path.name)
    for path in keys:
        shutil.move(path, aside / snapshot.KEYS / path.name)
    return aside


def _bring_keys(source: Path, target: Path) -> None:
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        _bring(path, target / path.name)
        (target / path.name).chmod(0o600)


def _bring(source: Path, target: Path) -> None:
    """Copies beside, syncs, renames: a power cut leaves all of it or nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
        return
    partial = target.with_name(f"{target.name}.part")
    shutil.copy2(source, partial)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)
