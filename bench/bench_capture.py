"""A picture on its way out of the capture process: copied into the ring, told, taken.

A child in the camera's place stamps each picture with the time and hands it over as the real one
does; the parent takes it as a gateway does. "Thread to thread" is the same picture through a queue:
what the hand-over cost while the camera was read by a thread of the gateway's own.
"""

import queue
import threading
import time

import numpy as np

from bench.report import Report
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.capture.process import CaptureSettings
from doorward_edge.capture.source import CaptureSource
from doorward_edge.config import CameraKind, CameraSection, ClockSource
from doorward_edge.scan import Luma

SIZE_PX = (1280, 720)
PAUSE_S = 0.02
PATIENCE_S = 20.0

_STAMPS = f"""
import sys, time
import numpy as np
from doorward_edge.capture.child import Orders, Ring, Teller, _hand_over
from doorward_edge.scan import Frame
orders = Orders.from_argv(sys.argv[1:])
ring, teller = Ring(orders.ring_fd, orders.place_bytes), Teller(orders.socket_fd)
picture = np.full(({SIZE_PX[1]}, {SIZE_PX[0]}), 90, dtype=np.uint8)
seq = 0
while True:
    time.sleep({PAUSE_S})
    while places := teller.hear():
        ring.give_back(places)
    picture[0, :8] = np.frombuffer(time.monotonic_ns().to_bytes(8, "little"), np.uint8)
    _hand_over(Frame(luma=picture, seq=seq, captured_mono_ms=seq), ring, teller)
    seq += 1
"""


def run(report: Report) -> None:
    """Measure hand-overs, one picture every 20 ms."""
    many = report.scaled(1_000, 100)
    report.samples("process to process", _from_process(many), unit="ms")
    report.samples("thread to thread", _from_thread(many), unit="ms")
    report.note(f"{many} pictures of {SIZE_PX[0]}x{SIZE_PX[1]} each way.")


def _from_process(many: int) -> list[float]:
    camera = CameraSection(name="bench", kind=CameraKind.FOLDER)
    settings = CaptureSettings(
        camera=camera, place_bytes=SIZE_PX[0] * SIZE_PX[1], program=("-c", _STAMPS)
    )
    source = CaptureSource(camera, SystemClock(ClockSource.ASSUME), settings=settings)
    try:
        _aged(source, PATIENCE_S)
        return [_aged(source, 1.0) for _ in range(many)]
    finally:
        source.close()


def _aged(source: CaptureSource, timeout_s: float) -> float:
    """Returns how old the next picture is when it is taken, in milliseconds."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        frame = source.next_frame(timeout_s)
        if frame is not None:
            return _age_ms(frame.luma)
    raise RuntimeError("the capture process gives no picture")


def _from_thread(many: int) -> list[float]:
    pictures: queue.SimpleQueue[Luma] = queue.SimpleQueue()

    def take() -> None:
        for _ in range(many):
            time.sleep(PAUSE_S)
            picture = np.full((SIZE_PX[1], SIZE_PX[0]), 90, dtype=np.uint8)
            stamp = time.monotonic_ns().to_bytes(8, "little")
            picture[0, :8] = np.frombuffer(stamp, np.uint8)
            pictures.put(picture)

    thread = threading.Thread(target=take)
    thread.start()
    ages = [_age_ms(pictures.get(timeout=PATIENCE_S)) for _ in range(many)]
    thread.join()
    return ages


def _age_ms(luma: Luma) -> float:
    return (time.monotonic_ns() - int.from_bytes(luma[0, :8].tobytes(), "little")) / 1e6
