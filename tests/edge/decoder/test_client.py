"""Real children, killed, stopped and replaced by liars: the parent goes on."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.config import ClockSource
from doorward_edge.decoder.client import Decoded, DecoderClient, Loss
from doorward_edge.decoder.process import ChildSettings
from doorward_edge.scan import Symbology
from doorward_edge.stages.decode import STILL_PASSES, Pass
from tests.edge.decoder.pictures import blank, qr

CLOCK = SystemClock(ClockSource.ASSUME)
CHILDREN = str(Path(__file__).parent / "children.py")
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


def test_passes_are_tried_until_one_sees_something(client: DecoderClient) -> None:
    decoded = client.decode(255 - qr("HELLO"), (Pass.ZXING_FAST, Pass.ZXING_INVERTED))
    assert [s.reader for s in decoded.sightings] == ["zxing/inverted"]


def test_an_empty_picture_is_an_answer_and_no_loss(client: DecoderClient) -> None:
    decoded = client.decode(blank(), (Pass.ZXING_FAST, Pass.PYZBAR_PLAIN))
    assert (decoded.sightings, decoded.loss) == ((), None)
    assert decoded.took_us > 0


def test_random_pictures_and_sizes_never_cost_a_child(client: DecoderClient) -> None:
    rng, pid = np.random.default_rng(1), client.child_pid
    for _ in range(40):
        height, width = (int(n) for n in rng.integers(1, 400, 2))
        noise = rng.integers(0, 256, (height, width)).astype(np.uint8)
        decoded = client.decode(noise, tuple(Pass))
        assert decoded.loss in {None, Loss.FAILED}
    assert client.child_pid == pid


def test_a_picture_larger_than_the_memory_is_refused(client: DecoderClient) -> None:
    assert client.decode(np.zeros((1000, 1000), np.uint8), FAST).loss is Loss.TOO_LARGE


def test_a_file_is_not_opened_as_a_picture_when_it_is_none(client: DecoderClient) -> None:
    assert client.decode_file(b"\x89PNG" + os.urandom(100), STILL_PASSES).loss is Loss.NOT_AN_IMAGE


def test_the_child_holds_nothing_but_its_pipes_and_the_picture(client: DecoderClient) -> None:
    folder = Path(f"/proc/{client.child_pid}/fd")
    held = sorted(str(fd.readlink()) for fd in folder.iterdir())
    pipes = [name for name in held if name.startswith("pipe:")]
    others = {name for name in held if not name.startswith("pipe:")}
    assert len(pipes) == 2
    assert others == {"/dev/null", "/memfd:doorward-frame (deleted)"}


def test_the_child_is_locked_in(client: DecoderClient) -> None:
    status = Path(f"/proc/{client.child_pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert "Threads:\t1" in status


def test_a_killed_child_is_replaced_and_reads_again(request: pytest.FixtureRequest) -> None:
    client = made(request, SETTINGS)
    assert client.wait_ready(PATIENCE_S)
    first = client.child_pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: client.decode(qr("HELLO"), FAST).sightings, "a scan after the kill")
    assert client.child_pid != first
    assert client.stats() == {"starts": 2, "died": 1, "hung": 0, "nonsense": 0, "restarts": 1}


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


def test_a_child_that_hangs_is_killed_by_the_deadline(request: pytest.FixtureRequest) -> None:
    client = made(request, SETTINGS, deadline_ms=300)
    assert client.wait_ready(PATIENCE_S)
    stopped = client.child_pid
    assert stopped is not None
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    decoded = client.decode(qr("HELLO"), FAST)
    assert decoded.loss is Loss.HUNG
    assert 0.25 < time.monotonic() - began < 3
    assert state_of(stopped) == ""
    until(lambda: client.decode(qr("HELLO"), FAST).sightings, "a scan after the hang")


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


LIARS = {
    "garbage_at_once": {Loss.NOT_READY},
    "ends_at_once": {Loss.NOT_READY},
    "cannot_start": {Loss.NOT_READY},
    "silent": {Loss.NOT_READY},
    "garbage_answers": {Loss.NONSENSE},
    "endless_answer": {Loss.NONSENSE},
    "huge_count": {Loss.NONSENSE},
    "not_a_number": {Loss.NONSENSE},
    "wrong_serial": {Loss.NONSENSE},
    "speaks_unasked": {Loss.NONSENSE, Loss.NOT_READY},
    "half_a_header": {Loss.HUNG},
    "half_a_body": {Loss.HUNG},
    "deaf": {Loss.HUNG},
    "ends_when_asked": {Loss.DIED},
}


@pytest.mark.parametrize("behaviour", LIARS)
def test_a_lying_child_costs_a_frame_and_nothing_else(
    request: pytest.FixtureRequest, behaviour: str
) -> None:
    settings = ChildSettings(frame_bytes=640 * 480, program=(CHILDREN, behaviour))
    client = made(request, settings, deadline_ms=200)
    expected = LIARS[behaviour]
    lost: list[Decoded] = []

    def is_lost() -> bool:
        began = time.monotonic()
        lost.append(client.decode(blank(), FAST))
        assert time.monotonic() - began < 5
        return lost[-1].loss in expected - {Loss.NOT_READY} or is_noticed()

    def is_noticed() -> bool:
        counts = client.stats()
        return Loss.NOT_READY in expected and (behaviour == "silent" or counts["restarts"] > 0)

    until(is_lost, "a loss")
    assert all(decoded.sightings == () for decoded in lost)
    assert {decoded.loss for decoded in lost} <= expected | {Loss.NOT_READY}


def test_children_that_die_at_once_are_started_ever_more_slowly(
    request: pytest.FixtureRequest,
) -> None:
    settings = ChildSettings(frame_bytes=640 * 480, program=("-c", "pass"))
    client = made(request, settings)
    until(lambda: client.child_pid or ends_of(client) >= 4, "four ends")
    before = client.stats()["starts"]
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        client.tend()
    assert client.stats()["starts"] <= before + 1


def test_pictures_and_answers_cost_no_descriptors(request: pytest.FixtureRequest) -> None:
    settings = ChildSettings(frame_bytes=640 * 480, program=(CHILDREN, "ends_when_asked"))
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
