"""How `doorward-edge aim` shows a picture: on the terminal, as lines, and as a file."""

import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import cv2
import numpy as np

from doorward_edge.aiming.sketch import Pixels, sketch
from doorward_edge.aiming.verdict import (
    ADVICE,
    AIM_MODULE_PX,
    LEAST_LIGHT_DN,
    SHARP_EDGE_MODULES,
    WORDS,
    Aim,
    Verdict,
)
from doorward_edge.ports import CameraError
from doorward_edge.scan import Luma

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

COLUMNS = 96
_UPPER_HALF = "▀"
_STYLES = {Verdict.GOOD: "bold green", Verdict.NO_CODE: "bold blue"}
_AMBER_BGR = (0, 200, 255)
_GREEN_BGR = (80, 220, 80)


class Shown(Protocol):
    """A picture and what is said of it."""

    @property
    def name(self) -> str:
        """Which picture it is."""
        ...

    @property
    def luma(self) -> Luma:
        """The picture."""
        ...

    @property
    def aim(self) -> Aim:
        """What is said of it."""
        ...

    def to_json(self) -> str:
        """Returns it as one line."""
        ...


def numbers_of(aim: Aim) -> str:
    """Returns the measures in words, each with the number to aim for."""
    found = aim.measures
    if found is None:
        return ""
    return (
        f"{found.module_px:.1f} px a module (aim for {AIM_MODULE_PX:.0f} or more)   "
        f"an edge takes {found.blur_modules:.2f} modules (below {SHARP_EDGE_MODULES})   "
        f"paper {found.light_dn:.0f} of 255 (above {LEAST_LIGHT_DN})   "
        f"washed out {found.washed_share:.0%} (0 %)"
    )


class Screen:
    """A terminal, or whoever reads lines."""

    def __init__(self, *, as_json: bool) -> None:
        """Takes whether lines are wanted; without a terminal there are lines of words."""
        self._as_json = as_json
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Takes the terminal over, where there is one."""
        if not self._as_json and sys.stdout.isatty():
            from rich.live import Live  # noqa: PLC0415  # other commands print no pictures

            self._live = Live(auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leaves the last picture standing."""
        if self._live is not None:
            self._live.stop()

    def show(self, shown: Shown) -> None:
        """Shows a picture in place of the last."""
        if self._live is not None:
            columns = min(COLUMNS, self._live.console.width)
            self._live.update(_page(shown, columns), refresh=True)
        elif self._as_json:
            print(shown.to_json(), flush=True)
        else:
            said = WORDS[shown.aim.verdict]
            print(f"{shown.name}: {said}. {numbers_of(shown.aim)} {ADVICE[shown.aim.verdict]}")


def _page(shown: Shown, columns: int) -> "Group":
    from rich.console import Group  # noqa: PLC0415  (as above)
    from rich.text import Text  # noqa: PLC0415

    aim = shown.aim
    head = Text(WORDS[aim.verdict], style=_STYLES.get(aim.verdict, "bold yellow"))
    head.append("   read" if aim.is_read else "   not read", style="dim")
    return Group(
        _blocks(sketch(shown.luma, columns, aim.corners)),
        head,
        Text(numbers_of(aim)),
        Text(ADVICE[aim.verdict]),
    )


def _blocks(pixels: Pixels) -> "Text":
    """Two rows of pixels a line: the character's upper half and its ground."""
    from rich.text import Text  # noqa: PLC0415  (as above)

    drawn = Text(no_wrap=True)
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        for one, other in zip(upper, lower, strict=True):
            drawn.append(_UPPER_HALF, style=f"{_rgb(one)} on {_rgb(other)}")
        drawn.append("\n")
    return drawn


def _rgb(pixel: Pixels) -> str:
    red, green, blue = (int(v) for v in pixel)
    return f"#{red:02x}{green:02x}{blue:02x}"


class Annotator:
    """Draws what was said into the picture."""

    def __init__(self, shown: Shown) -> None:
        """Takes the picture."""
        self._shown = shown

    def write(self, path: Path) -> None:
        """Writes a file of the kind that its name says. Raises CameraError."""
        try:
            is_written = cv2.imwrite(str(path), self.drawn())
        except cv2.error as err:
            raise CameraError(f"--picture {path}: {err}") from err
        if not is_written:
            raise CameraError(f"--picture {path} cannot be written; is it a .png in a folder?")

    def drawn(self) -> Pixels:
        """Returns the picture with the code's outline and the words above it."""
        aim = self._shown.aim
        coloured = cv2.cvtColor(self._shown.luma, cv2.COLOR_GRAY2BGR)
        picture: Pixels = np.asarray(coloured, dtype=np.uint8)
        colour = _GREEN_BGR if aim.verdict is Verdict.GOOD else _AMBER_BGR
        if aim.corners is not None:
            outline = np.array(aim.corners).round().astype(np.int32)
            cv2.polylines(picture, [outline], isClosed=True, color=colour, thickness=2)
        lines = [WORDS[aim.verdict], *filter(None, numbers_of(aim).split("   "))]
        picture[: 26 * len(lines) + 14] //= 3
        for number, line in enumerate(lines):
            at = (12, 30 + 26 * number)
            cv2.putText(picture, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, 1)
        return picture
