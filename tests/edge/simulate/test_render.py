"""Rendered pictures hold the code that was asked for, and a seed brings them back."""

from dataclasses import replace

import numpy as np
import pytest
import zxingcpp

from doorward_edge.scan import Luma, Symbology
from doorward_edge.simulate.background import draw_background
from doorward_edge.simulate.card import Grey
from doorward_edge.simulate.distortions import motion_blur
from doorward_edge.simulate.look import Look, Medium, Optics, Pose
from doorward_edge.simulate.render import render
from doorward_edge.simulate.symbol import draw_modules

SIZE = (640, 480)
TEXT = "DW1:" + "7QK$A" * 20


@pytest.fixture(scope="module")
def hall() -> Grey:
    return draw_background(SIZE, np.random.default_rng(1))


def texts(luma: Luma) -> list[str]:
    return [
        b.text
        for b in zxingcpp.read_barcodes(
            luma, formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
        )
    ]


@pytest.mark.parametrize(
    "look",
    [
        Look(),
        Look(pose=Pose(turn_deg=137)),
        Look(pose=Pose(tilt_x_deg=35, tilt_y_deg=-20, module_px=5)),
        Look(pose=Pose(curl=0.4, module_px=5)),
        Look(medium=Medium(inverted=True)),
        Look(medium=Medium(moire=0.15)),
        Look(optics=Optics(blur_px=1.2)),
        Look(optics=Optics(light=0.3, gradient=0.4)),
        Look(optics=Optics(motion_px=2.5, motion_deg=30)),
        Look(pose=Pose(center_x=0.3, center_y=0.4, module_px=2.5)),
    ],
)
def test_a_code_that_is_held_well_enough_can_be_read(look: Look, hall: Grey) -> None:
    assert texts(render(TEXT, look, hall, np.random.default_rng(2))) == [TEXT]


def test_the_same_seed_gives_the_same_picture_and_another_seed_another(hall: Grey) -> None:
    look = Look(medium=Medium(moire=0.3), optics=Optics(glare=0.5))
    one, same, other = (render(TEXT, look, hall, np.random.default_rng(s)) for s in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_the_background_is_not_changed_by_what_is_held_before_it(hall: Grey) -> None:
    before = hall.copy()
    render(TEXT, Look(), hall, np.random.default_rng(5))
    assert np.array_equal(hall, before)


def test_the_code_lies_where_the_pose_says_and_is_as_large_as_it_says(hall: Grey) -> None:
    pose = Pose(module_px=4.0, center_x=0.4, center_y=0.6)
    luma = render("DW0" + "7" * 18, Look(pose=pose), hall, np.random.default_rng(6))
    position = zxingcpp.read_barcodes(luma)[0].position
    corners = np.array(
        [
            (p.x, p.y)
            for p in (
                position.top_left,
                position.top_right,
                position.bottom_right,
                position.bottom_left,
            )
        ]
    )
    assert np.allclose(corners.mean(axis=0), (0.4 * SIZE[0], 0.6 * SIZE[1]), atol=3)
    assert np.linalg.norm(corners[1] - corners[0]) == pytest.approx(21 * 4.0, rel=0.05)


def test_a_card_that_hangs_out_of_the_frame_is_cut_off(hall: Grey) -> None:
    for x, y in ((0.0, 0.5), (1.0, 1.0), (-3.0, 0.5)):
        look = Look(pose=Pose(center_x=x, center_y=y, module_px=6))
        assert render(TEXT, look, hall, np.random.default_rng(7)).shape == (SIZE[1], SIZE[0])


def test_less_light_makes_a_darker_picture_and_noise_makes_a_rougher_one(hall: Grey) -> None:
    def picture(optics: Optics) -> Luma:
        return render(TEXT, Look(optics=optics), hall, np.random.default_rng(8))

    plain = Optics()
    assert picture(replace(plain, light=0.2)).mean() < 0.3 * picture(plain).mean()
    rough, smooth = (
        np.abs(np.diff(picture(o).astype(int), axis=1)).mean()
        for o in (replace(plain, noise_dn=15), plain)
    )
    assert rough > 2 * smooth


def test_motion_keeps_the_light_and_spreads_it_along_its_direction() -> None:
    dot = np.zeros((41, 41), dtype=np.float32)
    dot[20, 20] = 1
    smeared = motion_blur(dot, 9, 0)
    assert smeared.sum() == pytest.approx(1, abs=1e-3)
    rows, columns = np.nonzero(smeared > 0.01)
    assert np.ptp(rows) <= 2
    assert 7 <= np.ptp(columns) <= 11


@pytest.mark.parametrize(
    "symbology", [Symbology.QR, Symbology.MICRO_QR, Symbology.DATA_MATRIX, Symbology.AZTEC]
)
def test_the_matrix_codes_are_drawn_as_the_reader_knows_them(symbology: Symbology) -> None:
    modules = np.pad(draw_modules("DW0ABC", symbology=symbology), 4, constant_values=255)
    luma = np.repeat(np.repeat(modules, 5, axis=0), 5, axis=1)
    assert [b.text for b in zxingcpp.read_barcodes(luma)] == ["DW0ABC"]


def test_a_line_code_has_no_modules_to_draw() -> None:
    with pytest.raises(ValueError, match="symbology is code_128, the renderer draws qr"):
        draw_modules("DW0", symbology=Symbology.CODE_128)


def test_a_text_that_fits_no_symbol_is_refused() -> None:
    with pytest.raises(ValueError, match=r".+"):
        draw_modules("A" * 5000)
