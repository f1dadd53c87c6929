"""The muster names the credentials that the roster lists, and leaves the others as hashes."""

from typing import Any

import pytest

from doorward.decision import Rules
from doorward.ids import CredentialId
from doorward.presence_message import token_of
from doorward_edge.presence.muster import call_roll
from tests.kit.plant import ALICE, BOB, GATEWAY, NOON, SITE, status_list
from tests.kit.two_gateways import SOUTH, after, book, seen, site

STRANGER = CredentialId(b"stranger")


def rules() -> Rules:
    return Rules(policy=site(), status=status_list(issued_at=NOON))


def roll(*, known: Rules | None, is_running: bool = True, is_complete: bool = True) -> Any:
    one = book(is_complete=is_complete)
    for seq, who in enumerate((ALICE, STRANGER), 1):
        one.take(seen(seq=seq, who=who, enters="site"), after(1))
    one.note_link(is_connected=True, now=after(1))
    one.take(seen(seq=9, who=BOB, leaves=("site",)), after(2))
    called = call_roll(
        one.muster(after(3)),
        known,
        site=SITE,
        gateway=GATEWAY,
        now=after(3),
        is_running=is_running,
    ).to_json()
    return {zone["zone"]: zone for zone in called["zones"]}["site"]


def test_the_roster_knows_all_its_credentials() -> None:
    assert sorted(site().roster.ids()) == sorted((ALICE, BOB))


def test_who_is_listed_is_named_and_who_is_not_is_a_hash() -> None:
    zone = roll(known=rules())
    people = {one["token"]: one["credential"] for one in zone["people"]}
    assert people == {
        token_of(SITE, ALICE).hex(): ALICE.hex(),
        token_of(SITE, STRANGER).hex(): None,
    }
    assert {one["seen_by"] for one in zone["people"]} == {SOUTH}


def test_without_rules_there_are_hashes_alone() -> None:
    assert [one["credential"] for one in roll(known=None)["people"]] == [None, None]


@pytest.mark.parametrize(
    ("is_running", "is_complete", "certain"),
    [(True, True, True), (False, True, False), (True, False, False)],
)
def test_only_a_running_gateway_that_lost_nothing_is_certain(
    is_running: bool, is_complete: bool, certain: bool
) -> None:
    zone = roll(known=rules(), is_running=is_running, is_complete=is_complete)
    assert zone["is_certain"] is certain
