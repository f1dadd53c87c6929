"""Certificates that gateways have replaced before they run out: signed with the key in use.

The one before stays good until the new one was seen to work, and for a while longer.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from doorward import enrolment
from doorward.times import Instant
from doorward_controller.broker.certifying import SignedCertificate, read_request
from doorward_controller.broker.errors import BrokerError
from doorward_controller.domain.enrolment_claims import GatewayCertificate
from doorward_controller.errors import ConflictError, InvalidError
from doorward_controller.services import certificates
from doorward_controller.services.backend import Backend
from doorward_controller.services.enrolling import TooLateError, note_audit
from doorward_controller.store import enrolment_claims, gateways
from doorward_controller.store.gateways import Gateway, GatewayState

MAX_A_DAY = 6
"""A gateway that loses its new certificate each time must not fill the list."""
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What a gateway sends.

    Attributes:
        certificate: the one in use, PEM.
        csr: the request for the next one, DER, signed by the new key.
        proof: by the key in use, over `enrolment.renewal_to_sign`.
        record_proof: by the record key, over the same.
    """

    certificate: str
    csr: bytes
    proof: bytes
    record_proof: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    """A certificate that counts, and whose it is."""

    parsed: x509.Certificate
    kept: GatewayCertificate
    gateway: Gateway


def renew(backend: Backend, asked: Renewal) -> GatewayCertificate:
    """Signs the next certificate of a gateway; asking again gives the same one.

    Raises:
        InvalidError: the certificate is none of ours, or a signature does not fit.
        TooLateError: it has run out, or was ended: only a new claim helps.
        ConflictError: the authority's key is not here, or it asks too often.
    """
    now = backend.clock.now()
    with backend.store.write() as connection:
        holder = _holder(backend, connection, asked.certificate, now)
        signed = enrolment.renewal_to_sign(_der(holder.parsed), asked.csr)
        _verify(_key_of(holder.parsed), asked.proof, signed)
        _verify_record(holder.gateway.record_key, asked.record_proof, signed)
        others = enrolment_claims.certificates_of(connection, holder.gateway.id)
        mark = certificates.request_mark(asked.csr)
        for other in others:
            if other.csr_sha256 == mark and other.renews == holder.kept.serial:
                return other
        _check_pace(others, now)
        return _next(backend, connection, holder, asked.csr, now)


def note_used(backend: Backend, certificate: str, proof: bytes) -> None:
    """Notes that the broker takes a certificate; the one before it ends after a while.

    Raises:
        InvalidError, TooLateError: as `renew`.
    """
    now = backend.clock.now()
    with backend.store.write() as connection:
        holder = _holder(backend, connection, certificate, now)
        _verify(_key_of(holder.parsed), proof, enrolment.used_to_sign(_der(holder.parsed)))
        if holder.kept.used_at_utc_ms is not None:
            return
        enrolment_claims.change_certificate(
            connection, holder.kept.serial, used_at_utc_ms=now.utc_ms
        )
        ends_at_s = now.utc_s + backend.config.enrolment.overlap_hours * 3600
        for other in enrolment_claims.certificates_of(connection, holder.gateway.id):
            if other.serial != holder.kept.serial and other.end_at_utc_s is None:
                enrolment_claims.change_certificate(
                    connection, other.serial, end_at_utc_s=ends_at_s, end_reason="replaced"
                )
        note_audit(
            connection, now, holder.gateway.name, "use_certificate", serial=holder.kept.serial
        )


def _holder(backend: Backend, connection: sa.Connection, pem: str, now: Instant) -> _Holder:
    try:
        parsed = x509.load_pem_x509_certificate(pem.encode("ascii"))
    except ValueError as err:
        raise InvalidError("this is no certificate", code="wrong_certificate") from err
    kept = enrolment_claims.find_certificate(connection, f"{parsed.serial_number:x}")
    if kept is None or kept.sha256 != parsed.fingerprint(hashes.SHA256()).hex():
        raise InvalidError(
            "this certificate was not issued here by a claim", code="wrong_certificate"
        )
    name = gateways.name_of(connection, kept.gateway_id)
    found = name and gateways.find(connection, backend.config.site, name)
    if not found or found.state is GatewayState.REVOKED:
        raise TooLateError("this gateway was revoked", code="gateway_revoked")
    if not kept.is_good_at(now.utc_s):
        raise TooLateError(
            "this certificate counts no more; enrol this gateway with a new claim",
            code="certificate_ended",
        )
    return _Holder(parsed=parsed, kept=kept, gateway=found)


def _check_pace(others: tuple[GatewayCertificate, ...], now: Instant) -> None:
    lately = [each for each in others if now.utc_ms - each.issued_at_utc_ms < _DAY_MS]
    if len(lately) >= MAX_A_DAY:
        raise ConflictError(
            f"{len(lately)} certificates were issued to this gateway within a day",
            code="too_many_certificates",
        )


def _next(
    backend: Backend, connection: sa.Connection, holder: _Holder, csr: bytes, now: Instant
) -> GatewayCertificate:
    signed = _signed(backend, holder, csr, now)
    made = certificates.keep_at(
        connection,
        now.utc_ms,
        holder.gateway.id,
        signed,
        csr=csr,
        confirmed_by=holder.kept.confirmed_by,
        renews=holder.kept.serial,
    )
    note_audit(
        connection, now, holder.gateway.name, "renew_certificate",
        serial=made.serial, renews=holder.kept.serial,
    )  # fmt: skip
    return made


def _signed(backend: Backend, holder: _Holder, csr: bytes, now: Instant) -> SignedCertificate:
    name, days = holder.gateway.name, backend.config.enrolment.certificate_days
    try:
        key = read_request(csr, name)
    except BrokerError as err:
        raise InvalidError(str(err), code="wrong_request") from err
    if key == _key_of(holder.parsed):
        raise InvalidError("the request is for the key in use", code="wrong_request")
    try:
        return backend.certifier.certify(key, name, datetime.fromtimestamp(now.utc_s, UTC), days)
    except BrokerError as err:
        raise ConflictError(
            f"no certificate can be signed now: {err}", code="no_authority"
        ) from err


def _key_of(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as err:
        raise InvalidError("this is no certificate of ours", code="wrong_certificate") from err
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise InvalidError("this is no certificate of ours", code="wrong_certificate")
    return key


def _verify(key: ec.EllipticCurvePublicKey, proof: bytes, signed: bytes) -> None:
    try:
        key.verify(proof, signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError) as err:
        raise InvalidError(
            "this is not signed by the key of the certificate", code="wrong_proof"
        ) from err


def _verify_record(record_key: bytes, proof: bytes, signed: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(record_key).verify(proof, signed)
    except (InvalidSignature, ValueError) as err:
        raise InvalidError(
            "this is not signed by the gateway's record key", code="wrong_proof"
        ) from err


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
