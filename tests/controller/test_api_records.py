"""Records, who is inside and the audit log as programs ask for them."""

import csv
import io
import json
from collections.abc import Iterator

import pytest

from doorward_controller.api import audit as audit_api
from doorward_controller.domain.audit_checkpoint import Checkpoint
from doorward_controller.domain.permissions import Role
from doorward_controller.queries import audit_trail
from doorward_controller.services import audit_checkpoints, holders
from doorward_controller.services.backend import Backend
from tests.controller.conftest import ISSUER
from tests.controller.test_api import Caller, bearer, calling, check_problem, issue_body
from tests.fakes.fed_gateway import FedGateway

ROOT = "/api/v1"


@pytest.fixture
def caller(sqlite_backend: Backend) -> Iterator[Caller]:
    """A site where Ada was let in and a stranger was not."""
    with calling(sqlite_backend) as made:
        yield made


@pytest.fixture
def ada(caller: Caller) -> str:
    """The number of Ada, who has come once."""
    backend = caller.backend
    holder = holders.add_holder(backend, ISSUER, holders.HolderFields(name="Ada"))
    issuer = bearer(caller, Role.ISSUER)
    body = issue_body(holder_id=holder)
    badge = caller.post(f"{ROOT}/credentials", json=body, headers=issuer).json()["credential_id"]
    gate = FedGateway(backend, "gate")
    gate.enrol()
    gate.scan("granted", badge)
    gate.scan("not_ours", detail="=1+1")
    return holder


def acts(caller: Caller) -> list[tuple[str, str]]:
    rows = audit_trail.page(caller.backend.store, limit=100).items
    return [(row.action, row.subject) for row in reversed(rows)]


def test_records_of_a_person_and_the_look_is_an_entry(caller: Caller, ada: str) -> None:
    auditor = bearer(caller, Role.AUDITOR)
    found = caller.get(f"{ROOT}/records", params={"holder_id": ada}, headers=auditor).json()
    assert [row["reason"] for row in found["items"]] == ["granted"]
    assert acts(caller)[-1] == ("trace_person", ada)
    assert "Ada" not in json.dumps(found)
    nobody = caller.get(f"{ROOT}/records?holder_id=none", headers=auditor).json()
    assert nobody["items"] == []


def test_summary_of_a_span(caller: Caller, ada: str) -> None:
    del ada
    auditor = bearer(caller, Role.AUDITOR)
    now_ms = caller.backend.clock.now().utc_ms
    span = {"from_utc_ms": now_ms - 3_600_000, "to_utc_ms": now_ms + 1}
    found = caller.get(f"{ROOT}/records/summary", params=span, headers=auditor).json()
    assert [(p["portal"], p["granted"], p["refused"]) for p in found["portals"]] == [
        ("gate-door", 1, 1)
    ]
    assert found["reasons"] == [{"reason": "not_ours", "refused": 1}]
    backwards = {"from_utc_ms": 2, "to_utc_ms": 1}
    check_problem(
        caller.get(f"{ROOT}/records/summary", params=backwards, headers=auditor), 422, "bad_span"
    )


def test_export_needs_a_purpose_and_masks_by_role(caller: Caller, ada: str) -> None:
    body = {"purpose": "application 9", "holder_id": [ada]}
    for role, name in ((Role.SECURITY, "Ada"), (Role.AUDITOR, "(hidden)")):
        answer = caller.post(f"{ROOT}/records/export", json=body, headers=bearer(caller, role))
        (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
        assert (row["holder"], answer.headers["cache-control"]) == (name, "no-store")
    short = caller.post(
        f"{ROOT}/records/export", json={"purpose": "x"}, headers=bearer(caller, Role.ADMIN)
    )
    check_problem(short, 403, "forbidden")


def test_who_is_inside_by_count_and_by_name(caller: Caller, ada: str) -> None:
    del ada
    security, guard = bearer(caller, Role.SECURITY), bearer(caller, Role.GUARD)
    assert {"zone": "site", "people": 1, "at_most": 0} in caller.get(
        f"{ROOT}/occupancy", headers=guard
    ).json()
    listed = caller.get(f"{ROOT}/occupancy/people", headers=security).json()
    assert [one["name"] for zone in listed["zones"] for one in zone["people"]] == ["Ada"]
    masked = caller.get(f"{ROOT}/occupancy/people", headers=guard).json()
    assert [one["name"] for zone in masked["zones"] for one in zone["people"]] == [None]
    assert [action for action, _ in acts(caller)].count("muster") == 2


def test_checkpoints_are_handed_out_and_hold(caller: Caller) -> None:
    auditor = bearer(caller, Role.AUDITOR)
    audit_checkpoints.sign(caller.backend)
    bearer(caller, Role.GUARD)
    audit_checkpoints.sign(caller.backend)
    first = caller.get(f"{ROOT}/audit/checkpoints?limit=1", headers=auditor).json()
    (newest,) = first["items"]
    assert newest["number"] == 2
    assert Checkpoint.from_line(json.dumps(newest)).holds("main")
    assert not Checkpoint.from_line(json.dumps({**newest, "entry": 1})).holds("main")
    rest = caller.get(
        f"{ROOT}/audit/checkpoints", params={"cursor": first["next_cursor"]}, headers=auditor
    ).json()
    assert [one["number"] for one in rest["items"]] == [1]
    told = caller.get(f"{ROOT}/audit/verification", headers=auditor).json()
    assert (told["unbroken"], told["checkpoints"]) == (True, 2)
    assert set(told) == set(audit_api.VerificationBody.model_fields)


def test_entries_by_who_outcome_and_time_and_as_lines(caller: Caller) -> None:
    auditor, host = bearer(caller, Role.AUDITOR), bearer(caller, Role.HOST)
    assert caller.get(f"{ROOT}/records", headers=host).status_code == 403
    now_ms = caller.backend.clock.now().utc_ms

    def asked(**params: object) -> list[str]:
        answer = caller.get(f"{ROOT}/audit", params=params, headers=auditor)  # type: ignore[arg-type]
        return [
            f"{row['actor']} {row['action']} {row['outcome']}" for row in answer.json()["items"]
        ]

    assert asked(refused=True) == ["op-host read_records forbidden"]
    assert asked(actor="op-host", outcome="forbidden") == ["op-host read_records forbidden"]
    assert asked(to_utc_ms=now_ms) == []
    assert asked(refused=True, from_utc_ms=now_ms) == ["op-host read_records forbidden"]
    lines = caller.get(f"{ROOT}/audit/export", headers=auditor).text.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["id"] for row in rows] == list(range(1, len(rows) + 1))
    assert {len(row["hash"]) for row in rows} == {64}
    assert rows[-1]["action"] == "export_audit"
