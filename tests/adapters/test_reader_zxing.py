"""zxing-cpp: bytes, corners and refusals also where a code is turned, damaged or strange."""

from typing import Any

import numpy as np
import pytest
import segno
import zxingcpp

from doorward_edge.adapters.reader_zxing import ZxingReader
from doorward_edge.scan import Luma, Symbology

READER = ZxingReader((Symbology.QR,))


def drawn(code: segno.QRCode, scale: int = 4) -> Luma:
    rows = code.matrix_iter(scale=scale, border=4)
    return np.array([[0 if dark else 255 for dark in row] for row in rows], dtype=np.uint8)


def make(content: str | bytes, **options: Any) -> Luma:
    return drawn(segno.make(content, micro=False, **options))


@pytest.mark.parametrize("turns", range(4))
def test_corners_follow_the_code_as_it_is_turned(turns: int) -> None:
    luma = make("DW0A", version=1)
    (seen,) = READER.read(np.ascontiguousarray(np.rot90(luma, -turns)))
    expected = [(16, 16), (100, 16), (100, 100), (16, 100)]
    assert np.allclose(seen.corners, np.roll(expected, turns * -1, axis=0), atol=2)


@pytest.mark.parametrize(
    "content",
    [b"\x00\xff\x80raw", "plain", "1234567890", "HTTPS://EXAMPLE.ORG", "é中文ж", "\\000003 \\\\"],
)
def test_bytes_come_as_they_stand_in_the_code(content: str | bytes) -> None:
    wanted = content.encode() if isinstance(content, str) else content
    options = {} if isinstance(content, bytes) or content.isascii() else {"encoding": "utf-8"}
    (seen,) = READER.read(make(content, **options))
    assert (seen.payload, seen.problem) == (wanted, "")


@pytest.mark.parametrize("charset", ["iso-8859-5", "iso-8859-15", "shift-jis"])
def test_another_character_set_does_not_count_also_in_a_damaged_code(charset: str) -> None:
    text = "点" if charset == "shift-jis" else "DW1: Ж" if charset.endswith("-5") else "DW1: €"
    luma = make(text, encoding=charset, eci=True, mode="byte", error="h")
    (seen,) = READER.read(luma)
    assert seen.problem == "non_utf8_eci"
    luma[48:56, 48:56] = 128
    (seen,) = READER.read(luma)
    assert seen.problem == "non_utf8_eci"


def test_a_single_code_is_never_taken_for_a_part_of_a_sequence() -> None:
    rng = np.random.default_rng(1)
    for length in range(1, 60):
        text = "DW1:" + "".join(rng.choice(list("0123456789ABC $%*+-./:"), length))
        luma = make(text, error="m", boost_error=False)
        spoiled = luma.copy()
        middle = luma.shape[0] // 2
        spoiled[middle : middle + 6, middle : middle + 6] = 128
        for picture in (luma, spoiled):
            assert [(s.payload.decode(), s.problem) for s in READER.read(picture)] == [(text, "")]


def test_several_codes_in_one_frame_are_all_read() -> None:
    both = np.hstack([make("DW0A", version=1), make("DW0B", version=1)])
    assert sorted(s.payload for s in READER.read(both)) == [b"DW0A", b"DW0B"]


def test_nothing_is_seen_in_nothing() -> None:
    rng = np.random.default_rng(2)
    for luma in (
        np.zeros((200, 300), np.uint8),
        rng.integers(0, 256, (400, 400), dtype=np.uint8),
        np.full((1, 1), 7, np.uint8),
        np.full((3, 900), 7, np.uint8),
    ):
        assert READER.read(luma) == ()


def strange(kind: zxingcpp.BarcodeFormat) -> Luma:
    barcode = zxingcpp.create_barcode("004711", kind)
    symbol = np.array(zxingcpp.write_barcode_to_image(barcode, scale=4), dtype=np.uint8)
    return np.pad(symbol, 40, constant_values=255)


@pytest.mark.parametrize(
    "kind", [zxingcpp.BarcodeFormat.MicroQRCode, zxingcpp.BarcodeFormat.RMQRCode]
)
def test_a_relative_of_qr_is_not_read_and_spoils_nothing(kind: zxingcpp.BarcodeFormat) -> None:
    other, ours = strange(kind), make("DW0A", version=1)
    tall = max(other.shape[0], ours.shape[0])
    row = [np.pad(p, ((0, tall - p.shape[0]), (0, 0)), constant_values=255) for p in (other, ours)]
    for reader in (READER, ZxingReader((Symbology.QR,), thorough=True)):
        assert reader.read(other) == ()
        assert [s.payload for s in reader.read(np.hstack(row))] == [b"DW0A"]
