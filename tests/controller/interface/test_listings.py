"""Listings in pages: in a stable order, to the end, whatever comes in meanwhile; bad texts."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from hypothesis import given
from hypothesis import strategies as st

from doorward_controller.api.paging import Paged
from doorward_controller.app import API_ROOT, _api
from doorward_controller.domain import cursors
from doorward_controller.domain.permissions import Role
from doorward_controller.errors import InvalidError
from doorward_controller.queries import paging
from doorward_controller.services import accounts
from doorward_controller.services.backend import Backend
from tests.controller.conftest import ADMIN, enrol, release
from tests.controller.test_api import PASSWORD, Caller, bearer, calling, check_problem, issue_body
from tests.controller.test_permissions_of_endpoints import _calls

WHOLE = {
    "/rules", "/fleet", "/devices", "/staff", "/postures", "/occupancy", "/occupancy/people",
    "/permissions", "/policy", "/provisioning", "/session", "/account/second-factor",
    "/maintenance/figures", "/audit/export", "/audit/verification", "/records/summary", "/live",
    "/openapi.json", "/policy/differences", "/readiness", "/keys", "/keeping", "/keeping/due",
    "/backups", "/backups/past", "/releases", "/software",
}  # fmt: skip
"""Pictures of one moment, and streams; docs/api.md says why they are no pages."""


def listings(backend: Backend) -> Iterator[tuple[str, bool]]:
    """Yields each look at more than one thing, and whether it comes in pages."""
    for route in iter_route_contexts(_api(backend).routes):
        path = route.path or ""
        dependant = getattr(route, "dependant", None)
        calls = list(_calls(dependant)) if dependant else []
        if "GET" in (route.methods or ()) and not path.endswith("}") and path not in WHOLE:
            yield path, Paged in calls


def test_every_listing_comes_in_pages_or_is_one_picture(sqlite_backend: Backend) -> None:
    found = dict(listings(sqlite_backend))
    assert len(found) > 20
    of_one = {
        path for path in found if path.rpartition("}")[2] in {
            "/device", "/configuration", "/attachment", "/life", "/cut-off", "", ".{kind}",
            "/withdrawal", "/outside-account",
        }
    }  # fmt: skip
    assert [path for path, is_paged in found.items() if not is_paged and path not in of_one] == []


@pytest.fixture
def client(backend: Backend) -> Iterator[Caller]:
    with calling(backend) as caller:
        yield caller


def walk(client: Caller, path: str, headers: dict[str, str], limit: int) -> list[Any]:
    """Follows the links to the end."""
    rows: list[Any] = []
    where: str | None = f"{API_ROOT}{path}{'&' if '?' in path else '?'}limit={limit}"
    while where is not None:
        answer = client.get(where, headers=headers)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        rows += page["items"]
        where = answer.links.get("next", {}).get("url")
        assert (where is None) is (page["next_cursor"] is None)
        assert len(rows) < 200, "it has no end"
    return rows


def test_each_listing_gives_every_row_once(client: Caller) -> None:
    backend = client.backend
    for number in range(5):
        enrol(backend, f"gate-{number}", f"door-{number}")
        accounts.create_operator(
            backend, ADMIN, name=f"host-{number}", password=PASSWORD, role=Role.HOST
        )
        release(backend)
    by = {role: bearer(client, role) for role in (Role.ADMIN, Role.SECURITY, Role.ISSUER)}
    fay = bearer(client, Role.FACILITY)
    for number in range(5):
        client.post(f"{API_ROOT}/credentials", json=issue_body(), headers=by[Role.ISSUER])
        part = {"number": f"P-{number}", "name": "Part", "stock": 5}
        client.post(f"{API_ROOT}/maintenance/parts", json=part, headers=fay)
        client.post(f"{API_ROOT}/maintenance/parts/1/moves", json={"change": 1}, headers=fay)
        client.post(f"{API_ROOT}/gateways/gate-1/commands", json={"name": "identify"}, headers=fay)
        client.put(
            f"{API_ROOT}/gateways/gate-1/configuration",
            json={"settings": {"portal.door-1.held_s": number + 1.5}},
            headers=by[Role.ADMIN] | {"If-Match": "*"},
        )
        client.post(
            f"{API_ROOT}/wall-screens", json={"label": f"w{number}"}, headers=by[Role.SECURITY]
        )
    for path, headers, at_least in (
        ("/gateways", fay, 5),
        ("/accounts", by[Role.ADMIN], 9),
        ("/alert-rules", fay, 20),
        ("/credentials", by[Role.SECURITY], 5),
        ("/policy/releases", fay, 5),
        ("/maintenance/parts", fay, 5),
        ("/maintenance/parts/1/moves", fay, 6),
        ("/gateways/gate-1/commands", fay, 5),
        ("/gateways/gate-1/configurations", fay, 5),
        ("/wall-screens", by[Role.SECURITY], 5),
        ("/device-changes", fay, 0),
    ):
        whole = walk(client, path, headers, 500)
        assert len(whole) >= at_least, path
        assert walk(client, path, headers, 2) == whole, path


@pytest.mark.parametrize(
    "cursor", ["x", "", "bm90IGpzb24", "WzFd", "W10", "eyJhIjoxfQ", "WyJcdWQ4MDAiXQ", "W251bGxd"]
)
@pytest.mark.parametrize("path", ["/gateways", "/device-changes", "/revocations", "/roll-outs"])
def test_a_cursor_that_was_never_given_out_is_refused(
    client: Caller, path: str, cursor: str
) -> None:
    enrol(client.backend)
    headers = bearer(client, Role.SECURITY)
    answer = client.get(f"{API_ROOT}{path}", params={"cursor": cursor}, headers=headers)
    if answer.status_code != 200:  # a name may be a place in an ordering of names
        check_problem(answer, 422, "bad_cursor")


@given(st.lists(st.tuples(st.integers(-5, 5), st.text(max_size=3)), unique=True), st.integers(1, 4))
def test_pages_of_what_is_at_hand_are_the_whole(rows: list[tuple[int, str]], limit: int) -> None:
    cursor: str | None = None
    found: list[tuple[int, str]] = []
    while True:
        page = paging.part_of(
            [row for row in rows if row[1].isprintable()],
            lambda row: row,
            cursor=cursor,
            limit=limit,
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == sorted(row for row in rows if row[1].isprintable())


@given(st.text(max_size=60))
def test_no_text_but_a_cursor_is_one(text: str) -> None:
    with suppress(InvalidError):
        place = cursors.place_of(text, (1, "a"))
        assert [type(part) for part in place] == [int, str]


@pytest.mark.parametrize(
    ("name", "is_good"),
    [
        ("Ada\\u0000", False),
        ("\\ud800", False),
        ("\\udc00\\ud83d", False),
        ("\\ud83d\\ude00", True),
        ("\\\\u0000", True),
        ("张三", True),
    ],
)
def test_texts_that_no_database_keeps_are_refused(client: Caller, name: str, is_good: bool) -> None:
    headers = bearer(client, Role.ISSUER) | {"Content-Type": "application/json"}
    body = f'{{"fields": {{"name": "{name}"}}}}'.encode()
    answer = client.post(f"{API_ROOT}/holders", content=body, headers=headers)
    if is_good:
        assert answer.status_code == 201, answer.text
        assert json.loads(body)
    else:
        check_problem(answer, 422, "bad_text")


@pytest.mark.parametrize("path", ["/gateways/%00", "/records?gateway=a%00b", "/records?%00=1"])
def test_addresses_with_nul_are_refused(client: Caller, path: str) -> None:
    headers = bearer(client, Role.SECURITY)
    check_problem(client.get(f"{API_ROOT}{path}", headers=headers), 422, "bad_text")


def test_a_body_that_does_not_say_how_long_it_is_has_the_same_bound(client: Caller) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            yield b"x" * 65_536

    headers = bearer(client, Role.SECURITY) | {"Content-Type": "application/json"}
    answer = client.put(f"{API_ROOT}/rules", content=pieces(), headers=headers)
    check_problem(answer, 413, "too_large")


def test_an_address_names_all_its_methods(client: Caller) -> None:
    answer = client.delete(f"{API_ROOT}/gateways", headers=bearer(client, Role.SECURITY))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
