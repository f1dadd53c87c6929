"""Parts as data: cameras, locks, supplies, computers and relay boards in `hardware/*/*.toml`.

A mistake in a file is told with file and line, as for the board profiles of the firmware.
"""

import math
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from doorward_edge.boards import Contact, LockKind
from doorward_edge.config_words import explain
from doorward_edge.toml_places import line_of, parse_place

HARDWARE = Path(__file__).resolve().parents[2] / "hardware"

Positive = Annotated[float, msgspec.Meta(gt=0)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Pixels = Annotated[int, msgspec.Meta(ge=120, le=20_000)]


class PartError(ValueError):
    """A part's file that cannot be used; the message names file and line."""


class FileError(Exception):
    """Facts of one file that contradict each other."""

    def __init__(self, key: str, said: str) -> None:
        """Takes the key that is wrong, dotted, and why."""
        super().__init__(said)
        self.key = key


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every file begins with.

    Attributes:
        sources: where the figures are from, each with its date; an estimate says that it is one.
        notes: what whoever mounts it must know.
    """

    title: str
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def check(self) -> None:
        """Raises FileError when facts contradict each other."""
        if not self.sources:
            raise FileError("sources", "is empty: where are the figures from?")


class Focus(StrEnum):
    """How a camera is focused."""

    MOTOR = "motor"
    BY_HAND = "by_hand"


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A size of picture that the camera gives, of the whole width of its sensor."""

    width_px: Pixels
    height_px: Pixels
    is_usual: bool = False


class CameraPart(_Part, frozen=True):
    """A camera.

    Attributes:
        kind: of `[[camera]]` in `edge.toml`.
        pixel_um, focal_mm: of the sensor and its lens.
        width_deg: how wide it sees, as its maker says; one of the two must be there.
        f_number: focal length divided by the opening.
        focused_mm: where a lens that is focused by hand is set to.
        near_mm: closer than this nothing is sharp.
        overlay: what follows `dtoverlay=` in config.txt where the camera is not found by itself.
    """

    kind: Literal["picamera2", "v4l2"]
    sensor: str
    width_px: Pixels
    height_px: Pixels
    f_number: Positive
    focus: Focus
    near_mm: Positive
    shutter: Literal["rolling", "global"]
    interface: Literal["csi", "usb"]
    current_ma: Millis
    board_mm: tuple[Positive, Positive, Positive]
    frame: tuple[Frame, ...]
    pixel_um: Positive | None = None
    focal_mm: Positive | None = None
    width_deg: Annotated[float, msgspec.Meta(gt=10, lt=170)] | None = None
    focused_mm: Positive | None = None
    overlay: str = ""

    def check(self) -> None:
        """Raises FileError."""
        super().check()
        has_lens = self.pixel_um is not None and self.focal_mm is not None
        if not has_lens and self.width_deg is None:
            raise FileError("focal_mm", "and pixel_um, or else width_deg, say how wide it sees")
        if (self.focus is Focus.BY_HAND) != (self.focused_mm is not None):
            raise FileError("focused_mm", "belongs to focus = by_hand, and to nothing else")
        if sum(frame.is_usual for frame in self.frame) != 1:
            raise FileError("frame", "must have one that is_usual")
        for index, frame in enumerate(self.frame):
            if frame.width_px > self.width_px:
                said = f"is {frame.width_px}, more than the sensor's {self.width_px}"
                raise FileError(f"frame[{index}].width_px", said)

    @property
    def usual_frame(self) -> Frame:
        """The size that the tables count with."""
        return next(frame for frame in self.frame if frame.is_usual)

    @property
    def half_width(self) -> float:
        """Half of what it sees in width, for each unit of distance.

        Where the maker tells both an angle and the lens, the wider of the two counts: codes are
        smaller in it.
        """
        by_angle = math.tan(math.radians((self.width_deg or 0) / 2))
        by_lens = 0.0
        if self.pixel_um is not None and self.focal_mm is not None:
            by_lens = self.width_px * self.pixel_um / 1000 / 2 / self.focal_mm
        return max(by_angle, by_lens)


class Suppression(StrEnum):
    """What takes the voltage of a coil that is switched off."""

    DIODE = "diode"
    VARISTOR = "varistor"
    NONE = "none"


class LockPart(_Part, frozen=True):
    """A lock; `hold_ma` of a turnstile is 0: its drive feeds itself."""

    kind: LockKind
    volts: Annotated[float, msgspec.Meta(ge=0, le=48)]
    hold_ma: Millis
    inrush_ma: Millis
    contact: Contact
    suppression: Suppression
    suppression_part: str
    terminals: tuple[str, ...]

    def check(self) -> None:
        """Raises FileError: a diode at a magnet holds the door, a bare coil burns contacts."""
        super().check()
        if self.inrush_ma < self.hold_ma:
            raise FileError("inrush_ma", f"is {self.inrush_ma}, less than hold_ma {self.hold_ma}")
        if self.kind is LockKind.FAIL_SAFE and self.suppression is Suppression.DIODE:
            raise FileError("suppression", "is a diode, with which a magnet lets go too late")
        if self.hold_ma and self.suppression is Suppression.NONE:
            raise FileError("suppression", "is none, but its coil's voltage burns the contact")
        if self.kind is LockKind.FAIL_SAFE and self.contact is not Contact.NC:
            raise FileError("contact", "must be nc: a fail_safe lock is locked by the coil at rest")


class SupplyPart(_Part, frozen=True):
    """A supply or a converter.

    Attributes:
        hold_up_ms: so long it goes on at full load when the mains are away.
        from_volts: a converter's input; what it takes there loads the supply before it.
        battery_usable: share of the battery's energy that is counted with.
    """

    volts: Positive
    rated_ma: Annotated[int, msgspec.Meta(ge=1)]
    hold_up_ms: Millis
    from_volts: Positive | None = None
    efficiency: Annotated[float, msgspec.Meta(gt=0.3, le=1)] = 1.0
    battery_wh: Positive | None = None
    battery_usable: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0


class ComputerPart(_Part, frozen=True):
    """A Raspberry Pi; its file has the name of its board profile.

    Attributes:
        usual_ma: of the bare board at work, as its maker says.
        busy_ma: with all processors busy.
        csi_pins: of its camera connector; decides the ribbon.
        hole_spacing_mm: of its four holes; none for a carrier, each of which has its own.
    """

    usual_ma: Millis
    busy_ma: Millis
    advised_supply_ma: Millis
    csi_pins: Literal[15, 22]
    csi_count: Annotated[int, msgspec.Meta(ge=1, le=2)]
    board_mm: tuple[Positive, Positive, Positive]
    hole_spacing_mm: tuple[Positive, Positive] | None = None

    def check(self) -> None:
        """Raises FileError."""
        super().check()
        if self.busy_ma < self.usual_ma:
            raise FileError("busy_ma", f"is {self.busy_ma}, less than usual_ma {self.usual_ma}")


class RelayPart(_Part, frozen=True):
    """A relay board; where it is a profile of the firmware, its file has that name."""

    coil_ma: Millis
    contact_ma: Millis
    contact_terminals: tuple[str, ...]


Part = TypeVar("Part", bound=_Part)

FOLDERS: dict[str, type[_Part]] = {
    "cameras": CameraPart,
    "computers": ComputerPart,
    "locks": LockPart,
    "relays": RelayPart,
    "supplies": SupplyPart,
}


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where parts lie; tests have one of their own."""

    folder: Path = HARDWARE

    def names(self, kind: str) -> tuple[str, ...]:
        """Returns the names of all parts of a kind: cameras, computers, locks, relays, supplies."""
        return tuple(sorted(path.stem for path in (self.folder / kind).glob("*.toml")))

    def camera(self, name: str) -> CameraPart:
        """Returns a camera. Raises PartError."""
        return self._load("cameras", name, CameraPart)

    def computer(self, name: str) -> ComputerPart:
        """Returns a computer. Raises PartError."""
        return self._load("computers", name, ComputerPart)

    def lock(self, name: str) -> LockPart:
        """Returns a lock. Raises PartError."""
        return self._load("locks", name, LockPart)

    def relay(self, name: str) -> RelayPart:
        """Returns a relay board. Raises PartError."""
        return self._load("relays", name, RelayPart)

    def supply(self, name: str) -> SupplyPart:
        """Returns a supply. Raises PartError."""
        return self._load("supplies", name, SupplyPart)

    def _load(self, kind: str, name: str, schema: type[Part]) -> Part:
        path = self.folder / kind / f"{name}.toml"
        if not path.is_file():
            known = ", ".join(self.names(kind)) or "none"
            raise PartError(f"{path} is missing; {kind} are: {known}")
        return load_file(path, schema)


File = TypeVar("File", bound=msgspec.Struct)


def load_file(path: Path, schema: type[File]) -> File:
    """Returns a file's table, checked. Raises PartError, which names file and line."""
    try:
        text = path.read_text("utf-8")
        raw: dict[str, Any] = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as err:
        raise PartError(f"{path}: cannot be read: {err}") from err
    except tomllib.TOMLDecodeError as err:
        raise PartError(f"{path}: not TOML: {err}") from err
    try:
        found = msgspec.convert(raw, schema)
        if isinstance(found, _Part):
            found.check()
    except msgspec.ValidationError as err:
        raise PartError(f"{path}, {explain(str(err), text, raw, schema)}") from err
    except FileError as err:
        line = line_of(parse_place(err.key), text)
        raise PartError(f"{path}, line {line}: {err.key} {err}") from err
    return found
