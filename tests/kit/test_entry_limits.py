"""How often one may enter a zone, across gateways, ways in and lines of the policy."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward import canonical
from doorward.decision import Deny, Grant
from doorward.ids import CredentialId, Epoch
from doorward.policy import MAX_ENTRIES, Direction, InDoubt, PresenceDoubt
from doorward.policy_draft import GrantDraft, PortalDraft, ZoneDraft, build_body
from doorward.presence import PresenceBook
from doorward.reasons import Reason
from doorward.schedule import DAY_S
from doorward.times import ClockTrust
from tests.kit.plant import ALICE, BOB, GATE, GATEWAY, NOON, SITE, draft, person, policy
from tests.kit.two_gateways import SOUTH, WAY_OUT, Pair, after

EXIT = Direction.EXIT
SYNCHRONISED = ClockTrust.SYNCHRONISED
PHONE = CredentialId(b"the-fone")


def limited_pair(zone_rule: ZoneDraft, **changes: Any) -> Pair:
    """North and south both let in; staff by one line, chemists by two."""
    pair = Pair(
        policy=policy(
            portals={
                GATE: PortalDraft(zone="site", gateway=GATEWAY, **changes),
                WAY_OUT: PortalDraft(zone="site", gateway=SOUTH, **changes),
            },
            zone_rules={"site": zone_rule},
            grants=(
                GrantDraft(group="staff", zone="site", schedule="always"),
                GrantDraft(group="chemists", zone="site", schedule="always", per_day=9),
            ),
            people=(
                person(),
                person(PHONE, holder=ALICE, groups=("chemists",)),
                person(BOB),
            ),
        )
    )
    pair.connect(after(0))
    return pair


def test_entries_by_every_line_and_every_gateway_count_together() -> None:
    pair = limited_pair(ZoneDraft(per_day=2))
    assert isinstance(pair.go(GATE, ALICE, after(1)), Grant)
    pair.exchange(after(1))
    assert isinstance(pair.go(WAY_OUT, PHONE, after(2)), Grant)
    pair.exchange(after(2))
    for who in (ALICE, PHONE):
        for portal in (GATE, WAY_OUT):
            found = pair.ask(portal, who, after(3))
            assert (found.reason, found.grounds.rule) == (Reason.DAY_LIMIT, "14:entries")
    assert isinstance(pair.ask(GATE, BOB, after(3)), Grant)
    assert isinstance(pair.go(GATE, ALICE, after(DAY_S)), Grant), "a new day, new entries"


def test_who_was_let_in_and_did_not_go_has_the_entry_left() -> None:
    pair = limited_pair(ZoneDraft(per_day=1))
    grant = pair.ask(GATE, ALICE, after(1))
    assert isinstance(grant, Grant)
    pair.north.note_decision(GATE, grant, after(1))
    pair.north.note_annulled(GATE, grant, after(2))
    assert isinstance(pair.go(GATE, ALICE, after(3)), Grant)
    assert pair.ask(GATE, ALICE, after(4)).reason is Reason.DAY_LIMIT


def test_the_visit_counts_over_days_and_a_restart() -> None:
    pair = limited_pair(ZoneDraft(per_visit=2))
    for day in range(2):
        assert isinstance(pair.go(GATE, ALICE, after(day * DAY_S)), Grant)
    pair.north = PresenceBook.from_wire(
        pair.north.to_wire(),
        site=SITE,
        gateway=GATEWAY,
        epoch=Epoch(pair.north.epoch + 1),
        now=after(2 * DAY_S),
    )
    pair.north.follow(pair.policy)
    assert pair.ask(GATE, ALICE, after(2 * DAY_S)).reason is Reason.VISIT_LIMIT


KEPT: dict[str, tuple[dict[str, int], dict[str, int], ClockTrust, int]] = {
    "nothing limits": ({}, {}, SYNCHRONISED, 0),
    "only how many are inside": ({}, {"at_most": 3}, SYNCHRONISED, 0),
    "the day, by the line": ({"per_day": 1}, {}, SYNCHRONISED, NOON + 2 * DAY_S),
    "the day, by the zone": ({}, {"per_day": 1}, SYNCHRONISED, NOON + 2 * DAY_S),
    "the visit, by the line": ({"per_visit": 1}, {"per_day": 1}, SYNCHRONISED, NOON + 9 * DAY_S),
    "the visit, by the zone": ({"per_day": 1}, {"per_visit": 1}, SYNCHRONISED, NOON + 9 * DAY_S),
    "the day, without a clock": ({}, {"per_day": 1}, ClockTrust.UNKNOWN, NOON + 9 * DAY_S),
}


@pytest.mark.parametrize("name", KEPT)
def test_an_entry_is_remembered_for_as_long_as_it_can_count(name: str) -> None:
    line, zone, trust, until = KEPT[name]
    rules = policy(
        portals={GATE: PortalDraft(zone="site", gateway=GATEWAY, clock_untrusted=InDoubt.ALLOW)},
        zone_rules={"site": ZoneDraft(**zone)},  # type: ignore[arg-type]
        grants=(GrantDraft(group="staff", zone="site", schedule="always", **line),),  # type: ignore[arg-type]
        people=(person(not_after=NOON + 9 * DAY_S),),
    )
    found = Pair(policy=rules).ask(GATE, ALICE, after(0, trust))
    assert isinstance(found, Grant)
    assert found.bearer is not None
    assert found.bearer.counts_until == until


def test_entering_a_zone_by_leaving_another_counts_and_is_never_refused() -> None:
    inner = policy(
        portals={
            GATE: PortalDraft(zone="site", gateway=GATEWAY),
            WAY_OUT: PortalDraft(zone="lab", gateway=SOUTH, direction=EXIT, beyond="site"),
        },
        zone_rules={"site": ZoneDraft(per_day=2)},
        grants=tuple(
            GrantDraft(group="staff", zone=zone, schedule="always") for zone in ("site", "lab")
        ),
        people=(person(),),
    )
    pair = Pair(policy=inner)
    pair.connect(after(0))
    for second in range(3):
        assert isinstance(pair.go(WAY_OUT, ALICE, after(second)), Grant)
        pair.exchange(after(second))
    assert pair.ask(GATE, ALICE, after(4)).reason is Reason.DAY_LIMIT


def test_a_bundle_says_nothing_of_limits_that_no_zone_has() -> None:
    """So a gateway that does not know them reads it."""
    for rule, keys in (
        (ZoneDraft(at_most=3), {"within", "at_most"}),
        (ZoneDraft(per_day=1), {"within", "at_most", "per_day"}),
        (ZoneDraft(per_visit=1), {"within", "at_most", "per_visit"}),
    ):
        body = build_body(draft(zone_rules={"site": rule}))
        header = canonical.decode(body[4 : 4 + int.from_bytes(body[:4])])
        assert header["zone_rules"][0].keys() == keys


@given(
    per_day=st.integers(0, 4),
    per_visit=st.integers(0, 6),
    comes=st.lists(
        st.tuples(
            st.sampled_from([GATE, WAY_OUT]),
            st.sampled_from([ALICE, PHONE, BOB]),
            st.integers(0, 40_000),
            st.booleans(),
        ),
        max_size=25,
    ),
)
def test_nobody_enters_more_often_than_the_zone_says(
    per_day: int, per_visit: int, comes: list[tuple[Any, CredentialId, int, bool]]
) -> None:
    pair = limited_pair(
        ZoneDraft(per_day=per_day, per_visit=per_visit), presence_unknown=PresenceDoubt.LAST_KNOWN
    )
    second, went = 0, dict[bytes, list[int]]()
    for portal, who, later_s, goes in comes:
        second += later_s
        now = after(second)
        pair.connect(now)
        entries = went.setdefault(ALICE if who == PHONE else who, [])
        time = pair.policy.time
        today = [at for at in entries if _day(time, at) == _day(time, now.utc_s)]
        limits = ((per_day, len(today)), (per_visit, len(entries)))
        too_often = any(most and number >= most for most, number in limits)
        found = pair.ask(portal, who, now)
        by_line = found.grounds.rule.startswith("10:")
        assert isinstance(found, Deny) == too_often or by_line
        if isinstance(found, Grant) and goes:
            pair.go(portal, who, now)
            pair.exchange(now)
            entries.append(now.utc_s)
    assert all(len(entries) <= MAX_ENTRIES for entries in went.values())


def _day(time: Any, utc_s: int) -> int:
    return int(time.local_s(utc_s) // DAY_S)
