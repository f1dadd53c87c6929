"""Tables about what reads codes: cameras, scanners, and what is looked for."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from doorward_edge.boards import TerminalSection
from doorward_edge.boards.profile import BcmPin
from doorward_edge.config.table import Table
from doorward_edge.scan import Strategy, Symbology
from doorward_edge.scanners.lines import LineEnd

TerminalName = BcmPin | str
"""A terminal of the board by its name, or a pin by its BCM number."""


class CameraKind(StrEnum):
    """Where frames come from."""

    PICAMERA2 = "picamera2"
    V4L2 = "v4l2"
    FOLDER = "folder"
    VIDEO = "video"
    SCENE = "scene"


class ScannerKind(StrEnum):
    """How a scanner hands over what it read."""

    KEYBOARD = "keyboard"
    """It types, as a USB keyboard does."""
    SERIAL = "serial"
    """It sends lines over a serial port, also one over USB."""


class Illumination(StrEnum):
    """When the lamp beside a camera is lit."""

    ALWAYS = "always"
    DARK = "dark"
    """While the camera sees that it is dark; docs/aiming.md says how it tells."""


class BoardSection(Table, frozen=True, kw_only=True):
    """The board that the wires are connected to.

    Attributes:
        profile: the name of a profile that comes with the gateway, or a path to a .toml file.
        uses: functions of pins that other things on this gateway use: i2c, spi, one-wire.
        terminal: terminals that are added to the profile, or that replace those of the same name.
    """

    profile: str = "raspberry-pi-header"
    uses: tuple[str, ...] = ()
    terminal: tuple[TerminalSection, ...] = ()


class CameraSection(Table, frozen=True, kw_only=True):
    """A camera. Where exposure or gain is left out, the camera finds its own.

    Attributes:
        device: `/dev/videoN` for v4l2, the camera's number for picamera2.
        path: the folder or the video file that is played.
        focus: continuous autofocus, or a fixed distance as 1 / metres.
        illumination_pin: a lamp that lights what the camera looks at.
        illumination: when it is lit.
        roi_px: x, y, width and height of the part that is looked at; empty means all of it.
    """

    name: str
    kind: CameraKind
    device: str = "0"
    path: str = ""
    width_px: Annotated[int, msgspec.Meta(ge=160, le=4608)] = 1280
    height_px: Annotated[int, msgspec.Meta(ge=120, le=2592)] = 720
    fps: Annotated[int, msgspec.Meta(ge=1, le=60)] = 10
    exposure_us: Annotated[int, msgspec.Meta(ge=20, le=1_000_000)] | None = None
    gain: Annotated[float, msgspec.Meta(ge=1, le=64)] | None = None
    focus: Annotated[float, msgspec.Meta(ge=0, le=32)] | Literal["auto"] = "auto"
    illumination_pin: TerminalName | None = None
    illumination: Illumination = Illumination.ALWAYS
    roi_px: tuple[int, ...] = ()


class ScannerSection(Table, frozen=True, kw_only=True):
    """A scanner that decodes by itself.

    Attributes:
        device: `/dev/input/by-id/…` for keyboard, `/dev/serial/by-id/…` for serial.
        baud: of a serial port.
        framing: of a serial port: data bits, parity, stop bits.
        line_end: what ends a code of a serial scanner; `gap` where it sends nothing.
    """

    name: str
    kind: ScannerKind
    device: str
    baud: Annotated[int, msgspec.Meta(ge=1200, le=921_600)] = 9600
    framing: Literal["8N1", "8E1", "8O1", "7E1", "7O1", "8N2"] = "8N1"
    line_end: LineEnd = LineEnd.NEWLINE


class ReaderSection(Table, frozen=True, kw_only=True):
    """What is looked for in a frame."""

    strategy: Strategy = Strategy.DUAL
    symbologies: tuple[Symbology, ...] = (Symbology.QR,)
