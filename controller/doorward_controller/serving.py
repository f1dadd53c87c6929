"""Runs the web server and the intake beside it until the process is told to stop."""

import errno
import gc
import signal
import socket
import sys
from types import FrameType

import uvicorn

from doorward_controller.app import create_app
from doorward_controller.config import Http
from doorward_controller.console.demo_port import DemoControls
from doorward_controller.errors import ConfigError
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import Feed
from doorward_controller.wiring import Intakes

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


class Server(uvicorn.Server):
    """Ends the live streams before it waits for open connections."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        """Serves as `config` says."""
        super().__init__(config)
        self._feed = feed

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """Called for SIGTERM and SIGINT.

        The base class would raise the signal again at its end, and a SIGTERM then ends the process
        before `serve` has stopped the intake.
        """
        self._feed.close()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def listen(http: Http) -> socket.socket:
    """Returns the listening socket. Raises ConfigError in plain words."""
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    # Named, because asyncio switches Nagle's algorithm off only where it reads TCP: left on, the
    # second part of each answer waits 40 ms for a visitor's acknowledgement of the first.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((http.host, http.port))
    except OSError as err:
        listening.close()
        words = _WORDS.get(err.errno or 0, f"cannot be used: {err.strerror or err}")
        raise ConfigError(f"http: {http.host} port {http.port} {words}") from err
    return listening


def serve(
    backend: Backend,
    intakes: Intakes,
    listening: socket.socket,
    demo: DemoControls | None = None,
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
    try:
        Server(config, backend.feed).run(sockets=[listening])
    finally:
        backend.feed.close()
        intakes.stop()
        backend.store.close()


def _answer_soon() -> None:
    """Keeps the interpreter's own pauses out of the time to an acknowledgement.

    What is loaded by now stays until the end: looking through it for garbage took 160 ms a time.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
