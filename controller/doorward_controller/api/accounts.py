"""Accounts of the people who run the site, and what each role may do."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, Fresh, Needs, NeedsSomewhere
from doorward_controller.api.paging import Paging
from doorward_controller.api.versions import ACCOUNT, Changes, Shows
from doorward_controller.domain.cursors import Place
from doorward_controller.domain.permissions import (
    LIMITABLE,
    MATRIX,
    SEPARATED,
    Action,
    Reach,
    Role,
    reach_of,
)
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import operators
from doorward_controller.queries.operators import OperatorRow, OutsideRow, TokenRow
from doorward_controller.queries.paging import Page
from doorward_controller.services import accounts, outside_accounts, tokens
from doorward_controller.services.limits_to_zones import MAX_ZONES

router = APIRouter(tags=["accounts"])
manages = Depends(Needs(Action.MANAGE_ACCOUNTS))
manages_tokens = Depends(Needs(Action.MANAGE_TOKENS))


ZoneList = Annotated[
    list[Annotated[str, Field(max_length=32)]], Field(min_length=1, max_length=MAX_ZONES)
]


class NewAccount(BaseModel):
    """Somebody who starts to work here; without zones, on the whole site."""

    name: str = Field(max_length=64)
    role: Role
    zones: ZoneList | None = None


class ZonesBody(BaseModel):
    """Where somebody works from now on; null for the whole site."""

    zones: ZoneList | None


class RoleBody(BaseModel):
    """What somebody is employed to do from now on."""

    role: Role


class FirstPassword(BaseModel):
    """A password that was drawn, shown this once; its owner must change it at once."""

    name: str
    password: str


class InvitationBody(BaseModel):
    """Where the invited go to, below the console's address."""

    path: str


class EndedBody(BaseModel):
    """How many sessions were ended."""

    ended: int


class SeparationBody(BaseModel):
    """Who may do one of the first may do none of the second."""

    these: list[Action]
    exclude: list[Action]


class MatrixBody(BaseModel):
    """Everything that a permission is needed for, who has it, and which duties are kept apart.

    `reach` says of each action whether it can be limited to zones (`place`), is for who has the
    whole site (`site`), or concerns nobody else (`own`); `limitable` are the roles that can be.
    """

    actions: list[Action]
    roles: dict[Role, list[Action]]
    reach: dict[Action, Reach]
    limitable: list[Role]
    separated: list[SeparationBody]


@router.get("/permissions", dependencies=[Depends(NeedsSomewhere(Action.READ_FLEET))])
def matrix() -> MatrixBody:
    """Returns the matrix of role, action and reach by which everything here is decided."""
    return MatrixBody(
        actions=list(Action),
        roles={role: sorted(MATRIX[role]) for role in Role},
        reach={action: reach_of(action) for action in Action},
        limitable=sorted(LIMITABLE),
        separated=[
            SeparationBody(these=sorted(these), exclude=sorted(exclude))
            for these, exclude in SEPARATED
        ],
    )


@router.get("/accounts", dependencies=[manages])
def listed(backend: BackendDep, paging: Paging) -> Page[OperatorRow]:
    """Returns accounts by name, closed ones too."""
    return paging.part_of(operators.all_operators(backend.store), lambda row: (row.name,))


@router.post("/accounts", status_code=201, dependencies=[manages, Fresh])
def create(body: NewAccount, backend: BackendDep, actor: ActorDep) -> FirstPassword:
    """Makes an account and draws its first password."""
    zones = None if body.zones is None else frozenset(body.zones)
    password = accounts.create_account(backend, actor, name=body.name, role=body.role, zones=zones)
    return FirstPassword(name=body.name, password=password)


@router.get("/accounts/{name}", dependencies=[manages, Shows(ACCOUNT)])
def shown(name: str, backend: BackendDep) -> OperatorRow:
    """Returns one account."""
    row = operators.one_operator(backend.store, name)
    if row is None:
        raise NotFoundError("there is no such account", code="no_account")
    return row


@router.put(
    "/accounts/{name}/role", status_code=204, dependencies=[manages, Fresh, Changes(ACCOUNT)]
)
def change_role(name: str, body: RoleBody, backend: BackendDep, actor: ActorDep) -> None:
    """Gives somebody another role; their sessions and tokens end."""
    accounts.change_role(backend, actor, name, body.role)


@router.put(
    "/accounts/{name}/zones", status_code=204, dependencies=[manages, Fresh, Changes(ACCOUNT)]
)
def change_zones(name: str, body: ZonesBody, backend: BackendDep, actor: ActorDep) -> None:
    """Limits somebody to zones, or to nothing; their sessions and tokens end."""
    zones = None if body.zones is None else frozenset(body.zones)
    accounts.change_zones(backend, actor, name, zones)


@router.post(
    "/accounts/{name}/close", status_code=204, dependencies=[manages, Fresh, Changes(ACCOUNT)]
)
def close(name: str, backend: BackendDep, actor: ActorDep) -> None:
    """Closes an account; its sessions and tokens end."""
    accounts.disable_operator(backend, actor, name)


@router.post("/accounts/{name}/reopen", dependencies=[manages, Fresh, Changes(ACCOUNT)])
def reopen(name: str, backend: BackendDep, actor: ActorDep) -> FirstPassword:
    """Opens a closed account with a new first password."""
    return FirstPassword(name=name, password=accounts.reopen_operator(backend, actor, name))


@router.post(
    "/accounts/{name}/unlock", status_code=204, dependencies=[manages, Fresh, Changes(ACCOUNT)]
)
def unlock(name: str, backend: BackendDep, actor: ActorDep) -> None:
    """Opens an account that wrong passwords have locked."""
    accounts.unlock_operator(backend, actor, name)


@router.post("/accounts/{name}/password", dependencies=[manages, Fresh, Changes(ACCOUNT)])
def draw_password(name: str, backend: BackendDep, actor: ActorDep) -> FirstPassword:
    """Draws a new first password; sessions and tokens end."""
    return FirstPassword(name=name, password=accounts.draw_password(backend, actor, name))


@router.delete("/accounts/{name}/sessions", dependencies=[manages, Fresh])
def end_sessions(name: str, backend: BackendDep, actor: ActorDep) -> EndedBody:
    """Ends every session of an account."""
    return EndedBody(ended=accounts.end_sessions(backend, actor, name))


@router.delete(
    "/accounts/{name}/second-factor",
    status_code=204,
    dependencies=[manages, Fresh, Changes(ACCOUNT)],
)
def forget_second_factor(name: str, backend: BackendDep, actor: ActorDep) -> None:
    """Forgets the second factors of somebody who has lost them; sessions end."""
    accounts.forget_second_factor(backend, actor, name)


@router.get("/accounts/{name}/outside-account", dependencies=[manages])
def outside_account(name: str, backend: BackendDep) -> OutsideRow:
    """Returns by which account of the organisation somebody signs in."""
    found = operators.outside_of(backend.store, name)
    if found is None:
        raise NotFoundError("there is no such account, or it is not linked", code="not_linked")
    return found


@router.post("/accounts/{name}/outside-invitation", status_code=201, dependencies=[manages, Fresh])
def invite(name: str, backend: BackendDep, actor: ActorDep) -> InvitationBody:
    """Makes a link, shown this once, by which somebody links their account there."""
    return InvitationBody(path=f"/invited/{outside_accounts.invite(backend, actor, name)}")


@router.delete("/accounts/{name}/outside-account", status_code=204, dependencies=[manages, Fresh])
def unlink(name: str, backend: BackendDep, actor: ActorDep) -> None:
    """Forgets the link; sessions end."""
    outside_accounts.unlink(backend, actor, name)


@router.get("/accounts/{name}/tokens", dependencies=[manages_tokens])
def tokens_of(name: str, backend: BackendDep, paging: Paging) -> Page[TokenRow]:
    """Returns somebody's API tokens, without their secrets, the newest first."""
    return paging.part_of(operators.tokens_of(backend.store, name), newest_token_first)


@router.delete(
    "/accounts/{name}/tokens/{handle}", status_code=204, dependencies=[manages_tokens, Fresh]
)
def revoke_token(name: str, handle: str, backend: BackendDep, actor: ActorDep) -> None:
    """Ends somebody's API token."""
    tokens.revoke_token(backend, actor, name, handle)


def newest_token_first(row: TokenRow) -> Place:
    """Where a token stands in a list."""
    return -row.created_at_utc_s, row.handle
