"""What scanners type and send becomes codes: whole ones, bounded ones, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_edge.scan import MAX_PAYLOAD_BYTES
from doorward_edge.scanners.lines import LINE_GAP_MS, LineEnd, SerialCodes
from doorward_edge.scanners.presentations import BURST, REFILL_MS, Presentations
from doorward_edge.scanners.reading import Reading
from doorward_edge.scanners.typed import EVENT, KEY_GAP_MS, TypedCodes
from tests.fakes.typing_scanner import (
    CAPS_LOCK,
    CTRL,
    SHIFT,
    SYN_DROPPED,
    SYN_REPORT,
    TAB,
    US_KEYS,
    events,
    press,
    typed,
)

BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
BADGE = "DW1:" + BASE45 * 3


def codes(*readings: Reading) -> list[bytes]:
    assert all(not reading.problem for reading in readings)
    return [reading.payload for reading in readings]


# --- Keys


def test_a_typed_badge_is_read_letter_for_letter() -> None:
    assert codes(*TypedCodes().feed(typed(BADGE), 0)) == [BADGE.encode()]


@given(st.text(st.sampled_from(sorted(US_KEYS)), min_size=1, max_size=300))
def test_whatever_is_typed_is_read(text: str) -> None:
    assert codes(*TypedCodes().feed(typed(text), 0)) == [text.encode()]


@given(st.integers(1, 200))
def test_events_that_come_in_pieces_are_put_together(size: int) -> None:
    keys, wire = TypedCodes(), typed("DW0A+b/7")
    found: list[Reading] = []
    for at in range(0, len(wire), size):
        found += keys.feed(wire[at : at + size], 0)
    assert codes(*found) == [b"DW0A+b/7"]


def test_tab_ends_a_code_and_a_second_end_is_none() -> None:
    keys = TypedCodes()
    wire = typed("004711", TAB) + typed("", TAB) + typed("004712")
    assert codes(*keys.feed(wire, 0)) == [b"004711", b"004712"]


def test_the_number_pad_types_digits() -> None:
    pad = {"7": 71, "8": 72, "9": 73, "4": 75, "5": 76, "6": 77, "1": 79, "2": 80, "3": 81, "0": 82}
    wire = b"".join(press(pad[c]) for c in "0123456789") + press(96)
    assert codes(*TypedCodes().feed(wire, 0)) == [b"0123456789"]


def test_what_stops_in_the_middle_does_not_glue_to_the_next_code() -> None:
    keys = TypedCodes()
    assert keys.feed(typed("0047", None), 1_000) == ()
    assert codes(*keys.feed(typed("12345"), 1_000 + KEY_GAP_MS)) == [b"12345"]
    assert keys.counts()["unfinished"] == 1


def test_a_pause_shorter_than_the_gap_is_none() -> None:
    keys = TypedCodes()
    keys.feed(typed("0047", None), 1_000)
    assert codes(*keys.feed(typed("11"), 1_000 + KEY_GAP_MS - 1)) == [b"004711"]
    assert keys.counts()["unfinished"] == 0


def test_a_key_that_is_held_down_counts_once() -> None:
    repeated = events((1, 2, 1), *[(1, 2, 2)] * 5, (1, 2, 0), SYN_REPORT)
    assert codes(*TypedCodes().feed(repeated + typed("234"), 0)) == [b"1234"]


def test_caps_lock_of_the_device_changes_nothing() -> None:
    wire = press(CAPS_LOCK) + typed("Dw1")
    keys = TypedCodes()
    assert codes(*keys.feed(wire, 0)) == [b"Dw1"]
    assert keys.counts()["garbage"] == 0


def test_control_and_keys_that_print_nothing_are_counted_and_left_out() -> None:
    control_v = events((1, CTRL, 1)) + press(47) + events((1, CTRL, 0))
    f5 = press(63)
    keys = TypedCodes()
    assert codes(*keys.feed(typed("12", None) + control_v + f5 + typed("34"), 0)) == [b"1234"]
    assert keys.counts()["garbage"] == 2


def test_after_events_that_the_kernel_dropped_the_code_counts_no_more() -> None:
    keys = TypedCodes()
    wire = typed("0047", None) + events((1, SHIFT, 1), SYN_DROPPED) + press(2)[: EVENT.size]
    wire += events((1, 3, 1), SYN_REPORT) + typed("567")
    assert codes(*keys.feed(wire, 0)) == [b"567"]
    assert keys.counts()["unfinished"] == 1


def test_what_is_typed_without_end_is_cut_and_says_so() -> None:
    (reading,) = TypedCodes().feed(typed("7" * (MAX_PAYLOAD_BYTES + 1)), 0)
    assert (len(reading.payload), reading.problem) == (MAX_PAYLOAD_BYTES, "too_long")
    (whole,) = TypedCodes().feed(typed("7" * MAX_PAYLOAD_BYTES), 0)
    assert whole.problem == ""


@given(st.lists(st.tuples(st.binary(max_size=400), st.integers(0, 10**6)), max_size=20))
def test_no_events_whatever_they_are_break_the_keyboard(pieces: list[tuple[bytes, int]]) -> None:
    keys = TypedCodes()
    for wire, at_ms in pieces:
        for reading in keys.feed(wire, at_ms):
            assert 1 <= len(reading.payload) <= MAX_PAYLOAD_BYTES


# --- Lines


@pytest.mark.parametrize(
    ("end", "wire"),
    [
        (LineEnd.NEWLINE, b"004711\r\n004712\r\n"),
        (LineEnd.NEWLINE, b"004711\r004712\r"),
        (LineEnd.NEWLINE, b"004711\n\n004712\n"),
        (LineEnd.NEWLINE, b"\x02004711\x03\r\n\x02004712\x03\r\n"),
        (LineEnd.TAB, b"004711\t004712\t"),
        (LineEnd.ETX, b"\x02004711\x03\x02004712\x03"),
    ],
)
def test_each_line_is_a_code(end: LineEnd, wire: bytes) -> None:
    assert codes(*SerialCodes(end).feed(wire, 0)) == [b"004711", b"004712"]
    one_by_one = SerialCodes(end)
    found = [r for byte in wire for r in one_by_one.feed(bytes([byte]), 0)]
    assert codes(*found) == [b"004711", b"004712"]


def test_without_line_ends_a_pause_ends_the_code() -> None:
    lines = SerialCodes(LineEnd.GAP)
    assert lines.feed(b"0047", 1_000) == ()
    assert lines.feed(b"11", 1_100) == ()
    assert lines.feed(b"", 1_100 + LINE_GAP_MS - 1) == ()
    assert codes(*lines.feed(b"", 1_100 + LINE_GAP_MS)) == [b"004711"]
    assert lines.feed(b"", 9_999) == ()


def test_a_line_that_stops_in_the_middle_does_not_glue_to_the_next() -> None:
    lines = SerialCodes(LineEnd.NEWLINE)
    lines.feed(b"0047", 1_000)
    assert codes(*lines.feed(b"12345\r", 1_000 + LINE_GAP_MS)) == [b"12345"]
    assert lines.counts()["unfinished"] == 1


@pytest.mark.parametrize("noise", [b"\xff\xfe\x80\r", b"\x00\x00A\r", b"12\x1b[2J34\r"])
def test_bytes_that_are_no_text_are_counted_and_left_out(noise: bytes) -> None:
    lines = SerialCodes(LineEnd.NEWLINE)
    assert codes(*lines.feed(noise + b"004711\r", 0)) == [b"004711"]
    assert lines.counts()["garbage"] == 1


def test_text_beyond_ascii_is_text() -> None:
    assert codes(*SerialCodes(LineEnd.NEWLINE).feed("工号7\r".encode(), 0)) == ["工号7".encode()]


@pytest.mark.parametrize("more", [1, 100_000])
def test_a_line_without_end_is_cut_and_says_so(more: int) -> None:
    lines = SerialCodes(LineEnd.NEWLINE)
    (reading,) = lines.feed(b"7" * (MAX_PAYLOAD_BYTES + more) + b"\r", 0)
    assert (len(reading.payload), reading.problem) == (MAX_PAYLOAD_BYTES, "too_long")
    assert codes(*lines.feed(b"004711\r", 0)) == [b"004711"], "the next one is whole again"


@given(
    st.sampled_from(LineEnd),
    st.lists(st.tuples(st.binary(max_size=700), st.integers(0, 10**6)), max_size=12),
)
def test_no_bytes_whatever_they_are_break_a_line(
    end: LineEnd, pieces: list[tuple[bytes, int]]
) -> None:
    lines = SerialCodes(end)
    for wire, at_ms in pieces:
        for reading in lines.feed(wire, at_ms):
            assert 1 <= len(reading.payload) <= MAX_PAYLOAD_BYTES
            assert not set(reading.payload) & set(range(32))


# --- Presentations

ONE, OTHER = Reading(payload=b"004711"), Reading(payload=b"004712")


def test_a_code_that_is_held_up_for_ten_seconds_is_one_scan() -> None:
    shown = Presentations(held_ms=3_000)
    assert [shown.is_new(ONE, at) for at in range(0, 10_001, 500)] == [True] + [False] * 20
    assert shown.counts() == {"scans": 1, "repeats": 20, "flooded": 0}


def test_a_code_counts_anew_once_it_was_away_for_the_held_time() -> None:
    shown = Presentations(held_ms=3_000)
    assert [shown.is_new(ONE, at) for at in (0, 3_000, 6_001)] == [True, False, True]


def test_another_code_counts_at_once() -> None:
    shown = Presentations(held_ms=3_000)
    assert [shown.is_new(r, 0) for r in (ONE, OTHER, ONE)] == [True, True, False]


def test_a_device_gone_mad_is_kept_to_a_measure() -> None:
    shown = Presentations(held_ms=3_000)
    mad = [Reading(payload=b"%06d" % number) for number in range(1_000)]
    assert sum(shown.is_new(reading, 1_000_000) for reading in mad) == BURST
    later_ms = 1_000_000 + 60_000
    few = [Reading(payload=b"%08d" % number) for number in range(100)]
    assert all(shown.is_new(r, later_ms + REFILL_MS * n) for n, r in enumerate(few))
    assert shown.counts()["flooded"] == 1_000 - BURST


def test_what_was_read_long_ago_is_forgotten() -> None:
    shown = Presentations(held_ms=1_000)
    for number in range(5_000):
        shown.is_new(Reading(payload=b"%06d" % number), number * 400)
    assert len(shown._last_ms) <= 4
