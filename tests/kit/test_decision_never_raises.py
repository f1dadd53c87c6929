"""Whatever the rules, the code and the memory: a decision is a grant or a denial, no error."""

import dataclasses
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.decision import Deny, Presentation, Rules, decide, standing
from doorward.ids import GatewayId, PortalId
from doorward.policy import (
    AntiPassback,
    Direction,
    GroupRule,
    InDoubt,
    Policy,
    Posture,
    PostureOrder,
    PresenceDoubt,
)
from doorward.policy_draft import PolicyDraft, PortalDraft, ZoneDraft, build_body
from doorward.presence_port import Entries
from doorward.reasons import WAITING, Reason
from doorward.times import ClockTrust
from tests.kit.plant import GATE, GATEWAY, NOON, at, status_list
from tests.kit.remembering import FORGIVEN, INSIDE, OUTSIDE, Remembered, companion
from tests.kit.test_decision_oracle import GROUPS, PEOPLE, PRESENTATIONS, TRAININGS, ZONES, drafts

OTHER = PortalId("other")
RULED = st.fixed_dictionaries(
    {
        "zone": st.just("z0"),
        "gateway": st.just(GATEWAY),
        "direction": st.sampled_from(Direction),
        "beyond": st.sampled_from([None, "z1"]),
        "posture": st.sampled_from([Posture.NORMAL, *Posture]),
        "posture_rank": st.none() | st.integers(1, 9),
        "posture_until": st.none() | st.integers(NOON - 1, NOON + 1),
        "clock_untrusted": st.sampled_from(InDoubt),
        "qualifications": st.sampled_from([(), TRAININGS]),
        "unlock": st.sampled_from([None, None, "always", "night"]),
        "antipassback": st.sampled_from(AntiPassback),
        "antipassback_s": st.integers(1, 900),
        "presence_unknown": st.sampled_from(PresenceDoubt),
        "min_interval_s": st.sampled_from([0, 900]),
        "escorted": st.sampled_from([(), GROUPS[:1]]),
        "escorts": st.just(GROUPS[1:]),
        "two_persons": st.booleans(),
        "interlock": st.sampled_from([(), (OTHER,)]),
    }
)
GROUP_RULE = st.builds(
    GroupRule,
    rank=st.integers(0, 9),
    is_duress=st.booleans(),
    is_once=st.booleans(),
    is_exempt=st.booleans(),
)
STAY = st.sampled_from([INSIDE, OUTSIDE, FORGIVEN])
MEMORY = st.builds(
    Remembered,
    hears=st.booleans(),
    whole=st.booleans(),
    holder=st.sampled_from(PEOPLE),
    stays=st.dictionaries(st.sampled_from(ZONES), STAY),
    used=st.frozensets(st.sampled_from([Direction.ENTRY, Direction.EXIT])),
    used_is_sure=st.booleans(),
    entered=st.sampled_from([Entries(), Entries(at=(NOON,), earlier=60, is_complete=False)]),
    inside=st.integers(0, 2),
    doors=st.dictionaries(st.just(OTHER), st.none() | st.booleans()),
    there=st.sampled_from(
        [(), (companion(Reason.SECOND_PERSON_NEEDED), companion(None, is_escort=True))]
    ),
    came_at=st.none() | st.integers(NOON - 100_000, NOON),
)
ORDER = st.builds(
    PostureOrder,
    posture=st.sampled_from(Posture),
    rank=st.none() | st.integers(0, 9),
    until=st.none() | st.integers(NOON - 1, NOON + 1),
)


@settings(max_examples=400)
@given(
    said=drafts(),
    rule=RULED,
    groups=st.dictionaries(st.sampled_from(GROUPS), GROUP_RULE),
    at_most=st.integers(0, 2),
    most_entries=st.integers(0, 2),
    shown=PRESENTATIONS,
    memory=MEMORY,
    order=st.none() | ORDER,
    trust=st.sampled_from(ClockTrust),
)
def test_decision_is_always_one(
    said: PolicyDraft,
    rule: dict[str, Any],
    groups: dict[str, GroupRule],
    at_most: int,
    most_entries: int,
    shown: Presentation,
    memory: Remembered,
    order: PostureOrder | None,
    trust: ClockTrust,
) -> None:
    other = PortalDraft(zone="z1", gateway=GatewayId("gw-other"))
    draft = dataclasses.replace(
        said,
        portals={GATE: PortalDraft(**rule), OTHER: other},
        group_rules=groups,
        zone_rules={
            "z0": ZoneDraft(at_most=at_most, per_day=most_entries),
            "z1": ZoneDraft(within="z0"),
        },
    )
    rules = Rules(
        policy=Policy.from_body(build_body(draft)),
        status=status_list(issued_at=NOON),
        orders={} if order is None else {GATE: order},
    )
    decision = decide(shown, GATE, rules, memory, at(NOON, trust))
    stands = standing(GATE, rules, memory, at(NOON, trust))
    assert stands is not None
    if isinstance(decision, Deny):
        assert (decision.wait_s > 0) == (decision.bearer is not None)
        assert decision.wait_s == 0 or decision.reason in WAITING
        return
    is_free = stands.posture is Posture.FREE
    assert decision.reason is (Reason.FREE_PASSAGE if is_free else Reason.GRANTED)
    assert stands.posture is not Posture.CLOSED
    was_locked = Reason.LOCKDOWN_PASSED in decision.grounds.notices
    assert was_locked == (stands.posture is Posture.LOCKDOWN)
