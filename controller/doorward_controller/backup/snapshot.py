"""Everything of one moment in one folder: database, keys, settings, and the manifest of it all.

Not in it: the key-encryption key. Whoever finds a copy and its password has ciphertext; the key
comes back from the sheets that it was shared out on (`quorum`).
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from doorward_controller.backup.database import Tell, copy_database, size_bytes
from doorward_controller.backup.manifest import Manifest, digests
from doorward_controller.config import Config
from doorward_controller.errors import BackupError
from doorward_controller.services.key_vault import WRAPPING_KEY_FILE
from doorward_controller.store.schema import SCHEMA_VERSION

STAGING = "backup-staging"
CONFIG_FILE = "controller.toml"
KEYS, DATA, ALSO = "keys", "data", "also"
SET_ASIDE = "before-restore-"
"""A restore moves what was there into a folder of this name and a time."""
SCRATCH, RESTORED = "backup-rehearsal", "backup-restore"
LOG, LOG_ARRIVING, BASE = "backup-log", "backup-log-arriving", "backup-base"
WORKSHOP = "backup-workshop"
LEFT_BEHIND = frozenset(
    {
        *(STAGING, SCRATCH, RESTORED, LOG, LOG_ARRIVING, BASE, WORKSHOP, KEYS),
        *("serving.lock", "restic-cache"),
    }
)
"""In the data folder, and not copied as they lie: what is copied otherwise, or made anew."""

_SPARE_BYTES = 64 * 1024 * 1024


@contextmanager
def taken(config: Config, config_file: Path, now_utc_s: int, tell: Tell) -> Iterator[Manifest]:
    """Makes the copy in `staging(config)` and removes it at the end. Raises BackupError."""
    folder = staging(config)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        _check_room(config, folder)
        # Before the database: signed checkpoints must not vouch for entries that it does not hold.
        places = copy_beside(config, config_file, folder)
        contents = copy_database(config.database_url, folder, tell)
        manifest = Manifest(
            site=config.site,
            made_at_utc_s=now_utc_s,
            program=version("doorward-controller"),
            schema=SCHEMA_VERSION,
            is_postgresql=config.sqlite_file is None,
            rows=dict(contents.rows),
            audit_entries=contents.audit_entries,
            audit_root=contents.audit_root,
            places=places,
            files=digests(folder),
        )
        manifest.write(folder)
        yield manifest
    except OSError as err:
        raise BackupError(f"{err.filename or folder}: cannot be copied: {err.strerror}") from err
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def copy_beside(config: Config, config_file: Path, folder: Path) -> dict[str, str]:
    """Copies what lies beside the database: keys, data, settings, the broker's files.

    Returns:
        Where the files below `also/` lay, by their names there.
    """
    _copy_keys(config.data_dir / KEYS, folder / KEYS)
    _copy_data(config, folder / DATA)
    shutil.copy2(config_file, folder / CONFIG_FILE)
    also = {f"{number:02}-{path.name}": path for number, path in enumerate(_also(config))}
    for name, path in also.items():
        _copy(path, folder / ALSO / name)
    return {name: str(path) for name, path in also.items()}


def staging(config: Config) -> Path:
    """Returns where the copy is made; always the same, so that only changes are sent."""
    return config.data_dir / STAGING


def _check_room(config: Config, folder: Path) -> None:
    needed = size_bytes(config.database_url) + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BackupError(
            f"{folder}: the copy needs {needed // 2**20} MB, {free // 2**20} MB are free; make room"
            " or put data_dir on a larger disk",
            code="no_room",
        )


def _copy_keys(source: Path, target: Path) -> None:
    """The wrapped keys; not the one that opens them."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(WRAPPING_KEY_FILE))


def _copy_data(config: Config, target: Path) -> None:
    """What lies beside the database, as the audit log's checkpoints; not the database itself."""
    database = config.sqlite_file
    left = (SET_ASIDE,) if database is None else (SET_ASIDE, database.name)
    target.mkdir()
    for path in sorted(config.data_dir.iterdir()):
        if path.name not in LEFT_BEHIND and not path.name.startswith(left):
            _copy(path, target / path.name)


def _also(config: Config) -> list[Path]:
    """The broker's files and certificates, as far as they lie where we may read them."""
    named = [
        config.mqtt.ca_file,
        config.mqtt.cert_file,
        config.mqtt.key_file,
        config.broker.access_file,
        config.broker.authority_dir,
        *config.backup.also,
    ]
    there = [path for path in named if path is not None and path.exists()]
    inside = [path for path in there if not path.is_relative_to(config.data_dir)]
    return list(dict.fromkeys(inside))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.is_file():
        shutil.copy2(source, target)
