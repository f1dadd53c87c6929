"""Signing in by an account of the organisation: sent away, back again, and invited to.

The provider sends the browser here from its own site, where our cookies for signed-in people are
not sent along. So the way out has a cookie of its own, and the way back ends in a page of ours that
goes on by itself.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, Response

from doorward_controller.console.visit import SignedInWithDuties, Visit, Visitor, local_path
from doorward_controller.console.visit import set_cookie as set_strict_cookie
from doorward_controller.errors import NotFoundError
from doorward_controller.services import outside_sign_in, sign_in
from doorward_controller.services.outside_provider import CALLBACK
from doorward_controller.services.outside_sign_in import Answer, Begun, Proved
from doorward_controller.services.proving import SignInRefused

router = APIRouter()

Text = Annotated[str, Query(max_length=4096)]
Token = Annotated[str, Query(max_length=100)]


@router.get("/sign-in/outside")
def begin(visit: Visitor, to: str = "/", invitation: Token = "") -> Response:
    """Sends the reader to the provider."""
    begun = outside_sign_in.begin(visit.backend, to=local_path(to), invitation=invitation)
    return _away(visit, begun, local_path(to))


@router.get("/confirm/outside")
def prove(visit: SignedInWithDuties, to: str = "/account") -> Response:
    """Sends who has signed in to the provider, to prove again who they are."""
    begun = outside_sign_in.begin(visit.backend, to=local_path(to), session=visit.session)
    return _away(visit, begun, local_path(to))


@router.get(CALLBACK)
def back(
    visit: Visitor,
    state: Text = "",
    code: Text = "",
    iss: Annotated[str | None, Query(max_length=1000)] = None,
    error: Text = "",
) -> Response:
    """Takes the provider's answer, once."""
    outside_sign_in.provider_of(visit.backend)
    finished = outside_sign_in.finish(
        visit.backend,
        token=visit.request.cookies.get(outside_sign_in.COOKIE, ""),
        answer=Answer(state=state, code=code, issuer=iss, error=error),
        client=visit.client,
        browser=visit.browser,
    )
    response = _arrived(visit, finished.result, local_path(finished.to))
    response.delete_cookie(outside_sign_in.COOKIE, path="/")
    return response


@router.get("/invited/{token}")
def invited_page(visit: Visitor, token: str) -> Response:
    """Says whose account here is going to be linked."""
    outside_sign_in.provider_of(visit.backend)
    name = outside_sign_in.invited(visit.backend, token[:100])
    if name is None:
        raise NotFoundError("this invitation does not count, or no longer", code="no_invitation")
    return visit.page("invited.html", name=name, token=token)


def _away(visit: Visit, begun: Begun | SignInRefused, to: str) -> Response:
    if isinstance(begun, SignInRefused):
        return _refused(visit, begun, to)
    response = RedirectResponse(begun.address, status_code=303)
    response.headers["Cache-Control"] = "no-store"
    response.set_cookie(
        outside_sign_in.COOKIE,
        begun.token,
        max_age=sign_in.STEP_S,
        path="/",
        secure=visit.backend.config.http.secure_cookies,
        httponly=True,
        # Sent along when the provider's site leads back here; it opens nothing by itself.
        samesite="lax",
    )
    return response


def _arrived(
    visit: Visit,
    result: sign_in.SignedIn | sign_in.SecondFactorNeeded | SignInRefused | Proved,
    to: str,
) -> Response:
    if isinstance(result, SignInRefused):
        return _refused(visit, result, to)
    if isinstance(result, sign_in.SecondFactorNeeded):
        response = _go_on(visit, "/sign-in/second", to)
        set_strict_cookie(
            visit, response, sign_in.STEP_COOKIE, result.token, max_age_s=sign_in.STEP_S
        )
        return response
    response = _go_on(visit, to, "")
    if isinstance(result, sign_in.SignedIn):
        age_s = result.session.expires_at_utc_s - visit.reader.now_ms // 1000
        set_strict_cookie(visit, response, sign_in.COOKIE, result.token, max_age_s=age_s)
    return response


def _go_on(visit: Visit, path: str, to: str) -> Response:
    """A page and no redirection: only from a page of ours the browser sends our own cookies."""
    return visit.page("outside_done.html", path=path, to=to)


def _refused(visit: Visit, refusal: SignInRefused, to: str) -> Response:
    if visit.session is not None:
        return visit.page("confirm.html", status_code=401, to=to, refusal=refusal)
    return visit.page("sign_in.html", status_code=401, to=to, refusal=refusal, name="")
