"""Runs the measurements: `python -m bench [--only NAME] [--quick] [--list]`.

A measurement is a module `bench/bench_NAME.py` whose docstring's first line is its title and which
has

    def run(report: Report) -> None

and enters what it measures into the report (see `bench/report.py`): at least five repeats each,
and ratios only between things measured in turns in this very run. It cleans up after itself. A
bench that cannot run here raises `SkipBench` with the reason. The numbers are printed and written
to `var/bench/<time>.json` and `var/bench/latest.json`. A missed limit is shown and does not change
the exit status; a bench that breaks does, and so does any missed limit with `--strict`.
"""

import argparse
import datetime as dt
import importlib
import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import machine
from bench.report import Report, is_met, to_json
from bench.skipping import SkipBench
from bench.table import show

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER.parent / "var" / "bench"
PREFIX = "bench_"


def names() -> list[str]:
    """Return the names of all bench modules, in order."""
    return [path.stem.removeprefix(PREFIX) for path in sorted(FOLDER.glob(f"{PREFIX}*.py"))]


def run_one(name: str, *, quick: bool, console: Console) -> dict[str, Any]:
    """Run one bench module and print it; return what goes into the JSON."""
    result: dict[str, Any] = {"name": name}
    report = Report(quick=quick)
    began_s = time.perf_counter()
    try:
        module = importlib.import_module(f"bench.{PREFIX}{name}")
        result["title"] = (module.__doc__ or name).strip().splitlines()[0]
        console.print(f"[dim]measuring {name} ...[/]")
        module.run(report)
    except SkipBench as reason:
        result["skipped"] = str(reason)
        console.print(f"{name}: not run here: {reason}", style="yellow")
    except Exception:  # noqa: BLE001 -- one broken bench must not cost the others
        result["error"] = traceback.format_exc()
        console.print(f"{name} broke:", style="bold red")
        console.print(result["error"], markup=False, highlight=False)
    result["seconds"] = round(time.perf_counter() - began_s, 2)
    result["entries"] = [to_json(entry) for entry in report.entries]
    result["notes"] = report.notes
    if report.entries:
        show(console, result["title"], report)
    result["missed"] = [entry.name for entry in report.entries if not is_met(entry)]
    return result


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Doorward here.")
    parser.add_argument("--only", action="append", choices=names(), help="this one; repeatable")
    parser.add_argument("--quick", action="store_true", help="few repeats; numbers not to quote")
    parser.add_argument("--list", action="store_true", help="say which there are, and end")
    parser.add_argument("--strict", action="store_true", help="fail when a limit is missed")
    return parser.parse_args()


def _write(document: dict[str, Any], now: dt.datetime) -> Path:
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    for target in (path, RESULTS / "latest.json"):
        target.write_text(text, encoding="utf-8")
    return path


def main() -> int:
    """Run what was asked for; return 1 if a bench broke."""
    options = _parse()
    if options.list:
        print("\n".join(names()))
        return 0
    console = Console()
    now = dt.datetime.now(dt.UTC)
    facts = machine.describe()
    results: list[dict[str, Any]] = []
    for name in options.only or names():
        results.append(run_one(name, quick=options.quick, console=console))
        # After each: whoever ends a run of an hour keeps what was measured.
        path = _write(
            {
                "at_utc": now.isoformat(timespec="seconds"),
                "quick": options.quick,
                "machine": facts,
                "benches": results,
            },
            now,
        )
    broken = [result["name"] for result in results if "error" in result]
    missed = sum(len(result["missed"]) for result in results)
    console.print(f"{len(results)} measured, {len(broken)} broke, {missed} limits missed: {path}")
    return 1 if broken or (options.strict and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
