"""What a measurement hands in: figures with their spread, ratios measured in one run, limits."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MIN_REPEATS = 5
Call = Callable[[], object]


class LimitKind(StrEnum):
    """On which side of a limit the good values lie."""

    AT_MOST = "at_most"
    AT_LEAST = "at_least"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a value was promised to be; `of_p99` if the promise is about the slow end of it."""

    kind: LimitKind
    value: float
    of_p99: bool = False

    def is_met_by(self, measured: float) -> bool:
        """Whether the promise is kept."""
        if self.kind is LimitKind.AT_MOST:
            return measured <= self.value
        return measured >= self.value

    def __str__(self) -> str:
        sign = "≤" if self.kind is LimitKind.AT_MOST else "≥"
        return f"{'p99 ' if self.of_p99 else ''}{sign} {self.value:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Repeats of one measurement; all numbers in `unit`."""

    name: str
    unit: str
    repeats: int
    median: float
    p99: float
    least: float
    most: float
    limit: Limit | None = None

    @property
    def judged(self) -> float:
        """The number that the limit is about."""
        return self.p99 if self.limit and self.limit.of_p99 else self.median


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Two measurements of the same run over one another: median over median.

    Attributes:
        low: the tenth percentile of the ratios of single pairs.
        high: the ninetieth percentile of them.
    """

    name: str
    value: float
    low: float
    high: float
    repeats: int
    limit: Limit | None = None
    unit: str = "×"

    @property
    def judged(self) -> float:
        """The number that a limit is about."""
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number that is counted, not repeated: bytes, records, a share."""

    name: str
    value: float
    unit: str
    limit: Limit | None = None

    @property
    def judged(self) -> float:
        """The number that a limit is about."""
        return self.value


Entry = Figure | Ratio | Value


@dataclass(slots=True, kw_only=True)
class Report:
    """Collects the entries of one bench module.

    Attributes:
        quick: fewer repeats and smaller inputs, to see that a bench runs; not for quoting.
    """

    quick: bool = False
    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def scaled(self, full: int, quick: int) -> int:
        """Return a size of input: `full`, or `quick` in a quick run."""
        return quick if self.quick else full

    def time(
        self, name: str, call: Call, *, calls: int = 1, repeats: int = 30, **limit: float
    ) -> Figure:
        """Time `call`: milliseconds a call, over `repeats` rounds of `calls` calls.

        One round is run before and not counted. `limit` is `at_most=` or `at_least=` for the
        median, or `p99_at_most=`, in ms.
        """
        _round_ms(call, calls)
        rounds = [_round_ms(call, calls) for _ in range(self._repeats(repeats))]
        return self.samples(name, rounds, unit="ms", **limit)

    def samples(self, name: str, values: Sequence[float], *, unit: str, **limit: float) -> Figure:
        """Enter repeats that the bench has measured by itself.

        Raises:
            ValueError: for fewer than five values.
        """
        if len(values) < MIN_REPEATS:
            raise ValueError(f"{name} has {len(values)} repeats, must be {MIN_REPEATS} or more")
        figure = Figure(
            name=name,
            unit=unit,
            repeats=len(values),
            median=statistics.median(values),
            p99=percentile(values, 99),
            least=min(values),
            most=max(values),
            limit=_limit(limit),
        )
        self.entries.append(figure)
        return figure

    def compare(  # one ratio has two names, two calls and how often
        self,
        name: str,
        ours: Call,
        base: Call,
        *,
        calls: int = 1,
        repeats: int = 30,
        base_name: str = "base",
        **limit: float,
    ) -> Ratio:
        """Time two calls in turns, so that both meet the same machine; enter both and the ratio.

        A ratio below 1 means that ours takes less time. `limit` is about the ratio.
        """
        _round_ms(ours, calls)
        _round_ms(base, calls)
        rounds = self._repeats(repeats)
        pairs = [(_round_ms(ours, calls), _round_ms(base, calls)) for _ in range(rounds)]
        self.samples(f"{name}: ours", [pair[0] for pair in pairs], unit="ms")
        self.samples(f"{name}: {base_name}", [pair[1] for pair in pairs], unit="ms")
        return self.ratio(name, [p[0] for p in pairs], [p[1] for p in pairs], **limit)

    def ratio(self, name: str, of: Sequence[float], to: Sequence[float], **limit: float) -> Ratio:
        """Enter the ratio of two series that were measured in turns, in this run.

        Raises:
            ValueError: for series of different length or of fewer than five values.
        """
        if len(of) != len(to) or len(of) < MIN_REPEATS:
            raise ValueError(
                f"{name} has {len(of)} and {len(to)} repeats,"
                f" must be equally many and {MIN_REPEATS} or more"
            )
        single = [one / other for one, other in zip(of, to, strict=True)]
        ratio = Ratio(
            name=name,
            value=statistics.median(of) / statistics.median(to),
            low=percentile(single, 10),
            high=percentile(single, 90),
            repeats=len(single),
            limit=_limit(limit),
        )
        self.entries.append(ratio)
        return ratio

    def value(self, name: str, value: float, *, unit: str, **limit: float) -> Value:
        """Enter a number that was counted."""
        entry = Value(name=name, value=value, unit=unit, limit=_limit(limit))
        self.entries.append(entry)
        return entry

    def note(self, sentence: str) -> None:
        """Say something about how these numbers came about."""
        self.notes.append(sentence)

    def _repeats(self, full: int) -> int:
        return MIN_REPEATS if self.quick else max(full, MIN_REPEATS)


def is_met(entry: Entry) -> bool:
    """Whether an entry keeps its limit; an entry without one does."""
    return entry.limit is None or entry.limit.is_met_by(entry.judged)


def percentile(values: Sequence[float], pct: float) -> float:
    """Return the smallest value that at least `pct` per cent of the values do not exceed."""
    ordered = sorted(values)
    rank = math.ceil(pct / 100 * len(ordered))
    return ordered[max(rank, 1) - 1]


def to_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON values; `met` says whether its limit is kept."""
    made: dict[str, Any] = {"kind": type(entry).__name__.lower()}
    for name in entry.__dataclass_fields__:
        made[name] = getattr(entry, name)
    if entry.limit is not None:
        limit = entry.limit
        made["limit"] = {"kind": limit.kind.value, "value": limit.value, "of_p99": limit.of_p99}
        made["met"] = is_met(entry)
    return made


def _limit(given: dict[str, float]) -> Limit | None:
    if not given:
        return None
    if len(given) > 1:
        raise TypeError(f"one limit at most, not {', '.join(given)}")
    ((kind, value),) = given.items()
    plain = kind.removeprefix("p99_")
    return Limit(kind=LimitKind(plain), value=value, of_p99=plain != kind)


def _round_ms(call: Call, calls: int) -> float:
    began_ns = time.perf_counter_ns()
    for _ in range(calls):
        call()
    return (time.perf_counter_ns() - began_ns) / calls / 1e6
