"""What is printed: the card of lamps and tones, and the head, are what firmware and parts say."""

from pathlib import Path

import pytest

from doorward_edge.perception import PATTERNS, WORDS, Lamp
from doorward_edge.ports import Signal
from tools.draw_enclosure import ENCLOSURE, HEADS, texts
from tools.hardware.parts import Shelf
from tools.make_card import CARD, SHOWN, make_card, missing_words, row_of, words_on_card


def test_the_committed_card_has_every_word_in_both_languages() -> None:
    assert missing_words(CARD) == [], "run: make card"
    assert CARD.stat().st_size < 60_000


def test_a_card_without_a_word_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "card.pdf"
    path.write_bytes(make_card())
    assert missing_words(path) == []
    monkeypatch.setattr("tools.make_card.OFFLINE", ("something that no card says", "没有的话"))
    assert missing_words(path) == ["something that no card says", "没有的话"]


def test_every_signal_but_rest_is_on_the_card_with_its_lamp_and_tones() -> None:
    assert set(SHOWN) == set(Signal) - {Signal.IDLE}
    for signal in SHOWN:
        row = row_of(signal)
        assert {row.lamp} in [set(step.lamps) for step in PATTERNS[signal].steps]
        assert row.said == (WORDS[signal].en, WORDS[signal].zh)
    assert row_of(Signal.REFUSED).lamp is Lamp.RED
    assert row_of(Signal.IDENTIFY).manner == ("blue, blinks", "蓝灯闪")
    assert row_of(Signal.FIRE).manner == ("green, stays", "绿灯常亮")
    assert "离线" in "".join(words_on_card())


def test_heads_have_the_sizes_of_their_parts_and_a_picture() -> None:
    for path, text in texts().items():
        assert path.read_text("utf-8") == text, f"{path.name} is old; run: make enclosure"
        picture = path.with_suffix(".png").read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < 60_000


def test_a_head_fits_its_boards() -> None:
    shape = (ENCLOSURE / "head.scad").read_text("utf-8")
    assert "include" not in shape, "sizes include the shape, not the other way round"
    for computer, camera in HEADS:
        spacing = Shelf().computer(computer).hole_spacing_mm
        board = Shelf().computer(computer).board_mm
        assert spacing is not None, f"{computer} has no holes to stand on"
        assert all(hole < side for hole, side in zip(spacing, board, strict=False))
        assert Shelf().camera(camera).interface == "csi"
