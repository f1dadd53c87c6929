"""Keeps the sums of records: adds up what intake noted, compares them with the records, mends them.

A sum that is not what the records are would be a fault of ours or of somebody who changed the
database by hand; so that nobody has to believe this, both can be compared at any time.
"""

from collections.abc import Callable
from dataclasses import dataclass

from doorward_controller.services.backend import Backend
from doorward_controller.services.pausing import Pace
from doorward_controller.store import record_sums

AT_ONCE = 100
"""Changes in one piece: some milliseconds for which intake may have to wait."""

JOB_MS = 1_000
"""So long at most each time: other timed work waits."""

Progress = Callable[[int, int], None]
"""How many fortnights are done, and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a comparison found.

    Attributes:
        fortnights: how many were looked at.
        wrong_begins: of those whose sums are not what their records are, in seconds of UTC.
        wrong: how many sums.
    """

    fortnights: int
    wrong_begins: tuple[int, ...]
    wrong: int


def add_up(backend: Backend, pace: Pace | None = None) -> int:
    """Moves what intake noted into the sums; returns how many changes."""
    done, began_ms, pace = 0, backend.clock.now().mono_ms, pace or Pace(backend)
    while backend.clock.now().mono_ms - began_ms < JOB_MS:
        with backend.store.read() as connection:
            if not record_sums.is_waiting(connection):
                break
        with pace.piece(), backend.store.write() as connection:
            done += record_sums.add_up(connection, AT_ONCE)
    return done


def compare(backend: Backend, tell: Progress) -> Compared:
    """Counts every record and compares the sums with it."""
    with backend.store.read() as connection:
        begins = record_sums.fortnights(connection)
    wrong: dict[int, int] = {}
    for place, begin in enumerate(begins):
        with backend.store.snapshot() as connection:
            if (number := record_sums.differences(connection, begin)) > 0:
                wrong[begin] = number
        tell(place + 1, len(begins))
    return Compared(fortnights=len(begins), wrong_begins=tuple(wrong), wrong=sum(wrong.values()))


def recount(backend: Backend, tell: Progress) -> int:
    """Makes all sums anew, one fortnight after the other while intake goes on; returns how many."""
    with backend.store.read() as connection:
        begins = record_sums.fortnights(connection)
    for place, begin in enumerate(begins):
        with backend.store.write(of_one_moment=True) as connection:
            record_sums.recount(connection, begin)
        tell(place + 1, len(begins))
    return len(begins)
