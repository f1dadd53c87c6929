"""Starts the board anew through systemd; the service's user needs to be allowed to."""

import subprocess

_COMMAND = ("systemctl", "--no-ask-password", "--no-wall", "reboot")
_PATIENCE_S = 10.0


class SystemdBoard:
    """The board that this process runs on."""

    def reboot(self) -> None:
        """Asks for a restart, and returns before it begins.

        Raises:
            OSError: systemd is not there, refuses or does not answer.
        """
        try:
            done = subprocess.run(  # noqa: S603  # a fixed command
                _COMMAND,
                check=False,
                capture_output=True,
                text=True,
                timeout=_PATIENCE_S,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as err:
            raise TimeoutError(f"systemctl reboot gave no answer in {_PATIENCE_S:g} s") from err
        if done.returncode:
            raise PermissionError(
                f"systemctl reboot: {done.stderr.strip() or f'status {done.returncode}'}"
            )


class NoBoard:
    """A machine that is not the gateway's to start anew: a simulation runs on somebody's desk."""

    def reboot(self) -> None:
        """Does nothing. Raises OSError, so that nobody waits for it."""
        raise PermissionError("a simulated gateway does not start this machine anew")
