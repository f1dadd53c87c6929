"""`doorward-edge aim --web`: the address that lets a phone in, and the pictures it is given."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from doorward.times import Clock, UtcSeconds
from doorward_edge.aiming.chinese import ADVICE_ZH, WORDS_ZH
from doorward_edge.aiming.measures import Measures
from doorward_edge.aiming.verdict import (
    ADVICE,
    AIM_MODULE_PX,
    LEAST_LIGHT_DN,
    LEAST_MODULE_PX,
    MOST_LIGHT_DN,
    SHARP_EDGE_MODULES,
    SHARP_EDGE_PX,
    WASHED_SHARE,
    WORDS,
)
from doorward_edge.cli.aim_view import Shown
from doorward_edge.config_panel import PanelSection
from doorward_edge.panel.aim_page import AimPage, View
from doorward_edge.panel.occasional_tls import occasional_tls
from doorward_edge.panel.server import Listener, PanelServer, open_socket, tls_of
from doorward_edge.panel.wall import host_of
from doorward_edge.ports import CameraError
from doorward_edge.scan import Luma
from doorward_edge.simulate.symbol import QUIET_MODULES, draw_modules

if TYPE_CHECKING:
    from rich.text import Text

LONGEST_S = 900
PORT = 8444
_WIDEST_PX = 1280
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 70)
_FAR_AWAY = ("192.0.2.1", 9)
"""Nobody's address: asking the way there sends nothing, and tells which of ours leads out."""
_HALVES = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the page is served.

    Attributes:
        address: an IP address of this machine; empty finds the one that leads to the network.
        port: of HTTPS.
        panel: the gateway's own pages, whose certificate is used where there is one.
    """

    address: str
    port: int
    panel: PanelSection | None


class WebView:
    """Serves what is shown, until it is closed."""

    def __init__(self, place: Place, clock: Clock, seconds: float) -> None:
        """Begins to serve and says where. Raises CameraError where it cannot."""
        seconds = min(seconds or LONGEST_S, LONGEST_S)
        self._clock, self._seq = clock, 0
        self._until_ms = clock.now().mono_ms + int(seconds * 1000)
        address = place.address or _own_address()
        own = place.panel if place.panel is not None and place.panel.cert_file else None
        names = tuple(map(host_of, own.hosts)) if own is not None else (address,)
        self._origin = f"https://{_in_url(names[0])}"
        self.page = AimPage(frozenset({*names, address}), clock, self._until_ms)
        try:
            sock = open_socket(address, place.port)
        except OSError as err:
            raise CameraError(f"--web at {address} port {place.port}: {err.strerror}") from err
        try:
            tls, fingerprint = _tls(own, address, clock)
        except (OSError, ValueError) as err:
            sock.close()
            raise CameraError(f"--web at {address}: {err}") from err
        self._server = PanelServer(
            (Listener(sock=sock, app=self.page.app, tls=tls),), self.page.close
        )
        self._server.start()
        self._origin += f":{self._server.ports[0]}"
        self._say("The camera's picture is at", fingerprint)

    @property
    def address(self) -> str:
        """What lets the next browser in."""
        return f"{self._origin}/?key={self.page.key}"

    def has_time(self) -> bool:
        """Whether it goes on."""
        return self._clock.now().mono_ms < self._until_ms

    def show(self, shown: Shown) -> None:
        """Hands a picture to whoever looks; where nobody does, it is not even made."""
        if self.page.take_used():
            self._say("A browser was let in. For another one:", "")
        if not self.page.is_watched():
            return
        self._seq += 1
        self.page.put(View(seq=self._seq, jpeg=_jpeg(shown.luma), told=told_of(shown)))
        self._server.call(self.page.wake)

    def close(self) -> None:
        """Tells the browsers that it is over."""
        self._server.call(self.page.close)
        self.page.wait_until_told()
        self._server.close()

    def _say(self, words: str, fingerprint: str) -> None:
        from rich.console import Console  # noqa: PLC0415  # other commands print no pictures

        console = Console(highlight=False, soft_wrap=True, emoji=False)
        console.print(f"{words}\n\n  {self.address}\n", markup=False)
        if console.is_terminal:
            console.print(qr_text(self.address))
        if fingerprint:
            console.print(
                "The browser warns of the certificate, which was made for this; its SHA-256 is\n"
                f"  {fingerprint}",
                markup=False,
            )
        left_s = max(0, self._until_ms - self._clock.now().mono_ms) // 1000
        console.print(
            "It shows people: personal data. The address lets one browser in, once. It ends with "
            f"Ctrl-C, or after {left_s // 60} min {left_s % 60} s.",
            markup=False,
        )


def told_of(shown: Shown) -> dict[str, object]:
    """Returns what the page shows beside a picture; what the code says is not among it."""
    verdict = shown.aim.verdict
    height, width = shown.luma.shape
    corners = shown.aim.corners
    return {
        "camera": shown.name.rpartition(" ")[0],
        "verdict": verdict.value,
        "said_en": WORDS[verdict].capitalize(),
        "said_zh": WORDS_ZH[verdict],
        "advice_en": ADVICE[verdict],
        "advice_zh": ADVICE_ZH[verdict],
        "is_read": shown.aim.is_read,
        "width": width,
        "height": height,
        "corners": [[round(x, 1), round(y, 1)] for x, y in corners] if corners else None,
        "numbers": {} if shown.aim.measures is None else dict(_numbers(shown.aim.measures)),
    }


def _numbers(found: Measures) -> Iterator[tuple[str, dict[str, object]]]:
    """What is marked is what the verdict judges by, too; what stands in brackets is the aim."""
    is_blurred = (
        found.blur_modules >= SHARP_EDGE_MODULES
        and found.blur_modules * found.module_px >= SHARP_EDGE_PX
    )
    is_lit = LEAST_LIGHT_DN <= found.light_dn < MOST_LIGHT_DN
    is_large = found.module_px >= LEAST_MODULE_PX
    for name, value, aim, is_ok in (
        ("module_px", f"{found.module_px:.1f}", f"≥ {AIM_MODULE_PX:.0f}", is_large),
        ("blur", f"{found.blur_modules:.2f}", f"< {SHARP_EDGE_MODULES}", not is_blurred),
        ("light", f"{found.light_dn:.0f}", f"> {LEAST_LIGHT_DN}", is_lit),
        ("washed", f"{found.washed_share:.0%}", "0%", found.washed_share < WASHED_SHARE),
    ):
        yield name, {"value": value, "aim": aim, "ok": is_ok}


def qr_text(text: str) -> "Text":
    """Returns a QR code of half characters, dark on light whatever the terminal's colours are."""
    from rich.text import Text  # noqa: PLC0415  (as above)

    dark = np.pad(draw_modules(text, level="L") < 128, QUIET_MODULES)
    if len(dark) % 2:
        dark = np.pad(dark, ((0, 1), (0, 0)))
    drawn = Text(no_wrap=True)
    for upper, lower in zip(dark[::2], dark[1::2], strict=True):
        row = "".join(_HALVES[bool(a), bool(b)] for a, b in zip(upper, lower, strict=True))
        drawn.append(f"{row}", style="black on bright_white").append("\n")
    return drawn


def _jpeg(luma: Luma) -> bytes:
    width = luma.shape[1]
    if width > _WIDEST_PX:
        size = (_WIDEST_PX, round(luma.shape[0] * _WIDEST_PX / width))
        luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return cv2.imencode(".jpg", luma, _JPEG)[1].tobytes()


def _tls(own: PanelSection | None, address: str, clock: Clock) -> tuple[ssl.SSLContext, str]:
    """Returns the server's side of TLS, and the fingerprint of a certificate that was made now."""
    if own is not None:
        return tls_of(own), ""
    made = occasional_tls(address, UtcSeconds(clock.now().utc_s))
    return made.context, made.fingerprint


def _own_address() -> str:
    """Returns the address of this machine that others reach. Raises CameraError."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.connect(_FAR_AWAY)
            return str(asked.getsockname()[0])
    except OSError as err:
        raise CameraError(
            f"--web: this machine has no way out of itself ({err.strerror}); say --address"
        ) from err


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
