"""Both readers behind the one port, on codes that are right, odd and hostile."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest
import segno
import zxingcpp

from doorward_edge.adapters.reader_pyzbar import PyzbarReader
from doorward_edge.adapters.reader_zxing import ZxingReader
from doorward_edge.ports import SymbolReader
from doorward_edge.scan import Luma, Symbology
from tests.edge.decoder.pictures import blank, drawn, qr, sequence

QR = (Symbology.QR,)


@pytest.fixture(params=["fast", "slow", "pyzbar"])
def reader(request: pytest.FixtureRequest) -> SymbolReader:
    if request.param == "pyzbar":
        return PyzbarReader(QR)
    return ZxingReader(QR, thorough=request.param == "slow")


DW1 = "DW1:" + "6BFOXN%TSMAHN-H0:Z4K" * 7


def test_a_badge_is_read_with_its_corners(reader: SymbolReader) -> None:
    (seen,) = reader.read(qr(DW1, 3, error="m"))
    assert (seen.payload, seen.symbology, seen.problem) == (DW1.encode(), Symbology.QR, "")
    width = (segno.make(DW1, error="m", micro=False).symbol_size(border=0)[0]) * 3
    left, top = 60 + 12, 20 + 12
    wanted = [(left, top), (left + width, top), (left + width, top + width), (left, top + width)]
    for corner, at in zip(seen.corners, wanted, strict=True):
        assert corner == pytest.approx(at, abs=3)


def test_an_empty_scene_has_no_codes(reader: SymbolReader) -> None:
    assert reader.read(blank()) == ()


def test_a_part_of_a_sequence_does_not_count(reader: SymbolReader) -> None:
    for part in sequence("DW1:ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" * 3):
        assert {seen.problem for seen in reader.read(part)} <= {"structured_append"}


@pytest.mark.parametrize("thorough", [False, True])
def test_zxing_says_that_it_was_a_part_of_a_sequence(*, thorough: bool) -> None:
    reader = ZxingReader(QR, thorough=thorough)
    for part in sequence("DW1:ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" * 3):
        assert [seen.problem for seen in reader.read(part)] == ["structured_append"]


@pytest.mark.parametrize("version", [None, 1, 5, 7, 10, 14])
@pytest.mark.parametrize("mask", range(8))
def test_no_version_and_mask_of_a_plain_code_is_taken_for_a_sequence(
    version: int | None, mask: int
) -> None:
    text = "DW1:HELLO 1" if version in {1, None} else DW1[:80]
    (seen,) = ZxingReader(QR).read(
        qr(text, version=version, mask=mask, error="l", boost_error=False)
    )
    assert (seen.payload, seen.problem) == (text.encode(), "")


@pytest.mark.parametrize("mask", range(8))
@pytest.mark.parametrize("version", [3, 8, 12])
def test_every_version_and_mask_of_a_sequence_is_known_as_one(version: int, mask: int) -> None:
    text = "A" * 90 if version == 3 else "A" * 400
    for code in segno.make_sequence(text, version=version, mask=mask):
        if len(segno.make_sequence(text, version=version, mask=mask)) > 1:
            assert [s.problem for s in ZxingReader(QR).read(drawn(code))] == ["structured_append"]


def test_a_code_in_another_character_set_does_not_count() -> None:
    (seen,) = ZxingReader(QR).read(qr("αβγ", encoding="iso-8859-7", eci=True))
    assert seen.problem == "non_utf8_eci"


def test_a_code_that_says_utf8_counts() -> None:
    (seen,) = ZxingReader(QR).read(qr("Tür 门", encoding="utf-8", eci=True))
    assert (seen.payload.decode(), seen.problem) == ("Tür 门", "")


def test_a_code_with_too_much_in_it_does_not_count(reader: SymbolReader) -> None:
    (seen,) = reader.read(qr("A" * 600, 3, error="l"))
    assert seen.problem == "too_long"


def test_payloads_of_bytes_come_through_zxing_unchanged() -> None:
    (seen,) = ZxingReader(QR).read(qr(bytes(range(120, 200)), mode="byte"))
    assert seen.payload == bytes(range(120, 200))


def test_other_kinds_of_symbol_are_not_looked_for(reader: SymbolReader) -> None:
    assert reader.read(other("1234567890128", zxingcpp.BarcodeFormat.EAN13)) == ()


@pytest.mark.parametrize(
    ("symbology", "text", "kind"),
    [
        (Symbology.CODE_128, "STAFF-4711", zxingcpp.BarcodeFormat.Code128),
        (Symbology.CODE_39, "STAFF4711", zxingcpp.BarcodeFormat.Code39),
        (Symbology.EAN_13, "4006381333931", zxingcpp.BarcodeFormat.EAN13),
        (Symbology.ITF, "1234567890", zxingcpp.BarcodeFormat.ITF),
    ],
)
def test_line_symbols_are_read_where_the_configuration_adds_them(
    symbology: Symbology, text: str, kind: zxingcpp.BarcodeFormat
) -> None:
    picture = other(text, kind)
    for reader in (ZxingReader([*QR, symbology]), PyzbarReader([*QR, symbology])):
        seen = reader.read(picture)
        assert {(s.payload.decode(), s.symbology) for s in seen} == {(text, symbology)}


@pytest.mark.parametrize(
    ("symbology", "kind"),
    [
        (Symbology.DATA_MATRIX, zxingcpp.BarcodeFormat.DataMatrix),
        (Symbology.AZTEC, zxingcpp.BarcodeFormat.Aztec),
        (Symbology.PDF417, zxingcpp.BarcodeFormat.PDF417),
        (Symbology.MICRO_QR, zxingcpp.BarcodeFormat.MicroQRCode),
    ],
)
def test_matrix_symbols_are_read_by_zxing_where_added(
    symbology: Symbology, kind: zxingcpp.BarcodeFormat
) -> None:
    (seen,) = ZxingReader([symbology]).read(other("4711", kind))
    assert (seen.payload, seen.symbology) == (b"4711", symbology)
    assert PyzbarReader([symbology]).read(other("4711", kind)) == ()


def test_pyzbar_reads_a_part_of_a_picture_that_is_not_in_one_piece() -> None:
    picture = np.asarray(np.hstack([blank(), qr("HELLO")]))
    (seen,) = PyzbarReader(QR).read(picture[:, 640:])
    assert seen.payload == b"HELLO"


def test_pyzbar_is_quiet_and_leaks_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (480, 640)).astype(np.uint8)
    pictures = [qr("HELLO"), noise, blank(), *sequence("A" * 90)]

    reader = PyzbarReader(QR)

    def look(turns: int) -> int:
        for turn in range(turns):
            reader.read(pictures[turn % len(pictures)])
        gc.collect()
        return resident_bytes()

    before = look(60)
    after = look(300)
    assert after - before < 2 * 2**20
    assert capfd.readouterr() == ("", "")


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def other(text: str, kind: zxingcpp.BarcodeFormat) -> Luma:
    barcode = zxingcpp.create_barcode(text, kind)
    symbol = np.array(zxingcpp.write_barcode_to_image(barcode, scale=3), dtype=np.uint8)
    picture = np.full((480, 640), 255, dtype=np.uint8)
    picture[60 : 60 + symbol.shape[0], 60 : 60 + symbol.shape[1]] = symbol[:400, :560]
    return picture
