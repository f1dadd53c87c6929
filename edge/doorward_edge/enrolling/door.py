"""The controller's door, by HTTPS: whoever answers is known by its key or by our authority.

Nothing is sent before that is sure, so that a stranger in between learns no claim.
"""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from doorward.enrolment import pin_of

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 512 * 1024
_PORT = 443
_FINAL_FROM, _FINAL_TO = 400, 500
_AGAIN = frozenset({408, 425, 429})


class DoorError(Exception):
    """The controller said no, or is another one.

    Attributes:
        code: stable, as the controller says it.
    """

    def __init__(self, code: str, said: str) -> None:
        """Keeps both."""
        super().__init__(said)
        self.code = code


class AwayError(Exception):
    """The controller does not answer now; asking again may help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How the door proves itself: by the pin of a claim, or by the authority of this gateway.

    Attributes:
        pin: of its key; for gateways that know no authority yet.
        ca_file: the authority that signed its certificate.
    """

    pin: bytes = b""
    ca_file: Path | None = None


class Door:
    """Asks at one address; a connection for each question."""

    def __init__(self, url: str, trust: Trust) -> None:
        """Connects to nothing yet. Raises DoorError for an address that is none."""
        place = urlsplit(url)
        if place.scheme != "https" or not place.hostname:
            raise DoorError("bad_address", f"{url!r} must begin with https:// and name a host")
        self.url = url
        self._place = (place.hostname, place.port or _PORT)
        self._trust = trust

    def ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the answer.

        Raises:
            DoorError: it says no, or it is not the controller that was meant.
            AwayError: nobody answers, or not in words that we understand.
        """
        try:
            connection = self._connected()
            try:
                wire = json.dumps(dict(body)).encode()
                connection.request("POST", path, wire, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                return _read(answer.status, answer.read(MAX_ANSWER_BYTES + 1))
            finally:
                connection.close()
        except ssl.SSLCertVerificationError as err:
            raise DoorError(
                "wrong_controller",
                f"{self.url} does not prove itself: {err.verify_message}; nothing was sent",
            ) from err
        except (OSError, http.client.HTTPException) as err:
            raise AwayError(f"{self.url} does not answer: {_words(err)}") from err

    def _connected(self) -> http.client.HTTPSConnection:
        host, port = self._place
        connection = http.client.HTTPSConnection(
            host, port, timeout=TIMEOUT_S, context=self._context()
        )
        connection.connect()
        if self._trust.pin:
            self._check_pin(connection)
        return connection

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._trust.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._trust.pin:
            # The key itself is compared, right after the handshake that it has signed.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _check_pin(self, connection: http.client.HTTPSConnection) -> None:
        shown = connection.sock.getpeercert(binary_form=True) if connection.sock else None
        try:
            key = x509.load_der_x509_certificate(shown or b"").public_key()
            pin = pin_of(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        except ValueError:
            pin = b""
        if pin != self._trust.pin:
            connection.close()
            raise DoorError(
                "wrong_controller",
                f"{self.url} is answered by another controller than the one that made the claim,"
                " or somebody stands in between; nothing was sent",
            )


def _read(status: int, wire: bytes) -> dict[str, Any]:
    if len(wire) > MAX_ANSWER_BYTES:
        raise AwayError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
    try:
        said = json.loads(wire) if wire else {}
    except ValueError as err:
        raise AwayError(f"the answer ({status}) is not JSON") from err
    if not isinstance(said, dict):
        raise AwayError(f"the answer ({status}) is no object")
    if _FINAL_FROM <= status < _FINAL_TO and status not in _AGAIN:
        raise DoorError(str(said.get("code", status)), str(said.get("detail", status))[:500])
    if status >= _FINAL_FROM:
        raise AwayError(f"the controller cannot answer now: {said.get('detail', status)}")
    return said


def _words(err: Exception) -> str:
    if isinstance(err, OSError):
        return err.strerror or str(err)
    return f"{type(err).__name__} {err}"
