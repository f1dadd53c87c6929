"""Passages and events: stable codes with words in both languages."""

import re

import pytest

from doorward.events import (
    EVENT_TEXTS,
    PASSAGE_TEXTS,
    EventCode,
    EventText,
    Passage,
    event_text,
)
from doorward.reasons import Reason
from doorward.records import Record

RELEASED = {
    "gateway_started", "gateway_stopped", "scans_not_recorded", "recorded_late", "journal_damaged",
    "journal_missing", "journal_end_torn", "journal_filling",
    "journal_not_reserved", "journal_gave_up_kept", "journal_record_damaged", "documents_damaged",
    "documents_lost",
}  # fmt: skip
ALL: list[Passage | EventCode] = [*Passage, *EventCode]


def words(code: Passage | EventCode) -> EventText:
    return PASSAGE_TEXTS[code] if isinstance(code, Passage) else EVENT_TEXTS[code]


def test_code_that_was_ever_released_is_never_renamed() -> None:
    assert {code.value for code in EventCode} >= RELEASED
    assert {code.value for code in Passage} == {"entered", "no_entry", "forced", "held"}


@pytest.mark.parametrize("code", ALL)
def test_code_has_words_in_both_languages_and_fits_a_record(code: Passage | EventCode) -> None:
    text = words(code)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
    assert text.en.endswith(".")
    assert text.en.isascii()
    assert text.zh.endswith("。")
    assert not text.zh.isascii()
    assert len(text.en) <= 80
    assert event_text(code.value) == text
    record = Record(kind=3, utc_ms=1, mono_ms=1, boot_id=bytes(8), clock_trust=0, reason=code.value)
    assert Record.from_wire(record.to_wire()).reason == code


def test_a_code_means_one_thing() -> None:
    codes = [*(code.value for code in ALL), *(reason.value for reason in Reason)]
    assert len(codes) == len(set(codes))


def test_a_code_of_a_newer_gateway_has_no_words_here() -> None:
    assert event_text("from_the_future") is None
