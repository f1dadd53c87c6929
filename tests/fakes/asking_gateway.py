"""A new gateway as the door sees it: its own keys, and what it asks with them."""

from dataclasses import dataclass, field, replace

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from doorward import enrolment
from doorward.enrolment import Claim
from doorward_controller.services.enrolling import Asked
from doorward_controller.services.renewing import Renewal


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def request_for(name: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass(kw_only=True)
class AskingGateway:
    """Asks by a claim; `certificate` is what it got."""

    claim: Claim
    key: ec.EllipticCurvePrivateKey = field(default_factory=_key)
    record: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    certificate: str = ""
    _csr: bytes = b""

    def asked(self, *, name: str = "", csr: bytes = b"") -> Asked:
        if name:
            csr = request_for(name, self.key)
        # Two signatures of one request differ; a gateway keeps the one that it has sent.
        self._csr = self._csr or request_for(self.claim.gateway, self.key)
        csr = csr or self._csr
        record_key = self.record.public_key().public_bytes_raw()
        key = enrolment.claim_key(self.claim.secret)
        return Asked(
            secret=self.claim.secret,
            csr=csr,
            record_key=record_key,
            proof=self.record.sign(enrolment.request_to_sign(key, csr, record_key)),
            guard="file",
            software="1.0",
            address="10.0.4.9",
        )

    def renewal(self, new: ec.EllipticCurvePrivateKey, name: str = "") -> Renewal:
        csr = request_for(name or self.claim.gateway, new)
        signed = enrolment.renewal_to_sign(self.der(), csr)
        return Renewal(
            certificate=self.certificate,
            csr=csr,
            proof=self.key.sign(signed, ec.ECDSA(hashes.SHA256())),
            record_proof=self.record.sign(signed),
        )

    def used_proof(self) -> bytes:
        return self.key.sign(enrolment.used_to_sign(self.der()), ec.ECDSA(hashes.SHA256()))

    def der(self) -> bytes:
        parsed = x509.load_pem_x509_certificate(self.certificate.encode())
        return parsed.public_bytes(Encoding.DER)

    def serial(self) -> int:
        return x509.load_pem_x509_certificate(self.certificate.encode()).serial_number

    def changed_claim(self, **values: object) -> "AskingGateway":
        return replace(self, claim=replace(self.claim, **values))  # type: ignore[arg-type]
