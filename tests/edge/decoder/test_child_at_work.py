"""The real child at work: every pass, hostile content, a spare one, and nothing left behind."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.config import ClockSource
from doorward_edge.decoder.client import DecoderClient, Loss
from doorward_edge.decoder.process import ChildSettings
from doorward_edge.scan import Symbology
from doorward_edge.stages.decode import Pass
from tests.edge.decoder.pictures import blank, qr

CLOCK = SystemClock(ClockSource.ASSUME)
ENDS_WHEN_ASKED = """
import os, sys
from doorward_edge.decoder.protocol import HELLO_SERIAL, REQUEST_BYTES, Status, reply_to_wire
os.write(int(sys.argv[3]), reply_to_wire(HELLO_SERIAL, Status.OK))
os.read(int(sys.argv[2]), REQUEST_BYTES)
"""
PATIENCE_S = 60
FAST = (Pass.ZXING_FAST,)
SETTINGS = ChildSettings(frame_bytes=1280 * 720)


@pytest.fixture(scope="module")
def client() -> Iterator[DecoderClient]:
    client = DecoderClient(SETTINGS, CLOCK, deadline_ms=20_000)
    assert client.wait_ready(PATIENCE_S)
    yield client
    client.close()


def made(request: pytest.FixtureRequest, settings: ChildSettings, **options: int) -> DecoderClient:
    client = DecoderClient(settings, CLOCK, **options)  # type: ignore[arg-type]  # numbers and flags
    request.addfinalizer(client.close)
    return client


def until(met: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < end, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.005)


@pytest.mark.parametrize("number", Pass)
def test_every_pass_reads_in_the_sandbox(client: DecoderClient, number: Pass) -> None:
    picture = qr("DW1:HELLO", 6)
    if number is Pass.ZXING_INVERTED:
        picture = 255 - picture
    decoded = client.decode(picture, (number,))
    assert [(s.payload, s.reader) for s in decoded.sightings] == [(b"DW1:HELLO", number.label)]
    xs = [x for x, _ in decoded.sightings[0].corners]
    assert (min(xs), max(xs)) == pytest.approx((60 + 24, 60 + 24 + 21 * 6), abs=4)


@pytest.mark.parametrize("charset", [f"iso-8859-{n}" for n in (1, 2, 5, 7, 9, 15)] + ["shift_jis"])
def test_no_character_set_makes_a_reader_open_a_file(client: DecoderClient, charset: str) -> None:
    text = {"iso-8859-5": "жук", "iso-8859-7": "αβγ", "shift_jis": "テスト"}.get(charset, "abc")
    pid = client.child_pid
    client.decode(qr(text, encoding=charset, eci=True), (Pass.PYZBAR_PLAIN,))
    client.decode(qr(bytes(range(128, 256)), mode="byte"), (Pass.PYZBAR_PLAIN,))
    client.tend()
    assert client.child_pid == pid


def test_random_pictures_and_sizes_never_cost_a_child(client: DecoderClient) -> None:
    rng, pid = np.random.default_rng(1), client.child_pid
    for _ in range(40):
        height, width = (int(n) for n in rng.integers(1, 400, 2))
        noise = rng.integers(0, 256, (height, width)).astype(np.uint8)
        decoded = client.decode(noise, tuple(Pass))
        assert decoded.loss in {None, Loss.FAILED}
    assert client.child_pid == pid


def test_with_a_spare_child_the_very_next_frame_is_read(request: pytest.FixtureRequest) -> None:
    client = made(request, SETTINGS, has_spare=True)
    assert client.wait_ready(PATIENCE_S)
    until(lambda: spare_is_ready(client), "the spare child")
    for _ in range(2):
        until(lambda: spare_is_ready(client), "the spare child")
        first = client.child_pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        until_gone(first)
        assert client.decode(qr("HELLO"), FAST).sightings
    assert client.stats()["restarts"] == 2


def ends_of(client: DecoderClient) -> int:
    client.tend()
    return client.stats()["restarts"]


def spare_is_ready(client: DecoderClient) -> bool:
    client.tend()
    return sum(child.is_ready for child in client._children) == 2


def until_gone(pid: int) -> None:
    until(lambda: state_of(pid) in {"Z", ""}, f"the end of {pid}")


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def test_a_child_dies_with_the_gateway() -> None:
    import subprocess
    import sys

    script = (
        "import os, sys\n"
        "from doorward_edge.adapters.clock_system import SystemClock\n"
        "from doorward_edge.config import ClockSource\n"
        "from doorward_edge.decoder.client import DecoderClient\n"
        "from doorward_edge.decoder.process import ChildSettings\n"
        "client = DecoderClient(ChildSettings(), SystemClock(ClockSource.ASSUME))\n"
        "assert client.wait_ready(60)\n"
        "print(client.child_pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=PATIENCE_S, check=False
    )
    orphan = int(done.stdout)
    until_gone(orphan)


def test_pictures_and_answers_cost_no_descriptors(request: pytest.FixtureRequest) -> None:
    settings = ChildSettings(frame_bytes=640 * 480, program=("-c", ENDS_WHEN_ASKED))
    client = made(request, settings)
    until(lambda: client.decode(blank(), FAST).loss is Loss.DIED, "a death")
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    deaths = ends_of(client) + 3

    def has_died_more() -> bool:
        client.decode(blank(), FAST)
        return ends_of(client) >= deaths

    until(has_died_more, "more deaths")
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) <= before + 3


def test_symbologies_reach_the_child(request: pytest.FixtureRequest) -> None:
    import zxingcpp

    client = made(request, ChildSettings(symbologies=(Symbology.CODE_128,)))
    assert client.wait_ready(PATIENCE_S)
    barcode = zxingcpp.create_barcode("STAFF", zxingcpp.BarcodeFormat.Code128)
    symbol = np.array(zxingcpp.write_barcode_to_image(barcode, scale=3), dtype=np.uint8)
    picture = np.pad(symbol, 40, constant_values=255)
    (seen,) = client.decode(picture, FAST).sightings
    assert (seen.payload, seen.symbology) == (b"STAFF", Symbology.CODE_128)
    assert client.decode(qr("HELLO"), FAST).sightings == ()
