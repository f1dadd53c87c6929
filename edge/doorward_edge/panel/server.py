"""Serves the pages: one thread, one event loop, HTTPS to the network, plain HTTP to this machine.

What the pages never see is turned away here: too many connections, a TLS handshake or a request's
head that does not come. Nothing that happens here stops the gateway: doors work without pages.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from doorward_edge.config_panel import PanelSection

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
HEAD_S = 10
"""In so many seconds the head of a request must be here, and after an answer the next one's."""
HANDSHAKE_S = 5.0
MOST_CONNECTIONS = 64
MOST_PER_CLIENT = 16
MOST_HEAD_BYTES = 16 * 1024
START_S = 10.0
STOP_S = 1.0
GOODBYE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One socket and what is served on it.

    Attributes:
        tls: None on the loopback alone.
    """

    sock: socket.socket
    app: ASGIApp
    tls: ssl.SSLContext | None


def open_socket(address: str, port: int) -> socket.socket:
    """Returns a listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock


def tls_of(section: PanelSection) -> ssl.SSLContext:
    """Returns the server's side of TLS. Raises OSError (also ssl.SSLError) for bad files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(section.cert_file, section.key_file)
    return context


class _PatientProtocol(H11Protocol):
    """Closes what connects and says nothing, and what connects too often."""

    _deadline: asyncio.TimerHandle | None = None
    """When the head of a request must be here."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        peer = self.client[0] if self.client else ""
        mine = sum(
            isinstance(each, H11Protocol) and each.client is not None and each.client[0] == peer
            for each in self.connections
        )
        if len(self.connections) > MOST_CONNECTIONS or mine > MOST_PER_CLIENT:
            transport.close()
            return
        self._deadline = self.loop.call_later(HEAD_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: Any = self.cycle  # None before the first request, whatever its annotation says
        if cycle is not None and not cycle.response_complete:
            self._stop_waiting()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class PanelServer:
    """The thread that serves. `start` and `close` belong to the gateway's main thread."""

    def __init__(self, listeners: tuple[Listener, ...], stopping: Callable[[], None]) -> None:
        """Takes the open sockets, and what ends the live streams."""
        self._listeners = listeners
        self._stopping = stopping
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="panel", daemon=True)

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that are served."""
        return tuple(listener.sock.getsockname()[1] for listener in self._listeners)

    def call(self, act: Callable[[], None]) -> None:
        """Has something done on the event loop's thread, soon; not at all when it has ended."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(act)

    def start(self) -> None:
        """Begins to serve."""
        self._thread.start()
        self._ready.wait(START_S)

    def close(self) -> None:
        """Ends the streams and the thread; does not wait long for either."""
        if self._thread.ident is not None:
            if self._loop is not None and self._end is not None:
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(STOP_S)
        for listener in self._listeners:
            listener.sock.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:
            log.exception("panel.ended")
        finally:
            self._loop = None
            self._ready.set()

    async def _serve(self) -> None:
        # A flood of rubbish must not become a flood of warnings.
        logging.getLogger("uvicorn").setLevel(logging.ERROR)
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        state = ServerState()
        servers = [await _listen(self._loop, each, state) for each in self._listeners]
        self._ready.set()
        await self._end.wait()
        self._stopping()
        # Who was just let in must be known to its server before that closes, or nobody hangs up.
        for listener in self._listeners:
            self._loop.remove_reader(listener.sock)
        await asyncio.sleep(0)
        for server in servers:
            server.close()
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=STOP_S / 2)
        await _hang_up(state)


async def _hang_up(state: ServerState) -> None:
    """Says goodbye to browsers that keep a connection for later; does not wait for their answer."""
    await asyncio.sleep(GOODBYE_S)
    for connection in list(state.connections):
        transport: asyncio.Transport = connection.transport
        transport.abort()
    await asyncio.sleep(GOODBYE_S)


async def _listen(
    loop: asyncio.AbstractEventLoop, listener: Listener, state: ServerState
) -> asyncio.Server:
    config = uvicorn.Config(
        listener.app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        date_header=False,
        timeout_keep_alive=HEAD_S,
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
    )
    config.load()
    return await loop.create_server(
        lambda: _PatientProtocol(config=config, server_state=state, app_state={}),
        sock=listener.sock,
        ssl=listener.tls,
        ssl_handshake_timeout=HANDSHAKE_S if listener.tls else None,
    )
