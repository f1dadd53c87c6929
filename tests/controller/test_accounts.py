"""Signing in, being locked out, and who may do what."""

import pytest

from doorward_controller.domain.permissions import MATRIX, Action, Role, may
from doorward_controller.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from doorward_controller.services import accounts, sign_in
from doorward_controller.services.backend import Backend
from doorward_controller.services.sign_in import (
    LOCK_S,
    MAX_FAILURES,
    SESSION_S,
    SignedIn,
    SignInRefusal,
    SignInRefused,
)
from tests.controller.conftest import ADMIN, SECURITY, StandingClock

PASSWORD = "correct horse battery"


def make(backend: Backend, name: str = "sam", role: Role = Role.SECURITY) -> None:
    accounts.create_operator(backend, ADMIN, name=name, password=PASSWORD, role=role)


def attempt(
    backend: Backend, password: str = PASSWORD, name: str = "sam"
) -> SignedIn | SignInRefused:
    return sign_in.sign_in(backend, name=name, password=password, client="192.0.2.1")


def test_right_password_opens_a_session(backend: Backend) -> None:
    make(backend)
    result = attempt(backend)
    assert isinstance(result, SignedIn)
    session = sign_in.resume(backend, result.token)
    assert session == result.session
    assert session.actor.role is Role.SECURITY


def test_tokens_are_kept_as_hashes_only(backend: Backend) -> None:
    make(backend)
    result = attempt(backend)
    assert isinstance(result, SignedIn)
    with backend.store.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM sessions").all()
    assert result.token not in repr(rows)


@pytest.mark.parametrize("name", ["sam", "nobody", "", "x" * 10_000])
def test_wrong_name_and_wrong_password_answer_alike(backend: Backend, name: str) -> None:
    make(backend)
    refused = attempt(backend, "wrong password", name)
    assert refused == SignInRefused(reason=SignInRefusal.WRONG)


def test_repeated_failures_lock_the_account_for_a_while(
    backend: Backend, clock: StandingClock
) -> None:
    make(backend)
    results = [attempt(backend, "wrong password") for _ in range(MAX_FAILURES)]
    assert isinstance(results[-1], SignInRefused)
    assert results[-1].reason is SignInRefusal.LOCKED
    assert attempt(backend) == SignInRefused(
        reason=SignInRefusal.LOCKED, retry_at_utc_s=clock.now().utc_s + LOCK_S
    )
    clock.pass_s(LOCK_S)
    assert isinstance(attempt(backend), SignedIn)


def test_success_forgets_earlier_failures(backend: Backend) -> None:
    make(backend)
    for _ in range(3):
        for _ in range(MAX_FAILURES - 1):
            attempt(backend, "wrong password")
        assert isinstance(attempt(backend), SignedIn)


def test_session_ends_by_itself(backend: Backend, clock: StandingClock) -> None:
    make(backend)
    result = attempt(backend)
    assert isinstance(result, SignedIn)
    clock.pass_s(sign_in.IDLE_S - 1)
    assert sign_in.resume(backend, result.token) is not None
    clock.pass_s(sign_in.IDLE_S)
    assert sign_in.resume(backend, result.token) is None


def test_session_in_use_ends_after_a_working_day(backend: Backend, clock: StandingClock) -> None:
    make(backend)
    result = attempt(backend)
    assert isinstance(result, SignedIn)
    for _ in range(SESSION_S // 3600 - 1):
        clock.pass_s(3600)
        assert sign_in.resume(backend, result.token) is not None
    clock.pass_s(3600)
    assert sign_in.resume(backend, result.token) is None


def test_signing_out_ends_the_session(backend: Backend) -> None:
    make(backend)
    result = attempt(backend)
    assert isinstance(result, SignedIn)
    sign_in.sign_out(backend, result.token)
    assert sign_in.resume(backend, result.token) is None
    sign_in.sign_out(backend, result.token)


def test_closed_account_ends_sessions_and_tokens(backend: Backend) -> None:
    make(backend)
    result = attempt(backend)
    token = accounts.create_token(backend, ADMIN, operator="sam", label="x", lifetime_s=3600)
    accounts.disable_operator(backend, ADMIN, "sam")
    assert isinstance(result, SignedIn)
    assert sign_in.resume(backend, result.token) is None
    assert sign_in.resume_bearer(backend, token) is None
    assert attempt(backend) == SignInRefused(reason=SignInRefusal.DISABLED)


def test_new_password_ends_old_sessions(backend: Backend) -> None:
    make(backend)
    result = attempt(backend)
    accounts.set_password(backend, ADMIN, "sam", "another fine password")
    assert isinstance(result, SignedIn)
    assert sign_in.resume(backend, result.token) is None
    assert isinstance(attempt(backend, "another fine password"), SignedIn)


def test_bearer_token_acts_for_its_owner_until_it_ends(
    backend: Backend, clock: StandingClock
) -> None:
    make(backend)
    token = accounts.create_token(backend, ADMIN, operator="sam", label="x", lifetime_s=3600)
    actor = sign_in.resume_bearer(backend, token)
    assert actor is not None
    assert (actor.name, actor.role) == ("sam", Role.SECURITY)
    clock.pass_s(3600)
    assert sign_in.resume_bearer(backend, token) is None


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password_length"),
        ("x" * 257, "password_length"),
        ("aaaaaaaaaaaaaaaa", "password_weak"),
        ("this is sam himself", "password_weak"),
    ],
)
def test_easy_passwords_are_refused(sqlite_backend: Backend, password: str, code: str) -> None:
    with pytest.raises(InvalidError) as caught:
        accounts.create_operator(
            sqlite_backend, ADMIN, name="sam", password=password, role=Role.SECURITY
        )
    assert caught.value.code == code


def test_names_are_given_once(sqlite_backend: Backend) -> None:
    make(sqlite_backend)
    with pytest.raises(ConflictError):
        make(sqlite_backend)
    with pytest.raises(NotFoundError):
        accounts.disable_operator(sqlite_backend, ADMIN, "nobody")


def test_only_who_manages_accounts_makes_them(sqlite_backend: Backend) -> None:
    with pytest.raises(ForbiddenError):
        accounts.create_operator(
            sqlite_backend, SECURITY, name="eve", password=PASSWORD, role=Role.ADMIN
        )


def test_duties_are_separated() -> None:
    """Whoever runs the system neither issues nor releases; whoever issues sets no rules."""
    assert not may(Role.ADMIN, Action.ISSUE)
    assert not may(Role.ADMIN, Action.RELEASE_POLICY)
    assert not may(Role.ADMIN, Action.READ_PERSONAL)
    assert not may(Role.ISSUER, Action.EDIT_RULES)
    assert not may(Role.SECURITY, Action.ISSUE)
    assert [role for role in Role if may(role, Action.MANAGE_ACCOUNTS)] == [Role.ADMIN]
    assert [role for role in Role if may(role, Action.READ_AUDIT)] == [Role.AUDITOR]


def test_auditor_changes_nothing() -> None:
    assert all(
        action.value.startswith("read") or action is Action.SIMULATE
        for action in MATRIX[Role.AUDITOR]
    )


def test_every_role_and_every_action_stand_in_the_matrix() -> None:
    assert set(MATRIX) == set(Role)
    assert set().union(*MATRIX.values()) == set(Action)
