"""Recording: durable before the lock is told, or known to be late, or known to have failed."""

from doorward.events import EventCode
from doorward.records import RecordKind
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_edge.ports import Journal, JournalFullError
from doorward_edge.stages.record import RECORD_WAIT_S, Recorded, RecordStage
from tests.fakes.fake_journal import FakeJournal

NOW = Instant(utc_ms=UtcMs(1_760_000_000_000), mono_ms=MonoMs(5), trust=ClockTrust.SYNCHRONISED)


def stage(journal: Journal, *, online: bool = False) -> RecordStage:
    return RecordStage(journal, boot_id=b"bootboot", portal="gate-1", is_online=lambda: online)


def test_a_record_is_durable_when_the_journal_says_so() -> None:
    journal = FakeJournal()
    outcome = stage(journal, online=True).event(EventCode.GATEWAY_STARTED, "with\0nul", NOW)
    assert outcome.state is Recorded.DURABLE
    assert outcome.receipt is not None
    assert outcome.receipt.seq == 1
    (kept,) = journal.records
    assert (kept.kind, kept.reason, kept.detail, kept.online, kept.portal) == (
        RecordKind.EVENT,
        "gateway_started",
        "withnul",
        True,
        "gate-1",
    )
    assert (kept.utc_ms, kept.mono_ms, kept.boot_id, kept.clock_trust) == (
        NOW.utc_ms,
        5,
        b"bootboot",
        2,
    )


def test_a_slow_card_makes_nobody_wait_longer_and_the_record_says_late() -> None:
    journal = FakeJournal(is_slow=True)
    outcome = stage(journal).event(EventCode.GATEWAY_STARTED, "", NOW)
    ((_, ticket),) = journal.waiting
    assert outcome.state is Recorded.LATE
    assert ticket.waited_s == [RECORD_WAIT_S]
    journal.catch_up()
    assert journal.records[0].late


def test_a_record_that_arrives_at_the_last_moment_is_durable_and_not_late() -> None:
    journal = FakeJournal(is_just_in_time=True)
    outcome = stage(journal).event(EventCode.GATEWAY_STARTED, "", NOW)
    assert outcome.state is Recorded.DURABLE
    assert not journal.records[0].late


def test_a_full_disk_is_an_outcome_and_not_an_exception() -> None:
    full = JournalFullError("journal: full")
    outcome = stage(FakeJournal(error=full)).event(EventCode.GATEWAY_STARTED, "", NOW)
    assert (outcome.state, outcome.error) == (Recorded.FAILED, full)


def test_a_long_event_is_cut_to_what_a_record_holds() -> None:
    journal = FakeJournal()
    stage(journal).event(EventCode.JOURNAL_DAMAGED, "x" * 600, NOW)
    assert [(r.reason, len(r.detail)) for r in journal.records] == [
        (EventCode.JOURNAL_DAMAGED, 512)
    ]
