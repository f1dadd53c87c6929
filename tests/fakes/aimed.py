"""A page of `doorward-edge aim --web` on a real socket, with pictures that a test makes up."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from doorward.times import Clock
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.aiming.measures import Measures
from doorward_edge.aiming.verdict import Aim, Verdict
from doorward_edge.cli.aim_web import Place, WebView
from doorward_edge.config import ClockSource
from doorward_edge.config_panel import PanelSection
from doorward_edge.scan import Luma

ADDRESS = "127.0.0.1"
CORNERS = ((500.0, 260.0), (720.0, 250.0), (730.0, 470.0), (510.0, 480.0))


def grey() -> Luma:
    """Returns a picture in which every place is told from its neighbours."""
    rows, columns = np.arange(720)[:, None], np.arange(1280)[None, :]
    return np.asarray((rows // 8 + columns // 8) % 2 * 90 + 60, dtype=np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aimed:
    """One picture, as `aim` shows it."""

    aim: Aim
    name: str = "front 7"
    luma: Luma = field(default_factory=grey)

    def to_json(self) -> str:
        """Nobody asks for it here."""
        return "{}"


def measures(**more: float) -> Measures:
    """Returns those of a code that is well, but for what is said."""
    well = {"module_px": 4.2, "blur_modules": 0.5, "light_dn": 180.0, "dark_dn": 40.0}
    return Measures(**{**well, "washed_share": 0.0, **more})


def aimed(verdict: Verdict, **more: float) -> Aimed:
    """Returns a picture of which that is said."""
    if verdict is Verdict.NO_CODE:
        return Aimed(aim=Aim(verdict=verdict, is_read=False))
    found = measures(**more)
    is_read = verdict is Verdict.GOOD
    return Aimed(aim=Aim(verdict=verdict, is_read=is_read, corners=CORNERS, measures=found))


@contextmanager
def served(
    clock: Clock | None = None, seconds: float = 0, panel: PanelSection | None = None
) -> Iterator[WebView]:
    """Serves a page on the loopback."""
    place = Place(address=ADDRESS, port=0, panel=panel)
    view = WebView(place, clock or SystemClock(ClockSource.ASSUME), seconds)
    try:
        yield view
    finally:
        view.close()


def key_in(address: str) -> str:
    """Returns the key of an address."""
    (key,) = re.findall(r"\?key=([\w-]+)$", address)
    return str(key)


@contextmanager
def showing(view: WebView, shown: Aimed) -> Iterator[None]:
    """Shows a picture again and again from another thread, as the command does."""
    ended = threading.Event()

    def show() -> None:
        while not ended.wait(0.03):
            view.show(shown)

    thread = threading.Thread(target=show)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
