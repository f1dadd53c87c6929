"""Gateways' certificates: kept, replaced, ended, and put on the broker's list when they are."""

import hashlib
from datetime import UTC, datetime

import sqlalchemy as sa

from doorward_controller.broker.certifying import SignedCertificate
from doorward_controller.broker.errors import BrokerError
from doorward_controller.domain.enrolment_claims import GatewayCertificate
from doorward_controller.errors import StoreError
from doorward_controller.services.acting import Act
from doorward_controller.services.backend import Backend
from doorward_controller.store import enrolment_claims, gateways


def keep(
    doing: Act,
    gateway_id: int,
    signed: SignedCertificate,
    *,
    csr: bytes,
    confirmed_by: str,
    renews: str = "",
) -> GatewayCertificate:
    """Notes a certificate that was just signed."""
    return keep_at(
        doing.connection, doing.now.utc_ms, gateway_id, signed,
        csr=csr, confirmed_by=confirmed_by, renews=renews,
    )  # fmt: skip


def keep_at(
    connection: sa.Connection,
    now_utc_ms: int,
    gateway_id: int,
    signed: SignedCertificate,
    *,
    csr: bytes,
    confirmed_by: str,
    renews: str,
) -> GatewayCertificate:
    """Notes a certificate that was just signed, outside of anybody's act."""
    made = GatewayCertificate(
        serial=signed.serial,
        gateway_id=gateway_id,
        sha256=signed.sha256,
        csr_sha256=request_mark(csr),
        pem=signed.pem,
        renews=renews,
        confirmed_by=confirmed_by,
        issued_at_utc_ms=now_utc_ms,
        not_before_utc_s=signed.not_before_utc_s,
        not_after_utc_s=signed.not_after_utc_s,
        used_at_utc_ms=None,
        end_at_utc_s=None,
        end_reason="",
        listed_at_utc_ms=None,
    )
    enrolment_claims.add_certificate(connection, made)
    gateways.change(connection, gateway_id, certificate_sha256=signed.sha256)
    return made


def end_all(connection: sa.Connection, gateway_id: int, at_utc_s: int, *, reason: str) -> None:
    """Ends whatever certificates a gateway has; the broker is told at the next turn."""
    enrolment_claims.end_all(connection, gateway_id, at_utc_s=at_utc_s, reason=reason)


def settle(backend: Backend) -> int:
    """Has the broker refuse the certificates whose time is over; returns how many.

    Raises:
        StoreError: the list cannot be written now; it is tried again.
    """
    now = backend.clock.now()
    with backend.store.read() as connection:
        serials = enrolment_claims.to_be_listed(connection, now.utc_s)
    if not serials:
        return 0
    try:
        backend.certifier.put_on_list(serials, datetime.fromtimestamp(now.utc_s, UTC))
    except BrokerError as err:
        raise StoreError(f"{len(serials)} certificates are not on the list yet: {err}") from err
    with backend.store.write() as connection:
        for serial in serials:
            enrolment_claims.change_certificate(connection, serial, listed_at_utc_ms=now.utc_ms)
    return len(serials)


def request_mark(csr: bytes) -> str:
    """Returns what a request is known by."""
    return hashlib.sha256(csr).hexdigest()
