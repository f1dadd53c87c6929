"""Every figure that the controller tells to monitoring, asked of a new site and its counters."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric

from doorward.ids import SiteId
from doorward_controller import wiring
from doorward_controller.api.metrics import SiteCollector
from doorward_controller.config import Config, Mqtt
from doorward_controller.services.measures import Measures
from tools.reference.markdown import MADE, table

UNITS = {"seconds": "s", "bytes": "byte", "timestamp_seconds": "s since 1970, UTC"}
SUFFIX = {"counter": "_total", "info": "_info"}
BUILD_LABELS = ("version", "schema")


def text() -> str:
    """Returns the page."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Metrics"
    yield ""
    yield MADE
    yield ""
    yield "`GET /metrics` with a token whose scope is `read_metrics` tells them, as OpenMetrics or"
    yield "in the older text format ([integrations](../integrations.md)). A label is a device, a"
    yield "route, a task, a reason or a state: never a person, a badge, or what somebody typed."
    yield ""
    yield "## Of the site"
    yield ""
    yield "Looked up when it is asked for; several processes of one site say the same."
    yield ""
    yield table(("name", "kind", "labels", "unit", "what it is"), map(_row, _of_site()))
    yield "## Of one process"
    yield ""
    yield "Counted since the process began. A histogram has `_bucket` with the label `le`, `_sum`"
    yield "and `_count`."
    yield ""
    yield table(("name", "kind", "labels", "unit", "what it is"), map(_row, _counted()))


def _of_site() -> tuple[Metric, ...]:
    with tempfile.TemporaryDirectory() as folder:
        nowhere = Path(folder) / "none.pem"
        config = Config(
            site=SiteId("site"),
            data_dir=Path(folder),
            mqtt=Mqtt(ca_file=nowhere, cert_file=nowhere, key_file=nowhere),
        )
        wiring.initialise(config)
        backend = wiring.open_backend(config)
        try:
            return tuple(SiteCollector(backend).collect())
        finally:
            backend.store.close()


def _counted() -> Iterator[Metric]:
    """Gives the counters of a process; what has labels says them though nothing was counted."""
    registry = Measures().registry
    for collector in registry._collector_to_names:  # noqa: SLF001 (it has no public list)
        for family in collector.collect():
            family._labelnames = getattr(collector, "_labelnames", ())  # type: ignore[attr-defined]  # noqa: SLF001
            yield family


def _row(family: Metric) -> tuple[str, ...]:
    name = f"{family.name}{SUFFIX.get(family.type, '')}"
    labels = getattr(family, "_labelnames", ()) or ()
    if family.type == "info":
        labels = BUILD_LABELS
    unit = next((word for end, word in _endings() if family.name.endswith(f"_{end}")), "")
    return (
        f"`{name}`",
        family.type,
        ", ".join(f"`{label}`" for label in labels),
        unit,
        family.documentation,
    )


def _endings() -> Iterator[tuple[str, str]]:
    """Gives what a name may end with, the longest first."""
    yield from sorted(UNITS.items(), key=lambda each: -len(each[0]))
