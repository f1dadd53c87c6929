"""Signing in, being locked out, and who may do what."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import get_args

import pytest

from doorward_controller.config import Accounts, RoleName
from doorward_controller.domain.lockout import (
    FIRST_LOCK_S,
    FREE_FOR_ACCOUNT,
    FREE_FOR_ADDRESS,
    LONGEST_LOCK_S,
    MOST_FAILURES,
)
from doorward_controller.domain.permissions import (
    MATRIX,
    SEPARATED,
    Action,
    Actor,
    Role,
    allows,
    may,
)
from doorward_controller.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from doorward_controller.queries import audit_trail, operators
from doorward_controller.services import accounts, own_account, sign_in, tokens
from doorward_controller.services.acting import check_read
from doorward_controller.services.backend import Backend
from doorward_controller.services.doorstep import MAX_KEPT, Doorstep
from doorward_controller.services.sign_in import Duty, SignedIn, SignInRefusal, SignInRefused
from doorward_controller.services.tokens import handle_of
from tests.controller.conftest import ADMIN, SECURITY, StandingClock

PASSWORD = "correct horse battery"
IDLE_S = 120 * 60
SESSION_S = 12 * 3600


def make(backend: Backend, name: str = "sam", role: Role = Role.SECURITY) -> None:
    accounts.create_operator(backend, ADMIN, name=name, password=PASSWORD, role=role)


def attempt(
    backend: Backend, password: str = PASSWORD, name: str = "sam", client: str = "192.0.2.1"
) -> SignedIn | SignInRefused:
    result = sign_in.sign_in(backend, name=name, password=password, client=client)
    assert not isinstance(result, sign_in.SecondFactorNeeded)
    return result


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


def test_repeated_failures_lock_the_account_longer_each_time(
    backend: Backend, clock: StandingClock
) -> None:
    make(backend)
    for n in range(FREE_FOR_ACCOUNT - 1):
        assert attempt(backend, "wrong password", client=f"192.0.2.{n}") == SignInRefused(
            reason=SignInRefusal.WRONG
        )
    for wait_s in (FIRST_LOCK_S, 2 * FIRST_LOCK_S, 4 * FIRST_LOCK_S):
        until = clock.now().utc_s + wait_s
        locked = SignInRefused(reason=SignInRefusal.LOCKED, retry_at_utc_s=until)
        assert attempt(backend, "wrong password") == locked
        assert attempt(backend) == locked
        clock.pass_s(wait_s)
    assert isinstance(attempt(backend), SignedIn)


def test_after_a_hundred_failures_somebody_must_open_the_account(
    backend: Backend, clock: StandingClock
) -> None:
    make(backend)
    for n in range(MOST_FAILURES):
        attempt(backend, "wrong password", client=f"2001:db8:{n:x}::1")
        clock.pass_s(LONGEST_LOCK_S)
    clock.pass_s(365 * 86_400)
    assert attempt(backend) == SignInRefused(reason=SignInRefusal.LOCKED)
    accounts.unlock_operator(backend, ADMIN, "sam")
    assert isinstance(attempt(backend), SignedIn)


def test_a_name_that_nobody_has_is_locked_as_an_account_is(backend: Backend) -> None:
    make(backend)
    answers = [
        [attempt(backend, "wrong password", name) for _ in range(FREE_FOR_ACCOUNT + 1)]
        for name in ("sam", "nobody")
    ]
    assert answers[0] == answers[1]


def test_an_address_that_tries_many_names_must_wait_and_others_need_not(
    sqlite_backend: Backend, clock: StandingClock
) -> None:
    make(sqlite_backend)
    for n in range(FREE_FOR_ADDRESS):
        attempt(sqlite_backend, "wrong password", f"guess-{n}", "2001:db8::1")
    # The same household has many addresses.
    until = clock.now().utc_s + FIRST_LOCK_S
    assert attempt(sqlite_backend, client="2001:db8::2") == SignInRefused(
        reason=SignInRefusal.ADDRESS_LOCKED, retry_at_utc_s=until
    )
    assert isinstance(attempt(sqlite_backend, client="2001:db8:1::1"), SignedIn)
    clock.pass_s(FIRST_LOCK_S)
    assert isinstance(attempt(sqlite_backend, client="2001:db8::2"), SignedIn)


def test_what_is_kept_of_failures_has_a_bound() -> None:
    doorstep = Doorstep()
    for n in range(3 * MAX_KEPT):
        doorstep.address_failed(f"192.{n >> 16}.{n >> 8 & 255}.{n & 255}", n)
        doorstep.stranger_failed(f"name-{n}", n)
    assert len(doorstep) == 2 * MAX_KEPT


def test_success_forgets_earlier_failures(backend: Backend) -> None:
    make(backend)
    for _ in range(3):
        for _ in range(FREE_FOR_ACCOUNT - 1):
            attempt(backend, "wrong password")
        assert isinstance(attempt(backend), SignedIn)


def test_session_ends_by_itself(backend: Backend, clock: StandingClock) -> None:
    make(backend)
    result = attempt(backend)
    assert isinstance(result, SignedIn)
    clock.pass_s(IDLE_S - 1)
    assert sign_in.resume(backend, result.token) is not None
    clock.pass_s(IDLE_S)
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
        ("this is SAM himself", "password_weak"),
        ("password1234", "password_common"),
        ("qwertyuiop12", "password_common"),
        ("doorwardmain1", "password_common"),
        ("passwordpassword", "password_common"),
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


@pytest.mark.parametrize("role", Role)
def test_no_role_holds_duties_that_are_kept_apart(role: Role) -> None:
    """Who runs the system does not operate it; who works does not approve the own work."""
    held = MATRIX[role]
    assert [(held & these, held & apart) for these, apart in SEPARATED if held & these] == [
        (held & these, frozenset()) for these, _ in SEPARATED if held & these
    ]


def test_each_pair_of_duties_has_somebody_for_either_half() -> None:
    for these, apart in SEPARATED:
        assert any(may(role, action) for role in Role for action in these)
        assert all(any(may(role, action) for role in Role) for action in apart)


def test_only_the_system_administrator_manages_accounts_and_only_the_auditor_reads_the_log() -> (
    None
):
    assert [role for role in Role if may(role, Action.MANAGE_ACCOUNTS)] == [Role.ADMIN]
    assert [role for role in Role if may(role, Action.READ_AUDIT)] == [Role.AUDITOR]


def test_every_role_and_every_action_stand_in_the_matrix() -> None:
    assert set(MATRIX) == set(Role)
    assert set().union(*MATRIX.values()) == set(Action)


def test_the_settings_know_the_roles() -> None:
    assert set(get_args(RoleName)) == {role.value for role in Role}


def test_a_first_password_is_drawn_and_must_be_changed_before_anything_else(
    backend: Backend,
) -> None:
    first = accounts.create_account(backend, ADMIN, name="sam", role=Role.GUARD)
    assert len(first) == 24
    result = attempt(backend, first)
    assert isinstance(result, SignedIn)
    assert result.session.duties == (Duty.CHANGE_PASSWORD,)
    assert change(backend, result, first, "another fine password") is None
    session = sign_in.resume(backend, result.token)
    assert session is not None
    assert session.duties == ()
    assert isinstance(attempt(backend, first), SignInRefused)


def test_changing_the_password_ends_the_other_sessions_and_keeps_this_one(
    backend: Backend,
) -> None:
    make(backend)
    other, own = attempt(backend), attempt(backend)
    assert isinstance(other, SignedIn)
    assert isinstance(own, SignedIn)
    assert change(backend, own, PASSWORD, "another fine password") is None
    assert sign_in.resume(backend, other.token) is None
    assert sign_in.resume(backend, own.token) is not None


def test_the_old_password_is_asked_for_and_wrong_ones_count(backend: Backend) -> None:
    make(backend)
    own = attempt(backend)
    assert isinstance(own, SignedIn)
    for n in range(FREE_FOR_ACCOUNT):
        refused = change(backend, own, f"wrong password {n}", "another fine password")
        assert refused is not None
    assert refused is not None
    assert refused.reason is SignInRefusal.LOCKED
    assert isinstance(attempt(backend), SignInRefused)


@pytest.mark.parametrize(
    ("new", "code"), [(PASSWORD, "password_same"), ("password1234", "password_common")]
)
def test_a_new_password_must_keep_the_rules(sqlite_backend: Backend, new: str, code: str) -> None:
    make(sqlite_backend)
    own = attempt(sqlite_backend)
    assert isinstance(own, SignedIn)
    with pytest.raises(InvalidError) as caught:
        change(sqlite_backend, own, PASSWORD, new)
    assert caught.value.code == code


def test_a_password_counts_however_a_keyboard_composed_its_letters(backend: Backend) -> None:
    composed, decomposed = "café über façade", "cafe\u0301 u\u0308ber fac\u0327ade"
    accounts.create_operator(backend, ADMIN, name="sam", password=composed, role=Role.GUARD)
    assert isinstance(attempt(backend, decomposed), SignedIn)


def test_a_password_grows_old_only_where_the_settings_say_so(
    sqlite_backend: Backend, clock: StandingClock
) -> None:
    make(sqlite_backend)
    clock.pass_s(90 * 86_400)
    fresh = attempt(sqlite_backend)
    assert isinstance(fresh, SignedIn)
    assert fresh.session.duties == ()
    strict = with_accounts(sqlite_backend, password_days=90)
    old = attempt(strict)
    assert isinstance(old, SignedIn)
    assert old.session.duties == (Duty.CHANGE_PASSWORD,)


def test_another_role_ends_sessions_and_tokens_of_the_old_one(backend: Backend) -> None:
    make(backend)
    own = attempt(backend)
    assert isinstance(own, SignedIn)
    token = accounts.create_token(backend, ADMIN, operator="sam", label="x", lifetime_s=3600)
    accounts.change_role(backend, ADMIN, "sam", Role.GUARD)
    assert sign_in.resume(backend, own.token) is None
    assert sign_in.resume_bearer(backend, token) is None
    again = attempt(backend)
    assert isinstance(again, SignedIn)
    assert again.session.actor.role is Role.GUARD


def person(backend: Backend, name: str, role: Role) -> Actor:
    make(backend, name, role)
    result = attempt(backend, name=name)
    assert isinstance(result, SignedIn)
    return result.session.actor


def test_nobody_administers_themselves(backend: Backend) -> None:
    ada = person(backend, "ada", Role.ADMIN)
    make(backend, "bea", Role.ADMIN)
    acts: tuple[Callable[[], object], ...] = (
        lambda: accounts.change_role(backend, ada, "ada", Role.SECURITY),
        lambda: accounts.disable_operator(backend, ada, "ada"),
        lambda: accounts.draw_password(backend, ada, "ada"),
        lambda: accounts.forget_second_factor(backend, ada, "ada"),
    )
    for act in acts:
        with pytest.raises(ConflictError) as caught:
            act()
        assert caught.value.code == "own_account"


def test_the_last_open_system_administrator_stays(backend: Backend) -> None:
    ada = person(backend, "ada", Role.ADMIN)
    make(backend, "bea", Role.ADMIN)
    accounts.disable_operator(backend, ada, "bea")
    acts: tuple[Callable[[], object], ...] = (
        lambda: accounts.disable_operator(backend, ADMIN, "ada"),
        lambda: accounts.change_role(backend, ADMIN, "ada", Role.GUARD),
    )
    for act in acts:
        with pytest.raises(ConflictError) as caught:
            act()
        assert caught.value.code == "last_administrator"
    accounts.reopen_operator(backend, ada, "bea")
    accounts.change_role(backend, ADMIN, "ada", Role.GUARD)


def test_two_administrators_cannot_close_each_other_at_once(backend: Backend) -> None:
    people = [person(backend, name, Role.ADMIN) for name in ("ada", "bea")]
    together = threading.Barrier(2)

    def close(actor: Actor, name: str) -> str:
        together.wait(10)
        try:
            accounts.disable_operator(backend, actor, name)
        except ConflictError as err:
            return err.code
        return "closed"

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(close, people, ("bea", "ada")))
    assert sorted(said) == ["closed", "last_administrator"]


def test_a_reopened_account_begins_with_a_new_password_and_without_old_factors(
    backend: Backend,
) -> None:
    make(backend)
    accounts.disable_operator(backend, ADMIN, "sam")
    first = accounts.reopen_operator(backend, ADMIN, "sam")
    assert isinstance(attempt(backend), SignInRefused)
    result = attempt(backend, first)
    assert isinstance(result, SignedIn)
    assert result.session.duties == (Duty.CHANGE_PASSWORD,)
    with pytest.raises(ConflictError):
        accounts.reopen_operator(backend, ADMIN, "sam")


def test_sessions_are_ended_one_by_one_or_all_but_this(backend: Backend) -> None:
    make(backend)
    opened = [attempt(backend) for _ in range(4)]
    first, second, third, own = [each for each in opened if isinstance(each, SignedIn)]
    own_account.end_session(backend, own.session, handle_of(first.session.token_hash))
    assert sign_in.resume(backend, first.token) is None
    assert sign_in.resume(backend, second.token) is not None
    assert own_account.end_other_sessions(backend, own.session) == 2
    assert sign_in.resume(backend, third.token) is None
    assert sign_in.resume(backend, own.token) is not None


def test_nobody_ends_anothers_session_by_its_number(backend: Backend) -> None:
    make(backend)
    make(backend, "eve", Role.GUARD)
    sam, eve = attempt(backend), attempt(backend, name="eve")
    assert isinstance(sam, SignedIn)
    assert isinstance(eve, SignedIn)
    with pytest.raises(NotFoundError):
        own_account.end_session(backend, eve.session, handle_of(sam.session.token_hash))
    assert sign_in.resume(backend, sam.token) is not None


def test_sessions_are_shown_without_their_secrets_and_ended_ones_are_not(
    backend: Backend, clock: StandingClock
) -> None:
    make(backend)
    old = attempt(backend)
    clock.pass_s(IDLE_S)
    own = attempt(backend, client="192.0.2.7")
    assert isinstance(old, SignedIn)
    assert isinstance(own, SignedIn)
    rows = operators.sessions_of(backend.store, "sam", now_utc_s=clock.now().utc_s, idle_s=IDLE_S)
    assert [(row.client, row.factor) for row in rows] == [("192.0.2.7", "password")]
    assert own.token not in repr(rows)


def test_a_token_is_narrower_than_its_owners_role(backend: Backend) -> None:
    make(backend)
    scope = (Action.READ_FLEET, Action.READ_RECORDS)
    token = accounts.create_token(
        backend, ADMIN, operator="sam", label="dashboard", lifetime_s=3600, scope=scope
    )
    actor = sign_in.resume_bearer(backend, token)
    assert actor is not None
    assert [a for a in Action if allows(actor, a)] == list(scope)
    with pytest.raises(ForbiddenError, match="the token may not"):
        check_read(backend, actor, Action.READ_QUARANTINE)
    shown = operators.tokens_of(backend.store, "sam")
    assert [(t.label, t.scope) for t in shown] == [("dashboard", tuple(scope))]
    assert shown[0].used_at_utc_s is not None


def test_a_token_without_scope_may_not_touch_its_owners_account(backend: Backend) -> None:
    make(backend)
    token = accounts.create_token(backend, ADMIN, operator="sam", label="x", lifetime_s=3600)
    actor = sign_in.resume_bearer(backend, token)
    assert actor is not None
    assert {a for a in Action if allows(actor, a)} == MATRIX[Role.SECURITY] - {Action.OWN_ACCOUNT}
    with pytest.raises(ForbiddenError):
        accounts.create_token(backend, actor, operator="sam", label="y", lifetime_s=3600)


@pytest.mark.parametrize("action", [Action.ISSUE, Action.OWN_ACCOUNT, Action.MANAGE_ACCOUNTS])
def test_a_token_never_holds_more_than_the_role(sqlite_backend: Backend, action: Action) -> None:
    make(sqlite_backend)
    with pytest.raises(ForbiddenError) as caught:
        accounts.create_token(
            sqlite_backend, ADMIN, operator="sam", label="x", lifetime_s=3600, scope=(action,)
        )
    assert caught.value.code == "scope_too_wide"


def test_whoever_manages_tokens_ends_them_but_makes_none_for_others(backend: Backend) -> None:
    """Else a system administrator would have every role's rights by a token."""
    ada = person(backend, "ada", Role.ADMIN)
    sam = person(backend, "sam", Role.SECURITY)
    with pytest.raises(ForbiddenError):
        accounts.create_token(backend, ada, operator="sam", label="x", lifetime_s=3600)
    token = accounts.create_token(backend, sam, operator="sam", label="x", lifetime_s=3600)
    (row,) = operators.tokens_of(backend.store, "sam")
    eve = person(backend, "eve", Role.GUARD)
    with pytest.raises(ForbiddenError):
        tokens.revoke_token(backend, eve, "sam", row.handle)
    tokens.revoke_token(backend, ada, "sam", row.handle)
    assert sign_in.resume_bearer(backend, token) is None


@pytest.mark.parametrize("days", [0, 367])
def test_a_token_ends_within_a_year(sqlite_backend: Backend, days: int) -> None:
    make(sqlite_backend)
    with pytest.raises(InvalidError):
        accounts.create_token(
            sqlite_backend, ADMIN, operator="sam", label="x", lifetime_s=days * 86_400
        )


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "x\0y", "'; DROP TABLE", "a" * 999])
def test_hostile_names_are_refused_and_audited_in_a_bounded_way(
    backend: Backend, name: str
) -> None:
    with pytest.raises(InvalidError):
        accounts.create_account(backend, ADMIN, name=name, role=Role.GUARD)
    with pytest.raises(NotFoundError):
        accounts.unlock_operator(backend, ADMIN, name)
    assert attempt(backend, name=name) == SignInRefused(reason=SignInRefusal.WRONG)
    rows = audit_trail.page(backend.store).items
    assert all(len(row.subject) <= 65 and row.subject.isprintable() for row in rows)


def test_the_audit_log_tells_of_attempts_and_holds_no_secret(backend: Backend) -> None:
    first = accounts.create_account(backend, ADMIN, name="sam", role=Role.GUARD)
    attempt(backend, "wrong password")
    attempt(backend, "a secret typed as a name", "hunter2-hunter2")
    own = attempt(backend, first)
    assert isinstance(own, SignedIn)
    token = tokens.create_token(
        backend, own.session.actor, operator="sam", label="x", lifetime_s=3600
    )
    rows = audit_trail.page(backend.store).items
    told = [(row.action, row.outcome) for row in rows]
    for entry in (("sign_in", "wrong"), ("sign_in", "done"), ("create_operator", "done")):
        assert entry in told
    for secret in (first, token, own.token, "wrong password", "hunter2"):
        assert secret not in repr(rows)


def change(backend: Backend, own: SignedIn, current: str, new: str) -> SignInRefused | None:
    session = sign_in.resume(backend, own.token)
    assert session is not None
    return own_account.change_password(
        backend, session, current=current, new=new, client="192.0.2.1"
    )


def with_accounts(backend: Backend, **settings: object) -> Backend:
    section = Accounts.model_validate({"second_factor_roles": (), **settings})
    return replace(backend, config=backend.config.model_copy(update={"accounts": section}))
