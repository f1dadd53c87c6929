"""Speaks to a simulated gateway: one JSON line there, one JSON line back, on its Unix socket."""

import json
import socket
from pathlib import Path
from typing import Any

from doorward.errors import DoorwardError

ANSWER_S = 5.0
_MAX_ANSWER_BYTES = 1024 * 1024

_MAX_PATH_BYTES = 107
"""The kernel's limit for the name of a Unix socket."""


class ControlError(DoorwardError):
    """The simulated gateway is not there, or says no."""


class ControlSocket:
    """The control line of one simulated gateway. Every question opens its own connection."""

    def __init__(self, path: Path) -> None:
        """Raises ControlError when the path is too long for a socket."""
        length = len(bytes(path))
        if length > _MAX_PATH_BYTES:
            raise ControlError(
                f"{path} is {length} bytes long, a socket's path must be {_MAX_PATH_BYTES} "
                "at most; choose a shorter data directory"
            )
        self._path = path

    def show(self, payload: str, *, hold_ms: int, tilt_deg: float = 0.0) -> None:
        """Holds a code up to the camera for `hold_ms`. Raises ControlError."""
        self._ask({"do": "show", "payload": payload, "for_ms": hold_ms, "tilt_deg": tilt_deg})

    def clear(self) -> None:
        """Takes away what is held up. Raises ControlError."""
        self._ask({"do": "clear"})

    def state(self) -> dict[str, Any]:
        """Returns the gateway's own account of itself. Raises ControlError."""
        return self._ask({"do": "state"})

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            line = self._exchange(json.dumps(question).encode() + b"\n")
            answer = json.loads(line)
        except (OSError, ValueError) as err:
            raise ControlError(f"{self._path} does not answer {question['do']!r}: {err}") from err
        if not isinstance(answer, dict) or answer.get("ok") is not True:
            raise ControlError(f"{self._path} answers {question['do']!r} with {answer!r}")
        return answer

    def _exchange(self, question: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(ANSWER_S)
            line.connect(str(self._path))
            line.sendall(question)
            answer = b""
            while not answer.endswith(b"\n"):
                chunk = line.recv(65536)
                if not chunk or len(answer) > _MAX_ANSWER_BYTES:
                    raise ConnectionError("the answer is cut short")
                answer += chunk
            return answer
