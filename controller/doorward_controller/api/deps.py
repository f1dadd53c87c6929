"""Who asks, and with what: the backend, the actor behind a session or a token, and CSRF."""

import hmac
from typing import Annotated

from fastapi import Depends, Request

from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import ActError, ForbiddenError
from doorward_controller.services import sign_in
from doorward_controller.services.acting import check_read
from doorward_controller.services.backend import Backend
from doorward_controller.services.sign_in import Session

CSRF_HEADER = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class SignInNeededError(ActError):
    """Nobody has signed in, or the session or token has ended."""

    code = "sign_in_needed"
    status = 401


def backend_of(request: Request) -> Backend:
    """Returns the controller's parts."""
    backend = request.app.state.backend
    if not isinstance(backend, Backend):
        raise TypeError("app.state.backend is not a Backend")
    return backend


BackendDep = Annotated[Backend, Depends(backend_of)]


def session_of(request: Request, backend: BackendDep) -> Session | None:
    """Returns the session of the request's cookie, None without one or when it has ended."""
    token = request.cookies.get(sign_in.COOKIE)
    return sign_in.resume(backend, token) if token else None


def check_csrf(session: Session, token: str | None) -> None:
    """Raises ForbiddenError unless the request carries its session's own token."""
    if not token or not hmac.compare_digest(token.encode(), session.csrf.encode()):
        raise ForbiddenError(
            f"the request lacks its session's token ({CSRF_HEADER})", code="csrf_missing"
        )


def actor_of(request: Request, backend: BackendDep) -> Actor:
    """Returns on whose behalf the request acts: a bearer token's owner or a session's operator.

    Raises SignInNeededError, or ForbiddenError for a browser's change without its CSRF token.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        actor = sign_in.resume_bearer(backend, token.strip())
        if actor is None:
            raise SignInNeededError("the token is unknown or has ended")
        return actor
    session = session_of(request, backend)
    if session is None:
        raise SignInNeededError("sign in, or send a bearer token")
    if request.method not in _SAFE:
        check_csrf(session, request.headers.get(CSRF_HEADER))
    return session.actor


ActorDep = Annotated[Actor, Depends(actor_of)]


class Needs:
    """A dependency that lets only those read whose role allows it."""

    def __init__(self, action: Action) -> None:
        """Checks for `action`."""
        self._action = action

    def __call__(self, backend: BackendDep, actor: ActorDep) -> Actor:
        """Raises ForbiddenError, which is audited."""
        check_read(backend, actor, self._action)
        return actor
