"""What this process counts of its own work, for whoever watches it (OpenMetrics).

Labels are devices, routes, names of jobs, reasons and states: never a person, a badge or what
somebody typed. What is true of the site as a whole is looked up when it is asked for
(`queries/site_figures.py`); several processes of one site all say the same of it.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_REQUEST_BUCKETS_S = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10)
_ANSWER_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
UNKNOWN_ROUTE = "none"
"""Of requests that no route takes: what stands in their address is not told."""


class Measures:
    """The counters of one process, with a registry of its own."""

    def __init__(self) -> None:
        """Begins at nothing."""
        self.registry = CollectorRegistry(auto_describe=False)
        self.jobs_turned_at_mono_ms: int | None = None
        self.intake_turned_at_mono_ms: int | None = None
        of = self.registry
        self._records = Counter(
            "doorward_ingest_records", "Records stored for the first time.", registry=of
        )
        self._again = Counter(
            "doorward_ingest_duplicate_records",
            "Records that came again and were stored already.",
            registry=of,
        )
        self._batches = Counter("doorward_ingest_batches", "Batches taken in.", registry=of)
        self._aside = Counter(
            "doorward_ingest_quarantined",
            "Messages and records put aside, by reason.",
            ["reason"],
            registry=of,
        )
        self._answers = Histogram(
            "doorward_ingest_acknowledgement_seconds",
            "From taking up a group of messages to having acknowledged what is on the disk.",
            buckets=_ANSWER_BUCKETS_S,
            registry=of,
        )
        self._requests = Histogram(
            "doorward_http_request_seconds",
            "Requests answered, by route, method and status.",
            ["method", "route", "status"],
            buckets=_REQUEST_BUCKETS_S,
            registry=of,
        )
        self._job_ended = Gauge(
            "doorward_job_last_success_timestamp_seconds",
            "When a job was last done without failing.",
            ["task"],
            registry=of,
        )
        self._job_took = Gauge(
            "doorward_job_last_duration_seconds", "How long a job took.", ["task"], registry=of
        )
        self._job_failed = Counter(
            "doorward_job_failures", "Jobs that failed.", ["task"], registry=of
        )

    def stored(self, *, batches: int, new: int, again: int) -> None:
        """Counts what was taken in."""
        self._batches.inc(batches)
        self._records.inc(new)
        self._again.inc(again)

    def put_aside(self, reasons: Iterable[str]) -> None:
        """Counts what went into quarantine."""
        for reason in reasons:
            self._aside.labels(reason=reason).inc()

    def acknowledged(self, took_ms: int) -> None:
        """Notes how long a group took until it was answered."""
        self._answers.observe(took_ms / 1000)

    def answered(self, *, method: str, route: str, status: int, took_ms: int) -> None:
        """Notes a request; the route as it was declared, never an address."""
        self._requests.labels(method=method, route=route, status=str(status)).observe(
            took_ms / 1000
        )

    def job_done(self, job: str, *, at_utc_s: int, took_ms: int) -> None:
        """Notes a job that was done."""
        self._job_ended.labels(task=job).set(at_utc_s)
        self._job_took.labels(task=job).set(took_ms / 1000)

    def job_failed(self, job: str) -> None:
        """Counts a job that failed."""
        self._job_failed.labels(task=job).inc()

    def jobs_turned(self, at_mono_ms: int) -> None:
        """Notes that the thread of the jobs is alive."""
        self.jobs_turned_at_mono_ms = at_mono_ms

    def intake_turned(self, at_mono_ms: int) -> None:
        """Notes that the thread of the intake is alive."""
        self.intake_turned_at_mono_ms = at_mono_ms
