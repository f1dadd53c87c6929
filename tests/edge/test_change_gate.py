"""The gate opens for a code and stays shut for noise and daylight."""

import numpy as np
import pytest

from doorward_edge.scan import Luma
from doorward_edge.stages.change_gate import ChangeGate, _sums

CALM_FRAMES = 15


def hall(seed: int = 0) -> Luma:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 180, (9, 16)).astype(np.uint8)
    return np.kron(coarse, np.ones((40, 40), dtype=np.uint8))


def seen(scene: Luma, rng: np.random.Generator, *, noise: float = 3, light: float = 1) -> Luma:
    grain = rng.standard_normal(scene.shape, dtype=np.float32)
    counts = scene * np.float32(light) + np.float32(noise) * grain
    return np.clip(np.rint(counts), 0, 255).astype(np.uint8)


def calmed(scene: Luma, rng: np.random.Generator, noise: float = 3) -> ChangeGate:
    gate = ChangeGate()
    for _ in range(CALM_FRAMES):
        gate.is_changed(seen(scene, rng, noise=noise))
    return gate


def with_code(scene: Luma, module_px: int, modules: int = 21) -> Luma:
    rng = np.random.default_rng(9)
    code = rng.integers(0, 2, (modules, modules)).astype(np.uint8) * 200 + 20
    code = np.kron(code, np.ones((module_px, module_px), dtype=np.uint8))
    held = scene.copy()
    held[151 : 151 + code.shape[0], 317 : 317 + code.shape[1]] = code
    return held


def test_the_first_frame_is_new() -> None:
    assert ChangeGate().is_changed(hall())


@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0, 10.0, 25.0])
def test_noise_alone_is_no_change(noise: float) -> None:
    rng = np.random.default_rng(1)
    gate = calmed(hall(), rng, noise)
    assert sum(gate.is_changed(seen(hall(), rng, noise=noise)) for _ in range(60)) <= 1


def test_an_evening_that_falls_is_no_change() -> None:
    rng = np.random.default_rng(2)
    gate = calmed(hall(), rng)
    lights = np.linspace(1.0, 0.6, 150)
    assert sum(gate.is_changed(seen(hall(), rng, light=float(at))) for at in lights) == 0


@pytest.mark.parametrize("module_px", [2, 3, 5])
@pytest.mark.parametrize("noise", [1.0, 3.0, 10.0])
def test_the_smallest_code_held_up_is_a_change(module_px: int, noise: float) -> None:
    rng = np.random.default_rng(3)
    gate = calmed(hall(), rng, noise)
    assert gate.is_changed(seen(with_code(hall(), module_px), rng, noise=noise))


def test_taking_the_code_away_is_a_change_too() -> None:
    rng = np.random.default_rng(4)
    gate = calmed(with_code(hall(), 4), rng)
    assert gate.is_changed(seen(hall(), rng))


def test_another_picture_altogether_is_a_change() -> None:
    rng = np.random.default_rng(5)
    assert calmed(hall(0), rng).is_changed(seen(hall(1), rng))


def test_another_size_is_a_change() -> None:
    gate = calmed(hall(), np.random.default_rng(6))
    assert gate.is_changed(hall()[:240, :320])


@pytest.mark.parametrize("width", [160, 161, 333, 17])
def test_a_width_of_no_even_number_of_blocks_is_looked_at(width: int) -> None:
    gate = ChangeGate()
    picture = np.full((200, width), 90, dtype=np.uint8)
    assert gate.is_changed(picture)
    assert not gate.is_changed(picture)
    held = picture.copy()
    held[40:120, :16] = 200
    assert gate.is_changed(held)


def test_a_part_that_is_narrower_than_a_block_is_always_looked_at() -> None:
    gate = ChangeGate()
    assert all(gate.is_changed(np.zeros((200, 15), np.uint8)) for _ in range(3))


def test_the_sums_are_those_of_sixteen_neighbours() -> None:
    luma = np.random.default_rng(1).integers(0, 256, (64, 333)).astype(np.uint8)
    wanted = luma[::16, :320].reshape(4, 20, 16).sum(axis=2)
    assert np.array_equal(_sums(luma), wanted)
