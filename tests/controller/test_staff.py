"""Guards and technicians: PINs shown once, a list that is signed, published and never back."""

from typing import Any

import pytest
from argon2 import PasswordHasher

from doorward.envelope import Kind, parse_envelope, verify_with_key
from doorward.staff import Ability, StaffList
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from doorward_controller.queries import audit_trail
from doorward_controller.queries import staff as shown
from doorward_controller.services import policy_release, staff
from doorward_controller.services.backend import Backend
from tests.controller.conftest import ADMIN, AUDITOR, ISSUER, SECURITY, enrol
from tests.controller.test_api import bearer, calling
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import AT_UTC_MS

YEAR_S = 365 * 86_400
END = AT_UTC_MS // 1000 + YEAR_S


def add(backend: Backend, member_id: str = "g-07", **changes: Any) -> staff.NewPin:
    plain: dict[str, Any] = {
        "member_id": member_id,
        "abilities": Ability.REGISTER,
        "not_after": END,
    }
    return staff.add_member(backend, SECURITY, **(plain | changes))


def published(backend: Backend, link: FakeLink) -> StaffList:
    """Returns the list that the broker keeps, its signature checked."""
    envelope = parse_envelope(link.retained["dw/1/main/policy/staff"])
    verify_with_key(envelope, backend.keys.policy.public)
    assert envelope.kind is Kind.STAFF
    return StaffList.from_body(envelope.body)


def test_a_pin_is_shown_once_and_only_its_hash_travels(backend: Backend, link: FakeLink) -> None:
    made = add(backend, abilities=Ability.REGISTER | Ability.OVERRIDE)
    listed = published(backend, link)
    (member,) = listed.members
    assert (listed.version, member.id, member.abilities) == (made.version, "g-07", Ability(3))
    assert made.pin.isdigit()
    assert len(made.pin) == 10
    assert PasswordHasher().verify(member.pin_hash, made.pin)
    assert made.pin not in str(audit_trail.page(backend.store))


def test_a_new_pin_ends_the_old_one(backend: Backend, link: FakeLink) -> None:
    first = add(backend)
    second = staff.new_pin(backend, SECURITY, "g-07")
    assert second.version > first.version
    assert second.pin != first.pin
    assert PasswordHasher().verify(published(backend, link).members[0].pin_hash, second.pin)


def test_who_is_removed_is_off_the_list_and_the_number_is_never_given_out_again(
    backend: Backend, link: FakeLink
) -> None:
    add(backend, "g-07")
    add(backend, "t-1", abilities=Ability.SERVICE)
    staff.remove_member(backend, SECURITY, "g-07")
    assert [m.id for m in published(backend, link).members] == ["t-1"]
    with pytest.raises(ConflictError, match="not given out again"):
        add(backend, "g-07")
    with pytest.raises(NotFoundError):
        staff.new_pin(backend, SECURITY, "g-07")
    _, rows = shown.newest(backend.store, "main")
    assert [row.id for row in rows] == ["t-1"]


@pytest.mark.parametrize("actor", [ADMIN, ISSUER, AUDITOR])
def test_only_security_manages_guards(backend: Backend, actor: Actor) -> None:
    with pytest.raises(ForbiddenError):
        staff.add_member(
            backend,
            actor,
            member_id="g-07",
            abilities=Ability.REGISTER,
            not_after=END,
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"member_id": "Grace Hopper"},
        {"member_id": ""},
        {"abilities": Ability(0)},
        {"not_after": 5},
        {"not_after": 2**50},
    ],
)
def test_an_entry_that_no_gateway_would_take_is_refused(
    backend: Backend, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidError):
        add(backend, **changes)


def test_the_list_is_published_again_when_the_broker_forgot_it(
    backend: Backend, link: FakeLink
) -> None:
    add(backend)
    before = published(backend, link)
    link.retained.clear()
    policy_release.publish_current(backend)
    assert published(backend, link) == before


def test_members_stand_in_the_order_that_a_list_wants(backend: Backend, link: FakeLink) -> None:
    for member_id in ("g-7", "g10", "g-10", "a", "g1"):
        add(backend, member_id)
    ids = [m.id for m in published(backend, link).members]
    assert ids == sorted(ids)


def test_every_change_is_audited_without_the_pin(backend: Backend, link: FakeLink) -> None:
    made = add(backend)
    staff.new_pin(backend, SECURITY, "g-07")
    staff.remove_member(backend, SECURITY, "g-07")
    said = str(audit_trail.page(backend.store))
    for act in ("add_staff", "new_staff_pin", "remove_staff"):
        assert act in said
    assert made.pin not in said


def test_the_interface_gives_a_pin_once_and_lists_no_hashes(sqlite_backend: Backend) -> None:
    enrol(sqlite_backend, "gate-1", "north")
    with calling(sqlite_backend) as client:
        security, issuer = bearer(client, Role.SECURITY), bearer(client, Role.ISSUER)
        body = {"id": "g-07", "abilities": ["register", "override"], "not_after": END}
        assert client.post("/api/v1/staff", json=body, headers=issuer).status_code == 403
        made = client.post("/api/v1/staff", json=body, headers=security)
        assert (made.status_code, len(made.json()["pin"])) == (201, 10)
        again = client.post("/api/v1/staff/g-07/pin", headers=security).json()
        assert again["version"] == made.json()["version"] + 1
        listed = client.get("/api/v1/staff", headers=security)
        (held,) = listed.json()["gateways"]
        assert (held["gateway"], held["holding"], held["version"]) == ("gate-1", "untold", None)
        assert listed.json()["members"][0]["abilities"] == ["register", "override"]
        assert "argon2" not in listed.text
        unknown = body | {"id": "g-08", "abilities": ["register", "fly"]}
        assert client.post("/api/v1/staff", json=unknown, headers=security).status_code == 422
        assert client.delete("/api/v1/staff/g-07", headers=security).status_code == 204
        assert client.get("/api/v1/staff", headers=issuer).status_code == 403


def test_what_somebody_may_do_changes_and_the_pin_stays(backend: Backend, link: FakeLink) -> None:
    made = add(backend)
    version = staff.change_member(
        backend, SECURITY, "g-07", abilities=Ability.SERVICE, not_after=END - 60
    )
    listed = published(backend, link)
    (member,) = listed.members
    assert (listed.version, member.abilities, member.not_after) == (
        version,
        Ability.SERVICE,
        END - 60,
    )
    assert PasswordHasher().verify(member.pin_hash, made.pin)
    with pytest.raises(InvalidError):
        staff.change_member(backend, SECURITY, "g-07", abilities=Ability(0), not_after=END)
    with pytest.raises(NotFoundError):
        staff.change_member(backend, SECURITY, "g-08", abilities=Ability.SERVICE, not_after=END)
    with pytest.raises(ForbiddenError):
        staff.change_member(backend, ADMIN, "g-07", abilities=Ability.SERVICE, not_after=END)
    assert published(backend, link).version == version


def test_the_interface_changes_an_entry(sqlite_backend: Backend) -> None:
    add(sqlite_backend)
    with calling(sqlite_backend) as client:
        body = {"abilities": ["override"], "not_after": END - 60}
        answer = client.patch(
            "/api/v1/staff/g-07",
            json=body,
            headers=bearer(client, Role.SECURITY) | {"If-Match": "*"},
        )
    assert answer.status_code == 200, answer.text
    assert answer.json()["members"][0]["abilities"] == ["override"]
