"""What stands in the record of a scan beside the reason: notices, and who passes along."""

import pytest

from doorward.decision import Bearer, Companion, Deny, Grant, Grounds, Movement
from doorward.ids import CredentialId
from doorward.policy import Direction
from doorward.reasons import Reason
from doorward.records import Record
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_edge.scan import Scan
from doorward_edge.stages.record import RecordStage
from tests.fakes.fake_journal import FakeJournal

NOW = Instant(utc_ms=UtcMs(10**12), mono_ms=MonoMs(5), trust=ClockTrust.SYNCHRONISED)
IN = Movement(way=Direction.ENTRY, enters="site")


def companion(number: int) -> Companion:
    who = CredentialId(number.to_bytes(8))
    bearer = Bearer(credential_id=who, holder_id=who, status_index=number)
    return Companion(
        bearer=bearer, movement=IN, waits_for=Reason.SECOND_PERSON_NEEDED, at_mono_ms=1
    )


def grant(*along: int, notices: tuple[Reason, ...] = ()) -> Grant:
    return Grant(
        reason=Reason.GRANTED,
        grounds=Grounds(rule="10:x", notices=notices),
        pulse_ms=500,
        companions=tuple(map(companion, along)),
    )


@pytest.mark.parametrize(
    ("decision", "detail"),
    [
        (grant(), ""),
        (grant(notices=(Reason.DURESS,)), "noticed: duress"),
        (grant(1), "along: 0000000000000001"),
        (
            grant(1, 2, notices=(Reason.ALREADY_INSIDE, Reason.DURESS)),
            "noticed: already_inside, duress; along: 0000000000000001, 0000000000000002",
        ),
        (
            Deny(reason=Reason.EXPIRED, grounds=Grounds(rule="9:roster", notices=(Reason.DURESS,))),
            "noticed: duress",
        ),
    ],
)
def test_record_says_what_was_noticed_and_who_passes_along(
    decision: Grant | Deny, detail: str
) -> None:
    assert written(decision).detail == detail


def test_however_many_pass_along_the_record_fits() -> None:
    assert len(written(grant(*range(32))).detail) == 512


def written(decision: Grant | Deny) -> Record:
    journal = FakeJournal()
    stage = RecordStage(journal, boot_id=bytes(8), portal="gate", is_online=lambda: True)
    scan = Scan(payload=b"DW1:X", problem="", reader="r", captured_mono_ms=1)
    stage.scan(scan, decision, NOW)
    (record,) = journal.records
    return Record.from_wire(record.to_wire())
