"""Tells systemd how this process is, by the protocol of sd_notify(3) (docs/administration.md).

READY=1 once pages are served and the broker is there; when the broker stays away for
`BROKER_PATIENCE_MS`, without it: pages and commands work, and records wait at the gateways. From
then on WATCHDOG=1 while web server, timed work and intake turn, and STATUS= says it in words.
Where no service manager listens nothing is sent.
"""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from doorward_controller.domain.liveliness import Turns, what_stands_still
from doorward_controller.services.backend import Backend

BROKER_PATIENCE_MS = 20_000
LOOK_S = 1.0
_JOIN_S = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """Sends one datagram a message.

    Attributes:
        address: of its socket; None where nobody listens.
        watchdog_s: how long it waits for a sign of life; None where it does not.
    """

    address: str | None = None
    watchdog_s: float | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str], pid: int) -> Self:
        """Returns what the environment names; a watchdog that is meant for us alone."""
        address = environment.get("NOTIFY_SOCKET") or None
        if address and address.startswith("@"):
            address = f"\0{address[1:]}"
        micros = environment.get("WATCHDOG_USEC", "")
        is_ours = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        return cls(address, int(micros) / 1e6 if micros.isdigit() and is_ours else None)

    def say(self, *lines: str) -> None:
        """Sends these; a service manager that hangs must not stop us."""
        if self.address is None:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
        ):
            sock.sendto("\n".join(lines).encode(), socket.MSG_DONTWAIT, self.address)


@dataclass(slots=True)
class Supervision:
    """One thread that looks every second, or oftener where the watchdog wants it.

    Attributes:
        is_serving: whether pages are served; always true of a process without.
        loop_turned_at_mono_ms: when the web server's loop turned last; None without one.
    """

    backend: Backend
    manager: ServiceManager
    is_serving: Callable[[], bool]
    loop_turned_at_mono_ms: int | None = None
    _is_ready: bool = False
    _said: str = ""
    _began_ms: int | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread where somebody listens."""
        if self.manager.address is not None:
            self._thread = threading.Thread(target=self._run, name="supervision", daemon=True)
            self._thread.start()

    def stopping(self) -> None:
        """Says that the process is about to end. May be called more than once."""
        if not self._stopping.is_set():
            self._stopping.set()
            self.manager.say("STOPPING=1", "STATUS=stops: what is at hand is finished")

    def stop(self) -> None:
        """Ends the thread."""
        self.stopping()
        if self._thread is not None:
            self._thread.join(timeout=_JOIN_S)

    def loop_turned(self) -> None:
        """Notes that the web server's loop turns."""
        self.loop_turned_at_mono_ms = self.backend.clock.now().mono_ms

    def look(self) -> None:
        """Looks once, and says what there is to say."""
        now_ms = self.backend.clock.now().mono_ms
        self._began_ms = now_ms if self._began_ms is None else self._began_ms
        has_broker = self.backend.publisher.connected
        lines = []
        if not self._is_ready and self.is_serving():
            self._is_ready = has_broker or now_ms - self._began_ms >= BROKER_PATIENCE_MS
            lines += ["READY=1"] if self._is_ready else []
        stuck = what_stands_still(self._turns(), now_ms)
        if not stuck:
            lines.append("WATCHDOG=1")
        said = self._in_words(stuck, has_broker=has_broker)
        if said != self._said:
            self._said = said
            lines.append(f"STATUS={said}")
            if stuck:
                _log.error("supervision.stuck what=%s", stuck)
        if lines:
            self.manager.say(*lines)

    def _turns(self) -> Turns:
        measures = self.backend.measures
        return Turns(
            loop_ms=self.loop_turned_at_mono_ms,
            jobs_ms=measures.jobs_turned_at_mono_ms,
            intake_ms=measures.intake_turned_at_mono_ms,
        )

    def _in_words(self, stuck: str, *, has_broker: bool) -> str:
        if stuck:
            return f"{stuck}: it is about to be restarted"
        serves = "works" if self.is_serving() else "starts"
        broker = "the broker is connected" if has_broker else "the broker is away, records wait"
        leads = "leads" if self.backend.leading.is_held else "another process leads"
        return f"{serves}; {broker}; {leads}"

    def _run(self) -> None:
        wait_s = min(LOOK_S, (self.manager.watchdog_s or LOOK_S * 3) / 3)
        while not self._stopping.wait(wait_s):
            self.look()


def supervision_of(backend: Backend, is_serving: Callable[[], bool]) -> Supervision:
    """Returns the supervision that this process's environment asks for."""
    return Supervision(backend, ServiceManager.of(os.environ, os.getpid()), is_serving)
