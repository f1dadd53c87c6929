"""A whole gateway at work: idle with one and with two cameras, and a thousand people a minute.

Capture process, decoder child, journal on this disk, lock and lamps of recorded pins; the broker is
away. Frames of 1280x720 are played uncompressed, so that the camera costs little more than one that
hands out its luma plane. What picamera2 and libcamera need comes on top.
"""

import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.report import Report
from doorward_controller.broker.authority import Authority
from doorward_edge.simulate.scene_camera import SceneCamera
from tests.fakes.frames import HandClock
from tests.system.lone_gateway import NAME, Gate, LoneSite, make_gate

ROOT = Path(__file__).resolve().parent.parent
SIZE_PX = (1280, 720)
IDLE_FPS = 10
RUSH_FPS = 18
PICTURES = 30
BADGES = 24
SCANS_A_MINUTE = 1_000
MEMORY_MB = 200
SECOND = "back"
"""The second camera, at the same portal."""
NOWHERE = 9
SCENE = 'kind = "scene"\n'


def run(report: Report) -> None:
    """Measure the gateway idle and in a rush."""
    seconds = report.scaled(60, 15)
    with tempfile.TemporaryDirectory(prefix="doorward-bench-") as name:
        idle, rush = _gate(Path(name) / "idle"), _gate(Path(name) / "rush")
        two = _gate(Path(name) / "two")
        hall = Path(name) / "idle" / "film"
        _draw_hall(hall)
        _draw_badges(Path(name) / "rush" / "film", rush[1])
        _add_camera(two[0], hall)
        resting = _measure(idle[0], hall, IDLE_FPS, seconds)
        both = _measure(two[0], hall, IDLE_FPS, seconds)
        busy = _measure(rush[0], Path(name) / "rush" / "film", RUSH_FPS, seconds)
    passed = {name: busy["after"][name] - busy["before"][name] for name in busy["after"]}
    limit = {"at_most": float(MEMORY_MB)}
    report.value("idle at 10 frames/s: share of one core", _share(resting), unit="%")
    report.value("idle: memory of all processes", _memory_mb(resting), unit="MB", **limit)
    report.value("two cameras, idle: share of one core", _share(both), unit="%")
    report.value("two cameras, idle: memory of all processes", _memory_mb(both), unit="MB")
    report.value(
        "rush: people let in a minute, one camera",
        60 * passed["granted"] / busy["seconds"],
        unit="1/min",
        at_least=float(SCANS_A_MINUTE),
    )
    report.value("rush: share of one core", _share(busy), unit="%")
    report.value("rush: memory of all processes", _memory_mb(busy), unit="MB", **limit)
    report.note(
        f"{resting['processes']} processes, {both['processes']} with two cameras; in the rush "
        f"{passed['frames']} frames, {passed['scans']} scans, {passed['late']} recorded late."
    )


def _share(told: dict[str, Any]) -> float:
    return float(100 * told["cpu_s"] / told["seconds"])


def _memory_mb(told: dict[str, Any]) -> float:
    return float(told["memory_kib"]) / 1000


def _gate(folder: Path) -> tuple[Gate, LoneSite]:
    folder.mkdir()
    site, now = LoneSite(), datetime.now(UTC)
    authority = Authority.create(folder / "ca", now=now, valid_for=timedelta(days=2))
    gate = make_gate(
        folder / "g",
        site,
        identity=authority.issue_gateway(NAME, now=now),
        ca_file=authority.ca_file,
        broker_port=NOWHERE,
    )
    return gate, site


def _draw_hall(folder: Path) -> None:
    """An empty hall: nothing but the sensor's noise."""
    folder.mkdir()
    camera = _camera()
    for n in range(PICTURES):
        _write(folder / f"{n:03}.bmp", camera)


def _draw_badges(folder: Path, site: LoneSite) -> None:
    """One badge after another, each in one frame."""
    folder.mkdir()
    camera = _camera()
    for n in range(BADGES):
        camera.show(site.badge(n + 1))
        _write(folder / f"{n:03}.bmp", camera)
        camera.clear()


def _camera() -> SceneCamera:
    return SceneCamera(
        width_px=SIZE_PX[0], height_px=SIZE_PX[1], fps=1000, seed=1, clock=_FreeClock()
    )


class _FreeClock(HandClock):
    """Goes on by itself, so that every frame is due."""

    def now(self) -> Any:
        self.mono_ms += 10
        return super().now()


def _write(path: Path, camera: SceneCamera) -> None:
    frame = camera.next_frame(1.0)
    if frame is None:
        raise RuntimeError("the rendered camera gives no frame")
    cv2.imwrite(str(path), np.asarray(frame.luma))


def _add_camera(gate: Gate, film: Path) -> None:
    """A second camera that looks at the same hall for the same portal."""
    camera = f'name = "{SECOND}"\nkind = "folder"\npath = "{film}"\nfps = {IDLE_FPS}\n'
    gate.replace("[clock]\n", f"[[camera]]\n{camera}\n[clock]\n")
    gate.replace('cameras = ["front"]', f'cameras = ["front", "{SECOND}"]')


def _measure(gate: Gate, film: Path, fps: int, seconds: float) -> dict[str, Any]:
    gate.replace(SCENE, f'kind = "folder"\npath = "{film}"\nfps = {fps}\n')
    command = [sys.executable, "-m", "bench.gateway_at_work", str(gate.config), str(seconds)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told
