"""Every endpoint of the interface with every role: allowed or refused just as the matrix says.

The endpoints are found by walking the application, so that a new one is tested without being named
here; one that declares no action must stand in `UNGUARDED`.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from doorward_controller.api.deps import Need, own_session
from doorward_controller.app import API_ROOT, _api, create_app
from doorward_controller.domain.permissions import READS, Action, Role, may
from doorward_controller.services import accounts, sign_in
from doorward_controller.services.backend import Backend
from tests.architecture.source import product_modules
from tests.controller.conftest import ADMIN
from tests.fakes.running_server import UNREAD, running

PASSWORD = "correct horse battery"

UNGUARDED = {
    ("GET", "/openapi.json"),
    ("POST", "/session"),
    ("GET", "/session"),
    ("DELETE", "/session"),
}
"""Signing in and out, and the description of the interface, which holds nothing of a site."""

QUERIES = {"/holders/find", "/simulate", "/policy/rerun", "/records/export"}
"""Posts that change nothing: what they ask does not fit, or must not stand, in an address."""

ENDLESS = {"/live"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    method: str
    path: str
    actions: tuple[Action, ...]
    for_people: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def address(self) -> str:
        """The path with something in each place that nothing is called."""
        return API_ROOT + re.sub(r"\{[^}]*\}", "999999999", self.path)

    def is_for(self, role: Role) -> bool:
        return any(may(role, action) for action in self.actions)


def endpoints(backend: Backend) -> Iterator[Endpoint]:
    for route in iter_route_contexts(_api(backend).routes):
        dependant: Dependant | None = getattr(route, "dependant", None)
        calls = list(_calls(dependant)) if dependant else []
        actions = [call.actions for call in calls if isinstance(call, Need)]
        for_people = own_session in calls
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield Endpoint(
                method=method,
                path=route.path or "",
                actions=actions[0] if actions else (Action.OWN_ACCOUNT,) * for_people,
                for_people=for_people,
            )


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def guarded(backend: Backend) -> list[Endpoint]:
    return [each for each in endpoints(backend) if each.actions]


@pytest.fixture
def address(sqlite_backend: Backend) -> Iterator[str]:
    with running(create_app(sqlite_backend), sqlite_backend.feed) as at:
        yield at


@dataclass(slots=True)
class Caller:
    """A program with a token, and a person with a session, of the same role."""

    program: httpx.Client
    person: httpx.Client

    def refusal(self, endpoint: Endpoint) -> str:
        """Returns the code of a refusal by the matrix; empty when the matrix lets it pass."""
        client = self.person if endpoint.for_people else self.program
        with client.stream(endpoint.method, endpoint.address(), json={}) as answer:
            if endpoint.path in ENDLESS and answer.status_code == 200:
                return ""
            answer.read()
            assert answer.status_code < 500, f"{endpoint}: {answer.text}"
            if answer.status_code not in {401, 403}:
                return ""
            return str(answer.json()["code"])


def caller(
    backend: Backend, address: str, ends: ExitStack, role: Role, scope: tuple[Action, ...] = ()
) -> Caller:
    accounts.create_operator(backend, ADMIN, name="op", password=PASSWORD, role=role)
    token = accounts.create_token(
        backend, ADMIN, operator="op", label="t", lifetime_s=3600, scope=scope
    )
    signed_in = sign_in.sign_in(backend, name="op", password=PASSWORD, client="127.0.0.1")
    assert isinstance(signed_in, sign_in.SignedIn)

    def client(headers: dict[str, str]) -> httpx.Client:
        made = httpx.Client(
            base_url=address, headers=headers, verify=UNREAD, trust_env=False, timeout=20
        )
        return ends.enter_context(made)

    person = client({"X-CSRF-Token": signed_in.session.csrf})
    person.cookies.set(sign_in.COOKIE, signed_in.token, domain="127.0.0.1")
    return Caller(program=client({"Authorization": f"Bearer {token}"}), person=person)


def test_every_endpoint_declares_what_it_needs_or_is_known_to_need_nothing(
    sqlite_backend: Backend,
) -> None:
    every = list(endpoints(sqlite_backend))
    assert len(every) > 80, "the walk found almost nothing"
    assert {(e.method, e.path) for e in every if not e.actions} == UNGUARDED


def test_what_changes_something_needs_more_than_a_right_to_read(sqlite_backend: Backend) -> None:
    """Rights to read and rights to write do not overlap by accident."""
    loose = [
        str(each)
        for each in guarded(sqlite_backend)
        if each.method not in {"GET", "HEAD"} and READS.issuperset(each.actions)
    ]
    assert sorted(loose) == sorted(f"POST {path}" for path in QUERIES)


def test_the_description_names_every_endpoint(sqlite_backend: Backend) -> None:
    described = {
        (method.upper(), path)
        for path, methods in _api(sqlite_backend).openapi()["paths"].items()
        for method in methods
    }
    walked = {(each.method, each.path) for each in endpoints(sqlite_backend)}
    assert walked - described == {("GET", "/openapi.json")}


@pytest.mark.parametrize("role", Role)
def test_every_endpoint_obeys_the_matrix(sqlite_backend: Backend, address: str, role: Role) -> None:
    with ExitStack() as ends:
        calling = caller(sqlite_backend, address, ends, role)
        wrong = []
        for each in guarded(sqlite_backend):
            said = calling.refusal(each)
            # With more than one action, the act itself asks for the one that is meant.
            is_right = said in {"", "forbidden"} if len(each.actions) > 1 else not said
            if not (is_right if each.is_for(role) else said == "forbidden"):
                wrong.append(f"{each} needs {each.actions}: {said or 'passed'}")
    assert wrong == []


@pytest.mark.parametrize("action", [Action.READ_FLEET, Action.MANAGE_ACCOUNTS])
def test_every_endpoint_obeys_the_scope_of_a_token(
    sqlite_backend: Backend, address: str, action: Action
) -> None:
    with ExitStack() as ends:
        calling = caller(sqlite_backend, address, ends, Role.ADMIN, (action,))
        wrong = [
            f"{each}: {said or 'passed'}"
            for each in guarded(sqlite_backend)
            if not each.for_people
            for said in [calling.refusal(each)]
            if (said == "") is not (action in each.actions)
        ]
    assert wrong == []


def test_nobody_passes_without_session_or_token(sqlite_backend: Backend, address: str) -> None:
    with httpx.Client(base_url=address, verify=UNREAD, trust_env=False, timeout=60) as nobody:
        calling = Caller(program=nobody, person=nobody)
        said = {str(each): calling.refusal(each) for each in guarded(sqlite_backend)}
    assert {name: code for name, code in said.items() if code != "sign_in_needed"} == {}


def test_programs_have_no_account_of_their_own(sqlite_backend: Backend, address: str) -> None:
    with ExitStack() as ends:
        calling = caller(sqlite_backend, address, ends, Role.ADMIN)
        calling.person = calling.program
        own = [each for each in guarded(sqlite_backend) if each.for_people]
        assert len(own) > 8
        assert {calling.refusal(each) for each in own} == {"forbidden"}


def test_nothing_asks_for_a_role_where_a_token_may_be_narrower() -> None:
    """`may` knows the role alone; whoever has an actor asks `allows`."""
    asking = {
        module.name
        for module in product_modules()
        if re.search(r"\bmay\(\s*\w*actor\.role", module.text)
    }
    assert asking <= {
        "controller/doorward_controller/domain/permissions.py",
        "controller/doorward_controller/services/acting.py",
        "controller/doorward_controller/console/visit.py",
    }
