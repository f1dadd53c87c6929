"""The registry of what can be set at a gateway from afar: names, meanings, shapes and bounds.

The bounds are those of the gateway's own file (its tests compare the two); they are here so that
whoever sets something is told before it is sent. The gateway checks again, and its word counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Shape(StrEnum):
    """How the value of a setting looks."""

    WHOLE = "whole"
    NUMBER = "number"
    TEXT = "text"
    CHOICE = "choice"
    CHOICES = "choices"
    """A list of some of the choices."""
    LIST = "list"
    """A list that is written as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settable:
    """One setting.

    Attributes:
        unit: of the value, empty for none.
        least, most: bounds of a number, or of a text's length; None: there is none.
        choices: what it may be; for a number, which words it may be instead.
        names: what `*` may stand for; empty where the installer names it.
        example: how a list is written.
    """

    meaning: str
    shape: Shape
    unit: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    example: str = ""


SIGNALS = (
    "idle",
    "granted",
    "refused",
    "unreadable",
    "not_enrolled",
    "waiting",
    "lockdown",
    "fire",
    "camera_fault",
    "identify",
)
SYMBOLOGIES = (
    "qr",
    "micro_qr",
    "data_matrix",
    "aztec",
    "pdf417",
    "code_128",
    "code_39",
    "ean_13",
    "itf",
)

_W, _N = Shape.WHOLE, Shape.NUMBER

REGISTRY: Mapping[str, Settable] = MappingProxyType(
    {
        "camera.*.width_px": Settable(
            meaning="width of the pictures", shape=_W, unit="px", least=160, most=4608
        ),
        "camera.*.height_px": Settable(
            meaning="height of the pictures", shape=_W, unit="px", least=120, most=2592
        ),
        "camera.*.fps": Settable(
            meaning="pictures a second", shape=_W, unit="1/s", least=1, most=60
        ),
        "camera.*.exposure_us": Settable(
            meaning="a fixed exposure", shape=_W, unit="µs", least=20, most=1_000_000
        ),
        "camera.*.gain": Settable(meaning="a fixed gain", shape=_N, least=1, most=64),
        "camera.*.focus": Settable(
            meaning="focus: auto, or a fixed distance",
            shape=_N,
            unit="1/m",
            least=0,
            most=32,
            choices=("auto",),
        ),
        "camera.*.roi_px": Settable(
            meaning="part of the picture that is looked at",
            shape=Shape.LIST,
            unit="px",
            example="[0, 0, 640, 480]",
        ),
        "reader.strategy": Settable(
            meaning="which readers look, and how hard",
            shape=Shape.CHOICE,
            choices=("dual", "zxing", "pyzbar"),
        ),
        "reader.symbologies": Settable(
            meaning="which kinds of code are looked for",
            shape=Shape.CHOICES,
            choices=SYMBOLOGIES,
        ),
        "portal.*.held_s": Settable(
            meaning="for how long a code that is held up is one scan",
            shape=_N,
            unit="s",
            least=0.5,
            most=60,
        ),
        "portal.*.door.open_timeout_s": Settable(
            meaning="how long the leaf may take to open after a grant",
            shape=_N,
            unit="s",
            least=1,
            most=120,
        ),
        "portal.*.door.passage_timeout_s": Settable(
            meaning="how long walking through may take", shape=_N, unit="s", least=1, most=120
        ),
        "portal.*.door.held_after_s": Settable(
            meaning="when an open leaf is held open", shape=_N, unit="s", least=1, most=3600
        ),
        "perception.*.en": Settable(
            meaning="the large words of a signal in English",
            shape=Shape.TEXT,
            most=32,
            names=SIGNALS,
        ),
        "perception.*.zh": Settable(
            meaning="the large words of a signal in Chinese",
            shape=Shape.TEXT,
            most=12,
            names=SIGNALS,
        ),
        "perception.*.tones": Settable(
            meaning="the tones of a signal",
            shape=Shape.LIST,
            unit="Hz, ms",
            names=SIGNALS,
            example="[[880, 120], [660, 120]]",
        ),
        "health.interval_s": Settable(
            meaning="how often health is told", shape=_W, unit="s", least=10, most=3600
        ),
    }
)
