"""SCIM: request sequences as Microsoft Entra ID and Okta send them; leaving ends every code."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from doorward.credential import CredentialClass, Form
from doorward.status import Status
from doorward_controller.app import SCIM_ROOT, create_app
from doorward_controller.domain.permissions import Action, Actor, Role, may
from doorward_controller.errors import ActError, ConflictError
from doorward_controller.services import accounts, holders, issuing, revocation, sign_in
from doorward_controller.services import directory as people
from doorward_controller.services.backend import Backend
from doorward_controller.services.holders import HolderFields
from doorward_controller.services.issuing import IssueRequest
from doorward_controller.store import credentials, directory
from doorward_controller.store.schema import audit_log as audit
from tests.controller.conftest import ADMIN, ISSUER, SECURITY
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import AT_UTC_MS
from tests.fakes.running_server import running

PASSWORD = "correct horse battery"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SCIM = "application/scim+json"
NOW_S = AT_UTC_MS // 1000


@pytest.fixture
def address(backend: Backend) -> Iterator[str]:
    with running(create_app(backend), backend.feed) as at:
        yield at


@pytest.fixture
def directory_calls(backend: Backend, address: str) -> Iterator[httpx.Client]:
    """A client with the token that a directory is given."""
    token = token_of(backend, Role.ISSUER, Action.PROVISION_PEOPLE)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": SCIM, "Accept": SCIM}
    with httpx.Client(
        base_url=f"{address}{SCIM_ROOT}", headers=headers, trust_env=False, timeout=20
    ) as client:
        yield client


def token_of(backend: Backend, role: Role, *scope: Action, name: str = "directory") -> str:
    accounts.create_operator(backend, ADMIN, name=name, password=PASSWORD, role=role)
    return accounts.create_token(
        backend, ADMIN, operator=name, label="scim", lifetime_s=86_400, scope=scope
    )


def badge(backend: Backend, holder_id: str) -> str:
    request = IssueRequest(
        credential_class=CredentialClass.EMPLOYEE,
        form=Form.BADGE,
        not_before=NOW_S,
        expires=NOW_S + 86_400,
        holder_id=holder_id,
    )
    return issuing.issue(backend, ISSUER, request).credential_id


def status_of(backend: Backend, *ids: str) -> set[Status]:
    with backend.store.read() as connection:
        found = credentials.find(connection, [bytes.fromhex(id_) for id_ in ids])
    return {each.status for each in found}


def entra_user(name: str = "mei@example.org", **more: Any) -> dict[str, Any]:
    """What Entra's default mapping sends for a new user."""
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": f"{name}-object-id",
        "userName": name,
        "active": True,
        "displayName": "Mei Lin",
        "emails": [{"primary": True, "type": "work", "value": name}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Mei Lin", "familyName": "Lin", "givenName": "Mei"},
        "title": "Engineer",
        "preferredLanguage": "zh-CN",
        "addresses": [{"type": "work", "formatted": "Building 3", "primary": False}],
        ENTERPRISE: {"employeeNumber": "4711", "department": "Works", "manager": "x"},
        **more,
    }


def okta_user(**more: Any) -> dict[str, Any]:
    """What Okta sends for a new user."""
    return {
        "schemas": [USER],
        "userName": "omar@example.org",
        "name": {"givenName": "Omar", "familyName": "Haddad"},
        "emails": [{"primary": True, "value": "omar@example.org", "type": "work"}],
        "displayName": "Omar Haddad",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq",
        "active": True,
        **more,
    }


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(operations)}


def test_entra_adds_changes_and_disables_somebody(
    directory_calls: httpx.Client, backend: Backend, link: FakeLink
) -> None:
    probe = directory_calls.get("/Users", params={"filter": 'userName eq "8c1e-no-such"'})
    assert (probe.status_code, probe.json()["totalResults"]) == (200, 0)
    made = directory_calls.post("/Users", json=entra_user())
    assert made.status_code == 201
    id_ = made.json()["id"]
    assert made.headers["Location"].endswith(f"/scim/v2/Users/{id_}")
    assert made.headers["Content-Type"] == SCIM

    found = directory_calls.get("/Users", params={"filter": 'userName eq "MEI@example.org"'})
    (only,) = found.json()["Resources"]
    assert (only["id"], only["active"], only["name"]["givenName"]) == (id_, True, "Mei")
    assert not {"title", "addresses", "preferredLanguage"} & only.keys(), "kept for no reason"

    changed = directory_calls.patch(
        f"/Users/{id_}",
        json=patch(
            {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "lin@example.org"},
            {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+86 10"},
            {"op": "Replace", "path": "name.familyName", "value": "Zhao"},
            {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": "Harbour"},
            {"op": "Replace", "path": "title", "value": "Chief"},
            {"op": "Replace", "path": "displayName", "value": "Mei Zhao"},
        ),
    )
    assert changed.status_code == 200
    assert changed.json()["emails"][0]["value"] == "lin@example.org"
    assert changed.json()["phoneNumbers"] == [{"type": "mobile", "value": "+86 10"}]
    fields = holders.read_holders(backend, ISSUER, [id_])[id_]
    assert fields == HolderFields(name="Mei Zhao", contact="lin@example.org", identity="4711")

    codes = [badge(backend, id_) for _ in range(3)]
    revocation.suspend(backend, SECURITY, codes[:1], "away")
    link.published.clear()
    disabled = directory_calls.patch(
        f"/Users/{id_}", json=patch({"op": "Replace", "path": "active", "value": "False"})
    )
    assert (disabled.status_code, disabled.json()["active"]) == (200, False)
    assert status_of(backend, *codes) == {Status.REVOKED}
    assert any("policy/delta" in topic for topic, _ in link.published), "the gates were not told"
    still = directory_calls.get("/Users", params={"filter": 'userName eq "mei@example.org"'})
    assert still.json()["Resources"][0]["active"] is False, "a disabled user must still be found"


def test_coming_back_brings_no_code_back(directory_calls: httpx.Client, backend: Backend) -> None:
    id_ = directory_calls.post("/Users", json=entra_user()).json()["id"]
    old = badge(backend, id_)
    off = patch({"op": "Replace", "path": "active", "value": False})
    directory_calls.patch(f"/Users/{id_}", json=off)
    with pytest.raises(ConflictError) as refused:
        badge(backend, id_)
    assert refused.value.code == "holder_left"
    on = patch({"op": "Replace", "path": "active", "value": "True"})
    back = directory_calls.patch(f"/Users/{id_}", json=on)
    assert back.json()["active"] is True
    assert status_of(backend, old) == {Status.REVOKED}
    assert status_of(backend, badge(backend, id_)) == {Status.VALID}


def test_okta_adds_replaces_and_deactivates_somebody(
    directory_calls: httpx.Client, backend: Backend
) -> None:
    params: dict[str, str | int] = {
        "filter": 'userName eq "omar@example.org"', "startIndex": 1, "count": 100,
    }  # fmt: skip
    assert directory_calls.get("/Users", params=params).json()["totalResults"] == 0
    made = directory_calls.post("/Users", json=okta_user()).json()
    id_, code = made["id"], badge(backend, made["id"])
    assert "password" not in made
    one = directory_calls.get(f"/Users/{id_}").json()
    one["name"]["givenName"] = "Umar"
    one["groups"] = []
    put = directory_calls.put(f"/Users/{id_}", json=one)
    assert (put.status_code, put.json()["name"]["givenName"]) == (200, "Umar")
    assert status_of(backend, code) == {Status.VALID}
    off = patch({"op": "replace", "value": {"active": False}})
    assert directory_calls.patch(f"/Users/{id_}", json=off).json()["active"] is False
    assert status_of(backend, code) == {Status.REVOKED}


def test_a_put_that_says_inactive_revokes_and_one_that_is_silent_does_not(
    directory_calls: httpx.Client, backend: Backend
) -> None:
    id_ = directory_calls.post("/Users", json=okta_user()).json()["id"]
    code = badge(backend, id_)
    silent = okta_user()
    del silent["active"]
    assert directory_calls.put(f"/Users/{id_}", json=silent).json()["active"] is True
    assert status_of(backend, code) == {Status.VALID}
    assert directory_calls.put(f"/Users/{id_}", json=okta_user(active=False)).is_success
    assert status_of(backend, code) == {Status.REVOKED}
    again = directory_calls.put(f"/Users/{id_}", json=silent)
    assert again.json()["active"] is False, "nobody comes back without being said to"


def test_deleting_revokes_and_the_person_is_gone_from_the_directory(
    directory_calls: httpx.Client, backend: Backend
) -> None:
    id_ = directory_calls.post("/Users", json=entra_user()).json()["id"]
    code = badge(backend, id_)
    assert directory_calls.delete(f"/Users/{id_}").status_code == 204
    assert status_of(backend, code) == {Status.REVOKED}
    assert directory_calls.get(f"/Users/{id_}").status_code == 404
    assert directory_calls.delete(f"/Users/{id_}").status_code == 404
    assert directory_calls.get("/Users").json()["totalResults"] == 0
    again = directory_calls.post("/Users", json=entra_user())
    assert again.status_code == 201
    assert again.json()["id"] != id_, "a name that was given again is another person"


def test_all_of_it_is_one_act_in_the_audit_log(
    directory_calls: httpx.Client, backend: Backend
) -> None:
    id_ = directory_calls.post("/Users", json=entra_user()).json()["id"]
    code = badge(backend, id_)
    off = patch({"op": "Replace", "path": "active", "value": "False"})
    directory_calls.patch(f"/Users/{id_}", json=off)
    with backend.store.read() as connection:
        rows = connection.execute(sa.select(audit).order_by(audit.c.id)).all()
    (taken,) = [row for row in rows if row.action == "revoke"]
    (left,) = [row for row in rows if row.action == "directory_change"]
    assert (taken.subject, taken.actor) == (code, "directory")
    assert '"reason": "left"' in taken.detail_json
    assert (left.subject, left.id) == (id_, taken.id + 1)
    assert '"codes": 1, "left": true' in left.detail_json
    everything = " ".join(f"{row.subject} {row.detail_json}" for row in rows)
    assert "mei" not in everything.lower(), "a name stands in the audit log"


def test_who_was_here_before_the_directory_loses_the_old_badge_too(
    directory_calls: httpx.Client, backend: Backend
) -> None:
    by_number = holders.add_holder(
        backend, ISSUER, HolderFields(name="M. Lin", identity="4711", note="left-handed")
    )
    by_mail = holders.add_holder(
        backend, ISSUER, HolderFields(name="Omar Haddad", contact="omar@example.org")
    )
    namesake = holders.add_holder(backend, ISSUER, HolderFields(name="Omar Haddad"))
    old = badge(backend, by_number)
    mei = directory_calls.post("/Users", json=entra_user()).json()
    omar = directory_calls.post("/Users", json=okta_user()).json()
    assert (mei["id"], omar["id"]) == (by_number, by_mail)
    fields = holders.read_holders(backend, ISSUER, [by_number, namesake])
    kept = fields[by_number]
    assert kept is not None
    assert (kept.name, kept.note) == ("Mei Lin", "left-handed")
    directory_calls.delete(f"/Users/{by_number}")
    assert status_of(backend, old) == {Status.REVOKED}


def test_two_that_could_be_meant_are_nobody(
    directory_calls: httpx.Client, backend: Backend
) -> None:
    twins = {
        holders.add_holder(backend, ISSUER, HolderFields(name="T", identity="4711"))
        for _ in range(2)
    }
    assert directory_calls.post("/Users", json=entra_user()).json()["id"] not in twins


def test_a_name_is_taken_once_whatever_its_case(directory_calls: httpx.Client) -> None:
    assert directory_calls.post("/Users", json=entra_user("a@x.org")).status_code == 201
    twice = directory_calls.post(
        "/Users", json=entra_user("A@X.ORG", **{ENTERPRISE: {"employeeNumber": "1"}})
    )
    assert (twice.status_code, twice.json()["scimType"]) == (409, "uniqueness")
    assert twice.json()["status"] == "409"
    assert directory_calls.get("/Users").json()["totalResults"] == 1, "half of it stayed"


def test_pages_follow_one_another(directory_calls: httpx.Client) -> None:
    for number in range(5):
        other = {ENTERPRISE: {"employeeNumber": str(number)}}
        directory_calls.post("/Users", json=entra_user(f"u{number}@x.org", **other))
    seen: list[str] = []
    for first in (1, 3, 5):
        params: dict[str, str | int] = {"startIndex": first, "count": 2, "attributes": "userName"}
        page = directory_calls.get("/Users", params=params).json()
        assert (page["totalResults"], page["startIndex"]) == (5, first)
        assert all(each.keys() <= {"schemas", "id", "userName"} for each in page["Resources"])
        seen += [each["userName"] for each in page["Resources"]]
    assert sorted(seen) == [f"u{number}@x.org" for number in range(5)]
    none = directory_calls.get("/Users", params={"count": 0}).json()
    assert (none["totalResults"], none.get("Resources", [])) == (5, [])


@pytest.mark.parametrize(
    ("wanted", "total"),
    [
        ('externalId eq "mei@example.org-object-id"', 1),
        ('externalId eq "MEI@example.org-object-id"', 0),
        ('userName eq "mei@example.org" and active eq true', 1),
        ('active eq "False"', 0),
        ("active eq true", 1),
        ('USERNAME EQ "mei@example.org"', 1),
    ],
)
def test_filters_find_who_is_meant(directory_calls: httpx.Client, wanted: str, total: int) -> None:
    directory_calls.post("/Users", json=entra_user())
    assert directory_calls.get("/Users", params={"filter": wanted}).json()["totalResults"] == total


@pytest.mark.parametrize(
    "wanted",
    [
        'userName co "m"',
        'userName eq "a" or userName eq "b"',
        "title pr",
        'emails.value eq "x@x.org"',
        'userName eq "a" and userName eq "b"',
        "userName zz 1",
        'id eq "a\\u0000b"',
        "(((",
        "not (active eq true)",
    ],
)
def test_other_filters_are_refused(directory_calls: httpx.Client, wanted: str) -> None:
    answer = directory_calls.get("/Users", params={"filter": wanted})
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")


def test_a_version_seen_before_another_change_changes_nothing(
    directory_calls: httpx.Client, backend: Backend
) -> None:
    made = directory_calls.post("/Users", json=entra_user())
    at, tag = f"/Users/{made.json()['id']}", made.headers["ETag"]
    assert directory_calls.get(at, headers={"If-None-Match": tag}).status_code == 304
    rename = patch({"op": "Replace", "path": "displayName", "value": "Mei Z."})
    newer = directory_calls.patch(at, json=rename, headers={"If-Match": tag})
    assert newer.headers["ETag"] != tag
    code = badge(backend, made.json()["id"])
    off = patch({"op": "Replace", "path": "active", "value": "False"})
    for method in ("PATCH", "PUT", "DELETE"):
        body = None if method == "DELETE" else off if method == "PATCH" else entra_user()
        stale = directory_calls.request(method, at, json=body, headers={"If-Match": tag})
        assert stale.status_code == 412
    assert status_of(backend, code) == {Status.VALID}
    assert directory_calls.patch(at, json=off, headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("POST", {}),
        ("POST", {"schemas": [USER]}),
        ("POST", {"schemas": [USER], "userName": "   "}),
        ("POST", {"schemas": [USER], "userName": "x", "active": "perhaps"}),
        ("POST", {"schemas": [USER], "userName": ["x"]}),
        ("POST", {"schemas": [USER], "userName": "x", "displayName": "y" * 501}),
        ("POST", {"schemas": [USER], "userName": "x" * 20_000}),
        ("PATCH", {"schemas": [PATCH]}),
        ("PATCH", patch({"op": "explode", "path": "active", "value": True})),
        ("PATCH", patch({"op": "Remove", "path": "userName"})),
        ("PATCH", patch({"op": "Replace", "path": "active", "value": "soon"})),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_everything(
    directory_calls: httpx.Client, method: str, body: dict[str, Any]
) -> None:
    made = directory_calls.post("/Users", json=entra_user("kept@x.org")).json()
    at = "/Users" if method == "POST" else f"/Users/{made['id']}"
    answer = directory_calls.request(method, at, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert directory_calls.get(f"/Users/{made['id']}").json() == made


def test_bodies_that_are_no_objects_are_refused(directory_calls: httpx.Client) -> None:
    for content in (b"", b"[]", b"nonsense", b"\xff"):
        answer = directory_calls.post("/Users", content=content)
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, SCIM)


def test_the_service_describes_itself(directory_calls: httpx.Client) -> None:
    config = directory_calls.get("/ServiceProviderConfig").json()
    assert config["patch"] == {"supported": True}
    assert config["filter"] == {"supported": True, "maxResults": 200}
    types = directory_calls.get("/ResourceTypes").json()["Resources"]
    assert [(each["endpoint"], each["schema"]) for each in types] == [
        ("/Users", USER),
        ("/Groups", GROUP),
    ]
    schemas = directory_calls.get("/Schemas").json()["Resources"]
    assert [each["id"] for each in schemas] == [USER, ENTERPRISE, GROUP]
    members = next(a for a in schemas[2]["attributes"] if a["name"] == "members")
    assert {each["name"] for each in members["subAttributes"]} == {"value", "$ref", "type"}
    assert directory_calls.get(f"/Schemas/{USER}").json()["id"] == USER
    assert directory_calls.get("/Schemas/nothing").status_code == 404
    assert directory_calls.get("/ResourceTypes/Group").json()["name"] == "Group"


def test_personal_fields_lie_sealed_and_erasing_ends_the_directorys_part(
    directory_calls: httpx.Client, backend: Backend
) -> None:
    id_ = directory_calls.post("/Users", json=entra_user()).json()["id"]
    if backend.store.is_sqlite:
        backend.store.checkpoint()
        held = Path(str(backend.store.engine.url.database)).read_bytes()
        assert b"mei@example.org" not in held
        assert b"Mei Lin" not in held
    holders.erase_holder(backend, ISSUER, id_, "asked for it")
    assert directory_calls.get(f"/Users/{id_}").status_code == 404
    assert directory_calls.get("/Users").json()["totalResults"] == 0
    with backend.store.read() as connection:
        assert directory.find(connection, id_) is None


def test_every_look_at_people_is_an_audit_entry(
    directory_calls: httpx.Client, backend: Backend
) -> None:
    id_ = directory_calls.post("/Users", json=entra_user()).json()["id"]
    directory_calls.get("/Users")
    directory_calls.get(f"/Users/{id_}")
    with backend.store.read() as connection:
        looks = connection.execute(
            sa.select(audit.c.subject).where(audit.c.action == "directory_read")
        ).scalars()
        assert list(looks) == [id_, id_]


@pytest.mark.parametrize("role", Role)
def test_only_who_may_keep_people_gets_in_and_no_browser(
    backend: Backend, address: str, role: Role
) -> None:
    if not backend.store.is_sqlite:
        pytest.skip("the matrix does not depend on the database")
    token = token_of(backend, role, name="op")
    signed_in = sign_in.sign_in(backend, name="op", password=PASSWORD, client="127.0.0.1")
    assert isinstance(signed_in, sign_in.SignedIn)
    expected = 200 if may(role, Action.PROVISION_PEOPLE) else 403
    paths = (
        ("GET", "/Users"), ("POST", "/Users"), ("GET", "/Users/x"), ("PUT", "/Users/x"),
        ("PATCH", "/Users/x"), ("DELETE", "/Users/x"), ("GET", "/ServiceProviderConfig"),
        ("GET", "/Groups"), ("POST", "/Groups"), ("GET", "/Groups/x"), ("PUT", "/Groups/x"),
        ("PATCH", "/Groups/x"), ("DELETE", "/Groups/x"),
        ("GET", "/ResourceTypes"), ("GET", "/Schemas"), ("GET", "/Schemas/x"),
    )  # fmt: skip
    with ExitStack() as ends:

        def client(**more: Any) -> httpx.Client:
            made = httpx.Client(base_url=f"{address}{SCIM_ROOT}", trust_env=False, **more)
            return ends.enter_context(made)

        program = client(headers={"Authorization": f"Bearer {token}"})
        person = client(headers={"X-CSRF-Token": signed_in.session.csrf})
        person.cookies.set(sign_in.COOKIE, signed_in.token, domain="127.0.0.1")
        nobody = client()
        for method, path in paths:
            said = program.request(method, path, json={}).status_code
            is_refused = said == 403
            assert is_refused is (expected == 403), f"{method} {path}: {said}"
            assert person.request(method, path, json={}).status_code in {401, 403}
            assert nobody.request(method, path, json={}).status_code == 401


def test_who_issues_while_somebody_leaves_is_seen_or_refused(
    directory_calls: httpx.Client, backend: Backend
) -> None:
    """Whichever comes first: no code of a leaver stays valid."""
    id_ = directory_calls.post("/Users", json=entra_user()).json()["id"]
    made: list[str] = []
    refusals: list[str] = []
    is_over = threading.Event()

    def issue_on() -> None:
        while not is_over.is_set():
            try:
                made.append(badge(backend, id_))
            except ActError as err:
                refusals.append(err.code)
                return

    thread = threading.Thread(target=issue_on)
    thread.start()
    while len(made) < 3 and thread.is_alive():
        thread.join(timeout=0.01)
    off = patch({"op": "Replace", "path": "active", "value": "False"})
    assert directory_calls.patch(f"/Users/{id_}", json=off).is_success
    is_over.set()
    thread.join(timeout=20)
    assert status_of(backend, *made) == {Status.REVOKED}
    assert set(refusals) <= {"holder_left"}


def test_an_actor_without_the_right_changes_nothing(backend: Backend) -> None:
    guard = Actor(name="gus", role=Role.GUARD)
    with pytest.raises(ActError):
        people.add_person(backend, guard, {"userName": "x"})
    with backend.store.read() as connection:
        assert directory.page(connection, {}, skip=0, limit=1) == (0, ())
