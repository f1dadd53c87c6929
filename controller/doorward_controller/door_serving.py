"""Serves the door for gateways by TLS, in a thread beside the web server.

Without the authority's key there is no door; the rest of the controller goes on.
"""

import logging
import socket
import threading
from datetime import UTC, datetime

import uvicorn

from doorward_controller.api.door import door_app
from doorward_controller.broker.certifying import FolderCertifier
from doorward_controller.broker.errors import BrokerError
from doorward_controller.errors import ConfigError
from doorward_controller.services.backend import Backend
from doorward_controller.services.enrolling import host_of

STOP_S = 5.0
IDLE_S = 10
MAX_CONNECTIONS = 200
"""Gateways come one by one; whoever opens more is somebody else."""

_log = logging.getLogger(__name__)


class Door:
    """One listening socket and its thread; `start` and `stop` once each."""

    def __init__(self, server: uvicorn.Server, listening: socket.socket) -> None:
        """Made by `open_door`."""
        self._server = server
        self._thread = threading.Thread(
            target=server.run, args=([listening],), name="door", daemon=True
        )

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answers whoever is there and ends."""
        self._server.should_exit = True
        self._thread.join(STOP_S)


def open_door(backend: Backend, certifier: FolderCertifier) -> Door | None:
    """Returns the door of the settings; None where they name none or no key is there to sign.

    Raises:
        ConfigError: the address or port cannot be used.
    """
    settings = backend.config.enrolment
    if not settings.url:
        return None
    now = datetime.fromtimestamp(backend.clock.now().utc_s, UTC)
    try:
        files = certifier.door([host_of(settings.url)], now)
    except BrokerError as err:
        _log.error("door.closed problem=%s", err)
        return None
    listening = _listen(settings.host, settings.port)
    config = uvicorn.Config(
        door_app(backend),
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=int(STOP_S),
        ssl_certfile=str(files.certificate_file),
        ssl_keyfile=str(files.key_file),
    )
    _log.info("door.open url=%s port=%d", settings.url, listening.getsockname()[1])
    return Door(uvicorn.Server(config), listening)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Several processes of one controller share the door; the kernel deals out who comes.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError as err:
        listening.close()
        raise ConfigError(
            f"enrolment: {host} port {port} cannot be used: {err.strerror or err}; correct"
            " enrolment.host and enrolment.port"
        ) from err
    return listening
