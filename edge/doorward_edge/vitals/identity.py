"""Who this machine is, so that an exchange shows: numbers of board and card, name and address.

What cannot be read is left out: the controller takes what is not told as not changed.
"""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SERIAL = "proc/device-tree/serial-number"
_CARDS = "sys/block/mmcblk*/device/cid"
_MAX_TEXT = 200
_ELSEWHERE = "192.0.2.1"
"""Of a net that is for examples only: stands for whatever lies beyond the default route."""


_Target = tuple[Any, Any, int, str, Any]


def identity(broker_host: str, broker_port: int, root: Path = Path("/")) -> Mapping[str, str]:
    """Returns what is known of `serial`, `card`, `host` and `address`.

    The address is the one from which the broker is reached; nothing is sent to find it.
    """
    found = {
        "serial": _read(root / _SERIAL),
        "card": ",".join(filter(None, map(_read, sorted(root.glob(_CARDS))))),
        "host": socket.gethostname(),
        "address": _address(broker_host, broker_port),
    }
    return {name: value[:_MAX_TEXT] for name, value in found.items() if value}


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return ""


def _address(host: str, port: int) -> str:
    """A name is not looked up: without a network that would hold up the start."""
    try:
        family, kind, *_, target = _numeric(host, port)
        with socket.socket(family, kind) as probe:
            probe.connect(target)
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def _numeric(host: str, port: int) -> _Target:
    flags = socket.AI_NUMERICHOST
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=flags)[0]
    except socket.gaierror:
        return socket.getaddrinfo(_ELSEWHERE, port, type=socket.SOCK_DGRAM, flags=flags)[0]
