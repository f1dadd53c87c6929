"""An application that is made when somebody first asks for it."""

import threading
from collections.abc import Callable

from fastapi.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send


class Late:
    """Stands where an application is mounted that few sites use and whose imports take long."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        """Takes what makes it; called once, in a thread."""
        self._make = make
        self._lock = threading.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Has the application answer."""
        app = self._app if self._app is not None else await run_in_threadpool(self._made)
        await app(scope, receive, send)

    def _made(self) -> ASGIApp:
        with self._lock:
            app = self._app if self._app is not None else self._make()
            self._app = app
            return app
