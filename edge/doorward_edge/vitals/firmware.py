"""What the firmware of a Raspberry Pi says of supply and heat, asked through its mailbox.

The message is the one that `vcgencmd get_throttled` sends, without a process for every question.
The kernel's own file for it is deprecated, and the kernel's driver clears the bits of "since boot"
with every reading; the mailbox, asked with 0, leaves them.
"""

import fcntl
import os
import struct
from pathlib import Path

_REQUEST = 0
_ANSWERED = 0x80000000
_GET_THROTTLED = 0x00030046
_VALUE_BYTES = 4
_MESSAGE = struct.Struct("=8I")
_TAKE_MESSAGE = 3 << 30 | struct.calcsize("P") << 16 | 100 << 8
"""_IOWR(100, 0, char *), as <linux/ioctl.h> makes it."""


def question() -> bytes:
    """Returns the message: size, request, one tag with room for a number, end; 16-byte aligned."""
    return _MESSAGE.pack(_MESSAGE.size, _REQUEST, _GET_THROTTLED, _VALUE_BYTES, 0, 0, 0, 0)


def answered(message: bytes) -> int | None:
    """Returns the bits in the firmware's answer, or None when it did not know the question."""
    if len(message) != _MESSAGE.size:
        return None
    _, status, tag, _, answer, value, _, _ = _MESSAGE.unpack(message)
    is_answer = status == _ANSWERED and tag == _GET_THROTTLED and answer & _ANSWERED
    return value if is_answer else None


def ask(device: Path) -> int | None:
    """Returns the bits, or None where there is no such firmware or it may not be asked."""
    try:
        fd = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    message = bytearray(question())
    try:
        fcntl.ioctl(fd, _TAKE_MESSAGE, message)
    except OSError:
        return None
    finally:
        os.close(fd)
    return answered(bytes(message))
