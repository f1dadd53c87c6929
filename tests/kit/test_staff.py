"""The staff list: read as written, refused when malformed, never back, nobody past his time."""

from dataclasses import replace
from typing import Any

import pytest

from doorward.envelope import Kind, parse_envelope, verify_with_key
from doorward.errors import MalformedError, RollbackError, WrongRecipientError
from doorward.ids import SiteId
from doorward.keys import PURPOSE_OF_KIND, Purpose
from doorward.staff import MAX_STAFF_BYTES, Ability, StaffList, accept_staff
from tests.kit.test_vectors import load


@pytest.fixture(scope="module")
def vector() -> dict[str, Any]:
    loaded: dict[str, Any] = load("staff")
    return loaded


@pytest.fixture
def staff(vector: dict[str, Any]) -> StaffList:
    return StaffList.from_body(bytes.fromhex(vector["body"]))


def test_the_list_of_the_vectors_reads_and_writes_byte_for_byte(
    vector: dict[str, Any], staff: StaffList
) -> None:
    assert staff.to_body().hex() == vector["body"]
    shown = [[m.id, int(m.abilities), m.pin_hash, m.not_after] for m in staff.members]
    assert shown == vector["members"]


def test_the_envelope_of_the_vectors_verifies_as_a_staff_list(vector: dict[str, Any]) -> None:
    envelope = parse_envelope(bytes.fromhex(vector["envelope"]))
    verify_with_key(envelope, bytes.fromhex(vector["signer_public"]))
    assert (envelope.kind, bytes(envelope.body).hex()) == (Kind.STAFF, vector["body"])
    assert PURPOSE_OF_KIND[Kind.STAFF] is Purpose.POLICY


@pytest.mark.parametrize("entry", load("staff")["malformed"], ids=lambda entry: entry["why"])
def test_what_is_no_staff_list_is_refused(entry: dict[str, str]) -> None:
    with pytest.raises(MalformedError, match="staff list"):
        StaffList.from_body(bytes.fromhex(entry["body"]))


def test_a_list_that_is_too_long_is_not_even_parsed() -> None:
    with pytest.raises(MalformedError, match="at most 131072"):
        StaffList.from_body(bytes(MAX_STAFF_BYTES + 1))


@pytest.mark.parametrize(("held", "is_taken"), [(0, True), (2, True), (3, False), (4, False)])
def test_a_list_never_goes_back(staff: StaffList, held: int, is_taken: bool) -> None:
    if is_taken:
        assert accept_staff(held, staff, staff.site) is staff
    else:
        with pytest.raises(RollbackError, match=f"version 3, already at {held}"):
            accept_staff(held, staff, staff.site)


def test_a_list_of_another_site_is_refused(staff: StaffList) -> None:
    with pytest.raises(WrongRecipientError):
        accept_staff(0, staff, SiteId("plant-8"))


def test_who_is_not_on_the_list_is_not_found(staff: StaffList) -> None:
    assert staff.find("g-09") is None
    found = staff.find("t-1")
    assert found is not None
    assert found.abilities is Ability.SERVICE


def test_an_ability_counts_for_who_has_it_and_until_the_entry_ends(staff: StaffList) -> None:
    guard = staff.members[0]
    last = guard.not_after - 1
    assert guard.may(Ability.REGISTER, last)
    assert not guard.may(Ability.REGISTER, guard.not_after)
    assert guard.may(Ability.REGISTER, None)
    assert not guard.may(Ability.OVERRIDE, last)
    both = replace(guard, abilities=Ability.REGISTER | Ability.SERVICE)
    assert both.may(Ability.SERVICE, last)
