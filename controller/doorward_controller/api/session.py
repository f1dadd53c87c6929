"""Signing in and out of browsers. Programs use bearer tokens instead."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, SignInNeededError, session_of
from doorward_controller.domain.permissions import MATRIX, Action, Role
from doorward_controller.errors import ActError
from doorward_controller.services import sign_in
from doorward_controller.services.sign_in import Session, SignInRefusal, SignInRefused

router = APIRouter(tags=["session"])


class LockedError(ActError):
    """Too many failures; the account opens again by itself."""

    code = "account_locked"
    status = 429


class Credentials(BaseModel):
    """Who wants in."""

    name: str = Field(max_length=64)
    password: str = Field(max_length=1024)


class SessionBody(BaseModel):
    """Who is signed in, what they may do, and the token that their changes must carry."""

    name: str
    role: Role
    may: list[Action]
    csrf_token: str
    expires_at_utc_s: int


@router.post("/session", status_code=201)
def start(
    body: Credentials, request: Request, response: Response, backend: BackendDep
) -> SessionBody:
    """Signs in and sets the session's cookie."""
    client = request.client.host if request.client else ""
    result = sign_in.sign_in(backend, name=body.name, password=body.password, client=client)
    if isinstance(result, SignInRefused):
        raise _refusal(result)
    response.set_cookie(
        sign_in.COOKIE,
        result.token,
        max_age=sign_in.SESSION_S,
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


@router.delete("/session", status_code=204)
def end(request: Request, response: Response, backend: BackendDep, _: ActorDep) -> None:
    """Signs out."""
    token = request.cookies.get(sign_in.COOKIE)
    if token:
        sign_in.sign_out(backend, token)
    response.delete_cookie(sign_in.COOKIE, path="/")


def _refusal(refused: SignInRefused) -> ActError:
    """A closed account is not told apart from a wrong password: names must not be found out."""
    if refused.reason is SignInRefusal.LOCKED:
        return LockedError(f"locked until {refused.retry_at_utc_s} (UTC seconds)")
    return SignInNeededError("name or password is wrong", code="sign_in_refused")


def _body(session: Session) -> SessionBody:
    return SessionBody(
        name=session.actor.name,
        role=session.actor.role,
        may=sorted(MATRIX[session.actor.role]),
        csrf_token=session.csrf,
        expires_at_utc_s=session.expires_at_utc_s,
    )
