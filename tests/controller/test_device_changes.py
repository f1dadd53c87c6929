"""What is different about a device shows, and nothing else does."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_controller.domain.device_changes import ChangeKind, Identity, changes

BEFORE = Identity(
    board="Raspberry Pi 4", serial="100", card="0x1", camera="imx708", address="10.0.0.5",
    host="gate-1", software="1.0", epoch="0000000000e0", portals="north",
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "kinds"),
    [
        ({}, []),
        ({"portals": "north,south"}, [ChangeKind.MOVED]),
        ({"serial": "200"}, [ChangeKind.BOARD_SWAPPED]),
        ({"serial": "200", "board": "Raspberry Pi 5"}, [ChangeKind.BOARD_SWAPPED]),
        ({"board": "Raspberry Pi 5"}, [ChangeKind.BOARD_SWAPPED]),
        ({"card": "0x2"}, [ChangeKind.CARD_SWAPPED]),
        ({"camera": "imx219"}, [ChangeKind.CAMERA_SWAPPED]),
        ({"epoch": "0000000000e1"}, [ChangeKind.RE_IMAGED]),
        ({"address": "10.0.0.6"}, [ChangeKind.ADDRESS_CHANGED]),
        ({"host": "gate-9"}, [ChangeKind.RENAMED]),
        ({"software": "1.1"}, [ChangeKind.SOFTWARE_CHANGED]),
        (
            {"card": "0x2", "epoch": "0000000000e1"},
            [ChangeKind.CARD_SWAPPED, ChangeKind.RE_IMAGED],
        ),
        # What is not told is not a change.
        ({"serial": "", "card": "", "address": ""}, []),
    ],
)
def test_each_difference_has_its_name(changed: dict[str, str], kinds: list[ChangeKind]) -> None:
    found = changes(BEFORE, replace(BEFORE, **changed))
    assert [each.kind for each in found] == kinds
    for each in found:
        assert each.before in BEFORE.to_json().values()
        assert each.after in changed.values()


def test_the_first_word_of_a_gateway_is_no_change() -> None:
    assert changes(None, BEFORE) == ()


def test_a_birth_tells_an_identity() -> None:
    told = Identity.of(
        {"serial": "100", "camera": "c" * 999, "colour": "red"},
        software="1.0",
        epoch=0xE0,
        portals=("south", "north"),
    )
    assert (told.serial, told.card, len(told.camera)) == ("100", "", 200)
    assert (told.epoch, told.portals) == ("0000000000e0", "north,south")
    assert Identity.from_json({**told.to_json(), "colour": "red"}) == told


_identities = st.builds(
    Identity, **{name: st.sampled_from(["", "a", "b"]) for name in Identity.__dataclass_fields__}
)


@given(_identities, _identities)
def test_whatever_both_tell_differently_shows(before: Identity, after: Identity) -> None:
    found = {kind for each in changes(before, after) for kind in [each.kind]}
    pairs = {name: (old, after.to_json()[name]) for name, old in before.to_json().items()}
    differing = {name for name, (old, new) in pairs.items() if old and new and old != new}
    assert bool(found) == bool(differing)
    assert changes(before, before) == ()
