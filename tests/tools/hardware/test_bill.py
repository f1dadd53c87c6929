"""What is bought follows from what is built; a price says where it is from, or that it guesses."""

from datetime import date

import pytest

from tools.hardware.bill import bill_of, load_prices, needed
from tools.hardware.builds import build_names, load_build


@pytest.mark.parametrize("name", build_names())
def test_everything_that_a_build_needs_has_a_price(name: str) -> None:
    lines = bill_of(load_build(name), load_prices())
    assert sum(line.low for line in lines) > 50
    assert all(line.count > 0 for line in lines)


def test_every_item_is_used_somewhere() -> None:
    used = set().union(*(needed(load_build(name)) for name in build_names()))
    # Passage sensors of turnstiles are their own: nothing that is drawn buys one.
    assert {item.key for item in load_prices().item} - used == {"passage"}


def test_prices_have_a_date_and_a_range_the_right_way_round() -> None:
    prices = load_prices()
    assert prices.as_of >= date(2026, 11, 22)
    for item in prices.item:
        assert item.low <= item.high
        assert item.low < item.high or not item.is_estimate, f"{item.key}: an estimate is a range"


def test_counts_follow_from_parts_and_configuration() -> None:
    magnet = needed(load_build("magnet-8-relays"))
    assert (magnet["magnet-12v"], magnet["lamp"], magnet["suppressor"]) == (1, 4, 1)
    # To the alarm, on to the button, back to the relay, and to the lock: 15 m each.
    assert magnet["cable-lock-m"] == 60
    three = needed(load_build("strike-3-relays"))
    assert three["resistor"] == 1, "its pins are pulled to the level that releases"
    assert three["ribbon"] == 0
    assert three["usb-1080p"] == 1
    assert needed(load_build("strike-8-relays"))["resistor"] == 0
    turnstile = needed(load_build("turnstile-hat"))
    assert turnstile["turnstile-dry"] == 0, "the drive is there already"
    assert (turnstile["global-shutter-camera"], turnstile["lens-6mm"]) == (1, 1)
