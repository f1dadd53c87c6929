"""What the unattended run says at its end: one JSON object, or a table for a person."""

import json
import platform
import statistics
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from doorward_controller.demo.scenario import ScenarioResult
from doorward_controller.demo.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that was seen and counted.

    Attributes:
        first_scan_s: from the start of the first process to the first scan in the console.
        propagation_s: from each revocation that all gateways could hear to its last application.
    """

    tally: Tally
    scenarios: tuple[ScenarioResult, ...]
    first_scan_s: float | None
    propagation_s: tuple[float, ...]
    ran_s: float
    versions: dict[str, str]

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the run did not pass; empty when it did."""
        tally = self.tally
        found = [f"{s.name}: {s.problem}" for s in self.scenarios if not s.passed]
        # Zeros count only where something was there to be lost, doubled or granted.
        if not self.scenarios:
            found.append("no scenario was played")
        if self.first_scan_s is None:
            found.append("no scan reached the console")
        if not self.propagation_s:
            found.append("no revocation was measured")
        numbers = asdict(tally)
        counted = ("decided", "recorded", "stored")
        forbidden = ("lost", "duplicated", "granted_after_revocation")
        found += [f"{name} is 0: nothing was counted" for name in counted if not numbers[name]]
        found += [f"{name} is {numbers[name]}, must be 0" for name in forbidden if numbers[name]]
        return tuple(found)

    def to_json(self) -> str:
        """Returns one object on one line."""
        tally = asdict(self.tally)
        findings = tally.pop("findings")
        body: dict[str, Any] = {
            "passed": not self.problems,
            **tally,
            "seconds_from_revocation_to_last_application": _spread(self.propagation_s),
            "first_scan_seconds": self.first_scan_s,
            "ran_seconds": self.ran_s,
            "scenarios": [asdict(result) for result in self.scenarios],
            "problems": self.problems,
            "findings": findings,
            "versions": self.versions,
        }
        return json.dumps(body, ensure_ascii=False)

    def print_to(self, console: Console) -> None:
        """Prints a table."""
        table = Table(title="Scenarios", title_justify="left")
        for head in ("scenario", "", "seconds", "seen"):
            table.add_column(head)
        for result in self.scenarios:
            seen = result.problem or ", ".join(f"{k} {v}" for k, v in result.detail.items())
            mark = "[green]passed[/]" if result.passed else "[red]failed[/]"
            table.add_row(result.name, mark, f"{result.seconds:.1f}", escape(seen))
        console.print(table)
        tally = self.tally
        console.print(
            f"{tally.presented} presented, {tally.decided} decided, {tally.recorded} recorded, "
            f"{tally.stored} stored; [b]{tally.lost} lost, {tally.duplicated} doubled, "
            f"{tally.granted_after_revocation} granted after revocation[/]"
        )
        for line in (*self.problems, *tally.findings):
            console.print(f"[red]{escape(line)}[/]")


def versions(broker: str) -> dict[str, str]:
    """Returns what ran."""
    return {
        "doorward": metadata.version("doorward"),
        "doorward-controller": metadata.version("doorward-controller"),
        "doorward-edge": metadata.version("doorward-edge"),
        "mosquitto": broker,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _spread(seconds: tuple[float, ...]) -> dict[str, float | int] | None:
    if not seconds:
        return None
    return {
        "runs": len(seconds),
        "median": round(statistics.median(seconds), 4),
        "max": round(max(seconds), 4),
    }
