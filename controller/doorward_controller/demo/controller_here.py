"""The controller in this very process, so that the demonstration's page can reach its world."""

import contextlib
from threading import Thread

import uvicorn

from doorward.times import Clock
from doorward_controller.app import create_app
from doorward_controller.broker.waiting import wait_until
from doorward_controller.config import Config
from doorward_controller.console.demo_port import DemoControls
from doorward_controller.demo.errors import DemoError
from doorward_controller.wiring import open_server

_START_S = 20.0
_STOP_S = 5.0


class ControllerHere:
    """API, console and intake as `serve` runs them, with the demonstration's page besides."""

    def __init__(self, config: Config, clock: Clock) -> None:
        """Opens the database and the connection to the broker. Raises ControllerError."""
        self.backend, self._intakes = open_server(config, clock)
        self._config = config
        self._server: uvicorn.Server | None = None
        self._thread: Thread | None = None

    def start(self, controls: DemoControls) -> None:
        """Starts everything; returns when pages are served. Raises DemoError."""
        app = create_app(self.backend, demo=controls)
        http = self._config.http
        # Live pages never end by themselves; a person who pressed Ctrl-C does not wait for them.
        settings = uvicorn.Config(
            app,
            host=http.host,
            port=http.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = server = uvicorn.Server(settings)
        self._intakes.start()
        self._thread = Thread(target=_serve, args=(server,), name="web", daemon=True)
        self._thread.start()
        wait_until(lambda: server.started or not self._is_alive(), timeout_s=_START_S)
        if not server.started:
            raise DemoError(f"the console does not start on {http.host}:{http.port}")

    def stop(self) -> None:
        """Stops everything in the order in which nothing is lost."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_STOP_S)
        self._intakes.stop()
        self.backend.store.close()

    def _is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()


def _serve(server: uvicorn.Server) -> None:
    # uvicorn ends its thread with SystemExit when it cannot listen; `start` says so in words.
    with contextlib.suppress(SystemExit):
        server.run()
