"""`doorward-edge aim`: what the camera sees, and what to do until codes are read."""

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from doorward.times import Clock
from doorward_edge.adapters.camera_folder import open_picture, pictures_in
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.aiming.verdict import ADVICE, AIM_MODULE_PX, WORDS, Aim, judge
from doorward_edge.capture.source import CaptureSource, open_source
from doorward_edge.cli.aim_view import Annotator, Screen
from doorward_edge.cli.aim_web import PORT, Place, WebView
from doorward_edge.cli.options import DEFAULT_CONFIG
from doorward_edge.config import CameraSection, ClockSource, ConfigError, load_config
from doorward_edge.decoder.client import DecoderClient
from doorward_edge.decoder.process import ChildSettings
from doorward_edge.ports import CameraError, FramesEndedError, FrameSource
from doorward_edge.scan import Luma, Symbology
from doorward_edge.simulate.scene_camera import SceneCamera
from doorward_edge.stages.capture import crop
from doorward_edge.stages.decode import STILL_PASSES, Pass, PassPlan

LARGEST_PICTURE_PX = 4608 * 2592
START_TIMEOUT_S = 30.0
WAIT_S = 0.5
SAMPLE = "DW0" + "0123456789ABCDEF*"
"""Held up in a rendered scene, where nobody else would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One picture and what is said of it."""

    name: str
    luma: Luma
    aim: Aim
    reader: str

    def to_json(self) -> str:
        """Returns one line. What the code says is nobody's business here."""
        found = self.aim.measures
        fields: dict[str, object] = {
            "picture": self.name,
            "verdict": self.aim.verdict.value,
            "said": WORDS[self.aim.verdict],
            "advice": ADVICE[self.aim.verdict],
            "is_read": self.aim.is_read,
            "reader": self.reader,
            "aim_module_px": AIM_MODULE_PX,
        }
        if found is not None:
            fields |= {
                "module_px": round(found.module_px, 2),
                "blur_modules": round(found.blur_modules, 2),
                "light_dn": round(found.light_dn),
                "dark_dn": round(found.dark_dn),
                "washed_share": round(found.washed_share, 3),
            }
        if self.aim.corners is not None:
            fields["corners"] = [[round(x, 1), round(y, 1)] for x, y in self.aim.corners]
        return json.dumps(fields, ensure_ascii=False)


def aim(
    config: Path = typer.Option(DEFAULT_CONFIG, help="The gateway's edge.toml."),
    camera: str = typer.Option("", help="Which camera; may be left out where there is one."),
    pictures: Path | None = typer.Option(None, help="Judge the pictures of a folder instead."),
    seconds: float = typer.Option(0, min=0, help="How long; 0 until Ctrl-C."),
    picture: Path | None = typer.Option(None, help="Write the last picture here, with marks."),
    json_output: bool = typer.Option(False, "--json", help="One JSON object a picture."),
    web: bool = typer.Option(False, "--web", help="Show it on a phone; at most 15 minutes."),
    address: str = typer.Option("", help="Of --web: the IP address to serve at."),
    port: int = typer.Option(PORT, min=0, max=65535, help="Of --web: the port."),
) -> None:
    """Shows what a camera sees, where it finds a code, and what to do until it is read.

    The camera serves one program at a time: stop the gateway first.
    """
    clock = SystemClock(ClockSource.ASSUME)
    if web:
        _on_a_phone(config, camera, seconds, address, port, clock)
        return
    screen, last = Screen(as_json=json_output), None
    try:
        with contextlib.ExitStack() as ends, contextlib.suppress(KeyboardInterrupt):
            looks = (
                _at_pictures(pictures, ends, clock)
                if pictures is not None
                else _at_camera(config, camera, seconds, ends, clock)
            )
            with screen:
                for last in looks:
                    screen.show(last)
        if picture is not None and last is not None:
            Annotator(last).write(picture)
    except (ConfigError, CameraError) as err:
        print(err, file=sys.stderr)
        raise typer.Exit(1) from err


def _on_a_phone(
    config: Path, camera: str, seconds: float, address: str, port: int, clock: Clock
) -> None:
    try:
        panel = load_config(config).panel
        with contextlib.ExitStack() as ends, contextlib.suppress(KeyboardInterrupt):
            looks = _at_camera(config, camera, 0, ends, clock)
            first = next(looks)  # What is wrong with the camera is said before anything is served.
            view = WebView(Place(address=address, port=port, panel=panel), clock, seconds)
            ends.callback(view.close)
            view.show(first)
            while view.has_time():
                view.show(next(looks, first))
    except (ConfigError, CameraError) as err:
        print(err, file=sys.stderr)
        raise typer.Exit(1) from err


def _at_pictures(folder: Path, ends: contextlib.ExitStack, clock: Clock) -> Iterator[Look]:
    client = _decoder(tuple(Symbology), LARGEST_PICTURE_PX, ends, clock)
    for path in pictures_in(folder):
        luma = open_picture(path)
        if luma is not None:
            yield _look(path.name, luma, client, STILL_PASSES)


def _at_camera(
    config: Path, name: str, seconds: float, ends: contextlib.ExitStack, clock: Clock
) -> Iterator[Look]:
    loaded = load_config(config)
    section = _chosen(name, loaded.cameras)
    source = open_source(section, clock)
    ends.callback(source.close)
    if isinstance(source, SceneCamera):
        source.show(SAMPLE)
    client = _decoder(loaded.reader.symbologies, LARGEST_PICTURE_PX, ends, clock)
    plan, refused = PassPlan(loaded.reader.strategy), ""
    until_ms = clock.now().mono_ms + int(seconds * 1000) if seconds else None
    while until_ms is None or clock.now().mono_ms < until_ms:
        luma, seq = _next_picture(source, section)
        if isinstance(source, CaptureSource) and source.refused != refused:
            refused = source.refused
            print(f"camera {section.name}: {refused}", file=sys.stderr)
        if luma is not None:
            passes = plan.passes(clock.now().mono_ms, is_changed=True)
            yield _look(f"{section.name} {seq}", luma, client, passes)


def _chosen(name: str, cameras: tuple[CameraSection, ...]) -> CameraSection:
    wanted = [camera for camera in cameras if name in {"", camera.name}]
    if len(wanted) == 1:
        return wanted[0]
    known = ", ".join(camera.name for camera in cameras) or "none"
    raise ConfigError(f"--camera is {name!r}; cameras of this gateway are: {known}")


def _decoder(
    symbologies: tuple[Symbology, ...], size_px: int, ends: contextlib.ExitStack, clock: Clock
) -> DecoderClient:
    settings = ChildSettings(symbologies=symbologies, frame_bytes=size_px)
    client = DecoderClient(settings, clock, deadline_ms=10_000)
    ends.callback(client.close)
    client.wait_ready(START_TIMEOUT_S)
    return client


def _next_picture(source: FrameSource, section: CameraSection) -> tuple[Luma | None, int]:
    """Returns the part of the newest picture that the gateway would look at."""
    try:
        frame = source.next_frame(WAIT_S)
        return (None, 0) if frame is None else (crop(frame.luma, section.roi_px), frame.seq)
    except FramesEndedError as err:
        raise CameraError(f"camera {section.name}: {err}") from err
    except (CameraError, ValueError) as err:
        raise CameraError(f"camera {section.name}: {err}; is the gateway stopped?") from err


def _look(name: str, luma: Luma, client: DecoderClient, passes: tuple[Pass, ...]) -> Look:
    sightings = client.decode(luma, passes).sightings
    reader = sightings[0].reader if sightings else ""
    return Look(name=name, luma=luma, aim=judge(luma, sightings), reader=reader)
