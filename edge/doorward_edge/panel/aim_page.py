"""What a camera sees, on the phone of whoever puts it up: `doorward-edge aim --web`.

A key lets one browser in, once, and only by pressing a button: programs that look at addresses
before people do would use it up otherwise. Pictures are in memory, the last few, and only while
somebody looks.
"""

import asyncio
import secrets
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from doorward.times import Clock
from doorward_edge.panel.sessions import is_same
from doorward_edge.panel.visit import form_of
from doorward_edge.panel.wall import Wall

MOST_BROWSERS = 4
WAIT_S = 5.0
"""So long a browser waits for news; it asks again then."""
WATCHED_MS = 4_000
GOODBYE_S = 2.0
_KEPT_PICTURES = 4
_COOKIE = "__Host-aim"
_STATIC = Path(__file__).parent / "aim_static"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One picture and what is said of it.

    Attributes:
        seq: counts up; a browser asks for what came after the one it has.
        jpeg: the picture.
        told: what the page shows beside it, without what the code says.
    """

    seq: int
    jpeg: bytes
    told: Mapping[str, object]


class AimPage:
    """The page. `put` and the rest belong to the thread that looks; answers to the server's."""

    def __init__(self, hosts: frozenset[str], clock: Clock, until_mono_ms: int) -> None:
        """Takes under which names it is asked for, and when it ends."""
        self._clock = clock
        self._until_ms = until_mono_ms
        self._key = secrets.token_urlsafe(16)
        self._browsers: deque[str] = deque(maxlen=MOST_BROWSERS)
        self._views: deque[View] = deque(maxlen=_KEPT_PICTURES)
        self._lock = threading.Lock()
        self._asked_ms: int | None = None
        self._is_used = self._is_over = False
        self._has_told = threading.Event()
        self._waiting: set[asyncio.Event] = set()
        self.app: ASGIApp = Wall(Starlette(routes=self._routes()), hosts=hosts, clock=clock)

    @property
    def key(self) -> str:
        """What lets the next browser in."""
        return self._key

    def take_used(self) -> bool:
        """Returns whether a key was used since the last call; there is a new one then."""
        used, self._is_used = self._is_used, False
        return used

    def is_watched(self) -> bool:
        """Whether somebody asked for a picture in the last seconds."""
        asked_ms = self._asked_ms
        return asked_ms is not None and self._clock.now().mono_ms - asked_ms < WATCHED_MS

    def put(self, view: View) -> None:
        """Takes the newest picture; `wake` tells those who wait for it."""
        with self._lock:
            self._views.append(view)

    def wake(self) -> None:
        """Has every browser's question looked at again; on the server's thread."""
        for event in self._waiting:
            event.set()

    def close(self) -> None:
        """Tells every browser that it is over; on the server's thread."""
        self._is_over = True
        self.wake()

    def wait_until_told(self) -> None:
        """Waits a moment after `close` for a browser that is between two questions."""
        if self.is_watched():
            self._has_told.wait(GOODBYE_S)

    def _routes(self) -> list[Route | Mount]:
        return [
            Route("/", self._page, methods=["GET"]),
            Route("/session", self._let_in, methods=["POST"]),
            Route("/state", self._state, methods=["GET"]),
            Route("/picture/{seq:int}", self._picture, methods=["GET"]),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ]

    async def _page(self, _: Request) -> Response:
        return FileResponse(_STATIC / "aim.html", headers={"Cache-Control": "no-store"})

    async def _let_in(self, request: Request) -> Response:
        form = await form_of(request)
        if not is_same(self._key, form.get("key", "")):
            return Response(status_code=403)
        self._key, token = secrets.token_urlsafe(16), secrets.token_urlsafe(24)
        self._browsers.append(token)
        self._is_used = True
        response = Response(status_code=204)
        response.set_cookie(_COOKIE, token, secure=True, httponly=True, samesite="strict", path="/")
        return response

    async def _state(self, request: Request) -> Response:
        if not self._is_let_in(request):
            return Response(status_code=401)
        after = request.query_params.get("after", "")
        view = await self._newer_than(int(after[:9]) if after.isdecimal() else -1)
        if self._is_over:
            self._has_told.set()
            return JSONResponse({"over": True})
        left_s = max(0, self._until_ms - self._clock.now().mono_ms) // 1000
        if view is None:
            return JSONResponse({"seq": -1, "left_s": left_s})
        return JSONResponse({"seq": view.seq, "left_s": left_s, **view.told})

    async def _picture(self, request: Request) -> Response:
        if not self._is_let_in(request):
            return Response(status_code=401)
        with self._lock:
            kept = {view.seq: view.jpeg for view in self._views}
        jpeg = kept.get(request.path_params["seq"])
        if jpeg is None:
            return Response(status_code=404)
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    async def _newer_than(self, seq: int) -> View | None:
        """Waits for a picture with a higher number; None where none came."""
        woken = asyncio.Event()
        self._waiting.add(woken)
        try:
            async with asyncio.timeout(WAIT_S):
                while not self._is_over:
                    self._asked_ms = self._clock.now().mono_ms
                    woken.clear()
                    newest = self._newest()
                    if newest is not None and newest.seq > seq:
                        return newest
                    await woken.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(woken)
        return None

    def _newest(self) -> View | None:
        with self._lock:
            return self._views[-1] if self._views else None

    def _is_let_in(self, request: Request) -> bool:
        token = request.cookies.get(_COOKIE, "")
        return any(is_same(known, token) for known in tuple(self._browsers))
