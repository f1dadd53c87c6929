"""Posts to receivers' addresses: bounded in time as a whole, and never to ourselves.

By default only HTTPS, and neither loopback nor link-local addresses: whoever may enter an address
must not reach through it what listens on this machine alone. Where asked to, it reaches no address
of a private network either. What is checked is what is connected
to; an address that changes between the two is of no use. Redirections are not followed.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from doorward_controller.domain.delivery_formats import WebRequest

ATTEMPT_S = 10.0
MAX_ANSWER_BYTES = 2_000
_PORTS = {"https": 443, "http": 80}


class SendError(Exception):
    """A message could not be handed over; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a receiver answered."""

    status: int
    text: str


def check_url(url: str, *, allow_insecure: bool) -> SplitResult:
    """Returns the parts of an address that may be posted to. Raises SendError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as err:
        raise SendError(f"the address cannot be read: {err}") from err
    if parts.scheme not in ({"https", "http"} if allow_insecure else {"https"}):
        raise SendError("the address must begin with https://")
    if not parts.hostname or parts.username or parts.password or port == 0:
        raise SendError("the address must name a host, and no account")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise SendError("the address holds a character that must be escaped")
    return parts


def post(
    request: WebRequest,
    *,
    allow_insecure: bool,
    allow_private: bool = True,
    within_s: float = ATTEMPT_S,
) -> Answer:
    """Posts and returns the answer, within a time that covers everything. Raises SendError."""
    parts = check_url(request.url, allow_insecure=allow_insecure)
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    try:
        addresses = _resolved(
            host, port, allow_insecure=allow_insecure, allow_private=allow_private
        )
        # Each wait has its own limit; one that answers a byte a second is cut off by the second.
        with (
            socket.create_connection((addresses[0], port), timeout=within_s) as plain,
            cut_off_after(plain, within_s),
        ):
            sock = _tls(plain, host, within_s) if parts.scheme == "https" else plain
            return _exchange(sock, host, port, parts, request)
    except (OSError, http.client.HTTPException) as err:
        raise SendError(_in_words(err)) from err


@contextmanager
def cut_off_after(sock: socket.socket, within_s: float) -> Iterator[None]:
    """Ends a connection that is still in use after so many seconds. Raises TimeoutError then."""
    is_cut = threading.Event()

    def cut() -> None:
        is_cut.set()
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    timer = threading.Timer(within_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if is_cut.is_set():
        raise TimeoutError


def is_allowed(address: str, *, allow_private: bool = True) -> bool:
    """Says whether an address is one of another machine, and where asked, of the open network."""
    found = _innermost(ipaddress.ip_address(address.partition("%")[0]))
    if (
        found.is_loopback
        or found.is_link_local
        or found.is_unspecified
        or found.is_multicast
        or found.is_reserved
    ):
        return False
    return allow_private or found.is_global


_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""Addresses in which a translator reads an IPv4 address (RFC 6052)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _innermost(address: Address) -> Address:
    """Returns the IPv4 address that is written in an IPv6 address, where there is one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _resolved(host: str, port: int, *, allow_insecure: bool, allow_private: bool) -> list[str]:
    """Returns the addresses of a host that may be connected to. Raises SendError without any."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    allowed = [
        each
        for each in addresses
        if (allow_insecure and allow_private) or is_allowed(each, allow_private=allow_private)
    ]
    if not allowed:
        kind = "this machine or a link-local" + ("" if allow_private else " or private")
        raise SendError(f"{host} is {kind} address, which is not allowed")
    return allowed


def _tls(plain: socket.socket, host: str, within_s: float) -> socket.socket:
    context = ssl.create_default_context()
    sock = context.wrap_socket(plain.dup(), server_hostname=host)
    sock.settimeout(within_s)
    return sock


def _exchange(
    sock: socket.socket, host: str, port: int, parts: SplitResult, request: WebRequest
) -> Answer:
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    connection = http.client.HTTPConnection(host, port)
    connection.sock = sock
    try:
        default = port == _PORTS[parts.scheme]
        named = f"[{host}]" if ":" in host else host
        headers: dict[str, Any] = {
            "Host": named if default else f"{named}:{port}",
            "User-Agent": "Doorward",
            "Connection": "close",
            **request.headers,
        }
        connection.request("POST", target, body=request.body, headers=headers)
        response = connection.getresponse()
        text = response.read(MAX_ANSWER_BYTES).decode(errors="replace")
        return Answer(status=response.status, text=text)
    finally:
        connection.close()


def _in_words(err: Exception) -> str:
    if isinstance(err, TimeoutError):
        return "no answer in time"
    if isinstance(err, ssl.SSLCertVerificationError):
        return f"the certificate does not hold: {err.verify_message}"
    if isinstance(err, socket.gaierror):
        return "the host's name is not known"
    if isinstance(err, http.client.RemoteDisconnected):
        return "the connection ended without an answer"
    return str(getattr(err, "strerror", None) or str(err) or type(err).__name__)
