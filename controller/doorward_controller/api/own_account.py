"""What people do with their own account. Programs cannot: a token makes no further tokens."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from doorward_controller.api.accounts import ZoneList, newest_token_first
from doorward_controller.api.deps import (
    BackendDep,
    DutyFirstError,
    Fresh,
    OwnSession,
    client_of,
)
from doorward_controller.api.paging import Paging
from doorward_controller.api.session import refusal
from doorward_controller.domain import one_time_codes
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import operators
from doorward_controller.queries.operators import SessionRow, TokenRow
from doorward_controller.queries.paging import Page
from doorward_controller.services import own_account, passkeys, tokens

router = APIRouter(tags=["own account"], prefix="/account")

DAY_S = 86_400


class PasswordBody(BaseModel):
    """The password of now, and the one from now on."""

    current: str = Field(max_length=1024)
    new: str = Field(max_length=1024)


class PasskeyBody(BaseModel):
    """A passkey, named by its handle. A browser adds one: it has to talk to the key itself."""

    handle: str
    label: str
    created_at_utc_s: int
    used_at_utc_s: int | None


class FactorsBody(BaseModel):
    """How one can prove who one is beside the password."""

    has_authenticator: bool
    passkeys: list[PasskeyBody]
    recovery_codes: int


class BegunBody(BaseModel):
    """What an authenticator needs, shown this once; `token` comes back with its first code."""

    token: str
    secret: str
    link: str


class CodeBody(BaseModel):
    """The first code of a new authenticator."""

    token: str = Field(max_length=100)
    code: str = Field(max_length=20)


class CodesBody(BaseModel):
    """Recovery codes, shown this once; each is good for one sign-in."""

    recovery_codes: list[str]


class TokenBody(BaseModel):
    """A token to make: what for, for how many days, which actions and in which zones.

    No actions are all of the role, no zones are those of its owner.
    """

    label: str = Field(max_length=80)
    days: Annotated[int, Field(ge=1, le=366)] = 90
    scope: list[Action] = Field(default_factory=list, max_length=len(Action))
    zones: ZoneList | None = None


class MadeToken(BaseModel):
    """A bearer token, shown this once."""

    token: str


class EndedBody(BaseModel):
    """How many sessions were ended."""

    ended: int


@router.put("/password", status_code=204)
def change_password(
    body: PasswordBody, request: Request, backend: BackendDep, session: OwnSession
) -> None:
    """Changes the password; every other session ends."""
    result = own_account.change_password(
        backend, session, current=body.current, new=body.new, client=client_of(request)
    )
    if result is not None:
        raise refusal(result)


@router.get("/sessions")
def sessions(backend: BackendDep, session: OwnSession, paging: Paging) -> Page[SessionRow]:
    """Returns where one is signed in, the newest first."""
    found = operators.sessions_of(
        backend.store,
        session.actor.name,
        now_utc_s=backend.clock.now().utc_s,
        idle_s=backend.config.accounts.idle_minutes * 60,
    )
    return paging.part_of(found, lambda row: (-row.began_at_utc_s, row.handle))


@router.delete("/sessions")
def end_others(backend: BackendDep, session: OwnSession) -> EndedBody:
    """Ends every session but this one."""
    return EndedBody(ended=own_account.end_other_sessions(backend, session))


@router.delete("/sessions/{handle}", status_code=204)
def end_session(handle: str, backend: BackendDep, session: OwnSession) -> None:
    """Ends one session."""
    own_account.end_session(backend, session, handle)


@router.get("/second-factor")
def second_factor(backend: BackendDep, session: OwnSession) -> FactorsBody:
    """Says which second factors one has."""
    found = operators.factors_of(backend.store, session.actor.name)
    return FactorsBody(
        has_authenticator=found.has_authenticator,
        passkeys=[
            PasskeyBody(
                handle=passkeys.handle_of(key.credential_id),
                label=key.label,
                created_at_utc_s=key.created_at_utc_s,
                used_at_utc_s=key.used_at_utc_s,
            )
            for key in found.passkeys
        ],
        recovery_codes=found.recovery_codes,
    )


@router.post("/totp", dependencies=[Fresh])
def begin_totp(backend: BackendDep, session: OwnSession) -> BegunBody:
    """Draws a secret for an authenticator. It counts once its first code has come back."""
    token, secret = own_account.begin_totp(backend, session)
    issuer = f"Doorward {backend.config.site}"
    return BegunBody(
        token=token,
        secret=one_time_codes.typed_form(secret),
        link=one_time_codes.link(secret, account=session.actor.name, issuer=issuer),
    )


@router.post("/totp/confirm", dependencies=[Fresh])
def finish_totp(body: CodeBody, backend: BackendDep, session: OwnSession) -> CodesBody:
    """Turns the authenticator on. Recovery codes come with the first second factor."""
    codes = own_account.finish_totp(backend, session, token=body.token, code=body.code)
    return CodesBody(recovery_codes=list(codes))


@router.delete("/totp", status_code=204, dependencies=[Fresh])
def remove_totp(backend: BackendDep, session: OwnSession) -> None:
    """Forgets the authenticator."""
    own_account.remove_totp(backend, session)


@router.delete("/passkeys/{handle}", status_code=204, dependencies=[Fresh])
def remove_passkey(handle: str, backend: BackendDep, session: OwnSession) -> None:
    """Forgets a passkey."""
    passkeys.remove(backend, session, handle)


@router.post("/recovery-codes", dependencies=[Fresh])
def recovery_codes(backend: BackendDep, session: OwnSession) -> CodesBody:
    """Draws new recovery codes; the old ones end."""
    return CodesBody(recovery_codes=list(own_account.new_recovery_codes(backend, session)))


@router.get("/tokens")
def own_tokens(backend: BackendDep, session: OwnSession, paging: Paging) -> Page[TokenRow]:
    """Returns one's own API tokens, without their secrets, the newest first."""
    found = operators.tokens_of(backend.store, session.actor.name)
    return paging.part_of(found, newest_token_first)


@router.post("/tokens", status_code=201, dependencies=[Fresh])
def create_token(body: TokenBody, backend: BackendDep, session: OwnSession) -> MadeToken:
    """Makes an API token for oneself."""
    if session.duties:
        raise DutyFirstError(session.duties[0])
    token = tokens.create_token(
        backend,
        session.actor,
        operator=session.actor.name,
        label=body.label,
        lifetime_s=body.days * DAY_S,
        scope=body.scope,
        zones=None if body.zones is None else frozenset(body.zones),
    )
    return MadeToken(token=token)


@router.delete("/tokens/{handle}", status_code=204)
def revoke_token(handle: str, backend: BackendDep, session: OwnSession) -> None:
    """Ends one of one's own API tokens."""
    tokens.revoke_token(backend, session.actor, session.actor.name, handle)
