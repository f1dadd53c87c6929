"""Which changes are told at once, which go on record, and that nothing flaps."""

from hypothesis import given
from hypothesis import strategies as st

from doorward.events import EventCode
from doorward.health import Level
from doorward_edge.vitals.changes import HOLD_MS, LevelBook


def told(book: LevelBook, name: str, value: int, at_ms: int) -> list[tuple[Level, object]]:
    return [(change.now, change.event) for change in book.take({name: value}, at_ms)]


def test_worse_is_told_at_once_and_well_after_a_moment() -> None:
    book = LevelBook()
    assert told(book, "temperature_mc", 60_000, 0) == []
    assert told(book, "temperature_mc", 76_000, 1) == [(Level.WARNING, None)]
    assert told(book, "temperature_mc", 81_000, 2) == [(Level.ALARM, EventCode.OVER_TEMPERATURE)]
    assert told(book, "temperature_mc", 70_000, 3) == []
    assert told(book, "temperature_mc", 69_000, 3 + HOLD_MS) == [
        (Level.OK, EventCode.TEMPERATURE_NORMAL)
    ]


def test_a_supply_that_sags_is_on_record_with_begin_and_end() -> None:
    book = LevelBook()
    assert told(book, "undervoltage_now", 1, 0) == [(Level.ALARM, EventCode.UNDERVOLTAGE)]
    assert told(book, "undervoltage_now", 0, 5_000) == []
    assert told(book, "undervoltage_now", 1, 9_000) == []
    assert told(book, "undervoltage_now", 0, 14_000) == []
    assert told(book, "undervoltage_now", 0, 14_000 + HOLD_MS) == [
        (Level.OK, EventCode.VOLTAGE_NORMAL)
    ]


def test_file_system_errors_are_on_record_from_the_first() -> None:
    book = LevelBook()
    assert told(book, "filesystem_errors", 1, 0) == [(Level.WARNING, EventCode.STORAGE_ERRORS)]
    assert told(book, "filesystem_errors", 12, 1) == [(Level.ALARM, None)]


def test_a_number_that_is_missing_for_a_while_changes_nothing() -> None:
    book = LevelBook()
    told(book, "temperature_mc", 90_000, 0)
    assert book.take({}, 60_000) == ()
    assert book.levels() == {"temperature_mc": Level.ALARM}


def test_what_is_not_known_never_changes_anything() -> None:
    assert told(LevelBook(), "flux_capacitance_nf", 10**9, 0) == []


@given(st.lists(st.integers(55_000, 95_000), max_size=200))
def test_begin_and_end_of_an_event_take_turns(values: list[int]) -> None:
    book, events = LevelBook(), []
    for n, value in enumerate(values):
        events += [event for _, event in told(book, "temperature_mc", value, n * 5_000) if event]
    pair = [EventCode.OVER_TEMPERATURE, EventCode.TEMPERATURE_NORMAL]
    assert events == [pair[n % 2] for n in range(len(events))]
