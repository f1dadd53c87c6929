"""Who asks, and with what: the backend, the actor behind a session or a token, and CSRF."""

import hmac
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request

from doorward_controller.domain.permissions import Action, Actor, Extent, allows
from doorward_controller.errors import ActError, ForbiddenError
from doorward_controller.services import sign_in
from doorward_controller.services.acting import check_read, check_sight
from doorward_controller.services.backend import Backend
from doorward_controller.services.sign_in import Duty, Session
from doorward_controller.services.terms import Terms
from doorward_controller.store import places

CSRF_HEADER = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_TERMS = "doorward.terms"


class SignInNeededError(ActError):
    """Nobody has signed in, or the session or token has ended."""

    code = "sign_in_needed"
    status = 401


class DutyFirstError(ActError):
    """The session is good for nothing else until its operator has done something."""

    status = 403
    code = "duty_first"

    def __init__(self, duty: Duty) -> None:
        """Names what is to be done."""
        super().__init__(_DUTIES[duty], code=duty.value)


class ProofNeededError(ActError):
    """The act is sensitive, and the operator proved who they are too long ago."""

    code = "proof_needed"
    status = 403


_DUTIES = {
    Duty.CHANGE_PASSWORD: "choose a new password first (PUT /account/password)",
    Duty.SET_UP_SECOND_FACTOR: "set up a second factor first (POST /account/totp)",
}


def backend_of(request: Request) -> Backend:
    """Returns the controller's parts."""
    backend = request.app.state.backend
    if not isinstance(backend, Backend):
        raise TypeError("app.state.backend is not a Backend")
    return replace(backend, terms=terms_of(request))


def terms_of(request: Request) -> Terms:
    """Returns what this request ties to its act; an empty one to begin with."""
    terms: Terms = request.scope.setdefault(_TERMS, Terms())
    return terms


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


def actor_with_duties(request: Request, backend: BackendDep) -> Actor:
    """Returns on whose behalf the request acts: a bearer token's owner or a session's operator.

    Raises SignInNeededError, or ForbiddenError for a browser's change without its CSRF token.
    """
    return who(request, backend)[0]


def actor_of(request: Request, backend: BackendDep) -> Actor:
    """Returns who acts, once they have done what must come before anything else.

    Raises SignInNeededError, DutyFirstError, or ForbiddenError for a browser's change without its
    CSRF token.
    """
    actor, session = who(request, backend)
    if session is not None and session.duties:
        raise DutyFirstError(session.duties[0])
    return actor


ActorDep = Annotated[Actor, Depends(actor_of)]


def own_session(request: Request, backend: BackendDep) -> Session:
    """Returns the session of somebody who deals with their own account: a person, no program.

    Raises SignInNeededError, or ForbiddenError for programs and without the CSRF token.
    """
    actor, session = who(request, backend)
    check_read(backend, actor, Action.OWN_ACCOUNT)
    if session is None:
        raise ForbiddenError("programs have no account of their own")
    return session


OwnSession = Annotated[Session, Depends(own_session)]


def fresh_of(request: Request, backend: BackendDep) -> None:
    """Lets a sensitive act pass only soon after its operator has proved who they are.

    Programs pass: what their token may do was decided when it was made.

    Raises ProofNeededError.
    """
    session = who(request, backend)[1]
    if session is not None and not session.is_fresh(backend.config, backend.clock.now().utc_s):
        minutes = backend.config.accounts.fresh_minutes
        raise ProofNeededError(
            f"prove again who you are (POST /session/proof); it counts for {minutes} minutes"
        )


Fresh = Depends(fresh_of)


class Need:
    """A dependency that lets only those pass whose role allows an action.

    Every endpoint but a few has one; a test calls each with each role and compares with the matrix.

    Attributes:
        actions: any one of them will do; more than one where the request says which is meant, and
            the act itself then asks for that one.
    """

    def __init__(self, *actions: Action) -> None:
        """Checks for any one of `actions`."""
        self.actions = actions

    def _check(self, backend: Backend, actor: Actor, where: Extent) -> Action:
        """Returns an action that is allowed there. Raises ForbiddenError."""
        for action in self.actions:
            if allows(actor, action, where):
                return action
        check_read(backend, actor, self.actions[0], where=where)
        return self.actions[0]


class Needs(Need):
    """For what concerns the whole site: nobody passes who is limited to zones."""

    def __call__(self, backend: BackendDep, actor: ActorDep) -> Actor:
        """Raises ForbiddenError, which is audited."""
        self._check(backend, actor, Extent.WHOLE_SITE)
        return actor


class NeedsSomewhere(Need):
    """For an endpoint that shows and changes what lies in the caller's zones alone."""

    def __call__(self, backend: BackendDep, actor: ActorDep) -> Actor:
        """Raises ForbiddenError, which is audited."""
        self._check(backend, actor, Extent.SOMEWHERE)
        return actor


class NeedsGateway(Need):
    """For an endpoint about one gateway: a portal of it must be in the caller's zones.

    One that is not there is refused in the same way to who is limited to zones.
    """

    def __call__(self, gateway: str, backend: BackendDep, actor: ActorDep) -> Actor:
        """Raises ForbiddenError, which is audited."""
        action = self._check(backend, actor, Extent.SOMEWHERE)
        check_gateway(backend, actor, action, gateway)
        return actor


def check_gateway(backend: Backend, actor: Actor, action: Action, gateway: str) -> None:
    """Lets pass who may see a gateway. Raises ForbiddenError, which is audited."""
    if actor.zones is None:
        return
    with backend.store.read() as connection:
        zones = places.zones_of_gateway_named(connection, gateway)
    check_sight(backend, actor, action, zones, subject=gateway[:32])


def client_of(request: Request) -> str:
    """Returns the address that a request comes from."""
    return request.client.host if request.client else ""


def browser_of(request: Request) -> str:
    """Returns what the browser calls itself."""
    return request.headers.get("user-agent", "")


def who(request: Request, backend: Backend) -> tuple[Actor, Session | None]:
    """Returns on whose behalf a request acts, and the session where it is a person's.

    Raises SignInNeededError, or ForbiddenError for a browser's change without its CSRF token.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        actor = sign_in.resume_bearer(backend, token.strip())
        if actor is None:
            raise SignInNeededError("the token is unknown or has ended")
        return actor, None
    session = session_of(request, backend)
    if session is None:
        raise SignInNeededError("sign in, or send a bearer token")
    if request.method not in _SAFE:
        check_csrf(session, request.headers.get(CSRF_HEADER))
    return session.actor, session
