"""Everything that can be set from afar fits the installer's file, and its checks hold for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from doorward.settable import REGISTRY, SIGNALS, Shape
from doorward.twin import SETTABLE, Setting, Settings, is_settable
from doorward_edge.config import ConfigError, EdgeConfig, load_config
from doorward_edge.ports import Signal
from doorward_edge.remote_wiring import check_settings
from doorward_edge.scan import Strategy, Symbology
from tests.edge.test_config import GOOD

# By pattern: a name, a value that fits, one that does not, and where the value is found then.
CASES: dict[str, tuple[str, Setting, Setting, Any]] = {
    "camera.*.width_px": ("camera.front.width_px", 640, 10, lambda c: c.cameras[0].width_px),
    "camera.*.height_px": ("camera.front.height_px", 480, 9999, lambda c: c.cameras[0].height_px),
    "camera.*.fps": ("camera.front.fps", 5, 0, lambda c: c.cameras[0].fps),
    "camera.*.exposure_us": (
        "camera.front.exposure_us",
        4000,
        1,
        lambda c: c.cameras[0].exposure_us,
    ),
    "camera.*.gain": ("camera.front.gain", 2.5, 0.5, lambda c: c.cameras[0].gain),
    "camera.*.focus": ("camera.front.focus", 4.0, "near", lambda c: c.cameras[0].focus),
    "camera.*.roi_px": (
        "camera.front.roi_px",
        [0, 0, 640, 480],
        [0, 0, 9999, 480],
        lambda c: list(c.cameras[0].roi_px),
    ),
    "reader.strategy": ("reader.strategy", "zxing", "guess", lambda c: c.reader.strategy),
    "reader.symbologies": (
        "reader.symbologies",
        ["qr"],
        ["runes"],
        lambda c: list(c.reader.symbologies),
    ),
    "portal.*.held_s": ("portal.north.held_s", 2.0, 999, lambda c: c.portals[0].held_s),
    "portal.*.door.open_timeout_s": (
        "portal.north.door.open_timeout_s",
        9.0,
        0,
        lambda c: c.portals[0].door.open_timeout_s,
    ),
    "portal.*.door.passage_timeout_s": (
        "portal.north.door.passage_timeout_s",
        9.0,
        0,
        lambda c: c.portals[0].door.passage_timeout_s,
    ),
    "portal.*.door.held_after_s": (
        "portal.north.door.held_after_s",
        60.0,
        1e9,
        lambda c: c.portals[0].door.held_after_s,
    ),
    "perception.*.en": (
        "perception.granted.en",
        "Come in",
        "x" * 99,
        lambda c: c.perception.granted.en,
    ),
    "perception.*.zh": (
        "perception.granted.zh",
        "请进",
        "请" * 99,
        lambda c: c.perception.granted.zh,
    ),
    "perception.*.tones": (
        "perception.granted.tones",
        [[660, 100], [880, 100]],
        [[660]],
        lambda c: [list(tone) for tone in c.perception.granted.tones],
    ),
    "health.interval_s": ("health.interval_s", 30, 1, lambda c: c.health.interval_s),
}


CLEAR_OF: dict[str, Settings] = {
    "camera.front.width_px": {"camera.front.roi_px": []},
    "camera.front.height_px": {"camera.front.roi_px": []},
}
"""What else must be said, so that a bound is only a bound."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(GOOD)
    return path


def test_every_setting_has_its_case() -> None:
    assert CASES.keys() == SETTABLE.keys()


@pytest.mark.parametrize("pattern", CASES)
def test_a_value_that_fits_is_laid_over_the_file_and_one_that_does_not_is_refused(
    pattern: str, file: Path
) -> None:
    name, good, bad, where = CASES[pattern]
    assert is_settable(name)
    check_settings(file, {name: good})
    config: EdgeConfig = load_config(file, {name: good})
    assert where(config) == good
    with pytest.raises(ConfigError):
        check_settings(file, {name: bad})
    assert file.read_text() == GOOD


def test_a_setting_for_a_camera_that_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no camera\.side"):
        check_settings(file, {"camera.side.fps": 5})


def test_two_signals_that_sound_alike_are_refused_before_they_count(file: Path) -> None:
    tones: Setting = [[440, 100]]
    alike = {"perception.granted.tones": tones, "perception.refused.tones": tones}
    with pytest.raises(ConfigError):
        check_settings(file, alike)


def _bounds() -> list[tuple[str, float, float]]:
    """Each number: a name, a bound that is the last to fit, and the first one beyond."""
    cases = []
    for pattern, settable in REGISTRY.items():
        step = 1 if settable.shape is Shape.WHOLE else 0.001
        name = CASES[pattern][0]
        if settable.shape in {Shape.WHOLE, Shape.NUMBER}:
            assert settable.least is not None, pattern
            assert settable.most is not None, pattern
            cases.append((name, settable.least, settable.least - step))
            cases.append((name, settable.most, settable.most + step))
    return cases


@pytest.mark.parametrize(("name", "last", "beyond"), _bounds())
def test_the_registrys_bounds_are_those_of_the_file(
    name: str, last: float, beyond: float, file: Path
) -> None:
    more = CLEAR_OF.get(name, {})
    check_settings(file, {name: last, **more})
    with pytest.raises(ConfigError):
        check_settings(file, {name: beyond, **more})


@pytest.mark.parametrize("pattern", [p for p, s in REGISTRY.items() if s.shape is Shape.TEXT])
def test_the_registrys_lengths_are_those_of_the_file(pattern: str, file: Path) -> None:
    most = REGISTRY[pattern].most
    assert most is not None
    check_settings(file, {CASES[pattern][0]: "好" * int(most)})
    with pytest.raises(ConfigError):
        check_settings(file, {CASES[pattern][0]: "好" * (int(most) + 1)})


def test_the_registrys_choices_are_those_of_the_file() -> None:
    assert REGISTRY["reader.strategy"].choices == tuple(Strategy)
    assert REGISTRY["reader.symbologies"].choices == tuple(Symbology)
    assert tuple(Signal) == SIGNALS


@pytest.mark.parametrize("pattern", [p for p, s in REGISTRY.items() if s.example])
def test_the_registrys_examples_fit(pattern: str, file: Path) -> None:
    check_settings(file, {CASES[pattern][0]: json.loads(REGISTRY[pattern].example)})
