"""A USB scanner that types: `/dev/input/event*`, grabbed, so that nothing reaches a console.

The kernel's interface is two numbers and a struct of 24 bytes (linux/input.h), read here without a
library: see docs/adr/0012-keyboard-scanners.md.
"""

import fcntl
import os
import select
from collections.abc import Callable

from doorward.times import Clock
from doorward_edge.scanners.source import ScannerSettings, ScannerSource
from doorward_edge.scanners.typed import EVENT, TypedCodes

READER = "scanner/keyboard"

_EVIOCGRAB = 0x4004_4590
"""`_IOW('E', 0x90, int)`: as long as we hold the device, nobody else hears its keys."""
_EVENTS_A_READ = 64

Grab = Callable[[int], None]


def grab(fd: int) -> None:
    """Takes a device for ourselves alone. Raises OSError when somebody else has it."""
    fcntl.ioctl(fd, _EVIOCGRAB, 1)


def keyboard_scanner(
    settings: ScannerSettings, path: str, clock: Clock, *, grab_device: Grab = grab
) -> ScannerSource:
    """Returns the scanner at that path, which may be unplugged and come back."""
    return ScannerSource(
        settings, lambda: KeyboardDevice(path, grab_device=grab_device), TypedCodes, clock
    )


class KeyboardDevice:
    """An open input device."""

    def __init__(self, path: str, *, grab_device: Grab = grab) -> None:
        """Opens and grabs it. Raises OSError naming the path."""
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            grab_device(self._fd)
        except OSError as err:
            os.close(self._fd)
            why = f"cannot be taken for ourselves alone: {os.strerror(err.errno or 0)}"
            raise OSError(err.errno, why, path) from err
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def read(self, timeout_s: float) -> bytes:
        """Returns the events that came. Raises OSError when the device is gone."""
        if not self._poll.poll(timeout_s * 1000):
            return b""
        wire = os.read(self._fd, _EVENTS_A_READ * EVENT.size)
        if not wire:
            raise OSError("the input device was closed")
        return wire

    def close(self) -> None:
        """Lets go of it, and of the grab with it."""
        os.close(self._fd)
