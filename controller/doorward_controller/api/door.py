"""The door for gateways: they ask for certificates here, apart from console and interface.

Whoever comes has no account and, the first time, no certificate: what they send is small, checked,
and seldom.
"""

from collections import OrderedDict
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field

from doorward.times import Clock
from doorward_controller.api.deps import BackendDep, client_of
from doorward_controller.api.errors import install
from doorward_controller.api.limits import BodyLimit
from doorward_controller.domain.enrolment_claims import ClaimState, GatewayCertificate
from doorward_controller.domain.token_bucket import Bucket, Rate, take
from doorward_controller.errors import ActError
from doorward_controller.services import enrolling, renewing
from doorward_controller.services.backend import Backend

EACH = Rate(per_s=1, burst=30)
"""Of one address: a gateway asks every two seconds whether it was confirmed."""
ALL = Rate(per_s=50, burst=500)
"""Of everybody in this process: looking up a secret costs a step along an index."""
MAX_ADDRESSES = 10_000

Hex16 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
HexBytes = Annotated[str, Field(pattern=r"^([0-9a-f]{2})*$", max_length=8192)]
Short = Annotated[str, Field(max_length=100)]
Pem = Annotated[str, Field(max_length=8192)]


class TooOftenError(ActError):
    """Somebody asks too often."""

    code = "too_many_requests"
    status = 429


class Pace:
    """How often one may ask."""

    def __init__(self, clock: Clock) -> None:
        """Begins with full buckets."""
        self._clock = clock
        self._all: Bucket | None = None
        self._each: OrderedDict[str, Bucket] = OrderedDict()

    def check(self, address: str) -> None:
        """Raises TooOftenError."""
        now_ms = self._clock.now().mono_ms
        one = take(self._each.pop(address, None), EACH, now_ms)
        self._each[address] = one.bucket
        if len(self._each) > MAX_ADDRESSES:
            self._each.popitem(last=False)
        if one.is_allowed:
            everybody = take(self._all, ALL, now_ms)
            self._all = everybody.bucket
            if everybody.is_allowed:
                return
        raise TooOftenError("too many requests; try again in some seconds")


def _paced(request: Request) -> None:
    pace: Pace = request.app.state.pace
    pace.check(client_of(request))


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RequestBody(_Body):
    """A gateway asks, and asks again until it is decided."""

    secret: Hex16
    csr: HexBytes
    record_key: Hex32
    proof: Hex64
    guard: Short = ""
    software: Short = ""


class PortalSaid(BaseModel):
    """A portal that the gateway serves."""

    portal: str
    zone: str


class GrantedBody(BaseModel):
    """Everything that a gateway needs beside its own keys."""

    certificate: str
    ca: str
    broker_host: str
    broker_port: int
    keyring: str
    seal_key: str
    portals: list[PortalSaid]


class StandingBody(BaseModel):
    """How far a request is."""

    state: ClaimState
    code: str
    ends_at_utc_s: int
    now_utc_s: int
    granted: GrantedBody | None


class RenewBody(_Body):
    """A gateway asks for its next certificate."""

    certificate: Pem
    csr: HexBytes
    proof: HexBytes
    record_proof: Hex64


class CertificateBody(BaseModel):
    """The next certificate."""

    serial: str
    certificate: str
    not_after_utc_s: int
    now_utc_s: int


class UsedBody(_Body):
    """A gateway says that the broker takes its certificate."""

    certificate: Pem
    proof: HexBytes


def door_app(backend: Backend) -> FastAPI:
    """Returns the application behind the door."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, dependencies=[Depends(_paced)])
    app.state.backend = backend
    app.state.pace = Pace(backend.clock)
    install(app)
    app.add_middleware(BodyLimit)
    app.post("/enrol/1/request")(ask)
    app.post("/enrol/1/renew")(renew)
    app.post("/enrol/1/used", status_code=204)(used)
    return app


def ask(body: RequestBody, request: Request, backend: BackendDep) -> StandingBody:
    """Ties a request to its claim, or says how far it is."""
    asked = enrolling.Asked(
        secret=bytes.fromhex(body.secret),
        csr=bytes.fromhex(body.csr),
        record_key=bytes.fromhex(body.record_key),
        proof=bytes.fromhex(body.proof),
        guard=body.guard,
        software=body.software,
        address=client_of(request),
    )
    standing = enrolling.ask(backend, asked)
    given = standing.granted
    return StandingBody(
        state=standing.state,
        code=standing.code,
        ends_at_utc_s=standing.ends_at_utc_s,
        now_utc_s=standing.now_utc_s,
        granted=None if given is None else _granted(given),
    )


def renew(body: RenewBody, backend: BackendDep) -> CertificateBody:
    """Signs the next certificate of a gateway."""
    made: GatewayCertificate = renewing.renew(
        backend,
        renewing.Renewal(
            certificate=body.certificate,
            csr=bytes.fromhex(body.csr),
            proof=bytes.fromhex(body.proof),
            record_proof=bytes.fromhex(body.record_proof),
        ),
    )
    return CertificateBody(
        serial=made.serial,
        certificate=made.pem,
        not_after_utc_s=made.not_after_utc_s,
        now_utc_s=backend.clock.now().utc_s,
    )


def used(body: UsedBody, backend: BackendDep) -> None:
    """Notes that the broker takes a certificate."""
    renewing.note_used(backend, body.certificate, bytes.fromhex(body.proof))


def _granted(given: enrolling.Granted) -> GrantedBody:
    return GrantedBody(
        certificate=given.certificate,
        ca=given.ca,
        broker_host=given.broker_host,
        broker_port=given.broker_port,
        keyring=given.keyring.hex(),
        seal_key=given.seal_key.hex(),
        portals=[PortalSaid(portal=portal, zone=zone) for portal, zone in given.portals],
    )
