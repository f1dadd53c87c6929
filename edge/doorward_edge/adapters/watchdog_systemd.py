"""Tells systemd how the service is, by the protocol of sd_notify(3)."""

import contextlib
import socket


class SystemdWatchdog:
    """Sends one datagram a message; silent where no service manager listens."""

    def __init__(self, address: str | None) -> None:
        """Takes the value of NOTIFY_SOCKET, or None outside a service."""
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address

    def ready(self) -> None:
        """Says READY=1."""
        self._send(b"READY=1")

    def feed(self) -> None:
        """Says WATCHDOG=1."""
        self._send(b"WATCHDOG=1")

    def stopping(self) -> None:
        """Says STOPPING=1."""
        self._send(b"STOPPING=1")

    def _send(self, message: bytes) -> None:
        if self._address is None:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
        ):
            # A service manager that hangs must not stop the loop that reads codes.
            sock.sendto(message, socket.MSG_DONTWAIT, self._address)
