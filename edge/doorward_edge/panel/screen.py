"""The full-screen page of a portal, live by server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from doorward.ids import PortalId
from doorward_edge.panel.parts import PanelParts
from doorward_edge.panel.visit import Desk

LOOK_S = 1.0
"""What is not told but looked at: the camera, the link, the end of a signal."""
TIME_EVERY = 10
"""After so many looks the page is told the time, and that we are still here."""
MOST_STREAMS = 16


class Screens:
    """The screens' pages and their streams."""

    def __init__(self, parts: PanelParts, desk: Desk) -> None:
        """Takes what the gateway gives, and what every page needs."""
        self._parts = parts
        self._desk = desk
        self._waiting: set[asyncio.Event] = set()
        self._streams = 0
        self._is_over = False

    def wake(self) -> None:
        """Has every stream look at once; on the event loop's thread."""
        for event in self._waiting:
            event.set()

    def close(self) -> None:
        """Ends every stream."""
        self._is_over = True
        self.wake()

    async def page(self, request: Request) -> Response:
        """Returns the page; its script asks for the stream."""
        portal = self._portal(request)
        if portal is None:
            return PlainTextResponse("There is no such screen.", 404)
        section = self._parts.section
        return self._desk.page(
            request,
            "screen.html",
            portal=portal,
            title_en=section.title_en or portal,
            title_zh=section.title_zh or portal,
            now=self._message(portal),
        )

    async def stream(self, request: Request) -> Response:
        """Returns the stream of one screen."""
        portal = self._portal(request)
        if portal is None:
            return PlainTextResponse("There is no such screen.", 404)
        if self._streams >= MOST_STREAMS:
            return PlainTextResponse("Too many screens.", 503, {"Retry-After": "10"})
        return StreamingResponse(
            self._events(portal),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    def _portal(self, request: Request) -> PortalId | None:
        wanted = request.path_params["portal"]
        return next((portal for portal in self._parts.portals if portal == wanted), None)

    async def _events(self, portal: PortalId) -> AsyncIterator[str]:
        woken = asyncio.Event()
        self._waiting.add(woken)
        self._streams += 1
        try:
            last: dict[str, object] = {}
            looks = 0
            yield "retry: 2000\n\n"
            while not self._is_over:
                message = self._message(portal)
                told = {k: v for k, v in message.items() if k != "left_ms"}
                if told != last:
                    last = told
                    yield f"event: face\ndata: {json.dumps(message, ensure_ascii=False)}\n\n"
                if looks % TIME_EVERY == 0:
                    yield f"event: time\ndata: {json.dumps(self._time())}\n\n"
                looks += 1
                woken.clear()
                await _wait(woken)
        finally:
            self._streams -= 1
            self._waiting.discard(woken)

    def _message(self, portal: PortalId) -> dict[str, object]:
        parts = self._parts
        return parts.board.message(
            portal,
            parts.clock.now(),
            is_online=parts.is_online(),
            is_camera_well=parts.is_camera_well(portal),
        )

    def _time(self) -> dict[str, object]:
        """The screen shows the gateway's time, and none where that cannot be believed."""
        now = self._parts.clock.now()
        offset_s = self._parts.offset_s(now.utc_s)
        if now.trusted_utc_s is None or offset_s is None:
            return {"local_ms": None}
        return {"local_ms": now.utc_ms + offset_s * 1000}


async def _wait(woken: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(LOOK_S):
            await woken.wait()
    except TimeoutError:
        return
