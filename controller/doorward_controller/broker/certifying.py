"""Certificates for gateways, signed with the authority's key, and the door where they ask for them.

The key of the door stays the same over restarts: claims that are on their way name it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from doorward.enrolment import pin_of
from doorward.ids import GatewayId
from doorward_controller.broker.authority import Authority
from doorward_controller.broker.errors import CertificateError
from doorward_controller.broker.gatekeeper import tell_broker

MAX_REQUEST_BYTES = 4096
DOOR_NAME = "enrolment"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCertificate:
    """A certificate for a gateway.

    Attributes:
        serial: hex digits.
        sha256: of the certificate, hex.
        pem: the certificate.
    """

    serial: str
    sha256: str
    pem: str
    not_before_utc_s: int
    not_after_utc_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorFiles:
    """What the door shows and proves itself with."""

    certificate_file: Path
    key_file: Path


class FolderCertifier:
    """The authority in a folder of this machine."""

    def __init__(self, authority_dir: Path | None, door_dir: Path, pid_file: Path | None) -> None:
        """Touches nothing yet.

        Args:
            authority_dir: None where the authority's key is kept elsewhere.
            door_dir: where the door's own key lies.
            pid_file: names the broker's process, None where somebody else tells it of the list.
        """
        self._authority_dir = authority_dir
        self._door_dir = door_dir
        self._pid_file = pid_file

    def certify(
        self, key: ec.EllipticCurvePublicKey, gateway: GatewayId, now: datetime, days: int
    ) -> SignedCertificate:
        """Signs a gateway's certificate. Raises BadIdError or CertificateError."""
        ends = now + timedelta(days=days)
        made = self._authority().certify_gateway(key, gateway, now=now, ends=ends)
        return SignedCertificate(
            serial=f"{made.serial_number:x}",
            sha256=made.fingerprint(hashes.SHA256()).hex(),
            pem=made.public_bytes(Encoding.PEM).decode("ascii"),
            not_before_utc_s=int(made.not_valid_before_utc.timestamp()),
            not_after_utc_s=int(made.not_valid_after_utc.timestamp()),
        )

    def ca_pem(self) -> str:
        """Returns the authority's own certificate. Raises CertificateError."""
        file = self._authority().ca_file
        try:
            return file.read_text("ascii")
        except (OSError, ValueError) as err:
            raise CertificateError(f"cannot read {file}: {err}") from err

    def put_on_list(self, serials: Sequence[str], now: datetime) -> None:
        """Has the broker refuse certificates by their numbers; again changes nothing.

        Raises:
            BrokerError: the list cannot be written, or the broker not be told.
        """
        numbers = [int(serial, 16) for serial in serials]
        if self._authority().revoke_serials(numbers, now=now) and self._pid_file is not None:
            tell_broker(self._pid_file)

    def pin(self) -> bytes:
        """Returns the pin of the door's key, which is made when there is none.

        Raises:
            CertificateError: the authority's key or the folder cannot be used.
        """
        self._authority()
        return pin_of(
            self._door_key()
            .public_key()
            .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )

    def door(self, hosts: Sequence[str], now: datetime) -> DoorFiles:
        """Returns what the door proves itself with, its certificate made anew for these hosts.

        Raises:
            CertificateError: the authority's key or the folder cannot be used.
        """
        authority = self._authority()
        made = authority.certify_server(self._door_key().public_key(), DOOR_NAME, hosts, now=now)
        file = self._door_dir / "door.pem"
        fresh = file.with_suffix(".new")
        try:
            fresh.write_text(made.public_bytes(Encoding.PEM).decode("ascii"), "ascii")
            fresh.replace(file)
        except OSError as err:
            raise CertificateError(f"cannot write {file}: {err}") from err
        return DoorFiles(certificate_file=file, key_file=self._key_file)

    @property
    def _key_file(self) -> Path:
        return self._door_dir / "door-key.pem"

    def _authority(self) -> Authority:
        if self._authority_dir is None:
            raise CertificateError(
                "the authority's key is kept elsewhere (broker.authority_dir is not set); without"
                " it no certificate can be signed here"
            )
        return Authority.load(self._authority_dir)

    def _door_key(self) -> ec.EllipticCurvePrivateKey:
        try:
            if not self._key_file.exists():
                self._make_door_key()
            key = load_pem_private_key(self._key_file.read_bytes(), password=None)
        except (OSError, ValueError) as err:
            raise CertificateError(f"{self._key_file}: cannot be used: {err}") from err
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CertificateError(f"{self._key_file} is not an elliptic-curve key")
        return key

    def _make_door_key(self) -> None:
        """Two processes that come at once agree on the one that was there first."""
        self._door_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        fresh = self._door_dir / f"door-key.{os.getpid()}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, self._key_file)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()


def read_request(der: bytes, gateway: str) -> ec.EllipticCurvePublicKey:
    """Returns the key that a certificate request is for.

    Raises:
        CertificateError: it is none, its signature does not fit its key, the key is of another
            kind, or it asks for another name or for more than a name.
    """
    if len(der) > MAX_REQUEST_BYTES:
        raise CertificateError(f"the request has {len(der)} bytes, at most {MAX_REQUEST_BYTES}")
    try:
        request = x509.load_der_x509_csr(der)
        key, is_signed = request.public_key(), request.is_signature_valid
        named = [str(part.value) for part in request.subject]
        is_plain = request.subject == x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, "".join(named[:1]))]
        )
        wishes = len(request.extensions)
    except (ValueError, UnsupportedAlgorithm) as err:
        raise CertificateError("this is no certificate request") from err
    if not is_signed:
        raise CertificateError("the request is not signed by the key that it is for")
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise CertificateError("the request is for a key that is not of P-256")
    if not is_plain or named != [gateway]:
        said = ", ".join(named)[:60]
        raise CertificateError(f"the request is for {said!r}, the claim is for {gateway!r}")
    if wishes:
        raise CertificateError("the request asks for more than a name")
    return key
