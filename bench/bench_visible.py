"""From a code that is visible to a lock that is told, beside the bare reader, at two sizes.

The rendered camera delivers ten frames a second; a badge is held up at any moment between two of
them. `visible to lock` begins when it is held up: it holds the wait for the next frame (up to 100
ms) and the rendering of it, which no gateway could save. `frame to lock` begins when the camera
hands the frame over: all of our own way, with reader, verification, decision, journal and lock.
`bare reader` is `zxingcpp.read_barcodes(frame)` on the same frames in this process, and nothing
else: it says what is written in the code, not whether it may open.
"""

import statistics
import tempfile
import time
from pathlib import Path

import zxingcpp

from bench.bench_scan_path import Gate, SiteClock
from bench.report import Report
from doorward.reasons import Reason
from doorward_edge.scan import Frame, Luma
from doorward_edge.simulate.scene_camera import SceneCamera
from tests.fakes.site_simulator import SiteSimulator

SIZES_PX = ((640, 480), (1280, 720))
BADGES = 40
FPS = 10.0
GAP_FRAMES = 3
PATIENCE_S = 5.0


class NotedCamera(SceneCamera):
    """The rendered camera; notes when it hands a frame over, and keeps the frame."""

    delivered_ns = 0
    newest: Luma | None = None

    def next_frame(self, timeout_s: float) -> Frame | None:
        frame = super().next_frame(timeout_s)
        if frame is not None:
            self.newest, self.delivered_ns = frame.luma, time.perf_counter_ns()
        return frame


def run(report: Report) -> None:
    """Measure both sizes."""
    for size in SIZES_PX:
        _one_size(report, size, report.scaled(150, 15))


def _one_size(report: Report, size: tuple[int, int], people: int) -> None:
    clock = SiteClock()
    camera = NotedCamera(width_px=size[0], height_px=size[1], fps=FPS, seed=5, clock=clock)
    site = SiteSimulator()
    visible, frame_to_lock, bare = [], [], []
    with tempfile.TemporaryDirectory(prefix="doorward-bench-") as name:
        gate = Gate(Path(name), site, camera)
        try:
            for number in range(people):
                held_up_ns = time.perf_counter_ns()
                camera.show(site.badge(1 + number % BADGES))
                _let_in(gate)
                visible.append((gate.lock.told_ns - held_up_ns) / 1e6)
                frame_to_lock.append(_since_its_frame(gate, camera))
                bare.append(_bare_ms(camera.newest))
                camera.clear()
                time.sleep((GAP_FRAMES + number % 7 / 7) / FPS)
                while gate.next_decision(0) is not None:
                    """A frame more in which it was still held up."""
        finally:
            gate.close()
    label = f"{size[0]}x{size[1]}"
    report.samples(f"{label}: visible to lock", visible, unit="ms", at_most=150)
    report.samples(f"{label}: frame to lock", frame_to_lock, unit="ms")
    report.samples(f"{label}: bare reader", bare, unit="ms")
    ours, theirs = statistics.median(frame_to_lock), statistics.median(bare)
    report.value(f"{label}: frame to lock over the bare reader", ours - theirs, unit="ms")
    report.note(f"{people} people at {label}, all let in, {FPS:.0f} frames a second.")


def _let_in(gate: Gate) -> None:
    decision = gate.next_decision(PATIENCE_S)
    if decision is None or decision.reason is not Reason.GRANTED:
        raise RuntimeError(f"a good badge was not let in: {decision}")


def _since_its_frame(gate: Gate, camera: NotedCamera) -> float:
    """Milliseconds from the frame to the lock; a frame that came after it belongs to nobody."""
    since_ms = (gate.lock.told_ns - camera.delivered_ns) / 1e6
    return since_ms if since_ms >= 0 else since_ms + 1000 / FPS


def _bare_ms(luma: Luma | None) -> float:
    if luma is None:
        raise RuntimeError("the rendered camera gave no frame")
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    began = time.perf_counter()
    found = zxingcpp.read_barcodes(luma, formats=formats)
    took_ms = (time.perf_counter() - began) * 1000
    if not found:
        raise RuntimeError("the bare reader did not read a frame that the gateway read")
    return took_ms
