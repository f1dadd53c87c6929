"""Parts are data that is checked: mistakes name file and line, what belongs together is there."""

import shutil
from pathlib import Path

import pytest

from doorward_edge.boards import LockKind, load_profile, profile_names
from tools.hardware.parts import FOLDERS, HARDWARE, Focus, PartError, Shelf, load_file

COMPUTERS = {
    "raspberry-pi-3b-plus",
    "raspberry-pi-4",
    "raspberry-pi-5",
    "raspberry-pi-zero-2w",
    "raspberry-pi-cm4",
    "raspberry-pi-cm5",
}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    for kind in FOLDERS:
        shutil.copytree(HARDWARE / kind, tmp_path / kind)
    return Shelf(tmp_path)


def test_every_part_that_comes_with_the_product_is_right() -> None:
    shelf = Shelf()
    for kind, load in (
        ("cameras", shelf.camera),
        ("computers", shelf.computer),
        ("locks", shelf.lock),
        ("relays", shelf.relay),
        ("supplies", shelf.supply),
    ):
        assert shelf.names(kind), f"there are no {kind}"
        for name in shelf.names(kind):
            assert load(name).sources


def test_every_supported_computer_has_a_profile_and_its_power() -> None:
    assert set(profile_names()) >= COMPUTERS
    assert set(Shelf().names("computers")) == COMPUTERS


def test_a_profile_of_a_computer_is_chosen_by_what_the_kernel_calls_it() -> None:
    models = [model for name in COMPUTERS for model in load_profile(name, folder=Path()).models]
    assert "Raspberry Pi Compute Module 5" in models
    for model in models:
        assert [m for m in models if model.startswith(m)] == [model]


def test_every_relay_board_that_the_firmware_knows_has_its_currents() -> None:
    boards = {name for name in profile_names() if not name.startswith("raspberry-pi")}
    assert boards <= set(Shelf().names("relays"))


def test_there_is_a_lock_of_each_kind_and_a_camera_of_each_shutter() -> None:
    shelf = Shelf()
    assert {shelf.lock(name).kind for name in shelf.names("locks")} == set(LockKind)
    cameras = [shelf.camera(name) for name in shelf.names("cameras")]
    assert {camera.shutter for camera in cameras} == {"rolling", "global"}
    assert {camera.interface for camera in cameras} == {"csi", "usb"}


def test_an_estimate_says_that_it_is_one() -> None:
    shelf = Shelf()
    for name in shelf.names("locks"):
        said = " ".join(shelf.lock(name).sources)
        assert "not a model" in said or "read in" in said


def test_the_wider_of_angle_and_lens_counts() -> None:
    camera = Shelf().camera("camera-module-3")
    assert camera.half_width == pytest.approx(4608 * 1.4e-3 / 2 / 4.74)
    wide = Shelf().camera("camera-module-3-wide")
    assert wide.half_width == pytest.approx(1.2349, abs=1e-3)  # tan of 51 degrees


FAULTS = {
    "an unknown key": (
        "locks", "magnet-12v", "hold_ma =", "holds_ma =",
        "magnet-12v.toml, line 13: holds_ma is not known here",
    ),
    "a word for a number": (
        "locks", "magnet-12v", "hold_ma = 600", 'hold_ma = "much"',
        "line 13: hold_ma is 'much'",
    ),
    "a diode at a magnet": (
        "locks", "magnet-12v", '"varistor"', '"diode"',
        "line 16: suppression is a diode, with which a magnet lets go too late",
    ),
    "a magnet through NO": (
        "locks", "magnet-12v", 'contact = "nc"', 'contact = "no"',
        "line 15: contact must be nc",
    ),
    "a bare coil": (
        "locks", "strike-12v", '"diode"', '"none"', "suppression is none",
    ),
    "less inrush than hold": (
        "locks", "strike-12v", "inrush_ma = 500", "inrush_ma = 5",
        "inrush_ma is 5, less than hold_ma 500",
    ),
    "a picture wider than the sensor": (
        "cameras", "global-shutter-6mm", "[[frame]]\nwidth_px = 1456", "[[frame]]\nwidth_px = 9000",
        "frame[0].width_px is 9000, more than the sensor's 1456",
    ),
    "no usual picture": (
        "cameras", "camera-module-3", "is_usual = true", "is_usual = false",
        "must have one that is_usual",
    ),
    "a focus that nobody set": (
        "cameras", "global-shutter-6mm", "focused_mm = 400\n", "",
        "focused_mm belongs to focus = by_hand",
    ),
    "no sources": (
        "supplies", "usb-5v-3a", 'sources = ["', 'sources = []\nnotes = ["', "sources is empty",
    ),
    "not TOML": ("relays", "relay-module-1", "coil_ma =", "coil_ma", "not TOML"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mistake_in_a_file_is_told_with_file_and_line(shelf: Shelf, fault: str) -> None:
    kind, name, right, wrong, said = FAULTS[fault]
    path = shelf.folder / kind / f"{name}.toml"
    text = path.read_text("utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), "utf-8")
    with pytest.raises(PartError) as told:
        load_file(path, FOLDERS[kind])
    assert said in str(told.value)
    assert path.name in str(told.value)


def test_a_part_that_is_not_there_is_told_with_those_that_are(shelf: Shelf) -> None:
    with pytest.raises(PartError, match="cameras are: camera-module-3, "):
        shelf.camera("camera-module-9")


def test_only_lenses_that_are_focused_by_hand_have_a_distance() -> None:
    shelf = Shelf()
    for name in shelf.names("cameras"):
        camera = shelf.camera(name)
        assert (camera.focused_mm is not None) == (camera.focus is Focus.BY_HAND)
