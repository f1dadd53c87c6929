"""Signing in and out of browsers. Programs use bearer tokens instead."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from doorward_controller.api.deps import (
    BackendDep,
    OwnSession,
    SignInNeededError,
    actor_with_duties,
    browser_of,
    client_of,
    session_of,
)
from doorward_controller.domain.permissions import MATRIX, Action, Actor, Extent, Role, allows
from doorward_controller.errors import ActError
from doorward_controller.services import sign_in
from doorward_controller.services.sign_in import (
    Duty,
    Factor,
    SecondFactorNeeded,
    Session,
    SignInRefusal,
    SignInRefused,
)

router = APIRouter(tags=["session"])


class LockedError(ActError):
    """Too many failures; the account or the address opens again by itself."""

    code = "account_locked"
    status = 429


class Credentials(BaseModel):
    """Who wants in; `code` is of an authenticator, or a recovery code, where there is one."""

    name: str = Field(max_length=64)
    password: str = Field(max_length=1024)
    code: str = Field("", max_length=64)


class ProofBody(BaseModel):
    """A code of the second factor; the password of who has none."""

    proof: str = Field(max_length=1024)


class SessionBody(BaseModel):
    """Who is signed in, what they may do and where, and the token that their changes must carry.

    `duties` come before anything else; sensitive acts ask for a proof again some minutes after
    `proved_at_utc_s`.
    """

    name: str
    role: Role
    may: list[Action]
    zones: list[str] | None
    csrf_token: str
    expires_at_utc_s: int
    factor: Factor
    proved_at_utc_s: int
    duties: list[Duty]


@router.post("/session", status_code=201)
def start(
    body: Credentials, request: Request, response: Response, backend: BackendDep
) -> SessionBody:
    """Signs in and sets the session's cookie."""
    result = sign_in.sign_in(
        backend,
        name=body.name,
        password=body.password,
        code=body.code,
        client=client_of(request),
        browser=browser_of(request),
    )
    if isinstance(result, SignInRefused):
        raise refusal(result)
    if isinstance(result, SecondFactorNeeded):
        raise SignInNeededError("send `code` as well", code="second_factor_needed")
    response.set_cookie(
        sign_in.COOKIE,
        result.token,
        max_age=result.session.expires_at_utc_s - backend.clock.now().utc_s,
        httponly=True,
        samesite="strict",
        secure=backend.config.http.secure_cookies,
        path="/",
    )
    return _body(result.session)


@router.get("/session")
def show(request: Request, backend: BackendDep) -> SessionBody:
    """Says who is signed in."""
    session = session_of(request, backend)
    if session is None:
        raise SignInNeededError("nobody is signed in")
    return _body(session)


@router.post("/session/proof", status_code=204)
def prove(body: ProofBody, request: Request, backend: BackendDep, session: OwnSession) -> None:
    """Proves again who one is, for what is sensitive."""
    result = sign_in.confirm(backend, session, body.proof, client_of(request))
    if result is not None:
        raise refusal(result)


@router.delete("/session", status_code=204)
def end(
    request: Request,
    response: Response,
    backend: BackendDep,
    _: Annotated[Actor, Depends(actor_with_duties)],
) -> None:
    """Signs out."""
    token = request.cookies.get(sign_in.COOKIE)
    if token:
        sign_in.sign_out(backend, token)
    response.delete_cookie(sign_in.COOKIE, path="/")


def refusal(refused: SignInRefused) -> ActError:
    """A closed account is not told apart from a wrong password: names must not be found out."""
    if refused.reason in {SignInRefusal.LOCKED, SignInRefusal.ADDRESS_LOCKED}:
        until = refused.retry_at_utc_s
        when = "an administrator opens it" if until is None else f"{until} (UTC seconds)"
        is_account = refused.reason is SignInRefusal.LOCKED
        code = "account_locked" if is_account else "address_locked"
        return LockedError(f"too many failures; locked until {when}", code=code)
    return SignInNeededError("name, password or code is wrong", code="sign_in_refused")


def _body(session: Session) -> SessionBody:
    return SessionBody(
        name=session.actor.name,
        role=session.actor.role,
        may=sorted(
            action
            for action in MATRIX[session.actor.role]
            if allows(session.actor, action, Extent.SOMEWHERE)
        ),
        zones=None if session.actor.zones is None else sorted(session.actor.zones),
        csrf_token=session.csrf,
        expires_at_utc_s=session.expires_at_utc_s,
        factor=session.factor,
        proved_at_utc_s=session.proved_at_utc_s,
        duties=list(session.duties),
    )
