"""Currents, headroom and cables are computed, and what is too small is told."""

from dataclasses import replace

import msgspec
import pytest

from tools.hardware.budget import complaints_of, rails_of
from tools.hardware.builds import build_names, load_build
from tools.hardware.parts import Shelf
from tools.hardware.power import HEADROOM, Load, Rail, Run, as_load_of, battery_h, longest_m


def _rail(rated_ma: int, *most_ma: float) -> Rail:
    supply = msgspec.structs.replace(Shelf().supply("din-12v-60w"), rated_ma=rated_ma)
    loads = tuple(Load(name="x", volts=12, usual_ma=ma / 2, most_ma=ma) for ma in most_ma)
    return Rail(name="12 V", supply=supply, loads=loads)


def test_a_cable_loses_what_the_table_of_copper_says() -> None:
    # 100 m of 1 mm² there and back at 20 °C: 3.448 Ω; at 50 °C 11.79 % more.
    run = Run(length_m=100, gauge_mm2=1)
    assert run.ohms(20) == pytest.approx(3.448)
    assert run.ohms(50) == pytest.approx(3.448 * 1.1179)
    assert run.drop_v(500) == pytest.approx(3.448 * 1.1179 / 2)


def test_the_longest_cable_leaves_just_enough() -> None:
    lock = Shelf().lock("magnet-12v")
    metres = longest_m(lock, 0.75, 12)
    left_v = 12 - Run(length_m=metres, gauge_mm2=0.75).drop_v(lock.inrush_ma)
    assert left_v == pytest.approx(0.9 * 12)


def test_a_dry_input_may_be_any_distance_away() -> None:
    assert longest_m(Shelf().lock("turnstile-dry"), 0.22, 12) == float("inf")


def test_a_converter_draws_its_output_and_its_losses() -> None:
    shelf = Shelf()
    rail = Rail(
        name="5.1 V",
        supply=shelf.supply("buck-12v-5v-3a"),
        loads=(Load(name="computer", volts=5.1, usual_ma=600, most_ma=1250),),
    )
    drawn = as_load_of(rail, "computer")
    assert drawn.volts == 12
    assert drawn.most_ma == pytest.approx(1250 * 5.1 / 12 / 0.88)
    with pytest.raises(ValueError, match="is no converter"):
        as_load_of(_rail(4500, 1), "x")


@pytest.mark.parametrize(("rated_ma", "is_enough"), [(1300, True), (1299, False)])
def test_a_supply_has_thirty_percent_to_spare(rated_ma: int, is_enough: bool) -> None:
    rail = _rail(rated_ma, 600, 400)
    assert (rail.needed_ma <= rated_ma) is is_enough
    assert (rail.headroom >= HEADROOM) is is_enough


def test_a_battery_lasts_at_the_usual_current() -> None:
    supply = Shelf().supply("battery-12v-80wh")
    load = Load(name="all", volts=12, usual_ma=1050, most_ma=2000)
    rail = Rail(name="12 V", supply=supply, loads=(load,))
    assert battery_h(rail) == pytest.approx(84 * 0.6 / 12.6)
    assert battery_h(_rail(4500, 100)) == 0


@pytest.mark.parametrize("name", build_names())
def test_every_build_that_is_shown_has_enough_of_everything(name: str) -> None:
    build = load_build(name)
    assert complaints_of(build) == ()
    computer, _ = rails_of(build)
    assert computer.supply.rated_ma >= build.computer.advised_supply_ma


def test_a_supply_a_cable_and_a_contact_that_are_too_small_are_told() -> None:
    build = load_build("magnet-8-relays")
    weak = msgspec.structs.replace(build.supply, rated_ma=1500)
    thin = msgspec.structs.replace(build.file, cable_m=60.0, cable_mm2=0.5)
    tiny = msgspec.structs.replace(build.relays, contact_ma=300)
    changed = replace(build, supply=weak, file=thin, relays=tiny)
    said = "\n".join(complaints_of(changed))
    assert "gives 1500 mA" in said
    assert "60 m of 0.5 mm² leave" in said
    assert "at most 26 m" in said
    assert "its contact bears 300 mA" in said
