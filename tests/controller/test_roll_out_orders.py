"""What a roll-out asks, whom, and in which waves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.commands import CommandName
from doorward.ids import GatewayId
from doorward_controller.domain.roll_out_order import (
    MAX_WAVES,
    Candidate,
    CommandOrder,
    ConfigurationOrder,
    Order,
    Selection,
    changed_settings,
    in_waves,
    order_text,
    parse_order,
    unsettable,
    wave_sizes,
)

SIZES = {
    "all at once": ([], 7, (7,)),
    "one, then the others": (["1"], 7, (1, 6)),
    "shares are rounded up": (["10%", "50%"], 7, (1, 4, 2)),
    "more than there are": (["5", "5", "5"], 7, (5, 2)),
    "everybody is in the second": (["1", "100%"], 7, (1, 6)),
    "spaces around": ([" 1 ", " 20% "], 5, (1, 1, 3)),
}


@pytest.mark.parametrize("sentence", SIZES)
def test_waves_have_the_sizes_that_were_asked_for(sentence: str) -> None:
    waves, total, sizes = SIZES[sentence]
    assert wave_sizes(waves, total) == sizes


@pytest.mark.parametrize("wave", ["", "0", "0%", "101%", "-1", "1.5", "many", "1 %", "٣"])
def test_a_wave_of_no_size_is_refused_by_name(wave: str) -> None:
    with pytest.raises(ValueError, match="must be a number from 1 on"):
        wave_sizes([wave], 5)


def test_too_many_waves_are_refused() -> None:
    with pytest.raises(ValueError, match=f"at most {MAX_WAVES}"):
        wave_sizes(["1"] * (MAX_WAVES + 1), 100)


@given(
    st.lists(st.from_regex(r"[1-9][0-9]?%?", fullmatch=True), max_size=MAX_WAVES),
    st.integers(1, 2_000),
)
def test_everybody_is_in_exactly_one_wave_and_no_wave_is_empty(
    waves: list[str], total: int
) -> None:
    sizes = wave_sizes(waves, total)
    assert sum(sizes) == total
    assert all(sizes)
    names = [GatewayId(f"g{number}") for number in range(total)]
    placed = in_waves(names, sizes)
    assert [name for name, _ in placed] == names
    assert [wave for _, wave in placed] == sorted(wave for _, wave in placed)


NORTH = Candidate(
    gateway=GatewayId("gate-n"), portals=("north-in", "north-out"), zones=frozenset({"hall"})
)
CHOICES = {
    "nothing said": (Selection(), True),
    "its zone": (Selection(zone="hall"), True),
    "another zone": (Selection(zone="yard"), False),
    "its name": (Selection(pattern="gate-*"), True),
    "a portal's name": (Selection(pattern="*-out"), True),
    "no such name": (Selection(pattern="south-?"), False),
    "chosen": (Selection(gateways=frozenset({"gate-n", "gate-s"})), True),
    "not chosen": (Selection(gateways=frozenset({"gate-s"})), False),
    "all of it counts": (Selection(zone="hall", pattern="south*"), False),
}


@pytest.mark.parametrize("sentence", CHOICES)
def test_who_fits_everything_that_is_said_takes_part(sentence: str) -> None:
    selection, takes = CHOICES[sentence]
    assert selection.takes(NORTH) is takes


@pytest.mark.parametrize(
    "order",
    [
        CommandOrder(name=CommandName.SEND_LOG, arguments={"lines": 20}),
        ConfigurationOrder(changes={"portal.*.held_s": 2.5, "camera.front.fps": None}),
        ConfigurationOrder(changes={"reader.symbologies": ["qr"]}, restart=False),
    ],
)
def test_an_order_reads_as_it_was_written(order: Order) -> None:
    assert parse_order(order_text(order)) == order


def test_changes_lie_over_what_is_desired_already() -> None:
    present = {"camera.front.fps": 8, "health.interval_s": 30}
    changes = {"portal.*.held_s": 2.5, "camera.front.fps": None, "health.interval_s": 60}
    assert changed_settings(present, changes, ["a", "b"]) == {
        "health.interval_s": 60,
        "portal.a.held_s": 2.5,
        "portal.b.held_s": 2.5,
    }
    assert changed_settings({"portal.a.held_s": 1}, {"portal.*.held_s": None}, ["a"]) == {}
    assert present == {"camera.front.fps": 8, "health.interval_s": 30}


def test_what_nobody_lets_be_set_is_named() -> None:
    assert unsettable({"portal.*.held_s": 1, "broker.host": "x"}) == ("broker.host",)
