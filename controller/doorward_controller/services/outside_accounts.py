"""Outside accounts of operators: an administrator invites, the invited links, either ends it.

Nothing links itself: neither a name nor an e-mail address there says who somebody is here.
"""

import secrets

from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import ConflictError, NotFoundError
from doorward_controller.services.accounts import open_operator, shown_name
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.services.sign_in import token_hash
from doorward_controller.store import operator_sessions, outside_accounts
from doorward_controller.store.outside_accounts import Invitation

INVITED_S = 72 * 3600


def invite(backend: Backend, actor: Actor, name: str) -> str:
    """Returns a token by which somebody links their outside account; shown this once.

    Raises ForbiddenError, NotFoundError or ConflictError.
    """
    token, subject = secrets.token_urlsafe(32), shown_name(name)
    with act(
        backend, actor, Action.MANAGE_ACCOUNTS, name="invite_outside_account", subject=subject
    ) as doing:
        if not backend.config.oidc.is_on:
            raise ConflictError("no provider is set ([oidc] in the settings)", code="oidc_off")
        operator = open_operator(doing.connection, name)
        if outside_accounts.of_operator(doing.connection, operator.id) is not None:
            raise ConflictError(
                f"{subject} has an outside account; unlink it first", code="linked_already"
            )
        made = Invitation(
            operator_id=operator.id,
            invited_by=actor.name,
            expires_at_utc_s=doing.now.utc_s + INVITED_S,
        )
        outside_accounts.invite(doing.connection, token_hash(token), made)
    return token


def unlink(backend: Backend, actor: Actor, name: str) -> None:
    """Forgets an outside account and what invites to one; every session ends.

    Raises ForbiddenError or NotFoundError.
    """
    subject = shown_name(name)
    with act(
        backend, actor, Action.MANAGE_ACCOUNTS, name="unlink_outside_account", subject=subject
    ) as doing:
        operator = open_operator(doing.connection, name)
        held = outside_accounts.of_operator(doing.connection, operator.id)
        if held is None:
            raise NotFoundError(f"{subject} has no outside account", code="not_linked")
        outside_accounts.remove(doing.connection, operator.id)
        operator_sessions.end_sessions_of(doing.connection, operator.id)
        doing.detail["issuer"] = held.issuer
