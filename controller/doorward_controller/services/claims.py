"""Claims, as people handle them: made, taken back, confirmed after comparing, refused."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from doorward.enrolment import SECRET_BYTES, Claim, claim_key, same_code
from doorward.errors import BadIdError, DoorwardError
from doorward.ids import GatewayId, parse_gateway_id
from doorward_controller.broker.access import CONTROLLER
from doorward_controller.broker.certifying import read_request
from doorward_controller.broker.errors import BrokerError
from doorward_controller.domain.enrolment_claims import ClaimState, EnrolmentClaim
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.rule_book import PortalOptions
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import certificates, enrolment
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.enrolment import NewPortal
from doorward_controller.services.feed import EventKind
from doorward_controller.store import cut_offs, enrolment_claims, gateways
from doorward_controller.store.gateways import GatewayState

MAX_PENDING = 50
ID_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeClaim:
    """A new claim; its secret is nowhere else.

    Attributes:
        id: by which pages and the interface name it.
    """

    id: str
    claim: Claim = field(repr=False)
    ask_by_utc_s: int


def make_claim(
    backend: Backend,
    actor: Actor,
    *,
    gateway: str,
    portals: Sequence[NewPortal] = (),
    is_replacement: bool = False,
) -> MadeClaim:
    """Lets one gateway ask for a certificate, once and soon.

    Args:
        backend: the controller's parts.
        actor: who makes it.
        gateway: the name that it gets.
        portals: what it serves; a replacement keeps those that it has.
        is_replacement: the gateway exists: its card was written anew, or it was revoked.

    Raises:
        ForbiddenError, InvalidError, ConflictError or NotFoundError.
    """
    with act(
        backend, actor, Action.ENROL_GATEWAY, name="make_claim", subject=gateway[:32]
    ) as doing:
        name = _check_name(backend, gateway)
        _check_place(backend, doing, name, portals, is_replacement=is_replacement)
        now_s = doing.now.utc_s
        for earlier in enrolment_claims.pending_of(doing.connection, now_s, name):
            _decide(doing, earlier, ClaimState.WITHDRAWN, by=actor.name)
        if len(enrolment_claims.pending_of(doing.connection, now_s)) >= MAX_PENDING:
            raise ConflictError(f"{MAX_PENDING} claims wait already", code="too_many_claims")
        made = MadeClaim(
            id=secrets.token_hex(ID_BYTES),
            claim=_new_claim(backend, name),
            ask_by_utc_s=now_s + backend.config.enrolment.claim_minutes * 60,
        )
        enrolment_claims.add_claim(
            doing.connection,
            made.id,
            secret_key=claim_key(made.claim.secret),
            gateway=name,
            portals=[_portal_json(portal) for portal in portals],
            is_replacement=is_replacement,
            made_by=actor.name,
            made_at_utc_ms=doing.now.utc_ms,
            ask_by_utc_s=made.ask_by_utc_s,
        )
        doing.detail |= {"claim": made.id, "is_replacement": is_replacement}
    _announce(backend, name)
    return made


def withdraw_claim(backend: Backend, actor: Actor, claim_id: str) -> None:
    """Takes a claim back that nobody has asked with. Raises what `make_claim` does."""
    _settle(backend, actor, claim_id, "withdraw_claim", ClaimState.OPEN, ClaimState.WITHDRAWN)


def refuse_claim(backend: Backend, actor: Actor, claim_id: str) -> None:
    """Refuses the gateway that asked. Raises what `make_claim` does."""
    _settle(backend, actor, claim_id, "refuse_claim", ClaimState.ASKED, ClaimState.REFUSED)


def confirm_claim(backend: Backend, actor: Actor, claim_id: str, *, code: str) -> GatewayId:
    """Signs the certificate of the gateway that asked, and listens to it from now on.

    Args:
        backend: the controller's parts.
        actor: who compared.
        claim_id: which claim.
        code: what the person saw at both ends; it must be that of the request.

    Raises:
        ForbiddenError, NotFoundError, InvalidError: another code.
        ConflictError: nobody has asked, it is too late, or the authority's key is not here: then
            the claim goes on waiting.
    """
    with act(backend, actor, Action.ENROL_GATEWAY, name="enrol_gateway") as doing:
        claim = _pending(doing, claim_id, ClaimState.ASKED)
        doing.subject = claim.gateway
        if not same_code(code, claim.code):
            raise InvalidError("the code is not that of the gateway that asked", code="wrong_code")
        gateway_id = _take_in(backend, doing, claim)
        serial = _certify(backend, doing, claim, gateway_id, by=actor.name)
        _decide(doing, claim, ClaimState.ISSUED, by=actor.name, serial=serial)
        doing.detail |= {
            "claim": claim.id,
            "serial": serial,
            "is_replacement": claim.is_replacement,
            "guard": claim.guard,
        }
    _announce(backend, claim.gateway)
    return claim.gateway


def _settle(
    backend: Backend,
    actor: Actor,
    claim_id: str,
    name: str,
    wanted: ClaimState,
    becomes: ClaimState,
) -> None:
    with act(backend, actor, Action.ENROL_GATEWAY, name=name) as doing:
        claim = _pending(doing, claim_id, wanted)
        doing.subject = claim.gateway
        doing.detail["claim"] = claim.id
        _decide(doing, claim, becomes, by=actor.name)
    _announce(backend, claim.gateway)


def _pending(doing: Act, claim_id: str, wanted: ClaimState) -> EnrolmentClaim:
    claim = enrolment_claims.find_claim(doing.connection, claim_id[:40], lock=True)
    if claim is None:
        raise NotFoundError(f"there is no claim {claim_id[:40]!r}", code="no_claim")
    state = claim.state_at(doing.now.utc_s)
    if state is not wanted:
        raise ConflictError(f"the claim for {claim.gateway} is {state}", code=f"claim_{state}")
    return claim


def _decide(
    doing: Act, claim: EnrolmentClaim, state: ClaimState, *, by: str, serial: str = ""
) -> None:
    enrolment_claims.change_claim(
        doing.connection,
        claim.id,
        state=state.value,
        decided_by=by,
        decided_at_utc_ms=doing.now.utc_ms,
        serial=serial,
    )


def _check_name(backend: Backend, gateway: str) -> GatewayId:
    if not backend.config.enrolment.url:
        raise ConflictError(
            "gateways cannot ask for certificates here: enrolment.url is not set in the"
            " controller's settings",
            code="enrolment_off",
        )
    try:
        name = parse_gateway_id(gateway.strip())
    except BadIdError as err:
        raise InvalidError(str(err), code="bad_name") from err
    taken = {backend.config.home_assistant.user, *backend.config.broker.more_controllers}
    if name.startswith(CONTROLLER) or name in taken:
        raise InvalidError(f"{name} is a name at the broker already", code="name_taken")
    return name


def _check_place(
    backend: Backend,
    doing: Act,
    name: GatewayId,
    portals: Sequence[NewPortal],
    *,
    is_replacement: bool,
) -> None:
    found = gateways.find(doing.connection, backend.config.site, name)
    if is_replacement:
        if found is None:
            raise NotFoundError(f"there is no gateway {name}", code="no_gateway")
        return
    if found is not None:
        raise ConflictError(f"there is a gateway {name} already", code="gateway_exists")
    enrolment.check_portals(doing.connection, portals)


def _new_claim(backend: Backend, gateway: GatewayId) -> Claim:
    try:
        return Claim(
            url=backend.config.enrolment.url,
            pin=backend.certifier.pin(),
            site=backend.config.site,
            gateway=gateway,
            secret=secrets.token_bytes(SECRET_BYTES),
        )
    except DoorwardError as err:
        raise _no_authority(err) from err


def _take_in(backend: Backend, doing: Act, claim: EnrolmentClaim) -> int:
    """Returns the number of the gateway in the tables, which has the new keys from now on."""
    if not claim.is_replacement:
        portals = [_portal_of(values) for values in claim.portals]
        return enrolment.take_in(
            backend, doing, gateway=claim.gateway, record_key=claim.record_key, portals=portals
        )
    found = gateways.find(doing.connection, backend.config.site, claim.gateway)
    if found is None:
        raise NotFoundError(f"there is no gateway {claim.gateway}", code="no_gateway")
    certificates.end_all(doing.connection, found.id, doing.now.utc_s, reason="replaced")
    cut_offs.forget(doing.connection, found.id)
    gateways.change(
        doing.connection,
        found.id,
        state=GatewayState.ENROLLED.value,
        record_key=claim.record_key,
    )
    return found.id


def _certify(
    backend: Backend, doing: Act, claim: EnrolmentClaim, gateway_id: int, *, by: str
) -> str:
    at = datetime.fromtimestamp(doing.now.utc_s, UTC)
    days = backend.config.enrolment.certificate_days
    try:
        key = read_request(claim.csr, claim.gateway)
        signed = backend.certifier.certify(key, claim.gateway, at, days)
    except BrokerError as err:
        raise _no_authority(err) from err
    certificates.keep(doing, gateway_id, signed, csr=claim.csr, confirmed_by=by)
    return signed.serial


def _no_authority(err: Exception) -> ConflictError:
    return ConflictError(f"no certificate can be signed now: {err}", code="no_authority")


def _portal_json(portal: NewPortal) -> Mapping[str, Any]:
    return asdict(portal) | {"options": portal.options.model_dump(mode="json")}


def _portal_of(values: Mapping[str, Any]) -> NewPortal:
    return NewPortal(**{**values, "options": PortalOptions.model_validate(values["options"])})


def _announce(backend: Backend, gateway: str) -> None:
    backend.feed.announce(
        EventKind.GATEWAY, {"gateway": gateway, "online": None, "last_seen_at_utc_ms": None}
    )
