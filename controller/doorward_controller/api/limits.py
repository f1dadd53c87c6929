"""Bounds on what a request may send."""

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doorward_controller.api.errors import problem

MAX_BODY_BYTES = 1024 * 1024
"""The largest request is a rule book; a generous one has 100 kB."""

MAX_PHOTO_BYTES = 13 * 1024 * 1024
"""A photograph from a phone, and the form around it."""

_PHOTOS = re.compile(r"(/api/v1)?/maintenance/orders/\d+/photos")


def limit_of(path: str) -> int:
    """Returns how many bytes a request to this path may hold."""
    return MAX_PHOTO_BYTES if _PHOTOS.fullmatch(path) else MAX_BODY_BYTES


class BodyLimit:
    """Answers 413 when a request is longer, whether it says so or not."""

    def __init__(self, app: ASGIApp) -> None:
        """Wraps `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses by the announced length; cuts off what was not announced."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = limit_of(scope["path"])
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > limit:
            answer = problem(413, "too_large", f"at most {limit} bytes")
            await answer(scope, receive, send)
            return
        taken, has_answered = 0, False

        async def noted(message: Message) -> None:
            nonlocal has_answered
            has_answered = True
            await send(message)

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            return {"type": "http.disconnect"} if taken > limit else message

        await self._app(scope, counted, noted)
        if taken > limit and not has_answered:
            answer = problem(413, "too_large", f"at most {limit} bytes")
            await answer(scope, receive, send)
