"""What is told to monitoring: right, without persons, and only to who may read it."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain

from doorward_controller.api import health
from doorward_controller.app import create_app
from doorward_controller.domain.liveliness import JOBS_STUCK_MS
from doorward_controller.domain.permissions import Action, Role, may
from doorward_controller.errors import SchemaError, StoreUnavailableError
from doorward_controller.jobs import Jobs
from doorward_controller.services import accounts, holders, revocation
from doorward_controller.services.backend import Backend
from doorward_controller.services.holders import HolderFields
from doorward_controller.services.measures import Measures
from doorward_controller.store import backups, gateways
from doorward_controller.store.backups import Rehearsal
from tests.controller.conftest import ADMIN, ISSUER, SECURITY, StandingClock, enrol, release
from tests.controller.test_webhooks import badge
from tests.fakes.controller_link import FakeLink
from tests.fakes.running_server import running
from tools import make_dashboard

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
LABELS = {
    "place", "disk", "certificate",
    "gateway", "state", "severity", "kind", "reason", "route", "method", "status", "task", "le",
    "version", "schema",
}  # fmt: skip
"""Every label that there may be. A person, a badge or an address is in none of them."""

ROOT = Path(__file__).resolve().parents[2]
ALERT_RULES = ROOT / "monitoring" / "prometheus-alerts.yml"
FROM_PROMETHEUS = {"up", "job", "datasource"}
WORDS = {
    "max", "min", "sum", "by", "rate", "increase", "time", "topk", "histogram_quantile",
}  # fmt: skip


@pytest.fixture
def address(backend: Backend) -> Iterator[str]:
    with running(create_app(backend), backend.feed) as at:
        yield at


def token_of(backend: Backend, role: Role, *scope: Action) -> dict[str, str]:
    accounts.create_operator(
        backend, ADMIN, name=role.value, password="correct horse battery", role=role
    )
    token = accounts.create_token(
        backend, ADMIN, operator=role.value, label="prometheus", lifetime_s=3600, scope=scope
    )
    return {"Authorization": f"Bearer {token}"}


def scrape(address: str, headers: dict[str, str]) -> dict[str, Metric]:
    asked = {**headers, "Accept": OPEN_METRICS}
    answer = httpx.get(f"{address}/metrics", headers=asked, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    families: Iterable[Metric] = read_openmetrics(answer.text)  # type: ignore[no-untyped-call]
    return {family.name: family for family in families}


def value(found: dict[str, Metric], name: str, **labels: str) -> float:
    (only,) = [
        sample.value
        for sample in found[name].samples
        if sample.labels == labels and not sample.name.endswith("_created")
    ]
    return only


@pytest.fixture
def lively(backend: Backend, clock: StandingClock, link: FakeLink) -> Backend:
    """A site on which everything has happened that is measured."""
    enrol(backend, "gate-1")
    enrol(backend, "gate-2")
    with backend.store.write() as connection:
        gateways.change(connection, 1, last_seen_at_utc_ms=clock.utc_ms)
        tried = Rehearsal(
            place="near",
            snapshot="a",
            copied_at_utc_s=clock.now().utc_s,
            began_at_utc_s=clock.now().utc_s,
            ended_at_utc_s=clock.now().utc_s,
            held=True,
        )
        backups.add_rehearsal(connection, tried)
    release(backend)
    holders.add_holder(backend, ISSUER, HolderFields(name="Mei Lin", contact="mei@example.org"))
    revocation.revoke(backend, SECURITY, [badge(backend)], "Mei Lin lost it")
    backend.measures.stored(batches=2, new=7, again=3)
    backend.measures.put_aside(["malformed"])
    backend.measures.acknowledged(12)
    backend.measures.job_done("alerts.look", at_utc_s=5, took_ms=30)
    backend.measures.job_failed("plans.look")
    clock.pass_s(90)
    return backend


def test_the_figures_say_what_is_so(lively: Backend, address: str) -> None:
    found = scrape(address, token_of(lively, Role.ADMIN, Action.READ_METRICS))
    assert value(found, "doorward_gateways", state="never_seen") == 1
    assert value(found, "doorward_revocation_pending_gateways") == 2
    assert value(found, "doorward_revocation_oldest_pending_seconds") == 90
    assert value(found, "doorward_policy_version") >= 1
    assert value(found, "doorward_policy_pending_gateways") == 2
    assert value(found, "doorward_ingest_records") == 7
    assert value(found, "doorward_ingest_duplicate_records") == 3
    assert value(found, "doorward_ingest_quarantined", reason="malformed") == 1
    assert value(found, "doorward_job_failures", task="plans.look") == 1
    assert value(found, "doorward_job_last_duration_seconds", task="alerts.look") == 0.03
    assert value(found, "doorward_broker_connected") == 1
    assert value(found, "doorward_alerts", severity="alarm", state="open") == 0
    assert value(found, "doorward_data_free_bytes") > 0


def test_a_list_that_is_only_vouched_for_anew_is_no_revocation_on_its_way(
    backend: Backend, address: str
) -> None:
    enrol(backend)
    found = scrape(address, token_of(backend, Role.ADMIN))
    assert value(found, "doorward_revocation_pending_gateways") == 0
    assert value(found, "doorward_revocation_oldest_pending_seconds") == 0


def test_no_label_names_a_person_a_badge_or_an_address(lively: Backend, address: str) -> None:
    headers = token_of(lively, Role.SECURITY)
    for path in ("/api/v1/holders/abc", "/api/v1/gateways", "/mei@example.org", "/metrics?x=Mei"):
        httpx.get(f"{address}{path}", headers=headers, trust_env=False)
    httpx.request("MEI", f"{address}/x", headers=headers, trust_env=False)
    found = scrape(address, headers)
    used = {name for family in found.values() for s in family.samples for name in s.labels}
    assert used - LABELS == set()
    values = {v for family in found.values() for s in family.samples for v in s.labels.values()}
    assert not [v for v in values if "mei" in v.lower() or "@" in v or "abc" in v]
    routes = {s.labels["route"] for s in found["doorward_http_request_seconds"].samples}
    assert {"/api/v1/holders/{holder_id}", "/api/v1/gateways", "none"} <= routes


def test_names_follow_the_conventions(lively: Backend, address: str) -> None:
    found = scrape(address, token_of(lively, Role.ADMIN))
    assert all(re.fullmatch(r"doorward_[a-z_]+", name) for name in found)
    assert all(family.documentation.endswith(".") for family in found.values())
    timed = [n for n, f in found.items() if f.type == "histogram"]
    assert timed, "no histogram was found"
    assert all(name.endswith("_seconds") for name in timed)


def test_who_asks_for_plain_text_gets_it(lively: Backend, address: str) -> None:
    headers = token_of(lively, Role.FACILITY)
    answer = httpx.get(f"{address}/metrics", headers=headers, trust_env=False)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "doorward_gateways" in {family.name for family in read_plain(answer.text)}


@pytest.mark.parametrize("role", Role)
def test_only_who_may_read_them_does(backend: Backend, address: str, role: Role) -> None:
    answer = httpx.get(f"{address}/metrics", headers=token_of(backend, role), trust_env=False)
    assert answer.status_code == (200 if may(role, Action.READ_METRICS) else 403)
    assert httpx.get(f"{address}/metrics", trust_env=False).status_code == 401


def test_a_token_for_something_else_reads_no_figures(backend: Backend, address: str) -> None:
    headers = token_of(backend, Role.ADMIN, Action.READ_FLEET)
    assert httpx.get(f"{address}/metrics", headers=headers, trust_env=False).status_code == 403


# --- the files for Grafana and Prometheus


def exported(lively: Backend, address: str) -> dict[str, set[str]]:
    """Every name that Prometheus keeps, with its labels."""
    found = scrape(address, token_of(lively, Role.ADMIN, Action.READ_METRICS))
    series: dict[str, set[str]] = {}
    for family in found.values():
        for sample in family.samples:
            series.setdefault(sample.name, set()).update(sample.labels)
    # What has not happened yet has no sample and still a name.
    for metric in Measures().registry.collect():
        series.setdefault(metric.name, set())
    return series


def check(expression: str, series: dict[str, set[str]]) -> None:
    """Raises unless every name in an expression is one that is exported."""
    without_texts = re.sub(r'"[^"]*"', '""', re.sub(r"\[[^\]]*\]", "", expression))
    names = set(re.findall(r"[a-zA-Z_][a-zA-Z0-9_]*", without_texts)) - WORDS - FROM_PROMETHEUS
    metrics = {name for name in names if name.startswith("doorward_")}
    assert metrics <= series.keys(), f"{metrics - series.keys()} in {expression}"
    labels = set().union(*(series[name] for name in metrics)) if metrics else set()
    assert names - metrics <= labels, f"{names - metrics - labels} in {expression}"


def expressions(panels: list[dict[str, Any]]) -> Iterator[str]:
    for panel in panels:
        for target in panel.get("targets", ()):
            yield target["expr"]


def test_the_dashboard_asks_for_nothing_that_is_not_exported(lively: Backend, address: str) -> None:
    httpx.get(f"{address}/healthz", trust_env=False)
    series = exported(lively, address)
    held = json.loads(make_dashboard.PATH.read_text(encoding="utf-8"))
    asked = list(expressions(held["panels"]))
    assert len(asked) > 20
    for expression in asked:
        check(expression, series)
    with pytest.raises(AssertionError):
        check('sum(doorward_nothing{job="x"})', series)
    with pytest.raises(AssertionError):
        check("sum by (person) (doorward_gateways)", series)


def test_every_figure_stands_in_the_documents(lively: Backend, address: str) -> None:
    text = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
    headers = token_of(lively, Role.ADMIN, Action.READ_METRICS)
    told = {name.removeprefix("doorward_ingest") for name in scrape(address, headers)}
    assert sorted(name for name in told if name not in text) == []


def test_the_dashboard_is_the_one_that_is_made() -> None:
    assert make_dashboard.PATH.read_text(encoding="utf-8") == make_dashboard.text()
    panels = make_dashboard.dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in panels):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, "two panels lie on one another"
        assert place["x"] + place["w"] <= make_dashboard.WIDTH
        taken |= cells


def test_the_alert_rules_ask_for_nothing_that_is_not_exported(
    lively: Backend, address: str
) -> None:
    series = exported(lively, address)
    rules = re.findall(r"^ +expr: (.+)$", ALERT_RULES.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rules) >= 8
    for expression in rules:
        check(expression, series)


# --- health


def test_ready_says_which_part_is_not(
    sqlite_backend: Backend, link: FakeLink, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(create_app(sqlite_backend), sqlite_backend.feed) as at:

        def ask() -> tuple[int, dict[str, str]]:
            answer = httpx.get(f"{at}/readyz", trust_env=False)
            parts = answer.json()["parts"]
            return answer.status_code, {n: p["code"] for n, p in parts.items() if not p["ok"]}

        assert httpx.get(f"{at}/healthz", trust_env=False).status_code == 204
        assert ask() == (200, {})
        link.connected = False
        assert ask() == (200, {"broker": "broker_away"}), "the console serves without it"
        link.connected = True
        sqlite_backend.measures.jobs_turned(clock.now().mono_ms)
        clock.pass_s(JOBS_STUCK_MS // 1000 + 1)
        assert ask() == (503, {"jobs": "jobs_stuck"})
        sqlite_backend.measures.jobs_turned(clock.now().mono_ms)
        monkeypatch.setattr(health, "LEAST_FREE_BYTES", 2**60)
        assert ask() == (503, {"disk": "disk_full"})
        monkeypatch.setattr(health, "LEAST_FREE_BYTES", 0)

        def older(_: object) -> None:
            raise SchemaError("older")

        monkeypatch.setattr(health, "check_schema", older)
        assert ask() == (503, {"database": "database_schema"})
        text = httpx.get(f"{at}/readyz", trust_env=False).text
        assert str(sqlite_backend.config.data_dir) not in text, "a path is nobody's business"


def test_a_database_that_is_away_is_told_as_such(
    sqlite_backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(health, "check_schema", away)
    with running(create_app(sqlite_backend), sqlite_backend.feed) as at:
        answer = httpx.get(f"{at}/health/ready", trust_env=False)
    assert answer.status_code == 503
    assert answer.json()["parts"]["database"]["code"] == "database_away"


def test_the_thread_of_the_jobs_says_that_it_is_alive(sqlite_backend: Backend) -> None:
    jobs = Jobs(sqlite_backend, expire_s=0.05)
    jobs.start()
    try:
        for _ in range(200):
            samples = [
                sample
                for metric in sqlite_backend.measures.registry.collect()
                for sample in metric.samples
                if sample.name == "doorward_job_last_success_timestamp_seconds"
            ]
            if len(samples) >= 3:
                break
            jobs._stopping.wait(0.05)
    finally:
        jobs.stop()
    assert sqlite_backend.measures.jobs_turned_at_mono_ms is not None
    assert len(samples) >= 3
