"""The parts of the book: bounded memory, repeated messages, the muster, snapshots that are none."""

from itertools import product
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.errors import MalformedError, WrongRecipientError
from doorward.ids import CredentialId, Epoch, GatewayId, PortalId, SiteId
from doorward.policy import MAX_ENTRIES, Direction
from doorward.presence import PresenceBook
from doorward.presence_doors import MOST_WAITING, Doors
from doorward.presence_message import Sign, token_of
from doorward.presence_muster import names_of
from doorward.presence_outbox import MOST_UNSENT
from doorward.presence_places import (
    EVERYBODY,
    EVERYWHERE,
    MOST_ZONES_OF_ONE,
    Places,
    Source,
)
from doorward.presence_port import Entries, Stay
from doorward.presence_senders import MOST_EPOCHS, WIDTH, Senders
from doorward.presence_uses import (
    MOST_WORDS,
    REMEMBER_SLOT_MS,
    Use,
    UsedSlots,
    Uses,
    with_entry,
    with_use,
)
from doorward.reasons import Reason
from tests.kit.plant import ALICE, BOB, GATE, GATEWAY, NOON, SITE
from tests.kit.remembering import companion
from tests.kit.two_gateways import SOUTH, WAY_OUT, Pair, after, book, seen


def source(at: int, seq: int = 1, gateway: str = "g", epoch: int = 1) -> Source:
    return Source(at=at, gateway=gateway, epoch=epoch, seq=seq)


def person_of(number: int) -> bytes:
    return number.to_bytes(16)


# ---- places


def test_of_too_many_people_the_longest_unseen_is_forgotten() -> None:
    places = Places(most_people=3)
    for number in range(3):
        assert places.note(person_of(number), "site", source(number), is_inside=True) == 0
    places.note(person_of(0), "site", source(9, 9), is_inside=True)
    assert places.note(person_of(3), "site", source(3), is_inside=True) == 1
    assert [places.stay(person_of(n), "site", 0) is None for n in range(4)] == [
        False,
        True,
        False,
        False,
    ]
    assert places.occupancy("site") == 3


def test_of_too_many_zones_of_one_person_the_oldest_is_forgotten() -> None:
    places = Places()
    for number in range(MOST_ZONES_OF_ONE + 1):
        places.note(person_of(1), f"z{number}", source(number, number), is_inside=True)
    assert places.stay(person_of(1), "z0", 0) is None
    assert places.occupancy("z0") == 0
    assert places.stay(person_of(1), f"z{MOST_ZONES_OF_ONE}", 0) is not None


def test_book_that_gave_somebody_up_is_not_complete() -> None:
    one = book()
    one._seen.places._most_people = 1  # 100,000 would take a while
    one.take(seen(seq=1, enters="site"), after(0))
    assert one.is_complete(after(0))
    one.take(seen(seq=2, who=BOB, enters="site"), after(0))
    assert not one.is_complete(after(36 * 3600 - 1))
    assert one.is_complete(after(36 * 3600))


def test_late_news_fill_in_times_and_change_no_place() -> None:
    places = Places()
    places.note(person_of(1), "site", source(50), is_inside=True)
    places.note(person_of(1), "site", source(40, gateway="h"), is_inside=False)
    places.note(person_of(1), "site", source(30, gateway="h"), is_inside=True)
    assert places.stay(person_of(1), "site", 0) == Stay(is_inside=True, entered_at=50, left_at=40)
    places.forgive(person_of(1), "site", source(45, 9, "h"))
    assert places.stay(person_of(1), "site", 0) == Stay(is_inside=True, entered_at=50, left_at=None)
    places.note(person_of(1), "site", source(41, gateway="h"), is_inside=False)
    assert places.stay(person_of(1), "site", 0) == Stay(is_inside=True, entered_at=50, left_at=None)


FORGIVEN = Stay(is_inside=None, entered_at=None, left_at=None)
WHOM: dict[str, tuple[bytes, str]] = {
    "a person at a zone": (person_of(1), "site"),
    "a person everywhere": (person_of(1), EVERYWHERE),
    "everybody at a zone": (EVERYBODY, "site"),
}


@pytest.mark.parametrize("whom", WHOM)
def test_forgiven_are_those_who_are_meant_and_nobody_is_placed_by_older_news(whom: str) -> None:
    who, where = WHOM[whom]
    places = Places()
    for number, zone in product((1, 2), ("site", "lab")):
        places.note(person_of(number), zone, source(10 + number), is_inside=True)
    places.forgive(who, where, source(20, gateway="h"))
    meant = {
        (number, zone)
        for number, zone in product((1, 2), ("site", "lab"))
        if who in {EVERYBODY, person_of(number)} and where in {EVERYWHERE, zone}
    }
    for number, zone in product((1, 2), ("site", "lab")):
        places.note(person_of(number), zone, source(19, 5, "late"), is_inside=True)
        is_forgiven = places.stay(person_of(number), zone, 0) == FORGIVEN
        assert is_forgiven == ((number, zone) in meant)
    assert places.occupancy("site") == 2 - sum(zone == "site" for _, zone in meant)
    places.note(person_of(1), "site", source(21, 6, "late"), is_inside=True)
    assert places.stay(person_of(1), "site", 0) == Stay(is_inside=True, entered_at=21, left_at=None)


def test_who_was_never_seen_is_forgiven_for_as_long_as_anybody_is_remembered() -> None:
    places = Places(most_forgiven=2)
    places.forgive(person_of(1), "site", source(10))
    assert places.stay(person_of(1), "site", 10) == FORGIVEN
    assert places.stay(person_of(1), "site", 11) is None
    places.forgive(person_of(1), "site", source(9, gateway="h"))
    assert places.stay(person_of(1), "site", 10) == FORGIVEN, "the later one counts"
    places.forget(11)
    assert list(places.forgiven()) == []
    for number in range(3):
        places.forgive(person_of(number), "site", source(20, number))
    assert [places.stay(person_of(n), "site", 0) for n in range(3)] == [None, FORGIVEN, FORGIVEN]


# ---- uses


def test_slots_are_forgotten_when_no_clock_could_accept_them() -> None:
    slots = UsedSlots()
    slots.note(person_of(1), 7, 0)
    slots.note(person_of(2), 7, REMEMBER_SLOT_MS)
    assert (person_of(1), 7) in slots
    slots.note(person_of(3), 7, REMEMBER_SLOT_MS + 1)
    assert (person_of(1), 7) not in slots
    slots.note(person_of(2), 7, 2 * REMEMBER_SLOT_MS)
    slots.note(person_of(4), 7, 3 * REMEMBER_SLOT_MS)
    assert (person_of(2), 7) in slots, "noted again, it is remembered anew"


def test_of_too_many_uses_those_over_soonest_go_and_it_says_so() -> None:
    uses: Uses[int, str] = Uses(most=20)
    for number in range(20):
        uses.put(number, "x", 100 + number)
    assert uses.is_sure(None)
    uses.put(7, "y", 5)
    assert (uses.get(7), uses.held[7][1]) == ("y", 107)
    uses.put(99, "x", 500)
    assert [uses.get(number) for number in (0, 1, 2)] == [None, None, "x"]
    assert not uses.is_sure(None)
    assert not uses.is_sure(100)
    assert uses.is_sure(101)


def test_of_very_many_gateways_words_those_that_let_in_are_kept() -> None:
    words: tuple[Use, ...] = ()
    for number in range(MOST_WORDS + 5):
        words = with_use(words, Use(SOUTH, Epoch(number), 1, number % 5 == 4))
    assert len(words) == MOST_WORDS
    assert sum(one.is_used for one in words) == len(range(4, MOST_WORDS + 5, 5))


def test_of_very_many_entries_the_number_stays() -> None:
    entries = None
    for number in range(MAX_ENTRIES + 5):
        entries = with_entry(entries, 1000 - number)
    assert entries == Entries(at=tuple(range(1000 - MAX_ENTRIES + 1, 1001)), earlier=5)


# ---- senders


@given(st.lists(st.integers(1, 3000), max_size=200))
def test_number_counts_once_and_what_is_far_behind_never(numbers: list[int]) -> None:
    senders, taken = Senders(), set[int]()
    for number in numbers:
        is_near = number > max(taken, default=0) - WIDTH
        expected = is_near and number not in taken
        assert senders.is_new(SOUTH, Epoch(1), number) is expected
        if expected:
            taken.add(number)


def test_number_far_ahead_costs_no_memory() -> None:
    senders = Senders()
    assert senders.is_new(SOUTH, Epoch(1), 5)
    assert senders.is_new(SOUTH, Epoch(1), 2**53 - 1)
    assert not senders.is_new(SOUTH, Epoch(1), 2**53 - 1)
    assert not senders.is_new(SOUTH, Epoch(1), 5)
    assert senders.is_new(SOUTH, Epoch(1), 2**53 - 2)


def test_epochs_are_told_apart_and_the_longest_silent_forgotten() -> None:
    senders = Senders()
    for epoch in range(MOST_EPOCHS + 1):
        assert senders.is_new(SOUTH, Epoch(epoch), 1)
    assert not senders.is_new(SOUTH, Epoch(1), 1)
    assert senders.is_new(SOUTH, Epoch(0), 1)


# ---- doors, outbox


def test_before_a_door_stand_so_many_and_not_more() -> None:
    doors = Doors()
    for number in range(MOST_WAITING + 1):
        who = CredentialId(number.to_bytes(8))
        doors.note_there(GATE, companion(Reason.ESCORT_NEEDED, who=who))
    there = doors.there(GATE)
    assert len(there) == MOST_WAITING
    assert there[0].bearer.holder_id == CredentialId((1).to_bytes(8))
    assert doors.there(PortalId("nowhere")) == ()


def test_of_too_much_to_tell_the_oldest_goes() -> None:
    one = book()
    for number in range(MOST_UNSENT + 1):
        one.forgive(CredentialId(number.to_bytes(8)), after(0), "site")
    unsent = one.unsent()
    assert (len(unsent), unsent[0].seq) == (MOST_UNSENT, 2)


# ---- the muster


def test_muster_names_who_is_inside_zone_by_zone_and_is_certain() -> None:
    pair = Pair()
    pair.connect(after(0))
    pair.go(GATE, BOB, after(5))
    pair.go(GATE, ALICE, after(3))
    pair.exchange(after(6))
    site, lab = pair.south.muster(after(7))
    assert (site.zone, lab.zone) == ("site", "lab")
    assert [(one.holder, one.since, one.seen_by) for one in site.people] == [
        (token_of(SITE, ALICE), NOON + 3, GATEWAY),
        (token_of(SITE, BOB), NOON + 5, GATEWAY),
    ]
    assert (site.is_certain, site.unheard, site.as_of) == (True, (), NOON + 7)
    assert lab.people == ()
    pair.go(WAY_OUT, ALICE, after(8))
    (site, _) = pair.south.muster(after(9))
    assert len(site.people) == 1


def test_muster_says_since_when_it_is_only_what_was_last_known() -> None:
    pair = Pair()
    pair.connect(after(0))
    pair.go(GATE, ALICE, after(10))
    pair.exchange(after(10))
    pair.south.note_link(is_connected=False, now=after(100))
    site = pair.south.muster(after(700))[0]
    assert (site.is_certain, site.unheard, site.as_of) == (False, (GATEWAY,), NOON + 10)
    assert len(site.people) == 1
    lab = pair.south.muster(after(700))[1]
    assert lab.is_certain, "nobody else watches it"
    alone = book(SOUTH, 3).muster(after(0))[0]
    assert (alone.is_certain, alone.as_of) == (False, None)


def test_muster_is_not_certain_where_memory_was_lost() -> None:
    assert not book(is_complete=False).muster(after(0))[1].is_certain


def test_muster_shows_zones_that_the_policy_no_longer_has() -> None:
    one = book()
    one.take(seen(enters="old-hall"), after(0))
    found = {zone.zone: zone for zone in one.muster(after(0))}
    assert len(found["old-hall"].people) == 1
    assert found["old-hall"].is_certain


def test_tokens_lead_back_to_the_credentials_that_are_known() -> None:
    tokens = [token_of(SITE, ALICE), bytes(16)]
    assert names_of(tokens, SITE, [BOB, ALICE]) == {token_of(SITE, ALICE): ALICE}
    assert token_of(SiteId("elsewhere"), ALICE) != token_of(SITE, ALICE)


# ---- snapshots


def snapshot() -> list[Any]:
    pair = Pair()
    pair.go(GATE, ALICE, after(0))
    pair.north.take(seen(Sign.GRANTED, way=Direction.ENTRY, once_until=NOON + 9, slot=3), after(0))
    pair.north.take(seen(Sign.PASSED, 2, enters="lab", counts_until=NOON + 9), after(0))
    pair.north.forgive(BOB, after(1))
    pair.north.forgive_all("lab", after(1))
    whole: list[Any] = cbor2.loads(pair.north.to_wire())
    return whole


def restored(rows: object) -> PresenceBook:
    return PresenceBook.from_wire(
        cbor2.dumps(rows), site=SITE, gateway=GATEWAY, epoch=Epoch(9), now=after(0)
    )


def changed(place: int, row: int, field: int, value: object) -> list[Any]:
    rows = snapshot()
    rows[place][row][field] = value
    return rows


def test_snapshot_keeps_everything_but_the_moment() -> None:
    again = restored(snapshot())
    assert cbor2.loads(again.to_wire()) == snapshot()
    assert again.is_slot_used(ALICE, 3)
    assert again.is_used_up(ALICE, Direction.ENTRY, after(0)) is True
    assert again.occupancy("site", after(0)) == 1
    assert again.last_grant_at(GATE, after(0)) == NOON
    assert again.stay(BOB, "site", after(0)) == again.stay(ALICE, "lab", after(0)) == FORGIVEN
    assert len(again.unsent()) == 4


def test_snapshot_of_before_marks_were_kept_apart_is_read() -> None:
    rows = snapshot()
    rows[3] = [[token_of(SITE, ALICE), "site", None, None, None, NOON, GATEWAY, 1, 5]]
    assert restored(rows).stay(ALICE, "site", after(0)) == FORGIVEN


WRONG: dict[str, Any] = {
    "a number": 5,
    "nothing": [],
    "another format": [2, *snapshot()[1:]],
    "a section less": snapshot()[:-1],
    "numbers that are too few": [1, SITE, [0], *snapshot()[3:]],
    "a number that is a text": [1, SITE, ["0", None, None, 0, 0], *snapshot()[3:]],
    "sections that are numbers": [1, SITE, snapshot()[2], *range(7)],
    "a holder of 15 bytes": changed(3, -1, 0, bytes(15)),
    "a zone that is a number": changed(3, -1, 1, 5),
    "inside that is a number": changed(3, -1, 2, 1),
    "somebody forgiven of 15 bytes": changed(3, 0, 0, bytes(15)),
    "somebody forgiven by nothing": changed(3, 0, 5, None),
    "a place with too little": [1, SITE, snapshot()[2], [[bytes(16)]], *snapshot()[4:]],
    "a way that is none": changed(5, 0, 1, "up"),
    "a user of too little": changed(5, 0, 2, [["gw"]]),
    "a use that is a number": changed(5, 0, 2, [["gw", 1, 1, 1]]),
    "entries that are a text": changed(6, 0, 2, "now"),
    "a portal in capitals": changed(7, 0, 0, "GATE"),
    "a window of 5 bytes": changed(8, 0, 3, bytes(5)),
    "a message that is none": [*snapshot()[:9], [b"x"]],
}


@pytest.mark.parametrize("name", WRONG)
def test_snapshot_is_malformed_with(name: str) -> None:
    with pytest.raises(MalformedError):
        restored(WRONG[name])


def test_snapshot_of_another_site_is_refused() -> None:
    rows = snapshot()
    rows[1] = "elsewhere"
    with pytest.raises(WrongRecipientError, match="of site elsewhere"):
        restored(rows)


@given(st.binary(max_size=100))
def test_any_bytes_are_no_snapshot(wire: bytes) -> None:
    with pytest.raises(MalformedError):
        PresenceBook.from_wire(wire, site=SITE, gateway=GATEWAY, epoch=Epoch(1), now=after(0))


def test_gateway_is_named_as_it_is() -> None:
    assert book(GatewayId("gw-x")).gateway == "gw-x"
    assert WAY_OUT != GATE
