"""Runs one Mosquitto of our own: on a free port or a given one, stopped, killed, started again."""

import contextlib
import getpass
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from doorward_controller.broker.access import AccessRules
from doorward_controller.broker.binary import BrokerProgram, find_broker
from doorward_controller.broker.child import Child, ChildSpec
from doorward_controller.broker.configuration import BrokerFiles, configuration_text
from doorward_controller.broker.dynamic_security import FIRST_STATE
from doorward_controller.broker.errors import BrokerFailedError, PortTakenError
from doorward_controller.broker.waiting import wait_until

START_S = 10.0
STOP_S = 5.0
_TRIES = 5
"""Another program may take a port between our finding it free and Mosquitto's opening it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """What one broker needs.

    Attributes:
        folder: configuration, rules, state and log are written here.
        access: who may say and hear what.
        ca_file: certificate of the authority.
        certificate_file: the server's certificate.
        key_file: the server's private key.
        crl_file: revoked certificates.
        host: address to listen on.
        port: port to listen on; 0 takes a free one, and keeps it over restarts.
    """

    folder: Path
    access: AccessRules
    ca_file: Path
    certificate_file: Path
    key_file: Path
    crl_file: Path
    host: str = "127.0.0.1"
    port: int = 0


class Mosquitto:
    """A broker process and the files that it reads."""

    def __init__(self, settings: BrokerSettings, program: BrokerProgram | None = None) -> None:
        """Raises BrokerError when no usable Mosquitto is installed."""
        self._settings = settings
        self._program = program or find_broker()
        self._port = settings.port
        self._access = settings.access
        self._log_from = 0
        self._child = Child(
            ChildSpec(
                name="mosquitto",
                command=(str(self._program.path), "-c", str(self._configuration_file)),
                output_dir=settings.folder,
            )
        )

    @property
    def port(self) -> int:
        """Where it listens; 0 before the first start on a free port."""
        return self._port

    @property
    def version(self) -> str:
        """The program's version, `2.0.11`."""
        return self._program.version_text

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid

    @property
    def pid_file(self) -> Path:
        """Holds the process number while it runs."""
        return self._settings.folder / "mosquitto.pid"

    @property
    def access_file(self) -> Path:
        """Who may say and hear what; read at the start and when it is told to."""
        return self._acl_file

    @property
    def log_file(self) -> Path:
        """What the broker wrote, over all its starts."""
        return self._child.spec.err_file

    def start(self) -> None:
        """Starts the broker and returns when it accepts connections.

        Raises:
            PortTakenError: another program listens on the port.
            BrokerFailedError: it ended, or did not listen within 10 s.
        """
        chosen = self._port
        for attempt in range(1, _TRIES + 1):
            self._port = chosen or _free_port(self._settings.host)
            try:
                self._start_once()
            except PortTakenError:
                if chosen or attempt == _TRIES:
                    raise
                continue
            return

    def stop(self) -> None:
        """Ends it in order; it writes its state down."""
        self._child.stop(STOP_S)

    def kill(self) -> None:
        """Ends it as a power cut would; what it had not written down is gone."""
        self._child.kill()

    def change_access(self, access: AccessRules) -> None:
        """Writes new rules and has the running broker read them and the revocation list."""
        self._access = access
        self._write_access()
        self.reload()

    def reload(self) -> None:
        """Has the running broker read rules, certificates and revocation list anew."""
        self._child.signal(signal.SIGHUP)

    @property
    def _configuration_file(self) -> Path:
        return self._settings.folder / "mosquitto.conf"

    @property
    def _acl_file(self) -> Path:
        return self._settings.folder / "access.acl"

    def _start_once(self) -> None:
        self._write_files()
        with contextlib.suppress(FileNotFoundError):
            self._log_from = self.log_file.stat().st_size
        self._child.start()
        ready = wait_until(
            lambda: " running" in self._log() or not self._child.is_running(), timeout_s=START_S
        )
        if ready and self._child.is_running():
            return
        log = self._log()
        self._child.kill()
        where = f"{self._settings.host}:{self._port}"
        if "Address already in use" in log:
            raise PortTakenError(
                f"broker port {where} is taken by another program; stop that or choose another port"
            )
        what = "ended" if ready else f"did not listen within {START_S:.0f} s"
        raise BrokerFailedError(f"mosquitto on {where} {what}; {self.log_file} ends with:\n{log}")

    def _log(self) -> str:
        # The line "mosquitto version … running" comes after the port is open. Connecting instead
        # would also succeed against another program on that port.
        with contextlib.suppress(FileNotFoundError), self.log_file.open("rb") as file:
            file.seek(self._log_from)
            return file.read().decode(errors="replace")
        return ""

    def _write_files(self) -> None:
        folder = self._settings.folder
        state_dir = folder / "state"
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write_access()
        files = BrokerFiles(
            ca_file=self._settings.ca_file.resolve(),
            certificate_file=self._settings.certificate_file.resolve(),
            key_file=self._settings.key_file.resolve(),
            crl_file=self._settings.crl_file.resolve(),
            acl_file=self._acl_file.resolve(),
            state_dir=state_dir.resolve(),
            pid_file=self.pid_file.resolve(),
            plugin=self._program.plugin,
            plugin_file=self._plugin_file(state_dir).resolve(),
        )
        text = configuration_text(
            files, host=self._settings.host, port=self._port, run_as=_account()
        )
        self._configuration_file.write_text(text)

    def _plugin_file(self, state_dir: Path) -> Path:
        # The broker writes to it; one that was cut short by a power cut would stop its start.
        file = state_dir / "dynamic-security.json"
        file.write_text(FIRST_STATE)
        file.chmod(0o600)
        return file

    def _write_access(self) -> None:
        # A file that others can read is refused by newer versions of Mosquitto.
        fresh = self._acl_file.with_suffix(".new")
        fresh.write_text(self._access.to_text())
        fresh.chmod(0o600)
        fresh.replace(self._acl_file)


def _account() -> str | None:
    # Started by root, Mosquitto would change to its own account, which cannot read our private key.
    return getpass.getuser() if os.geteuid() == 0 else None


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
