"""An event that the disk refuses is recorded later, with the time at which it happened."""

from doorward.events import EventCode
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_edge.events import MOST_WAITING, RETRY_MS, EventBook
from doorward_edge.ports import JournalFullError, Notice
from doorward_edge.stages.record import RecordStage
from tests.fakes.fake_journal import FakeJournal

A, B = EventCode.JOURNAL_DAMAGED, EventCode.DOCUMENTS_DAMAGED
FULL = JournalFullError("journal: full")


def at(mono_ms: int) -> Instant:
    return Instant(
        utc_ms=UtcMs(1_800_000_000_000 + mono_ms),
        mono_ms=MonoMs(mono_ms),
        trust=ClockTrust.SYNCHRONISED,
    )


def book(journal: FakeJournal) -> EventBook:
    stage = RecordStage(journal, boot_id=b"12345678", portal="north", is_online=lambda: True)
    return EventBook(stage)


def notice(code: EventCode) -> Notice:
    return Notice(code=code, detail="why")


def test_events_are_recorded_in_order() -> None:
    journal = FakeJournal()
    events = book(journal)
    assert not events.write(at(0))
    events.note(notice(A), at(1))
    events.note(notice(B), at(2))
    assert events.write(at(3))
    assert [(r.reason, r.mono_ms) for r in journal.records] == [(A, 1), (B, 2)]
    assert not events.write(at(4))


def test_what_the_disk_refuses_is_tried_again_and_keeps_its_time() -> None:
    journal = FakeJournal(error=FULL)
    events = book(journal)
    events.note(notice(A), at(1))
    assert not events.write(at(1))
    journal.error = None
    assert not events.write(at(RETRY_MS))
    assert events.write(at(1 + RETRY_MS))
    assert [(r.reason, r.mono_ms) for r in journal.records] == [(A, 1)]


def test_the_last_word_does_not_wait() -> None:
    journal = FakeJournal(error=FULL)
    events = book(journal)
    events.note(notice(A), at(1))
    events.write(at(1))
    journal.error = None
    assert events.write(at(2), is_last=True)


def test_scans_without_a_record_are_counted_in_one_that_comes_later() -> None:
    journal = FakeJournal(error=FULL)
    events = book(journal)
    for mono_ms in (10, 20, 30):
        events.miss(at(mono_ms))
        events.write(at(mono_ms))
    journal.error = None
    assert events.write(at(20_000))
    (record,) = journal.records
    assert record.reason == EventCode.SCANS_NOT_RECORDED
    assert record.detail == "3 since 1800000000010 ms; all were refused"
    assert not events.write(at(40_000))


def test_a_disk_that_is_full_for_days_does_not_fill_the_memory() -> None:
    journal = FakeJournal(error=FULL)
    events = book(journal)
    for number in range(MOST_WAITING + 10):
        events.note(Notice(code=A, detail=f"n{number}"), at(number))
    journal.error = None
    events.write(at(1_000))
    assert len(journal.records) == MOST_WAITING
    assert journal.records[-1].detail == f"n{MOST_WAITING + 9}"
