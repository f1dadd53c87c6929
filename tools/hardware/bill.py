"""What is bought for a build, and what that costs as of a date: from parts and configuration."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import msgspec

from doorward_edge.boards import LockKind
from doorward_edge.ports import InputKind
from tools.hardware.builds import Build
from tools.hardware.harness import DRIVER, LOCK
from tools.hardware.parts import HARDWARE, PartError, Suppression, load_file
from tools.hardware.wiring import SIGNAL_MM2, harness_of

_INPUTS = {
    InputKind.CONTACT: "contact",
    InputKind.EXIT_BUTTON: "exit-button",
    InputKind.TAMPER: "tamper",
    InputKind.PASSAGE: "passage",
}
_CAMERAS = {"global-shutter-6mm": ("global-shutter-camera", "lens-6mm")}


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; a key that is not known is an error."""


class Item(_Table, frozen=True):
    """Something that is bought.

    Attributes:
        source: where the price is from; empty for an estimate.
    """

    key: str
    name: str
    low: Annotated[float, msgspec.Meta(ge=0)]
    high: Annotated[float, msgspec.Meta(ge=0)]
    source: str = ""

    @property
    def is_estimate(self) -> bool:
        """Whether nobody's price list says so."""
        return not self.source


class PriceFile(_Table, frozen=True):
    """`hardware/bill-of-materials.toml`."""

    as_of: date
    currency: str
    item: tuple[Item, ...]

    def of(self, key: str) -> Item:
        """Returns an item. Raises PartError."""
        for item in self.item:
            if item.key == key:
                return item
        raise PartError(f"bill-of-materials.toml has no item {key}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """So many of an item."""

    item: Item
    count: int

    @property
    def low(self) -> float:
        """The least that they cost."""
        return self.count * self.item.low

    @property
    def high(self) -> float:
        """The most that they cost."""
        return self.count * self.item.high


def load_prices() -> PriceFile:
    """Returns the prices. Raises PartError: two have one key, or a range is upside down."""
    path = HARDWARE / "bill-of-materials.toml"
    prices = load_file(path, PriceFile)
    twice = [key for key, count in Counter(i.key for i in prices.item).items() if count > 1]
    wrong = [item.key for item in prices.item if item.low > item.high]
    if twice or wrong:
        raise PartError(f"{path}: {', '.join(twice + wrong)}: named twice, or low above high")
    return prices


def bill_of(build: Build, prices: PriceFile) -> tuple[Line, ...]:
    """Returns the lines of a build's bill. Raises PartError."""
    return tuple(
        Line(item=prices.of(key), count=count) for key, count in needed(build).items() if count
    )


def needed(build: Build) -> Counter[str]:
    """Returns how many of what a build needs, by key."""
    file, portal = build.file, build.portal
    found: Counter[str] = Counter([file.computer, file.relays, file.supply, file.converter])
    found.update(_CAMERAS.get(file.camera, (file.camera,)))
    found.update(["memory-card", "housing", "fuse"])
    found["ribbon"] += build.camera.interface == "csi"
    if build.lock.kind is not LockKind.TURNSTILE:  # a drive is there already
        found[file.lock] += 1
    found["suppressor"] += build.lock.suppression is not Suppression.NONE
    found["lamp"] += len(portal.lamps)
    found["camera-lamp"] += len(build.config.illumination)
    found["buzzer"] += portal.buzzer is not None
    found["resistor"] += _needs_resistor(build)
    for _, line in build.config.input_lines:
        if line.kind in _INPUTS and not _is_of_the_drive(build, line.kind):
            found[_INPUTS[line.kind]] += 1
    found.update(_cables(build))
    return found


def _needs_resistor(build: Build) -> bool:
    """Whether the pin rests at a level that would release the lock."""
    line = build.portal.lock
    return line is not None and build.config.board.terminal_of_pin(line.pin).rest is line.released


def _is_of_the_drive(build: Build, kind: InputKind) -> bool:
    return kind is InputKind.PASSAGE and build.lock.kind is LockKind.TURNSTILE


def _cables(build: Build) -> Counter[str]:
    harness = harness_of(build)
    found: Counter[str] = Counter()
    outside = [cable for cable in harness.cables if cable.length_m > 1]
    heavy = [cable for cable in outside if cable.mm2 > SIGNAL_MM2]
    to_lock = [c for c in heavy if LOCK in {c.wires[0].from_node, c.wires[0].to_node}]
    # Plus and minus of a lock are drawn apart and run in one cable.
    twice_m = build.file.cable_m * max(0, len(to_lock) - 1)
    found["cable-lock-m"] = round(sum(c.length_m for c in heavy) - twice_m)
    found["cable-signal-m"] = round(sum(c.length_m for c in outside if c not in heavy))
    found["driver"] = int(DRIVER in harness.nodes)
    return found
