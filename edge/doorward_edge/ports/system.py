"""The system around the process: who restarts it, and the board."""

from typing import Protocol


class Watchdog(Protocol):
    """Who restarts this process when it stops turning."""

    def ready(self) -> None:
        """Says that the gateway works."""
        ...

    def feed(self) -> None:
        """Says that it still does."""
        ...

    def stopping(self) -> None:
        """Says that it ends on purpose."""
        ...


class Board(Protocol):
    """The machine that the gateway runs on."""

    def reboot(self) -> None:
        """Asks for a restart of the whole board, and returns before it begins.

        Raises:
            OSError: it is not there, not allowed or not answered.
        """
        ...
