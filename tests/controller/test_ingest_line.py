"""Fresh scans pass a returning backlog; nothing is lost, and each gateway's order is kept."""

import threading
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from doorward_controller.ingest.line import (
    BACKLOG_BYTES_ALONE,
    BACKLOG_BYTES_BESIDE,
    BACKLOG_SHARE,
    MAX_GROUP,
    SMALL_BYTES,
    Line,
)
from doorward_controller.ingest.ports import Inbound

LARGE = 60_000


def message(
    gateway: str, number: int, size: int = 100, confirmed: list[int] | None = None
) -> Inbound:
    """One whose bytes begin with its number."""
    said = [] if confirmed is None else confirmed
    return Inbound(
        topic=f"dw/1/main/{gateway}/up/records",
        wire=number.to_bytes(4) + bytes(size - 4),
        confirm=lambda: said.append(number),
    )


def filled(*messages: Inbound) -> Line:
    line = Line()
    for each in messages:
        assert line.put(each, 0)
    return line


def order_of(group: Sequence[Inbound]) -> list[tuple[str, int]]:
    return [(each.topic.split("/")[3], int.from_bytes(each.wire[:4])) for each in group]


def taken(line: Line) -> list[tuple[str, int]]:
    """Everything that waits, in the order in which it is given out."""
    found = []
    while line:
        group, _ = line.next_group(0)
        assert group
        found += order_of(group)
    return found


def test_a_small_message_passes_the_backlog_of_others() -> None:
    backlog = [message(f"back-{n}", n, LARGE) for n in range(50)]
    line = filled(*backlog, message("stay", 99))
    assert order_of(line.next_group(0)[0])[0] == ("stay", 99)


def test_a_gateway_never_passes_itself() -> None:
    line = filled(message("a", 1, LARGE), message("a", 2), message("b", 3, LARGE), message("a", 4))
    mine = [number for name, number in taken(line) if name == "a"]
    assert mine == [1, 2, 4]


def test_gateways_of_a_backlog_take_turns() -> None:
    line = filled(*(message(name, n, LARGE) for name in ("a", "b", "c") for n in range(3)))
    assert taken(line) == [(name, n) for n in range(3) for name in ("a", "b", "c")]


def test_little_of_a_backlog_is_taken_at_a_time_while_others_scan() -> None:
    backlog = [message(f"back-{n}", n, LARGE) for n in range(60)]
    beside, _ = filled(*backlog, message("stay", 99)).next_group(0)
    alone, _ = filled(*backlog).next_group(0)
    large = sum(len(each.wire) for each in beside if len(each.wire) > SMALL_BYTES)
    assert large < BACKLOG_BYTES_BESIDE + LARGE
    assert sum(len(each.wire) for each in alone) >= BACKLOG_BYTES_ALONE


def test_a_backlog_comes_to_an_end_however_many_scan() -> None:
    line = filled(
        *(message(f"back-{n}", n, LARGE) for n in range(20)),
        *(message(f"stay-{n}", n) for n in range(500)),
    )
    group, _ = line.next_group(0)
    assert len(group) <= MAX_GROUP
    assert sum(len(each.wire) > SMALL_BYTES for each in group) >= min(
        BACKLOG_SHARE, BACKLOG_BYTES_BESIDE // LARGE
    )


def test_a_copy_that_comes_while_the_first_waits_is_stored_once_and_confirmed_twice() -> None:
    said: list[int] = []
    line = filled(message("a", 7, LARGE, said), message("a", 8, LARGE, said))
    line.put(message("a", 7, LARGE, said), 0)
    group, _ = line.next_group(0)
    assert order_of(group) == [("a", 7), ("a", 8)]
    for each in group:
        each.confirm()
    assert said == [7, 7, 8]
    assert not line


def test_past_its_bounds_the_line_takes_no_more_until_something_left() -> None:
    by_count, by_bytes = Line(most=2), Line(most_bytes=2 * LARGE)
    for line in (by_count, by_bytes):
        assert [line.put(message("a", n, LARGE), 0) for n in range(3)] == [True, True, False]
        line.next_group(0)
        assert line.put(message("a", 3, LARGE), 0)


def test_one_message_always_has_room() -> None:
    assert Line(most_bytes=10).put(message("a", 1, LARGE), 0)


def test_tasks_do_not_wait_for_room() -> None:
    line = Line(most=1)
    line.put(message("a", 1), 0)
    assert line.put(lambda: None, 0)
    assert len(line.next_group(0)[1]) == 1


def test_who_waits_for_a_message_is_woken_by_it() -> None:
    line = Line()
    got: list[Inbound] = []
    waiting = threading.Thread(target=lambda: got.extend(line.next_group(30)[0]))
    waiting.start()
    line.put(message("a", 1), 0)
    waiting.join(timeout=10)
    assert order_of(got) == [("a", 1)]


@given(
    st.lists(
        st.tuples(st.sampled_from("abcde"), st.sampled_from((100, SMALL_BYTES, LARGE))), max_size=60
    )
)
def test_nothing_is_lost_and_every_gateways_order_is_kept(sent: list[tuple[str, int]]) -> None:
    line = filled(*(message(name, n, size) for n, (name, size) in enumerate(sent)))
    given_out = taken(line)
    assert sorted(n for _, n in given_out) == list(range(len(sent)))
    for name in "abcde":
        numbers = [n for who, n in given_out if who == name]
        assert numbers == sorted(numbers)
