"""The interface: who may call what, what errors look like, and one whole life of a credential."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from doorward_controller.app import API_ROOT, create_app
from doorward_controller.domain.permissions import Role
from doorward_controller.ingest.writer import Writer
from doorward_controller.services import accounts
from doorward_controller.services.backend import Backend
from doorward_controller.services.sign_in import COOKIE
from tests.controller.conftest import ADMIN, enrol, release
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import AT_UTC_MS
from tests.fakes.running_server import UNREAD, running

PASSWORD = "correct horse battery"
NOW_S = AT_UTC_MS // 1000
DAY_S = 86_400


class Caller(httpx.Client):
    """A program that calls the interface of a running server, whose parts it knows."""

    def __init__(self, address: str, backend: Backend) -> None:
        super().__init__(base_url=address, verify=UNREAD, trust_env=False, timeout=60)
        self.backend = backend


@contextmanager
def calling(backend: Backend) -> Iterator[Caller]:
    app = create_app(backend)
    with running(app, backend.feed) as address, Caller(address, backend) as caller:
        yield caller


@pytest.fixture
def client(backend: Backend) -> Iterator[Caller]:
    with calling(backend) as caller:
        yield caller


@pytest.fixture
def quick_client(sqlite_backend: Backend) -> Iterator[Caller]:
    """For what does not depend on the database."""
    with calling(sqlite_backend) as caller:
        yield caller


def bearer(client: Caller, role: Role) -> dict[str, str]:
    """Makes an account with that role and returns the header of its token."""
    backend, name = client.backend, f"op-{role.value}"
    accounts.create_operator(backend, ADMIN, name=name, password=PASSWORD, role=role)
    token = accounts.create_token(backend, ADMIN, operator=name, label="t", lifetime_s=3600)
    return {"Authorization": f"Bearer {token}"}


def issue_body(**changed: object) -> dict[str, object]:
    return {
        "credential_class": 1,
        "form": "dw1",
        "not_before": NOW_S - 60,
        "expires": NOW_S + DAY_S,
        **changed,
    }


def check_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["title"]
    return body


def test_life_of_a_credential(client: Caller, link: FakeLink) -> None:
    backend = client.backend
    enrol(backend, "gate-1", "north")
    issuer, security = bearer(client, Role.ISSUER), bearer(client, Role.SECURITY)
    holder = client.post(
        "/api/v1/holders",
        json={"fields": {"name": "Ada"}, "groups": ["staff"]},
        headers=issuer,
    ).json()["holder_id"]
    issued = client.post(
        "/api/v1/credentials", json=issue_body(holder_id=holder), headers=issuer
    ).json()
    id_ = issued["credential_id"]
    assert issued["text"].startswith("DW1:")
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<svg"), ("pdf", b"%PDF")):
        picture = client.get(f"/api/v1/credentials/{id_}/code.{kind}", headers=issuer)
        assert picture.content.startswith(start)
        assert picture.headers["cache-control"] == "no-store"
    alone = client.post("/api/v1/policy/release", headers=security)
    check_problem(alone, 409, "second_person_needed")
    release(client.backend)
    ask = {"credential_id": id_, "portal": "north", "at_utc_s": NOW_S}

    def simulated() -> tuple[str, str]:
        verdict = client.post("/api/v1/simulate", json=ask, headers=security).json()
        return verdict["outcome"], verdict["reason"]

    assert simulated() == ("grant", "granted")
    act = f"/api/v1/credentials/{id_}"
    client.post(f"{act}/suspend", json={"reason": "check"}, headers=security)
    assert simulated() == ("deny", "suspended")
    client.post(f"{act}/restore", json={"reason": "fine"}, headers=security)
    assert simulated() == ("grant", "granted")
    change = client.post(f"{act}/revoke", json={"reason": "lost"}, headers=security).json()
    assert simulated() == ("deny", "revoked")
    row = client.get(act, headers=security).json()
    assert (row["state"], row["changed_reason"], row["status_seq"]) == (
        "revoked",
        "lost",
        change["seq"],
    )
    spread = client.get(
        "/api/v1/propagation/status", params={"version": change["seq"]}, headers=security
    ).json()
    assert (spread["applied"], spread["total"]) == (0, 1)
    problem = client.post(f"{act}/restore", json={"reason": "x"}, headers=security)
    check_problem(problem, 409, "credential_revoked")


def test_records_are_paged_without_gap_or_repetition(client: Caller, link: FakeLink) -> None:
    gateway = enrol(client.backend, "gate-1", "north")
    gateway.append_scans(25)
    Writer(client.backend).process([link.inbound(gateway.topic(), gateway.wire(1, 25))])
    headers = bearer(client, Role.SECURITY)
    seen: list[int] = []
    cursor: str | None = None
    while True:
        params: dict[str, str | int] = {"limit": 7, **({"cursor": cursor} if cursor else {})}
        page = client.get("/api/v1/records", params=params, headers=headers).json()
        seen += [row["seq"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == list(range(25, 0, -1))


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"gateway": "gate-1"}, 10),
        ({"gateway": "gate-2"}, 0),
        ({"portal": "north", "outcome": "grant"}, 10),
        ({"outcome": "deny"}, 0),
        ({"kind": "scan", "reason": "granted"}, 10),
        ({"from_utc_ms": AT_UTC_MS + 3000, "to_utc_ms": AT_UTC_MS + 6000}, 3),
    ],
)
def test_records_are_filtered(
    quick_client: Caller, link: FakeLink, filters: dict[str, Any], count: int
) -> None:
    backend = quick_client.backend
    gateway = enrol(backend, "gate-1", "north")
    gateway.append_scans(10)
    Writer(backend).process([link.inbound(gateway.topic(), gateway.wire(1, 10))])
    headers = bearer(quick_client, Role.SECURITY)
    page = quick_client.get("/api/v1/records", params=filters, headers=headers).json()
    assert len(page["items"]) == count


# --- sessions and CSRF


def sign_in(client: Caller, role: Role = Role.SECURITY) -> dict[str, Any]:
    accounts.create_operator(client.backend, ADMIN, name="sam", password=PASSWORD, role=role)
    answer = client.post("/api/v1/session", json={"name": "sam", "password": PASSWORD})
    assert answer.status_code == 201
    body: dict[str, Any] = answer.json()
    return body


def test_session_cookie_cannot_be_read_by_scripts_or_sent_from_elsewhere(
    quick_client: Caller,
) -> None:
    accounts.create_operator(
        quick_client.backend, ADMIN, name="sam", password=PASSWORD, role=Role.ADMIN
    )
    answer = quick_client.post("/api/v1/session", json={"name": "sam", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def test_change_by_a_browser_needs_the_sessions_token(quick_client: Caller) -> None:
    session = sign_in(quick_client)
    propose, body = "/api/v1/proposals/policy-release", {"reason": "new rules"}
    check_problem(quick_client.post(propose, json=body), 403, "csrf_missing")
    wrong = {"X-CSRF-Token": "x" * 43}
    check_problem(quick_client.post(propose, json=body, headers=wrong), 403, "csrf_missing")
    right = {"X-CSRF-Token": session["csrf_token"]}
    assert quick_client.post(propose, json=body, headers=right).status_code == 201


def test_signing_out_ends_it(quick_client: Caller) -> None:
    session = sign_in(quick_client)
    assert quick_client.get("/api/v1/session").json()["name"] == "sam"
    quick_client.delete("/api/v1/session", headers={"X-CSRF-Token": session["csrf_token"]})
    check_problem(quick_client.get("/api/v1/session"), 401, "sign_in_needed")


def test_locked_account_is_told_with_a_status_of_its_own(quick_client: Caller) -> None:
    sign_in(quick_client)
    wrong = {"name": "sam", "password": "wrong"}
    answers = [quick_client.post("/api/v1/session", json=wrong) for _ in range(5)]
    check_problem(answers[0], 401, "sign_in_refused")
    check_problem(answers[-1], 429, "account_locked")


# --- errors


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/gateways", 401, "sign_in_needed"),
        ("PUT", "/api/v1/gateways", 405, "method_not_allowed"),
        ("GET", "/api/v1/nothing", 404, "not_found"),
    ],
)
def test_error_without_sign_in_is_a_problem_document(
    quick_client: Caller, method: str, path: str, status: int, code: str
) -> None:
    check_problem(quick_client.request(method, path), status, code)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/records?limit=0", 422, "invalid"),
        ("/records?limit=501", 422, "invalid"),
        ("/records?cursor=!!!", 422, "bad_cursor"),
        ("/records?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5fDE", 422, "bad_cursor"),
        ("/records?outcome=perhaps", 422, "invalid"),
        ("/records?credential_id=zz", 422, "bad_credential_id"),
        ("/records/999", 404, "no_record"),
        ("/records/99999999999999999999999", 404, "no_record"),
        ("/credentials/zz", 422, "bad_credential_id"),
        ("/credentials/0011223344556677", 404, "no_credential"),
        ("/gateways/nowhere", 404, "no_gateway"),
        ("/propagation/weather", 422, "invalid"),
        ("/audit", 403, "forbidden"),
    ],
)
def test_error_of_who_is_signed_in_is_a_problem_document(
    quick_client: Caller, path: str, status: int, code: str
) -> None:
    headers = bearer(quick_client, Role.SECURITY)
    check_problem(quick_client.get(f"/api/v1{path}", headers=headers), status, code)


def test_refused_values_are_named_and_not_repeated(quick_client: Caller) -> None:
    headers = bearer(quick_client, Role.ISSUER)
    secret = "Ada Lovelace " * 100
    answer = quick_client.post(
        "/api/v1/holders", json={"fields": {"name": secret}}, headers=headers
    )
    body = check_problem(answer, 422, "invalid")
    assert body["errors"][0]["where"] == "body.fields.name"
    assert "Lovelace" not in answer.text


def test_bug_is_a_problem_document_without_its_details(
    quick_client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = bearer(quick_client, Role.SECURITY)

    def broken(*_: object) -> None:
        raise RuntimeError("the details")

    monkeypatch.setattr("doorward_controller.queries.fleet_board.gateways", broken)
    answer = quick_client.get("/api/v1/gateways", headers=headers)
    check_problem(answer, 500, "internal_error")
    assert "the details" not in answer.text


def test_too_long_a_request_is_refused(quick_client: Caller) -> None:
    headers = bearer(quick_client, Role.SECURITY)
    answer = quick_client.put("/api/v1/rules", content=b"x" * 2_000_000, headers=headers)
    check_problem(answer, 413, "too_large")


def test_token_that_is_none_is_refused(quick_client: Caller) -> None:
    for value in ("Bearer dwt_none", "Bearer", "Bearer é", "Basic eDp5"):
        headers = {b"Authorization": value.encode()}
        answer = quick_client.get("/api/v1/gateways", headers=headers)
        check_problem(answer, 401, "sign_in_needed")


# --- the interface as a whole


def routes(client: Caller) -> list[tuple[str, str]]:
    document = client.get("/api/v1/openapi.json").json()
    return [
        (method.upper(), API_ROOT + path)
        for path, item in document["paths"].items()
        for method in item
    ]


def test_interface_describes_itself_by_openapi_3_1(quick_client: Caller) -> None:
    document = quick_client.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert "/credentials/{credential_id}/revoke" in document["paths"]


def test_interface_describes_every_problem_as_it_answers_it(quick_client: Caller) -> None:
    document = quick_client.get("/api/v1/openapi.json").json()
    as_problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    described = [
        operation["responses"][status]["content"]
        for item in document["paths"].values()
        for operation in item.values()
        for status in ("400", "401", "403", "404", "409", "422", "503")
    ]
    assert len(described) > 500
    assert all(content == {"application/problem+json": as_problem} for content in described)
    schemas = document["components"]["schemas"]
    assert {"type", "title", "status", "detail", "code"} <= set(schemas["Problem"]["properties"])
    text = json.dumps(document)
    for named in set(re.findall(r'"#/components/schemas/([^"]+)"', text)):
        assert named in schemas
    assert "HTTPValidationError" not in text


def test_nothing_but_signing_in_answers_strangers(quick_client: Caller) -> None:
    """Every operation of the interface, with a plausible address and an empty body."""
    for method, path in routes(quick_client):
        if (method, path) == ("POST", "/api/v1/session"):
            continue
        address = re.sub(r"\{[^}]*\}", "0011223344556677", path)
        answer = quick_client.request(method, address.replace(".0011223344556677", ".png"))
        assert answer.status_code in {401, 422}, (method, path, answer.status_code)
        assert answer.headers["content-type"] == "application/problem+json"
        if method == "GET" and "{what}" not in path:
            assert answer.status_code == 401, path


def test_health_is_told_without_signing_in(quick_client: Caller) -> None:
    assert quick_client.get("/health/live").status_code == 204
    said = quick_client.get("/health/ready").json()
    assert (said["ready"], said["database"], said["broker"]) == (True, True, True)


# --- a second person, many codes at once, postures, what a release would change


def test_one_proposes_another_approves_and_each_sees_exactly_what(client: Caller) -> None:
    """The whole way through the interface: preview, refusal alone, proposal, approval, spread."""
    backend = client.backend
    enrol(backend, "gate-1", "north")
    security, issuer = bearer(client, Role.SECURITY), bearer(client, Role.ISSUER)
    reviewer = bearer(client, Role.REVIEWER)
    body = issue_body()
    ids = [
        client.post("/api/v1/credentials", json=body, headers=issuer).json()["credential_id"]
        for _ in range(2)
    ]
    key = f"{backend.keys.issue.key_id:x}"
    wanted = {"change": "revoke", "source": "key", "name": key}
    shown = client.post("/api/v1/revocations/preview", json=wanted, headers=security).json()
    assert (shown["codes"], shown["people"], shown["needs_second"]) == (2, 2, True)
    order = wanted | {"cause": "key_compromised", "expected": 2}
    alone = client.post("/api/v1/revocations", json=order, headers=security)
    check_problem(alone, 409, "second_person_needed")
    proposed = client.post(
        "/api/v1/proposals/revocation", json=order | {"reason": "copied"}, headers=security
    ).json()
    decide = f"/api/v1/proposals/{proposed['id']}/decision"
    own = client.post(decide, json={"decision": "approve"}, headers=security)
    check_problem(own, 403, "own_proposal")
    done = client.post(decide, json={"decision": "approve"}, headers=reviewer).json()
    assert (done["state"], done["outcome"]["codes"]) == ("carried_out", 2)
    batch = client.get(f"/api/v1/revocations/{done['outcome']['batch']}", headers=security).json()
    assert (batch["batch"]["codes"], batch["propagation"]["total"]) == (2, 1)
    row = client.get(f"/api/v1/credentials/{ids[0]}", headers=security).json()
    assert row["state"] == "revoked"


def test_differences_and_past_scans_are_told_to_programs(client: Caller) -> None:
    enrol(client.backend, "gate-1", "north")
    security = bearer(client, Role.SECURITY)
    found = client.get("/api/v1/policy/differences", headers=security).json()
    assert not found["is_none"]
    assert {"en": "New group staff", "zh": "新增人员组 staff"} in [
        each["said"] for each in found["named"]
    ]
    span = {"from_utc_ms": NOW_S * 1000, "to_utc_ms": (NOW_S + 60) * 1000}
    rerun = client.post("/api/v1/policy/rerun", json=span, headers=security).json()
    assert (rerun["taken"], rerun["result"]["lost"]) == (0, 0)
    wrong = span | {"to_utc_ms": span["from_utc_ms"]}
    check_problem(
        client.post("/api/v1/policy/rerun", json=wrong, headers=security), 422, "bad_span"
    )


def test_a_posture_is_ordered_and_ended_by_programs(client: Caller) -> None:
    enrol(client.backend, "gate-1", "north")
    security = bearer(client, Role.SECURITY)
    body = {"scope": "site", "place": "main", "posture": "lockdown", "cause": "drill"}
    made = client.post("/api/v1/postures", json=body, headers=security).json()
    shown = client.get("/api/v1/postures", headers=security).json()
    assert [each["order"]["id"] for each in shown["portals"]] == [made["id"]]
    ended = client.post(f"/api/v1/postures/{made['id']}/end", json={}, headers=security)
    assert ended.status_code == 204
    assert client.get("/api/v1/postures", headers=security).json()["orders"] == []
