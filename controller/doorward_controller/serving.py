"""Runs the web server and the intake beside it until the process is told to stop."""

import errno
import fcntl
import gc
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

import uvicorn

from doorward_controller.app import create_app
from doorward_controller.config import Config, Http
from doorward_controller.console.demo_port import DemoControls
from doorward_controller.errors import ConfigError
from doorward_controller.services.backend import Backend
from doorward_controller.supervision import supervision_of

STOP_S = 5
"""For requests at hand; live streams end at once, because the feed is closed first."""

SWITCH_S = 0.0005
"""How long one thread may keep the interpreter while another waits. The usual 5 ms would stand
between a commit and its acknowledgement whenever the writer is busy with the next group."""

_WORDS = {
    errno.EADDRINUSE: "is taken by another program; choose another http.port",
    errno.EACCES: "may not be used by this account; choose an http.port above 1023",
    errno.EADDRNOTAVAIL: "is not an address of this machine; correct http.host",
}


class Runs(Protocol):
    """What runs beside the web server, or alone."""

    def start(self) -> None:
        """Starts threads."""
        ...

    def stop(self) -> None:
        """Ends them in order."""
        ...


class Server(uvicorn.Server):
    """Ends the live streams before it waits for open connections."""

    def __init__(self, config: uvicorn.Config, backend: Backend) -> None:
        """Serves as `config` says."""
        super().__init__(config)
        self._feed = backend.feed
        self.supervision = supervision_of(backend, lambda: self.started)

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """Called for SIGTERM and SIGINT.

        The base class would raise the signal again at its end, and a SIGTERM then ends the process
        before `serve` has stopped the intake.
        """
        self.supervision.stopping()
        self._feed.close()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second, by the loop that answers requests."""
        self.supervision.loop_turned()
        return await super().on_tick(counter)


def listen(http: Http) -> socket.socket:
    """Returns the listening socket. Raises ConfigError in plain words."""
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    # Named, because asyncio switches Nagle's algorithm off only where it reads TCP: left on, the
    # second part of each answer waits 40 ms for a visitor's acknowledgement of the first.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((http.host, http.port))
        # From here on who comes waits for the first answer instead of being turned away.
        listening.listen()
    except OSError as err:
        listening.close()
        words = _WORDS.get(err.errno or 0, f"cannot be used: {err.strerror or err}")
        raise ConfigError(f"http: {http.host} port {http.port} {words}") from err
    return listening


def serve(
    backend: Backend,
    intakes: Runs,
    listening: socket.socket,
    demo: DemoControls | None = None,
    door: Runs | None = None,
) -> None:
    """Runs until SIGTERM or SIGINT, then stops in order."""
    config = uvicorn.Config(
        create_app(backend, demo),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
    )
    _answer_soon()
    intakes.start()
    if door is not None:
        door.start()
    server = Server(config, backend)
    server.supervision.start()
    try:
        server.run(sockets=[listening])
    finally:
        server.supervision.stopping()
        if door is not None:
            door.stop()
        backend.feed.close()
        intakes.stop()
        server.supervision.stop()
        backend.store.close()


def serve_intake(intakes: Runs, backend: Backend) -> None:
    """Runs an intake without pages until SIGTERM or SIGINT, then stops in order."""
    told_to_stop = threading.Event()
    supervision = supervision_of(backend, lambda: True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    _answer_soon()
    intakes.start()
    supervision.start()
    try:
        told_to_stop.wait()
    finally:
        supervision.stopping()
        intakes.stop()
        supervision.stop()
        backend.store.close()


@contextmanager
def alone(config: Config) -> Iterator[None]:
    """Keeps other processes from serving the same SQLite database. Raises ConfigError."""
    if config.sqlite_file is None:
        yield
        return
    with (config.data_dir / "serving.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            raise ConfigError(
                f"{config.data_dir}: another process serves this SQLite database, which is for one"
                " process; for many, set database.url to a PostgreSQL"
            ) from err
        yield


def _answer_soon() -> None:
    """Keeps the interpreter's own pauses out of the time to an acknowledgement.

    What is loaded by now stays until the end: looking through it for garbage took 160 ms a time.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
