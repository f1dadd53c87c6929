"""Accounts of the people who run the site: made, changed, closed by who manages them."""

import sqlalchemy as sa

from doorward.errors import BadIdError
from doorward.ids import parse_name
from doorward_controller.domain.permissions import LIMITABLE, Action, Actor, Role, Zones
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import passwords
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.limits_to_zones import check_zones
from doorward_controller.services.tokens import create_token
from doorward_controller.store import (
    accounts,
    api_tokens,
    operator_sessions,
    outside_accounts,
    second_factors,
)
from doorward_controller.store.accounts import Operator

__all__ = ["create_token"]

_CHARACTERS_SHOWN = 64


def create_operator(
    backend: Backend,
    actor: Actor,
    *,
    name: str,
    password: str,
    role: Role,
    zones: Zones = None,
) -> int:
    """Returns the id of a new account with a password that its owner has chosen.

    Raises ForbiddenError, InvalidError or ConflictError.
    """
    return _create(backend, actor, name, password, role, zones, must_change=False)


def create_account(
    backend: Backend, actor: Actor, *, name: str, role: Role, zones: Zones = None
) -> str:
    """Returns the first password of a new account, shown this once and to be changed at once.

    Raises ForbiddenError, InvalidError or ConflictError.
    """
    password = passwords.draw()
    _create(backend, actor, name, password, role, zones, must_change=True)
    return password


def set_password(backend: Backend, actor: Actor, name: str, password: str) -> None:
    """Sets a password that its owner has chosen, and ends every session and token.

    Raises ForbiddenError, InvalidError or NotFoundError.
    """
    subject = shown_name(name)
    with act(backend, actor, Action.MANAGE_ACCOUNTS, name="set_password", subject=subject) as doing:
        operator = open_operator(doing.connection, name)
        passwords.check(backend.config, name, password)
        _give_password(doing, operator, password, must_change=False)


def draw_password(backend: Backend, actor: Actor, name: str) -> str:
    """Returns a new first password, shown this once; the old one and every session end.

    Raises ForbiddenError, NotFoundError or ConflictError.
    """
    subject, password = shown_name(name), passwords.draw()
    with act(
        backend, actor, Action.MANAGE_ACCOUNTS, name="draw_password", subject=subject
    ) as doing:
        operator = open_operator(doing.connection, name)
        _refuse_own(actor, operator, "nobody resets their own password; change it instead")
        _give_password(doing, operator, password, must_change=True)
    return password


def change_role(backend: Backend, actor: Actor, name: str, role: Role) -> None:
    """Gives an account another role; what was begun and made with the old one ends.

    Raises ForbiddenError, NotFoundError or ConflictError.
    """
    subject = shown_name(name)
    with act(backend, actor, Action.MANAGE_ACCOUNTS, name="change_role", subject=subject) as doing:
        operator = open_operator(doing.connection, name)
        _refuse_own(actor, operator, "nobody changes their own role")
        if operator.role is role:
            raise ConflictError(f"the role of {subject} is {role} already", code="same_role")
        _check_zones(role, operator.zones)
        _keep_an_administrator(doing, operator)
        accounts.change_operator(doing.connection, operator.id, role=role.value)
        _end_access(doing, operator)
        doing.detail.update(before=operator.role.value, role=role.value)


def change_zones(backend: Backend, actor: Actor, name: str, zones: Zones) -> None:
    """Limits an account to zones, or to nothing; what was begun before ends.

    Raises ForbiddenError, InvalidError, NotFoundError or ConflictError.
    """
    subject = shown_name(name)
    with act(backend, actor, Action.MANAGE_ACCOUNTS, name="change_zones", subject=subject) as doing:
        operator = open_operator(doing.connection, name)
        _refuse_own(actor, operator, "nobody changes the zones of their own account")
        if operator.zones == zones:
            raise ConflictError(f"{subject} is limited to these already", code="same_zones")
        _check_zones(operator.role, zones)
        accounts.change_operator(doing.connection, operator.id, zones=accounts.zones_text(zones))
        _end_access(doing, operator)
        doing.detail.update(before=_told(operator.zones), zones=_told(zones))


def disable_operator(backend: Backend, actor: Actor, name: str) -> None:
    """Closes an account; its sessions and tokens end.

    Raises ForbiddenError, NotFoundError or ConflictError.
    """
    subject = shown_name(name)
    with act(
        backend, actor, Action.MANAGE_ACCOUNTS, name="disable_operator", subject=subject
    ) as doing:
        operator = open_operator(doing.connection, name)
        _refuse_own(actor, operator, "nobody closes their own account")
        _keep_an_administrator(doing, operator)
        accounts.change_operator(doing.connection, operator.id, disabled=True)
        outside_accounts.end_invitations(doing.connection, operator.id)
        _end_access(doing, operator)


def reopen_operator(backend: Backend, actor: Actor, name: str) -> str:
    """Opens a closed account again and returns its new first password, shown this once.

    Second factors and the outside account of before are forgotten: their owner may have given the
    device back.

    Raises ForbiddenError, NotFoundError or ConflictError.
    """
    subject, password = shown_name(name), passwords.draw()
    with act(
        backend, actor, Action.MANAGE_ACCOUNTS, name="reopen_operator", subject=subject
    ) as doing:
        operator = _any_operator(doing.connection, name)
        if not operator.disabled:
            raise ConflictError(f"the account {subject} is open", code="account_open")
        accounts.change_operator(doing.connection, operator.id, disabled=False)
        forget_factors(doing.connection, operator.id)
        outside_accounts.remove(doing.connection, operator.id)
        _give_password(doing, operator, password, must_change=True)
    return password


def unlock_operator(backend: Backend, actor: Actor, name: str) -> None:
    """Opens an account that failures have locked. Raises ForbiddenError or NotFoundError."""
    subject = shown_name(name)
    with act(
        backend, actor, Action.MANAGE_ACCOUNTS, name="unlock_operator", subject=subject
    ) as doing:
        operator = open_operator(doing.connection, name)
        accounts.change_operator(doing.connection, operator.id, failures=0, locked_until_utc_s=0)


def end_sessions(backend: Backend, actor: Actor, name: str) -> int:
    """Ends every session of an account; returns how many. Raises ForbiddenError, NotFoundError."""
    subject = shown_name(name)
    with act(backend, actor, Action.MANAGE_ACCOUNTS, name="end_sessions", subject=subject) as doing:
        operator = _any_operator(doing.connection, name)
        ended = operator_sessions.end_sessions_of(doing.connection, operator.id)
        doing.detail["sessions"] = ended
        return ended


def forget_second_factor(backend: Backend, actor: Actor, name: str) -> None:
    """Forgets authenticator, passkeys and recovery codes of somebody who has lost them.

    Every session ends. Raises ForbiddenError, NotFoundError or ConflictError.
    """
    subject = shown_name(name)
    with act(
        backend, actor, Action.MANAGE_ACCOUNTS, name="forget_second_factor", subject=subject
    ) as doing:
        operator = open_operator(doing.connection, name)
        _refuse_own(actor, operator, "nobody resets their own second factor here")
        forget_factors(doing.connection, operator.id)
        operator_sessions.end_sessions_of(doing.connection, operator.id)


def open_operator(connection: sa.Connection, name: str) -> Operator:
    """Returns the account. Raises NotFoundError, also for a closed one."""
    operator = _any_operator(connection, name)
    if operator.disabled:
        raise NotFoundError(f"the account {shown_name(name)!r} is closed", code="no_account")
    return operator


def forget_factors(connection: sa.Connection, operator_id: int) -> None:
    """Leaves the password alone."""
    accounts.change_operator(connection, operator_id, totp_sealed=None, totp_step=0)
    second_factors.remove_passkeys(connection, operator_id)
    second_factors.replace_recovery_codes(connection, operator_id, ())


def shown_name(name: str) -> str:
    """Returns a name as it may stand in the audit log, whatever was sent."""
    text = "".join(c if c.isprintable() else "?" for c in name[: _CHARACTERS_SHOWN + 1])
    return text if len(text) <= _CHARACTERS_SHOWN else f"{text[:_CHARACTERS_SHOWN]}…"


def _create(
    backend: Backend,
    actor: Actor,
    name: str,
    password: str,
    role: Role,
    zones: Zones,
    *,
    must_change: bool,
) -> int:
    subject = shown_name(name)
    with act(
        backend, actor, Action.MANAGE_ACCOUNTS, name="create_operator", subject=subject
    ) as doing:
        _check_name(name)
        _check_zones(role, zones)
        passwords.check(backend.config, name, password)
        if accounts.find_operator(doing.connection, name) is not None:
            raise ConflictError(f"there is an account {name} already", code="name_taken")
        doing.detail.update(role=role.value, zones=_told(zones))
        return accounts.add_operator(
            doing.connection,
            name,
            role,
            passwords.hashed(password),
            doing.now.utc_s,
            must_change=must_change,
            zones=zones,
        )


def _check_zones(role: Role, zones: Zones) -> None:
    check_zones(zones)
    if zones is not None and role not in LIMITABLE:
        raise ConflictError(
            f"the role {role} serves the whole site and cannot be limited to zones",
            code="role_not_limitable",
        )


def _told(zones: Zones) -> str:
    """What the audit log says of zones."""
    return "site" if zones is None else " ".join(sorted(zones))


def _give_password(doing: Act, operator: Operator, password: str, *, must_change: bool) -> None:
    passwords.give(doing, operator.id, password, must_change=must_change)
    _end_access(doing, operator)


def _end_access(doing: Act, operator: Operator) -> None:
    operator_sessions.end_sessions_of(doing.connection, operator.id)
    api_tokens.end_tokens_of(doing.connection, operator.id)


def _keep_an_administrator(doing: Act, operator: Operator) -> None:
    """Without one nobody could make accounts any more, but at the machine itself."""
    if operator.role is Role.ADMIN and accounts.open_with_role(doing.connection, Role.ADMIN) == [
        operator.id
    ]:
        raise ConflictError(
            "this is the last open system administrator; make another one first",
            code="last_administrator",
        )


def _refuse_own(actor: Actor, operator: Operator, sentence: str) -> None:
    if operator.id == actor.operator_id:
        raise ConflictError(sentence, code="own_account")


def _any_operator(connection: sa.Connection, name: str) -> Operator:
    operator = accounts.find_operator(connection, name)
    if operator is None:
        raise NotFoundError(f"there is no account {shown_name(name)!r}", code="no_account")
    return operator


def _check_name(name: str) -> None:
    try:
        parse_name(name, "account name")
    except BadIdError as err:
        raise InvalidError(str(err), code="bad_name") from err
