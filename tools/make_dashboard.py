"""Write `monitoring/grafana-dashboard.json`: the panels stand here as data, a test compares both.

Every expression is of series that the controller exports; `tests/controller/test_metrics.py` reads
them. Run `python -m tools.make_dashboard` after a change.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH = Path(__file__).resolve().parent.parent / "monitoring" / "grafana-dashboard.json"
WIDTH = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
SITE = '{job=~"$job"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel: what it asks, and how it is drawn."""

    title: str
    asks: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    bad_from: float | None = None


def _one(title: str, ask: str, *, unit: str = "short", bad_from: float | None = None) -> Panel:
    return Panel(title=title, asks=((ask, ""),), unit=unit, kind="stat", width=4, bad_from=bad_from)


ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Now",
        (
            _one("Gateways lost", 'max(doorward_gateways{job=~"$job",state="lost"})', bad_from=1),
            _one(
                "Alarms open",
                'max(doorward_alerts{job=~"$job",severity="alarm",state="open"})',
                bad_from=1,
            ),
            _one(
                "Oldest revocation on its way",
                f"max(doorward_revocation_oldest_pending_seconds{SITE})",
                unit="s",
                bad_from=300,
            ),
            _one("Broker connected", f"min(doorward_broker_connected{SITE})"),
            _one(
                "Audit log unsigned for",
                f"max(doorward_audit_unsigned_seconds{SITE})",
                unit="s",
            ),
            _one(
                "Disk free",
                f"min(doorward_data_free_bytes{SITE} / doorward_data_size_bytes{SITE})",
                unit="percentunit",
            ),
        ),
    ),
    (
        "Fleet",
        (
            Panel(
                title="Gateways by state",
                asks=((f"max by (state) (doorward_gateways{SITE})", "{{state}}"),),
                width=12,
            ),
            Panel(
                title="Longest silent gateways",
                asks=(
                    (
                        (
                            "topk(10, time() - max by (gateway) "
                            f"(doorward_gateway_last_seen_timestamp_seconds{SITE}))"
                        ),
                        "{{gateway}}",
                    ),
                ),
                unit="s",
                width=12,
            ),
        ),
    ),
    (
        "Intake",
        (
            Panel(
                title="Records a second",
                asks=(
                    (f"sum(rate(doorward_ingest_records_total{SITE}[5m]))", "new"),
                    (f"sum(rate(doorward_ingest_duplicate_records_total{SITE}[5m]))", "again"),
                ),
                unit="cps",
            ),
            Panel(
                title="Time to an acknowledgement",
                asks=tuple(
                    (
                        (
                            f"histogram_quantile({q}, sum by (le) "
                            f"(rate(doorward_ingest_acknowledgement_seconds_bucket{SITE}[5m])))"
                        ),
                        name,
                    )
                    for q, name in ((0.5, "half"), (0.99, "99 of 100"))
                ),
                unit="s",
            ),
            Panel(
                title="Put aside in an hour",
                asks=(
                    (
                        f"sum by (reason) (increase(doorward_ingest_quarantined_total{SITE}[1h]))",
                        "{{reason}}",
                    ),
                ),
            ),
        ),
    ),
    (
        "Policy and revocation",
        (
            Panel(
                title="Gateways that lack something",
                asks=(
                    (f"max(doorward_revocation_pending_gateways{SITE})", "a revocation"),
                    (f"max(doorward_policy_pending_gateways{SITE})", "the newest policy"),
                ),
            ),
            Panel(
                title="How long the oldest revocation is on its way",
                asks=((f"max(doorward_revocation_oldest_pending_seconds{SITE})", "seconds"),),
                unit="s",
            ),
            Panel(
                title="Policy version",
                asks=((f"max(doorward_policy_version{SITE})", "version"),),
            ),
        ),
    ),
    (
        "Alerts and deliveries",
        (
            Panel(
                title="Alerts not resolved",
                asks=(
                    (
                        f"max by (severity, state) (doorward_alerts{SITE})",
                        "{{severity}} {{state}}",
                    ),
                ),
            ),
            Panel(
                title="Deliveries that wait or failed",
                asks=((f"max by (kind, state) (doorward_deliveries{SITE})", "{{kind}} {{state}}"),),
            ),
            Panel(
                title="Oldest waiting delivery of an alert",
                asks=((f"max(doorward_alert_delivery_oldest_waiting_seconds{SITE})", "alerts"),),
                unit="s",
            ),
        ),
    ),
    (
        "The program",
        (
            Panel(
                title="Requests a second by status",
                asks=(
                    (
                        f"sum by (status) (rate(doorward_http_request_seconds_count{SITE}[5m]))",
                        "{{status}}",
                    ),
                ),
                unit="reqps",
            ),
            Panel(
                title="Slowest routes (95 of 100)",
                asks=(
                    (
                        (
                            "topk(10, histogram_quantile(0.95, sum by (le, route) "
                            f"(rate(doorward_http_request_seconds_bucket{SITE}[15m]))))"
                        ),
                        "{{route}}",
                    ),
                ),
                unit="s",
            ),
            Panel(
                title="Connections to the database",
                asks=(
                    (
                        f"sum by (state) (doorward_database_connections{SITE})",
                        "{{state}}",
                    ),
                ),
            ),
            Panel(
                title="Jobs: how long they took",
                asks=((f"max by (task) (doorward_job_last_duration_seconds{SITE})", "{{task}}"),),
                unit="s",
                width=12,
            ),
            Panel(
                title="Jobs that failed in an hour",
                asks=(
                    (
                        f"sum by (task) (increase(doorward_job_failures_total{SITE}[1h]))",
                        "{{task}}",
                    ),
                ),
                width=12,
            ),
        ),
    ),
)


def dashboard() -> dict[str, Any]:
    """Returns the dashboard as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS:
        panels.append(_row(len(panels) + 1, title, top))
        top += 1
        left, height = 0, 0
        for panel in row:
            if left + panel.width > WIDTH:
                left, top = 0, top + height
            height = 4 if panel.kind == "stat" else 8
            place = {"x": left, "y": top, "w": panel.width, "h": height}
            panels.append(_panel(len(panels) + 1, panel, place))
            left += panel.width
        top += height
    return {
        "title": "Doorward",
        "uid": "doorward",
        "tags": ["doorward"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_SOURCES, _JOBS]},
        "panels": panels,
    }


_SOURCES = {
    "name": "datasource",
    "label": "Data source",
    "type": "datasource",
    "query": "prometheus",
}
_JOBS = {
    "name": "job",
    "label": "Controller",
    "type": "query",
    "datasource": SOURCE,
    "query": {"query": "label_values(doorward_build_info, job)", "refId": "jobs"},
    "includeAll": True,
    "multi": True,
    "refresh": 1,
}


def _row(number: int, title: str, top: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
        "panels": [],
    }


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.bad_from is not None:
        steps.append({"color": "red", "value": panel.bad_from})
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": SOURCE,
                "expr": expression,
                "legendFormat": legend,
            }
            for index, (expression, legend) in enumerate(panel.asks)
        ],
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "thresholds": {"mode": "absolute", "steps": steps},
            },
            "overrides": [],
        },
        "options": {},
    }


def text() -> str:
    """Returns the file's content."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(text(), encoding="utf-8")
    print(f"Written: {PATH.name}.")
