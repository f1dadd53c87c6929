"""`doorward-edge check`: what is missing, and which command mends it."""

import json
from dataclasses import asdict
from pathlib import Path

import typer

from doorward_edge.cli.options import DEFAULT_CONFIG
from doorward_edge.diagnosis import examine
from doorward_edge.findings import Finding


def check(
    config: Path = typer.Option(DEFAULT_CONFIG, help="The gateway's edge.toml."),
    json_output: bool = typer.Option(False, "--json", help="One JSON object a finding."),
) -> None:
    """Looks at everything that the gateway needs; exit status 1 when something is missing."""
    findings = []
    for finding in examine(config):
        findings.append(finding)
        if json_output:
            print(json.dumps(asdict(finding), ensure_ascii=False))
    if not json_output:
        _print(findings)
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(1)


def _print(findings: list[Finding]) -> None:
    # Not at the top: `run` and `simulate` are in the same program and print no tables.
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(show_header=False, box=None, pad_edge=False)
    for finding in findings:
        mark = "[green]✓[/]" if finding.is_well else "[red]✗[/]"
        table.add_row(mark, escape(finding.name), escape(finding.said))
        if finding.mend:
            table.add_row("", "", f"[bold]→ {escape(finding.mend)}[/]")
    Console(highlight=False).print(table)
