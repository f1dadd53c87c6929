"""A site with something of every kind, served for a program that reads the OpenAPI document.

Each operation is signed in for as a role that may do it. What the program does may close that very
account or end that session; then there is another one before the next call.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import httpx
import schemathesis
from fastapi.routing import iter_route_contexts
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from doorward.staff import Ability
from doorward_controller.api.deps import CSRF_HEADER, Need, own_session
from doorward_controller.app import API_ROOT, _api, create_app
from doorward_controller.config import Limits
from doorward_controller.domain.maintenance_plans import Every
from doorward_controller.domain.permissions import MATRIX, Actor, Role, for_programs
from doorward_controller.domain.plan_rules import CalendarBody
from doorward_controller.domain.work_orders import OrderKind, Priority
from doorward_controller.services import (
    accounts,
    plan_keeping,
    sign_in,
    spare_parts,
    staff,
    work_orders,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.sign_in import Factor
from doorward_controller.store import accounts as account_rows
from tests.controller.conftest import ADMIN, SECURITY, enrol, release
from tests.controller.test_permissions_of_endpoints import _calls
from tests.fakes.running_server import running

PASSWORD = "correct horse battery"
FAY = Actor(name="fay", role=Role.FACILITY)
ENDLESS = "/live"
"""Never ends by itself; tests/controller/test_live.py reads it."""


@dataclass(slots=True)
class Keys:
    """Signs each call in as somebody who may do it."""

    backend: Backend
    roles: Mapping[tuple[str, str], Role]
    made: int = 0
    tokens: dict[Role, str] = field(default_factory=dict)
    acts: dict[Role, int] = field(default_factory=dict)
    """How long the audit log was when a token was last seen to be good."""
    person: sign_in.SignedIn | None = None
    person_acts: int = 0
    """How long it was when that person signed in."""

    def of(self, method: str, path: str) -> dict[str, str]:
        """Returns the header fields for an operation; none where nobody has to sign in."""
        role = self.roles.get((method, path))
        if role is None:
            return self._of_person()
        if self.acts.get(role) != self._acts():
            token = self.tokens.get(role)
            if token is None or sign_in.resume_bearer(self.backend, token) is None:
                name = self._account(role)
                self.tokens[role] = accounts.create_token(
                    self.backend, ADMIN, operator=name, label="t", lifetime_s=3600
                )
            self.acts[role] = self._acts()
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    def _acts(self) -> int:
        """Nothing ends a token without an entry; hundreds of calls are made up between two."""
        with self.backend.store.read() as connection:
            newest = connection.exec_driver_sql("SELECT max(id) FROM audit_log").scalar_one()
        return int(newest or 0)

    def _of_person(self) -> dict[str, str]:
        """Another person after every act: one may have changed the very account that acted."""
        person = self.person
        if person is None or self.person_acts != self._acts():
            person = self.person = self._signed_in()
            self.person_acts = self._acts()
        assert sign_in.resume(self.backend, person.token), "a session ended without an entry"
        return {"Cookie": f"{sign_in.COOKIE}={person.token}", CSRF_HEADER: person.session.csrf}

    def _signed_in(self) -> sign_in.SignedIn:
        name = self._account(Role.FACILITY)
        with self.backend.store.read() as connection:
            operator = account_rows.find_operator(connection, name)
        assert operator is not None
        return sign_in.open_session(self.backend, operator, Factor.PASSWORD, "127.0.0.1", "")

    def _account(self, role: Role) -> str:
        self.made += 1
        name = f"caller-{self.made}"
        accounts.create_operator(self.backend, ADMIN, name=name, password=PASSWORD, role=role)
        return name


def roles_of(backend: Backend) -> dict[tuple[str, str], Role]:
    """Returns for each operation the first role that may do it by a program."""
    found = {}
    for route in iter_route_contexts(_api(backend).routes):
        dependant = getattr(route, "dependant", None)
        calls = list(_calls(dependant)) if dependant else []
        needs = next((call for call in calls if isinstance(call, Need)), None)
        if needs is None or own_session in calls:
            continue
        able = (r for r in Role if set(needs.actions) & for_programs(r))
        role = max(able, key=lambda r: len(set(needs.actions) & MATRIX[r]))
        for method in route.methods or ():
            found[method, route.path or ""] = role
    return found


@contextmanager
def served(backend: Backend) -> Iterator[tuple[str, Keys]]:
    """Serves a site with something in it, without bounds on how often one may ask."""
    limits = Limits(enabled=False)
    backend = replace(backend, config=backend.config.model_copy(update={"limits": limits}))
    enrol(backend, "gate-1", "north", "south")
    enrol(backend, "gate-2", "east")
    release(backend)
    end = backend.clock.now().utc_s + 86_400
    every_week = CalendarBody(every=1, unit=Every.WEEKS, first_day=date(2026, 1, 5))
    plan_keeping.add_plan(
        backend, FAY, plan_keeping.PlanSheet(name="Look", rule=every_week, gateways=("gate-1",))
    )
    spare_parts.add_part(backend, FAY, spare_parts.PartSheet(number="C", name="Camera"), 3)
    lens = work_orders.OrderRequest(
        gateway="gate-1", kind=OrderKind.CORRECTIVE, priority=Priority.HIGH, title="Lens"
    )
    work_orders.request(backend, FAY, lens)
    staff.add_member(backend, SECURITY, member_id="g-07", abilities=Ability(1), not_after=end)
    with running(create_app(backend), backend.feed) as address:
        yield f"{address}{API_ROOT}", Keys(backend, roles_of(backend))


def run(address: str, keys: Keys, settings: dict[str, Any]) -> tuple[list[str], int]:
    """Returns what schemathesis finds wrong, and how many calls it made.

    Args:
        address: of the interface.
        keys: who calls.
        settings: as in `schemathesis.toml`.
    """
    document = httpx.get(f"{address}/openapi.json", trust_env=False, timeout=60).json()
    document["servers"] = [{"url": address}]
    config = SchemathesisConfig.from_dict({"base-url": address, **settings})
    schema = schemathesis.openapi.from_dict(document, config=config)

    @schema.auth(refresh_interval=None)
    class _SignedIn:
        def get(self, case: Any, _: Any) -> dict[str, str]:
            return keys.of(case.method.upper(), case.operation.path)

        def set(self, case: Any, data: dict[str, str], _: Any) -> None:
            case.headers.update(data)

    found: dict[str, str] = {}
    calls = 0
    for event in from_schema(schema.exclude(path=ENDLESS)).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            told = getattr(event, "info", None) or getattr(event, "exception", event)
            found[f"error {event.__class__.__name__}"] = str(told)
        recorder = getattr(event, "recorder", None)
        if recorder is None:
            continue
        calls += len(recorder.interactions)
        for case_id, checks in recorder.checks.items():
            for check in checks:
                if check.failure_info is None or _is_about_meaning(recorder, case_id, check.name):
                    continue
                case = recorder.cases[case_id].value
                what = f"{case.method} {case.operation.path} {check.name}"
                found.setdefault(what, _story(recorder, case_id, check.failure_info))
    return [f"{what}: {story}" for what, story in sorted(found.items())], calls


def _is_about_meaning(recorder: Any, case_id: str, check: str) -> bool:
    """Whether data that the document allows was refused for what it means here and now.

    That there is no such receiver, that a time is over, that a version must be said: a document
    cannot say so. A refusal of the form alone lists what is wrong in `errors`; those count, unless
    what is wrong is how the parts of something whole fit each other.
    """
    if check != "positive_data_acceptance":
        return False
    answer = recorder.interactions[case_id].response
    if answer is None or answer.status_code not in {400, 412, 422, 428}:
        return False
    errors = json.loads(answer.content).get("errors", ())
    body = recorder.cases[case_id].value.body
    return all(isinstance(_part(body, error["where"]), dict) for error in errors)


def _part(body: Any, where: str) -> Any:
    """Returns what an error is about, None for what is not in the body."""
    place, *steps = where.split(".")
    if place != "body":
        return None
    for step in steps:
        try:
            body = body[int(step)] if isinstance(body, list) else body[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return body


def _story(recorder: Any, case_id: str, info: Any) -> str:
    answer = recorder.interactions[case_id].response
    told = f"{answer.status_code} {answer.content[:600]!r}" if answer else "no answer"
    return f"{info.failure.title}: {info.failure.message}\n  {info.code_sample[:900]}\n  {told}"
