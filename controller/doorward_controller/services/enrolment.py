"""Enrolling a gateway with its record key and portals, and refusing it for good."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from doorward.errors import BadIdError
from doorward.ids import GatewayId, parse_gateway_id, parse_name, parse_portal_id
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.proposals import ProposalKind
from doorward_controller.domain.rule_book import PortalOptions
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import certificates, second_person
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.services.second_person import Approval
from doorward_controller.store import cut_offs, devices, gateways
from doorward_controller.store.gateways import GatewayState

MAX_PORTALS = 16
"""Of one gateway; the board has pins for far fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPortal:
    """A portal that the gateway serves and the zone that one enters there."""

    portal: str
    zone: str
    label: str = ""
    options: PortalOptions = field(default_factory=PortalOptions)


def enrol_gateway(
    backend: Backend,
    actor: Actor,
    *,
    gateway: str,
    record_key: bytes,
    portals: Sequence[NewPortal],
    certificate_sha256: str = "",
) -> None:
    """Lets a gateway speak from now on. Raises ForbiddenError, InvalidError or ConflictError."""
    with act(backend, actor, Action.ENROL_GATEWAY, subject=gateway[:32]) as doing:
        take_in(
            backend,
            doing,
            gateway=gateway,
            record_key=record_key,
            portals=portals,
            certificate_sha256=certificate_sha256,
        )
    backend.feed.announce(
        EventKind.GATEWAY, {"gateway": gateway, "online": None, "last_seen_at_utc_ms": None}
    )


def take_in(
    backend: Backend,
    doing: Act,
    *,
    gateway: str,
    record_key: bytes,
    portals: Sequence[NewPortal],
    certificate_sha256: str = "",
) -> int:
    """Inserts a gateway within an act, returns its number. Raises InvalidError, ConflictError."""
    name = _check(gateway, record_key, portals)
    site = backend.config.site
    if gateways.find(doing.connection, site, name) is not None:
        raise ConflictError(f"gateway {name} is enrolled already", code="gateway_exists")
    gateway_id = gateways.add(
        doing.connection,
        site=site,
        name=name,
        record_key=record_key,
        certificate_sha256=certificate_sha256.lower(),
        now_utc_s=doing.now.utc_s,
    )
    devices.add_device(doing.connection, gateway_id, adopted_at_utc_ms=None)
    for portal in portals:
        _add_portal(doing, gateway_id, portal)
    doing.detail["portals"] = ",".join(portal.portal for portal in portals)
    return gateway_id


def check_portals(connection: sa.Connection, portals: Sequence[NewPortal]) -> None:
    """Says beforehand what `take_in` would. Raises InvalidError or ConflictError."""
    _check_names(portals)
    for portal in portals:
        _check_is_new(connection, portal)


def revoke_gateway(
    backend: Backend,
    actor: Actor,
    *,
    gateway: str,
    reason: str,
    approval: Approval | None = None,
) -> None:
    """Refuses whatever the gateway says from now on; its records so far stay.

    The broker is told by `cutting_off`, within seconds.

    Raises ForbiddenError, InvalidError, NotFoundError or ConflictError.
    """
    with act(backend, actor, Action.REVOKE_GATEWAY, subject=gateway[:32]) as doing:
        second_person.check(backend, actor, ProposalKind.REVOKE_GATEWAY, approval)
        if not reason.strip():
            raise InvalidError("the reason is empty", code="reason_missing")
        found = gateways.find(doing.connection, backend.config.site, gateway)
        if found is None:
            raise NotFoundError(f"there is no gateway {gateway[:40]!r}", code="no_gateway")
        if found.state is GatewayState.REVOKED:
            raise ConflictError(f"gateway {gateway} is revoked already", code="gateway_revoked")
        gateways.change(doing.connection, found.id, state=GatewayState.REVOKED.value)
        cut_offs.begin(doing.connection, found.id, doing.now.utc_ms)
        certificates.end_all(doing.connection, found.id, doing.now.utc_s, reason="revoked")
        doing.detail["reason"] = reason.strip()[:200]
        doing.detail |= second_person.claim(doing.connection, approval, {"gateway": gateway})
    backend.feed.announce(
        EventKind.GATEWAY, {"gateway": gateway, "online": None, "last_seen_at_utc_ms": None}
    )


def _check(gateway: str, record_key: bytes, portals: Sequence[NewPortal]) -> GatewayId:
    try:
        name = parse_gateway_id(gateway)
        Ed25519PublicKey.from_public_bytes(record_key)
    except BadIdError as err:
        raise InvalidError(str(err), code="bad_name") from err
    except ValueError as err:
        raise InvalidError("the record key is not 32 bytes of Ed25519", code="bad_key") from err
    _check_names(portals)
    return name


def _check_names(portals: Sequence[NewPortal]) -> None:
    try:
        for portal in portals:
            parse_portal_id(portal.portal)
            parse_name(portal.zone, "zone")
    except BadIdError as err:
        raise InvalidError(str(err), code="bad_name") from err
    if not 1 <= len(portals) <= MAX_PORTALS:
        raise InvalidError(f"{len(portals)} portals, must be 1 to {MAX_PORTALS}")
    if len({portal.portal for portal in portals}) < len(portals):
        raise ConflictError("one portal is named twice", code="portal_exists")


def _check_is_new(connection: sa.Connection, portal: NewPortal) -> None:
    if gateways.portal_exists(connection, portal.portal):
        raise ConflictError(f"there is a portal {portal.portal} already", code="portal_exists")


def _add_portal(doing: Act, gateway_id: int, portal: NewPortal) -> None:
    _check_is_new(doing.connection, portal)
    gateways.add_portal(
        doing.connection,
        gateway_id,
        name=portal.portal,
        zone=portal.zone,
        label=portal.label[:100],
        options=portal.options.model_dump_json(),
    )
