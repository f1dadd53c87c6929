"""API tokens: a program acts for an operator, within a scope, until a day."""

import re
import secrets
from collections.abc import Iterable

from doorward_controller.domain.permissions import (
    LIMITABLE,
    Action,
    Actor,
    Zones,
    for_programs,
)
from doorward_controller.errors import ForbiddenError, InvalidError, NotFoundError
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.limits_to_zones import check_zones
from doorward_controller.services.sign_in import token_hash
from doorward_controller.store import accounts, api_tokens
from doorward_controller.store.accounts import Operator
from doorward_controller.store.api_tokens import StoredToken

TOKEN_PREFIX = "dwt_"  # noqa: S105  # lets scanners of leaked secrets recognise ours
MAX_TOKEN_LIFETIME_S = 366 * 86_400
MAX_LABEL = 80
MAX_TOKENS = 50
"""Of one operator; more than that are forgotten ones."""

_HANDLE = re.compile(r"[0-9a-f]{16}")


def create_token(
    backend: Backend,
    actor: Actor,
    *,
    operator: str,
    label: str,
    lifetime_s: int,
    scope: Iterable[Action] = (),
    zones: Zones = None,
) -> str:
    """Returns a new bearer token; it is shown this once and kept as a hash.

    People make tokens for themselves alone: a system administrator who made one for somebody else
    would have that role's rights. The machine's own command line makes them for anybody.

    Args:
        backend: the controller's parts.
        actor: who makes it.
        operator: on whose behalf it will act.
        label: what it is for.
        lifetime_s: until when, from now; at most a year.
        scope: what it may do; nothing named is everything that the role may.
        zones: where it may do it; without, wherever its owner may.

    Raises:
        ForbiddenError: it is somebody else's, or the role does not allow the scope, or its owner
            is limited to other zones.
        InvalidError: label, lifetime, scope or zones are not allowed.
        NotFoundError: there is no such account.
    """
    needed = _needed(actor, operator)
    with act(backend, actor, needed, name="create_token", subject=operator[:64]) as doing:
        owner = _owner(doing, operator)
        if actor.operator_id not in {None, owner.id}:
            raise ForbiddenError("people make tokens for themselves alone", code="not_your_token")
        wanted = frozenset(scope)
        _check(label, lifetime_s)
        _check_scope(owner, wanted)
        _check_zones(owner, zones)
        if len(api_tokens.tokens_of(doing.connection, owner.id)) >= MAX_TOKENS:
            raise InvalidError(
                f"there are {MAX_TOKENS} tokens already; revoke one first", code="too_many_tokens"
            )
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        stored = StoredToken(
            token_hash=token_hash(token),
            operator_id=owner.id,
            label=label,
            scope=" ".join(sorted(wanted)),
            created_by=actor.name,
            created_at_utc_s=doing.now.utc_s,
            expires_at_utc_s=doing.now.utc_s + lifetime_s,
            used_at_utc_s=None,
            zones=accounts.zones_text(zones),
        )
        api_tokens.add_token(doing.connection, stored)
        doing.detail.update(
            label=label,
            token=handle_of(stored.token_hash),
            scope=stored.scope or "role",
            zones=stored.zones or "owner",
        )
        return token


def revoke_token(backend: Backend, actor: Actor, operator: str, handle: str) -> None:
    """Ends a token. Raises ForbiddenError or NotFoundError."""
    needed = _needed(actor, operator)
    with act(backend, actor, needed, name="revoke_token", subject=operator[:64]) as doing:
        owner = _owner(doing, operator)
        for token in api_tokens.tokens_of(doing.connection, owner.id):
            if handle_of(token.token_hash) == handle:
                api_tokens.end_token(doing.connection, token.token_hash)
                doing.detail.update(label=token.label, token=handle)
                return
        raise NotFoundError("there is no such token, or no longer", code="no_token")


def handle_of(hashed: bytes) -> str:
    """Returns by what a token or session is named: the beginning of its hash, no secret."""
    return hashed.hex()[:16]


def is_handle(text: str) -> bool:
    """Says whether a text could name a token or session."""
    return _HANDLE.fullmatch(text) is not None


def _needed(actor: Actor, operator: str) -> Action:
    is_own = actor.operator_id is not None and actor.name == operator
    return Action.OWN_ACCOUNT if is_own else Action.MANAGE_TOKENS


def _owner(doing: Act, name: str) -> Operator:
    operator = accounts.find_operator(doing.connection, name)
    if operator is None or operator.disabled:
        raise NotFoundError("there is no such account, or it is closed", code="no_account")
    return operator


def _check(label: str, lifetime_s: int) -> None:
    if not 60 <= lifetime_s <= MAX_TOKEN_LIFETIME_S:
        raise InvalidError(
            f"lifetime is {lifetime_s} s, must be 60 to {MAX_TOKEN_LIFETIME_S}",
            code="bad_lifetime",
        )
    if not (0 < len(label.strip()) <= MAX_LABEL and label.isprintable()):
        raise InvalidError(f"the label must have 1 to {MAX_LABEL} characters", code="bad_label")


def _check_scope(owner: Operator, wanted: frozenset[Action]) -> None:
    beyond = sorted(wanted - for_programs(owner.role))
    if beyond:
        raise ForbiddenError(
            f"the role {owner.role} gives no token for: {', '.join(beyond)}", code="scope_too_wide"
        )


def _check_zones(owner: Operator, zones: Zones) -> None:
    check_zones(zones)
    if zones is None:
        return
    if owner.role not in LIMITABLE:
        raise InvalidError(
            f"a token of the role {owner.role} cannot be limited to zones", code="not_limitable"
        )
    if owner.zones is not None and not zones <= owner.zones:
        raise ForbiddenError(
            f"{owner.name} is limited to {', '.join(sorted(owner.zones))}", code="zones_too_wide"
        )
