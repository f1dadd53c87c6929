"""Following the audit log's chain from its first entry, and comparing it with every checkpoint.

The chain finds what was changed without being re-hashed. Whoever re-hashes it, or cuts its end off,
contradicts a checkpoint that was signed before.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from doorward_controller.config import Config
from doorward_controller.domain.audit_checkpoint import Checkpoint
from doorward_controller.domain.audit_faults import Fault, Finding, finding
from doorward_controller.errors import InvalidError
from doorward_controller.services.audit import BEFORE_FIRST, entry_hash
from doorward_controller.services.audit_checkpoints import file_of, read_file
from doorward_controller.store import audit_checkpoints, audit_log
from doorward_controller.store.audit_log import StoredEntry
from doorward_controller.store.session import Store

_TELL_EVERY = 1000

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a check found.

    Attributes:
        entries: how many were looked at.
        vouched: the last entry that a checkpoint vouches for; 0 without any.
        finding: the first thing that is wrong; None for an unbroken log.
    """

    entries: int
    checkpoints: int
    vouched: int
    finding: Finding | None


def verify(
    config: Config,
    store: Store,
    public_key: bytes,
    kept: Path | None = None,
    tell: Progress = lambda _done, _of: None,
) -> Verified:
    """Checks the log against itself, our checkpoints, their file, and a file kept elsewhere.

    Args:
        config: of this controller.
        store: where the log is.
        public_key: which checkpoints have to be signed with.
        kept: checkpoints that somebody kept elsewhere.
        tell: is told how far it is, of how many entries.

    Raises:
        InvalidError: a file of checkpoints is not there or not one.
    """
    if kept is not None and not kept.is_file():
        raise InvalidError(f"{kept}: there is no such file")
    with store.read() as connection:
        ours = audit_checkpoints.after(connection, 0)
    try:
        beside = read_file(file_of(config)) + (read_file(kept) if kept else ())
    except OSError as err:
        raise InvalidError(f"{err.filename}: cannot be read: {err.strerror}") from err
    everything = sorted({*ours, *beside}, key=lambda one: (one.entry, one.number))
    good = [one for one in everything if one.public_key == public_key and one.holds(config.site)]
    watch = _Walk(by_entry=_by_entry(good))
    with store.read() as connection:
        end = audit_log.end(connection)
        entries = _told(audit_log.walk(connection), end[0] if end else 0, tell)
        wrong = watch.first_wrong(entries) or _first_bad(everything, good, ours)
    return Verified(entries=watch.seen, checkpoints=len(good), vouched=watch.vouched, finding=wrong)


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One pass along the chain."""

    by_entry: Mapping[int, tuple[bytes, ...]]
    seen: int = 0
    vouched: int = 0
    _last: int = 0
    _before: bytes = BEFORE_FIRST
    _before_that: bytes = field(default=BEFORE_FIRST)

    def first_wrong(self, entries: Iterator[StoredEntry]) -> Finding | None:
        for entry in entries:
            self.seen += 1
            wrong = self._look_at(entry, entries)
            if wrong is not None:
                return wrong
        furthest = max(self.by_entry, default=0)
        if furthest > self._last:
            return finding(Fault.TRUNCATED, self._last + 1, furthest)
        return None

    def _look_at(self, entry: StoredEntry, rest: Iterator[StoredEntry]) -> Finding | None:
        expected = self._last + 1
        if entry.id > expected:
            return finding(Fault.MISSING, expected, entry.id - 1)
        if entry.id < expected:
            return finding(Fault.INSERTED, entry.id)
        if entry_hash(self._before, entry) != entry.hash:
            return self._name(entry, next(rest, None))
        said = self.by_entry.get(entry.id)
        if said is not None and any(one != entry.hash for one in said):
            return finding(Fault.REWRITTEN, self.vouched + 1, entry.id)
        if said is not None:
            self.vouched = entry.id
        self._last, self._before_that, self._before = entry.id, self._before, entry.hash
        return None

    def _name(self, entry: StoredEntry, following: StoredEntry | None) -> Finding:
        """An entry that fits one place earlier was moved up: what stands there was inserted."""
        if _fits_before(entry, self._before_that):
            return finding(Fault.INSERTED, entry.id - 1)
        if following is not None and _fits_before(following, self._before):
            return finding(Fault.INSERTED, entry.id)
        return finding(Fault.ALTERED, entry.id)


def _fits_before(entry: StoredEntry, previous: bytes) -> bool:
    return entry_hash(previous, replace(entry, id=entry.id - 1)) == entry.hash


def _by_entry(checkpoints: Iterable[Checkpoint]) -> dict[int, tuple[bytes, ...]]:
    found: dict[int, tuple[bytes, ...]] = {}
    for one in checkpoints:
        found[one.entry] = (*found.get(one.entry, ()), one.entry_hash)
    return found


def _first_bad(
    everything: Iterable[Checkpoint], good: Iterable[Checkpoint], ours: tuple[Checkpoint, ...]
) -> Finding | None:
    holds = set(good)
    for one in everything:
        if one not in holds:
            return finding(Fault.CHECKPOINT_FORGED, one.number)
    numbers = {one.number for one in ours}
    for number in range(1, max((one.number for one in holds), default=0) + 1):
        if number not in numbers:
            return finding(Fault.CHECKPOINT_MISSING, number)
    return None


def _told(entries: Iterator[StoredEntry], of: int, tell: Progress) -> Iterator[StoredEntry]:
    for done, entry in enumerate(entries, 1):
        if done % _TELL_EVERY == 0:
            tell(done, of)
        yield entry
