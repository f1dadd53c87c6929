"""Keeps the sums of records: adds up what intake noted, compares them with the records, mends them.

A sum that is not what the records are would be a fault of ours or of somebody who changed the
database by hand; so that nobody has to believe this, both can be compared at any time.
"""

from collections.abc import Callable
from dataclasses import dataclass

from doorward_controller.services.backend import Backend
from doorward_controller.store import record_sums

AT_ONCE = 5_000
_TURNS = 20
"""So many changes at most each time: intake writes in between, and nothing else waits long."""

Progress = Callable[[int, int], None]
"""How many days are done, and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a comparison found.

    Attributes:
        days: how many were looked at.
        wrong_days: the beginnings of those whose sums are not what their records are.
        wrong: how many sums.
    """

    days: int
    wrong_days: tuple[int, ...]
    wrong: int


def add_up(backend: Backend) -> int:
    """Moves what intake noted into the sums; returns how many changes."""
    done = 0
    for _ in range(_TURNS):
        with backend.store.read() as connection:
            if not record_sums.is_waiting(connection):
                return done
        with backend.store.write() as connection:
            done += record_sums.add_up(connection, AT_ONCE)
    return done


def compare(backend: Backend, tell: Progress) -> Compared:
    """Counts every record and compares the sums with it; takes about a second a million."""
    with backend.store.read() as connection:
        days = record_sums.days(connection)
    wrong: dict[int, int] = {}
    for place, day in enumerate(days):
        with backend.store.snapshot() as connection:
            if (number := record_sums.differences(connection, day)) > 0:
                wrong[day] = number
        tell(place + 1, len(days))
    return Compared(days=len(days), wrong_days=tuple(wrong), wrong=sum(wrong.values()))


def recount(backend: Backend, tell: Progress) -> int:
    """Makes all sums anew, a day at a time while intake goes on; returns how many days."""
    with backend.store.read() as connection:
        days = record_sums.days(connection)
    for place, day in enumerate(days):
        with backend.store.write(of_one_moment=True) as connection:
            record_sums.recount(connection, day)
        tell(place + 1, len(days))
    return len(days)
