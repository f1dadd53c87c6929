"""Shows a report to people."""

from rich.console import Console
from rich.table import Table

from bench.report import Entry, Figure, Ratio, Report, is_met

_SMALL = 0.01
_LARGE = 1000


def show(console: Console, title: str, report: Report) -> None:
    """Print the entries and notes of one bench module."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("what", overflow="fold")
    for heading in ("median", "p99", "n", "unit", "limit", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    for entry in report.entries:
        table.add_row(*_cells(entry))
    console.print(table)
    for note in report.notes:
        console.print(f"  {note}", style="dim", highlight=False)


def _cells(entry: Entry) -> tuple[str, ...]:
    limit = "" if entry.limit is None else str(entry.limit)
    verdict = "" if entry.limit is None else "kept" if is_met(entry) else "[bold red]missed[/]"
    middle = entry.median if isinstance(entry, Figure) else entry.value
    if isinstance(entry, Figure):
        spread, repeats = _number(entry.p99), str(entry.repeats)
    elif isinstance(entry, Ratio):
        spread, repeats = f"{entry.low:.2f} to {entry.high:.2f}", str(entry.repeats)
    else:
        spread, repeats = "", ""
    return (entry.name, _number(middle), spread, repeats, entry.unit, limit, verdict)


def _number(value: float) -> str:
    if value != 0 and abs(value) < _SMALL:
        return f"{value:.2e}"
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.3g}"
