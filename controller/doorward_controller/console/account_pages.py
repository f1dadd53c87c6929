"""One's own account: who one is here, where one is signed in, and the password."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward_controller.console.browsers import browser_name
from doorward_controller.console.visit import (
    GenuineSignedIn,
    GenuineWithDuties,
    SignedIn,
    SignedInWithDuties,
    Visit,
)
from doorward_controller.errors import InvalidError
from doorward_controller.queries import operators
from doorward_controller.services import own_account
from doorward_controller.services.proving import SignInRefused
from doorward_controller.services.tokens import handle_of

router = APIRouter()

Password = Annotated[str, Form(max_length=1000)]


@router.get("/account")
def account_page(visit: SignedIn) -> Response:
    """Shows who is signed in, where, and how they prove who they are."""
    session = visit.session
    idle_s = visit.backend.config.accounts.idle_minutes * 60
    store, name = visit.backend.store, visit.actor.name
    return visit.page(
        "account.html",
        idle_s=idle_s,
        this=handle_of(session.token_hash) if session else "",
        row=operators.one_operator(store, name),
        sessions=operators.sessions_of(
            store, name, now_utc_s=visit.reader.now_ms // 1000, idle_s=idle_s
        ),
        factors=operators.factors_of(store, name),
        tokens=len(operators.tokens_of(store, name)),
        browser_name=browser_name,
    )


@router.post("/account/sessions/end-others")
def end_others_act(visit: GenuineSignedIn) -> Response:
    """Ends every session but this one."""
    if visit.session is not None:
        own_account.end_other_sessions(visit.backend, visit.session)
    return visit.go("/account", done="sessions-ended")


@router.post("/account/sessions/{handle}/end")
def end_session_act(visit: GenuineSignedIn, handle: str) -> Response:
    """Ends one session."""
    if visit.session is not None:
        own_account.end_session(visit.backend, visit.session, handle)
    return visit.go("/account", done="session-ended")


@router.get("/account/password")
def password_page(visit: SignedInWithDuties) -> Response:
    """Shows the form for a new password."""
    return _password_page(visit)


@router.post("/account/password")
def password_act(
    visit: GenuineWithDuties, current: Password = "", new: Password = "", again: Password = ""
) -> Response:
    """Changes the password; other sessions end."""
    session = visit.session
    if session is None:
        return visit.go("/sign-in")
    if new != again:
        return _password_page(visit, 422, problem="password_differs")
    try:
        refused = own_account.change_password(
            visit.backend, session, current=current, new=new, client=visit.client
        )
    except InvalidError as err:
        return _password_page(visit, 422, problem=err.code)
    if refused is not None:
        return _password_page(visit, 401, refusal=refused)
    return visit.go("/account", done="password-changed")


def _password_page(
    visit: Visit, status_code: int = 200, problem: str = "", refusal: SignInRefused | None = None
) -> Response:
    session = visit.session
    return visit.page(
        "password.html",
        status_code=status_code,
        problem=problem,
        refusal=refusal,
        least=visit.backend.config.accounts.min_password_characters,
        is_due=session is not None and bool(session.duties),
    )
