"""Figures for Prometheus: `GET /metrics` with a token whose scope is `read_metrics`.

Nobody reads them without one, whatever address they come from.
"""

import math
import shutil
from collections.abc import Iterable, Iterator
from importlib.metadata import version as version_of

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doorward_controller.api.deps import BackendDep, Needs
from doorward_controller.domain.alert_life import AlertState
from doorward_controller.domain.fleet_state import Condition
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import site_figures
from doorward_controller.queries.site_figures import SiteFigures
from doorward_controller.services import backups, disk_room, record_months, site_certificates
from doorward_controller.services.backend import Backend
from doorward_controller.services.backups import Overview
from doorward_controller.services.measures import UNKNOWN_ROUTE, Measures
from doorward_controller.store.schema import SCHEMA_VERSION

MAX_GATEWAYS = 5_000
"""Gateways that have series of their own; a site has fewer."""

_LIVE = (AlertState.OPEN, AlertState.ACKNOWLEDGED)
_SEVERITIES = ("notice", "warning", "alarm")
_STREAM = b"text/event-stream"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

router = APIRouter(tags=["metrics"])


@router.get("/metrics", dependencies=[Depends(Needs(Action.READ_METRICS))])
def metrics(request: Request, backend: BackendDep) -> Response:
    """What there is to watch, in the format that the asker reads best."""
    encode, media_type = choose_encoder(request.headers.get("Accept", ""))
    whole = CollectorRegistry(auto_describe=False)
    whole.register(SiteCollector(backend))
    whole.register(_Counted(backend.measures))
    body = encode(whole)
    return Response(body, media_type=media_type, headers={"Cache-Control": "no-store"})


class _Counted(Collector):
    """What this process has counted."""

    def __init__(self, measures: Measures) -> None:
        self._measures = measures

    def collect(self) -> Iterable[Metric]:
        return self._measures.registry.collect()


class SiteCollector(Collector):
    """Looks up what is true of the site and of this process, when it is asked for."""

    def __init__(self, backend: Backend) -> None:
        """Looks into `backend`."""
        self._backend = backend

    def collect(self) -> Iterator[Metric]:
        """Yields every figure. Raises StoreUnavailableError."""
        backend = self._backend
        now_ms = backend.clock.now().utc_ms
        found = site_figures.figures(backend.store, backend.config.site, now_ms)
        yield from _of_process(backend)
        months = record_months.ahead(backend)
        yield _gauge(
            "doorward_record_months_ahead",
            "Whole months that lie ready for records; below 0 this one has none.",
            math.inf if months is None else months,
        )
        yield from _of_fleet(found)
        yield from _of_alerts(found, now_ms)
        yield from _of_policy(found, now_ms)
        yield from _of_backups(backend)
        yield from _of_what_runs_out(backend)


def _of_process(backend: Backend) -> Iterator[Metric]:
    yield InfoMetricFamily(
        "doorward_build",
        "This program.",
        {"version": version_of("doorward-controller"), "schema": str(SCHEMA_VERSION)},
    )
    yield _gauge(
        "doorward_broker_connected", "Whether the broker is there.", backend.publisher.connected
    )
    yield _gauge("doorward_feed_subscribers", "Pages that look on live.", backend.feed.readers)
    pool = backend.store.pool()
    pools = GaugeMetricFamily(
        "doorward_database_connections", "Connections to the database.", labels=["state"]
    )
    pools.add_metric(["used"], pool.used)
    pools.add_metric(["idle"], pool.idle)
    yield pools
    usage = shutil.disk_usage(backend.config.data_dir)
    yield _gauge("doorward_data_free_bytes", "Free on the disk of the data.", usage.free)
    yield _gauge("doorward_data_size_bytes", "Size of the disk of the data.", usage.total)


def _of_fleet(found: SiteFigures) -> Iterator[Metric]:
    states = GaugeMetricFamily("doorward_gateways", "Gateways by how they stand.", labels=["state"])
    for condition in Condition:
        states.add_metric([condition.value], found.fleet.count(condition))
    yield states
    seen = GaugeMetricFamily(
        "doorward_gateway_last_seen_timestamp_seconds",
        "When a gateway was last heard.",
        labels=["gateway"],
    )
    for name in sorted(found.last_seen_ms)[:MAX_GATEWAYS]:
        seen.add_metric([name], found.last_seen_ms[name] / 1000)
    yield seen


def _of_alerts(found: SiteFigures, now_ms: int) -> Iterator[Metric]:
    live = GaugeMetricFamily(
        "doorward_alerts", "Alerts that are not resolved.", labels=["severity", "state"]
    )
    for severity in _SEVERITIES:
        for state in _LIVE:
            live.add_metric([severity, state.value], found.alerts.get((severity, state.value), 0))
    yield live
    deliveries = GaugeMetricFamily(
        "doorward_deliveries", "Deliveries that wait or were given up.", labels=["kind", "state"]
    )
    for place, count in found.deliveries.items():
        deliveries.add_metric(place, count)
    yield deliveries
    yield _gauge(
        "doorward_alert_delivery_oldest_waiting_seconds",
        "How long the oldest delivery of an alert has been waiting.",
        _age_s(found.oldest_delivery_ms, now_ms),
    )
    yield _gauge("doorward_webhooks_off", "Webhooks that are switched off.", found.webhooks_off)


def _of_policy(found: SiteFigures, now_ms: int) -> Iterator[Metric]:
    yield _gauge(
        "doorward_revocation_pending_gateways",
        "Gateways that do not know of a revocation yet.",
        found.revocation_pending,
    )
    yield _gauge(
        "doorward_revocation_oldest_pending_seconds",
        "How long the oldest revocation is not known everywhere.",
        _age_s(found.revocation_since_ms, now_ms),
    )
    yield _gauge(
        "doorward_policy_pending_gateways",
        "Gateways without the newest policy.",
        found.policy_pending,
    )
    version, released_s = found.policy or (0, 0)
    yield _gauge("doorward_policy_version", "The newest policy; 0 before the first.", version)
    yield _gauge(
        "doorward_policy_released_timestamp_seconds",
        "When the newest policy was released; 0 before the first.",
        released_s,
    )
    yield _gauge(
        "doorward_audit_unsigned_seconds",
        "How long the oldest entry of the audit log has not been signed; 0 when all are.",
        _age_s(found.unsigned_ms, now_ms),
    )


def _of_backups(backend: Backend) -> Iterator[Metric]:
    good = GaugeMetricFamily(
        "doorward_backup_good_timestamp_seconds",
        "Of which moment the last good copy at a place is; 0 before the first.",
        labels=["place"],
    )
    held = GaugeMetricFamily(
        "doorward_backup_rehearsal_held",
        "Whether the last tried restore from a place went well.",
        labels=["place"],
    )
    found = backups.overview(backend)
    yield from _of_log(backend, found)
    for each in found.places:
        good.add_metric([each.state.name], each.state.good_at_utc_s or 0)
        if each.rehearsal is not None:
            held.add_metric([each.state.name], each.rehearsal.held)
    yield good
    yield held


def _of_what_runs_out(backend: Backend) -> Iterator[Metric]:
    """Disks and certificates of the site's own."""
    free = GaugeMetricFamily(
        "doorward_disk_free_bytes", "Room that is left on a disk.", labels=["disk"]
    )
    size = GaugeMetricFamily("doorward_disk_size_bytes", "How large a disk is.", labels=["disk"])
    for room in disk_room.rooms(backend.config):
        free.add_metric([room.what], room.free_bytes)
        size.add_metric([room.what], room.size_bytes)
    ends = GaugeMetricFamily(
        "doorward_certificate_end_timestamp_seconds",
        "When a certificate of the broker's ends.",
        labels=["certificate"],
    )
    for each in site_certificates.files(backend.config):
        ends.add_metric([each.what], each.ends_at_utc_s)
    yield from (free, size, ends)


def _of_log(backend: Backend, found: Overview) -> Iterator[Metric]:
    """Only where a PostgreSQL's log is gathered."""
    if not found.log:
        return
    covers = GaugeMetricFamily(
        "doorward_backup_log_timestamp_seconds",
        "Up to which moment a place can restore from the database's log; 0 before the first.",
        labels=["place"],
    )
    for each in found.log:
        covers.add_metric([each.place], each.covers_utc_s)
    yield covers
    yield _gauge(
        "doorward_backup_log_kept_bytes",
        "How much of its log the database's server keeps because it was not gathered yet.",
        backups.kept_for_log(backend) or 0,
    )


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_, value=float(value))


def _age_s(since_ms: int | None, now_ms: int) -> float:
    return 0.0 if since_ms is None else max(0, now_ms - since_ms) / 1000


class Measured:
    """Notes how long each request takes, by the route that took it; live streams are none."""

    def __init__(self, app: ASGIApp, backend: Backend) -> None:
        """Wraps `app`."""
        self._app, self._clock, self._measures = app, backend.clock, backend.measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on and notes what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_ms = self._clock.now().mono_ms
        status, is_stream = 500, False

        async def noting(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                kinds = (v for k, v in message["headers"] if k.lower() == b"content-type")
                is_stream = any(kind.startswith(_STREAM) for kind in kinds)
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            if not is_stream:
                self._measures.answered(
                    method=scope["method"] if scope["method"] in _METHODS else "other",
                    route=route_of(scope),
                    status=status,
                    took_ms=self._clock.now().mono_ms - began_ms,
                )


def route_of(scope: Scope) -> str:
    """Returns the route that took a request, as it was declared."""
    path = getattr(scope.get("route"), "path", None)
    return UNKNOWN_ROUTE if path is None else f"{scope.get('root_path', '')}{path}"
