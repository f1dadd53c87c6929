"""The decoder's client: it reads, and whatever its child does, it goes on."""

import os
import signal
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.config import ClockSource
from doorward_edge.decoder.client import DecoderClient, Loss
from doorward_edge.decoder.process import ChildSettings
from doorward_edge.scan import Luma
from doorward_edge.simulate.symbol import draw_modules
from doorward_edge.stages.decode import STILL_PASSES, Pass

TEXT = "DW1:" + "7QK$A" * 20
PATIENCE_S = 30.0
LOOK = (Pass.ZXING_FAST, Pass.PYZBAR_PLAIN)

Open = Callable[..., DecoderClient]


def drawn(text: str = TEXT) -> Luma:
    modules = np.pad(draw_modules(text), 4, constant_values=255)
    code = np.repeat(np.repeat(modules, 4, axis=0), 4, axis=1)
    return np.pad(code, ((40, 60), (80, 50)), constant_values=180)


@pytest.fixture
def open_client() -> Iterator[Open]:
    clients: list[DecoderClient] = []

    def make(*, deadline_ms: int = 5_000, **settings: object) -> DecoderClient:
        made = ChildSettings(**settings)  # type: ignore[arg-type]  # a test's own settings
        client = DecoderClient(made, SystemClock(ClockSource.ASSUME), deadline_ms=deadline_ms)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def ready(client: DecoderClient) -> int:
    """Waits for a child and returns its process id."""
    assert client.wait_ready(PATIENCE_S)
    assert client.child_pid is not None
    return client.child_pid


def texts(client: DecoderClient, luma: Luma) -> list[bytes]:
    decoded = client.decode(luma, LOOK)
    assert decoded.loss is None
    return [s.payload for s in decoded.sightings]


# --- The real child -----------------------------------------------------------------------------


def test_a_code_is_read_in_the_child(open_client: Open) -> None:
    client = open_client()
    ready(client)
    decoded = client.decode(drawn(), LOOK)
    (sighting,) = decoded.sightings
    assert (sighting.payload, sighting.problem) == (TEXT.encode(), "")
    assert sighting.reader == "zxing/fast"
    assert sighting.corners[0] == pytest.approx((80 + 16, 40 + 16), abs=2)
    assert decoded.took_us > 0


def test_one_child_reads_many_frames_of_different_sizes(open_client: Open) -> None:
    client = open_client()
    pid = ready(client)
    for width in (300, 333, 401, 640):
        luma = np.full((400, width), 200, dtype=np.uint8)
        assert texts(client, luma) == []
    assert texts(client, drawn()) == [TEXT.encode()]
    assert client.child_pid == pid


def test_a_part_of_a_frame_is_looked_at_without_its_surroundings(open_client: Open) -> None:
    client = open_client()
    ready(client)
    frame = np.hstack([drawn("DW0AAAA"), drawn("DW0BBBB")])
    middle = frame.shape[1] // 2
    assert texts(client, frame[:, :middle]) == [b"DW0AAAA"]
    assert texts(client, frame[:, middle:]) == [b"DW0BBBB"]


def test_a_frame_that_is_larger_than_the_shared_memory_is_refused(open_client: Open) -> None:
    client = open_client(frame_bytes=320 * 200)
    pid = ready(client)
    assert client.decode(drawn(), LOOK).loss is Loss.TOO_LARGE
    assert client.child_pid == pid


def test_a_killed_child_is_replaced_and_the_next_frame_is_read(open_client: Open) -> None:
    client = open_client()
    for killed in range(1, 3):
        os.kill(ready(client), signal.SIGKILL)
        before = time.monotonic()
        wait_until(lambda: bool(client.decode(drawn(), LOOK).loss))
        ready(client)
        took_s = time.monotonic() - before
        assert took_s < 10, "a new child must be there soon, also on a busy machine"
        assert texts(client, drawn()) == [TEXT.encode()]
        assert client.stats()["died"] == killed
        assert client.stats()["restarts"] == killed


def test_a_child_that_dies_while_nothing_is_asked_is_noticed_by_tending(open_client: Open) -> None:
    client = open_client()
    first = ready(client)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: tended(client)["died"] == 1)
    assert ready(client) != first


def test_a_child_that_hangs_is_killed_at_the_deadline_and_replaced(open_client: Open) -> None:
    client = open_client(deadline_ms=300)
    first = ready(client)
    os.kill(first, signal.SIGSTOP)
    before = time.monotonic()
    assert client.decode(drawn(), LOOK).loss is Loss.HUNG
    assert time.monotonic() - before < 5
    assert not_running(first)
    assert ready(client) != first
    assert client.stats()["hung"] == 1


def test_after_close_nothing_is_left_and_nothing_is_started(open_client: Open) -> None:
    client = open_client()
    pid = ready(client)
    client.close()
    assert not_running(pid)
    assert client.decode(drawn(), LOOK).loss is Loss.NOT_READY
    client.tend()
    assert client.stats()["starts"] == 1


def test_the_child_has_no_descriptor_beyond_its_pipes_and_no_privilege(open_client: Open) -> None:
    with Path("/etc/hostname").open("rb") as file:
        os.set_inheritable(file.fileno(), True)
        client = open_client()
    pid = ready(client)
    names = {entry.name: str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    foreign = {
        n: name
        for n, name in names.items()
        if not name.startswith(("pipe:", "/dev/null", "/memfd:doorward-frame"))
        and "gconv" not in name
    }
    assert foreign == {}
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"


def test_the_child_cannot_write_into_the_frame(open_client: Open) -> None:
    client = open_client()
    pid = ready(client)
    lines = Path(f"/proc/{pid}/maps").read_text("ascii").splitlines()
    maps = [line.split() for line in lines if "doorward-frame" in line]
    assert [words[1] for words in maps] == ["r--s"]


# --- Image files --------------------------------------------------------------------------------


def as_file(suffix: str) -> bytes:
    return bytes(cv2.imencode(suffix, drawn())[1])


def huge_png() -> bytes:
    """A PNG that says it has 60,000 x 60,000 pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000))
    data = b"IDAT" + pixels
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + body
        + struct.pack(">I", zlib.crc32(body))
        + struct.pack(">I", len(pixels))
        + data
        + struct.pack(">I", zlib.crc32(data))
    )


@pytest.fixture
def file_client(open_client: Open) -> DecoderClient:
    client = open_client(reads_files=True, frame_bytes=4 * 2**20, memory_bytes=512 * 2**20)
    ready(client)
    return client


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tiff", ".pgm"])
def test_image_files_are_opened_in_the_child(file_client: DecoderClient, suffix: str) -> None:
    decoded = file_client.decode_file(as_file(suffix), STILL_PASSES)
    assert decoded.loss is None
    assert [s.payload for s in decoded.sightings] == [TEXT.encode()]


def test_files_that_are_no_pictures_say_so_and_cost_no_child(file_client: DecoderClient) -> None:
    pid = file_client.child_pid
    for content in (b"x", b"not an image" * 1000, as_file(".png")[:60], bytes(5000)):
        assert file_client.decode_file(content, STILL_PASSES).loss is Loss.NOT_AN_IMAGE
    assert file_client.child_pid == pid


def test_a_picture_that_would_not_fit_into_memory_is_an_answer(file_client: DecoderClient) -> None:
    decoded = file_client.decode_file(huge_png(), STILL_PASSES)
    assert decoded.loss in {Loss.NOT_AN_IMAGE, Loss.TOO_LARGE, Loss.DIED}
    ready(file_client)
    good = file_client.decode_file(as_file(".png"), STILL_PASSES)
    assert [s.payload for s in good.sightings] == [TEXT.encode()]


# --- Children that were taken over --------------------------------------------------------------

PROLOGUE = """
import os, struct, sys, time
request, reply = int(sys.argv[2]), int(sys.argv[3])
REPLY = struct.Struct("<4sIBBHIHH")
SIGHTING = struct.Struct("<BBBH8f")
def header(serial, status=0, count=0, body=0, width=284, height=296, magic=b"DWr1"):
    return REPLY.pack(magic, serial, status, count, body, 1, width, height)
def say(wire):
    os.write(reply, wire)
def hear():
    wire = os.read(request, 1000)
    return struct.unpack_from("<4sBBHHII", wire)
def sighting(symbology=0, number=1, problem=0, length=3, corners=(1.0,) * 8, payload=b"abc"):
    return SIGHTING.pack(symbology, number, problem, length, *corners) + payload
def answer(body, count=1, **fields):
    magic, content, passes, width, height, size, serial = hear()
    fields = {"width": width, "height": height, **fields}
    say(header(serial, 0, count, len(body), **fields) + body)
"""
HELLO = "say(header(0))\n"


def hostile(body: str) -> tuple[str, ...]:
    return ("-c", PROLOGUE + body)


NONSENSE = {
    "another magic": "hear(); say(header(1, magic=b'EVIL')); time.sleep(60)",
    "another serial": "s = hear()[-1]; say(header(s + 1)); time.sleep(60)",
    "an unknown status": "s = hear()[-1]; say(header(s, status=99)); time.sleep(60)",
    "too many sightings": "s = hear()[-1]; say(header(s, count=255)); time.sleep(60)",
    "a second reply with the first": (
        "s = hear()[-1]; say(header(s) + header(s + 1)); time.sleep(60)"
    ),
    "a sighting that the header does not speak of": (
        "s = hear()[-1]; say(header(s) + sighting()); time.sleep(60)"
    ),
    "a body without end": "s = hear()[-1]; say(header(s, count=1, body=65535)); time.sleep(60)",
    "fewer sightings than said": "answer(sighting(), count=2); time.sleep(60)",
    "more sightings than said": "answer(sighting() * 2, count=1); time.sleep(60)",
    "a payload longer than its body": "answer(sighting(length=500)); time.sleep(60)",
    "a payload beyond the limit": (
        "answer(sighting(length=600, payload=bytes(600))); time.sleep(60)"
    ),
    "an unknown symbology": "answer(sighting(symbology=200)); time.sleep(60)",
    "an unknown pass": "answer(sighting(number=77)); time.sleep(60)",
    "an unknown problem": "answer(sighting(problem=9)); time.sleep(60)",
    "corners that are no numbers": (
        "answer(sighting(corners=(float('nan'),) * 8)); time.sleep(60)"
    ),
    "corners far away": "answer(sighting(corners=(1e30,) * 8)); time.sleep(60)",
    "corners in a larger picture than was asked about": (
        "answer(sighting(corners=(5000.0,) * 8), width=60000, height=60000); time.sleep(60)"
    ),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_an_answer_out_of_bounds_costs_the_child_its_life(nonsense: str, open_client: Open) -> None:
    client = open_client(program=hostile(HELLO + NONSENSE[nonsense]))
    pid = ready(client)
    decoded = client.decode(drawn(), LOOK)
    assert (decoded.loss, decoded.sightings) == (Loss.NONSENSE, ())
    assert not_running(pid)
    assert client.stats()["nonsense"] == 1


def test_the_tests_of_nonsense_can_also_say_sense(open_client: Open) -> None:
    client = open_client(program=hostile(HELLO + "answer(sighting()); time.sleep(60)"))
    ready(client)
    (sighting,) = client.decode(drawn(), LOOK).sightings
    assert (sighting.payload, sighting.reader) == (b"abc", "zxing/fast")


@pytest.mark.parametrize("pause_s", [0, 0.3])
def test_a_child_that_speaks_without_being_asked_is_replaced(
    pause_s: float, open_client: Open
) -> None:
    body = f"time.sleep({pause_s}); say(header(1)); time.sleep(60)"
    client = open_client(program=hostile(HELLO + body))
    wait_until(lambda: tended(client)["nonsense"] >= 1)


def test_an_answer_that_drips_in_is_cut_off_at_the_deadline(open_client: Open) -> None:
    body = "s = hear()[-1]\nfor b in header(s):\n    say(bytes([b])); time.sleep(0.2)\n"
    client = open_client(program=hostile(HELLO + body), deadline_ms=400)
    ready(client)
    before = time.monotonic()
    assert client.decode(drawn(), LOOK).loss is Loss.HUNG
    assert time.monotonic() - before < 5


def test_half_an_answer_and_death_is_a_death(open_client: Open) -> None:
    client = open_client(program=hostile(HELLO + "s = hear()[-1]; say(header(s)[:7])"))
    ready(client)
    assert client.decode(drawn(), LOOK).loss is Loss.DIED


def test_a_child_that_never_can_start_is_not_started_in_a_tight_loop(open_client: Open) -> None:
    client = open_client(program=("-c", "pass"))
    assert not client.wait_ready(1.5)
    assert 3 <= client.stats()["starts"] <= 8
    assert client.decode(drawn(), LOOK).loss is Loss.NOT_READY


def test_a_child_that_says_it_cannot_start_is_not_used(open_client: Open) -> None:
    client = open_client(program=hostile("say(header(0, status=4)); time.sleep(60)"))
    assert not client.wait_ready(0.7)
    assert client.stats()["nonsense"] >= 1


def tended(client: DecoderClient) -> Mapping[str, int]:
    client.tend()
    return client.stats()


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it did not happen in time"


def not_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
