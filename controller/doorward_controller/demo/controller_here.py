"""The controller in this very process, so that the demonstration's page can reach its world."""

from threading import Thread

import uvicorn

from doorward.times import Clock
from doorward_controller import serving
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
        """Takes the port, opens database and connection to the broker. Raises ControllerError."""
        self._listening = serving.listen(config.http)
        self.backend, self._intakes = open_server(config, clock)
        self._server: serving.Server | None = None
        self._thread: Thread | None = None

    def start(self, controls: DemoControls) -> None:
        """Starts everything; returns when pages are served. Raises DemoError."""
        settings = uvicorn.Config(
            create_app(self.backend, controls),
            log_config=None,
            access_log=False,
            # A person who pressed Ctrl-C does not wait for pages that are still open.
            timeout_graceful_shutdown=1,
        )
        self._server = server = serving.Server(settings, self.backend)
        self._intakes.start()
        # Not the main thread, so uvicorn leaves Ctrl-C to us.
        self._thread = Thread(
            target=server.run, kwargs={"sockets": [self._listening]}, name="web", daemon=True
        )
        self._thread.start()
        wait_until(lambda: server.started or not self._is_alive(), timeout_s=_START_S)
        if not server.started:
            raise DemoError("the console does not start; its log says why")

    def stop(self) -> None:
        """Stops everything in the order in which nothing is lost."""
        self.backend.feed.close()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_STOP_S)
        self._intakes.stop()
        self.backend.store.close()
        self._listening.close()

    def _is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()
