"""Signing in and out: password, second factor, passkey; proving again who one is; preferences."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import JSONResponse, RedirectResponse, Response

from doorward_controller.console.i18n import Language
from doorward_controller.console.visit import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    THEMES,
    Genuine,
    GenuineWithDuties,
    SignedInWithDuties,
    Visit,
    Visitor,
    local_path,
    set_cookie,
)
from doorward_controller.services import passkeys, sign_in
from doorward_controller.services.passkeys import Ceremony, Place
from doorward_controller.services.proving import SignInRefusal, SignInRefused

router = APIRouter()

_PREFERENCE_AGE_S = 365 * 86_400
MAX_ANSWER = 20_000
Answer = Annotated[str, Form(max_length=MAX_ANSWER)]
Short = Annotated[str, Form(max_length=100)]


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
    """Opens a session, or asks for the second factor."""
    result = sign_in.sign_in(
        visit.backend, name=name, password=password, client=visit.client, browser=visit.browser
    )
    if isinstance(result, sign_in.SignInRefused):
        return visit.page(
            "sign_in.html", status_code=401, to=local_path(to), refusal=result, name=name
        )
    if isinstance(result, sign_in.SecondFactorNeeded):
        asked = visit.go("/sign-in/second", to=local_path(to))
        set_cookie(visit, asked, sign_in.STEP_COOKIE, result.token, max_age_s=sign_in.STEP_S)
        return asked
    return _signed_in(visit, result, to)


@router.get("/sign-in/second")
def second_page(visit: Visitor, to: str = "/") -> Response:
    """Asks for a code of the authenticator, or a passkey, or a recovery code."""
    if sign_in.STEP_COOKIE not in visit.request.cookies:
        return visit.go("/sign-in", to=local_path(to))
    return visit.page("sign_in_second.html", to=local_path(to), refusal=None)


@router.post("/sign-in/second")
def second_act(visit: Genuine, code: Short = "", to: Annotated[str, Form()] = "/") -> Response:
    """Opens a session by the code."""
    token = visit.request.cookies.get(sign_in.STEP_COOKIE, "")
    result = sign_in.finish(
        visit.backend, token=token, code=code, client=visit.client, browser=visit.browser
    )
    if isinstance(result, sign_in.SignedIn):
        return _signed_in(visit, result, to)
    if result.reason is SignInRefusal.OVER:
        return visit.page(
            "sign_in.html", status_code=401, to=local_path(to), refusal=result, name=""
        )
    return visit.page("sign_in_second.html", status_code=401, to=local_path(to), refusal=result)


@router.post("/sign-in/passkey/begin")
def passkey_begin(visit: Genuine) -> Response:
    """Returns what the browser needs to use a passkey."""
    return ceremony(passkeys.begin_proving(visit.backend, place_of(visit)))


@router.post("/sign-in/passkey")
def passkey_act(
    visit: Genuine, token: Short = "", answer: Answer = "", to: Annotated[str, Form()] = "/"
) -> Response:
    """Opens a session by a passkey; no name and no password are needed."""
    result = passkeys.sign_in_with(
        visit.backend,
        place_of(visit),
        token=token,
        answer=parsed(answer),
        client=visit.client,
        browser=visit.browser,
    )
    if isinstance(result, SignInRefused):
        return visit.page(
            "sign_in.html", status_code=401, to=local_path(to), name="",
            refusal=result, by_passkey=True,
        )  # fmt: skip
    return _signed_in(visit, result, to)


@router.get("/confirm")
def confirm_page(visit: SignedInWithDuties, to: str = "/account") -> Response:
    """Asks again who the reader is, before something sensitive."""
    return visit.page("confirm.html", to=local_path(to), refusal=None)


@router.post("/confirm")
def confirm_act(
    visit: GenuineWithDuties,
    proof: Annotated[str, Form(max_length=1000)] = "",
    to: Annotated[str, Form()] = "/account",
) -> Response:
    """Goes on when the code or the password is right."""
    if visit.session is None:
        return visit.go("/sign-in")
    refused = sign_in.confirm(visit.backend, visit.session, proof, visit.client)
    if refused is not None:
        return visit.page("confirm.html", status_code=401, to=local_path(to), refusal=refused)
    return visit.go(local_path(to))


@router.post("/confirm/passkey")
def confirm_passkey_act(
    visit: GenuineWithDuties,
    token: Short = "",
    answer: Answer = "",
    to: Annotated[str, Form()] = "/account",
) -> Response:
    """Goes on when the passkey is the reader's own."""
    if visit.session is None:
        return visit.go("/sign-in")
    place = place_of(visit)
    is_theirs = passkeys.confirm_with(
        visit.backend, visit.session, place, token=token, answer=parsed(answer)
    )
    if not is_theirs:
        refused = SignInRefused(reason=SignInRefusal.WRONG)
        return visit.page("confirm.html", status_code=401, to=local_path(to), refusal=refused)
    return visit.go(local_path(to))


@router.post("/sign-out")
def sign_out_act(visit: GenuineWithDuties) -> Response:
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


def place_of(visit: Visit) -> Place:
    """Returns where this browser finds the console."""
    return passkeys.place_of(visit.backend, visit.request.headers.get("host", ""))


def ceremony(begun: Ceremony) -> Response:
    """Returns what the page's script hands to the browser."""
    return JSONResponse(
        {"token": begun.token, "options": begun.options}, headers={"Cache-Control": "no-store"}
    )


def parsed(answer: str) -> Mapping[str, Any]:
    """Returns the browser's answer; empty when it is none."""
    try:
        value = json.loads(answer)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _signed_in(visit: Visit, result: sign_in.SignedIn, to: str) -> Response:
    response = visit.go(local_path(to))
    # An age, not a date: the browser's clock may be wrong.
    age_s = result.session.expires_at_utc_s - visit.reader.now_ms // 1000
    set_cookie(visit, response, sign_in.COOKIE, result.token, max_age_s=age_s)
    response.delete_cookie(sign_in.STEP_COOKIE, path="/")
    return response
