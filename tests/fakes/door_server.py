"""A controller's door in this process, by real TLS: answers as told, remembers what it got."""

import datetime as dt
import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from doorward.enrolment import pin_of

NOW = dt.datetime.now(dt.UTC)
Answer = tuple[int, dict[str, Any]]


@dataclass(kw_only=True)
class FakeAuthority:
    """Signs certificates; its own is `pem`."""

    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def __post_init__(self) -> None:
        self.certificate = self._sign("authority", self.key.public_key(), 3650, is_ca=True)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def sign(self, csr: bytes, name: str = "gate-9", days: int = 90) -> str:
        key = x509.load_der_x509_csr(csr).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        return self._sign(name, key, days).public_bytes(Encoding.PEM).decode()

    def server(self, folder: Path) -> tuple[ssl.SSLContext, bytes]:
        """Returns TLS for 127.0.0.1, and its pin."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        shown = self._sign("door", key.public_key(), 30).public_bytes(Encoding.PEM)
        file = folder / "door.pem"
        file.write_bytes(pem + shown)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return context, pin_of(der)

    def _sign(
        self, name: str, key: ec.EllipticCurvePublicKey, days: int, *, is_ca: bool = False
    ) -> x509.Certificate:
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.IPAddress(ip_address("127.0.0.1"))
        return (
            x509.CertificateBuilder()
            .issuer_name(issuer)
            .subject_name(subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - dt.timedelta(days=1))
            .not_valid_after(NOW + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(self.key, hashes.SHA256())
        )


@dataclass(kw_only=True)
class FakeDoor:
    """What was asked, and who answers."""

    url: str
    pin: bytes
    answer: Callable[[str, dict[str, Any]], Answer]
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    connections: int = 0


@contextmanager
def door_server(
    folder: Path,
    authority: FakeAuthority,
    answer: Callable[[str, dict[str, Any]], Answer],
) -> Iterator[FakeDoor]:
    """Serves on a free port of the loopback."""
    context, pin = authority.server(folder)
    door = FakeDoor(url="", pin=pin, answer=answer)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            wire = self.rfile.read(int(self.headers["Content-Length"]))
            body = json.loads(wire)
            door.asked.append((self.path, body))
            status, said = door.answer(self.path, body)
            out = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(out)))
            self.end_headers()
            self.wfile.write(out)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
            del format, args

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Visitors who do not believe us hang up."""
            del request, client_address

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    door.url = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield door
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
