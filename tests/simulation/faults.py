"""Mistakes that the product does not make, each put into it by hand, to see that they are found.

A mistake is a patch of the product's own code, in force while a history is played. Each is what
somebody could write, or leave out, in good faith.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from doorward import decision
from doorward.decision import Grant
from doorward.ids import Epoch
from doorward.messages import Applied
from doorward.presence import PresenceBook
from doorward.ranges import merge
from doorward.status import Delta, StatusList
from doorward.status import apply_delta as real_apply_delta
from doorward.times import ClockTrust
from doorward.topics import Up
from doorward_controller.domain.history import Placed, StoredRange
from doorward_controller.ingest import writer
from doorward_controller.services import (
    acknowledging,
    overtaking,
    policy_release,
    scan_intake,
    status_publishing,
)
from doorward_controller.store import intake, policies
from doorward_edge import courier, pipeline, sync
from doorward_edge.adapters import policy_files
from doorward_edge.adapters.documents_tinydb.documents import TinyDocuments
from doorward_edge.adapters.journal_sqlite import opening
from doorward_edge.adapters.journal_sqlite.index import EpochIndex
from doorward_edge.adapters.journal_sqlite.rows import EpochRow
from doorward_edge.adapters.journal_sqlite.store import Store
from doorward_edge.adapters.journal_sqlite.ticket import PendingRecord
from doorward_edge.ports import JournalError
from doorward_edge.stages import publish
from doorward_edge.stages.publish import Outbox
from doorward_edge.stages.record import Recorded, RecordOutcome, RecordStage
from doorward_edge.sync import PolicyKeeper

Patch = tuple[Any, str, Any]

FAULTS: dict[str, Callable[[], list[Patch]]] = {}
"""By name: what the mistake changes."""


def _fault(make: Callable[[], list[Patch]]) -> Callable[[], list[Patch]]:
    FAULTS[make.__name__] = make
    return make


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Has the product make a mistake meanwhile; no name, none."""
    patches = FAULTS[name]() if name else []
    kept = [(target, attribute, _raw(target, attribute)) for target, attribute, _ in patches]
    for target, attribute, value in patches:
        setattr(target, attribute, value)
    try:
        yield
    finally:
        for target, attribute, value in kept:
            setattr(target, attribute, value)


def _raw(target: Any, attribute: str) -> Any:
    """A method as its class holds it, so that it is put back as it was."""
    return vars(target)[attribute]


# --- The journal ------------------------------------------------------------------------------


@_fault
def journal_is_not_flushed() -> list[Patch]:
    """A receipt is given for what lies in the page cache."""
    real = Store.open.__func__  # type: ignore[attr-defined]

    def open_(cls: type[Store], *args: Any, **kwargs: Any) -> Store:
        store: Store = real(cls, *args, **kwargs)
        store._db.execute("PRAGMA synchronous=OFF")
        return store

    return [(Store, "open", classmethod(open_))]


@_fault
def numbers_begin_anew_with_the_same_epoch() -> list[Patch]:
    """A new journal takes an epoch that was there before."""

    def new_epoch(store: Store, epochs: list[EpochIndex], _draw: object) -> EpochIndex:
        ordinal = max((index.ordinal for index in epochs), default=0) + 1
        with store.transaction("beginning an epoch"):
            store.add_epoch(EpochRow(ordinal, Epoch(7)))
        return EpochIndex(ordinal=ordinal, epoch=Epoch(7))

    return [(opening, "_new_epoch", new_epoch)]


@_fault
def torn_end_is_thrown_away_with_its_numbers() -> list[Patch]:
    """After a power cut the log is begun anew instead of being replayed."""
    real = opening._open

    def open_(files: Any, *args: Any, **kwargs: Any) -> Any:
        files.disk.remove(files.log)
        return real(files, *args, **kwargs)

    return [(opening, "_open", open_)]


@_fault
def late_record_does_not_say_so() -> list[Patch]:
    """The lock is told, and nobody will know that the record came after it."""
    return [(PendingRecord, "mark_late", lambda _self: False)]


@_fault
def old_records_are_deleted_unacknowledged() -> list[Patch]:
    """Deleting goes by age alone."""
    return [(EpochIndex, "old", lambda self, _now: self.stored[:1])]


@_fault
def what_was_sent_counts_as_delivered() -> list[Patch]:
    """Records are settled when they are published, not when they are acknowledged."""
    real = courier.Courier._publish

    def publish_(self: Any, kind: Any, payload: bytes, **kwargs: Any) -> bool:
        done = real(self, kind, payload, **kwargs)
        if done and kind == Up.RECORDS:
            span = self._journal.spans()[-1]
            self._journal.settle(span.epoch, ((1, span.head),) if span.head else (), (), 0)
        return done

    return [(courier.Courier, "_publish", publish_)]


@_fault
def batch_on_its_way_is_never_sent_again() -> list[Patch]:
    """What the broker took is believed to arrive."""
    nothing = lambda *_: None  # noqa: E731
    return [(Outbox, "_bring_back_overdue", nothing), (Outbox, "disconnected", nothing)]


@_fault
def wish_to_have_records_again_is_ignored() -> list[Patch]:
    """A restored controller asks in vain."""
    real = publish.settlement_of

    def settlement_of(*args: Any) -> Any:
        found = real(*args)
        return replace(found, resend=()) if found else None

    return [(courier, "settlement_of", settlement_of)]


# --- The scan ---------------------------------------------------------------------------------


@_fault
def lock_moves_before_the_record() -> list[Patch]:
    """Quicker for whoever stands there."""
    real = RecordStage.scan

    def scan(self: RecordStage, scan_: Any, verdict: Any, now: Any, *rest: Any, **more: Any) -> Any:
        if isinstance(verdict, Grant):
            _locks_of[self].release(verdict.pulse_ms)
        return real(self, scan_, verdict, now, *rest, **more)

    real_init = pipeline.Pipeline.__init__

    def init(self: Any, **parts: Any) -> None:
        _locks_of[parts["record"]] = parts["actuate"]._parts.hands._lock
        real_init(self, **parts)

    _locks_of: dict[RecordStage, Any] = {}
    return [(RecordStage, "scan", scan), (pipeline.Pipeline, "__init__", init)]


@_fault
def failed_record_counts_as_late() -> list[Patch]:
    """A disk that takes nothing opens the door all the same."""
    real = RecordStage.record

    def record(self: RecordStage, *args: Any, **kwargs: Any) -> RecordOutcome:
        outcome = real(self, *args, **kwargs)
        return replace(outcome, state=Recorded.LATE) if outcome.error else outcome

    return [(RecordStage, "record", record)]


@_fault
def slow_disk_counts_as_recorded() -> list[Patch]:
    """Nobody marks the record when the wait ended."""

    def record(self: RecordStage, each: Any) -> RecordOutcome:
        try:
            receipt = self._journal.append(each).wait(self._wait_s)
        except JournalError as err:
            return RecordOutcome(state=Recorded.FAILED, error=err)
        return RecordOutcome(state=Recorded.DURABLE, receipt=receipt)

    return [(RecordStage, "record", record)]


@_fault
def used_slots_are_not_remembered() -> list[Patch]:
    """A pass counts as often as it is shown."""
    return [(PresenceBook, "is_slot_used", lambda *_: False)]


@_fault
def age_of_the_rules_is_not_looked_at() -> list[Patch]:
    """Rules that nobody vouched for in days count like fresh ones."""
    return [(decision, "_age_s", lambda _rules, _now: 0)]


@_fault
def clock_is_believed_from_the_start() -> list[Patch]:
    """A board without a battery shows some time or other after it booted."""
    from tests.simulation.watched import SimulatedClock

    real = SimulatedClock.now

    def now(self: SimulatedClock) -> Any:
        return replace(real(self), trust=ClockTrust.SYNCHRONISED)

    return [(SimulatedClock, "now", now)]


# --- The rules --------------------------------------------------------------------------------


@_fault
def floors_are_forgotten() -> list[Patch]:
    """An old copy of the card brings old rules back."""
    return [(TinyDocuments, "floors", lambda _self: Applied())]


@_fault
def older_list_is_accepted() -> list[Patch]:
    """Whatever the broker hands out last counts."""
    return [
        (sync, "accept_list", lambda _held, new, _site: new),
        (TinyDocuments, "floors", lambda _self: Applied()),
    ]


@_fault
def half_of_a_delta_is_applied() -> list[Patch]:
    """Only the newer half of the changes is taken over."""

    def apply_delta(held: StatusList, delta: Delta) -> StatusList:
        half = delta.changes[len(delta.changes) // 2 + 1 :]
        return real_apply_delta(held, replace(delta, changes=half))

    return [(sync, "apply_delta", apply_delta)]


@_fault
def rules_are_renamed_before_they_are_flushed() -> list[Patch]:
    """The new name may be on the disk before the content is."""

    def careless(disk_: Any, path: Any, data: bytes) -> None:
        inode = disk_.find(str(path)) or disk_.make(str(path))
        disk_.cut(inode, 0)
        disk_.write_at(inode, 0, data)

    return [(policy_files, "replace", careless)]


@_fault
def rules_count_before_they_are_written() -> list[Patch]:
    """A gateway says that it applied what a restart forgets."""

    def replace_status(self: PolicyKeeper, _name: str, _wire: bytes, status: StatusList) -> None:
        self._hold(self._policy, status)

    return [(PolicyKeeper, "_replace_status", replace_status)]


@_fault
def full_disk_keeps_a_revoked_badge_good() -> list[Patch]:
    """A list that cannot be written is dropped, and nobody asks for it again."""

    def take(self: PolicyKeeper, wire: bytes, now: Any) -> Any:
        taken = real(self, wire, now)
        if taken.verdict is sync.Verdict.UNWRITTEN:
            self._unwritten = None
            self._show()
            return replace(taken, verdict=sync.Verdict.ALREADY)
        return taken

    real = PolicyKeeper.take
    return [(PolicyKeeper, "take", take)]


# --- The controller ---------------------------------------------------------------------------


@_fault
def acknowledged_before_the_commit() -> list[Patch]:
    """The answer is on its way while the transaction is still open."""
    real = scan_intake.Intake.take_in
    backends: list[Any] = []
    real_init = writer.Writer.__init__

    def init(self: Any, backend: Any) -> None:
        backends[:] = [backend]
        real_init(self, backend)

    def take_in(self: Any, connection: Any, batches: Any, now_utc_ms: int) -> Any:
        verdicts, rows = real(self, connection, batches, now_utc_ms)
        taken = [each for each in verdicts if isinstance(each, scan_intake.Taken)]
        acknowledging.acknowledge(backends[0], taken, now_utc_ms // 1000)
        return verdicts, rows

    return [(scan_intake.Intake, "take_in", take_in), (writer.Writer, "__init__", init)]


@_fault
def whole_journal_is_acknowledged() -> list[Patch]:
    """The answer to a birth names what the gateway has, not what is stored."""
    real = acknowledging._send

    def send(backend: Any, gateway: Any, epoch: Any, held: Any, missing: Any, now: int) -> None:
        real(backend, gateway, epoch, merge(held, missing), (), now)

    return [(acknowledging, "_send", send)]


@_fault
def copies_are_stored_again() -> list[Patch]:
    """Whatever comes is new, and no key stands in the way."""

    def place(ranges: Any, batch: Any, chain: Any, _chain_at: Any) -> Placed:
        stored = StoredRange(batch.first_seq, batch.last_seq, chain[0], chain[-1])
        others = tuple(r for r in ranges if r.first != stored.first)
        return Placed(ranges=(*others, stored), new=((batch.first_seq, batch.last_seq),))

    real = intake.insert_records

    def insert(connection: Any, rows: Any) -> None:
        has_key = connection.exec_driver_sql(
            "SELECT 1 FROM sqlite_master WHERE name = 'records_keyed'"
        ).first()
        if not has_key:
            connection.exec_driver_sql("ALTER TABLE records RENAME TO records_keyed")
            connection.exec_driver_sql("CREATE TABLE records AS SELECT * FROM records_keyed")
        real(connection, rows)

    return [(scan_intake, "place", place), (intake, "insert_records", insert)]


@_fault
def restored_controller_counts_on() -> list[Patch]:
    """Numbers that gateways have seen are given out again, with another content."""

    def next_version(backend: Any, connection: Any, _now_utc_s: int) -> int:
        return policies.newest_bundle_version(connection, backend.config.site) + 1

    return [
        (overtaking, "overtake", lambda *_: None),
        (status_publishing, "begin", lambda _backend: None),
        (policy_release, "_next_version", next_version),
    ]


def meaning(name: str) -> str:
    """Returns what a mistake is, in a sentence."""
    return (FAULTS[name].__doc__ or "").strip()
