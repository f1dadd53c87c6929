"""What people do with their own account: password, sessions, authenticator, recovery codes.

What needs a fresh proof says so where it is called: the interface and the console ask for it.
"""

import secrets
from collections.abc import Sequence

from doorward_controller.domain import one_time_codes
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import passwords, proving, sign_in
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.proving import Factor
from doorward_controller.services.sign_in import Session, SignInRefused, token_hash
from doorward_controller.services.tokens import handle_of
from doorward_controller.store import accounts, operator_sessions, second_factors
from doorward_controller.store.accounts import Operator

RECOVERY_CODES = 10
_TOTP_STEP = "totp"
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_GROUPS, _GROUP_LETTERS = 4, 4


def change_password(
    backend: Backend, session: Session, *, current: str, new: str, client: str
) -> SignInRefused | None:
    """Changes one's own password; every other session ends. None when it was done.

    A wrong current password counts as a failure to sign in does.

    Raises:
        InvalidError: the new one is not allowed, or is the old one.
    """
    with backend.store.read() as connection:
        operator = accounts.find_operator(connection, session.actor.name)
    before = proving.refusal_before(backend, session.actor.name, operator, client)
    if before is not None:
        return before
    if operator is None or not passwords.is_right(operator.password_hash, current):
        return proving.failed(backend, session.actor.name, operator, client)
    name = session.actor.name
    with act(
        backend, session.actor, Action.OWN_ACCOUNT, name="change_password", subject=name
    ) as doing:
        passwords.check(backend.config, name, new)
        if passwords.normal(current) == passwords.normal(new):
            raise InvalidError("the new password is the old one", code="password_same")
        passwords.give(doing, operator.id, new, must_change=False)
        operator_sessions.end_sessions_of(doing.connection, operator.id, but=session.token_hash)
    return None


def end_session(backend: Backend, session: Session, handle: str) -> None:
    """Ends one of one's own sessions. Raises NotFoundError."""
    with act(
        backend, session.actor, Action.OWN_ACCOUNT, name="end_session", subject=session.actor.name
    ) as doing:
        for hashed in operator_sessions.token_hashes_of(doing.connection, _own(doing, session).id):
            if handle_of(hashed) == handle:
                operator_sessions.end_session(doing.connection, hashed)
                return
        raise NotFoundError("there is no such session, or no longer", code="no_session")


def end_other_sessions(backend: Backend, session: Session) -> int:
    """Ends all of one's own sessions but this one; returns how many."""
    with act(
        backend, session.actor, Action.OWN_ACCOUNT, name="end_sessions", subject=session.actor.name
    ) as doing:
        ended = operator_sessions.end_sessions_of(
            doing.connection, _own(doing, session).id, but=session.token_hash
        )
        doing.detail["sessions"] = ended
        return ended


def begin_totp(backend: Backend, session: Session) -> tuple[str, bytes]:
    """Returns a token and a new secret for an authenticator; it counts after `finish_totp`."""
    secret = secrets.token_bytes(one_time_codes.SECRET_BYTES)
    operator_id = session.actor.operator_id
    if operator_id is None:
        raise NotFoundError("the program itself has no account", code="no_account")
    sealed = proving.sealed_totp(backend.keys, operator_id, secret)
    return sign_in.begin_step(backend, _TOTP_STEP, operator_id, sealed), secret


def begun_totp(backend: Backend, session: Session, token: str) -> bytes:
    """Returns the secret that `begin_totp` drew. Raises ConflictError when too long ago."""
    now_s = backend.clock.now().utc_s
    with backend.store.read() as connection:
        step = operator_sessions.find_step(connection, token_hash(token), now_s)
    own = session.actor.operator_id
    if step is None or own is None or (step.purpose, step.operator_id) != (_TOTP_STEP, own):
        raise ConflictError("this began too long ago; begin again", code="step_over")
    return proving.opened_totp(backend.keys, own, step.challenge)


def finish_totp(backend: Backend, session: Session, *, token: str, code: str) -> Sequence[str]:
    """Turns the authenticator on, when its first code is right; other sessions end.

    Returns:
        New recovery codes, shown this once, when there were none before.

    Raises:
        ConflictError: it was begun too long ago.
        InvalidError: the code is wrong.
    """
    secret = begun_totp(backend, session, token)
    with act(
        backend, session.actor, Action.OWN_ACCOUNT, name="add_totp", subject=session.actor.name
    ) as doing:
        operator = _own(doing, session)
        step = one_time_codes.step_of(secret, code, doing.now.utc_s, 0)
        if step is None:
            raise InvalidError("the code is wrong; is the phone's clock right?", code="wrong_code")
        sealed = proving.sealed_totp(backend.keys, operator.id, secret)
        accounts.change_operator(doing.connection, operator.id, totp_sealed=sealed, totp_step=step)
        operator_sessions.end_step(doing.connection, token_hash(token))
        codes = after_new_factor(doing, session, operator)
    sign_in.note_proof(backend, session, Factor.TOTP)
    return codes


def remove_totp(backend: Backend, session: Session) -> None:
    """Forgets the authenticator. Raises ConflictError when the role must have one of its kind."""
    with act(
        backend, session.actor, Action.OWN_ACCOUNT, name="remove_totp", subject=session.actor.name
    ) as doing:
        operator = _own(doing, session)
        check_may_do_without(backend, operator, is_another_left=operator.has_passkey)
        accounts.change_operator(doing.connection, operator.id, totp_sealed=None, totp_step=0)
        if not operator.has_passkey:
            second_factors.replace_recovery_codes(doing.connection, operator.id, ())


def new_recovery_codes(backend: Backend, session: Session) -> Sequence[str]:
    """Returns new recovery codes, shown this once; the old ones end.

    Raises ConflictError without a second factor to recover from.
    """
    with act(
        backend, session.actor, Action.OWN_ACCOUNT,
        name="draw_recovery_codes", subject=session.actor.name,
    ) as doing:  # fmt: skip
        operator = _own(doing, session)
        if not operator.has_second_factor:
            raise ConflictError("there is no second factor to recover", code="no_second_factor")
        return _draw_codes(doing, operator)


def after_new_factor(doing: Act, session: Session, operator: Operator) -> Sequence[str]:
    """Ends other sessions, which began without it; draws recovery codes with the first factor."""
    operator_sessions.end_sessions_of(doing.connection, operator.id, but=session.token_hash)
    if second_factors.recovery_codes_left(doing.connection, operator.id):
        return ()
    return _draw_codes(doing, operator)


def check_may_do_without(backend: Backend, operator: Operator, *, is_another_left: bool) -> None:
    """Raises ConflictError when the role must have a second factor and this is the last."""
    if not is_another_left and operator.role.value in backend.config.accounts.second_factor_roles:
        raise ConflictError(
            f"the role {operator.role} must have a second factor; add another one first",
            code="second_factor_required",
        )


def _own(doing: Act, session: Session) -> Operator:
    operator = accounts.find_operator(doing.connection, session.actor.name)
    if operator is None:
        raise NotFoundError("the account is not there any more", code="no_account")
    return operator


def _draw_codes(doing: Act, operator: Operator) -> Sequence[str]:
    codes = tuple(_draw_code() for _ in range(RECOVERY_CODES))
    second_factors.replace_recovery_codes(
        doing.connection, operator.id, map(proving.recovery_hash, codes)
    )
    return codes


def _draw_code() -> str:
    """80 random bits: no slow hash is needed, and a code can be typed from paper."""
    groups = (
        "".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LETTERS)) for _ in range(_GROUPS)
    )
    return "-".join(groups)
