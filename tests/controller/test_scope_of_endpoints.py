"""Every endpoint with somebody limited to one zone, asked about what is in the other.

What only reads shows nothing of there; what changes something is refused for its place, with a body
that passes for who has the whole site. A new endpoint is found by itself; one that changes
something at a place must be given such a body here.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from doorward_controller.api.deps import Needs
from doorward_controller.app import API_ROOT, _api, create_app
from doorward_controller.domain.permissions import LIMITABLE, READS, Role
from doorward_controller.queries import audit_trail
from doorward_controller.queries.audit_trail import AuditFilter
from doorward_controller.services import accounts
from doorward_controller.services.backend import Backend
from tests.controller.conftest import ADMIN
from tests.controller.test_permissions_of_endpoints import (
    ENDLESS,
    QUERIES,
    Endpoint,
    _calls,
    guarded,
)
from tests.fakes.running_server import UNREAD, running
from tests.fakes.two_zones import FAR, HERE, THERE, TwoZones, ZoneThings, two_zones

PASSWORD = "correct horse battery"
ELSEWHERE = "not_your_place"
MARKS = (FAR, THERE)
"""What stands in whatever is of the zone beyond."""

Body = dict[str, Any]


def bodies(things: ZoneThings) -> Mapping[str, Body]:
    """What is sent to endpoints that change something at a place."""
    door = f"{things.gateway}-door"
    return {
        "POST /credentials/{credential_id}/forgive": {"zone": things.zone},
        "POST /zones/{zone}/forgive": {},
        "POST /postures": {
            "scope": "portal", "place": door, "posture": "closed", "cause": "drill",
        },
        "POST /postures/{order_id}/end": {},
        "POST /maintenance/orders": {
            "gateway": things.gateway, "kind": "corrective", "priority": "normal", "title": "x",
        },
        "POST /maintenance/orders/from-alert/{alert_id}": {},
        "POST /maintenance/orders/{order_id}/turns": {"turn": "hold", "note": "later"},
        "PUT /maintenance/orders/{order_id}/write-up": {"findings": "dust"},
        "PUT /maintenance/orders/{order_id}/checks/{position}": {"result": "ok"},
        "POST /maintenance/orders/{order_id}/parts": {"part_id": 1, "count": 1},
        "POST /maintenance/orders/{order_id}/records": {"record_id": things.record},
        "POST /maintenance/downtimes": {"gateway": things.gateway, "began_utc_s": 1_000_000_000},
        "POST /maintenance/downtimes/{downtime_id}/end": {},
        "POST /gateways/{gateway}/commands": {"name": "open_once", "arguments": {"portal": door}},
        "POST /commands/{command_id}/cancel": {},
        "POST /alerts/{alert_id}/acknowledge": {},
        "POST /alerts/{alert_id}/assign": {"to": "gus"},
        "POST /alerts/{alert_id}/silence": {"until_utc_s": 0},
        "POST /alerts/{alert_id}/resolve": {"note": "seen"},
        "POST /alerts/{alert_id}/reopen": {"note": "again"},
        "POST /alerts/{alert_id}/notes": {"note": "on the way"},
        "POST /gateways/{gateway}/adopt": {"portals": []},
        "POST /gateways/{gateway}/components": {"kind": "lamp"},
        "POST /components/{component_id}/replace": {"kind": "camera", "reason": "blurred"},
        "POST /components/{component_id}/remove": {"reason": "blurred"},
    }  # fmt: skip


FOR_ADMINISTRATORS = {
    "PUT /gateways/{gateway}/configuration",
    "POST /gateways/{gateway}/configuration/back",
}
"""Placed, but no role that can be limited has them; tokens are not limited for those roles."""

WITH_FILES = {"POST /maintenance/orders/{order_id}/photos"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Somebody who asks about the things of one zone."""

    client: httpx.Client
    things: ZoneThings
    badge: str

    def ask(self, endpoint: Endpoint, body: Body | None = None) -> tuple[int, str, str]:
        """Returns status, code of the refusal and the text of the answer."""
        with self.client.stream(
            endpoint.method, self._address(endpoint.path), headers={"If-Match": "*"},
            **self._sent(endpoint, body),
        ) as answer:  # fmt: skip
            if endpoint.path in ENDLESS and answer.status_code == 200:
                return 200, "", ""
            answer.read()
            is_problem = answer.status_code >= 400
            code = str(answer.json().get("code", "")) if is_problem else ""
            return answer.status_code, code, answer.text

    def _sent(self, endpoint: Endpoint, body: Body | None) -> dict[str, Any]:
        if str(endpoint) in WITH_FILES:
            return {"files": {"photo": ("a.jpg", b"no picture", "image/jpeg")}}
        return {"json": body or {}}

    def _address(self, path: str) -> str:
        is_posture = path.startswith("/postures")
        named = {
            "gateway": self.things.gateway,
            "zone": self.things.zone,
            "record_id": self.things.record,
            "alert_id": self.things.alert,
            "order_id": self.things.posture if is_posture else self.things.order,
            "downtime_id": self.things.downtime,
            "component_id": self.things.component,
            "command_id": self.things.command,
            "credential_id": self.badge,
            "position": 0,
        }
        return API_ROOT + re.sub(r"\{([^}]*)\}", lambda found: str(named.get(found[1], 1)), path)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The site, its address, and clients with tokens."""

    backend: Backend
    site: TwoZones
    address: str
    ends: ExitStack

    def somebody(
        self, role: Role, *, limited: bool = True, about: ZoneThings | None = None
    ) -> Asking:
        name = f"{role.value}-{'one' if limited else 'all'}"
        zones = frozenset({HERE}) if limited else None
        accounts.create_operator(
            self.backend, ADMIN, name=name, password=PASSWORD, role=role, zones=zones
        )
        token = accounts.create_token(
            self.backend, ADMIN, operator=name, label="t", lifetime_s=3600
        )
        client = httpx.Client(
            base_url=self.address, headers={"Authorization": f"Bearer {token}"},
            verify=UNREAD, trust_env=False, timeout=30,
        )  # fmt: skip
        self.ends.enter_context(client)
        return Asking(client=client, things=about or self.site.there, badge=self.site.badge)


@pytest.fixture
def world(sqlite_backend: Backend) -> Iterator[World]:
    site = two_zones(sqlite_backend)
    with running(create_app(sqlite_backend), sqlite_backend.feed) as at, ExitStack() as ends:
        yield World(backend=sqlite_backend, site=site, address=at, ends=ends)


def site_wide(backend: Backend) -> frozenset[str]:
    """The endpoints that declare themselves as of the whole site."""
    found = set()
    for route in iter_route_contexts(_api(backend).routes):
        dependant = getattr(route, "dependant", None)
        calls = list(_calls(dependant)) if dependant else []
        if any(isinstance(call, Needs) for call in calls):
            found |= {f"{method} {route.path}" for method in route.methods or ()}
    return frozenset(found)


def refusals(endpoint: Endpoint) -> set[str]:
    """With more than one action, what is sent may need one that this role does not have."""
    return {ELSEWHERE} if len(endpoint.actions) == 1 else {ELSEWHERE, "forbidden"}


def reads_only(endpoint: Endpoint) -> bool:
    return endpoint.method in {"GET", "HEAD"} or endpoint.path in QUERIES


@pytest.mark.parametrize("role", sorted(LIMITABLE))
def test_nobody_limited_to_a_zone_sees_or_changes_what_is_in_another(
    world: World, role: Role
) -> None:
    asking, sent = world.somebody(role), bodies(world.site.there)
    wide, wrong = site_wide(world.backend), []
    for each in guarded(world.backend):
        if each.for_people:
            continue
        status, code, text = asking.ask(each, sent.get(str(each)))
        assert status < 500, f"{each}: {text}"
        if any(mark in text for mark in MARKS):
            wrong.append(f"{each} shows what is elsewhere: {text[:200]}")
        elif str(each) in wide or not each.is_for(role):
            if code not in {"forbidden", ELSEWHERE}:
                wrong.append(f"{each} is of the whole site: {status} {code}")
        elif not reads_only(each) and code not in refusals(each):
            wrong.append(f"{each} was not refused for its place: {status} {code}")
    assert wrong == []


def test_what_is_sent_passes_for_who_has_the_whole_site(world: World) -> None:
    """Else a refusal would say nothing: these same calls must reach the act."""
    askers = {role: world.somebody(role, limited=False) for role in sorted(LIMITABLE)}
    sent, seen, wrong = bodies(world.site.there), set(), []
    for each in guarded(world.backend):
        role = next((role for role in sorted(LIMITABLE) if each.is_for(role)), None)
        if each.for_people or role is None:
            continue
        status, code, text = askers[role].ask(each, sent.get(str(each)))
        if any(mark in text for mark in MARKS):
            seen.add(str(each))
        is_other = code == "forbidden" and len(each.actions) > 1
        is_refused = code in {"forbidden", ELSEWHERE} and not is_other
        if is_refused or (str(each) in sent and status in {400, 422}):
            wrong.append(f"{each}: {status} {code} {text[:200]}")
    assert wrong == []
    assert len(seen) > 25, sorted(seen)


@pytest.mark.parametrize("role", sorted(LIMITABLE))
def test_who_is_limited_to_a_zone_sees_and_does_what_is_there(world: World, role: Role) -> None:
    asking = world.somebody(role, about=world.site.here)
    sent, wide = bodies(world.site.here), site_wide(world.backend)
    wrong = [
        f"{each}: {status} {code}"
        for each in guarded(world.backend)
        if not each.for_people and str(each) not in wide and each.is_for(role)
        for status, code, text in [asking.ask(each, sent.get(str(each)))]
        if code in {"forbidden", ELSEWHERE} - refusals(each) | {ELSEWHERE}
        or any(mark in text for mark in MARKS)
    ]
    assert wrong == []


def test_what_changes_something_at_a_place_is_tried_here(world: World) -> None:
    wide = site_wide(world.backend)
    placed = {
        str(each)
        for each in guarded(world.backend)
        if not each.for_people
        and str(each) not in wide
        and not reads_only(each)
        and not READS.issuperset(each.actions)
    }
    known = bodies(world.site.there).keys() | WITH_FILES | FOR_ADMINISTRATORS
    assert placed == known


def test_a_refusal_for_its_place_stands_in_the_audit_log(world: World) -> None:
    guard = world.somebody(Role.GUARD)
    door = {"name": "open_once", "arguments": {"portal": f"{FAR}-door"}}
    answer = guard.client.post(f"{API_ROOT}/gateways/{FAR}/commands", json=door)
    assert (answer.status_code, answer.json()["code"]) == (403, ELSEWHERE)
    newest = audit_trail.page(world.backend.store, AuditFilter(), limit=1).items[0]
    assert (newest.actor, newest.outcome, newest.subject) == ("guard-one", ELSEWHERE, FAR)
    answer = guard.client.get(f"{API_ROOT}/gateways/nobody-has-this")
    assert answer.json()["code"] == ELSEWHERE, "whether it is there is not told"


def test_pages_of_who_is_limited_are_whole(world: World) -> None:
    """Filtered in the query: a page holds as many as were asked for, the cursor leads on."""
    for _ in range(12):
        world.site.there.fed.scan("not_ours")
        world.site.here.fed.scan("not_ours")
    guard = world.somebody(Role.GUARD).client
    found: list[int] = []
    path: str | None = f"{API_ROOT}/records?limit=5"
    while path is not None:
        body = guard.get(path).json()
        assert len(body["items"]) == 5 or body["next_cursor"] is None
        found += [row["id"] for row in body["items"]]
        assert {row["portal"] for row in body["items"]} == {"alpha-door"}
        more = body["next_cursor"]
        path = more and f"{API_ROOT}/records?limit=5&cursor={more}"
    everything = world.somebody(Role.SECURITY, limited=False).client
    whole = everything.get(f"{API_ROOT}/records?limit=500").json()["items"]
    assert found == [row["id"] for row in whole if row["portal"] == "alpha-door"]
    assert len(found) > 15


def test_counts_of_who_is_limited_leave_the_other_zones_out(world: World) -> None:
    begin = world.backend.clock.now().utc_ms // 3_600_000 * 3_600_000
    span = f"from_utc_ms={begin - 3_600_000}&to_utc_ms={begin + 7_200_000}"
    guard = world.somebody(Role.GUARD).client
    counted = guard.get(f"{API_ROOT}/records/summary?{span}").json()
    assert [each["portal"] for each in counted["portals"]] == ["alpha-door"]
    whole = world.somebody(Role.SECURITY, limited=False).client
    both = whole.get(f"{API_ROOT}/records/summary?{span}").json()
    assert sum(each["refused"] for each in counted["times"]) == 1
    assert sum(each["refused"] for each in both["times"]) == 2
