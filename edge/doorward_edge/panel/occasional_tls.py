"""A certificate for an hour's work: the gateway's own pages have none yet, and a picture needs one.

A browser warns of it, because nobody vouches for it; what it shows is compared with what the
terminal shows.
"""

import datetime as dt
import ssl
import tempfile
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from doorward.times import UtcSeconds

_GOOD_FOR = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OccasionalTls:
    """The server's side of TLS.

    Attributes:
        fingerprint: SHA-256 of the certificate, as browsers show it.
    """

    context: ssl.SSLContext
    fingerprint: str


def occasional_tls(address: str, now: UtcSeconds) -> OccasionalTls:
    """Makes a key and a certificate of its own; neither outlives the process.

    Args:
        address: the IP address under which browsers ask.
        now: where the clock is wrong, browsers have one more thing to warn of.

    Raises:
        OSError: there is nowhere to put them for the moment in which they are loaded.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key, address, dt.datetime.fromtimestamp(now, dt.UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory(prefix="doorward-aim-") as folder:
        path = Path(folder) / "pair.pem"
        path.touch(mode=0o600)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(path)
    return OccasionalTls(
        context=context, fingerprint=certificate.fingerprint(SHA256()).hex(":").upper()
    )


def _certificate(
    key: ec.EllipticCurvePrivateKey, address: str, now: dt.datetime
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "doorward-edge aim")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _GOOD_FOR)
        .not_valid_after(now + _GOOD_FOR)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )
