"""Claims and certificates as they are kept."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from doorward.ids import GatewayId
from doorward_controller.domain.enrolment_claims import (
    ClaimState,
    EnrolmentClaim,
    GatewayCertificate,
)
from doorward_controller.store.enrolment_tables import enrolment_claims, gateway_certificates

_PENDING = (ClaimState.OPEN.value, ClaimState.ASKED.value)


def add_claim(
    connection: sa.Connection,
    claim_id: str,
    *,
    secret_key: bytes,
    gateway: GatewayId,
    portals: Sequence[Mapping[str, Any]],
    is_replacement: bool,
    made_by: str,
    made_at_utc_ms: int,
    ask_by_utc_s: int,
) -> None:
    """Inserts a claim that nobody has asked with."""
    connection.execute(
        sa.insert(enrolment_claims).values(
            id=claim_id,
            secret_key=secret_key,
            gateway=gateway,
            is_replacement=is_replacement,
            portals_json=json.dumps(list(portals)),
            state=ClaimState.OPEN.value,
            made_by=made_by,
            made_at_utc_ms=made_at_utc_ms,
            ask_by_utc_s=ask_by_utc_s,
            code="",
            guard="",
            software="",
            asked_from="",
            other_tries=0,
            decided_by="",
            serial="",
        )
    )


def find_claim(
    connection: sa.Connection, claim_id: str, *, lock: bool = False
) -> EnrolmentClaim | None:
    """Returns a claim; with `lock` nobody else changes it within the transaction."""
    return _one(connection, enrolment_claims.c.id == claim_id, lock=lock)


def find_by_secret(connection: sa.Connection, secret_key: bytes) -> EnrolmentClaim | None:
    """Returns the claim with that secret, and keeps others from changing it meanwhile."""
    return _one(connection, enrolment_claims.c.secret_key == secret_key, lock=True)


def change_claim(connection: sa.Connection, claim_id: str, **values: object) -> None:
    """Sets columns of one claim."""
    connection.execute(
        sa.update(enrolment_claims).where(enrolment_claims.c.id == claim_id).values(**values)
    )


def pending_of(
    connection: sa.Connection, now_utc_s: int, gateway: str | None = None
) -> tuple[EnrolmentClaim, ...]:
    """Returns the claims of which something may still come, those that were asked with first."""
    wanted = sa.select(enrolment_claims).where(enrolment_claims.c.state.in_(_PENDING))
    if gateway is not None:
        wanted = wanted.where(enrolment_claims.c.gateway == gateway)
    rows = connection.execute(wanted.order_by(enrolment_claims.c.made_at_utc_ms.desc()))
    found = [claim_of(row._asdict()) for row in rows]
    alive = [claim for claim in found if claim.state_at(now_utc_s).is_pending]
    return tuple(sorted(alive, key=lambda claim: claim.kept_state is not ClaimState.ASKED))


def claim_of(values: Mapping[str, Any]) -> EnrolmentClaim:
    """Returns a row as a claim."""
    fields = dict(values)
    portals, state = json.loads(fields.pop("portals_json")), fields.pop("state")
    return EnrolmentClaim(
        **{
            **fields,
            "gateway": GatewayId(fields["gateway"]),
            "secret_key": bytes(fields["secret_key"]),
            "portals": tuple(portals),
            "kept_state": ClaimState(state),
            "csr": bytes(fields["csr"] or b""),
            "record_key": bytes(fields["record_key"] or b""),
        }
    )


def add_certificate(connection: sa.Connection, certificate: GatewayCertificate) -> None:
    """Inserts a certificate."""
    values = {name: getattr(certificate, name) for name in GatewayCertificate.__dataclass_fields__}
    connection.execute(sa.insert(gateway_certificates).values(**values))


def find_certificate(connection: sa.Connection, serial: str) -> GatewayCertificate | None:
    """Returns a certificate by its number."""
    wanted = sa.select(gateway_certificates).where(gateway_certificates.c.serial == serial)
    row = connection.execute(wanted.with_for_update()).one_or_none()
    return None if row is None else GatewayCertificate(**row._asdict())


def certificates_of(connection: sa.Connection, gateway_id: int) -> tuple[GatewayCertificate, ...]:
    """Returns a gateway's certificates, newest first."""
    wanted = (
        sa.select(gateway_certificates)
        .where(gateway_certificates.c.gateway_id == gateway_id)
        .order_by(gateway_certificates.c.issued_at_utc_ms.desc(), gateway_certificates.c.serial)
    )
    return tuple(GatewayCertificate(**row._asdict()) for row in connection.execute(wanted))


def change_certificate(connection: sa.Connection, serial: str, **values: object) -> None:
    """Sets columns of one certificate."""
    connection.execute(
        sa.update(gateway_certificates)
        .where(gateway_certificates.c.serial == serial)
        .values(**values)
    )


def end_all(connection: sa.Connection, gateway_id: int, *, at_utc_s: int, reason: str) -> None:
    """Ends the certificates of a gateway that would be taken longer."""
    column = gateway_certificates.c.end_at_utc_s
    connection.execute(
        sa.update(gateway_certificates)
        .where(
            gateway_certificates.c.gateway_id == gateway_id,
            sa.or_(column.is_(None), column > at_utc_s),
        )
        .values(end_at_utc_s=at_utc_s, end_reason=reason)
    )


def to_be_listed(connection: sa.Connection, now_utc_s: int) -> tuple[str, ...]:
    """Returns the numbers of ended certificates that are not on the broker's list yet."""
    wanted = sa.select(gateway_certificates.c.serial).where(
        gateway_certificates.c.end_at_utc_s <= now_utc_s,
        gateway_certificates.c.listed_at_utc_ms.is_(None),
    )
    return tuple(connection.execute(wanted).scalars())


def _one(
    connection: sa.Connection, condition: sa.ColumnElement[bool], *, lock: bool
) -> EnrolmentClaim | None:
    wanted = sa.select(enrolment_claims).where(condition)
    row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    return None if row is None else claim_of(row._asdict())
