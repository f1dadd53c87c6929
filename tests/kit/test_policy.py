"""The bundle: what a draft says is what a gateway reads, and nothing else is taken."""

import dataclasses
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import canonical
from doorward.credential import CredentialClass
from doorward.errors import MalformedError, RollbackError, WrongRecipientError
from doorward.ids import MAX_SEQ, CredentialId, PortalId, SiteId
from doorward.policy import (
    MAX_HEADER_BYTES,
    Foreign,
    GrantRule,
    InDoubt,
    Policy,
    PortalRule,
    Posture,
    Unlisted,
    accept_policy,
)
from doorward.policy_draft import GrantDraft, PolicyDraft, PortalDraft, build_body
from doorward.roster import MAX_PROFILE_BYTES, Profile, StickerRow
from doorward.schedule import DayType, Schedule
from doorward.sticker import sticker_digest
from tests.kit.plant import (
    ALICE,
    BERLIN,
    BOB,
    GATE,
    GATEWAY,
    LAB_DOOR,
    NIGHT,
    NOON,
    OFFICE,
    OPEN,
    SITE,
    draft,
    person,
    policy,
)

LABELS = [(sticker_digest(bytes([n] * 10)), StickerRow(BOB, n)) for n in range(5)]


def split(body: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(body[:4])
    return canonical.decode(body[4 : 4 + length]), body[4 + length :]


def join(header: object, tables: bytes) -> bytes:
    raw = canonical.encode(header)
    return len(raw).to_bytes(4) + raw + tables


# ---- what a draft says is what is read


def test_everything_in_a_draft_is_read_back() -> None:
    found = policy(
        keyrings=(b"one", b"two"),
        people=(
            person(BOB, groups=("chemists", "staff"), qualifications=(("laser", 9), ("fire", 8))),
            person(ALICE, not_before=5, not_after=6),
        ),
        stickers=iter(LABELS),
        portals={
            GATE: PortalDraft(
                zone="lab",
                gateway=GATEWAY,
                pulse_ms=500,
                posture=Posture.FREE,
                unlisted=Unlisted.DENY,
                clock_untrusted=InDoubt.ALLOW,
                max_age_s=60,
                stale=InDoubt.ALLOW,
                foreign=Foreign.ALLOW,
            )
        },
        foreign_salt=bytes(range(16)),
    )
    assert (found.site, found.version, found.created_at) == (SITE, 42, NOON)
    assert found.keyrings == (b"one", b"two")
    assert found.time == BERLIN
    assert found.schedules == (OPEN, OFFICE, NIGHT)
    assert (found.zones, found.groups) == (("site", "lab"), ("staff", "visitors", "chemists"))
    assert found.qualifications == ("fire", "laser")
    assert found.grants == {
        (0, 0): (GrantRule(group=0, zone=0, schedule=0),),
        (1, 0): (GrantRule(group=1, zone=0, schedule=1),),
        (2, 1): (GrantRule(group=2, zone=1, schedule=0, qualifications=(1,)),),
    }
    assert found.classes == {CredentialClass.VISITOR: (1,)}
    assert found.portals == {
        GATE: PortalRule(
            zone=1,
            gateway=GATEWAY,
            pulse_ms=500,
            posture=Posture.FREE,
            unlisted=Unlisted.DENY,
            clock_untrusted=InDoubt.ALLOW,
            max_age_s=60,
            stale=InDoubt.ALLOW,
            foreign=Foreign.ALLOW,
        )
    }
    assert found.foreign_salt == bytes(range(16))
    assert len(found.roster) == 2
    assert found.roster.find(ALICE) == Profile(
        not_before=5, not_after=6, groups=(0,), qualifications=()
    )
    assert found.roster.find(BOB) == Profile(
        not_before=0, not_after=2**40, groups=(0, 2), qualifications=((0, 8), (1, 9))
    )
    for digest, row in LABELS:
        assert found.roster.find_sticker(digest) == row
    assert found.roster.find_sticker(bytes(16)) is None
    assert found.roster.find_sticker(b"\xff" * 16) is None


def test_several_grants_of_a_group_in_a_zone_keep_their_order() -> None:
    lines = [GrantDraft(group="staff", zone="site", schedule=s) for s in ("night", "office")]
    found = policy(grants=tuple(lines))
    assert [grant.schedule for grant in found.grants[0, 0]] == [2, 1]


def test_names_of_every_legal_length_can_be_used() -> None:
    for length in (1, 23, 24, 32):
        name = PortalId("p" * length)
        found = policy(portals={name: PortalDraft(zone="site", gateway=GATEWAY)})
        assert list(found.portals) == [name]


def test_empty_roster_finds_nobody() -> None:
    roster = policy(people=(), stickers=()).roster
    assert len(roster) == 0
    assert roster.find(ALICE) is None
    assert roster.find_sticker(bytes(16)) is None


@given(st.sets(st.binary(min_size=8, max_size=8), max_size=40), st.binary(min_size=8, max_size=8))
def test_roster_finds_exactly_those_who_are_in_it(ids: set[bytes], other: bytes) -> None:
    people = [person(CredentialId(one), not_before=one[0], not_after=300) for one in ids]
    roster = policy(people=people).roster
    for one in ids:
        found = roster.find(CredentialId(one))
        assert found is not None
        assert found.not_before == one[0]
    assert (roster.find(CredentialId(other)) is not None) == (other in ids)


@given(st.dictionaries(st.binary(min_size=16, max_size=16), st.integers(0, 2**32 - 1), max_size=40))
def test_stickers_lead_where_they_should(table: dict[bytes, int]) -> None:
    rows = {digest: StickerRow(CredentialId(digest[8:]), index) for digest, index in table.items()}
    roster = policy(stickers=rows.items()).roster
    for digest, row in rows.items():
        assert roster.find_sticker(digest) == row
        missing = digest[:15] + bytes([digest[15] ^ 1])
        assert roster.find_sticker(missing) == rows.get(missing)


def test_same_draft_gives_the_same_bytes_in_whatever_order_people_come() -> None:
    people = [person(CredentialId(bytes([0] * 7 + [n]))) for n in range(50)]
    body = build_body(draft(people=people, stickers=LABELS))
    assert build_body(draft(people=people[::-1], stickers=LABELS[::-1])) == body
    doubled = [dataclasses.replace(one, groups=("staff", "staff")) for one in people]
    assert build_body(draft(people=doubled, stickers=LABELS)) == body


def test_groups_ascend_however_they_were_written() -> None:
    groups = tuple(f"g{n}" for n in range(40))
    drafted = {"groups": groups, "grants": (), "classes": {}}
    found = policy(people=[person(groups=("g32", "g1", "g8"))], **drafted).roster.find(ALICE)
    assert found is not None
    assert found.groups == (1, 8, 32)


def test_people_who_share_a_profile_share_its_bytes() -> None:
    few = build_body(draft(people=[person(CredentialId(bytes(7) + b"\1"))]))
    many = build_body(draft(people=[person(CredentialId(struct.pack(">Q", n))) for n in range(99)]))
    assert len(many) - len(few) <= 98 * 12 + 4


def test_more_distinct_rights_than_are_kept_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doorward.policy_draft._RIGHTS_AT_HAND", 3)
    people = [
        person(CredentialId(struct.pack(">Q", n)), qualifications=(("fire", n % 7),))
        for n in range(50)
    ]
    roster = policy(people=people).roster
    for one in people:
        found = roster.find(one.credential_id)
        assert found is not None
        assert found.qualifications == ((0, one.qualifications[0][1]),)


# ---- a draft that cannot be built


BAD_DRAFTS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown zone": (
        {"grants": (GrantDraft(group="staff", zone="roof", schedule="always"),)},
        "zone 'roof' is not defined",
    ),
    "unknown group": ({"people": [person(groups=("nobody",))]}, "group 'nobody'"),
    "unknown qualification": (
        {"people": [person(qualifications=(("welding", 5),))]},
        "qualification 'welding'",
    ),
    "unknown schedule": (
        {"grants": (GrantDraft(group="staff", zone="site", schedule="never"),)},
        "schedule 'never'",
    ),
    "unknown group of a class": ({"classes": {CredentialClass.THING: ("x",)}}, "group 'x'"),
    "credential twice": ({"people": [person(), person(groups=())]}, "00000000000000a1 is listed"),
    "sticker twice": ({"stickers": [LABELS[0], LABELS[0]]}, "sticker .* is listed twice"),
    "credential id of 7 bytes": ({"people": [person(CredentialId(bytes(7)))]}, "must be 8 bytes"),
    "digest of 15 bytes": ({"stickers": [(bytes(15), StickerRow(ALICE, 1))]}, "wrong length"),
    "sticker to 9 bytes": (
        {"stickers": [(bytes(16), StickerRow(CredentialId(bytes(9)), 1))]},
        "wrong length",
    ),
    "status index of 33 bits": (
        {"stickers": [(bytes(16), StickerRow(ALICE, 2**32))]},
        "status index 4294967296",
    ),
    "empty span of validity": ({"people": [person(not_before=5, not_after=5)]}, "from 5 to 5"),
    "training twice": (
        {"people": [person(qualifications=(("fire", 5), ("fire", 9)))]},
        "each once",
    ),
    "profile past its bound": (
        {
            "groups": tuple(f"g{n}" for n in range(3000)),
            "grants": (),
            "classes": {},
            "people": [person(groups=tuple(f"g{n}" for n in range(3000)))],
        },
        f"at most {MAX_PROFILE_BYTES}",
    ),
    "zone twice": ({"zones": ("site", "lab", "site")}, "stands twice"),
    "schedule twice": ({"schedules": (OPEN, OFFICE, NIGHT, OPEN)}, "stands twice"),
    "zone in capitals": ({"zones": ("Site", "site", "lab")}, "zones is 'Site'"),
    "version 0": ({"version": 0}, "version is 0"),
    "time before 1970": ({"created_at": -1}, "created_at is -1"),
    "pulse too short": (
        {"portals": {GATE: PortalDraft(zone="site", gateway=GATEWAY, pulse_ms=99)}},
        "pulse_ms is 99, must be 100 to 30000",
    ),
    "pulse too long": (
        {"portals": {GATE: PortalDraft(zone="site", gateway=GATEWAY, pulse_ms=30_001)}},
        "pulse_ms",
    ),
    "staleness below a minute": (
        {"portals": {GATE: PortalDraft(zone="site", gateway=GATEWAY, max_age_s=59)}},
        "max_age_s",
    ),
    "header past its bound": ({"keyrings": (bytes(MAX_HEADER_BYTES),)}, "longer than 1048576"),
}


@pytest.mark.parametrize("name", BAD_DRAFTS)
def test_draft_is_refused_with(name: str) -> None:
    changes, words = BAD_DRAFTS[name]
    with pytest.raises(ValueError, match=words):
        build_body(draft(**changes))


# ---- a header that is not one


def changed(**fields: object) -> Callable[[dict[str, Any]], object]:
    return lambda header: header | fields


def in_portal(**fields: object) -> Callable[[dict[str, Any]], object]:
    def change(header: dict[str, Any]) -> object:
        rule = header["portals"][GATE] | fields
        return header | {"portals": {GATE: rule}}

    return change


def in_time(**fields: object) -> Callable[[dict[str, Any]], object]:
    return lambda header: header | {"time": header["time"] | fields}


WRONG_HEADERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "no map": list,
    "a field more": changed(more=1),
    "a field less": lambda header: {k: v for k, v in header.items() if k != "zones"},
    "a site that is bytes": changed(site=b"plant-7"),
    "a site that is a list": changed(site=[]),
    "a site that is a word of the topics": changed(site="policy"),
    "a version that is true": changed(version=True),
    "version 0": changed(version=0),
    "a version past 2^53": changed(version=2**53),
    "keyrings as text": changed(keyrings=["x"]),
    "keyrings as bytes": changed(keyrings=b"x"),
    "a time that is a list": changed(time=[]),
    "time with a field more": in_time(more=1),
    "a zone that is a number": in_time(zone=1),
    "a zone of 65 characters": in_time(zone="z" * 65),
    "no offsets": in_time(offsets=[]),
    "offsets that fall": in_time(offsets=[[5, 0], [4, 0]]),
    "two offsets from one second": in_time(offsets=[[5, 0], [5, 3600]]),
    "an offset of a day": in_time(offsets=[[0, 86_400]]),
    "an offset that is true": in_time(offsets=[[0, True]]),
    "an offset from before 1970": in_time(offsets=[[-1, 0]]),
    "an offset of three": in_time(offsets=[[0, 0, 0]]),
    "offsets as a text": in_time(offsets="utc"),
    "a calendar that is a map": changed(calendar={}),
    "a day twice": changed(calendar=[[5, 7], [5, 0]]),
    "days that fall": changed(calendar=[[6, 7], [5, 0]]),
    "day type 8": changed(calendar=[[5, 8]]),
    "a day type that is true": changed(calendar=[[5, True]]),
    "a day before 1970": changed(calendar=[[-5, 1]]),
    "a day that is a number": changed(calendar=[5]),
    "zones as a text": changed(zones="site"),
    "a zone that is a number in zones": changed(zones=[1, 2]),
    "a group twice": changed(groups=["a", "b", "b"]),
    "a qualification in capitals": changed(qualifications=["A", "b"]),
    "a schedule without spans": changed(schedules=[["a"]]),
    "a schedule whose name is a number": changed(schedules=[[1, []], ["b", []], ["c", []]]),
    "a schedule's name twice": changed(schedules=[["a", []], ["b", []], ["a", []]]),
    "a span of two": changed(schedules=[["a", [[1, 2]]], ["b", []], ["c", []]]),
    "a span that is true": changed(schedules=[["a", [[True, 0, 5]]], ["b", []], ["c", []]]),
    "a span that ends before it begins": changed(
        schedules=[["a", [[1, 5, 5]]], ["b", []], ["c", []]]
    ),
    "day mask 256": changed(schedules=[["a", [[256, 0, 5]]], ["b", []], ["c", []]]),
    "a grant of three": changed(grants=[[0, 0, 0]]),
    "a grant of a group that is true": changed(grants=[[True, 0, 0, [], 0, 0, 0]]),
    "a grant of a group that is not there": changed(grants=[[3, 0, 0, [], 0, 0, 0]]),
    "a grant of a zone that is not there": changed(grants=[[0, 2, 0, [], 0, 0, 0]]),
    "a grant of a schedule that is not there": changed(grants=[[0, 0, 3, [], 0, 0, 0]]),
    "a grant of a training that is not there": changed(grants=[[0, 0, 0, [2], 0, 0, 0]]),
    "a grant of a group below 0": changed(grants=[[-1, 0, 0, [], 0, 0, 0]]),
    "classes as a list": changed(classes=[]),
    "class 0": changed(classes={0: []}),
    "class 8": changed(classes={8: []}),
    "a class by name": changed(classes={"visitor": []}),
    "a class of a group that is not there": changed(classes={3: [3]}),
    "a class of a number": changed(classes={3: 1}),
    "portals as a list": changed(portals=[]),
    "a portal by number": changed(portals={1: {}}),
    "a portal in capitals": changed(portals={"GATE": {}}),
    "a portal that is a list": changed(portals={GATE: []}),
    "a portal with a field more": in_portal(more=1),
    "a portal in a zone that is not there": in_portal(zone=2),
    "a portal whose zone is false": in_portal(zone=False),
    "a portal whose gateway is a number": in_portal(gateway=1),
    "a portal whose gateway is a word of the topics": in_portal(gateway="presence"),
    "an unknown posture": in_portal(posture="ajar"),
    "a posture that is a list": in_portal(posture=[]),
    "an unknown rule for the unlisted": in_portal(unlisted=True),
    "an unknown rule in doubt": in_portal(stale="maybe"),
    "an unknown rule for foreign codes": in_portal(foreign="maybe"),
    "another unknown rule in doubt": in_portal(clock_untrusted=None),
    "a pulse that is true": in_portal(pulse_ms=True),
    "a bound that is a text": in_portal(max_age_s="72h"),
    "tables as a map": changed(tables={}),
    "tables of two": changed(tables=[1, 2]),
    "tables of true": changed(tables=[True, 11, 0]),
    "tables below 0": changed(tables=[-1, 0, 0]),
    "tables that are longer than the body": changed(tables=[2, 2, 0]),
    "tables that are shorter than the body": changed(tables=[0, 0, 0]),
    "tables past 2^53": changed(tables=[2**53, 0, 0]),
}


@pytest.mark.parametrize("name", WRONG_HEADERS)
def test_header_is_malformed_with(name: str) -> None:
    header, tables = split(build_body(draft()))
    assert Policy.from_body(join(header, tables)).version == 42
    with pytest.raises(MalformedError):
        Policy.from_body(join(WRONG_HEADERS[name](header), tables))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0\0",
        b"\0\0\0\1",
        b"\xff\xff\xff\xff" + bytes(100),
        (MAX_HEADER_BYTES + 1).to_bytes(4) + bytes(MAX_HEADER_BYTES + 1),
    ],
    ids=["nothing", "3 bytes", "no header", "4 GiB header", "header past its bound"],
)
def test_body_that_is_cut_off_or_too_long_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedError):
        Policy.from_body(body)


def test_body_that_ends_early_or_late_is_malformed() -> None:
    body = build_body(draft(stickers=LABELS))
    for end in range(len(body)):
        with pytest.raises(MalformedError):
            Policy.from_body(body[:end])
    with pytest.raises(MalformedError, match="tables take"):
        Policy.from_body(body + b"\0")


def test_machine_with_the_other_byte_order_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    body = build_body(draft())
    monkeypatch.setattr("sys.byteorder", "big")
    with pytest.raises(MalformedError, match="little-endian"):
        Policy.from_body(body)


def test_hundred_thousand_grants_of_one_group_are_read_in_one_go() -> None:
    header, tables = split(build_body(draft()))
    found = Policy.from_body(join(header | {"grants": [[0, 0, 0, [], 0, 0, 0]] * 100_000}, tables))
    assert len(found.grants[0, 0]) == 100_000


@given(st.binary(max_size=200))
def test_any_bytes_are_a_policy_or_malformed(body: bytes) -> None:
    with pytest.raises(MalformedError):
        Policy.from_body(body)
    with pytest.raises(MalformedError):
        Policy.from_body(len(body).to_bytes(4) + body)


def test_every_flipped_bit_gives_a_policy_or_malformed_and_lookups_hold() -> None:
    body = bytearray(build_body(draft(stickers=LABELS)))
    for bit in range(8 * len(body)):
        body[bit // 8] ^= 1 << bit % 8
        try:
            found = Policy.from_body(bytes(body))
            found.roster.find(ALICE)
            found.roster.find_sticker(LABELS[0][0])
        except MalformedError:
            pass
        body[bit // 8] ^= 1 << bit % 8
    assert Policy.from_body(bytes(body)).roster.find(ALICE) is not None


# ---- what replaces what


def test_policy_is_taken_only_when_newer_and_ours() -> None:
    found = policy()
    assert accept_policy(0, found, SITE) is found
    assert accept_policy(41, found, SITE) is found
    for held in (42, 43, MAX_SEQ):
        with pytest.raises(RollbackError, match=f"version 42, already at {held}"):
            accept_policy(held, found, SITE)
    with pytest.raises(WrongRecipientError, match="ours is plant-8"):
        accept_policy(0, found, SiteId("plant-8"))


def test_defaults_of_a_drafted_portal_are_those_of_a_portal() -> None:
    found = policy().portals
    assert found[GATE] == PortalRule(zone=0, gateway=GATEWAY)
    assert found[LAB_DOOR] == PortalRule(zone=1, gateway=GATEWAY)


def test_draft_takes_people_from_a_cursor_once() -> None:
    people = iter([person(), person(BOB)])
    one: PolicyDraft = draft(people=people)
    assert len(Policy.from_body(build_body(one)).roster) == 2
    assert next(people, None) is None


def test_day_types_may_come_as_any_mapping() -> None:
    time = dataclasses.replace(BERLIN, day_types={9: DayType.SUNDAY, 3: DayType.HOLIDAY})
    assert policy(time=time).time == time
    never = Schedule(name="never", spans=())
    assert policy(schedules=(OPEN, OFFICE, NIGHT, never)).schedules[3] == never
