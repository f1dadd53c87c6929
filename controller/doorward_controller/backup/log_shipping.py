"""Brings the log to the places: what has arrived, base copies of the cluster, and what is over.

A round: a moment of the database's clock -> a row that is committed after it -> the log up to there
has arrived -> staged beside keys and settings -> each place. So whatever `covers_utc_s` says can be
restored, also on a quiet night (docs/adr/0035-log-of-the-database.md).
"""

import json
import logging
import os
import re
import shutil
import threading
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from doorward_controller.backup import log_receiving, snapshot
from doorward_controller.backup.database import run_beside, size_bytes
from doorward_controller.backup.log_account import (
    ACCOUNT_FILE,
    BASE_FILE,
    Account,
    Base,
    read_account,
)
from doorward_controller.backup.places import repository_of
from doorward_controller.backup.segments import PARTIAL, chain_from, older_than
from doorward_controller.config import BackupTarget
from doorward_controller.errors import BackupError
from doorward_controller.services.backend import Backend
from doorward_controller.store import backups
from doorward_controller.store.backups import LogShipment
from doorward_controller.store.schema import SCHEMA_VERSION

LOG_TAG, BASE_TAG = "doorward-log", "doorward-base"
SEGMENTS, CLUSTER = "segments", "cluster"
_ARRIVES_S, _LOOK_S = 30.0, 0.2
_BEGINS = re.compile(r"^START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)$", re.MULTILINE)
_SPARE_BYTES = 256 * 1024 * 1024
_CLOCK = sa.text("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint")
_HERE = sa.text("SELECT pg_current_wal_insert_lsn()::text")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What came of a round.

    Attributes:
        covers_utc_s: the moment that every place without a problem can now restore.
        base: the base copy that was made in it.
        problems: by place; the others got all of it.
    """

    covers_utc_s: int
    base: Base | None
    problems: dict[str, str]


class Shipping:
    """Knows what is staged; one process at a time (the slot has one reader)."""

    def __init__(self, backend: Backend, config_file: Path) -> None:
        """Looks at what an earlier run has left. Raises BackupError."""
        self._backend, self._config_file = backend, config_file
        self._config = backend.config
        self._url = backend.config.database_url
        self._cluster = log_receiving.cluster_of(self._url)
        self._staged = self._config.data_dir / snapshot.LOG
        self.arriving = self._config.data_dir / snapshot.LOG_ARRIVING
        self._known = self._known_account()
        self._bases = self._known_bases()
        self._wants_base = False
        self._taken: frozenset[str] = frozenset()

    def begin_anew(self) -> None:
        """The slot is new: what comes does not go on from what has come."""
        shutil.rmtree(self.arriving, ignore_errors=True)

    def is_over(self) -> bool:
        """Says whether more waits here than may: of what no place has taken yet."""
        sizes = _sizes(self._staged / SEGMENTS)
        waiting = sum(size for name, size in sizes.items() if name not in self._taken)
        return waiting > self._config.backup.log.most_mb * 2**20

    def ship(self, trouble: Callable[[], str]) -> Round:
        """Brings everything of now to every place; notes what became of it.

        Args:
            trouble: says why nothing arrives any more, empty while it does.

        Raises:
            BackupError: nothing new is in it; what had come stays here.
        """
        made = None
        try:
            covers = self._stage(trouble)
            if why := self._base_is_due(covers):
                _log.info("backup.base_begins because=%s", why)
                made = self._make_base()
                covers = self._stage(trouble)
            self._write_account(covers)
        except BackupError as err:
            self.note_trouble(err.message)
            raise
        except OSError as err:
            said = f"{err.filename or self._staged}: cannot be copied: {err.strerror}"
            self.note_trouble(said)
            raise BackupError(said) from err
        problems = self._send(covers)
        if len(problems) < len(self._targets):
            self._let_go()
        return Round(covers_utc_s=covers, base=made, problems=problems)

    def ship_what_waits(self) -> dict[str, str]:
        """Brings what had come before there was too much of it; returns problems by place."""
        if self._known is None:
            raise BackupError("nothing has been staged yet")
        return self._send(self._known.covers_utc_s)

    def note_trouble(self, problem: str) -> None:
        """Says for every place that nothing new got there, and why."""
        for target in self._targets:
            self._note(target, problem=problem)

    @property
    def _targets(self) -> tuple[BackupTarget, ...]:
        return self._config.backup.target

    def _known_account(self) -> Account | None:
        path = self._staged / ACCOUNT_FILE
        return read_account(path.read_bytes(), str(path)) if path.exists() else None

    def _known_bases(self) -> tuple[Base, ...]:
        bases = self._known.bases if self._known else ()
        return tuple(base for base in bases if base.system == self._cluster.system)

    def _stage(self, trouble: Callable[[], str]) -> int:
        """Links whole segments, copies the newest; returns the moment that is in it for sure."""
        covers, reached = self._moment()
        self._wait_for(reached, trouble)
        segments = self._staged / SEGMENTS
        segments.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in segments.glob(f"*{PARTIAL}"):
            path.unlink()
        for path in sorted(self.arriving.iterdir()):
            if path.name.endswith(PARTIAL):
                _copy_unless_finished(path, segments)
            elif not (segments / path.name).exists():
                os.link(path, segments / path.name)
        return covers

    def _wait_for(self, reached: str, trouble: Callable[[], str]) -> None:
        slot, pause = self._config.backup.log.slot, threading.Event()
        for _ in range(round(_ARRIVES_S / _LOOK_S)):
            if log_receiving.has_arrived(self._url, slot, reached):
                return
            if said := trouble():
                raise BackupError(said)
            pause.wait(_LOOK_S)
        raise BackupError(f"the log up to {reached} did not come within {_ARRIVES_S:.0f} s")

    def _moment(self) -> tuple[int, str]:
        """The row's commit comes after the moment: recovery can tell that it has passed it."""
        with self._backend.store.read() as connection:
            moment = int(connection.scalar(_CLOCK) or 0)
        for target in self._targets:
            self._note(target)
        with self._backend.store.read() as connection:
            return moment, str(connection.scalar(_HERE))

    def _base_is_due(self, now_utc_s: int) -> str:
        """Returns why a base copy is to be made now; empty when none is."""
        if not self._bases:
            return "there is none"
        newest = self._bases[-1]
        if now_utc_s - newest.made_at_utc_s >= self._config.backup.log.base_every_h * 3600:
            return "the last one is old"
        if self._wants_base:
            return "a place lacks the last one"
        sizes = _sizes(self._staged / SEGMENTS)
        return chain_from(newest.first, sizes, self._cluster.segment_bytes).trouble

    def _make_base(self) -> Base:
        folder = self._config.data_dir / snapshot.BASE
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(mode=0o700)
            _check_room(folder, size_bytes(self._url))
            base = self._copy_cluster(folder)
            took = self._store_base(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        base = replace(base, places=took)
        self._bases = (*self._bases, base)
        self._wants_base = False
        return base

    def _copy_cluster(self, folder: Path) -> Base:
        cluster = folder / CLUSTER
        run_beside(
            make_url(self._url),
            (
                "pg_basebackup", f"--pgdata={cluster}", "--checkpoint=fast", "--no-password",
                "--manifest-checksums=SHA256", "--label=doorward",
            ),
            lambda: None,
        )  # fmt: skip
        with self._backend.store.read() as connection:
            made_at = int(connection.scalar(_CLOCK) or 0) + 1
        found = _BEGINS.search((cluster / "backup_label").read_text(encoding="utf-8"))
        if found is None:
            raise BackupError(f"{cluster / 'backup_label'}: does not say where the log begins")
        base = Base(
            id=uuid.uuid4().hex,
            made_at_utc_s=made_at,
            first=found[1],
            system=self._cluster.system,
            places=(),
        )
        (folder / BASE_FILE).write_text(json.dumps(asdict(base)), encoding="utf-8")
        return base

    def _store_base(self, folder: Path) -> tuple[str, ...]:
        took, problems = [], []
        keep_days = self._config.backup.log.keep_days
        spare_days = -(-2 * self._config.backup.log.base_every_h // 24)
        for target in self._targets:
            try:
                place = repository_of(self._config, target)
                place.backup(folder, tag=BASE_TAG, host=self._config.site, tell=_quiet)
            except BackupError as err:
                problems.append(f"{target.name}: {err.message}")
                continue
            took.append(target.name)
            for tag, days in ((LOG_TAG, keep_days), (BASE_TAG, keep_days + spare_days)):
                _forget(lambda t=tag, d=days, p=place: p.forget(tag=t, keep_days=d), target.name)  # type: ignore[misc]
        if not took:
            raise BackupError(f"no place took the base copy: {'; '.join(problems)}")
        return tuple(took)

    def _write_account(self, covers: int) -> None:
        """Keys and settings go with every round: the database of later may need later keys."""
        for name in (snapshot.KEYS, snapshot.DATA, snapshot.ALSO):
            shutil.rmtree(self._staged / name, ignore_errors=True)
        also = snapshot.copy_beside(self._config, self._config_file, self._staged)
        self._known = Account(
            site=self._config.site,
            covers_utc_s=covers,
            database=make_url(self._url).database or "",
            role=make_url(self._url).username or "",
            segment_bytes=self._cluster.segment_bytes,
            schema=SCHEMA_VERSION,
            program=version("doorward-controller"),
            also=also,
            bases=self._bases,
        )
        self._known.write(self._staged)

    def _send(self, covers: int) -> dict[str, str]:
        problems = {}
        for target in self._targets:
            try:
                repository_of(self._config, target).backup(
                    self._staged, tag=LOG_TAG, host=self._config.site, tell=_quiet
                )
            except BackupError as err:
                problems[target.name] = err.message
                self._note(target, problem=err.message)
                continue
            self._taken = frozenset(_sizes(self._staged / SEGMENTS))
            bases = [base for base in self._bases if target.name in base.places]
            if self._bases[-1] not in bases:
                self._wants_base = True
            base_at = max((base.made_at_utc_s for base in bases), default=0)
            self._note(target, covers=covers if bases else None, base_at=base_at)
        return problems

    def _let_go(self) -> None:
        """Two base copies' worth stays: should the newer be damaged, the older one leads there."""
        if len(self._bases) <= 2:
            return
        self._bases = self._bases[-2:]
        first, size = self._bases[0].first, self._cluster.segment_bytes
        for folder in (self._staged / SEGMENTS, self.arriving):
            for name in older_than(first, _sizes(folder), size):
                (folder / name).unlink()

    def _note(
        self,
        target: BackupTarget,
        *,
        covers: int | None = None,
        base_at: int | None = None,
        problem: str = "",
    ) -> None:
        with self._backend.store.write() as connection:
            known = backups.shipments(connection).get(target.name)
            row = known or LogShipment(
                place=target.name, tried_at_utc_s=0, covers_utc_s=0, base_at_utc_s=0
            )
            is_try = covers is None and not problem
            changed = replace(
                row,
                tried_at_utc_s=self._backend.clock.now().utc_s,
                covers_utc_s=row.covers_utc_s if covers is None else covers,
                base_at_utc_s=row.base_at_utc_s if base_at is None else base_at,
                problem=row.problem if is_try else problem,
            )
            backups.put_shipment(connection, changed)


def _copy_unless_finished(path: Path, segments: Path) -> None:
    """A segment may become whole while it is copied: then it has its final name."""
    whole = path.with_name(path.name.removesuffix(PARTIAL))
    try:
        shutil.copyfile(path, segments / path.name)
    except FileNotFoundError:
        os.link(whole, segments / whole.name)


def _sizes(folder: Path) -> dict[str, int]:
    if not folder.is_dir():
        return {}
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE_BYTES:
        raise BackupError(
            f"{folder}: a base copy needs {(needed + _SPARE_BYTES) // 2**20} MB,"
            f" {free // 2**20} MB are free; make room or put data_dir on a larger disk",
            code="no_room",
        )


def _forget(act: Callable[[], None], place: str) -> None:
    """What is too old may stay: it is no reason to call a copy bad that has arrived."""
    try:
        act()
    except BackupError as err:
        _log.warning("backup.old_log_stays place=%s problem=%s", place, err)


def _quiet(_done: int, _of: int | None) -> None:
    """Nobody looks."""
