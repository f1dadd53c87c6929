"""Gathers the database's log until it is told to stop: `doorward-controller backup log`."""

import logging
import threading
from pathlib import Path

from doorward_controller.backup import log_receiving
from doorward_controller.backup.log_receiving import Receiver
from doorward_controller.backup.log_shipping import Round, Shipping
from doorward_controller.errors import BackupError, ControllerError
from doorward_controller.services.backend import Backend

_AGAIN_S = 10.0
"""A receiver that ended is started again so soon: the server may just have been restarted."""
_TURN_S = 1.0

_log = logging.getLogger(__name__)


class Gathering:
    """One receiver, and rounds that bring what it has received to the places."""

    def __init__(self, backend: Backend, config_file: Path) -> None:
        """Checks what can be checked before anything runs. Raises BackupError."""
        config = backend.config
        if backend.store.is_sqlite:
            raise BackupError("the database is SQLite, which has no log to gather; leave it out")
        if not config.backup.target:
            raise BackupError("no place is set for backups: add [[backup.target]]")
        self._url, self._slot = config.database_url, config.backup.log.slot
        self._every_s = config.backup.log.every_s
        self._shipping = Shipping(backend, config_file)
        self._receiver: Receiver | None = None

    def run(self, stopping: threading.Event) -> None:
        """Goes on until told to stop; what fails is noted and tried again."""
        try:
            while not stopping.is_set():
                self._try_round()
                stopping.wait(self._every_s if self._receiver is not None else _AGAIN_S)
        finally:
            self.end()

    def once(self) -> Round:
        """Does one round. Raises BackupError."""
        receiver = self._receive()
        return self._shipping.ship(lambda: receiver.trouble)

    def end(self) -> None:
        """Ends the receiver; the slot keeps what comes meanwhile."""
        if self._receiver is not None:
            self._receiver.end()
            self._receiver = None

    def _try_round(self) -> None:
        try:
            problems = self._send_what_waits() if self._shipping.is_over() else self._round()
        except ControllerError as err:
            problems = {"all": str(err)}
        for place, problem in problems.items():
            _log.warning("backup.log_failed place=%s problem=%s", place, problem)
        if problems and self._receiver is not None and self._shipping.is_over():
            # The controller's own disk is not filled with what nobody takes.
            self.end()
            self._shipping.note_trouble("no place takes the log, and no more of it may wait here")

    def _round(self) -> dict[str, str]:
        done = self.once()
        if done.base is not None:
            _log.info("backup.base_made places=%s", ",".join(done.base.places))
        _log.debug("backup.log_sent covers_utc_s=%d", done.covers_utc_s)
        return done.problems

    def _send_what_waits(self) -> dict[str, str]:
        """Places first; only then there is room for more."""
        self.end()
        return self._shipping.ship_what_waits()

    def _receive(self) -> Receiver:
        if self._receiver is not None:
            trouble = self._receiver.trouble
            if not trouble:
                return self._receiver
            self.end()
            _log.warning("backup.receiver_ended problem=%s", trouble)
        if log_receiving.make_slot(self._url, self._slot):
            self._shipping.begin_anew()
        self._receiver = Receiver(self._url, self._slot, self._shipping.arriving)
        return self._receiver
