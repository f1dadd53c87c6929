"""The journal on real files: numbers, sealing, acknowledgements, keeping, room."""

import contextlib
import sqlite3
import threading
from pathlib import Path
from typing import cast

import pytest

from doorward.batches import chain_start
from doorward.errors import MalformedError
from doorward.ids import GatewayId
from doorward.ranges import count
from doorward.times import UtcSeconds
from doorward_edge.adapters.journal_sqlite import SqliteJournal
from doorward_edge.adapters.journal_sqlite.index import KEEP_S
from doorward_edge.ports import (
    JournalBusyError,
    JournalForeignError,
    JournalFullError,
    JournalUnavailableError,
    Receipt,
)
from tests.adapters.journal_case import (
    CAPACITY,
    GATEWAY,
    MOST,
    RECIPIENT,
    fill,
    open_at,
    opened,
    pending,
    record,
)

AT = UtcSeconds(1_760_000_000)
LATER = UtcSeconds(AT + KEEP_S + 3600)


def test_records_are_numbered_from_one_and_read_back_by_the_controller_alone(
    tmp_path: Path,
) -> None:
    journal = open_at(tmp_path)
    fill(journal, 1, 300)
    (span,) = journal.spans()
    assert (span.head, span.pending, span.kept, span.lost) == (300, ((1, 300),), (), ())
    first = journal.read(span.epoch, 1, 300, MOST)
    assert first is not None
    assert first.chain_before == chain_start(GATEWAY, span.epoch)
    assert opened(first)[0] == record(1)
    assert first.last_seq == 256
    assert [each.mono_ms for each in pending(journal).values()] == list(range(1, 301))
    journal.close()


def test_nothing_readable_lies_on_the_card(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    journal.append(record(1, "a sentence that must not be found")).wait(10)
    on_card = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    journal.close()
    on_card += b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"must not be found" not in on_card


def test_the_chain_and_the_numbers_go_on_after_a_restart_under_a_new_key(tmp_path: Path) -> None:
    for start in range(5):
        journal = open_at(tmp_path)
        assert journal.take_notices() == ()
        fill(journal, 1 + 10 * start, 10)
        (span,) = journal.spans()
        stretch = journal.read(span.epoch, 1, 100, MOST)
        assert stretch is not None
        assert [segment.number for segment in stretch.segments] == list(range(1, start + 2))
        assert len(pending(journal)) == 10 * (start + 1)
        journal.close()


def test_a_segment_ends_after_1024_records_and_after_a_day(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    # A group of up to 64 that share a flush goes into one segment.
    fill(journal, 1, 1024 + 64)
    day_later = record(24 * 3600 * 1000 + 2000)
    receipt = journal.append(day_later).wait(10)
    assert receipt is not None
    stretch = journal.read(receipt.epoch, 1000, receipt.seq, MOST)
    assert stretch is not None
    segments = [each.segment for each in stretch.records]
    assert segments[-1] == 3
    assert segments.count(2) >= 1
    assert journal.spans()[0].head == 1024 + 64 + 1
    journal.close()


def test_appends_from_many_threads_share_flushes_and_lose_nothing(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    receipts: list[Receipt | None] = []

    def scan(base: int) -> None:
        for n in range(50):
            receipts.append(journal.append(record(base + n)).wait(30))

    threads = [threading.Thread(target=scan, args=(1000 * n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(r.seq for r in receipts if r) == list(range(1, 401))
    assert len(pending(journal)) == 400
    journal.close()


def test_acknowledged_records_stay_seven_days_and_go_then(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    fill(journal, 1, 20)
    epoch = journal.spans()[0].epoch
    journal.settle(epoch, ((1, 5), (8, 20)), (), AT)
    assert journal.purge(UtcSeconds(AT + KEEP_S - 1)) == 0
    assert journal.spans()[0].kept == ((1, 5), (8, 20))
    journal.close()
    journal = open_at(tmp_path)
    assert journal.spans()[0].pending == ((6, 7),)
    removed = 0
    while step := journal.purge(LATER):
        removed += step
    assert removed == 17
    (span,) = journal.spans()
    assert (span.pending, span.kept) == (((6, 7),), ((20, 20),))
    assert [seq for _, seq in pending(journal)] == [6, 7]
    journal.close()
    journal = open_at(tmp_path)
    assert journal.take_notices() == ()
    assert journal.append(record(21)).wait(10) == Receipt(epoch=epoch, seq=21)
    journal.close()


def test_a_number_is_never_given_out_twice_though_all_its_records_were_deleted(
    tmp_path: Path,
) -> None:
    journal = open_at(tmp_path)
    fill(journal, 1, 10)
    epoch = journal.spans()[0].epoch
    journal.settle(epoch, ((1, 10),), (), AT)
    while journal.purge(LATER):
        pass
    journal.close()
    journal = open_at(tmp_path)
    assert journal.append(record(11)).wait(10) == Receipt(epoch=epoch, seq=11)
    journal.close()


def test_a_controller_restored_from_a_backup_gets_kept_records_again(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    fill(journal, 1, 20)
    epoch = journal.spans()[0].epoch
    journal.settle(epoch, ((1, 20),), (), AT)
    journal.settle(epoch, (), ((5, 9), (90, 99)), AT)
    assert journal.spans()[0].pending == ((5, 9),)
    journal.close()
    journal = open_at(tmp_path)
    assert [seq for _, seq in pending(journal)] == [5, 6, 7, 8, 9]
    while journal.purge(LATER):
        pass
    assert [seq for _, seq in pending(journal)] == [5, 6, 7, 8, 9]
    journal.close()


def test_an_acknowledgement_of_what_was_never_written_changes_nothing(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    fill(journal, 1, 3)
    (span,) = journal.spans()
    journal.settle(span.epoch, ((10, 20),), (), AT)
    other = type(span.epoch)(span.epoch ^ 1)
    journal.settle(other, ((1, 3),), (), AT)
    assert journal.read(other, 1, 3, MOST) is None
    assert journal.spans() == (span,)
    fill(journal, 4, 10)
    assert journal.spans()[0].pending == ((1, 13),)
    journal.close()


def test_a_batch_keeps_to_the_bytes_it_may_have(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    tickets = [journal.append(record(n, "x" * 500)) for n in range(1, 101)]
    assert all(ticket.wait(30) for ticket in tickets)
    epoch = journal.spans()[0].epoch
    stretch = journal.read(epoch, 1, 100, 10_000)
    assert stretch is not None
    assert 10 <= len(stretch.records) <= 20
    single = journal.read(epoch, 1, 100, 10)
    assert single is not None
    assert len(single.records) == 1
    journal.close()


def test_a_record_known_to_be_late_says_so(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    held = threading.Event()
    blocked = threading.Thread(target=lambda: journal._call(held.wait))
    blocked.start()
    ticket = journal.append(record(1))
    assert ticket.wait(0.01) is None
    assert ticket.mark_late()
    held.set()
    blocked.join()
    assert ticket.wait(10) is not None
    (only,) = pending(journal).values()
    assert only.late
    assert not ticket.mark_late()
    journal.close()


def test_a_record_sealed_before_it_was_known_to_be_late_gets_an_event_behind_it(
    tmp_path: Path,
) -> None:
    journal = open_at(tmp_path)
    ticket = journal.append(record(1))
    real = journal._store.append

    def slow(*arguments: object) -> None:
        journal._store.append = real  # type: ignore[method-assign]
        assert ticket.mark_late()
        real(*arguments)  # type: ignore[arg-type]

    held = threading.Event()
    assert ticket.wait(10) is not None
    blocked = threading.Thread(target=lambda: journal._call(held.wait))
    blocked.start()
    ticket = journal.append(record(2))
    journal._store.append = slow  # type: ignore[method-assign,assignment]
    held.set()
    blocked.join()
    assert ticket.wait(10) is not None
    fill(journal, 3, 1)
    _, second, event, _ = pending(journal).values()
    assert (second.late, event.reason, event.about_seq) == (False, "recorded_late", 2)
    journal.close()


def test_a_failed_commit_gives_its_numbers_out_again_under_another_key(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    fill(journal, 1, 3)
    real = journal._store.append

    def fails(*arguments: object) -> None:
        journal._store.append = real  # type: ignore[method-assign]
        raise JournalUnavailableError("journal: appending: disk I/O error")

    journal._store.append = fails  # type: ignore[method-assign,assignment]
    with pytest.raises(JournalUnavailableError, match="disk I/O error"):
        journal.append(record(4)).wait(10)
    receipt = journal.append(record(5)).wait(10)
    assert receipt is not None
    assert receipt.seq == 4
    stretch = journal.read(receipt.epoch, 1, 10, MOST)
    assert stretch is not None
    assert [each.segment for each in stretch.records] == [1, 1, 1, 2]
    assert opened(stretch)[-1] == record(5)
    journal.close()


def test_a_record_out_of_bounds_is_refused_where_it_is_made(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    with pytest.raises(MalformedError, match="detail"):
        journal.append(record(1, "x" * 513))
    fill(journal, 1, 1)
    journal.close()


def test_a_closed_journal_says_so_and_what_waited_is_there(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    tickets = [journal.append(record(n)) for n in range(100)]
    journal.close()
    journal.close()
    assert all(ticket.wait(0) for ticket in tickets)
    with pytest.raises(JournalUnavailableError, match="closed"):
        journal.append(record(1))


def test_two_processes_never_share_a_journal(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    with pytest.raises(JournalBusyError, match="another process"):
        open_at(tmp_path)
    journal.close()
    open_at(tmp_path).close()


def test_another_gateways_journal_is_not_opened(tmp_path: Path) -> None:
    open_at(tmp_path).close()
    with pytest.raises(JournalForeignError, match="belongs to gateway gate-1"):
        SqliteJournal.open(tmp_path, GatewayId("gate-2"), RECIPIENT, CAPACITY)
    open_at(tmp_path).close()


def test_a_newer_layout_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    open_at(tmp_path).close()
    from doorward_edge.adapters.journal_sqlite.rows import MetaRow, row_check

    newer = MetaRow(1, 2, GATEWAY)
    db = sqlite3.connect(tmp_path / "journal.db")
    with db:
        db.execute("UPDATE meta SET version = 2, row_check = ?", (row_check(newer),))
    db.close()
    before = (tmp_path / "journal.db").read_bytes()
    with pytest.raises(JournalForeignError, match="layout 2"):
        open_at(tmp_path)
    assert (tmp_path / "journal.db").read_bytes() == before


def test_a_full_journal_fails_the_append_and_overwrites_nothing(tmp_path: Path) -> None:
    journal = open_at(tmp_path, 512 * 1024)
    tickets = [journal.append(record(n, "x" * 500)) for n in range(1, 2000)]
    receipts, refused = [], 0
    for ticket in tickets:
        try:
            receipts.append(ticket.wait(30))
        except JournalFullError:
            refused += 1
    assert refused
    assert [each.seq for each in receipts if each] == list(range(1, len(receipts) + 1))
    assert len(pending(journal)) == len(receipts)
    assert journal.use().is_alarming
    assert [notice.code for notice in journal.take_notices()] == ["journal_filling"]
    journal.close()
    journal = open_at(tmp_path, 512 * 1024)
    assert len(pending(journal)) == len(receipts)
    journal.close()


def test_acknowledged_records_are_given_up_to_make_room_and_that_is_told(tmp_path: Path) -> None:
    journal = open_at(tmp_path, 512 * 1024)
    epoch = journal.spans()[0].epoch
    for base in range(0, 4000, 100):
        tickets = [journal.append(record(base + n, "x" * 400)) for n in range(100)]
        assert all(ticket.wait(30) for ticket in tickets)
        if base >= 300:
            journal.settle(epoch, ((101, base),), (), AT)
    (span,) = journal.spans()
    assert span.head == 4000
    assert span.pending == ((1, 100), (3901, 4000))
    assert "journal_gave_up_kept" in {notice.code for notice in journal.take_notices()}
    assert journal.use().used_bytes <= 512 * 1024
    journal.close()


def test_room_for_a_hundred_thousand_records_is_in_64_mib(tmp_path: Path) -> None:
    journal = open_at(tmp_path, 64 * 1024 * 1024)
    sizes = []
    for base in range(0, 2000, 1000):
        fill(journal, base, 1000)
        sizes.append(journal.use().used_bytes)
    journal._call(journal._room.measure)
    per_record = journal.use().used_bytes / 2000
    assert per_record * 100_000 < 0.8 * 64 * 1024 * 1024
    journal.close()


def test_what_the_journal_may_still_take_is_reserved(tmp_path: Path) -> None:
    journal = open_at(tmp_path, CAPACITY)
    held = (tmp_path / "journal.reserve").stat()
    assert held.st_blocks * 512 >= CAPACITY - 512 * 1024
    journal.close()


def test_many_records_are_kept_over_a_restart(tmp_path: Path) -> None:
    journal = open_at(tmp_path, 64 * 1024 * 1024)
    fill(journal, 1, 20_000)
    journal.close()
    journal = open_at(tmp_path, 64 * 1024 * 1024)
    assert count(journal.spans()[0].pending) == 20_000
    journal.close()


def test_what_nobody_foresaw_refuses_the_record_and_the_journal_lives_on(tmp_path: Path) -> None:
    keys = [bytes(6), b"too short"]

    def draw(size: int) -> bytes:
        return keys.pop(0) if keys else bytes(size)

    journal = SqliteJournal.open(tmp_path, GATEWAY, RECIPIENT, CAPACITY, draw)
    with pytest.raises(JournalUnavailableError, match="segment key of 9 bytes"):
        journal.append(record(1)).wait(10)
    assert journal.append(record(2)).wait(10) is not None
    journal.close()


def test_a_thread_that_ended_leaves_nobody_waiting(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    journal._log_bytes = cast("int", None)
    with contextlib.suppress(JournalUnavailableError):
        journal.append(record(1)).wait(10)
    assert journal._thread is not None
    assert journal._thread is not None
    journal._thread.join(10)
    with pytest.raises(JournalUnavailableError):
        journal.append(record(2))
    with pytest.raises(JournalUnavailableError):
        journal.read(journal.spans()[-1].epoch, 1, 1, MOST)
