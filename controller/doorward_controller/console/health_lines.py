"""A gateway's health report for a page: named, in units, judged, the worst first."""

from collections.abc import Mapping
from dataclasses import dataclass

from doorward.health import Level, Metric, Unit, flattened, instance_of
from doorward.health_metrics import METRICS, judge, metric_of
from doorward_controller.console.i18n import Language, Reader, mark
from doorward_controller.console.words import Look

LEVELS = {
    Level.WARNING: Look(tone="warn", icon="alert-triangle", word=mark("Warning")),
    Level.ALARM: Look(tone="bad", icon="alert-octagon", word=mark("Alarm")),
}
"""What is in order needs no mark."""

_YES, _NO = mark("Yes"), mark("No")
HEADLINES = frozenset(
    {
        *("temperature_mc", "cpu_permille", "memory_bytes", "disk_free_bytes"),
        *("journal.pending", "journal_free_days", "frame_rate_mhz", "decode_p99_us"),
        *("certificate_days_left", "policy_age_s", "counters.scans", "running_s"),
    }
)
"""What is shown even when it is in order; everything else is a click away."""

_ORDER = {name: n for n, name in enumerate(METRICS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthLine:
    """One number.

    Attributes:
        label: what it is called; the bare name of a newer gateway's.
        shown: with its unit.
        meaning: what it tells and what helps, or empty.
        look: how a bad one is marked, or None.
        is_known: whether this version knows what it is.
        is_first: whether it is shown at once.
    """

    name: str
    label: str
    shown: str
    meaning: str
    look: Look | None
    is_known: bool
    is_first: bool


def health_lines(health: Mapping[str, object], reader: Reader) -> tuple[HealthLine, ...]:
    """Returns every number of a health message: bad ones first, then by the registry's order."""
    numbers = flattened(health)
    ranked = sorted(
        numbers.items(),
        key=lambda item: (
            -judge(*item),
            metric_of(item[0]) is None,
            _ORDER.get(item[0].partition("@")[0], 0),
            item[0],
        ),
    )
    return tuple(_line(name, value, reader) for name, value in ranked)


def _line(name: str, value: int, reader: Reader) -> HealthLine:
    metric = metric_of(name)
    if metric is None:
        return HealthLine(
            name=name,
            label=name,
            shown=reader.number(value),
            meaning="",
            look=None,
            is_known=False,
            is_first=False,
        )
    chinese = reader.language is Language.CHINESE
    label = metric.label_zh if chinese else metric.label_en
    which = instance_of(name)
    look = LEVELS.get(judge(name, value))
    return HealthLine(
        name=name,
        label=f"{label} · {which}" if which else label,
        shown=_shown(metric, value, reader),
        meaning=metric.meaning_zh if chinese else metric.meaning_en,
        look=look,
        is_known=True,
        is_first=look is not None or metric.name in HEADLINES,
    )


def _shown(metric: Metric, value: int, reader: Reader) -> str:
    unit = metric.unit
    if unit is Unit.FLAG:
        return reader.gettext(_YES if value else _NO)
    if unit in {Unit.SECONDS, Unit.DAYS}:
        return reader.span(value if unit is Unit.SECONDS else value * 86_400)
    return f"{reader.number(round(value / unit.divisor, 1))} {unit.symbol}".rstrip()
