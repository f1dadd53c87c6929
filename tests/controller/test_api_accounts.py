"""Accounts by the interface: a colleague's first day, step-up, tokens and sessions."""

from base64 import b32decode
from collections.abc import Iterator

import httpx
import pytest

from doorward_controller.app import API_ROOT, create_app
from doorward_controller.config import Accounts
from doorward_controller.domain.one_time_codes import code_at
from doorward_controller.domain.permissions import MATRIX, Action, Role
from doorward_controller.services import accounts
from doorward_controller.services.backend import Backend
from tests.controller.conftest import ADMIN, StandingClock
from tests.fakes.running_server import UNREAD, running

PASSWORD = "correct horse battery"
NEW_PASSWORD = "quiet purple tram ladder"


class Person(httpx.Client):
    """A browser's cookies, and the token that its changes carry."""

    def sign_in(self, name: str, password: str, code: str = "") -> httpx.Response:
        body = {"name": name, "password": password, "code": code}
        answer = self.post("/session", json=body)
        if answer.status_code == 201:
            self.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return answer


@pytest.fixture
def address(sqlite_backend: Backend) -> Iterator[str]:
    with running(create_app(sqlite_backend), sqlite_backend.feed) as at:
        yield f"{at}{API_ROOT}"


@pytest.fixture
def ada(sqlite_backend: Backend, address: str) -> Iterator[Person]:
    accounts.create_operator(sqlite_backend, ADMIN, name="ada", password=PASSWORD, role=Role.ADMIN)
    with Person(base_url=address, verify=UNREAD, trust_env=False) as person:
        assert person.sign_in("ada", PASSWORD).status_code == 201
        yield person


@pytest.fixture
def other(address: str) -> Iterator[Person]:
    with Person(base_url=address, verify=UNREAD, trust_env=False) as person:
        yield person


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_colleagues_first_day(ada: Person, other: Person, clock: StandingClock) -> None:
    first = ada.post("/accounts", json={"name": "sam", "role": "security"}).json()["password"]
    assert other.sign_in("sam", first).json()["duties"] == ["change_password"]
    assert code_of(other.get("/gateways")) == (403, "change_password")
    change = {"current": first, "new": "password1234"}
    assert code_of(other.put("/account/password", json=change)) == (422, "password_common")
    assert other.put("/account/password", json={**change, "new": NEW_PASSWORD}).is_success
    assert other.get("/gateways").is_success
    begun = other.post("/account/totp").json()
    secret = secret_of(begun["secret"])
    confirm = {"token": begun["token"], "code": code_at(secret, clock.now().utc_s)}
    codes = other.post("/account/totp/confirm", json=confirm).json()["recovery_codes"]
    assert len(codes) == 10
    assert other.delete("/session").is_success
    assert code_of(other.sign_in("sam", NEW_PASSWORD)) == (401, "second_factor_needed")
    clock.pass_s(30)
    right = other.sign_in("sam", NEW_PASSWORD, code_at(secret, clock.now().utc_s))
    assert (right.status_code, right.json()["factor"]) == (201, "totp")
    assert ada.get("/accounts/sam").json()["has_authenticator"] is True


def test_a_role_that_needs_a_second_factor_sees_nothing_before(
    sqlite_backend: Backend, other: Person
) -> None:
    accounts.create_operator(
        sqlite_backend, ADMIN, name="sam", password=PASSWORD, role=Role.SECURITY
    )
    object.__setattr__(sqlite_backend.config, "accounts", Accounts())
    other.sign_in("sam", PASSWORD)
    assert code_of(other.get("/gateways")) == (403, "set_up_second_factor")
    token = {"label": "x", "days": 1, "scope": ["read_fleet"]}
    assert code_of(other.post("/account/tokens", json=token)) == (403, "set_up_second_factor")


def test_what_is_sensitive_asks_again_after_ten_minutes(ada: Person, clock: StandingClock) -> None:
    body = {"name": "gus", "role": "guard"}
    clock.pass_s(600)
    assert code_of(ada.post("/accounts", json=body)) == (403, "proof_needed")
    assert code_of(ada.post("/session/proof", json={"proof": "x"})) == (401, "sign_in_refused")
    assert ada.post("/session/proof", json={"proof": PASSWORD}).status_code == 204
    assert ada.post("/accounts", json=body).status_code == 201


def test_a_token_does_what_its_scope_says_and_ends_when_revoked(ada: Person, other: Person) -> None:
    wanted = {"label": "dashboard", "days": 30, "scope": ["read_fleet"]}
    token = ada.post("/account/tokens", json=wanted).json()["token"]
    other.headers["Authorization"] = f"Bearer {token}"
    assert other.get("/gateways").is_success
    assert code_of(other.get("/accounts")) == (403, "forbidden")
    (shown,) = ada.get("/account/tokens").json()["items"]
    assert (shown["label"], shown["scope"]) == ("dashboard", ["read_fleet"])
    assert token not in repr(shown)
    assert ada.delete(f"/account/tokens/{shown['handle']}").status_code == 204
    assert code_of(other.get("/gateways")) == (401, "sign_in_needed")


def test_sessions_are_listed_and_ended(ada: Person, other: Person) -> None:
    other.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux) Firefox/140.0"
    other.sign_in("ada", PASSWORD)
    shown = ada.get("/account/sessions").json()["items"]
    handle = next(s["handle"] for s in shown if "Firefox" in s["browser"])
    assert ada.delete(f"/account/sessions/{handle}").status_code == 204
    assert other.get("/session").status_code == 401
    assert ada.delete("/account/sessions").json() == {"ended": 0}


def test_nobody_closes_themselves(ada: Person) -> None:
    assert code_of(ada.post("/accounts/ada/close")) == (409, "own_account")
    assert code_of(ada.put("/accounts/ada/role", json={"role": "host"})) == (409, "own_account")


def test_the_matrix_can_be_read_by_everybody(ada: Person) -> None:
    body = ada.get("/permissions").json()
    assert body["actions"] == [action.value for action in Action]
    assert {role: set(body["roles"][role]) for role in Role} == {
        role: {action.value for action in MATRIX[role]} for role in Role
    }
    for pair in body["separated"]:
        for actions in body["roles"].values():
            held = set(actions)
            assert not (held & set(pair["these"]) and held & set(pair["exclude"]))


def secret_of(typed: str) -> bytes:
    text = typed.replace(" ", "")
    return b32decode(text + "=" * (-len(text) % 8))
