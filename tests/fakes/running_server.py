"""The web application on a free port of the loopback, served by the real server in a thread."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from doorward_controller.services.feed import Feed

START_S = 10.0
STOP_S = 10.0
UNREAD = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For visitors by plain HTTP: each would read a hundred authorities' certificates for nothing."""
TURNS = 20
"""Of the event loop, in which connections that are closed are gone."""


class _Server(uvicorn.Server):
    """Says when it is ready, and ends when it is told to instead of at its next look."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._told = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.ready.set()

    async def main_loop(self) -> None:
        ticking = asyncio.create_task(super().main_loop())
        await self._told.wait()
        ticking.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Leaves out the base class's pauses, a tenth of a second each, where nothing is left."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _ in range(TURNS):
            if not self.server_state.connections and not self.server_state.tasks:
                return
            await asyncio.sleep(0)
        await super().shutdown(sockets)

    def stop(self) -> None:
        assert self._loop is not None
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._told.set)


@contextmanager
def running(app: FastAPI, feed: Feed) -> Iterator[str]:
    """Serves `app` and gives its address; ends the live streams before it stops."""
    # TCP by name, as the product's own socket: otherwise each answer waits 40 ms in between.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2
        )
        server = _Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        assert server.ready.wait(START_S), "the server did not start"
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            feed.close()
            server.stop()
            thread.join(STOP_S)
            assert not thread.is_alive(), "the server did not stop"
