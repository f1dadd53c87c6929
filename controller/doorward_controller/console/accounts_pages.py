"""Accounts of the people who run the site, for who manages them; and the matrix, for everybody."""

from collections.abc import Callable, Sequence
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward_controller.console.browsers import browser_name
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.console.words import ROLES
from doorward_controller.domain.lockout import FOREVER_UTC_S
from doorward_controller.domain.permissions import (
    LIMITABLE,
    MATRIX,
    SEPARATED,
    Action,
    Role,
    Zones,
    reach_of,
)
from doorward_controller.errors import ActError, ConflictError, InvalidError, NotFoundError
from doorward_controller.queries import operators
from doorward_controller.queries.operators import OperatorRow
from doorward_controller.services import accounts, outside_accounts, rules, tokens
from doorward_controller.services.limits_to_zones import MAX_ZONES

router = APIRouter()

WHOLE_SITE, ONLY_ZONES = "site", "zones"


@router.get("/permissions")
def permissions_page(visit: SignedIn) -> Response:
    """Shows the matrix by which everything is decided."""
    visit.require_somewhere(Action.READ_FLEET)
    return visit.page(
        "permissions.html",
        matrix=MATRIX,
        roles=tuple(Role),
        actions=tuple(Action),
        reach_of=reach_of,
        limitable=[visit.reader.gettext(ROLES[role.value]) for role in Role if role in LIMITABLE],
        separated=[
            (sorted(these, key=_order), sorted(apart, key=_order)) for these, apart in SEPARATED
        ],
    )


@router.get("/accounts")
def accounts_page(visit: SignedIn) -> Response:
    """Shows every account."""
    visit.require(Action.MANAGE_ACCOUNTS)
    visit.require_fresh()
    return _list(visit)


@router.post("/accounts")
def create_act(
    visit: GenuineSignedIn,
    name: Annotated[str, Form(max_length=200)] = "",
    role: Annotated[str, Form(max_length=20)] = "",
    extent: Annotated[str, Form(max_length=10)] = WHOLE_SITE,
    zones: Annotated[list[str] | None, Form(max_length=MAX_ZONES)] = None,
) -> Response:
    """Makes an account and shows its first password this once."""
    visit.require(Action.MANAGE_ACCOUNTS)
    visit.require_fresh()
    known = {each.value: each for each in Role}
    if role not in known:
        return _list(visit, status_code=422, problem="role_unknown", name=name)
    try:
        held = _zones(extent, zones)
        password = accounts.create_account(
            visit.backend, visit.actor, name=name, role=known[role], zones=held
        )
    except ActError as err:
        return _list(
            visit, status_code=err.status, problem=err.code, name=name, role=role, held=zones or ()
        )
    return visit.page("first_password.html", name=name, password=password)


@router.get("/accounts/{name}")
def account_page(visit: SignedIn, name: str) -> Response:
    """Shows one account and what can be done with it."""
    visit.require(Action.MANAGE_ACCOUNTS)
    visit.require_fresh()
    return _one(visit, name)


@router.get("/accounts/{name}/{rest:path}")
def back_to_account(visit: SignedIn, name: str, rest: str) -> Response:
    """Who comes back from proving who they are finds the page, not the form's address."""
    del rest
    return visit.go(f"/accounts/{quote(name, safe='')}")


@router.post("/accounts/{name}/role")
def role_act(
    visit: GenuineSignedIn, name: str, role: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """Gives somebody another role."""
    visit.require_fresh()
    known = {each.value: each for each in Role}
    if role not in known:
        return _one(visit, name, status_code=422, problem="role_unknown")
    return _do(
        visit, name, "account-changed",
        lambda: accounts.change_role(visit.backend, visit.actor, name, known[role]),
    )  # fmt: skip


@router.post("/accounts/{name}/zones")
def zones_act(
    visit: GenuineSignedIn,
    name: str,
    extent: Annotated[str, Form(max_length=10)] = "",
    zones: Annotated[list[str] | None, Form(max_length=MAX_ZONES)] = None,
) -> Response:
    """Limits somebody to the zones that are ticked, or to nothing where that is said."""
    visit.require_fresh()
    return _do(
        visit, name, "zones-changed",
        lambda: accounts.change_zones(
            visit.backend, visit.actor, name, _zones(extent, zones)
        ),
    )  # fmt: skip


@router.post("/accounts/{name}/{act}")
def account_act(visit: GenuineSignedIn, name: str, act: str) -> Response:
    """Closes, reopens, unlocks; draws a password; ends sessions; forgets second factors."""
    visit.require_fresh()
    backend, actor = visit.backend, visit.actor
    match act:
        case "close":
            return _do(
                visit, name, "account-closed",
                lambda: accounts.disable_operator(backend, actor, name),
            )  # fmt: skip
        case "unlock":
            return _do(
                visit, name, "account-unlocked",
                lambda: accounts.unlock_operator(backend, actor, name),
            )  # fmt: skip
        case "end-sessions":
            return _do(
                visit, name, "sessions-ended", lambda: accounts.end_sessions(backend, actor, name)
            )
        case "forget-second-factor":
            return _do(
                visit, name, "factor-forgotten",
                lambda: accounts.forget_second_factor(backend, actor, name),
            )  # fmt: skip
        case "unlink-outside":
            return _do(
                visit, name, "outside-unlinked",
                lambda: outside_accounts.unlink(backend, actor, name),
            )  # fmt: skip
        case "invite-outside":
            return _invited(visit, name)
        case "reopen":
            return _drawn(visit, name, lambda: accounts.reopen_operator(backend, actor, name))
        case "password":
            return _drawn(visit, name, lambda: accounts.draw_password(backend, actor, name))
    raise NotFoundError("there is no such act")


@router.post("/accounts/{name}/tokens/{handle}/revoke")
def revoke_token_act(visit: GenuineSignedIn, name: str, handle: str) -> Response:
    """Ends somebody's API token."""
    visit.require_fresh()
    return _do(
        visit, name, "token-revoked",
        lambda: tokens.revoke_token(visit.backend, visit.actor, name, handle),
    )  # fmt: skip


def _list(
    visit: Visit,
    status_code: int = 200,
    problem: str = "",
    name: str = "",
    role: str = "",
    held: Sequence[str] = (),
) -> Response:
    return visit.page(
        "accounts.html",
        status_code=status_code,
        rows=operators.all_operators(visit.backend.store),
        roles=tuple(Role),
        problem=problem,
        name=name,
        chosen=role,
        zones=rules.current(visit.backend).zones,
        held=held,
        state_of=_state(visit),
    )


def _one(visit: Visit, name: str, status_code: int = 200, problem: str = "") -> Response:
    visit.require(Action.MANAGE_ACCOUNTS)
    store, accounts_set = visit.backend.store, visit.backend.config.accounts
    row = operators.one_operator(store, name)
    if row is None:
        raise NotFoundError("there is no such account", code="no_account")
    return visit.page(
        "account_one.html",
        status_code=status_code,
        row=row,
        sessions=operators.sessions_of(
            store, name,
            now_utc_s=visit.reader.now_ms // 1000, idle_s=accounts_set.idle_minutes * 60,
        ),
        tokens=operators.tokens_of(store, name),
        roles=tuple(Role),
        zones=dict.fromkeys((*rules.current(visit.backend).zones, *(row.zones or ()))),
        is_limitable=row.role in LIMITABLE,
        oidc=visit.backend.config.oidc,
        outside=operators.outside_of(store, name),
        problem=problem,
        state=_state(visit)(row),
        is_forever=row.locked_until_utc_s == FOREVER_UTC_S,
        is_own=row.name == visit.actor.name,
        browser_name=browser_name,
    )  # fmt: skip


def _zones(extent: str, ticked: Sequence[str] | None) -> Zones:
    """Returns what a form says. Raises InvalidError for one that says both: nobody is widened so.

    Zones alone, without any ticked, are refused by the act.
    """
    if extent == ONLY_ZONES:
        return frozenset(ticked or ())
    if extent != WHOLE_SITE or ticked:
        raise InvalidError("say whether it is the site or some zones", code="zones_unclear")
    return None


def _do(visit: Visit, name: str, done: str, act: Callable[[], object]) -> Response:
    try:
        act()
    except (ConflictError, InvalidError) as err:
        return _one(visit, name, status_code=err.status, problem=err.code)
    return visit.go(f"/accounts/{quote(name, safe='')}", done=done)


def _invited(visit: Visit, name: str) -> Response:
    try:
        token = outside_accounts.invite(visit.backend, visit.actor, name)
    except ConflictError as err:
        return _one(visit, name, status_code=err.status, problem=err.code)
    link = f"{visit.backend.config.http.origin}/invited/{token}"
    return visit.page("invitation.html", name=name, link=link)


def _drawn(visit: Visit, name: str, draw: Callable[[], str]) -> Response:
    try:
        password = draw()
    except ConflictError as err:
        return _one(visit, name, status_code=err.status, problem=err.code)
    return visit.page("first_password.html", name=name, password=password)


def _state(visit: Visit) -> Callable[[OperatorRow], str]:
    now_s = visit.reader.now_ms // 1000

    def state_of(row: OperatorRow) -> str:
        if row.disabled:
            return "closed"
        if row.locked_until_utc_s > now_s:
            return "locked"
        return "invited" if row.must_change else "open"

    return state_of


def _order(action: Action) -> int:
    return list(Action).index(action)
