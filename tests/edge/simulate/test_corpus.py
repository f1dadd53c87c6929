"""The corpus for readers: every family can be drawn, and is the same each time."""

import re

import numpy as np
import pytest
import zxingcpp

from doorward_edge.simulate.corpus import (
    BASE45,
    CROCKFORD,
    FRAME_SIZE,
    Distortion,
    draw_empty_scene,
    draw_payload,
    draw_scene,
)
from doorward_edge.simulate.symbol import draw_modules


@pytest.mark.parametrize("distortion", Distortion)
def test_every_family_draws_frames_that_differ_by_noise_alone(distortion: Distortion) -> None:
    scene = draw_scene(distortion, "DW1", 1)
    first, second = scene.frames(2)
    assert first.shape == (FRAME_SIZE[1], FRAME_SIZE[0])
    assert not np.array_equal(first, second)
    assert np.abs(first.mean() - second.mean()) < 0.5
    again = next(draw_scene(distortion, "DW1", 1).frames(1))
    assert np.array_equal(first, again)


def test_the_plain_family_is_read_by_anything() -> None:
    for seed, kind in enumerate(("DW0", "DW1", "DW2")):
        scene = draw_scene(Distortion.PLAIN, kind, seed)
        frame = next(scene.frames(1))
        assert [b.text for b in zxingcpp.read_barcodes(frame)] == [scene.payload]


@pytest.mark.parametrize(
    ("kind", "pattern", "modules"),
    [
        ("DW0", f"DW0[{CROCKFORD}]{{17}}", 21),
        ("DW1", f"DW1:[{re.escape(BASE45)}]{{137}}", 41),
        ("DW2", f"DW2:[{re.escape(BASE45)}]{{288}}", 57),
    ],
)
def test_payloads_have_the_size_of_real_ones(kind: str, pattern: str, modules: int) -> None:
    payload = draw_payload(kind, np.random.default_rng(1))
    assert re.fullmatch(pattern, payload)
    assert draw_modules(payload).shape == (modules, modules)


def test_nothing_is_in_an_empty_scene() -> None:
    scene = draw_empty_scene(1)
    assert scene.payload == ""
    assert (
        zxingcpp.read_barcodes(
            next(scene.frames(1)), formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
        )
        == []
    )
