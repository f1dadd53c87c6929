"""Each pass reads what it is there for, and gives corners in pixels of the frame."""

import numpy as np
import pytest

from doorward_edge.decoder.passes import Passes
from doorward_edge.scan import Luma, Symbology
from doorward_edge.simulate.corpus import Distortion, draw_scene
from doorward_edge.simulate.symbol import draw_modules
from doorward_edge.stages.decode import STILL_PASSES, Pass

PASSES = Passes((Symbology.QR,))
TEXT = "DW1:" + "7QK$A" * 20


def drawn() -> Luma:
    modules = np.pad(draw_modules(TEXT), 4, constant_values=255)
    code = np.repeat(np.repeat(modules, 6, axis=0), 6, axis=1)
    return np.pad(code, ((40, 60), (80, 50)), constant_values=180)


@pytest.mark.parametrize("number", Pass)
def test_every_pass_reads_a_clear_code_where_it_is(number: Pass) -> None:
    luma = 255 - drawn() if number is Pass.ZXING_INVERTED else drawn()
    (seen,) = PASSES.look(luma, (number,))
    assert (seen.payload, seen.reader, seen.problem) == (TEXT.encode(), number.label, "")
    left, top, side = 80 + 24, 40 + 24, 37 * 6
    square = [(left, top), (left + side, top), (left + side, top + side), (left, top + side)]
    assert np.allclose(seen.corners, square, atol=4)


def test_the_first_pass_that_sees_something_ends_the_look() -> None:
    (seen,) = PASSES.look(drawn(), (Pass.ZXING_INVERTED, Pass.ZXING_HALF, Pass.ZXING_FAST))
    assert seen.reader == "zxing/half"


def test_no_passes_see_nothing() -> None:
    assert PASSES.look(drawn(), ()) == ()


@pytest.mark.parametrize(
    ("number", "distortion"),
    [
        (Pass.ZXING_HALF, Distortion.NOISE),
        (Pass.ZXING_SMOOTH, Distortion.NOISE),
        (Pass.PYZBAR_SMOOTH, Distortion.NOISE),
        (Pass.ZXING_DOUBLED, Distortion.LOW_LIGHT),
        (Pass.PYZBAR_PLAIN, Distortion.MOIRE),
        (Pass.ZXING_UNSHARP, Distortion.BLUR),
        (Pass.ZXING_INVERTED, Distortion.INVERTED),
    ],
)
def test_every_extra_pass_reads_what_the_fast_look_misses(
    number: Pass, distortion: Distortion
) -> None:
    won = 0
    for seed in range(12):
        scene = draw_scene(distortion, "DW1", 500 + seed)
        luma = next(scene.frames(1))
        if not PASSES.look(luma, (Pass.ZXING_FAST,)):
            seen = PASSES.look(luma, (number,))
            assert {s.payload.decode() for s in seen} <= {scene.payload}
            won += bool(seen)
    assert won


def test_a_photograph_is_given_every_pass_but_the_hasty_one() -> None:
    assert set(Pass) - set(STILL_PASSES) == {Pass.ZXING_FAST}
    assert len(STILL_PASSES) == len(set(STILL_PASSES))
