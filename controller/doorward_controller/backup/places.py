"""The places that the settings name, each as a repository that can be written to and read."""

import base64
import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from doorward_controller.backup.restic import Restic
from doorward_controller.config import BackupTarget, Config
from doorward_controller.errors import BackupError
from doorward_controller.services.key_vault import WRAPPING_KEY_FILE

TAG = "doorward"
_INFO = b"doorward/1/backup"


def place_of(config: Config, name: str) -> BackupTarget:
    """Returns the place of this name; the first for an empty one. Raises BackupError."""
    targets = config.backup.target
    if not targets:
        raise BackupError(
            "no place is set for backups: add [[backup.target]] with name and repository to the"
            " settings (docs/backup.md)",
            code="not_set_up",
        )
    for target in targets:
        if target.name == name or not name:
            return target
    known = ", ".join(target.name for target in targets)
    raise BackupError(f"there is no place {name!r} for backups; there are {known}")


def repository_of(config: Config, target: BackupTarget) -> Restic:
    """Returns a place's repository. Raises BackupError."""
    return Restic(
        repository=_where(config, target.repository),
        password=password_of(config.data_dir / "keys" / WRAPPING_KEY_FILE),
        environment=_environment(target.environment_file),
        cache_dir=config.data_dir / "restic-cache",
    )


def password_of(key_file: Path) -> str:
    """Returns the repositories' password, which follows from the key-encryption key.

    So the sheets of the key are all that a restore needs. Raises BackupError.
    """
    try:
        key = key_file.read_bytes()
    except OSError as err:
        raise BackupError(
            f"{key_file}: cannot be read: {err.strerror}; without it no copy can be opened. If it"
            " is lost, bring the sheets together: `doorward-controller recovery join`",
            code="key_missing",
        ) from err
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_INFO).derive(key)
    return base64.urlsafe_b64encode(derived).decode().rstrip("=")


def _where(config: Config, repository: str) -> str:
    """A relative folder counts from the data folder, not from wherever a command is run."""
    if ":" in repository.partition("/")[0] or repository.startswith("/"):
        return repository
    return str(config.data_dir / repository)


def _environment(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BackupError(f"{path}: others may read it: chmod 600 {path}")
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as err:
        raise BackupError(f"{path}: cannot be read: {err.strerror}") from err
    values = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, is_set, value = line.partition("=")
        if not is_set or not name.strip().isidentifier():
            raise BackupError(f"{path}, line {number}: is not NAME=VALUE")
        values[name.strip()] = value.strip().strip("\"'")
    return values | {"HOME": os.environ.get("HOME", "/root")}
