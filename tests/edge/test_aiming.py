"""What an installer is told agrees with what was done to the picture."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from doorward_edge.__main__ import app
from doorward_edge.aiming.finders import find_code
from doorward_edge.aiming.measures import measure, measure_bars
from doorward_edge.aiming.plane import modules_of
from doorward_edge.aiming.sketch import OUTLINE, sketch
from doorward_edge.aiming.verdict import ADVICE, WORDS, Aim, Verdict, judge
from doorward_edge.decoder.passes import Passes
from doorward_edge.scan import Luma, Symbology
from doorward_edge.simulate.corpus import Distortion, Scene, draw_empty_scene, draw_scene
from doorward_edge.simulate.look import Look, Medium, Optics, Pose
from doorward_edge.simulate.render import render
from doorward_edge.simulate.symbol import draw_modules
from doorward_edge.stages.decode import STILL_PASSES
from tests.edge.decoder.test_symbologies import drawn as drawn_symbol
from tests.edge.test_config import GOOD

KINDS = ("DW0", "DW1", "DW2")
READERS = Passes((Symbology.QR,))
FIRST_SEED = 41_000
SCENES = 4


def judged(luma: Luma) -> Aim:
    return judge(luma, READERS.look(luma, STILL_PASSES))


def scenes(distortion: Distortion) -> list[Scene]:
    seeds = range(FIRST_SEED, FIRST_SEED + SCENES)
    return [draw_scene(distortion, KINDS[n % len(KINDS)], seed) for n, seed in enumerate(seeds)]


def verdicts(distortion: Distortion) -> list[tuple[Scene, Aim]]:
    return [(scene, judged(next(scene.frames(1)))) for scene in scenes(distortion)]


# --- The corpus. Seeds are others than those by which the thresholds were found.


def test_a_plain_code_is_good() -> None:
    assert all(aim.verdict is Verdict.GOOD for _, aim in verdicts(Distortion.PLAIN))


def test_a_code_in_the_dark_is_too_dark_also_where_it_is_not_found() -> None:
    assert all(aim.verdict is Verdict.TOO_DARK for _, aim in verdicts(Distortion.LOW_LIGHT))


def test_a_code_that_is_far_away_is_too_small_and_a_large_one_is_not() -> None:
    for scene, aim in verdicts(Distortion.SIZE):
        if aim.verdict is Verdict.NO_CODE:
            assert scene.look.pose.module_px < 2
            continue
        is_small = scene.look.pose.module_px < 2.4
        assert aim.verdict is (Verdict.TOO_SMALL if is_small else Verdict.GOOD)


@pytest.mark.parametrize("distortion", [Distortion.BLUR, Distortion.MOTION])
def test_what_is_out_of_focus_or_moved_is_blurred_or_not_found(distortion: Distortion) -> None:
    said = Counter(aim.verdict for _, aim in verdicts(distortion))
    assert set(said) <= {Verdict.BLURRED, Verdict.NO_CODE}
    assert said[Verdict.BLURRED] >= SCENES // 2


def test_a_mirrored_light_is_glare_where_it_takes_anything_away() -> None:
    for scene, aim in verdicts(Distortion.GLARE):
        if aim.verdict is Verdict.GOOD:
            assert scene.look.optics.glare < 0.6
            assert aim.is_read
        else:
            assert aim.verdict in {Verdict.GLARE, Verdict.NO_CODE, Verdict.BLURRED}


@pytest.mark.parametrize(
    "distortion", [Distortion.NOISE, Distortion.MOIRE, Distortion.CURL, Distortion.INVERTED]
)
def test_what_is_large_sharp_and_lit_is_never_called_otherwise(distortion: Distortion) -> None:
    for _, aim in verdicts(distortion):
        wanted = {Verdict.GOOD} if aim.is_read else {Verdict.UNREADABLE, Verdict.NO_CODE}
        assert aim.verdict in wanted


def test_nothing_is_found_where_nothing_is() -> None:
    for seed in range(4):
        luma = next(draw_empty_scene(FIRST_SEED + seed).frames(1))
        assert judged(luma) == Aim(verdict=Verdict.NO_CODE, is_read=False)


# --- One thing at a time


def picture(**optics: float) -> Luma:
    """A `DW1` code in the middle of a grey wall, everything else as it should be."""
    return held(Pose(module_px=4.5), Optics(**optics))


def held(pose: Pose, optics: Optics) -> Luma:
    wall = np.full((720, 1280), 0.5, dtype=np.float32)
    look = Look(pose=pose, medium=Medium(), optics=optics)
    text = "DW1:" + "7QK$A" * 27
    return render(text, look, wall, np.random.default_rng(7))


@pytest.mark.parametrize(
    ("luma", "verdict"),
    [
        (picture, Verdict.GOOD),
        (lambda: picture(light=0.15), Verdict.TOO_DARK),
        (lambda: picture(blur_px=2.6), Verdict.BLURRED),
        (lambda: picture(motion_px=7.0, motion_deg=0), Verdict.BLURRED),
        (lambda: picture(motion_px=7.0, motion_deg=90), Verdict.BLURRED),
        (lambda: picture(light=1.4), Verdict.GLARE),
        (lambda: held(Pose(module_px=1.8), Optics(blur_px=0.45)), Verdict.TOO_SMALL),
        (lambda: held(Pose(module_px=4, tilt_y_deg=62), Optics()), Verdict.TOO_SMALL),
        (lambda: np.zeros((480, 640), dtype=np.uint8), Verdict.TOO_DARK),
        (lambda: np.full((480, 640), 255, dtype=np.uint8), Verdict.GLARE),
        (lambda: np.full((480, 640), 128, dtype=np.uint8), Verdict.NO_CODE),
    ],
    ids=[
        "plain",
        "dusk",
        "defocus",
        "moved aside",
        "moved up",
        "overexposed",
        "far",
        "aslant",
        "black",
        "white",
        "grey",
    ],
)
def test_one_fault_has_one_name(luma: Callable[[], Luma], verdict: Verdict) -> None:
    assert judged(luma()).verdict is verdict


@pytest.mark.parametrize("module_px", [2.0, 3.0, 4.5, 8.0])
def test_the_size_of_a_module_is_told_within_a_tenth(module_px: float) -> None:
    luma = held(Pose(module_px=module_px), Optics(blur_px=0.45))
    found = judged(luma).measures
    assert found is not None
    assert found.module_px == pytest.approx(module_px, rel=0.1)


def test_more_blur_is_more_blur() -> None:
    blurs = [judged(picture(blur_px=b)).measures for b in (0.5, 1.2, 1.8, 2.4)]
    edges = [found.blur_modules for found in blurs if found]
    assert len(edges) == 4
    assert edges == sorted(edges)


# --- Finding what could not be read


@pytest.mark.parametrize("turn_deg", range(0, 360, 30))
def test_a_code_is_found_by_its_squares_however_it_is_turned(turn_deg: int) -> None:
    pose = Pose(module_px=4.5, turn_deg=turn_deg, tilt_x_deg=15)
    outline = find_code(held(pose, Optics()))
    assert outline is not None
    middle = np.mean(outline.corners, axis=0)
    assert middle == pytest.approx((640, 360), abs=14)
    assert outline.module_px == pytest.approx(4.5, rel=0.15)


@pytest.mark.parametrize("size", [(5, 5), (20, 400), (400, 20), (33, 33)])
def test_tiny_pictures_hold_nothing(size: tuple[int, int]) -> None:
    assert find_code(np.zeros(size, dtype=np.uint8)) is None
    assert judge(np.full(size, 128, dtype=np.uint8), ()).verdict is Verdict.NO_CODE


def test_noise_alone_is_no_code() -> None:
    rng = np.random.default_rng(3)
    luma = rng.integers(0, 256, (480, 640)).astype(np.uint8)
    assert find_code(luma) is None


@pytest.mark.parametrize("length", [10, 40, 90, 150, 280, 700, 1500])
@pytest.mark.parametrize("is_inverted", [False, True])
def test_the_timing_patterns_tell_the_number_of_modules(length: int, *, is_inverted: bool) -> None:
    rng = np.random.default_rng(length)
    modules = draw_modules("".join(rng.choice(list("0123456789ABCDEF"), length)))
    count = len(modules)
    large = np.kron(np.pad(modules, 4, constant_values=255), np.ones((4, 4), dtype=np.uint8))
    luma: Luma = np.asarray(large, dtype=np.uint8)
    if is_inverted:
        luma = np.asarray(cv2.bitwise_not(luma), dtype=np.uint8)
    at, to = 16.0, 16.0 + 4 * count
    assert modules_of(luma, ((at, at), (to, at), (to, to), (at, to))) == count


@pytest.mark.parametrize("symbology", sorted({Symbology.CODE_128, Symbology.EAN_13}))
def test_bars_are_measured_by_their_narrowest(symbology: Symbology) -> None:
    luma = drawn_symbol(symbology)
    (sighting,) = Passes((symbology,)).look(luma, STILL_PASSES)
    found = measure_bars(luma, sighting.corners)
    assert found.module_px == pytest.approx(3, rel=0.25)
    assert judge(luma, (sighting,)).verdict is Verdict.GOOD


def test_corners_on_one_line_are_no_plane() -> None:
    line = ((1.0, 1.0), (50.0, 1.0), (50.0, 1.0), (1.0, 1.0))
    with pytest.raises(np.linalg.LinAlgError):
        measure(np.zeros((90, 90), dtype=np.uint8), line, 21)


# --- Shown


def test_every_verdict_has_words_and_advice() -> None:
    assert set(WORDS) == set(ADVICE) == set(Verdict)


@pytest.mark.parametrize("columns", [2, 31, 96, 4000])
def test_the_sketch_has_the_pictures_proportions_and_greys(columns: int) -> None:
    luma = np.tile(np.linspace(0, 255, 1280).astype(np.uint8), (720, 1))
    pixels = sketch(luma, columns, None)
    rows, wide = pixels.shape[:2]
    assert rows % 2 == 0
    assert wide == min(columns, 1280)
    assert rows == pytest.approx(wide * 720 / 1280, abs=2)
    assert (np.diff(pixels[0, :, 0].astype(int)) >= 0).all()


def test_the_sketch_shows_where_the_code_lies() -> None:
    luma = np.full((720, 1280), 90, dtype=np.uint8)
    corners = ((320.0, 180.0), (960.0, 180.0), (960.0, 540.0), (-5e6, 9e6))
    pixels = sketch(luma, 64, corners)
    assert tuple(pixels[9, 32]) == OUTLINE
    assert tuple(pixels[2, 2]) == (90, 90, 90)


# --- The command

RUNNER = CliRunner()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "edge.toml"
    scene = 'kind = "scene"\nwidth_px = 640\nheight_px = 480'
    path.write_text(GOOD.replace('kind = "scene"', scene), "utf-8")
    return path


def test_aim_looks_through_the_configured_camera(config: Path, tmp_path: Path) -> None:
    marked = tmp_path / "marked.png"
    words = ["aim", "--config", str(config), "--seconds", "1", "--json", "--picture", str(marked)]
    result = RUNNER.invoke(app, words)
    assert result.exit_code == 0
    said = [json.loads(line) for line in result.stdout.splitlines()]
    assert said[-1]["verdict"] == "good"
    assert said[-1]["module_px"] >= said[-1]["aim_module_px"] == 3
    drawn = cv2.imread(str(marked))
    assert drawn is not None
    assert drawn.shape == (480, 640, 3)


def test_aim_judges_pictures_of_a_folder(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1-sharp.png"), picture())
    cv2.imwrite(str(tmp_path / "2-soft.png"), picture(blur_px=2.6))
    cv2.imwrite(str(tmp_path / "3-dark.png"), picture(light=0.1))
    (tmp_path / "4-none.png").write_bytes(b"no picture")
    result = RUNNER.invoke(app, ["aim", "--pictures", str(tmp_path)])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split(". ")[0] for line in lines] == [
        "1-sharp.png: good",
        "2-soft.png: blurred",
        "3-dark.png: too dark",
    ]
    assert "Set the focus" in lines[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--config", "/nowhere/edge.toml"], "/nowhere/edge.toml: cannot be read"),
        (["--camera", "back"], "--camera is 'back'; cameras of this gateway are: front"),
        (["--pictures", "/nowhere"], "/nowhere cannot be listed"),
        (["--seconds", "0.3", "--picture", "/nowhere/x.png"], "--picture /nowhere/x.png"),
    ],
)
def test_what_cannot_be_aimed_says_why(config: Path, words: list[str], said: str) -> None:
    given = ["--config", str(config), *words] if "--config" not in words else words
    result = RUNNER.invoke(app, ["aim", *given])
    assert result.exit_code == 1
    assert said in result.stderr
