"""Every kind of symbol that may be configured is read in the locked-in child, by each reader."""

from collections.abc import Iterator

import numpy as np
import pytest
import zxingcpp

from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.config import ClockSource
from doorward_edge.decoder.client import DecoderClient
from doorward_edge.decoder.process import ChildSettings
from doorward_edge.scan import Luma, Sighting, Symbology
from doorward_edge.stages.decode import Pass

SIZE_PX = (1280, 720)
_LINE_HEIGHT_PX = 90
FORMATS = {
    Symbology.QR: (zxingcpp.BarcodeFormat.QRCode, "DW0123456789ABCDEFGX"),
    Symbology.MICRO_QR: (zxingcpp.BarcodeFormat.MicroQRCode, "00471108"),
    Symbology.DATA_MATRIX: (zxingcpp.BarcodeFormat.DataMatrix, "Lager 7/004711"),
    Symbology.AZTEC: (zxingcpp.BarcodeFormat.Aztec, "TICKET-004711"),
    Symbology.PDF417: (zxingcpp.BarcodeFormat.PDF417, "004711 LIN WEI"),
    Symbology.CODE_128: (zxingcpp.BarcodeFormat.Code128, "ST-00471108"),
    Symbology.CODE_39: (zxingcpp.BarcodeFormat.Code39, "ST00471108"),
    Symbology.EAN_13: (zxingcpp.BarcodeFormat.EAN13, "4006381333931"),
    Symbology.ITF: (zxingcpp.BarcodeFormat.ITF, "0047110815"),
}
LINES = {Symbology.CODE_128, Symbology.CODE_39, Symbology.EAN_13, Symbology.ITF}
ZBAR_READS = {Symbology.QR, *LINES}


def drawn(symbology: Symbology, turns: int = 0) -> Luma:
    """Returns a frame with one symbol, three pixels a module, turned by quarters, with noise."""
    format_, text = FORMATS[symbology]
    barcode = zxingcpp.create_barcode(text, format_)
    symbol = np.array(zxingcpp.write_barcode_to_image(barcode, scale=3), dtype=np.uint8)
    if symbology in LINES:
        symbol = np.repeat(symbol[symbol.shape[0] // 2 :][:1], _LINE_HEIGHT_PX, axis=0)
    symbol = np.rot90(np.pad(symbol, 40, constant_values=255), turns)
    frame = np.full((SIZE_PX[1], SIZE_PX[0]), 190, dtype=np.int16)
    tall, wide = symbol.shape
    frame[20 : 20 + tall, 100 : 100 + wide] = symbol
    noise = np.random.default_rng(1).normal(0, 4, frame.shape)
    return np.asarray(np.clip(frame * 0.85 + 15 + noise, 0, 255), dtype=np.uint8)


def client_for(*symbologies: Symbology) -> DecoderClient:
    settings = ChildSettings(symbologies=symbologies, frame_bytes=SIZE_PX[0] * SIZE_PX[1])
    client = DecoderClient(settings, SystemClock(ClockSource.ASSUME), deadline_ms=10_000)
    assert client.wait_ready(30)
    return client


@pytest.fixture(scope="module")
def all_kinds() -> Iterator[DecoderClient]:
    client = client_for(*Symbology)
    yield client
    client.close()


@pytest.fixture(scope="module")
def qr_alone() -> Iterator[DecoderClient]:
    client = client_for(Symbology.QR)
    yield client
    client.close()


def seen(client: DecoderClient, luma: Luma, *passes: Pass) -> tuple[Sighting, ...]:
    decoded = client.decode(luma, passes)
    assert decoded.loss is None
    return decoded.sightings


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("symbology", Symbology)
def test_zxing_reads_every_kind_however_it_is_turned(
    all_kinds: DecoderClient, symbology: Symbology, turns: int
) -> None:
    # Upside down, PDF417 needs the picture at half its size.
    look = (Pass.ZXING_FAST, Pass.ZXING_HALF)
    (sighting,) = seen(all_kinds, drawn(symbology, turns), *look)
    said = (sighting.payload.decode(), sighting.symbology, sighting.problem)
    assert said == (FORMATS[symbology][1], symbology, "")


@pytest.mark.parametrize(
    ("symbology", "turns"),
    [(s, t) for s in sorted(ZBAR_READS) for t in range(4) if s is not Symbology.ITF or t in {0, 2}],
)
def test_zbar_reads_the_kinds_that_it_knows_however_they_are_turned(
    all_kinds: DecoderClient, symbology: Symbology, turns: int
) -> None:
    (sighting,) = seen(all_kinds, drawn(symbology, turns), Pass.PYZBAR_PLAIN)
    said = (sighting.payload.decode(), sighting.symbology, sighting.problem)
    assert said == (FORMATS[symbology][1], symbology, "")


@pytest.mark.parametrize("symbology", sorted(set(Symbology) - ZBAR_READS))
def test_zbar_says_nothing_of_the_kinds_that_it_does_not_know(
    all_kinds: DecoderClient, symbology: Symbology
) -> None:
    assert seen(all_kinds, drawn(symbology), Pass.PYZBAR_PLAIN) == ()


@pytest.mark.parametrize("symbology", sorted(set(Symbology) - {Symbology.QR}))
def test_what_is_not_configured_is_not_read(qr_alone: DecoderClient, symbology: Symbology) -> None:
    for each in (Pass.ZXING_FAST, Pass.ZXING_SLOW, Pass.PYZBAR_PLAIN):
        assert seen(qr_alone, drawn(symbology), each) == ()


@pytest.mark.parametrize("symbology", Symbology)
def test_corners_lie_round_the_symbol(all_kinds: DecoderClient, symbology: Symbology) -> None:
    frame = drawn(symbology)
    tall, wide = np.argwhere(frame < 110).max(axis=0)
    top, left = np.argwhere(frame < 110).min(axis=0)
    for number in (Pass.ZXING_FAST, Pass.PYZBAR_PLAIN):
        for sighting in seen(all_kinds, frame, number):
            xs, ys = zip(*sighting.corners, strict=True)
            assert left - 12 <= min(xs) <= max(xs) <= wide + 12
            assert top - 12 <= min(ys) <= max(ys) <= tall + 12
            if number is Pass.ZXING_FAST or symbology is Symbology.QR:
                # Of bars zbar only tells points on the lines along which it read.
                assert max(xs) - min(xs) >= 0.8 * (wide - left)
