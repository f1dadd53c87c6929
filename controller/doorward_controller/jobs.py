"""Timed work: vouching for the status list, and ending commands of which nothing more is heard.

Every gate knows by the first how fresh its rules are.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from doorward_controller.errors import ControllerError
from doorward_controller.services import command_outcomes, status_publishing
from doorward_controller.services.backend import Backend

REFRESH_S = 15 * 60
"""A gateway calls its rules stale after 72 h by default; it hears from us 288 times before."""

EXPIRE_S = 2.0
"""Who watches a command sees its end about when its seconds are over."""

_JOIN_S = 10.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    """Something to do every so often; `left_s` counts down to the next time."""

    name: str
    every_s: float
    act: Callable[[], int]
    left_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.left_s = self.every_s


class Jobs:
    """One thread that wakes for whatever is due."""

    def __init__(
        self, backend: Backend, refresh_s: float = REFRESH_S, expire_s: float = EXPIRE_S
    ) -> None:
        """Prepares; `start` runs it."""
        self._jobs = (
            _Job("status.refresh", refresh_s, partial(status_publishing.refresh, backend)),
            _Job("commands.expire", expire_s, partial(command_outcomes.expire, backend)),
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the work at hand."""
        self._stopping.set()
        self._thread.join(timeout=_JOIN_S)

    def _run(self) -> None:
        while not self._stopping.wait(wait_s := min(job.left_s for job in self._jobs)):
            for job in self._jobs:
                job.left_s -= wait_s
                if job.left_s <= 0:
                    job.left_s = job.every_s
                    _do(job)


def _do(job: _Job) -> None:
    try:
        result = job.act()
    except ControllerError as err:
        _log.warning("%s_failed problem=%s", job.name, err)
    except Exception:  # noqa: BLE001  # one failure must not end the work for good
        _log.exception("%s_failed", job.name)
    else:
        _log.log(logging.INFO if result else logging.DEBUG, "%s result=%d", job.name, result)
