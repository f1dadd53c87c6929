"""SCIM's groups: as Entra ID and Okta send them; who joins or leaves changes with the policy."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from doorward.credential import CredentialClass, Form
from doorward.envelope import parse_envelope
from doorward.ids import CredentialId
from doorward.policy import Policy
from doorward.status import Status
from doorward_controller.app import SCIM_ROOT, create_app
from doorward_controller.domain import directory_groups as rules_of_groups
from doorward_controller.domain.directory_groups import Change, Way, after, folded
from doorward_controller.domain.permissions import Action, Actor, Role
from doorward_controller.domain.revocations import Cause, Source
from doorward_controller.domain.revocations import Change as CodeChange
from doorward_controller.domain.rule_book import GrantLine, RuleBook, first_rule_book
from doorward_controller.errors import ForbiddenError
from doorward_controller.queries import holders as holder_rows
from doorward_controller.services import (
    accounts,
    bulk_revocation,
    directory_groups,
    holders,
    issuing,
    policy_release,
    rules,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.bulk_revocation import Order, Selection
from doorward_controller.services.issuing import IssueRequest
from doorward_controller.store import credentials, policies
from doorward_controller.store.schema import audit_log as audit
from tests.controller.conftest import ADMIN, ISSUER, SECURITY
from tests.fakes.journal_gateway import AT_UTC_MS
from tests.fakes.running_server import running

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
SCIM = "application/scim+json"
NOW_S = AT_UTC_MS // 1000


@pytest.fixture
def calls(backend: Backend) -> Iterator[httpx.Client]:
    """A client with the token that a directory is given."""
    accounts.create_operator(
        backend, ADMIN, name="directory", password="correct horse battery", role=Role.ISSUER
    )
    token = accounts.create_token(
        backend, ADMIN, operator="directory", label="scim", lifetime_s=86_400,
        scope=(Action.PROVISION_PEOPLE,),
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {token}", "Content-Type": SCIM, "Accept": SCIM}
    with (
        running(create_app(backend), backend.feed) as at,
        httpx.Client(
            base_url=f"{at}{SCIM_ROOT}", headers=headers, trust_env=False, timeout=20
        ) as client,
    ):
        yield client


def person(calls: httpx.Client, name: str) -> str:
    made = calls.post("/Users", json={"schemas": [USER], "userName": name, "displayName": name})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def group(calls: httpx.Client, name: str, *members: str, **more: Any) -> str:
    body = {"schemas": [GROUP], "displayName": name, **more}
    if members:
        body["members"] = [{"value": each} for each in members]
    made = calls.post("/Groups", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def members(calls: httpx.Client, group_id: str) -> set[str]:
    return {each["value"] for each in calls.get(f"/Groups/{group_id}").json().get("members", [])}


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(operations)}


def badge(backend: Backend, holder_id: str, *groups: str) -> str:
    request = IssueRequest(
        credential_class=CredentialClass.EMPLOYEE,
        form=Form.BADGE,
        not_before=NOW_S,
        expires=NOW_S + 86_400,
        holder_id=holder_id,
        groups=groups,
    )
    return issuing.issue(backend, ISSUER, request).credential_id


def released_groups(backend: Backend, credential_id: str) -> set[str]:
    """Which groups a code has by a policy that is released now."""
    policy_release.release(backend, SECURITY)
    with backend.store.read() as connection:
        bundle = policies.newest_bundle(connection, "main")
    assert bundle is not None
    policy = Policy.from_body(parse_envelope(bundle.wire).body)
    profile = policy.roster.find(CredentialId(bytes.fromhex(credential_id)))
    assert profile is not None
    return {policy.groups[number] for number in profile.groups}


def book(**directory: tuple[str, ...]) -> RuleBook:
    """The first rules, with a group for a laboratory, and what the directory's groups bring."""
    first = first_rule_book()
    return first.model_copy(
        update={
            "groups": (*first.groups, "lab"),
            "grants": (*first.grants, GrantLine(group="lab", zone="site", schedule="always")),
            "directory": directory,
        }
    )


def test_entra_makes_a_group_and_moves_people_in_and_out(calls: httpx.Client) -> None:
    mei, omar, ana = (person(calls, f"{name}@x.org") for name in ("mei", "omar", "ana"))
    probe = calls.get(
        "/Groups", params={"filter": 'displayName eq "Lab"', "excludedAttributes": "members"}
    )
    assert (probe.status_code, probe.json()["totalResults"]) == (200, 0)
    made = calls.post(
        "/Groups",
        json={
            "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
            "displayName": "Lab",
            "meta": {"resourceType": "Group"},
        },
    )  # fmt: skip
    assert made.status_code == 201, made.text
    id_ = made.json()["id"]
    assert made.headers["Location"].endswith(f"/scim/v2/Groups/{id_}")
    assert made.json()["meta"]["resourceType"] == "Group"

    at = f"/Groups/{id_}"
    joined = calls.patch(
        at,
        json=patch(
            {"op": "Add", "path": "members", "value": [{"$ref": None, "value": mei}]},
            {"op": "Add", "path": "members", "value": [{"value": omar}, {"value": ana}]},
        ),
    )
    assert (joined.status_code, joined.content) == (204, b"")
    assert members(calls, id_) == {mei, omar, ana}
    calls.patch(
        at,
        json=patch({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": mei}]}),
    )
    calls.patch(at, json=patch({"op": "Remove", "path": f'members[value eq "{omar}"]'}))
    assert members(calls, id_) == {ana}
    renamed = calls.patch(
        at, json=patch({"op": "Replace", "path": "displayName", "value": "Laboratory"})
    )
    assert renamed.status_code == 204
    asked = calls.get(at, params={"excludedAttributes": "members"}).json()
    assert (asked["displayName"], "members" in asked) == ("Laboratory", False)
    is_last = {"filter": f'id eq "{id_}" and members eq "{ana}"', "attributes": "id"}
    assert calls.get("/Groups", params=is_last).json()["totalResults"] == 1
    is_last["filter"] = f'id eq "{id_}" and members eq "{mei}"'
    assert calls.get("/Groups", params=is_last).json()["totalResults"] == 0


def test_okta_pushes_a_group_with_members_and_without_paths(calls: httpx.Client) -> None:
    mei, omar = person(calls, "mei@x.org"), person(calls, "omar@x.org")
    made = calls.post(
        "/Groups",
        json={
            "schemas": [GROUP],
            "displayName": "Lab",
            "members": [{"value": mei, "display": "mei@x.org"}],
        },
    )
    id_ = made.json()["id"]
    assert "mei@x.org" not in made.text, "a name is shown where nobody asked for one"
    at = f"/Groups/{id_}"
    rename = patch({"op": "replace", "value": {"id": id_, "displayName": "Test Lab"}})
    assert calls.patch(at, json=rename).status_code == 204
    swap = patch(
        {"op": "remove", "path": f'members[value eq "{mei}"]'},
        {"op": "add", "path": "members", "value": [{"value": omar, "display": "omar@x.org"}]},
    )
    assert calls.patch(at, json=swap).status_code == 204
    assert members(calls, id_) == {omar}
    everybody = patch({"op": "replace", "path": "members", "value": [{"value": mei}]})
    assert calls.patch(at, json=everybody).status_code == 204
    assert members(calls, id_) == {mei}
    unnamed = patch({"op": "replace", "value": {"members": [{"value": omar}, {"value": mei}]}})
    assert calls.patch(at, json=unnamed).status_code == 204
    assert members(calls, id_) == {mei, omar}
    put = {"schemas": [GROUP], "displayName": "Test Lab", "members": [{"value": omar}]}
    replaced = calls.put(at, json=put)
    assert (replaced.status_code, [m["value"] for m in replaced.json()["members"]]) == (200, [omar])
    assert calls.delete(at).status_code == 204
    assert calls.get(at).status_code == 404
    assert calls.delete(at).status_code == 404
    assert calls.get(f"/Users/{omar}").status_code == 200, "the group took its member along"


@pytest.mark.parametrize(
    ("operation", "left"),
    [
        ({"op": "remove", "path": "members"}, set()),
        ({"op": "replace", "path": "members", "value": []}, set()),
        ({"op": "replace", "path": "members", "value": None}, set()),
        ({"op": "remove", "path": "members", "value": []}, {"a", "b"}),
        ({"op": "remove", "path": 'members[value eq "{a}" or value eq "{b}"]'}, set()),
        ({"op": "ADD", "path": f"{GROUP}:members", "value": {"VALUE": "{c}"}}, {"a", "b", "c"}),
        ({"op": "add", "path": "members", "value": [{"value": "{a}"}]}, {"a", "b"}),
        ({"op": "remove", "path": 'members[value eq "nobody"]'}, {"a", "b"}),
        ({"op": "replace", "path": "description", "value": "x"}, {"a", "b"}),
    ],
)
def test_a_change_leaves_whom_it_says(
    calls: httpx.Client, operation: dict[str, Any], left: set[str]
) -> None:
    people = {name: person(calls, name) for name in "abc"}
    id_ = group(calls, "Lab", people["a"], people["b"])
    text = json.dumps(operation)
    for name, person_id in people.items():
        text = text.replace(f"{{{name}}}", person_id)
    answer = calls.patch(f"/Groups/{id_}", json=patch(json.loads(text)))
    assert answer.status_code == 204, answer.text
    assert members(calls, id_) == {people[name] for name in left}


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("POST", {}),
        ("POST", {"schemas": [GROUP]}),
        ("POST", {"schemas": [GROUP], "displayName": "  "}),
        ("POST", {"schemas": [GROUP], "displayName": "x" * 201}),
        ("POST", {"schemas": [GROUP], "displayName": "a\tb"}),
        ("POST", {"schemas": [GROUP], "displayName": ["x"]}),
        ("POST", {"schemas": [GROUP], "displayName": "y", "externalId": "9" * 201}),
        ("POST", {"schemas": [GROUP], "displayName": "y", "members": [{"value": "nobody"}]}),
        ("POST", {"schemas": [GROUP], "displayName": "y", "members": [{"display": "x"}]}),
        ("POST", {"schemas": [GROUP], "displayName": "y", "members": "all"}),
        ("PATCH", {"schemas": [PATCH]}),
        ("PATCH", patch()),
        ("PATCH", patch({"op": "explode", "path": "members"})),
        ("PATCH", patch({"op": "remove"})),
        ("PATCH", patch({"op": "remove", "path": "displayName"})),
        ("PATCH", patch({"op": "replace", "path": "displayName", "value": ""})),
        ("PATCH", patch({"op": "replace", "path": "displayName", "value": 7})),
        ("PATCH", patch({"op": "replace", "value": "members"})),
        ("PATCH", patch({"op": "add", "path": "members", "value": ["x"]})),
        ("PATCH", patch({"op": "add", "path": "members", "value": [{"value": 5}]})),
        ("PATCH", patch({"op": "add", "path": "members", "value": [{"value": "nobody"}]})),
        ("PATCH", patch({"op": "add", "path": "members", "value": [{"value": "' OR 1=1 --"}]})),
        ("PATCH", patch({"op": "remove", "path": 'members[display eq "x"]'})),
        ("PATCH", patch({"op": "remove", "path": 'members[value co "a"]'})),
        ("PATCH", patch({"op": "remove", "path": "members[((("})),
        ("PATCH", patch({"op": "add", "path": 'members[value eq "x"]', "value": {"value": "x"}})),
        ("PATCH", patch({"op": "replace", "path": "id", "value": "x"})),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_everything(
    calls: httpx.Client, method: str, body: dict[str, Any]
) -> None:
    id_ = group(calls, "Kept", person(calls, "mei@x.org"))
    before = calls.get(f"/Groups/{id_}").json()
    answer = calls.request(method, "/Groups" if method == "POST" else f"/Groups/{id_}", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["schemas"] == [ERROR]
    assert calls.get(f"/Groups/{id_}").json() == before
    assert calls.get("/Groups").json()["totalResults"] == 1


def test_half_of_a_patch_is_none_of_it(calls: httpx.Client) -> None:
    mei = person(calls, "mei@x.org")
    id_ = group(calls, "Lab")
    halves = patch(
        {"op": "add", "path": "members", "value": [{"value": mei}]},
        {"op": "replace", "path": "displayName", "value": "New"},
        {"op": "add", "path": "members", "value": [{"value": "nobody"}]},
    )
    assert calls.patch(f"/Groups/{id_}", json=halves).status_code == 400
    left = calls.get(f"/Groups/{id_}").json()
    assert (left["displayName"], left.get("members", [])) == ("Lab", [])


def test_a_name_is_taken_once_whatever_its_case(calls: httpx.Client) -> None:
    group(calls, "Straße")
    other = group(calls, "Lab")
    twice = calls.post("/Groups", json={"schemas": [GROUP], "displayName": " STRASSE "})
    assert (twice.status_code, twice.json()["scimType"]) == (409, "uniqueness")
    renamed = calls.patch(
        f"/Groups/{other}", json=patch({"op": "replace", "path": "displayName", "value": "strasse"})
    )
    assert (renamed.status_code, renamed.json()["scimType"]) == (409, "uniqueness")
    own = patch({"op": "replace", "path": "displayName", "value": "LAB"})
    assert calls.patch(f"/Groups/{other}", json=own).status_code == 204


@pytest.mark.parametrize(
    ("wanted", "total"),
    [
        ('displayName eq "lab"', 1),
        ('DISPLAYNAME EQ "LAB"', 1),
        ('externalId eq "No-1"', 1),
        ('externalId eq "no-1"', 0),
        ('displayName eq "lab" and externalId eq "No-1"', 1),
        ('displayName eq "\' OR 1=1 --"', 0),
        ('id eq "x"', 0),
        ('members.value eq "x"', 0),
    ],
)
def test_filters_find_what_is_meant(calls: httpx.Client, wanted: str, total: int) -> None:
    group(calls, "Lab", externalId="No-1")
    group(calls, "Other")
    answer = calls.get("/Groups", params={"filter": wanted})
    assert (answer.status_code, answer.json().get("totalResults")) == (200, total), answer.text


@pytest.mark.parametrize(
    "wanted",
    ['displayName co "l"', "members pr", 'displayName eq "a" or displayName eq "b"', "(((",
     'displayName eq "a\\u0000b"', 'id eq "\\ud800"',
     'displayName eq "a" and displayName eq "b"', 'meta.version eq "1"'],
)  # fmt: skip
def test_other_filters_are_refused(calls: httpx.Client, wanted: str) -> None:
    answer = calls.get("/Groups", params={"filter": wanted})
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")


def test_pages_follow_one_another_and_end_before_too_many_members(
    calls: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [person(calls, f"u{number}") for number in range(3)]
    for number in range(5):
        group(calls, f"g{number}", *people)
    seen: list[str] = []
    for first in (1, 3, 5):
        page = calls.get("/Groups", params={"startIndex": first, "count": 2}).json()
        assert (page["totalResults"], page["startIndex"]) == (5, first)
        seen += [each["displayName"] for each in page["Resources"]]
    assert sorted(seen) == [f"g{number}" for number in range(5)]
    monkeypatch.setattr(directory_groups, "MAX_SHOWN", 7)
    early = calls.get("/Groups").json()
    assert (early["totalResults"], early["itemsPerPage"]) == (5, 2)
    assert (
        calls.get("/Groups", params={"excludedAttributes": "members"}).json()["itemsPerPage"] == 5
    )
    monkeypatch.setattr(directory_groups, "MAX_SHOWN", 1)
    assert calls.get("/Groups").json()["itemsPerPage"] == 1, "no page may be empty for ever"


def test_a_version_seen_before_another_change_changes_nothing(calls: httpx.Client) -> None:
    mei = person(calls, "mei@x.org")
    at = f"/Groups/{group(calls, 'Lab')}"
    tag = calls.get(at).headers["ETag"]
    assert calls.get(at, headers={"If-None-Match": tag}).status_code == 304
    join = patch({"op": "add", "path": "members", "value": [{"value": mei}]})
    newer = calls.patch(at, json=join, headers={"If-Match": tag}).headers["ETag"]
    assert newer != tag
    whole = {"schemas": [GROUP], "displayName": "Lab", "members": []}
    for method, body in (("PATCH", join), ("PUT", whole), ("DELETE", None)):
        stale = calls.request(method, at, json=body, headers={"If-Match": tag})
        assert stale.status_code == 412
    assert calls.get(at, headers={"If-None-Match": newer}).status_code == 304
    again = calls.patch(at, json=join, headers={"If-Match": newer})
    assert (again.status_code, again.headers["ETag"]) == (204, newer), "nothing was changed by it"


def test_a_put_that_is_silent_about_members_keeps_them(calls: httpx.Client) -> None:
    mei = person(calls, "mei@x.org")
    id_ = group(calls, "Lab", mei)
    silent = {"schemas": [GROUP], "displayName": "Labs"}
    assert calls.put(f"/Groups/{id_}", json=silent).json()["displayName"] == "Labs"
    assert members(calls, id_) == {mei}
    assert calls.put(f"/Groups/{id_}", json={**silent, "members": []}).status_code == 200
    assert members(calls, id_) == set()


def test_joining_and_leaving_change_a_badge_that_exists_with_the_next_policy(
    calls: httpx.Client, backend: Backend
) -> None:
    rules.save_rules(backend, SECURITY, book(staff=(), lab=("Laboratory West", "Chemists")))
    mei = person(calls, "mei@x.org")
    holders.update_holder(backend, ISSUER, mei, groups=("visitors",))
    code = badge(backend, mei)
    assert released_groups(backend, code) == {"visitors"}
    lab, staff = group(calls, "laboratory WEST", mei), group(calls, "staff", mei)
    assert released_groups(backend, code) == {"visitors", "lab"}, "staff takes no group by its name"
    row = holder_rows.holder(backend.store, mei)
    assert row is not None
    assert row.directory_groups == ("laboratory WEST", "staff")
    chemists = group(calls, "Chemists", mei)
    leave = patch({"op": "remove", "path": "members", "value": [{"value": mei}]})
    assert calls.patch(f"/Groups/{lab}", json=leave).status_code == 204
    assert released_groups(backend, code) == {"visitors", "lab"}, "chemists are of the lab too"
    assert calls.delete(f"/Groups/{chemists}").status_code == 204
    assert released_groups(backend, code) == {"visitors"}
    rules.save_rules(backend, SECURITY, book())
    assert released_groups(backend, code) == {"visitors", "staff"}, "a group's own name counts"
    rename = patch({"op": "replace", "path": "displayName", "value": "lab"})
    assert calls.patch(f"/Groups/{staff}", json=rename).status_code == 204
    assert released_groups(backend, code) == {"visitors", "lab"}


def test_who_has_left_the_directory_belongs_to_nothing(
    calls: httpx.Client, backend: Backend
) -> None:
    mei, omar = person(calls, "mei@x.org"), person(calls, "omar@x.org")
    id_ = group(calls, "staff", mei, omar)
    assert calls.delete(f"/Users/{mei}").status_code == 204
    assert members(calls, id_) == {omar}
    gone = patch({"op": "remove", "path": f'members[value eq "{mei}"]'})
    assert calls.patch(f"/Groups/{id_}", json=gone).status_code == 204, "Entra says it afterwards"
    holders.erase_holder(backend, ISSUER, omar, "asked for it")
    assert members(calls, id_) == set()
    back = patch({"op": "add", "path": "members", "value": [{"value": mei}]})
    assert calls.patch(f"/Groups/{id_}", json=back).status_code == 400


def test_taking_back_the_codes_of_a_group_takes_those_that_the_directory_brings(
    calls: httpx.Client, backend: Backend
) -> None:
    rules.save_rules(backend, SECURITY, book(lab=("Chemists",)))
    mei, omar = person(calls, "mei@x.org"), person(calls, "omar@x.org")
    group(calls, "Chemists", mei)
    group(calls, "lab", omar)
    of_mei, of_omar, own = badge(backend, mei), badge(backend, omar), badge(backend, omar, "lab")
    order = Order(change=CodeChange.REVOKE, cause=Cause.MISUSED, note="")
    bulk_revocation.carry_out(backend, SECURITY, Selection(source=Source.GROUP, name="lab"), order)
    with backend.store.read() as connection:
        found = credentials.find(connection, [bytes.fromhex(c) for c in (of_mei, of_omar, own)])
    status = {each.id.hex(): each.status for each in found}
    assert status == {of_mei: Status.REVOKED, of_omar: Status.VALID, own: Status.REVOKED}


def test_a_thousand_members_at_once_join_and_leave(calls: httpx.Client, backend: Backend) -> None:
    mei = person(calls, "mei@x.org")
    with backend.store.write() as connection:
        many = [f"{number:016x}" for number in range(1_200)]
        connection.execute(
            sa.text(
                "INSERT INTO holders (id, groups_json, qualifications_json, created_at_utc_s)"
                " VALUES (:id, '[]', '[]', 1)"
            ),
            [{"id": each} for each in many],
        )
        connection.execute(
            sa.text(
                "INSERT INTO directory_people"
                " (holder_id, active, version, created_at_utc_ms, changed_at_utc_ms)"
                " VALUES (:id, true, 1, 1, 1)"
            ),
            [{"id": each} for each in many],
        )
    id_ = group(calls, "Lab", mei)
    value = [{"value": each} for each in many]
    add = patch({"op": "Add", "path": "members", "value": value})
    assert calls.patch(f"/Groups/{id_}", json=add).status_code == 204
    assert members(calls, id_) == {mei, *many}
    remove = patch({"op": "Remove", "path": "members", "value": value})
    assert calls.patch(f"/Groups/{id_}", json=remove).status_code == 204
    assert members(calls, id_) == {mei}


def test_two_who_change_a_group_at_once_are_both_heard(
    calls: httpx.Client, backend: Backend
) -> None:
    people = [person(calls, f"u{number}") for number in range(8)]
    id_ = group(calls, "Lab")
    answers: list[int] = []

    def join(who: str) -> None:
        body = patch({"op": "add", "path": "members", "value": [{"value": who}]})
        answers.append(calls.patch(f"/Groups/{id_}", json=body).status_code)

    threads = [threading.Thread(target=join, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert answers == [204] * 8
    assert members(calls, id_) == set(people)


def test_every_act_and_look_is_in_the_audit_log_by_number(
    calls: httpx.Client, backend: Backend
) -> None:
    id_ = group(calls, "Lab", person(calls, "mei@x.org"))
    calls.get(f"/Groups/{id_}")
    calls.delete(f"/Groups/{id_}")
    with backend.store.read() as connection:
        rows = connection.execute(sa.select(audit).order_by(audit.c.id)).all()
    said = [(row.action, row.subject) for row in rows if "directory_group" in row.action]
    assert said == [(f"directory_group_{act}", id_) for act in ("add", "read", "remove")]
    assert '"joined": 1' in next(r.detail_json for r in rows if r.action == "directory_group_add")
    assert "mei" not in " ".join(f"{row.subject} {row.detail_json}" for row in rows).lower()


def test_an_actor_without_the_right_changes_nothing(backend: Backend) -> None:
    guard = Actor(name="gus", role=Role.GUARD)
    with pytest.raises(ForbiddenError):
        directory_groups.add_group(backend, guard, rules_of_groups.Edit(name="Lab"))
    assert directory_groups.find_groups(
        backend, ISSUER, directory_groups.WantedGroup(), skip=0, limit=1
    ) == (0, ())


_people = st.frozensets(st.sampled_from("abcdef"))


@given(_people, st.lists(st.builds(Change, st.sampled_from(Way), _people), max_size=8))
def test_changes_one_by_one_or_together_come_to_the_same(
    members: frozenset[str], changes: list[Change]
) -> None:
    one_by_one = members
    for change in changes:
        one_by_one = after(one_by_one, [change])
        assert after(one_by_one, [change]) == one_by_one, "said twice, it is done once"
    assert after(members, changes) == one_by_one


def test_rules_name_the_directorys_groups_or_take_the_own_name() -> None:
    found = rules_of_groups.brought(
        ("staff", "lab", "guards"), {"lab": ("Chemists", "Physicists"), "guards": ()}
    )
    assert found == {"staff": ("staff",), "chemists": ("lab",), "physicists": ("lab",)}
    assert folded(" É") == folded("e\u0301")
    with pytest.raises(ValueError, match="not defined"):
        RuleBook(groups=("staff",), directory={"lab": ("x",)})
