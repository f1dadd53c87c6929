"""The same request twice is done once, whatever happens in between."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import Request

from doorward_controller.api import idempotency
from doorward_controller.domain.permissions import Role
from doorward_controller.errors import ConflictError, InvalidError, StoreUnavailableError
from doorward_controller.services import kept_answers
from doorward_controller.services.backend import Backend
from doorward_controller.services.kept_answers import KEEP_S, LEASE_S, Answer, Claim
from doorward_controller.store.account_tables import operators
from doorward_controller.store.interface_tables import kept_answers as table
from doorward_controller.store.schema import holders
from tests.controller.conftest import StandingClock
from tests.controller.test_api import (
    PASSWORD,
    Caller,
    bearer,
    calling,
    check_problem,
)

HOLDERS = "/api/v1/holders"
ADA = {"fields": {"name": "Ada"}}
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


def rows(backend: Backend, of: sa.Table) -> int:
    with backend.store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(of)).scalar_one())


@pytest.fixture
def client(backend: Backend) -> Iterator[Caller]:
    with calling(backend) as caller:
        yield caller


@pytest.fixture
def quick(sqlite_backend: Backend) -> Iterator[Caller]:
    with calling(sqlite_backend) as caller:
        yield caller


def test_a_repetition_is_answered_and_nothing_is_done_again(client: Caller) -> None:
    headers = bearer(client, Role.ISSUER) | KEY
    first = client.post(HOLDERS, json=ADA, headers=headers)
    again = client.post(HOLDERS, json=ADA, headers=headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert again.headers["content-type"] == "application/json"
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert rows(client.backend, holders) == 1
    quoted = headers | {"Idempotency-Key": f'"{KEY["Idempotency-Key"]}"'}
    assert client.post(HOLDERS, json=ADA, headers=quoted).json() == first.json()
    assert client.post(HOLDERS, json=ADA, headers=headers | {"Idempotency-Key": "2"}).json() != (
        first.json()
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [(HOLDERS, {"fields": {"name": "Bob"}}), (f"{HOLDERS}?x=1", ADA), ("/api/v1/staff", ADA)],
)
def test_a_key_belongs_to_one_request(quick: Caller, path: str, body: dict[str, Any]) -> None:
    headers = bearer(quick, Role.ISSUER) | KEY
    quick.post(HOLDERS, json=ADA, headers=headers)
    check_problem(quick.post(path, json=body, headers=headers), 422, "key_reused")
    assert rows(quick.backend, holders) == 1


def test_another_callers_key_is_another_key(quick: Caller) -> None:
    one, other = bearer(quick, Role.ISSUER), bearer(quick, Role.FACILITY)
    made = quick.post(HOLDERS, json=ADA, headers=one | KEY)
    check_problem(quick.post(HOLDERS, json=ADA, headers=other | KEY), 403, "forbidden")
    nobody = quick.post(HOLDERS, json=ADA, headers=KEY)
    check_problem(nobody, 401, "sign_in_needed")
    assert quick.post(HOLDERS, json=ADA, headers=one | KEY).json() == made.json()


def test_an_answer_is_not_given_to_who_may_no_longer_ask(quick: Caller) -> None:
    headers = bearer(quick, Role.ISSUER) | KEY
    assert quick.post(HOLDERS, json=ADA, headers=headers).status_code == 201
    with quick.backend.store.write() as connection:
        connection.execute(sa.update(operators).values(disabled=True))
    check_problem(quick.post(HOLDERS, json=ADA, headers=headers), 401, "sign_in_needed")


def test_what_was_refused_may_be_asked_again(quick: Caller) -> None:
    """A refusal did nothing, so its key is free: what stood in the way may have gone."""
    headers = bearer(quick, Role.ISSUER) | KEY
    wrong = {"fields": {"name": ""}}
    assert quick.post(HOLDERS, json=wrong, headers=headers).status_code == 422
    assert quick.post(HOLDERS, json=ADA, headers=headers).status_code == 201


@pytest.mark.parametrize("key", ["", '"', "a b", "x" * 256, "k\u00e9"])
def test_a_key_that_is_none_is_refused(quick: Caller, key: str) -> None:
    headers = httpx.Headers(bearer(quick, Role.ISSUER), encoding="latin-1")
    headers["Idempotency-Key"] = key
    check_problem(quick.post(HOLDERS, json=ADA, headers=headers), 400, "bad_idempotency_key")
    assert rows(quick.backend, holders) == 0


def test_many_at_once_do_it_once(client: Caller) -> None:
    headers = bearer(client, Role.ISSUER) | KEY

    def ask(_: int) -> tuple[int, str]:
        answer = client.post(HOLDERS, json=ADA, headers=headers)
        return answer.status_code, answer.json().get("code", "")

    with ThreadPoolExecutor(8) as several:
        said = list(several.map(ask, range(16)))
    assert set(said) <= {(201, ""), (409, "request_in_progress")}
    assert (201, "") in said
    assert rows(client.backend, holders) == 1
    assert client.post(HOLDERS, json=ADA, headers=headers).status_code == 201


def test_a_form_whose_fields_are_parted_anew_is_the_same_request() -> None:
    """Each attempt draws another line to part the fields with."""

    def told(boundary: bytes, content: bytes) -> bytes:
        kind = b"multipart/form-data; boundary=" + boundary
        scope = {
            "type": "http",
            "path": "/x",
            "server": ("here", 80),
            "scheme": "http",
            "query_string": b"",
            "headers": [(b"content-type", kind)],
        }
        body = b"--" + boundary + b"\r\n\r\n" + content + b"\r\n--" + boundary + b"--"
        message = {"type": "http.request", "body": body}
        return idempotency._hash(Request(scope), [message])

    assert told(b"one", b"picture") == told(b"two", b"picture")
    assert told(b"one", b"picture") != told(b"one", b"other")


def test_a_session_has_keys_too_and_they_outlive_it(quick: Caller) -> None:
    bearer(quick, Role.ISSUER)
    made = []
    for _ in range(2):
        body = {"name": "op-issuer", "password": PASSWORD}
        signed_in = quick.post("/api/v1/session", json=body, headers=KEY)
        headers = {"X-CSRF-Token": signed_in.json()["csrf_token"]} | KEY
        made.append(quick.post(HOLDERS, json=ADA, headers=headers).json())
        without = quick.post(HOLDERS, json=ADA, headers=KEY)
        check_problem(without, 403, "csrf_missing")
    assert made[0] == made[1]
    assert rows(quick.backend, holders) == 1


def test_an_answer_that_holds_a_secret_is_kept_sealed(client: Caller) -> None:
    headers = bearer(client, Role.SECURITY) | KEY
    end = client.backend.clock.now().utc_s + 86_400
    body = {"id": "g-07", "abilities": ["register"], "not_after": end}
    made = client.post("/api/v1/staff", json=body, headers=headers)
    assert client.post("/api/v1/staff", json=body, headers=headers).json() == made.json()
    pin = made.json()["pin"].encode()
    with client.backend.store.read() as connection:
        for row in connection.execute(sa.select(table)):
            assert pin not in repr(tuple(row)).encode()
            assert KEY["Idempotency-Key"] not in repr(tuple(row))
            assert pin not in bytes(row.sealed)


# --- what crashes, where


REQUEST = b"r" * 32
ANSWER = Answer(status=201, headers=(("content-type", "application/json"),), body=b"{}")


def claimed(backend: Backend) -> Claim:
    found = kept_answers.claim(backend, "token:a", "key", REQUEST)
    assert isinstance(found, Claim)
    return found


def done(backend: Backend, claim: Claim) -> None:
    with backend.store.write() as connection:
        claim.note_done(connection)


def test_after_a_crash_before_the_act_it_is_done_then(
    backend: Backend, clock: StandingClock
) -> None:
    claimed(backend)
    with pytest.raises(ConflictError, match="being done now"):
        claimed(backend)
    clock.pass_s(LEASE_S)
    kept_answers.keep(backend, claimed(backend), ANSWER)
    assert kept_answers.claim(backend, "token:a", "key", REQUEST) == ANSWER


def test_after_a_crash_behind_the_act_it_is_not_done_again(
    backend: Backend, clock: StandingClock
) -> None:
    done(backend, claimed(backend))
    with pytest.raises(ConflictError) as soon:
        claimed(backend)
    assert soon.value.code == "request_in_progress"
    clock.pass_s(LEASE_S)
    with pytest.raises(ConflictError) as later:
        claimed(backend)
    assert later.value.code == "answer_lost"


def test_an_attempt_that_was_overtaken_cannot_commit(
    backend: Backend, clock: StandingClock
) -> None:
    slow = claimed(backend)
    clock.pass_s(LEASE_S)
    quick_one = claimed(backend)
    with pytest.raises(ConflictError) as refusal:
        done(backend, slow)
    assert refusal.value.code == "overtaken"
    kept_answers.give_up(backend, slow)
    kept_answers.keep(backend, slow, ANSWER)
    done(backend, quick_one)
    kept_answers.keep(backend, quick_one, ANSWER)
    assert kept_answers.claim(backend, "token:a", "key", REQUEST) == ANSWER


def test_an_act_and_the_note_of_it_stand_or_fall_together(
    backend: Backend, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends between commit and answer: the repetition finds that it was done."""
    with calling(backend) as client:
        headers = bearer(client, Role.ISSUER) | KEY
        monkeypatch.setattr(kept_answers, "keep", _ends)
        monkeypatch.setattr(kept_answers, "give_up", _ends)
        client.post(HOLDERS, json=ADA, headers=headers)
        monkeypatch.undo()
        clock.pass_s(LEASE_S)
        lost = client.post(HOLDERS, json=ADA, headers=headers)
        check_problem(lost, 409, "answer_lost")
    assert rows(backend, holders) == 1


def _ends(*_: object) -> None:
    raise StoreUnavailableError("the process ended here")


def test_a_day_later_the_key_is_free(backend: Backend, clock: StandingClock) -> None:
    kept_answers.keep(backend, claimed(backend), ANSWER)
    assert kept_answers.purge(backend) == 0
    clock.pass_s(KEEP_S)
    assert isinstance(claimed(backend), Claim)
    clock.pass_s(KEEP_S)
    assert kept_answers.purge(backend) == 1
    assert rows(backend, table) == 0


def test_an_answer_too_long_to_keep_is_told_as_lost(
    sqlite_backend: Backend, clock: StandingClock
) -> None:
    long = Answer(status=200, headers=(), body=b"x" * (kept_answers.MAX_ANSWER_BYTES + 1))
    kept_answers.keep(sqlite_backend, claimed(sqlite_backend), long)
    clock.pass_s(LEASE_S)
    with pytest.raises(ConflictError) as refusal:
        claimed(sqlite_backend)
    assert refusal.value.code == "answer_lost"


def test_a_kept_answer_opens_for_its_own_request_alone(sqlite_backend: Backend) -> None:
    kept_answers.keep(sqlite_backend, claimed(sqlite_backend), ANSWER)
    with pytest.raises(InvalidError):
        kept_answers.claim(sqlite_backend, "token:a", "key", b"other" * 6)
    assert isinstance(kept_answers.claim(sqlite_backend, "token:b", "key", REQUEST), Claim)
