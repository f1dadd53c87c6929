"""The gateway's own keys, made here: P-256 for TLS, Ed25519 for records; and what they sign."""

import os
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from doorward import enrolment

SEED_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKeys:
    """Both keys and the request for a certificate.

    Attributes:
        tls: PEM, PKCS #8.
        record_seed: the record key.
        csr: DER; names the gateway and nothing else.
    """

    tls: bytes = field(repr=False)
    record_seed: bytes = field(repr=False)
    csr: bytes

    @property
    def record_key(self) -> bytes:
        """The public half."""
        return self._record().public_key().public_bytes_raw()

    def sign_request(self, secret_key: bytes) -> bytes:
        """Returns the proof that goes with a first request."""
        return self._record().sign(enrolment.request_to_sign(secret_key, self.csr, self.record_key))

    def sign_by_record(self, wire: bytes) -> bytes:
        """Signs with the record key."""
        return self._record().sign(wire)

    def _record(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.record_seed)


def make_keys(gateway: str, record_seed: bytes = b"") -> OwnKeys:
    """Makes a new TLS key, and a record key unless there is one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, gateway)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name)
    return OwnKeys(
        tls=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        record_seed=record_seed or os.urandom(SEED_BYTES),
        csr=request.sign(key, hashes.SHA256()).public_bytes(Encoding.DER),
    )


def sign_by_tls(key_pem: bytes, wire: bytes) -> bytes:
    """Signs with a TLS key. Raises ValueError or TypeError when it is none of ours."""
    key = load_pem_private_key(key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the key for the broker is not an elliptic-curve key")
    return key.sign(wire, ec.ECDSA(hashes.SHA256()))


def fits(certificate_pem: str, key_pem: bytes, gateway: str) -> bool:
    """Says whether a certificate is for this key and this gateway."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode("ascii"))
        key = load_pem_private_key(key_pem, password=None)
    except ValueError:
        return False
    names = [str(part.value) for part in certificate.subject]
    return certificate.public_key() == key.public_key() and names == [gateway]
