"""Board profiles: those that are shipped, what is refused in one, and what a lock may hang on."""

from pathlib import Path

import pytest

from doorward_edge.boards import (
    BoardError,
    BoardProfile,
    Level,
    TerminalKind,
    boards_folder,
    load_profile,
    profile_names,
)
from doorward_edge.config import ConfigError, parse_config
from tests.architecture.source import ROOT
from tests.fakes.edge_toml import ENROLLED

NOWHERE = Path("/nowhere")
PULLED_UP = frozenset(range(9))


def profile(name: str) -> BoardProfile:
    return load_profile(name, folder=NOWHERE)


# --- What is shipped ----------------------------------------------------------------------------


def test_the_profiles_of_the_checkout_are_those_of_the_package() -> None:
    assert boards_folder() == ROOT / "hardware" / "boards"
    assert "raspberry-pi-4" in profile_names()


@pytest.mark.parametrize("name", profile_names())
def test_a_shipped_profile_is_sound_and_says_where_its_facts_are_from(name: str) -> None:
    board = profile(name)
    assert board.title
    assert board.sources
    assert set(board.pulls) == set(range(28))
    assert {0, 1, 14, 15} <= set(board.reserved)
    for terminal in board.terminals.values():
        is_high = terminal.pin in PULLED_UP
        assert terminal.rest is (Level.HIGH if is_high else Level.LOW)
        assert terminal.pin not in board.reserved


FACTS = {
    "waveshare-rpi-relay-board": {"ch1": 26, "ch2": 20, "ch3": 21},
    "waveshare-rpi-relay-board-b": {
        "ch1": 5,
        "ch2": 6,
        "ch3": 13,
        "ch4": 16,
        "ch5": 19,
        "ch6": 20,
        "ch7": 21,
        "ch8": 26,
    },
    "pimoroni-automation-hat": {
        "relay-1": 13,
        "relay-2": 19,
        "relay-3": 16,
        "output-1": 5,
        "output-2": 12,
        "output-3": 6,
        "input-1": 26,
        "input-2": 20,
        "input-3": 21,
    },
}
DRIVEN_BY = {
    "waveshare-rpi-relay-board": Level.LOW,
    "waveshare-rpi-relay-board-b": Level.LOW,
    "pimoroni-automation-hat": Level.HIGH,
}


@pytest.mark.parametrize("name", FACTS)
def test_the_pins_of_a_bought_board_are_its_makers(name: str) -> None:
    terminals = profile(name).terminals
    assert {terminal.name: terminal.pin for terminal in terminals.values()} == FACTS[name]
    assert {terminal.active for terminal in terminals.values()} == {DRIVEN_BY[name]}


# --- What a lock may hang on --------------------------------------------------------------------

CONFIG = (
    ENROLLED
    + """\
[board]
profile = "{profile}"
[[portal]]
id = "north"
panel_only = true
lock = {{ {lock} }}
{more}
"""
)


def configured(name: str, lock: str, more: str = "") -> str:
    """Returns which level releases the lock, or why it cannot be."""
    text = CONFIG.format(profile=name, lock=lock, more=more)
    try:
        (portal,) = parse_config(text, Path("/etc/edge.toml")).portals
    except ConfigError as err:
        return str(err)
    assert portal.lock is not None
    return portal.lock.released.value


STRIKE, MAGNET = 'kind = "fail_secure"', 'kind = "fail_safe"'
WIRED = [
    # A relay that is driven by a high level, on a pin that is pulled low.
    ("pimoroni-automation-hat", f'{STRIKE}, terminal = "relay-1"', "high"),
    ("pimoroni-automation-hat", f'{MAGNET}, terminal = "relay-1"', "high"),
    ("pimoroni-automation-hat", f'{MAGNET}, terminal = 13, contact = "nc"', "high"),
    ("pimoroni-automation-hat", f'{STRIKE}, terminal = "relay-1", contact = "nc"', "cannot be"),
    ("pimoroni-automation-hat", f'{MAGNET}, terminal = "relay-1", contact = "no"', "cannot be"),
    # Its outputs 1 and 3 are on pins that are pulled high: they conduct while the gateway starts.
    ("pimoroni-automation-hat", f'{STRIKE}, terminal = "output-1"', "cannot be"),
    # Locked only while the coil is driven: a processor's weak pull is not trusted with that.
    ("pimoroni-automation-hat", f'{MAGNET}, terminal = "output-1", contact = "no"', "cannot be"),
    (
        "pimoroni-automation-hat",
        f'{MAGNET}, terminal = "relay-1", contact = "no", resistor = "up"',
        "low",
    ),
    ("pimoroni-automation-hat", f'{STRIKE}, terminal = "output-2"', "high"),
    ("pimoroni-automation-hat", f'{MAGNET}, terminal = "output-2"', "has no only"),
    ("pimoroni-automation-hat", f'{STRIKE}, terminal = "input-1"', "an input, which drives"),
    ("pimoroni-automation-hat", f'{STRIKE}, terminal = 2, active = "low"', "is reserved: I2C"),
    # A relay that is driven by a low level.
    ("waveshare-rpi-relay-board-b", f'{STRIKE}, terminal = "ch1"', "low"),
    ("waveshare-rpi-relay-board-b", f'{MAGNET}, terminal = "ch2"', "low"),
    ("waveshare-rpi-relay-board-b", f'{STRIKE}, terminal = "ch3"', "cannot be"),
    ("waveshare-rpi-relay-board-b", f'{STRIKE}, terminal = "ch3", resistor = "up"', "low"),
    ("waveshare-rpi-relay-board", f'{MAGNET}, terminal = "ch1"', 'set resistor = "up"'),
    ("waveshare-rpi-relay-board", f'{STRIKE}, terminal = "ch1", active = "high"', "by the board"),
    # Bare pins.
    ("raspberry-pi-4", f"{STRIKE}, terminal = 17", "high"),
    ("raspberry-pi-4", f'{STRIKE}, terminal = 17, active = "low"', "cannot be"),
    ("raspberry-pi-4", f'{STRIKE}, terminal = 7, active = "low"', "low"),
    ("raspberry-pi-5", f"{STRIKE}, terminal = 14", "reserved: serial port"),
    ("raspberry-pi-zero-2w", 'kind = "turnstile", terminal = "lock-2"', "high"),
]


@pytest.mark.parametrize(("name", "lock", "expected"), WIRED)
def test_a_lock_is_wired_so_that_it_stays_locked_while_the_gateway_starts(
    name: str, lock: str, expected: str
) -> None:
    found = configured(name, lock)
    if expected in set(Level):
        assert found == expected
    else:
        assert expected in found
        assert found.startswith("/etc/edge.toml, line 19: portal.lock.")


def test_a_terminal_of_ones_own_replaces_one_of_the_profile() -> None:
    more = '[[board.terminal]]\nname = "ch1"\npin = 7\nkind = "relay"\nactive = "low"\n'
    assert configured("waveshare-rpi-relay-board", f'{STRIKE}, terminal = "ch1"', more) == "low"


def test_a_buzzer_on_a_relay_is_refused() -> None:
    found = configured("pimoroni-automation-hat", f'{STRIKE}, terminal = "relay-1"')
    assert found == "high"
    text = CONFIG.format(
        profile="pimoroni-automation-hat",
        lock=f'{STRIKE}, terminal = "relay-1"',
        more='buzzer = "relay-2"',
    )
    with pytest.raises(
        ConfigError, match=r"line 20: portal\.buzzer is relay-2 \(GPIO19\), a relay"
    ):
        parse_config(text, Path("/etc/edge.toml"))


# --- What is refused in a profile ---------------------------------------------------------------

OWN = """\
title = "Own"
sources = ["a drawing of 2026-11-22"]

[pulls]
up = [5]
down = [17, 27]

[[reserved]]
pins = [5]
when = "spi"
why = "SPI"

[[terminal]]
name = "lock"
pin = 17
kind = "relay"
"""
FAULTS = {
    ('name = "lock"', 'name = "lock"\nvolts = 5'): "line 15: terminal.volts is not known here",
    ('kind = "relay"', 'kind = "valve"'): "line 16: terminal.kind is 'valve', must be one of pin,",
    ("pin = 17", "pin = 77"): "line 15: terminal.pin is 77, must be a number from 0 to 27",
    ("pin = 17\n", ""): "line 13: terminal.pin is missing",
    ("down = [17, 27]", "down = [17, 5]"): "line 6: pulls.down has GPIO 5, which is pulled up",
    ('kind = "relay"', 'kind = "relay"\n[[terminal]]\nname = "lock"\npin = 5\nkind = "pin"'): (
        "line 18: terminal.name is 'lock', which is taken"
    ),
    ('kind = "relay"', 'kind = "relay"\n[[terminal]]\nname = "two"\npin = 17\nkind = "pin"'): (
        "line 19: terminal.pin is GPIO 17, which is lock already"
    ),
    ('when = "spi"\n', ""): "",
    ('title = "Own"', 'title = "Own"\nuses = ["spi"]'): "",
    ("pin = 17", "pin = 5"): "",
    ('title = "Own"', 'title = "Own"\nuses = ["can"]'): "line 2: uses has 'can'; known functions",
    ('title = "Own"', 'title = "Own"\nextends = "other"'): "line 2: extends is 'other', but",
    ("[pulls]\nup = [5]\ndown = [17, 27]\n", ""): "line 1: pulls is missing",
    ('title = "Own"', "title = Own"): "not TOML: Invalid value",
}


@pytest.mark.parametrize(("was", "now"), FAULTS)
def test_a_fault_in_a_profile_is_named_with_its_file_and_line(
    tmp_path: Path, was: str, now: str
) -> None:
    assert was in OWN
    path = tmp_path / "own.toml"
    path.write_text(OWN.replace(was, now))
    said = FAULTS[was, now]
    if not said:
        load_profile("own.toml", folder=tmp_path)
        return
    with pytest.raises(BoardError) as caught:
        load_profile("own.toml", folder=tmp_path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


RESERVED = {
    "always": OWN.replace('when = "spi"\n', "").replace("pin = 17", "pin = 5"),
    "in use": OWN.replace("pin = 17", "pin = 5").replace("[pulls]", 'uses = ["spi"]\n[pulls]'),
}


@pytest.mark.parametrize("why", RESERVED)
def test_a_terminal_at_a_reserved_pin_is_refused(tmp_path: Path, why: str) -> None:
    (tmp_path / "own.toml").write_text(RESERVED[why])
    with pytest.raises(BoardError, match=r"terminal\.pin is GPIO 5, reserved: SPI"):
        load_profile("own.toml", folder=tmp_path)


def test_a_profile_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(BoardError, match="profiles are: pimoroni-automation-hat, raspberry-pi-3b"):
        profile("raspberry-pi-99")


def test_a_path_counts_from_the_configurations_folder(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN)
    board = load_profile("own.toml", folder=tmp_path)
    assert board.terminals["lock"].kind is TerminalKind.RELAY
    assert board.name == "own"
