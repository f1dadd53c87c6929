"""Receivers of alerts that are really there: HTTP servers that fail, hang or drip, and SMTP."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Posted:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebReceiver:
    """An HTTP server; `answers` are given one after the other, the last one for ever."""

    address: str
    posted: list[Posted] = field(default_factory=list)


@contextmanager
def web_receiver(
    *answers: int, text: str = "", before: Callable[[], None] = lambda: None
) -> Iterator[WebReceiver]:
    """Serves on the loopback; `before` runs before each answer and may take long."""
    statuses = list(answers or (200,))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.posted.append(Posted(self.path, headers, body))
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
            before()
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """The other side may have gone away: that is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver = WebReceiver(address=f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join(5)


@contextmanager
def dripping_server() -> Iterator[str]:
    """Answers a byte at a time without an end: no single wait is long, the whole is."""
    stopping = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                self.request.sendall(b"HTTP/1.1 200 OK\r\n")
                while not stopping.wait(0.05):
                    self.request.sendall(b"x-drip: y\r\n")
            except OSError:
                pass

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            stopping.set()
            server.shutdown()
            thread.join(5)


@dataclass
class MailReceiver:
    """An SMTP server; what arrived in which envelope, and whether it came encrypted."""

    port: int
    letters: list[tuple[str, list[str], str, bool]] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)


class _MailSession(socketserver.StreamRequestHandler):
    """Speaks as much SMTP as a relay does."""

    def handle(self) -> None:
        self.mail: MailReceiver = self.server.mail  # type: ignore[attr-defined]
        self.tls: ssl.SSLContext | None = self.server.tls  # type: ignore[attr-defined]
        self.refuses: int = self.server.refuses  # type: ignore[attr-defined]
        self.sender, self.to, self.is_encrypted = "", list[str](), False
        try:
            self._say("220 here")
            while line := self.rfile.readline():
                if not self._do(line.decode().strip()):
                    return
        except (OSError, ValueError):
            return

    def finish(self) -> None:
        super().finish()
        if self.is_encrypted:
            self.wrapped.close()

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
        self.wfile.flush()

    def _do(self, line: str) -> bool:
        word = line.split(" ", 1)[0].upper()
        if word == "EHLO":
            offered = ["250-here", "250-AUTH PLAIN"]
            if self.tls is not None and not self.is_encrypted:
                offered.append("250-STARTTLS")
            self._say("\r\n".join([*offered, "250 8BITMIME"]))
        elif word == "STARTTLS" and self.tls is not None:
            self._say("220 go on")
            self.rfile.close()
            self.wfile.close()
            self.wrapped: ssl.SSLSocket = self.tls.wrap_socket(self.request, server_side=True)
            self.rfile = self.wrapped.makefile("rb")
            self.wfile = self.wrapped.makefile("wb")
            self.is_encrypted = True
        elif word == "AUTH":
            self.mail.accounts.append(line)
            self._say("235 in")
        elif word == "MAIL":
            self.sender = line.partition("<")[2].partition(">")[0]
            self._say(f"{self.refuses} no" if self.refuses else "250 fine")
        elif word == "RCPT":
            self.to.append(line.partition("<")[2].partition(">")[0])
            self._say("250 fine")
        elif word == "DATA":
            self._say("354 go on")
            lines = []
            while (read := self.rfile.readline().decode()) != ".\r\n":
                lines.append(read)
            self.mail.letters.append((self.sender, self.to, "".join(lines), self.is_encrypted))
            self._say("250 taken")
        elif word == "QUIT":
            self._say("221 bye")
            return False
        else:
            self._say("250 fine")
        return True


@contextmanager
def mail_receiver(
    tls: ssl.SSLContext | None = None, *, refuses: int = 0, host: str = "127.0.0.1"
) -> Iterator[MailReceiver]:
    """Serves on the loopback; with `refuses` it answers every letter with that code."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server((host, 0), _MailSession) as server:
        mail = MailReceiver(port=server.server_address[1])
        server.mail, server.tls, server.refuses = mail, tls, refuses  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield mail
        finally:
            server.shutdown()
            thread.join(5)


@contextmanager
def silent_server() -> Iterator[str]:
    """Takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
