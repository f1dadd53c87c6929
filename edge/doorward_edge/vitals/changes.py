"""Which change of the numbers is worth a message at once, and which begins or ends an event.

A level must hold for a moment before it is told, and a number gets well only beyond its limit's
margin (`doorward.health`): what sways is told once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from doorward.events import EventCode
from doorward.health import Level, kind_of
from doorward.health_metrics import judge

HOLD_MS = 10_000
"""A number must be better for so long; worse is told at once."""

EVENTS: Mapping[str, tuple[EventCode, EventCode]] = {
    "temperature_mc": (EventCode.OVER_TEMPERATURE, EventCode.TEMPERATURE_NORMAL),
    "undervoltage_now": (EventCode.UNDERVOLTAGE, EventCode.VOLTAGE_NORMAL),
    "storage_read_only": (EventCode.STORAGE_READ_ONLY, EventCode.STORAGE_WRITABLE),
    "filesystem_errors": (EventCode.STORAGE_ERRORS, EventCode.STORAGE_WELL),
}
"""What goes on record: the alarm's begin and its end. File system errors do so at a warning."""
_AT_WARNING = frozenset({"filesystem_errors"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A number that is worse or better than it was.

    Attributes:
        event: what goes on record, or None.
    """

    name: str
    value: int
    before: Level
    now: Level
    event: EventCode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    level: Level
    better_ms: int | None = None


class LevelBook:
    """How bad each number is. Used by one thread; `now` is an argument."""

    def __init__(self) -> None:
        """Begins with everything in order."""
        self._standing: dict[str, _Standing] = {}

    def take(self, numbers: Mapping[str, int], now_ms: int) -> tuple[Change, ...]:
        """Takes in a reading of the numbers; returns what changed, in their order.

        A number that is missing stays as it was: it may come back.
        """
        changes = (self._take(name, value, now_ms) for name, value in numbers.items())
        return tuple(change for change in changes if change is not None)

    def levels(self) -> Mapping[str, Level]:
        """Returns what is not in order."""
        return {name: at.level for name, at in self._standing.items() if at.level > Level.OK}

    def _take(self, name: str, value: int, now_ms: int) -> Change | None:
        before = self._standing.get(name, _Standing(level=Level.OK))
        level = judge(name, value, before.level)
        if level == before.level:
            self._standing[name] = _Standing(level=level)
            return None
        if level < before.level:
            better_ms = now_ms if before.better_ms is None else before.better_ms
            if now_ms - better_ms < HOLD_MS:
                self._standing[name] = _Standing(level=before.level, better_ms=better_ms)
                return None
        self._standing[name] = _Standing(level=level)
        return Change(
            name=name,
            value=value,
            before=before.level,
            now=level,
            event=_event(name, before.level, level),
        )


def _event(name: str, before: Level, now: Level) -> EventCode | None:
    pair = EVENTS.get(kind_of(name))
    if pair is None:
        return None
    least = Level.WARNING if kind_of(name) in _AT_WARNING else Level.ALARM
    if before < least <= now:
        return pair[0]
    return pair[1] if now < least <= before else None
