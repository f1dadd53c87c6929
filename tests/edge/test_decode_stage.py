"""Which passes look at which frame, and what makes a scan."""

from dataclasses import replace

import pytest

from doorward_edge.scan import Sighting, Strategy, Symbology
from doorward_edge.stages.decode import (
    FIRST_LOOK,
    GLANCE_EVERY_MS,
    ROTATION,
    HeldCodes,
    Pass,
    PassPlan,
)

CODE = Sighting(
    payload=b"DW1:A",
    symbology=Symbology.QR,
    corners=((0, 0), (1, 0), (1, 1), (0, 1)),
    reader="zxing/fast",
)
OTHER = replace(CODE, payload=b"DW1:B")


def test_every_look_of_the_dual_strategy_is_one_fast_and_one_other_pass() -> None:
    plan = PassPlan(Strategy.DUAL)
    turn = len(ROTATION[Strategy.DUAL])
    looks = [plan.passes(0, is_changed=True) for _ in range(2 * turn)]
    assert all(look[0] is Pass.ZXING_FAST and len(look) == 2 for look in looks)
    assert {look[1] for look in looks[:turn]} == set(ROTATION[Strategy.DUAL])
    assert [look[1] for look in looks[:turn]] == [look[1] for look in looks[turn:]]


@pytest.mark.parametrize("strategy", Strategy)
def test_after_a_change_come_two_full_turns(strategy: Strategy) -> None:
    plan = PassPlan(strategy)
    while plan.passes(0, is_changed=False):
        pass
    looks = [plan.passes(1, is_changed=True)]
    while look := plan.passes(2, is_changed=False):
        looks.append(look)
    turn = max(1, len(ROTATION[strategy]))
    assert len(looks) == 2 * turn
    assert {p for look in looks for p in look} == {*FIRST_LOOK[strategy], *ROTATION[strategy]}


def test_an_unchanged_scene_is_skipped_but_glanced_at_by_every_pass_in_time() -> None:
    plan = PassPlan(Strategy.DUAL)
    while plan.passes(0, is_changed=False):
        pass
    frames = {at: plan.passes(at, is_changed=False) for at in range(100, 10_000, 100)}
    glances = [look for look in frames.values() if look]
    assert len(glances) == 9_900 // GLANCE_EVERY_MS
    assert {look[1] for look in glances} == set(ROTATION[Strategy.DUAL])


def test_a_lost_frame_is_made_up_for() -> None:
    plan = PassPlan(Strategy.DUAL)
    while plan.passes(0, is_changed=False):
        pass
    plan.rearm()
    assert plan.passes(1, is_changed=False)


def test_a_code_held_up_for_ten_seconds_is_one_scan() -> None:
    held = HeldCodes(3_000)
    scans = [s for at in range(0, 10_000, 100) for s in held.admit([CODE], at, is_changed=True)]
    assert [(s.payload, s.captured_mono_ms, s.reader) for s in scans] == [
        (b"DW1:A", 0, "zxing/fast")
    ]


def test_a_code_that_was_away_long_enough_is_a_new_scan() -> None:
    held = HeldCodes(3_000)
    held.admit([CODE], 0, is_changed=True)
    held.admit([], 100, is_changed=True)
    assert held.admit([CODE], 2_900, is_changed=True) == ()
    assert len(held.admit([CODE], 6_000, is_changed=True)) == 1


def test_a_code_lying_in_an_unchanged_scene_stays_one_scan_although_looks_miss_it() -> None:
    held = HeldCodes(3_000)
    held.admit([CODE], 0, is_changed=True)
    for at in range(100, 20_000, 100):
        held.note_unchanged(at)
        if at % 1_000 == 0:
            assert held.admit([], at, is_changed=False) == ()
    assert held.admit([CODE], 20_000, is_changed=False) == ()


def test_another_code_is_a_scan_at_once() -> None:
    held = HeldCodes(3_000)
    held.admit([CODE], 0, is_changed=True)
    assert [s.payload for s in held.admit([OTHER], 100, is_changed=True)] == [b"DW1:B"]
    assert held.admit([CODE, OTHER], 200, is_changed=True) == ()


def test_the_same_code_twice_in_a_frame_is_one_scan() -> None:
    assert len(HeldCodes(3_000).admit([CODE, CODE], 0, is_changed=True)) == 1


def test_codes_are_forgotten_and_do_not_pile_up() -> None:
    held = HeldCodes(1_000)
    for at in range(0, 100_000, 100):
        held.admit([replace(CODE, payload=str(at).encode())], at, is_changed=True)
    assert len(held._last_seen_ms) <= 12
    assert len(held._in_view) == 1
