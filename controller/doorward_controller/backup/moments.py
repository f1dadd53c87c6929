"""The way back to a moment: from a base copy and the log up to there, a copy like any other.

What comes out is put in place as each copy is (`restoring`): nothing else is different for whoever
restores. A place whose log breaks before the moment is passed by, with words.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from doorward_controller.backup import restoring
from doorward_controller.backup.database import copy_database
from doorward_controller.backup.log_account import (
    ACCOUNT_FILE,
    BASE_FILE,
    Account,
    Base,
    read_account,
)
from doorward_controller.backup.log_shipping import BASE_TAG, CLUSTER, LOG_TAG, SEGMENTS
from doorward_controller.backup.manifest import Manifest, digests
from doorward_controller.backup.places import repository_of
from doorward_controller.backup.private_server import played_back
from doorward_controller.backup.restic import Restic, Snapshot
from doorward_controller.backup.restoring import Copy, Fetched, Tell
from doorward_controller.backup.segments import PARTIAL, chain_from
from doorward_controller.config import BackupTarget, Config
from doorward_controller.errors import BackupError


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is wanted.

    Attributes:
        until_utc_s: nothing committed later; None for the newest that there is.
        workshop: where a base copy and the log are worked on; takes twice the database.
    """

    targets: Sequence[BackupTarget]
    until_utc_s: int | None
    workshop: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A copy of a log that reaches the moment."""

    target: BackupTarget
    place: Restic
    snapshot: Snapshot
    account: Account
    until_utc_s: int


def fetch_moment(config: Config, wanted: Moment, into: Path, tell: Tell) -> Fetched:
    """Makes a copy of the wanted moment in an empty folder.

    Raises:
        BackupError: no place leads there; says for each what is missing.
    """
    if into.exists() and any(into.iterdir()):
        raise BackupError(f"{into}: is not empty; name another folder with --into")
    troubles: list[str] = []
    for target in wanted.targets:
        try:
            found = _find(config, target, wanted.until_utc_s)
            manifest = _make(config, found, wanted.workshop, into, tell)
        except BackupError as err:
            if err.code in {"key_missing", "restic_missing", "program_missing"}:
                raise
            troubles.append(f"{target.name}: {err.message}")
            shutil.rmtree(into, ignore_errors=True)
            continue
        return Fetched(
            folder=into,
            manifest=manifest,
            copy=Copy(target=target, snapshot=found.snapshot),
            erased=restoring.erased_since(config, wanted.targets, into),
            passed_by=tuple(troubles),
        )
    raise BackupError(
        f"that moment cannot be restored: {'; '.join(troubles)}", code="nothing_restored"
    )


def _find(config: Config, target: BackupTarget, until_utc_s: int | None) -> _Found:
    """The first copy of the log that covers the moment; later ones may have let it go."""
    place = repository_of(config, target)
    copies = sorted(place.snapshots(tag=LOG_TAG), key=lambda each: each.time)
    if not copies:
        raise BackupError("no log is there")
    if until_utc_s is None:
        newest = _account(place, copies[-1])
        return _Found(
            target=target, place=place, snapshot=copies[-1], account=newest,
            until_utc_s=newest.covers_utc_s,
        )  # fmt: skip
    young = [copy for copy in copies[:-1] if _made_at_s(copy) >= until_utc_s]
    for copy in (*young, copies[-1]):
        account = _account(place, copy)
        if account.covers_utc_s >= until_utc_s:
            return _Found(
                target=target, place=place, snapshot=copy, account=account,
                until_utc_s=until_utc_s,
            )  # fmt: skip
    ends = _when(account.covers_utc_s)
    raise BackupError(f"the log there ends at {ends}; name that or an earlier moment")


def _make(config: Config, found: _Found, workshop: Path, into: Path, tell: Tell) -> Manifest:
    if found.account.site != config.site:
        raise BackupError(f"the log is of site {found.account.site}, the settings of {config.site}")
    bases = [b for b in found.account.bases if b.made_at_utc_s <= found.until_utc_s]
    bases = [base for base in reversed(bases) if found.target.name in base.places]
    if not bases:
        raise BackupError(f"no base copy there is older than {_when(found.until_utc_s)}")
    shutil.rmtree(workshop, ignore_errors=True)
    try:
        workshop.mkdir(mode=0o700, parents=True)
        tell(f"bringing back the log up to {_when(found.until_utc_s)} from {found.target.name}")
        log = found.place.restore(found.snapshot, workshop / "log")
        base = _unbroken(bases, log / SEGMENTS, found.account)
        tell(f"bringing back the base copy of {_when(base.made_at_utc_s)}")
        held = found.place.restore(_of_base(found.place, base), workshop / "base")
        return _play(config, found, log, held / CLUSTER, workshop, into, tell)
    except OSError as err:
        raise BackupError(f"{err.filename}: cannot be written: {err.strerror}") from err
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _unbroken(bases: Sequence[Base], segments: Path, account: Account) -> Base:
    """The newest base copy from which the log goes on without a break."""
    sizes = {path.name: path.stat().st_size for path in segments.iterdir()}
    troubles = []
    for base in bases:
        chain = chain_from(base.first, sizes, account.segment_bytes)
        if not chain.trouble:
            return base
        ended = (segments / chain.last).stat().st_mtime if chain.last else base.made_at_utc_s
        troubles.append(f"{chain.trouble}; before it the log is whole, up to {_when(int(ended))}")
    raise BackupError(
        f"the log is broken: {troubles[0]}. Name an earlier moment with --until", code="log_broken"
    )


def _of_base(place: Restic, base: Base) -> Snapshot:
    for each in place.snapshots(tag=BASE_TAG):
        if base.id.encode() in place.read(each, BASE_FILE):
            return each
    raise BackupError(f"the base copy of {_when(base.made_at_utc_s)} is gone")


def _play(
    config: Config,
    found: _Found,
    log: Path,
    cluster: Path,
    workshop: Path,
    into: Path,
    tell: Tell,
) -> Manifest:
    """Plays it back in the workshop, and makes a copy of what came of it."""
    cluster = cluster.rename(workshop / CLUSTER)
    segments = (log / SEGMENTS).rename(workshop / SEGMENTS)
    for path in segments.glob(f"*{PARTIAL}"):
        whole = path.with_name(path.name.removesuffix(PARTIAL))
        path.unlink() if whole.exists() else path.rename(whole)
    tell("playing the log back")
    names = found.account
    url = make_url(config.database_url).set(database=names.database, username=names.role)
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    with played_back(cluster, segments, found.until_utc_s, url) as address:
        contents = copy_database(address, into, lambda _done, _of: None)
    for path in sorted(log.iterdir()):
        if path.name not in {SEGMENTS, ACCOUNT_FILE}:
            shutil.move(path, into / path.name)
    manifest = Manifest(
        site=config.site,
        made_at_utc_s=found.until_utc_s,
        program=found.account.program,
        schema=found.account.schema,
        is_postgresql=True,
        rows=dict(contents.rows),
        audit_entries=contents.audit_entries,
        audit_root=contents.audit_root,
        places=found.account.also,
        files=digests(into),
    )
    manifest.write(into)
    return manifest


def _account(place: Restic, copy: Snapshot) -> Account:
    return read_account(place.read(copy, ACCOUNT_FILE), f"{ACCOUNT_FILE} of {copy.id[:8]}")


def _made_at_s(copy: Snapshot) -> float:
    """Go writes nanoseconds, of which Python reads six digits."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", copy.time)).timestamp()


def _when(at_utc_s: int) -> str:
    return f"{datetime.fromtimestamp(at_utc_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
