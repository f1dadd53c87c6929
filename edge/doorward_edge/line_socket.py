"""How a running gateway is asked on its own machine: JSON lines over a Unix socket.

One object a line, each answered by one object: ``{"do": "muster"}``. The socket lies in the
gateway's own folder, for its own user alone.
"""

import contextlib
import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

MAX_LINE_BYTES = 64 * 1024

Answer = dict[str, Any]
_TOO_LONG: Answer = {"ok": False, "error": f"a line may have {MAX_LINE_BYTES} bytes at most"}
Handler = Callable[[dict[str, Any]], Answer]


class LineSocket:
    """Listens in a thread, answers each client in a thread of its own."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        """Binds the socket. Raises OSError, also for a path that is too long for a socket."""
        self._handlers = handlers
        self._path = path
        path.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Before it has a name, and not by umask, which counts for every thread.
            os.fchmod(self._server.fileno(), 0o600)
            self._server.bind(str(path))
            self._server.listen(64)
        except OSError:
            self._server.close()
            raise

    def start(self) -> None:
        """Begins to answer."""
        threading.Thread(target=self._accept, name="line-socket", daemon=True).start()

    def close(self) -> None:
        """Stops listening and removes the socket."""
        # Closing alone would leave the thread waiting in accept().
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with contextlib.suppress(OSError):  # a disk that takes no writes keeps the name
            self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(
                target=self._serve, args=(client,), name="line-socket-client", daemon=True
            ).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), client.makefile("rwb") as stream:
            while line := stream.readline(MAX_LINE_BYTES):
                if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                    # What follows is the rest of this line and no request.
                    stream.write(json.dumps(_TOO_LONG).encode() + b"\n")
                    return
                stream.write(json.dumps(self._answer(line)).encode() + b"\n")
                stream.flush()

    def _answer(self, line: bytes) -> Answer:
        """Returns what a line got; a bad line gets its error in words."""
        try:
            request = json.loads(line)
            handler = self._handlers[request.pop("do")]
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
            known = ", ".join(sorted(self._handlers))
            return {"ok": False, "error": f'expected one object with "do": one of {known}'}
        try:
            return {"ok": True, **handler(request)}
        except Exception as err:  # noqa: BLE001  # whoever asked learns it; nothing else ends
            return {"ok": False, "error": f"{type(err).__name__}: {err}"}
