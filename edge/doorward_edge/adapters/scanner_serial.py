"""A serial scanner through pyserial: RS-232, a pin header's UART, or USB-CDC."""

from dataclasses import dataclass

import serial

from doorward.times import Clock
from doorward_edge.scanners.lines import LineEnd, SerialCodes
from doorward_edge.scanners.source import ScannerSettings, ScannerSource

READER = "scanner/serial"

_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialLine:
    """How the scanner speaks.

    Attributes:
        path: of the port; one below `/dev/serial/by-id` outlives being plugged in anew.
        framing: data bits, parity and stop bits, for example ``8N1``.
    """

    path: str
    baud: int = 9600
    framing: str = "8N1"
    end: LineEnd = LineEnd.NEWLINE


def serial_scanner(settings: ScannerSettings, line: SerialLine, clock: Clock) -> ScannerSource:
    """Returns the scanner at that port, which may be unplugged and come back."""
    return ScannerSource(settings, lambda: SerialDevice(line), lambda: SerialCodes(line.end), clock)


class SerialDevice:
    """An open serial port."""

    def __init__(self, line: SerialLine) -> None:
        """Opens it for us alone. Raises OSError naming the port."""
        self._port = serial.Serial(
            line.path,
            line.baud,
            bytesize=int(line.framing[0]),
            parity=line.framing[1],
            stopbits=int(line.framing[2]),
            exclusive=True,
        )
        # What was sent before somebody listened is a code that nobody holds up any more.
        self._port.reset_input_buffer()

    def read(self, timeout_s: float) -> bytes:
        """Returns the bytes that came. Raises OSError when the port is gone."""
        self._port.timeout = timeout_s
        first = self._port.read(1)
        if not first:
            return b""
        return bytes(first + self._port.read(min(self._port.in_waiting, _MOST_BYTES)))

    def close(self) -> None:
        """Lets go of it."""
        self._port.close()
