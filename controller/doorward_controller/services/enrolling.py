"""What new gateways ask at the door: for their first certificate.

Nothing here is on behalf of a person. A refusal changes nothing, apart from a note of it.
"""

from dataclasses import dataclass, field

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from doorward import enrolment
from doorward.errors import DoorwardError
from doorward.ids import GatewayId
from doorward.times import Instant
from doorward_controller.broker.certifying import read_request
from doorward_controller.broker.errors import BrokerError
from doorward_controller.domain.enrolment_claims import DECIDE_S, ClaimState, EnrolmentClaim
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.errors import ActError, ConflictError, InvalidError, NotFoundError
from doorward_controller.services import audit, provisioning
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.store import enrolment_claims, gateways

MAX_SHORT_TEXT = 40


class TooLateError(ActError):
    """What was asked for could have been had before."""

    code = "claim_late"
    status = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a gateway sends, again and again until it is decided.

    Attributes:
        csr: certificate request, DER.
        record_key: Ed25519, raw.
        proof: by the record key, over `enrolment.request_to_sign`.
        guard: what keeps its keys.
        address: where the request came from.
    """

    secret: bytes = field(repr=False)
    csr: bytes
    record_key: bytes
    proof: bytes
    guard: str = ""
    software: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """Everything that a gateway needs beside its own keys.

    Attributes:
        portals: what it serves, for its first configuration: portal and zone.
    """

    certificate: str
    ca: str
    broker_host: str
    broker_port: int
    keyring: bytes
    seal_key: bytes
    portals: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a request is.

    Attributes:
        ends_at_utc_s: until when somebody must decide.
        granted: once it is issued.
    """

    state: ClaimState
    code: str
    ends_at_utc_s: int
    now_utc_s: int
    granted: Granted | None = None


def ask(backend: Backend, asked: Asked) -> Standing:
    """Ties a gateway's request to its claim, or says how far that request is by now.

    Raises:
        NotFoundError: no such claim, or it was taken back.
        ConflictError: another request is tied to it.
        TooLateError: its time is over.
        InvalidError: the request is for another name, or is not signed by its own keys.
    """
    key, now = enrolment.claim_key(asked.secret), backend.clock.now()
    try:
        with backend.store.write() as connection:
            claim = enrolment_claims.find_by_secret(connection, key)
            claim = _expect(claim, asked, now)
            if claim.kept_state is ClaimState.OPEN:
                claim = _tie(connection, claim, asked, now)
                _announce(backend, claim.gateway)
            granted = _granted(backend, connection, claim, now)
    except (ConflictError, TooLateError) as refusal:
        _note_other(backend, key, asked, refusal, now)
        raise
    return Standing(
        state=claim.state_at(now.utc_s),
        code=claim.code,
        ends_at_utc_s=claim.ends_at_utc_s,
        now_utc_s=now.utc_s,
        granted=granted,
    )


def _expect(claim: EnrolmentClaim | None, asked: Asked, now: Instant) -> EnrolmentClaim:
    """Returns the claim when this request may use it."""
    if claim is None or claim.kept_state is ClaimState.WITHDRAWN:
        raise NotFoundError(
            "no gateway is expected with this claim; make a new one in the console",
            code="claim_unknown",
        )
    if claim.is_from(asked.csr, asked.record_key):
        if claim.kept_state is ClaimState.ISSUED and not claim.can_be_fetched(now.utc_s):
            raise TooLateError("what was issued by this claim is not kept any more")
        return claim
    if claim.csr:
        raise ConflictError(
            "this claim was used already, by another request; make a new one in the console",
            code="claim_used",
        )
    if claim.state_at(now.utc_s) is ClaimState.EXPIRED:
        raise TooLateError("the time of this claim is over; make a new one in the console")
    return claim


def _tie(
    connection: sa.Connection, claim: EnrolmentClaim, asked: Asked, now: Instant
) -> EnrolmentClaim:
    try:
        read_request(asked.csr, claim.gateway)
        signed = enrolment.request_to_sign(claim.secret_key, asked.csr, asked.record_key)
        Ed25519PublicKey.from_public_bytes(asked.record_key).verify(asked.proof, signed)
    except BrokerError as err:
        raise InvalidError(str(err), code="wrong_request") from err
    except (ValueError, InvalidSignature) as err:
        raise InvalidError(
            "the request is not signed by the record key that it names", code="wrong_request"
        ) from err
    enrolment_claims.change_claim(
        connection,
        claim.id,
        state=ClaimState.ASKED.value,
        csr=asked.csr,
        record_key=asked.record_key,
        code=enrolment.confirmation_code(claim.secret_key, asked.csr, asked.record_key),
        guard=_short(asked.guard),
        software=_short(asked.software),
        asked_from=_short(asked.address),
        asked_at_utc_ms=now.utc_ms,
        decide_by_utc_s=now.utc_s + DECIDE_S,
    )
    note_audit(connection, now, claim.gateway, "ask_enrolment", claim=claim.id, guard=asked.guard)
    found = enrolment_claims.find_claim(connection, claim.id)
    if found is None:
        raise NotFoundError(f"there is no claim {claim.id}", code="claim_unknown")
    return found


def _granted(
    backend: Backend, connection: sa.Connection, claim: EnrolmentClaim, now: Instant
) -> Granted | None:
    if claim.kept_state is not ClaimState.ISSUED:
        return None
    certificate = enrolment_claims.find_certificate(connection, claim.serial)
    if certificate is None:
        raise NotFoundError(f"there is no certificate {claim.serial}", code="claim_unknown")
    if claim.fetched_at_utc_ms is None:
        enrolment_claims.change_claim(connection, claim.id, fetched_at_utc_ms=now.utc_ms)
    given = provisioning.provision(backend)
    host, port = broker_address(backend)
    return Granted(
        certificate=certificate.pem,
        ca=_ca_pem(backend),
        broker_host=host,
        broker_port=port,
        keyring=given.keyring,
        seal_key=given.intake_key,
        portals=_portals_of(backend, connection, claim),
    )


def _portals_of(
    backend: Backend, connection: sa.Connection, claim: EnrolmentClaim
) -> tuple[tuple[str, str], ...]:
    if not claim.is_replacement:
        return tuple((each["portal"], each["zone"]) for each in claim.portals)
    portals = gateways.portals_of_site(connection, backend.config.site)
    return tuple((each.name, each.zone) for each in portals if each.gateway == claim.gateway)


def broker_address(backend: Backend) -> tuple[str, int]:
    """Returns under which address gateways reach the broker."""
    settings, mqtt = backend.config.enrolment, backend.config.mqtt
    host = settings.broker_host or mqtt.host
    if not settings.broker_host and host in {"localhost", "127.0.0.1", "::1"}:
        host = host_of(settings.url) or host
    return host, settings.broker_port or mqtt.port


def host_of(url: str) -> str:
    """Returns the host in the door's address."""
    place = url.removeprefix("https://")
    if place.startswith("["):
        return place[1:].partition("]")[0]
    return place.partition(":")[0]


def _ca_pem(backend: Backend) -> str:
    try:
        return backend.certifier.ca_pem()
    except DoorwardError as err:
        raise ConflictError(f"the authority is not here now: {err}", code="no_authority") from err


def _note_other(
    backend: Backend, key: bytes, asked: Asked, refusal: ActError, now: Instant
) -> None:
    """A second asker means that somebody else has seen the claim: people must know."""
    with backend.store.write() as connection:
        claim = enrolment_claims.find_by_secret(connection, key)
        if claim is None or claim.is_from(asked.csr, asked.record_key):
            return
        enrolment_claims.change_claim(connection, claim.id, other_tries=claim.other_tries + 1)
        audit.append(
            connection, now.utc_ms, _speaker(claim.gateway), "ask_enrolment",
            subject=claim.gateway, outcome=refusal.code,
            detail={"claim": claim.id, "address": _short(asked.address)},
        )  # fmt: skip
    _announce(backend, claim.gateway)


def note_audit(
    connection: sa.Connection, now: Instant, gateway: GatewayId, action: str, **detail: str
) -> None:
    audit.append(connection, now.utc_ms, _speaker(gateway), action, subject=gateway, detail=detail)


def _speaker(gateway: GatewayId) -> Actor:
    return Actor(name=f"gateway {gateway}", role=Role.HOST)


def _announce(backend: Backend, gateway: str) -> None:
    backend.feed.announce(
        EventKind.GATEWAY, {"gateway": gateway, "online": None, "last_seen_at_utc_ms": None}
    )


def _short(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:MAX_SHORT_TEXT]
