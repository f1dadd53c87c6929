"""Wiring follows from profile, parts and configuration; a wrong wire is found and named."""

import html
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from doorward_edge.boards import LockKind
from tools.draw_wiring import texts
from tools.hardware.builds import BUILDS, build_names, load_build
from tools.hardware.harness import CONVERTER, LOCK, PI, RELAYS, SUPPLY, Harness
from tools.hardware.harness_checks import faults_of
from tools.hardware.header import FIVE_VOLTS, GROUNDS, PLACE_OF_GPIO, THREE_VOLTS
from tools.hardware.parts import PartError, Shelf
from tools.hardware.wiring import harness_of, sheets_of

NAMES = build_names()


def _rewired(harness: Harness, wrong: tuple[str, str], right: tuple[str, str]) -> Harness:
    """Puts the ends of wires at one terminal onto another."""
    for cable in harness.cables:
        for index, wire in enumerate(cable.wires):
            if (wire.from_node, wire.from_pin) == right:
                cable.wires[index] = replace(wire, from_node=wrong[0], from_pin=wrong[1])
            if (wire.to_node, wire.to_pin) == right:
                cable.wires[index] = replace(wire, to_node=wrong[0], to_pin=wrong[1])
    harness.node(wrong[0]).pin(wrong[1])
    return harness


def test_builds_cover_every_computer_camera_lock_and_relay_board() -> None:
    shelf, builds = Shelf(), [load_build(name) for name in NAMES]
    assert {build.file.computer for build in builds} == set(shelf.names("computers"))
    assert {build.file.camera for build in builds} == set(shelf.names("cameras"))
    assert {build.file.lock for build in builds} == set(shelf.names("locks"))
    assert {build.file.relays for build in builds} == set(shelf.names("relays"))


def test_committed_texts_are_what_the_builds_say_and_each_has_its_drawing() -> None:
    for path, text in texts().items():
        assert path.read_text("utf-8") == text, f"{path.name} is old; run: make wiring"
        drawing = path.with_suffix(".svg").read_text("utf-8")
        assert "<svg" in drawing
        assert len(drawing) < 200_000


@pytest.mark.parametrize("name", NAMES)
def test_a_drawing_shows_every_terminal_of_its_sheet(name: str) -> None:
    for sheet, harness in sheets_of(load_build(name)).items():
        written = (BUILDS / name / f"wiring-{sheet}.svg").read_text("utf-8")
        drawing = html.unescape(written).replace("\xa0", " ")
        for wire in harness.wires:
            for pin in (wire.from_pin, wire.to_pin):
                assert pin in drawing, f"{sheet} of {name} lacks {pin}; run: make wiring"


@pytest.mark.parametrize("name", NAMES)
def test_the_wires_of_a_build_are_in_order(name: str) -> None:
    build = load_build(name)
    assert faults_of(build, harness_of(build)) == ()


@pytest.mark.parametrize("name", NAMES)
def test_all_sheets_together_have_every_wire_once(name: str) -> None:
    build = load_build(name)
    parts = [wire for sheet in sheets_of(build).values() for wire in sheet.wires]
    assert sorted(map(str, parts)) == sorted(map(str, harness_of(build).wires))


@pytest.mark.parametrize("name", NAMES)
def test_a_magnet_hangs_on_the_contact_at_rest_and_a_strike_does_not(name: str) -> None:
    build = load_build(name)
    ends = {pin for w in harness_of(build).wires for pin in (w.from_pin, w.to_pin)
            if RELAYS in {w.from_node, w.to_node} and LOCK in {w.from_node, w.to_node}}  # fmt: skip
    throws = {end.split()[-1] for end in ends} & {"NO", "NC"}
    assert throws == ({"NC"} if build.lock.kind is LockKind.FAIL_SAFE else {"NO"})


MAGNET, STRIKE, MODULE = "magnet-8-relays", "strike-8-relays", "strike-module-zero-2w"
WRONG_WIRES = {
    "the magnet on NO": (
        MAGNET, (RELAYS, "ch1 NC"), (RELAYS, "ch1 NO"),
        "the lock runs through ch1 NO, a fail_safe lock needs ch1 NC",
    ),
    "the strike on NC": (
        STRIKE, (RELAYS, "ch1 NO"), (RELAYS, "ch1 NC"),
        "the lock runs through ch1 NC, a fail_secure lock needs ch1 NO",
    ),
    "a wire on the pins of the EEPROM": (
        STRIKE, (PI, "GPIO18 (pin 12)"), (PI, "GPIO0 (pin 27)"),
        "GPIO0 (pin 27) is reserved: the firmware reads the EEPROM",
    ),
    "a wire on a pin without use": (
        STRIKE, (PI, "GPIO18 (pin 12)"), (PI, "GPIO12 (pin 32)"),
        "GPIO12 (pin 32) is wired, but edge.toml gives it no use",
    ),
    "a wire on a pin that is none": (
        STRIKE, (PI, "GPIO18 (pin 12)"), (PI, "GPIO18 (pin 13)"),
        "GPIO18 (pin 13) is no pin of the header",
    ),
    "a terminal without a wire": (
        STRIKE, (PI, "GPIO27 (pin 13)"), (PI, "GPIO17 (pin 11)"),
        "portal.inputs.exit_button.terminal has GPIO27, to which no wire leads",
    ),
    "12 V at a pin": (
        MODULE, (RELAYS, "COM"), (PI, "GPIO17 (pin 11)"),
        "GPIO17 (pin 11) of the computer is connected to +12 V",
    ),
    "plus on minus": (
        STRIKE, (CONVERTER, "IN -"), (SUPPLY, "+12 V"), "+12 V is connected to 0 V or to 5.1 V",
    ),
    "the magnet past its relay": (
        MAGNET, (RELAYS, "ch1 NC"), (RELAYS, "ch1 COM"), "the magnet has current past its relay",
    ),
    "the magnet past the fire alarm": (
        MAGNET, ("Fire alarm", "1: COM"), ("Fire alarm", "1: NC"),
        "the magnet has current past its relay or past what releases it by wire",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG_WIRES)
def test_a_wrong_wire_is_found_and_named(fault: str) -> None:
    name, right, wrong, said = WRONG_WIRES[fault]
    build = load_build(name)
    found = "\n".join(faults_of(build, _rewired(harness_of(build), wrong, right)))
    assert said in found


def test_a_fire_alarm_feeds_a_strike_past_its_relay(tmp_path: Path) -> None:
    shutil.copytree(BUILDS / STRIKE, tmp_path / STRIKE)
    path = tmp_path / STRIKE / "edge.toml"
    path.write_text(path.read_text("utf-8") + "fire = { terminal = 22 }\n", "utf-8")
    build = load_build(STRIKE, folder=tmp_path)
    wires = {(w.from_node, w.from_pin, w.to_node, w.to_pin) for w in harness_of(build).wires}
    assert (SUPPLY, "+12 V", "Fire alarm", "1: COM") in wires
    assert ("Fire alarm", "1: NO", LOCK, "+") in wires
    assert (PI, "GPIO22 (pin 15)", "Fire alarm", "2: NC") in wires
    assert faults_of(build, harness_of(build)) == ()


def test_a_fire_alarm_drops_the_arms_of_a_turnstile_by_its_own_input() -> None:
    wires = harness_of(load_build("turnstile-module-cm4")).wires
    ends = {(w.from_node, w.from_pin, w.to_node, w.to_pin) for w in wires}
    assert ("Fire alarm", "1: NC", LOCK, "EMERGENCY") in ends
    assert ("Fire alarm", "1: COM", LOCK, "EMERGENCY COM") in ends


def test_a_signal_on_ground_without_a_switch_is_found() -> None:
    build = load_build(STRIKE)
    harness = harness_of(build)
    pin, ground = (PI, "GPIO17 (pin 11)"), (CONVERTER, "OUT -")
    harness.join(ground, pin, mm2=0.2, m=1, colour="BK")
    found = faults_of(build, harness)
    assert "GPIO17 (pin 11) is connected to a supply without a switch" in found


WRONG_FILES = {
    "a magnet on the contact at rest of nothing": (
        MAGNET, "edge.toml", 'kind = "fail_safe", terminal = "ch1"',
        'kind = "fail_safe", terminal = "ch8"', "cannot be",
    ),
    "a strike for a magnet": (
        MAGNET, "build.toml", 'lock = "magnet-12v"', 'lock = "strike-12v"',
        "edge.toml has a fail_safe lock, strike-12v is fail_secure",
    ),
    "another board": (
        STRIKE, "build.toml", 'relays = "waveshare-rpi-relay-board-b"',
        'relays = "pimoroni-automation-hat"', "edge.toml has profile waveshare-rpi-relay-board-b",
    ),
    "another kind of camera": (
        STRIKE, "build.toml", '"camera-module-3"', '"usb-1080p"',
        "edge.toml has cameras ['picamera2'], usb-1080p is v4l2",
    ),
    "a picture that the camera does not give": (
        STRIKE, "edge.toml", "exposure_us = 4000", "exposure_us = 4000\nwidth_px = 1000",
        "front asks for 1000x720",
    ),
    "a supply for another voltage": (
        STRIKE, "build.toml", '"din-12v-60w"', '"usb-5v-3a"', "buck-12v-5v-3a takes 12.0 V",
    ),
    "a key that nobody knows": (
        STRIKE, "build.toml", "cable_m = 15.0", "cable_metres = 15.0",
        "line 8: cable_metres is not known here",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG_FILES)
def test_parts_that_do_not_go_together_are_told(tmp_path: Path, fault: str) -> None:
    name, file, right, wrong, said = WRONG_FILES[fault]
    shutil.copytree(BUILDS / name, tmp_path / name)
    path = tmp_path / name / file
    text = path.read_text("utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong), "utf-8")
    with pytest.raises(PartError) as told:
        load_build(name, folder=tmp_path)
    assert said in str(told.value)
    assert str(tmp_path) in str(told.value)


def test_places_on_the_header_are_those_that_gpiozero_knows() -> None:
    header = MockFactory().board_info.headers["J8"]
    known = {
        int(pin.name.removeprefix("GPIO")): place
        for place, pin in header.pins.items()
        if pin.name.startswith("GPIO")
    }
    assert dict(PLACE_OF_GPIO) == known
    by_name = {place: pin.name for place, pin in header.pins.items()}
    assert {by_name[place] for place in GROUNDS} == {"GND"}
    assert {by_name[place] for place in FIVE_VOLTS} == {"5V"}
    assert {by_name[place] for place in THREE_VOLTS} == {"3V3"}
