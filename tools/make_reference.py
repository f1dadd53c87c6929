"""Writes docs/reference/*.md from the code that they describe; with `--check` only compares.

A table that somebody has to remember to correct is wrong after a while, so these are made.
"""

import sys
from pathlib import Path

from tools.reference import (
    bill_of_materials,
    boards,
    controller_commands,
    controller_settings,
    door,
    events,
    gateway_commands,
    gateway_settings,
    health,
    interface,
    metrics,
    perception,
    permissions,
    power_budget,
    reading_chart,
    reading_distance,
    reasons,
    remote_settings,
    topics,
    webhook_events,
    wiring,
    work_order,
)

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
PAGES = {
    "bill-of-materials.md": bill_of_materials.text,
    "boards.md": boards.text,
    "controller-commands.md": controller_commands.text,
    "controller-settings.md": controller_settings.text,
    "door.md": door.text,
    "events.md": events.text,
    "gateway-commands.md": gateway_commands.text,
    "gateway-settings.md": gateway_settings.text,
    "health.md": health.text,
    "interface.md": interface.text,
    "metrics.md": metrics.text,
    "perception.md": perception.text,
    "permissions.md": permissions.text,
    "power.md": power_budget.text,
    "reading-distance.md": reading_distance.text,
    "reading-distance.svg": reading_chart.text,
    "reasons.md": reasons.text,
    "remote-settings.md": remote_settings.text,
    "topics.md": topics.text,
    "webhook-events.md": webhook_events.text,
    "wiring.md": wiring.text,
    "work-order.md": work_order.text,
}


def pages() -> dict[str, str]:
    """Returns each page's text by its file's name."""
    return {name: text() for name, text in PAGES.items()}


def main() -> int:
    """Writes the pages, or says which differ."""
    differing = [name for name, text in pages().items() if _read(name) != text]
    if "--check" in sys.argv[1:]:
        for name in differing:
            print(f"docs/reference/{name} is not what the code says; run: make reference")
        return 1 if differing else 0
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name in differing:
        (REFERENCE / name).write_text(pages()[name], "utf-8")
        print(f"docs/reference/{name}")
    return 0


def _read(name: str) -> str:
    path = REFERENCE / name
    return path.read_text("utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
