"""What a copy of the log says of itself: which moments can be restored from it, and from what."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from doorward_controller.errors import BackupError

ACCOUNT_FILE = "log.json"
BASE_FILE = "base.json"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A copy of the whole cluster, from which the log goes on.

    Attributes:
        id: its name at the places.
        made_at_utc_s: when it was finished, by the database's clock: no earlier moment follows
            from it.
        first: the segment in which the log must begin.
        system: the cluster's number.
        places: who has it.
    """

    id: str
    made_at_utc_s: int
    first: str
    system: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Of one moment.

    Attributes:
        covers_utc_s: the last whole second that can be restored, by the database's clock.
        database: its name on that server.
        role: who owns it there.
        segment_bytes: how long a whole segment is.
        schema: the tables' version.
        also: where the files below `also/` lay, by their names there.
        bases: the newest last.
    """

    site: str
    covers_utc_s: int
    database: str
    role: str
    segment_bytes: int
    schema: int
    program: str
    also: dict[str, str]
    bases: tuple[Base, ...]
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Writes it: all of it or nothing."""
        partial = folder / f"{ACCOUNT_FILE}.part"
        partial.write_text(json.dumps(asdict(self), sort_keys=True, indent=1), encoding="utf-8")
        partial.replace(folder / ACCOUNT_FILE)


def read_account(text: str | bytes, where: str) -> Account:
    """Returns what a copy of the log says of itself. Raises BackupError naming where it lies."""
    try:
        said = json.loads(text)
        account = Account(**said)
        bases = [Base(**base) for base in said["bases"]]
    except (ValueError, TypeError, KeyError) as err:
        raise BackupError(f"{where}: is no account of a log: {err}") from err
    if account.format != FORMAT:
        raise BackupError(f"{where}: has format {account.format}, this program knows {FORMAT}")
    return replace(account, bases=tuple(replace(b, places=tuple(b.places)) for b in bases))
