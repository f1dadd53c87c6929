"""Nobody overwrites what they have not seen; who has the newest version is not sent it again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.routing import iter_route_contexts

from doorward_controller.api.versions import Changing, Showing
from doorward_controller.app import API_ROOT, _api
from doorward_controller.domain.permissions import Role
from doorward_controller.services.backend import Backend
from doorward_controller.store import versions
from doorward_controller.store.schema import audit_log
from tests.controller.conftest import enrol
from tests.controller.test_api import NOW_S, Caller, bearer, calling, check_problem, issue_body
from tests.controller.test_permissions_of_endpoints import _calls

PART = {"number": "C-1", "name": "Camera"}
RECEIVER = {
    "name": "Desk",
    "kind": "webhook",
    "route": {"url": "https://example.org/x", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
}
MEMBER = {"id": "g-07", "abilities": ["register"], "not_after": NOW_S + 86_400}
PLAN = {
    "name": "Look",
    "rule": {"by": "calendar", "every": 1, "unit": "months", "first_day": "2026-01-01"},
    "gateways": ["gate-1"],
}
CODE = "changed_meanwhile"


@pytest.fixture
def client(backend: Backend) -> Iterator[Caller]:
    enrol(backend, "gate-1", "north")
    with calling(backend) as caller:
        yield caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """Something that people edit: how it is made, where it is, and a change of it."""

    role: Role
    path: str
    change: Any
    method: str = "PUT"
    at: str = ""
    make: tuple[str, Any] | None = None
    maker: Role | None = None

    def __str__(self) -> str:
        return self.path


EDITED = [
    Edited(role=Role.SECURITY, path="/rules", change=lambda shown: shown),
    Edited(
        role=Role.SECURITY,
        path="/staff/g-07",
        make=("/staff", MEMBER),
        method="PATCH",
        change={"abilities": ["override"], "not_after": NOW_S + 90_000},
    ),
    Edited(
        role=Role.ADMIN,
        path="/gateways/gate-1/configuration",
        change={"settings": {"portal.north.held_s": 2.5}, "note": "rush hour"},
    ),
    Edited(
        role=Role.SECURITY,
        path="/alert-rules/state.lost",
        change=lambda shown: shown["rule"] | {"is_on": False},
    ),
    Edited(
        role=Role.ADMIN,
        path="/alert-receivers/{id}",
        make=("/alert-receivers", RECEIVER),
        change=RECEIVER | {"after_min": 5},
    ),
    Edited(
        role=Role.FACILITY,
        path="/maintenance/plans/{id}",
        make=("/maintenance/plans", PLAN),
        change=PLAN | {"name": "Look closer"},
    ),
    Edited(
        role=Role.FACILITY,
        path="/maintenance/parts/{id}",
        make=("/maintenance/parts", PART),
        change=PART | {"place": "Shelf 2"},
    ),
    Edited(
        role=Role.ISSUER,
        path="/holders/{holder_id}",
        make=("/holders", {"fields": {"name": "Ada"}}),
        method="PATCH",
        change={"groups": ["staff"]},
    ),
]


@dataclass(slots=True)
class Made:
    client: Caller
    edited: Edited
    headers: dict[str, str]
    at: str

    def look(self, **more: str) -> Any:
        return self.client.get(self.at, headers=self.headers | more)

    def edit(self, **more: str) -> Any:
        change = self.edited.change
        body = change(self.look().json()) if callable(change) else change
        return self.client.request(
            self.edited.method, self.at, json=body, headers=self.headers | more
        )


def made(client: Caller, edited: Edited) -> Made:
    headers, path = bearer(client, edited.role), edited.path
    if edited.make is not None:
        answer = client.post(f"{API_ROOT}{edited.make[0]}", json=edited.make[1], headers=headers)
        assert answer.status_code == 201, answer.text
        path = path.format(**answer.json())
    return Made(client, edited, headers, f"{API_ROOT}{path}")


@pytest.mark.parametrize("edited", EDITED, ids=str)
def test_the_second_of_two_who_edit_the_same_is_told(client: Caller, edited: Edited) -> None:
    thing = made(client, edited)
    blind = thing.edit()
    check_problem(blind, 428, "version_needed")
    seen_by_both = thing.look().headers["etag"]
    assert thing.edit(**{"If-Match": seen_by_both}).is_success
    late = thing.edit(**{"If-Match": seen_by_both})
    check_problem(late, 412, CODE)
    now = thing.look().headers["etag"]
    assert now.partition(".")[0] != seen_by_both.partition(".")[0]
    assert thing.edit(**{"If-Match": f'"elsewhere-1", {now}'}).is_success
    assert thing.edit(**{"If-Match": "*"}).is_success
    with client.backend.store.read() as connection:
        outcomes = connection.execute(sa.select(audit_log.c.outcome)).scalars().all()
    assert outcomes.count(CODE) == 1, "a refused attempt is an entry"


@pytest.mark.parametrize("edited", EDITED, ids=str)
def test_a_tag_that_is_weak_or_of_something_else_never_fits(client: Caller, edited: Edited) -> None:
    thing = made(client, edited)
    tag = thing.look().headers["etag"]
    for wrong in (f"W/{tag}", tag.replace('"', '"x', 1), '""'):
        check_problem(thing.edit(**{"If-Match": wrong}), 412, CODE)
    for malformed in (tag.strip('"'), "", "nonsense", f"{tag} {tag}", f"{tag},", '"' + "x" * 1000):
        check_problem(thing.edit(**{"If-Match": malformed}), 400, "bad_condition")
        check_problem(thing.look(**{"If-None-Match": malformed}), 400, "bad_condition")
    assert thing.edit(**{"If-Match": tag}).is_success


STILL = [each for each in EDITED if each.path not in {
    "/gateways/gate-1/configuration", "/maintenance/plans/{id}"
}]  # fmt: skip


@pytest.mark.parametrize("edited", STILL, ids=str)
def test_who_has_the_newest_version_is_not_sent_it_again(client: Caller, edited: Edited) -> None:
    thing = made(client, edited)
    if edited.role is Role.ISSUER:
        assert thing.look().status_code == 200
    tag = thing.look().headers["etag"]
    unchanged = thing.look(**{"If-None-Match": f'"other", W/{tag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == tag
    assert thing.look(**{"If-None-Match": '"other"'}).status_code == 200
    assert thing.edit(**{"If-Match": tag}).is_success
    assert thing.look(**{"If-None-Match": tag}).status_code == 200


def test_what_moves_by_itself_is_always_sent_and_yet_edited(client: Caller) -> None:
    """A plan says how near it is: its tag is another one at each look, and If-Match knows."""
    thing = made(client, next(each for each in EDITED if "plans" in each.path))
    first = thing.look()
    client.backend.clock.pass_s(60)  # type: ignore[attr-defined]  # the standing clock
    second = thing.look(**{"If-None-Match": first.headers["etag"]})
    assert second.status_code == 200
    assert thing.edit(**{"If-Match": first.headers["etag"]}).is_success


def test_a_new_rule_is_made_only_where_there_is_none(client: Caller) -> None:
    headers, at = bearer(client, Role.SECURITY), f"{API_ROOT}/alert-rules/own.lost"
    known = client.get(f"{API_ROOT}/alert-rules/state.lost", headers=headers).json()["rule"]
    body = known | {"code": "own.lost"}
    check_problem(client.put(at, json=body, headers=headers), 428, "version_needed")
    check_problem(client.put(at, json=body, headers=headers | {"If-Match": '"rule-1"'}), 412, CODE)
    only_new = headers | {"If-None-Match": "*"}
    assert client.put(at, json=body, headers=only_new).status_code == 204
    check_problem(client.put(at, json=body, headers=only_new), 412, CODE)


def test_a_release_can_be_tied_to_what_was_looked_at(client: Caller) -> None:
    headers, policy = bearer(client, Role.SECURITY), f"{API_ROOT}/policy"
    tag = client.get(policy, headers=headers).headers["etag"]
    rules = client.get(f"{API_ROOT}/rules", headers=headers)
    put = headers | {"If-Match": rules.headers["etag"]}
    client.put(f"{API_ROOT}/rules", json=rules.json(), headers=put)
    late = client.post(f"{API_ROOT}/policy/release", headers=headers | {"If-Match": tag})
    check_problem(late, 412, CODE)


def test_a_condition_on_what_is_not_there_is_not_found(client: Caller) -> None:
    headers = bearer(client, Role.SECURITY) | {"If-Match": '"member-1"'}
    body = {"abilities": ["override"], "not_after": NOW_S + 90_000}
    answer = client.patch(f"{API_ROOT}/staff/nobody", json=body, headers=headers)
    check_problem(answer, 404, "not_found")
    gone = client.get(f"{API_ROOT}/staff/nobody", headers=headers)
    check_problem(gone, 404, "not_found")
    assert "etag" not in gone.headers


def test_an_act_on_a_credential_can_be_tied_to_its_state(client: Caller) -> None:
    issuer, security = bearer(client, Role.ISSUER), bearer(client, Role.SECURITY)
    id_ = client.post(f"{API_ROOT}/credentials", json=issue_body(), headers=issuer).json()[
        "credential_id"
    ]
    at = f"{API_ROOT}/credentials/{id_}"
    tag = client.get(at, headers=security).headers["etag"]
    tied = security | {"If-Match": tag}
    body = {"reason": "lost"}
    assert client.post(f"{at}/suspend", json=body, headers=tied).status_code == 200
    check_problem(client.post(f"{at}/restore", json=body, headers=tied), 412, "changed_meanwhile")


def test_every_change_with_a_condition_is_of_something_that_shows_its_version(
    sqlite_backend: Backend,
) -> None:
    shown, changed = set(), set()
    for route in iter_route_contexts(_api(sqlite_backend).routes):
        dependant = getattr(route, "dependant", None)
        for call in _calls(dependant) if dependant else ():
            if isinstance(call, Showing):
                shown.add(call.what.name)
            if isinstance(call, Changing):
                changed.add(call.what.name)
    assert changed <= shown
    assert len(shown) > 15


def test_versions_are_read_of_every_kind_on_both_databases(backend: Backend) -> None:
    """Also with keys that nothing can have."""
    kinds: list[Callable[..., Any]] = [
        versions.rules, versions.policy, versions.staff_list, versions.staff_member,
        versions.configuration, versions.device, versions.account, versions.holder,
        versions.credential, versions.alert_rule, versions.alert_receiver, versions.alert,
        versions.plan, versions.part, versions.work_order, versions.postures,
        versions.proposal, versions.roll_out,
    ]  # fmt: skip
    with backend.store.write() as connection:
        for kind in kinds:
            for key in ("", "1", "x", "9" * 30, "-1", "٣", "ff" * 8):
                versions.version(connection, kind, backend.config.site, key, lock=True)
