"""Signing in and out, the reader's language and colours, and the account page."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from doorward_controller.console.i18n import Language
from doorward_controller.console.visit import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    THEMES,
    Genuine,
    GenuineSignedIn,
    SignedIn,
    Visit,
    Visitor,
    local_path,
    set_cookie,
)
from doorward_controller.domain.permissions import MATRIX, Action, Role
from doorward_controller.services import sign_in

router = APIRouter()

_PREFERENCE_AGE_S = 365 * 86_400


@router.get("/sign-in")
def sign_in_page(visit: Visitor, to: str = "/") -> Response:
    """Shows the form; who has signed in already goes on."""
    if visit.session is not None:
        return visit.go(local_path(to))
    return visit.page("sign_in.html", to=local_path(to), refusal=None, name="")


@router.post("/sign-in")
def sign_in_act(
    visit: Genuine,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    to: Annotated[str, Form()] = "/",
) -> Response:
    """Opens a session."""
    client = visit.request.client.host if visit.request.client else ""
    result = sign_in.sign_in(visit.backend, name=name, password=password, client=client)
    if isinstance(result, sign_in.SignInRefused):
        return visit.page(
            "sign_in.html", status_code=401, to=local_path(to), refusal=result, name=name
        )
    response = visit.go(local_path(to))
    _keep_session(visit, response, result)
    return response


@router.post("/sign-out")
def sign_out_act(visit: GenuineSignedIn) -> Response:
    """Ends this session."""
    sign_in.sign_out(visit.backend, visit.request.cookies.get(sign_in.COOKIE, ""))
    response = visit.go("/sign-in", done="signed-out")
    response.delete_cookie(sign_in.COOKIE, path="/")
    return response


@router.post("/preferences")
def preferences_act(
    visit: Genuine,
    to: Annotated[str, Form()] = "/",
    language: Annotated[str, Form()] = "",
    theme: Annotated[str, Form()] = "",
) -> Response:
    """Keeps the reader's language or colours in the browser."""
    response = RedirectResponse(local_path(to), status_code=303)
    if language in {each.value for each in Language}:
        set_cookie(visit, response, LANGUAGE_COOKIE, language, max_age_s=_PREFERENCE_AGE_S)
    if theme in THEMES:
        set_cookie(visit, response, THEME_COOKIE, theme, max_age_s=_PREFERENCE_AGE_S)
    return response


@router.get("/account")
def account_page(visit: SignedIn) -> Response:
    """Shows who is signed in, what the role allows, and until when the session lasts."""
    return visit.page(
        "account.html",
        matrix=MATRIX,
        roles=tuple(Role),
        actions=tuple(Action),
        idle_s=visit.backend.config.accounts.idle_minutes * 60,
    )


def _keep_session(visit: Visit, response: Response, result: sign_in.SignedIn) -> None:
    # An age, not a date: the browser's clock may be wrong.
    age_s = result.session.expires_at_utc_s - visit.reader.now_ms // 1000
    response.set_cookie(
        sign_in.COOKIE,
        result.token,
        max_age=age_s,
        path="/",
        secure=visit.backend.config.http.secure_cookies,
        httponly=True,
        samesite="strict",
    )
