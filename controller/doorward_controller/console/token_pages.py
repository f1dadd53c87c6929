"""API tokens of one's own account."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import LIMITABLE, Action, Extent, allows, for_programs
from doorward_controller.errors import ActError
from doorward_controller.queries import operators
from doorward_controller.services import rules, tokens
from doorward_controller.services.limits_to_zones import MAX_ZONES

router = APIRouter(prefix="/account/tokens")

DAY_S = 86_400
LIFETIMES_DAYS = (7, 30, 90, 180, 365)


@router.get("")
def tokens_page(visit: SignedIn) -> Response:
    """Shows one's tokens, and the form for a new one."""
    visit.require_fresh()
    return _page(visit)


@router.post("")
def create_token_act(
    visit: GenuineSignedIn,
    label: Annotated[str, Form(max_length=200)] = "",
    days: Annotated[int, Form(ge=1, le=366)] = 90,
    scope: Annotated[list[str] | None, Form()] = None,
    zones: Annotated[list[str] | None, Form(max_length=MAX_ZONES)] = None,
) -> Response:
    """Makes a token and shows it this once."""
    session = visit.require_fresh()
    known = {action.value: action for action in Action}
    wanted = [known[name] for name in scope or () if name in known]
    if not wanted:
        return _page(visit, status_code=422, problem="scope_empty", label=label)
    try:
        token = tokens.create_token(
            visit.backend, session.actor, operator=session.actor.name,
            label=label, lifetime_s=days * DAY_S, scope=wanted,
            zones=frozenset(zones) if zones else None,
        )  # fmt: skip
    except ActError as err:
        return _page(visit, status_code=err.status, problem=err.code, label=label)
    return visit.page("token_made.html", token=token, label=label)


@router.post("/{handle}/revoke")
def revoke_token_act(visit: GenuineSignedIn, handle: str) -> Response:
    """Ends a token."""
    tokens.revoke_token(visit.backend, visit.actor, visit.actor.name, handle)
    return visit.go("/account/tokens", done="token-revoked")


def _zones(visit: Visit) -> Sequence[str]:
    """To what a token can be limited: one's own zones, or those of the rules."""
    if visit.actor.role not in LIMITABLE:
        return ()
    return rules.current(visit.backend).zones if visit.zones is None else sorted(visit.zones)


def _page(visit: Visit, status_code: int = 200, problem: str = "", label: str = "") -> Response:
    allowed = for_programs(visit.actor.role)
    return visit.page(
        "tokens.html",
        status_code=status_code,
        rows=operators.tokens_of(visit.backend.store, visit.actor.name),
        actions=[
            action
            for action in Action
            if action in allowed and allows(visit.actor, action, Extent.SOMEWHERE)
        ],
        zones=_zones(visit),
        lifetimes=LIFETIMES_DAYS,
        problem=problem,
        label=label,
        now_s=visit.reader.now_ms // 1000,
    )
