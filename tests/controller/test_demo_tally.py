"""The counting finds every kind of loss, doubling and late grant, and nothing else."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from doorward_controller.demo.tally import (
    JournalNumbers,
    Presentation,
    Revocation,
    StoredRecord,
    Tally,
    count,
)

EPOCH = 7
WANG, LI = "00000000000000aa", "00000000000000bb"


def shown(at: int, credential: str | None = WANG, *, decided: bool | None = True) -> Presentation:
    return Presentation(gateway="north", credential_id=credential, at_utc_ms=at, is_decided=decided)


def scan(seq: int, at: int, credential: str | None = WANG, status_seq: int = 1) -> StoredRecord:
    return StoredRecord(
        gateway="north",
        epoch=EPOCH,
        seq=seq,
        is_scan=True,
        at_utc_ms=at,
        is_granted=True,
        credential_id=credential,
        reason="granted",
        status_seq=status_seq,
    )


def boot(seq: int, at: int = 0) -> StoredRecord:
    return replace(scan(seq, at, None), is_scan=False, is_granted=None, reason="")


def journal(head: int) -> list[JournalNumbers]:
    return [JournalNumbers(gateway="north", epoch=EPOCH, head=head)]


def revocation(seq: int, at: int, applied: int | None) -> Revocation:
    by_gateway = {} if applied is None else {"north": applied}
    return Revocation(credential_id=WANG, seq=seq, at_utc_ms=at, applied_at_utc_ms=by_gateway)


def zeros(tally: Tally) -> tuple[int, int, int]:
    return tally.lost, tally.duplicated, tally.granted_after_revocation


def test_everything_in_its_place_counts_as_nothing_wrong() -> None:
    tally = count(
        [shown(100), shown(200, LI), shown(300)],
        journal(4),
        [boot(1), scan(2, 110), scan(3, 210, LI), scan(4, 310)],
        [],
    )
    assert zeros(tally) == (0, 0, 0)
    assert (tally.presented, tally.decided, tally.recorded, tally.stored) == (3, 3, 4, 4)
    assert tally.findings == ()


def test_number_that_the_journal_gave_out_and_the_store_lacks_is_lost() -> None:
    tally = count([shown(100)], journal(3), [scan(1, 110), boot(3)], [])
    assert zeros(tally) == (1, 0, 0)
    assert "record 2 of north" in tally.findings[0]


def test_decided_scan_without_a_record_is_lost_even_when_all_numbers_are_there() -> None:
    tally = count([shown(100), shown(200)], journal(1), [scan(1, 110)], [])
    assert zeros(tally) == (1, 0, 0)


def test_scan_that_was_cut_short_by_a_kill_may_have_a_record_or_none() -> None:
    with_record = count([shown(100, decided=None)], journal(1), [scan(1, 110)], [])
    without = count([shown(100, decided=None)], journal(0), [], [])
    assert zeros(with_record) == zeros(without) == (0, 0, 0)
    assert with_record.interrupted == 1


def test_row_that_is_stored_twice_is_doubled_once() -> None:
    tally = count([shown(100)], journal(1), [scan(1, 110), scan(1, 110)], [])
    assert zeros(tally) == (0, 1, 0)


def test_row_that_no_journal_knows_is_doubled() -> None:
    tally = count([shown(100)], journal(1), [scan(1, 110), boot(2)], [])
    assert zeros(tally) == (0, 1, 0)


def test_second_scan_of_one_presentation_is_doubled() -> None:
    tally = count([shown(100)], journal(2), [scan(1, 110), scan(2, 900)], [])
    assert zeros(tally) == (0, 1, 0)


def test_scan_that_nobody_presented_is_doubled() -> None:
    tally = count([shown(1000)], journal(2), [scan(1, 110), scan(2, 1010)], [])
    assert zeros(tally) == (0, 1, 0)
    assert "never presented" in tally.findings[0]


def test_record_without_a_credential_belongs_to_what_was_shown_last_before_it() -> None:
    foreign = replace(scan(1, 198, None), is_granted=False, reason="malformed")
    tally = count([shown(100, None), shown(200)], journal(2), [foreign, scan(2, 290)], [])
    assert zeros(tally) == (0, 0, 0)


def test_gateway_without_policy_names_no_credential_and_that_is_no_loss() -> None:
    refused = replace(scan(1, 110, None), is_granted=False, reason="policy_missing")
    assert zeros(count([shown(100)], journal(1), [refused], [])) == (0, 0, 0)


def test_another_gateways_epoch_is_another_number() -> None:
    other = replace(scan(1, 110), epoch=EPOCH + 1)
    tally = count([shown(100)], journal(1), [other], [])
    assert (tally.lost, tally.duplicated) == (1, 1)


def test_grant_before_the_revocation_is_fine() -> None:
    tally = count([shown(100)], journal(1), [scan(1, 110)], [revocation(2, 500, 600)])
    assert zeros(tally) == (0, 0, 0)
    assert tally.granted_while_propagating == 0


def test_grant_between_revocation_and_its_arrival_is_counted_apart() -> None:
    tally = count([shown(510)], journal(1), [scan(1, 520)], [revocation(2, 500, 600)])
    assert zeros(tally) == (0, 0, 0)
    assert tally.granted_while_propagating == 1


def test_grant_by_a_gateway_that_had_acknowledged_the_revocation_is_counted() -> None:
    tally = count([shown(700)], journal(1), [scan(1, 710)], [revocation(2, 500, 600)])
    assert zeros(tally) == (0, 0, 1)


def test_grant_by_the_list_that_holds_the_revocation_is_counted_at_any_time() -> None:
    stored = [scan(1, 520, status_seq=2)]
    tally = count([shown(510)], journal(1), stored, [revocation(2, 500, None)])
    assert zeros(tally) == (0, 0, 1)


def test_refusal_of_a_revoked_credential_is_fine() -> None:
    refused = replace(scan(1, 710, status_seq=2), is_granted=False, reason="revoked")
    tally = count([shown(700)], journal(1), [refused], [revocation(2, 500, 600)])
    assert zeros(tally) == (0, 0, 0)


@given(st.lists(st.integers(1, 40), unique=True, max_size=12), st.integers(0, 40))
def test_every_missing_and_every_surplus_number_is_counted(seqs: list[int], head: int) -> None:
    tally = count([], journal(head), [boot(seq) for seq in seqs], [])
    assert tally.lost == len(set(range(1, head + 1)) - set(seqs))
    assert tally.duplicated == len(set(seqs) - set(range(1, head + 1)))
