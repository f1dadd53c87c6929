"""Who is inside, for a guard with an evacuation at hand: works without controller and broker."""

import asyncio
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from doorward_edge.panel.parts import PanelParts
from doorward_edge.panel.visit import Desk


class Inside:
    """The page for whoever is signed in."""

    def __init__(self, parts: PanelParts, desk: Desk) -> None:
        """Takes what the gateway gives, and what every page needs."""
        self._parts = parts
        self._desk = desk

    async def show(self, request: Request) -> Response:
        """Shows who is inside by zone, since when, and what makes it uncertain."""
        session = self._desk.session(request)
        if session is None:
            return RedirectResponse("/sign-in/manual", 303)
        try:
            called = await asyncio.to_thread(self._parts.muster)
        except TimeoutError:
            back = "/inside"
            return self._desk.page(request, "message.html", 503, session, key="busy", back=back)
        zones = called.to_json()["zones"]
        return self._desk.page(request, "inside.html", 200, session, zones=zones, when=self._when)

    def _when(self, at: int) -> str:
        offset_s = self._parts.offset_s(at) or 0
        return datetime.fromtimestamp(at + offset_s, UTC).strftime("%Y-%m-%d %H:%M")
