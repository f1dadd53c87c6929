"""Second factors of one's own account: authenticator, passkeys, recovery codes."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response
from markupsafe import Markup

from doorward_controller.console.sign_in_pages import (
    Answer,
    Short,
    ceremony,
    parsed,
    place_of,
)
from doorward_controller.console.visit import GenuineWithDuties, SignedInWithDuties, Visit
from doorward_controller.domain import one_time_codes
from doorward_controller.errors import ActError, InvalidError
from doorward_controller.queries import operators
from doorward_controller.services import codes, own_account, passkeys

router = APIRouter(prefix="/account/second-factor")


@router.get("")
def factors_page(visit: SignedInWithDuties) -> Response:
    """Shows which second factors there are, and how to add one."""
    visit.require_fresh()
    return _page(visit)


@router.post("/totp")
def begin_totp_act(visit: GenuineWithDuties) -> Response:
    """Shows a new secret as a code to scan, and asks for the first six digits."""
    session = visit.require_fresh()
    token, secret = own_account.begin_totp(visit.backend, session)
    return _enrolment(visit, token, secret, "")


@router.post("/totp/confirm")
def finish_totp_act(visit: GenuineWithDuties, token: Short = "", code: Short = "") -> Response:
    """Turns the authenticator on when its first code is right."""
    session = visit.require_fresh()
    try:
        drawn = own_account.finish_totp(visit.backend, session, token=token, code=code)
    except InvalidError as err:
        secret = own_account.begun_totp(visit.backend, session, token)
        return _enrolment(visit, token, secret, err.code)
    return _after(visit, drawn, "authenticator-added")


@router.post("/totp/remove")
def remove_totp_act(visit: GenuineWithDuties) -> Response:
    """Forgets the authenticator."""
    own_account.remove_totp(visit.backend, visit.require_fresh())
    return visit.go("/account/second-factor", done="factor-removed")


@router.post("/recovery-codes")
def recovery_act(visit: GenuineWithDuties) -> Response:
    """Shows new recovery codes; the old ones end."""
    drawn = own_account.new_recovery_codes(visit.backend, visit.require_fresh())
    return visit.page("recovery_codes.html", codes=drawn)


@router.post("/passkeys/begin")
def begin_passkey_act(visit: GenuineWithDuties) -> Response:
    """Returns what the browser needs to make a passkey."""
    session = visit.require_fresh()
    return ceremony(passkeys.begin_adding(visit.backend, session, place_of(visit)))


@router.post("/passkeys")
def finish_passkey_act(
    visit: GenuineWithDuties,
    token: Short = "",
    answer: Answer = "",
    label: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Keeps a new passkey."""
    session = visit.require_fresh()
    try:
        drawn = passkeys.finish_adding(
            visit.backend, session, place_of(visit),
            token=token, answer=parsed(answer), label=label,
        )  # fmt: skip
    except ActError as err:
        return _page(visit, status_code=err.status, problem=err.code)
    return _after(visit, drawn, "passkey-added")


@router.post("/passkeys/{handle}/remove")
def remove_passkey_act(visit: GenuineWithDuties, handle: str) -> Response:
    """Forgets one passkey."""
    passkeys.remove(visit.backend, visit.require_fresh(), handle)
    return visit.go("/account/second-factor", done="factor-removed")


@router.get("/{rest:path}")
def back_to_page(visit: SignedInWithDuties, rest: str) -> Response:
    """Who comes back from proving who they are finds the page, not the form's address."""
    del rest
    return visit.go("/account/second-factor")


def _page(visit: Visit, status_code: int = 200, problem: str = "") -> Response:
    session = visit.session
    return visit.page(
        "second_factor.html",
        status_code=status_code,
        factors=operators.factors_of(visit.backend.store, visit.actor.name),
        handle_of=passkeys.handle_of,
        is_due=session is not None and bool(session.duties),
        is_required=visit.actor.role.value in visit.backend.config.accounts.second_factor_roles,
        problem=problem,
    )


def _enrolment(visit: Visit, token: str, secret: bytes, problem: str) -> Response:
    issuer = f"Doorward {visit.backend.config.site}"
    link = one_time_codes.link(secret, account=visit.actor.name, issuer=issuer)
    return visit.page(
        "authenticator.html",
        status_code=422 if problem else 200,
        token=token,
        picture=Markup(codes.draw_link(link)),  # noqa: S704  # drawn by us
        secret=one_time_codes.typed_form(secret),
        problem=problem,
    )


def _after(visit: Visit, drawn: Sequence[str], done: str) -> Response:
    if drawn:
        return visit.page("recovery_codes.html", codes=drawn)
    return visit.go("/account/second-factor", done=done)
