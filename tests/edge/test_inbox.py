"""The inbox: everything once, one at a time, in order, and nobody waits to put something in."""

import threading
import time

import pytest

from doorward.ids import PortalId
from doorward_edge.inbox import (
    MOST_CODES,
    MOST_WAITING,
    BusyError,
    Happening,
    Inbox,
    Presented,
)
from doorward_edge.scan import Scan

NORTH, SOUTH = PortalId("north"), PortalId("south")
PATIENCE_S = 10


def scan(number: int) -> Scan:
    return Scan(payload=b"%d" % number, problem="", reader="x", captured_mono_ms=number)


class Reader:
    """Notes what it is given, on which thread, and whether ever two came at once."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str]] = []
        self.is_busy = self.overlapped = False

    def take(self, happened: Happening) -> None:
        self.overlapped |= self.is_busy
        self.is_busy = True
        if isinstance(happened, Presented):
            number = happened.scan.captured_mono_ms
            self.seen.append((number, threading.current_thread().name))
        else:
            happened()
        self.is_busy = False

    def numbers(self) -> list[int]:
        return [number for number, _ in self.seen]


def test_a_quiet_inbox_is_served_by_who_brings_something() -> None:
    reader, inbox = Reader(), Inbox()
    inbox.open(reader.take)
    bringing = threading.Thread(target=inbox.put_scan, args=(NORTH, scan(1)), name="eye")
    bringing.start()
    bringing.join()
    assert reader.seen == [(1, "eye")]


def test_what_comes_before_it_is_opened_waits() -> None:
    reader, inbox = Reader(), Inbox()
    inbox.put_scan(NORTH, scan(1))
    inbox.put_scan(NORTH, scan(2))
    inbox.open(reader.take)
    assert reader.numbers() == [1, 2]


def test_what_comes_in_somebodys_turn_is_taken_right_after_it_and_keeps_nobody_waiting() -> None:
    reader, inbox = Reader(), Inbox()
    inbox.open(reader.take)
    with inbox.turn():
        bringing = threading.Thread(target=inbox.put_scan, args=(NORTH, scan(1)))
        bringing.start()
        bringing.join(PATIENCE_S)
        assert not bringing.is_alive()
        assert reader.seen == []
    assert reader.seen == [(1, threading.current_thread().name)]


def test_many_threads_bring_everything_once_and_one_at_a_time() -> None:
    reader, inbox = Reader(), Inbox()
    inbox.open(reader.take)
    stop = threading.Event()

    def bring(first: int) -> None:
        for number in range(first, first + 500):
            inbox.put_scan(NORTH, scan(number))

    def look_round() -> None:
        while not stop.is_set():
            inbox.wait(0.001)
            with inbox.turn():
                pass

    main = threading.Thread(target=look_round)
    bringing = [threading.Thread(target=bring, args=(1000 * n,)) for n in range(4)]
    for thread in (main, *bringing):
        thread.start()
    for thread in bringing:
        thread.join(PATIENCE_S)
    stop.set()
    main.join(PATIENCE_S)
    assert not reader.overlapped
    # A slow machine fills what may wait; what was passed over is counted, so that nothing is lost.
    assert len(reader.seen) + inbox.take_passed_over().get(NORTH, 0) == 2000
    for n in range(4):
        own = [number for number in reader.numbers() if number // 1000 == n]
        assert own == sorted(own)


def test_of_too_many_codes_the_last_are_passed_over_and_counted() -> None:
    reader, inbox = Reader(), Inbox()
    inbox.open(reader.take)
    with inbox.turn():
        for number in range(MOST_CODES + 3):
            inbox.put_scan(NORTH, scan(number))
        inbox.put_scan(SOUTH, scan(99))
        assert inbox.take_passed_over() == {NORTH: 3}, "each portal by itself"
        inbox.post(lambda: None)
    assert reader.numbers() == [*range(MOST_CODES), 99]
    assert inbox.take_passed_over() == {}
    inbox.put_scan(NORTH, scan(100))
    assert reader.numbers()[-1] == 100, "there is room again"


def test_while_nobody_takes_anything_what_waits_is_bounded() -> None:
    inbox = Inbox()
    for number in range(MOST_CODES + 1):
        inbox.put_scan(NORTH, scan(number))
    assert inbox.take_passed_over() == {NORTH: 1}
    for _ in range(MOST_WAITING):
        with pytest.raises(TimeoutError):
            inbox.call(lambda: None, 0)
    with pytest.raises(BusyError, match=f"at most {MOST_WAITING}"):
        inbox.call(lambda: None, PATIENCE_S)


def test_who_is_rung_for_a_thousand_times_has_one_ring_to_take() -> None:
    inbox = Inbox()
    for _ in range(1_000):
        inbox.wake()
    assert inbox._bell.qsize() == 1


def test_waiting_ends_when_something_happens_or_the_time_is_over() -> None:
    inbox = Inbox()
    inbox.wake()
    inbox.wake()
    began = time.monotonic()
    inbox.wait(PATIENCE_S)
    assert time.monotonic() - began < PATIENCE_S / 2
    inbox.wait(0.001)


def test_what_is_called_is_done_in_its_turn_and_answers() -> None:
    reader, inbox = Reader(), Inbox()
    inbox.open(reader.take)
    assert inbox.call(lambda: 6 * 7, 1) == 42

    def fail() -> None:
        raise LookupError("no portal")

    with pytest.raises(LookupError, match="no portal"):
        inbox.call(fail, 1)


def test_what_nobody_came_to_in_time_is_not_done_afterwards() -> None:
    reader, inbox = Reader(), Inbox()
    inbox.open(reader.take)
    done: list[str] = []

    def call() -> None:
        with pytest.raises(TimeoutError):
            inbox.call(lambda: done.append("late"), 0.01)
        done.append("told")

    with inbox.turn():
        calling = threading.Thread(target=call)
        calling.start()
        calling.join(PATIENCE_S)
    assert done == ["told"]


def test_after_it_is_closed_nothing_is_taken() -> None:
    reader, inbox = Reader(), Inbox()
    inbox.open(reader.take)
    inbox.close()
    inbox.put_scan(NORTH, scan(1))
    assert reader.seen == []


def test_closing_does_not_wait_for_ever_for_what_is_being_taken() -> None:
    inbox, release, began = Inbox(), threading.Event(), threading.Event()

    def hang(_happened: Happening) -> None:
        began.set()
        assert release.wait(PATIENCE_S)

    inbox.open(hang)
    bringing = threading.Thread(target=inbox.put_scan, args=(NORTH, scan(1)))
    bringing.start()
    assert began.wait(PATIENCE_S)
    inbox.close()
    release.set()
    bringing.join(PATIENCE_S)
