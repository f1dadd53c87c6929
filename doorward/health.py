"""What a gateway says of its own health: every number with unit, limits and meaning.

A number's name is its place in the health message, joined by dots; numbers of `vitals` stand
without that word. What there are several of carries its own name after an ``@``
(``frame_rate_mhz@front``). A name that is not known is a newer gateway's: it is shown as it is.
Numbers are whole and not negative; what a board cannot tell is absent, never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum

INSTANCE = "@"


class Unit(Enum):
    """What a number counts: the symbol it is shown with, and what it is divided by for that."""

    COUNT = ("", 1)
    FLAG = ("yes/no", 1)
    MILLI_CELSIUS = ("°C", 1_000)
    PERCENT = ("%", 1)
    PERMILLE = ("%", 10)
    BYTES = ("MB", 1_000_000)
    BYTES_A_DAY = ("MB/d", 1_000_000)
    MICROSECONDS = ("ms", 1_000)
    MILLISECONDS = ("ms", 1)
    SECONDS = ("s", 1)
    DAYS = ("d", 1)
    MILLI_HERTZ = ("1/s", 1_000)

    @property
    def symbol(self) -> str:
        """What stands behind the number when it is shown."""
        return self.value[0]

    @property
    def divisor(self) -> int:
        """What the number is divided by to be shown with the symbol."""
        return self.value[1]


class Level(IntEnum):
    """How bad a number is."""

    OK = 0
    WARNING = 1
    ALARM = 2


class Group(StrEnum):
    """What a number is about."""

    BOARD = "board"
    STORAGE = "storage"
    JOURNAL = "journal"
    CAMERA = "camera"
    DOOR = "door"
    LINK = "link"
    TIME = "time"
    POLICY = "policy"
    PROCESS = "process"
    COUNTERS = "counters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on a number is bad.

    Attributes:
        warning, alarm: the first bad value, or None where there is none.
        clear_by: how far a number must come back past a limit before it is well again.
        is_low_bad: whether small numbers are the bad ones.
    """

    warning: int | None = None
    alarm: int | None = None
    clear_by: int = 0
    is_low_bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number of the health message.

    Attributes:
        name: its place in the message.
        label_en, label_zh: what a page calls it.
        meaning_en, meaning_zh: what it tells, and what to do when it is bad.
    """

    name: str
    group: Group
    unit: Unit
    label_en: str
    label_zh: str
    meaning_en: str
    meaning_zh: str
    limits: Limits = Limits()


Words = tuple[str, str]
"""The same in English and Chinese."""


def described(
    name: str,
    group: Group,
    unit: Unit,
    label: Words,
    meaning: Words,
    limits: Limits = Limits(),
) -> Metric:
    """Returns a metric; the order is that of the registry's tables."""
    return Metric(
        name=name,
        group=group,
        unit=unit,
        label_en=label[0],
        label_zh=label[1],
        meaning_en=meaning[0],
        meaning_zh=meaning[1],
        limits=limits,
    )


def kind_of(name: str) -> str:
    """Returns a number's name without which one of several it is."""
    return name.partition(INSTANCE)[0]


def instance_of(name: str) -> str:
    """Returns which one of several a number is about, or an empty string."""
    return name.partition(INSTANCE)[2]


def level_of(limits: Limits, value: int, before: Level = Level.OK) -> Level:
    """Returns how bad a number is, given how bad it was.

    It gets worse at a limit, and better only `clear_by` beyond it: what sways at a limit is not
    told again and again.
    """
    reached = _reached(limits, value, 0)
    if reached >= before:
        return reached
    return min(before, _reached(limits, value, limits.clear_by))


def _reached(limits: Limits, value: int, slack: int) -> Level:
    """Returns the worst limit that the value has reached, each made easier to reach by `slack`."""
    for level, limit in ((Level.ALARM, limits.alarm), (Level.WARNING, limits.warning)):
        if limit is None:
            continue
        if value <= limit + slack if limits.is_low_bad else value >= limit - slack:
            return level
    return Level.OK


def flattened(message: Mapping[str, object]) -> dict[str, int]:
    """Returns every number of a health message by its name here."""
    found: dict[str, int] = {}
    for name, value in message.items():
        if isinstance(value, Mapping):
            prefix = "" if name == "vitals" else f"{name}."
            found |= {f"{prefix}{key}": n for key, n in value.items() if type(n) is int}
    return found
