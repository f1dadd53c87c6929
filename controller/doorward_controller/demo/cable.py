"""A network cable between a gateway and the broker that can be pulled, or a switch that resets.

`Fault.PULLED` is a cable out of its socket: nothing arrives in either direction, no error is
reported, and whoever connects waits. TCP loses nothing by it, so when the cable is back, what was
on its way arrives, or the end of a connection that one side gave up in the meantime.
`Fault.RESET` is a firewall or a router that restarts: connections end at once with RST, and new
ones are refused.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Coroutine
from enum import StrEnum
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

_CHUNK_BYTES = 64 * 1024
_RESULT_S = 5.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Fault(StrEnum):
    """How a cable fails."""

    PULLED = "pulled"
    RESET = "reset"


class Cable:
    """One listening port whose bytes go to the broker while the cable is whole."""

    def __init__(self, network: "Network", target: tuple[str, int]) -> None:
        self._network = network
        self._target = target
        self._whole = asyncio.Event()
        self._whole.set()
        self._fault: Fault | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def fault(self) -> Fault | None:
        """What is wrong with it; None when it is whole."""
        return self._fault

    def cut(self, fault: Fault) -> None:
        """Breaks the connection."""
        self._network.run(self._cut(fault))

    def restore(self) -> None:
        """Mends it."""
        self._network.run(self._restore())

    async def open(self) -> None:
        """Listens; on the port of before when it had one."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Ends every connection and the listening."""
        await self._stop_listening()
        self._reset_all()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _cut(self, fault: Fault) -> None:
        if self._fault is not None:
            return
        self._fault = fault
        self._whole.clear()
        if fault is Fault.RESET:
            await self._stop_listening()
            self._reset_all()

    async def _restore(self) -> None:
        if self._fault is Fault.RESET:
            await self.open()
        self._fault = None
        self._whole.set()

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _reset_all(self) -> None:
        for writer in tuple(self._writers):
            with contextlib.suppress(OSError):
                raw: socket.socket = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (a connection is always served in a task)
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self._whole.wait()
            await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            # Also a broker that is down: whoever connected sees its connection end.
            pass
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._writers.add(far_writer)
        try:
            for end in (writer, far_writer):
                raw: socket.socket = end.get_extra_info("socket")
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ways = (
                asyncio.ensure_future(self._carry(reader, far_writer)),
                asyncio.ensure_future(self._carry(far_reader, writer)),
            )
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                await self._whole.wait()
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            self._writers.discard(far_writer)
            far_writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                await self._whole.wait()
                writer.write(chunk)
                await writer.drain()


class Network:
    """All cables, served by one thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="cables", daemon=True)
        self._thread.start()
        self._cables: list[Cable] = []

    def lay(self, host: str, port: int) -> Cable:
        """Returns a new, whole cable to `host:port`."""
        cable = Cable(self, (host, port))
        self.run(cable.open())
        self._cables.append(cable)
        return cable

    def close(self) -> None:
        """Ends every connection and the thread."""
        for cable in self._cables:
            self.run(cable.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_RESULT_S)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs `work` in the cables' thread and returns its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_RESULT_S)
