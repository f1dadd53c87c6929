"""Reading codes: the share read of a rendered corpus, idle processor time, the hand-over.

The corpus is the simulator's own: per distortion scenes of `DW0`, `DW1` and `DW2` codes, drawn from
a seed. Each reader gets the same frames of a scene, with fresh noise in each, as many as one turn
of the dual reader's passes: ours looks at each frame as at a changing scene, the bare libraries
call `read_barcodes(frame, formats=QRCode)` and `decode(frame, [QRCODE])` on each. A scene counts
as read when one frame of it was. Many scenes are too hard for everybody, on purpose.
"""

import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import zxingcpp
from pyzbar import pyzbar

from bench.report import Report
from bench.skipping import SkipBench
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.config import ClockSource
from doorward_edge.decoder.client import DecoderClient
from doorward_edge.decoder.passes import Passes
from doorward_edge.decoder.process import ChildSettings
from doorward_edge.scan import Luma, Strategy, Symbology
from doorward_edge.simulate.corpus import Distortion, Scene, draw_empty_scene, draw_scene
from doorward_edge.stages.capture import CameraWatch, impression_of
from doorward_edge.stages.change_gate import ChangeGate
from doorward_edge.stages.decode import ROTATION, Pass, PassPlan

KINDS = ("DW0", "DW1", "DW2")
FIRST_SEED = 20_000
FRAME_MS = 100
ROUNDS = 7
READERS = ("dual", "zxing-cpp", "pyzbar")

Read = Callable[[Luma], set[str]]


def run(report: Report) -> None:
    """Enter shares, idle time and hand-over."""
    cv2.setNumThreads(1)
    _shares(report, report.scaled(30, 3))
    _nothing_in_empty_scenes(report, report.scaled(60, 6))
    client = _client()
    try:
        _idle(report, client)
        _hand_over(report, client)
    finally:
        client.close()


def _client() -> DecoderClient:
    client = DecoderClient(ChildSettings(), SystemClock(ClockSource.ASSUME))
    if not client.wait_ready(20):
        client.close()
        raise SkipBench("the decoder's process cannot be locked in here")
    return client


# --- The corpus ---------------------------------------------------------------------------------


class _Dual:
    """Our reader as the gateway uses it: every frame by the plan's passes, until one sees."""

    def __init__(self) -> None:
        self._passes = Passes((Symbology.QR,))
        self._plan = PassPlan(Strategy.DUAL)

    def read(self, luma: Luma) -> set[str]:
        passes = self._plan.passes(0, is_changed=True)
        return {s.payload.decode() for s in self._passes.look(luma, passes) if not s.problem}


def _zxing(luma: Luma) -> set[str]:
    qr = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    return {b.text for b in zxingcpp.read_barcodes(luma, formats=qr)}


def _pyzbar(luma: Luma) -> set[str]:
    found = pyzbar.decode(luma, [pyzbar.ZBarSymbol.QRCODE])
    return {d.data.decode() for d in found}


def _shares(report: Report, per_family: int) -> None:
    frames = len(ROTATION[Strategy.DUAL])
    read: Counter[tuple[str, str]] = Counter()
    wrong: Counter[str] = Counter()
    for distortion in Distortion:
        for number in range(per_family):
            scene = draw_scene(distortion, KINDS[number % len(KINDS)], FIRST_SEED + number)
            for name, reader in zip(READERS, (_Dual().read, _zxing, _pyzbar), strict=True):
                seen = _read_scene(scene, reader, frames)
                read[name, distortion] += scene.payload in seen
                wrong[name] += len(seen - {scene.payload})
    for distortion in Distortion:
        for name in READERS:
            share = read[name, distortion] / per_family
            report.value(f"read, {distortion}: {name}", share, unit="share")
    total = per_family * len(Distortion)
    whole = {n: sum(read[n, d] for d in Distortion) / total for n in READERS}
    for name in READERS:
        report.value(f"read, all: {name}", whole[name], unit="share")
    better = max(whole["zxing-cpp"], whole["pyzbar"])
    ratio = whole["dual"] / better
    report.value("share read, all: dual to the better bare one", ratio, unit="×", at_least=1.0)
    worst = min(read["dual", d] - max(read["zxing-cpp", d], read["pyzbar", d]) for d in Distortion)
    report.value("scenes read more than by the better, worst family", worst, unit="", at_least=0)
    report.value("wrong reads: dual", wrong["dual"], unit="", at_most=0)
    report.note(f"{total} scenes at 1280x720, {frames} frames each, seeds from {FIRST_SEED}")


def _read_scene(scene: Scene, read: Read, frames: int) -> set[str]:
    """Returns everything that was read until the scene's code was."""
    seen: set[str] = set()
    for luma in scene.frames(frames):
        seen |= read(luma)
        if scene.payload in seen:
            break
    return seen


def _nothing_in_empty_scenes(report: Report, scenes: int) -> None:
    passes, seen = Passes((Symbology.QR,)), 0
    for number in range(scenes):
        luma = next(draw_empty_scene(FIRST_SEED + number).frames(1))
        seen += sum(bool(passes.look(luma, (one,))) for one in Pass)
    name = f"codes seen in {scenes} scenes without one, all passes"
    report.value(name, seen, unit="", at_most=0)


# --- Idle ---------------------------------------------------------------------------------------


def _idle(report: Report, client: DecoderClient) -> None:
    """Processor time of both processes for an empty scene, beside pyzbar on the same frames."""
    count = report.scaled(100, 40)
    frames = list(draw_empty_scene(FIRST_SEED).frames(count))
    watch, gate, plan = CameraWatch(0), ChangeGate(), PassPlan(Strategy.DUAL)
    clock_ms = 0

    def look(lumas: Sequence[Luma]) -> None:
        nonlocal clock_ms
        for luma in lumas:
            clock_ms += FRAME_MS
            watch.note(impression_of(luma), clock_ms)
            is_changed = gate.is_changed(luma)
            if passes := plan.passes(clock_ms, is_changed=is_changed):
                client.decode(luma, passes)

    look(frames)  # the scene is new at first
    some = frames[: max(5, count // 10)]
    ours, bare = [], []
    for _ in range(ROUNDS):
        ours.append(_cpu_ms(lambda: look(frames), client.child_pid) / count)
        bare.append(_cpu_ms(lambda: _read_all(some), None) / len(some))
    report.samples("idle processor time a frame: ours", ours, unit="ms")
    report.samples("idle processor time a frame: pyzbar", bare, unit="ms")
    report.ratio("idle, pyzbar to ours", bare, ours, at_least=10)
    report.note("idle counts the gateway's share and the child's: health, change gate, glances")


def _read_all(lumas: Sequence[Luma]) -> None:
    for luma in lumas:
        _pyzbar(luma)


def _cpu_ms(work: Callable[[], object], child_pid: int | None) -> float:
    before = _own_ms() + _child_ms(child_pid)
    work()
    return _own_ms() + _child_ms(child_pid) - before


def _own_ms() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1000


def _child_ms(pid: int | None) -> float:
    if pid is None:
        return 0
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0]) / 1e6


# --- Hand-over ----------------------------------------------------------------------------------


def _hand_over(report: Report, client: DecoderClient) -> None:
    """What lies between the call and the answer beside the reader's own time."""
    scene = draw_scene(Distortion.PLAIN, "DW1", FIRST_SEED)
    luma = next(scene.frames(1))
    over, own = [], []
    for _ in range(report.scaled(400, 50)):
        began = time.perf_counter()
        decoded = client.decode(luma, (Pass.ZXING_FAST,))
        took_ms = (time.perf_counter() - began) * 1000
        if decoded.loss is not None or not decoded.sightings:
            raise RuntimeError(f"a plain code was not read: {decoded}")
        own.append(decoded.took_us / 1000)
        over.append(took_ms - own[-1])
    report.samples("reader's own time on a frame with a code", own, unit="ms")
    report.samples("hand-over to the child and back", over, unit="ms", at_most=0.5)
