"""Room on the controller's disks: told before it is over, and shown also when nothing can be kept.

A full disk loses no record: what the database does not take is not confirmed, and gateways keep it.
But nobody can sign in any more, no order is kept, and alerts are rows, too. So it is told early.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

from doorward.health import Level, level_of
from doorward_controller.config import Config
from doorward_controller.domain.alert_defaults import DISK_RULE, default_rules
from doorward_controller.domain.alert_rules import Bounds, Key
from doorward_controller.services import alerting, site_alerts
from doorward_controller.services.backend import Backend

DEBIANS_DATABASES = Path("/var/lib/postgresql")
_USUAL = next(rule.bounds for rule in default_rules() if rule.code == DISK_RULE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A disk that the controller writes to.

    Attributes:
        what: `data` or `database`; one where both are on the same disk.
        free_bytes: as far as an ordinary account may use them.
    """

    what: str
    folder: Path
    free_bytes: int
    size_bytes: int

    @property
    def free_percent(self) -> int:
        """Rounded down: 0 is what is full."""
        return self.free_bytes * 100 // max(self.size_bytes, 1)

    def level(self, bounds: Bounds = _USUAL) -> Level:
        """Returns how bad it is; by the program's own bounds, unless told others."""
        return level_of(bounds.limits(), self.free_percent, Level.OK)


def rooms(config: Config) -> tuple[Room, ...]:
    """Returns the disks that can be looked at from here."""
    data = _room("data", config.data_dir)
    folder = _of_database(config)
    database = _room("database", folder) if folder is not None else None
    found = [each for each in (data, database) if each is not None]
    if data and database and _device(data.folder) == _device(database.folder):
        return (data,)
    return tuple(found)


def look(backend: Backend) -> int:
    """Raises an alert for each disk with too little room, ends those that are over."""
    changed = 0
    with backend.store.write() as connection:
        for room in rooms(backend.config):
            changed += site_alerts.settle_number(
                backend, connection, Key(DISK_RULE, f"disk-{room.what}"),
                str(room.folder), room.free_percent,
            )  # fmt: skip
    if changed:
        alerting.announce(backend)
    return changed


def _of_database(config: Config) -> Path | None:
    """A server elsewhere has a disk that we cannot see."""
    if config.sqlite_file is not None:
        return config.sqlite_file.parent
    if config.database.disk is not None:
        return config.database.disk
    url = make_url(config.database_url)
    host = url.host or str(url.query.get("host", ""))
    is_here = host.startswith("/") or host in {"", "localhost", "127.0.0.1", "::1"}
    return DEBIANS_DATABASES if is_here and DEBIANS_DATABASES.is_dir() else None


def _room(what: str, folder: Path) -> Room | None:
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return Room(
        what=what,
        folder=folder,
        free_bytes=found.f_bavail * found.f_frsize,
        size_bytes=found.f_blocks * found.f_frsize,
    )


def _device(folder: Path) -> int:
    return folder.stat().st_dev
