"""Which medium is read by which camera from where to where: rows for the page and its chart."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import msgspec

from tools.hardware.optics import Code, Limits, Range, reading_range
from tools.hardware.parts import HARDWARE, CameraPart, Frame, Shelf, load_file

MODULES = {"DW0": 21, "DW1": 41, "DW2": 57}
"""QR versions 1, 6 and 10. A test draws each kind of code and counts."""

COMFORT_PX = 3.0
"""What `doorward-edge aim` asks for; readers manage with fewer in good light."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of a file; a key that is not known is an error."""


class Medium(_Table, frozen=True):
    """What a code is printed on or shown by."""

    name: str
    zh: str
    kind: str
    side_mm: float

    @property
    def code(self) -> Code:
        """The code that is on it."""
        return Code(modules=MODULES[self.kind], side_mm=self.side_mm)


class MediaFile(_Table, frozen=True):
    """`hardware/media.toml`."""

    sources: tuple[str, ...]
    medium: tuple[Medium, ...]


class MeasuredLimits(_Table, frozen=True):
    """What readers bear of one kind of code, and where at most half of the pictures are read."""

    kind: str
    module_px: float
    module_px_lost: float
    defocus_modules: float
    defocus_modules_lost: float
    motion_modules: float
    motion_modules_lost: float

    @property
    def limits(self) -> Limits:
        """Those with which codes are read."""
        return Limits(
            module_px=self.module_px,
            defocus_modules=self.defocus_modules,
            motion_modules=self.motion_modules,
        )


class LimitsFile(_Table, frozen=True):
    """`hardware/reading-limits.toml`."""

    measured_on: date
    pictures: int
    seed: int
    code: tuple[MeasuredLimits, ...]

    def of(self, kind: str) -> MeasuredLimits:
        """Returns those of a kind of code."""
        return next(one for one in self.code if one.kind == kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One medium before one camera.

    Attributes:
        at_most: where readers just manage.
        comfortable: where `aim` says that it is good.
    """

    medium: Medium
    camera_name: str
    camera: CameraPart
    frame: Frame
    at_most: Range
    comfortable: Range


def load_media() -> MediaFile:
    """Returns the media. Raises PartError."""
    return load_file(HARDWARE / "media.toml", MediaFile)


def load_limits() -> LimitsFile:
    """Returns what was measured. Raises PartError."""
    return load_file(HARDWARE / "reading-limits.toml", LimitsFile)


def rows(shelf: Shelf | None = None) -> Iterator[Row]:
    """Yields every medium before every camera and every size of picture."""
    shelf, measured = shelf or Shelf(), load_limits()
    for medium in load_media().medium:
        limits = measured.of(medium.kind).limits
        relaxed = Limits(
            module_px=COMFORT_PX,
            defocus_modules=limits.defocus_modules,
            motion_modules=limits.motion_modules,
        )
        for name in shelf.names("cameras"):
            camera = shelf.camera(name)
            for frame in camera.frame:
                yield Row(
                    medium=medium,
                    camera_name=name,
                    camera=camera,
                    frame=frame,
                    at_most=reading_range(camera, frame, medium.code, limits),
                    comfortable=reading_range(camera, frame, medium.code, relaxed),
                )
