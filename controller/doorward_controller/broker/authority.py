"""A small certificate authority: one root, server and client certificates, a revocation list.

Made for the demo, the tests and a first installation. Everything lies in one folder; private keys
are readable by their owner alone. Keys are P-256, which every TLS library at hand knows.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from doorward.ids import GatewayId, parse_gateway_id, parse_name
from doorward_controller.broker.access import CONTROLLER
from doorward_controller.broker.errors import CertificateError

BACKDATED = timedelta(days=1)
"""A gateway without a battery-backed clock may be behind; its first connection must still work."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate and its private key, as files.

    Attributes:
        name: the common name in the certificate.
        certificate_file: PEM.
        key_file: PEM, PKCS #8, not encrypted, mode 0600.
    """

    name: str
    certificate_file: Path
    key_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What came of putting gateways on the list.

    Attributes:
        is_new: some were not on it before, so whoever reads it must read it anew.
        missing: gateways without a certificate in the folder; nothing was listed for them.
    """

    is_new: bool
    missing: tuple[GatewayId, ...] = ()


class Authority:
    """Signs certificates with the key in its folder."""

    def __init__(
        self, folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> None:
        self._folder = folder
        self._certificate = certificate
        self._key = key

    @classmethod
    def create(cls, folder: Path, *, now: datetime, valid_for: timedelta) -> "Authority":
        """Makes a new root and an empty revocation list in `folder`, which must not hold one.

        Raises:
            CertificateError: the folder already holds a root, or cannot be written.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Doorward broker authority")
        certificate = (
            _builder(name, name, key.public_key(), now, now + valid_for)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(_subject_id(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_key(folder / "ca-key.pem", key)
            _write(folder / "ca.pem", certificate.public_bytes(Encoding.PEM))
        except OSError as err:
            raise CertificateError(f"cannot make an authority in {folder}: {err}") from err
        authority = cls(folder, certificate, key)
        authority._write_crl([], now)
        return authority

    @classmethod
    def load(cls, folder: Path) -> "Authority":
        """Returns the authority that `create` made. Raises CertificateError."""
        try:
            certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
            key = load_pem_private_key((folder / "ca-key.pem").read_bytes(), password=None)
        except (OSError, ValueError) as err:
            raise CertificateError(f"cannot read the authority in {folder}: {err}") from err
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CertificateError(f"{folder / 'ca-key.pem'} is not an elliptic-curve key")
        return cls(folder, certificate, key)

    @property
    def ca_file(self) -> Path:
        """The root's certificate; clients and servers need it."""
        return self._folder / "ca.pem"

    @property
    def crl_file(self) -> Path:
        """The list of revoked certificates."""
        return self._folder / "crl.pem"

    def issue_server(self, *, now: datetime, names: Sequence[str] = LOOPBACK) -> Identity:
        """Makes a certificate for a server that is reached under `names` (hosts or addresses).

        Raises:
            CertificateError: it cannot be written, or exists.
        """
        return self._issue("server", "server", ExtendedKeyUsageOID.SERVER_AUTH, names, now)

    def issue_gateway(self, gateway: GatewayId, *, now: datetime) -> Identity:
        """Makes a client certificate for a gateway.

        Raises:
            BadIdError: the name is not a gateway's.
            CertificateError: the name is a controller's, or the certificate exists.
        """
        name = _gateways_name(gateway)
        return self._issue(name, name, ExtendedKeyUsageOID.CLIENT_AUTH, (), now)

    def issue_panel(self, gateway: GatewayId, *, names: Sequence[str], now: datetime) -> Identity:
        """Makes a server's certificate for the pages that a gateway serves to its site.

        Not the one with which it speaks to the broker: browsers take none that is a client's.

        Args:
            gateway: whose pages.
            names: what browsers type: hosts or addresses.
            now: when its window begins.

        Raises:
            BadIdError: the name is not a gateway's.
            CertificateError: it cannot be written, exists, or nobody could ask for the pages.
        """
        name = parse_gateway_id(gateway)
        if not names:
            raise CertificateError(f"the pages of {name} have no host or address")
        called = f"panel.{name}"
        return self._issue(called, called, ExtendedKeyUsageOID.SERVER_AUTH, names, now)

    def issue_controller(self, *, now: datetime, name: str = CONTROLLER) -> Identity:
        """Makes a client certificate for a controller's connection.

        Raises:
            CertificateError: the name does not begin with `controller`, or the certificate exists.
        """
        if not parse_name(name, "controller").startswith(CONTROLLER):
            raise CertificateError(f"controller is {name!r}, must begin with {CONTROLLER!r}")
        return self._issue(name, name, ExtendedKeyUsageOID.CLIENT_AUTH, (), now)

    def revoke(self, certificate_file: Path, *, now: datetime) -> None:
        """Puts a certificate on the revocation list; the broker must be told to reload.

        Raises:
            CertificateError: the file is no certificate of this authority.
        """
        try:
            certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
            certificate.verify_directly_issued_by(self._certificate)
            listed = list(x509.load_pem_x509_crl(self.crl_file.read_bytes()))
        except (OSError, ValueError, TypeError, InvalidSignature) as err:
            raise CertificateError(f"cannot revoke {certificate_file}: {err!r}") from err
        if all(entry.serial_number != certificate.serial_number for entry in listed):
            entry = x509.RevokedCertificateBuilder(certificate.serial_number, now).build()
            listed.append(entry)
        self._write_crl(listed, now)

    def revoke_gateways(self, gateways: Sequence[GatewayId], *, now: datetime) -> Listing:
        """Puts the certificates of all these gateways on the list, those for their pages too.

        Raises:
            CertificateError: the list cannot be read.
        """
        listed = self._listed()
        known = {entry.serial_number for entry in listed}
        missing: list[GatewayId] = []
        for gateway in gateways:
            name = parse_gateway_id(gateway)
            serials = self._serials_of(name)
            if not serials:
                missing.append(name)
            for serial in serials - known:
                listed.append(x509.RevokedCertificateBuilder(serial, now).build())
        if is_new := len(listed) > len(known):
            self._write_crl(listed, now)
        return Listing(is_new=is_new, missing=tuple(missing))

    def _listed(self) -> list[x509.RevokedCertificate]:
        try:
            return list(x509.load_pem_x509_crl(self.crl_file.read_bytes()))
        except (OSError, ValueError) as err:
            raise CertificateError(f"cannot read {self.crl_file}: {err}") from err

    def _serials_of(self, name: GatewayId) -> set[int]:
        """Returns the numbers of our certificates for a gateway; renewed ones lie beside it."""
        found = set()
        for file in sorted(self._folder.glob(f"*{name}*.pem")):
            with suppress(OSError, ValueError, TypeError, InvalidSignature):
                certificate = x509.load_pem_x509_certificate(file.read_bytes())
                certificate.verify_directly_issued_by(self._certificate)
                if _common_name(certificate) in {name, f"panel.{name}"}:
                    found.add(certificate.serial_number)
        return found

    def certify_gateway(
        self, key: ec.EllipticCurvePublicKey, gateway: GatewayId, *, now: datetime, ends: datetime
    ) -> x509.Certificate:
        """Makes a client certificate for a key that the gateway keeps for itself.

        It is put beside the others, so that revoking the gateway finds it.

        Raises:
            BadIdError: the name is not a gateway's.
            CertificateError: the name is a controller's, or the certificate cannot be written.
        """
        name = _gateways_name(gateway)
        ends = min(ends, self._certificate.not_valid_after_utc)
        certificate = self._sign(key, name, ExtendedKeyUsageOID.CLIENT_AUTH, (), (now, ends))
        file = self._folder / f"{name}.{certificate.serial_number:x}.pem"
        try:
            _write(file, certificate.public_bytes(Encoding.PEM))
        except OSError as err:
            raise CertificateError(f"cannot write the certificate of {name!r}: {err}") from err
        return certificate

    def certify_server(
        self, key: ec.EllipticCurvePublicKey, name: str, hosts: Sequence[str], *, now: datetime
    ) -> x509.Certificate:
        """Makes a server's certificate, for as long as the authority lasts; writes nothing."""
        ends = self._certificate.not_valid_after_utc
        return self._sign(key, name, ExtendedKeyUsageOID.SERVER_AUTH, hosts, (now, ends))

    def revoke_serials(self, serials: Sequence[int], *, now: datetime) -> bool:
        """Puts certificates on the list by their numbers; says whether one was new there.

        Raises:
            CertificateError: the list cannot be read.
        """
        listed = self._listed()
        new = set(serials) - {entry.serial_number for entry in listed}
        listed += [x509.RevokedCertificateBuilder(serial, now).build() for serial in sorted(new)]
        if new:
            self._write_crl(listed, now)
        return bool(new)

    def _issue(
        self,
        stem: str,
        name: str,
        purpose: x509.ObjectIdentifier,
        hosts: Sequence[str],
        now: datetime,
    ) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        life = (now, self._certificate.not_valid_after_utc)
        certificate = self._sign(key.public_key(), name, purpose, hosts, life)
        identity = Identity(
            name=name,
            certificate_file=self._folder / f"{stem}.pem",
            key_file=self._folder / f"{stem}-key.pem",
        )
        try:
            _write_key(identity.key_file, key)
            _write(identity.certificate_file, certificate.public_bytes(Encoding.PEM))
        except OSError as err:
            raise CertificateError(f"cannot write the certificate of {name!r}: {err}") from err
        return identity

    def _sign(
        self,
        key: ec.EllipticCurvePublicKey,
        name: str,
        purpose: x509.ObjectIdentifier,
        hosts: Sequence[str],
        life: tuple[datetime, datetime],
    ) -> x509.Certificate:
        builder = (
            _builder(_name(name), self._certificate.subject, key, *life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(_authority_id(self._key.public_key()), critical=False)
            .add_extension(_subject_id(key), critical=False)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _write_crl(self, revoked: Sequence[x509.RevokedCertificate], now: datetime) -> None:
        # A list past its next update locks everybody out, so it lasts as long as the root: a broker
        # that was not reloaded in time goes on with the list that it has.
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - BACKDATED)
            .next_update(self._certificate.not_valid_after_utc)
        )
        for entry in revoked:
            builder = builder.add_revoked_certificate(entry)
        crl = builder.sign(self._key, hashes.SHA256())
        fresh = self.crl_file.with_suffix(".new")
        fresh.write_bytes(crl.public_bytes(Encoding.PEM))
        fresh.replace(self.crl_file)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _gateways_name(gateway: str) -> GatewayId:
    name = parse_gateway_id(gateway)
    if name.startswith(CONTROLLER):
        raise CertificateError(
            f"gateway is {name!r}; names that begin with {CONTROLLER!r} are the controller's, "
            "whose certificate may read and write everything"
        )
    return name


def _common_name(certificate: x509.Certificate) -> str:
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    ends: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(ends)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _subject_id(key: ec.EllipticCurvePublicKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key)


def _authority_id(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(path, pem, mode=0o600)


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Creates the file; one that is there already is an error, never replaced."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
