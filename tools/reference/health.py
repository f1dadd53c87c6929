"""What a gateway says of its health: every number with unit, limits and meaning."""

from doorward.health import Group, Limits, Metric, Unit
from doorward.health_metrics import METRICS
from tools.reference.markdown import MADE, table

_HEAD = ("name", "unit", "warning", "alarm", "what it is", "what it tells", "中文", "含义")
_TITLES = {
    Group.BOARD: "The board",
    Group.STORAGE: "Storage",
    Group.JOURNAL: "The journal",
    Group.CAMERA: "Camera and readers",
    Group.DOOR: "The door",
    Group.LINK: "The way to the broker",
    Group.TIME: "The clock",
    Group.POLICY: "Policy",
    Group.PROCESS: "The gateway's processes",
    Group.COUNTERS: "Counters",
}
_INTRODUCTION = """\
A gateway says every 60 seconds how it is (`[health] interval_s`), and at once when something gets
worse or well again. The message is JSON on `up/health`; the names below are its keys, joined by
dots, those of `vitals` without that word. Numbers are whole and not negative. What a board cannot
tell is left out: what is no Raspberry Pi has no `undervoltage_now`. What there are several
of carries its name after an `@`: `frame_rate_mhz@front`.

A number is as bad as the worst limit that it has reached, and well again only when it has come back
beyond the limit by the margin in brackets. The console names and judges numbers by this same table;
a name that it does not know is a newer gateway's, and is shown as it is.
"""


def text() -> str:
    """Returns the page."""
    parts = [f"# What a gateway says of its health\n\n{MADE}\n{_INTRODUCTION}"]
    for group in Group:
        metrics = [metric for metric in METRICS.values() if metric.group is group]
        parts.append(f"## {_TITLES[group]}\n\n{table(_HEAD, map(_row, metrics))}")
    return "\n".join(parts)


def _row(metric: Metric) -> tuple[str, ...]:
    limits, unit = metric.limits, metric.unit
    return (
        f"`{metric.name}`",
        _wire_unit(unit),
        _limit(limits.warning, limits, unit),
        _limit(limits.alarm, limits, unit),
        metric.label_en,
        metric.meaning_en,
        metric.label_zh,
        metric.meaning_zh,
    )


def _wire_unit(unit: Unit) -> str:
    if unit is Unit.FLAG:
        return "0 or 1"
    if unit.divisor == 1:
        return unit.symbol or "number"
    return f"{unit.symbol} / {unit.divisor:,}"


def _limit(limit: int | None, limits: Limits, unit: Unit) -> str:
    if limit is None:
        return ""
    sign = "≤" if limits.is_low_bad else "≥"
    margin = f" ({shown(limits.clear_by, unit)})" if limits.clear_by else ""
    return f"{sign} {shown(limit, unit)}{margin}"


def shown(value: int, unit: Unit) -> str:
    """Returns a number as people read it, with its symbol."""
    if unit is Unit.FLAG:
        return str(value)
    return f"{value / unit.divisor:,.10g} {unit.symbol}".strip()
