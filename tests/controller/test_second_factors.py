"""Authenticators, recovery codes and passkeys: what opens, what does not, and what is kept."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from doorward_controller.domain import one_time_codes
from doorward_controller.domain.lockout import FREE_FOR_ACCOUNT
from doorward_controller.domain.permissions import Role
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.queries import audit_trail, operators
from doorward_controller.services import accounts, own_account, passkeys, sign_in
from doorward_controller.services.backend import Backend
from doorward_controller.services.passkeys import Place
from doorward_controller.services.sign_in import (
    Duty,
    Factor,
    SecondFactorNeeded,
    Session,
    SignedIn,
    SignInRefusal,
    SignInRefused,
)
from tests.controller.conftest import ADMIN, StandingClock
from tests.fakes.soft_passkey import SoftPasskey

PASSWORD = "correct horse battery"
FROM = "192.0.2.1"
HERE = Place(origins=("https://gate.example",), host="gate.example")

RFC_6238_SECRET = b"12345678901234567890"
RFC_6238 = [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")]
"""Appendix B with SHA-1, the last six of its eight digits."""


@pytest.mark.parametrize(("at_s", "code"), RFC_6238)
def test_codes_are_those_of_the_standard(at_s: int, code: str) -> None:
    assert one_time_codes.code_at(RFC_6238_SECRET, at_s) == code
    assert one_time_codes.step_of(RFC_6238_SECRET, code, at_s, 0) == at_s // 30


@pytest.mark.parametrize(
    ("late_s", "is_taken"),
    [(-31, False), (-30, True), (0, True), (29, True), (59, True), (60, False)],
)
def test_a_code_counts_half_a_minute_around_its_time(late_s: int, is_taken: bool) -> None:
    at_s = 1_790_000_010 // 30 * 30
    code = one_time_codes.code_at(RFC_6238_SECRET, at_s)
    step = one_time_codes.step_of(RFC_6238_SECRET, code, at_s + late_s, 0)
    assert (step == at_s // 30) is is_taken


@pytest.mark.parametrize(
    "typed", ["", "28708", "2870820", "28708a", "２８７０８２", "-87082", "\0" * 6]
)
def test_what_is_not_six_digits_is_wrong(typed: str) -> None:
    assert one_time_codes.step_of(RFC_6238_SECRET, typed, 59, 0) is None


def test_a_code_may_be_typed_with_blanks_and_is_taken_once() -> None:
    assert one_time_codes.step_of(RFC_6238_SECRET, " 287 082 ", 59, 0) == 1
    assert one_time_codes.step_of(RFC_6238_SECRET, "287082", 59, 1) is None


def begin(backend: Backend, code: str = "") -> SignedIn | SignInRefused | SecondFactorNeeded:
    return sign_in.sign_in(backend, name="sam", password=PASSWORD, client=FROM, code=code)


def signed_in(backend: Backend, code: str = "") -> SignedIn:
    result = begin(backend, code)
    assert isinstance(result, SignedIn)
    return result


def fresh(backend: Backend, own: SignedIn) -> Session:
    session = sign_in.resume(backend, own.token)
    assert session is not None
    return session


@pytest.fixture
def sam(backend: Backend) -> SignedIn:
    accounts.create_operator(backend, ADMIN, name="sam", password=PASSWORD, role=Role.SECURITY)
    return signed_in(backend)


def enrol_totp(backend: Backend, own: SignedIn) -> tuple[bytes, Sequence[str]]:
    """Returns the secret and the recovery codes."""
    token, secret = own_account.begin_totp(backend, own.session)
    code = one_time_codes.code_at(secret, backend.clock.now().utc_s)
    return secret, own_account.finish_totp(backend, own.session, token=token, code=code)


def later(backend: Backend, clock: StandingClock, secret: bytes) -> str:
    """Returns the next code: the one of now was used to enrol."""
    clock.pass_s(30)
    return one_time_codes.code_at(secret, backend.clock.now().utc_s)


def test_with_an_authenticator_the_password_alone_opens_nothing(
    backend: Backend, sam: SignedIn, clock: StandingClock
) -> None:
    secret, _ = enrol_totp(backend, sam)
    needed = begin(backend)
    assert isinstance(needed, SecondFactorNeeded)
    assert sign_in.resume(backend, needed.token) is None
    wrong = sign_in.finish(backend, token=needed.token, code="000000", client=FROM)
    assert wrong == SignInRefused(reason=SignInRefusal.WRONG)
    code = later(backend, clock, secret)
    right = sign_in.finish(backend, token=needed.token, code=code, client=FROM)
    assert isinstance(right, SignedIn)
    assert right.session.factor is Factor.TOTP


def test_a_code_opens_one_session_only(
    backend: Backend, sam: SignedIn, clock: StandingClock
) -> None:
    secret, _ = enrol_totp(backend, sam)
    code = later(backend, clock, secret)
    signed_in(backend, code)
    assert begin(backend, code) == SignInRefused(reason=SignInRefusal.WRONG)


def test_what_was_begun_ends_after_some_minutes_and_with_its_use(
    backend: Backend, sam: SignedIn, clock: StandingClock
) -> None:
    secret, _ = enrol_totp(backend, sam)
    over = SignInRefused(reason=SignInRefusal.OVER)
    first, second = begin(backend), begin(backend)
    assert isinstance(first, SecondFactorNeeded)
    assert isinstance(second, SecondFactorNeeded)
    code = later(backend, clock, secret)
    assert isinstance(sign_in.finish(backend, token=first.token, code=code, client=FROM), SignedIn)
    code = later(backend, clock, secret)
    assert sign_in.finish(backend, token=first.token, code=code, client=FROM) == over
    clock.pass_s(sign_in.STEP_S)
    code = later(backend, clock, secret)
    assert sign_in.finish(backend, token=second.token, code=code, client=FROM) == over


def test_wrong_codes_lock_the_account_as_wrong_passwords_do(
    backend: Backend, sam: SignedIn
) -> None:
    enrol_totp(backend, sam)
    results = [begin(backend, f"00000{n}") for n in range(FREE_FOR_ACCOUNT)]
    assert [r.reason for r in results if isinstance(r, SignInRefused)][-2:] == [
        SignInRefusal.WRONG,
        SignInRefusal.LOCKED,
    ]


def test_each_recovery_code_opens_once(backend: Backend, sam: SignedIn) -> None:
    _, codes = enrol_totp(backend, sam)
    assert len(set(codes)) == own_account.RECOVERY_CODES
    own = signed_in(backend, codes[0].upper())
    assert own.session.factor is Factor.RECOVERY
    assert begin(backend, codes[0]) == SignInRefused(reason=SignInRefusal.WRONG)
    assert operators.factors_of(backend.store, "sam").recovery_codes == len(codes) - 1
    drawn = own_account.new_recovery_codes(backend, own.session)
    assert begin(backend, codes[1]) == SignInRefused(reason=SignInRefusal.WRONG)
    signed_in(backend, drawn[1])


def test_an_authenticator_counts_only_after_its_first_right_code(
    backend: Backend, sam: SignedIn
) -> None:
    token, _ = own_account.begin_totp(backend, sam.session)
    with pytest.raises(InvalidError):
        own_account.finish_totp(backend, sam.session, token=token, code="000000")
    signed_in(backend)


def test_nobody_finishes_what_another_began(backend: Backend, sam: SignedIn) -> None:
    accounts.create_operator(backend, ADMIN, name="eve", password=PASSWORD, role=Role.GUARD)
    eve = sign_in.sign_in(backend, name="eve", password=PASSWORD, client=FROM)
    assert isinstance(eve, SignedIn)
    token, secret = own_account.begin_totp(backend, sam.session)
    code = one_time_codes.code_at(secret, backend.clock.now().utc_s)
    with pytest.raises(ConflictError):
        own_account.finish_totp(backend, eve.session, token=token, code=code)


def test_a_new_factor_ends_the_sessions_that_began_without_it(
    backend: Backend, sam: SignedIn
) -> None:
    other = signed_in(backend)
    enrol_totp(backend, sam)
    assert sign_in.resume(backend, other.token) is None
    assert sign_in.resume(backend, sam.token) is not None


def test_the_database_holds_neither_secret_nor_codes(backend: Backend, sam: SignedIn) -> None:
    secret, codes = enrol_totp(backend, sam)
    with backend.store.read() as connection:
        kept = [
            value
            for table in ("operators", "recovery_codes", "sign_in_steps", "audit_log")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}").all()
            for value in row
        ]
    for value in kept:
        assert not (isinstance(value, bytes) and secret in value)
        assert not (isinstance(value, str) and (codes[0] in value or secret.hex() in value))


def test_a_role_that_must_have_a_second_factor_sets_one_up_first(
    backend: Backend, sam: SignedIn, clock: StandingClock
) -> None:
    strict = requiring(backend, "security")
    own = signed_in(strict)
    assert own.session.duties == (Duty.SET_UP_SECOND_FACTOR,)
    secret, _ = enrol_totp(strict, own)
    assert fresh(strict, own).duties == ()
    with pytest.raises(ConflictError) as caught:
        own_account.remove_totp(strict, fresh(strict, own))
    assert caught.value.code == "second_factor_required"
    signed_in(strict, later(strict, clock, secret))


def test_whoever_lost_everything_is_helped_by_who_manages_accounts(
    backend: Backend, sam: SignedIn
) -> None:
    enrol_totp(backend, sam)
    accounts.forget_second_factor(backend, ADMIN, "sam")
    assert sign_in.resume(backend, sam.token) is None
    signed_in(backend)
    assert operators.factors_of(backend.store, "sam").recovery_codes == 0


def test_a_proof_counts_for_ten_minutes(
    backend: Backend, sam: SignedIn, clock: StandingClock
) -> None:
    def is_fresh() -> bool:
        return fresh(backend, sam).is_fresh(backend.config, backend.clock.now().utc_s)

    assert is_fresh()
    clock.pass_s(599)
    assert is_fresh()
    clock.pass_s(1)
    assert not is_fresh()
    refused = sign_in.confirm(backend, fresh(backend, sam), "wrong password", FROM)
    assert refused == SignInRefused(reason=SignInRefusal.WRONG)
    assert not is_fresh()
    assert sign_in.confirm(backend, fresh(backend, sam), PASSWORD, FROM) is None
    assert is_fresh()


def test_with_an_authenticator_the_password_is_no_proof(
    backend: Backend, sam: SignedIn, clock: StandingClock
) -> None:
    secret, _ = enrol_totp(backend, sam)
    session = fresh(backend, sam)
    assert sign_in.confirm(backend, session, PASSWORD, FROM) is not None
    assert sign_in.confirm(backend, session, later(backend, clock, secret), FROM) is None


def add(backend: Backend, own: SignedIn, key: SoftPasskey, place: Place = HERE) -> Sequence[str]:
    begun = passkeys.begin_adding(backend, own.session, place)
    return passkeys.finish_adding(
        backend, own.session, place,
        token=begun.token, answer=key.make(begun.options), label="Sam's phone",
    )  # fmt: skip


def use(backend: Backend, key: SoftPasskey) -> SignedIn | SignInRefused:
    begun = passkeys.begin_proving(backend, HERE)
    answer = key.use(begun.options)
    return passkeys.sign_in_with(backend, HERE, token=begun.token, answer=answer, client=FROM)


@pytest.fixture
def key() -> SoftPasskey:
    return SoftPasskey(HERE.origins[0], HERE.host)


def test_a_passkey_signs_in_without_name_or_password(
    backend: Backend, sam: SignedIn, key: SoftPasskey
) -> None:
    assert len(add(backend, sam, key)) == own_account.RECOVERY_CODES
    result = use(backend, key)
    assert isinstance(result, SignedIn)
    assert (result.session.actor.name, result.session.factor) == ("sam", Factor.PASSKEY)
    assert isinstance(begin(backend), SecondFactorNeeded)


def test_a_passkey_opens_an_account_that_wrong_passwords_have_locked(
    backend: Backend, sam: SignedIn, key: SoftPasskey
) -> None:
    add(backend, sam, key)
    for _ in range(FREE_FOR_ACCOUNT):
        sign_in.sign_in(backend, name="sam", password="wrong password", client=FROM)
    assert isinstance(begin(backend), SignInRefused)
    assert isinstance(use(backend, key), SignedIn)


def elsewhere(key: SoftPasskey) -> None:
    key.origin = "https://gate.example.evil.example"


def other_host(key: SoftPasskey) -> None:
    key.host = "evil.example"


def not_unlocked(key: SoftPasskey) -> None:
    key.flags &= ~0x04


def other_key(key: SoftPasskey) -> None:
    key.key = SoftPasskey("", "").key


def unknown(key: SoftPasskey) -> None:
    key.id = b"\x00" * 16


@pytest.mark.parametrize("change", [elsewhere, other_host, not_unlocked, other_key, unknown])
def test_a_passkey_that_does_not_hold_opens_nothing(
    backend: Backend, sam: SignedIn, key: SoftPasskey, change: Callable[[SoftPasskey], None]
) -> None:
    add(backend, sam, key)
    change(key)
    assert use(backend, key) == SignInRefused(reason=SignInRefusal.WRONG)


def test_a_challenge_is_good_for_one_answer(
    backend: Backend, sam: SignedIn, key: SoftPasskey, clock: StandingClock
) -> None:
    add(backend, sam, key)
    begun = passkeys.begin_proving(backend, HERE)
    answer = key.use(begun.options)
    for expected in (SignedIn, SignInRefused):
        again = passkeys.sign_in_with(backend, HERE, token=begun.token, answer=answer, client=FROM)
        assert isinstance(again, expected)
    late = passkeys.begin_proving(backend, HERE)
    clock.pass_s(sign_in.STEP_S)
    result = passkeys.sign_in_with(
        backend, HERE, token=late.token, answer=key.use(late.options), client=FROM
    )
    assert isinstance(result, SignInRefused)


def test_a_copied_key_shows_by_its_count(backend: Backend, sam: SignedIn, key: SoftPasskey) -> None:
    add(backend, sam, key)
    for _ in range(2):
        assert isinstance(use(backend, key), SignedIn)
    key.count = 0
    assert isinstance(use(backend, key), SignInRefused)


@pytest.mark.parametrize(
    "answer", [{}, {"id": "!"}, {"id": 7}, {"id": "AA", "response": []}, {"id": "é"}]
)
def test_rubbish_in_the_place_of_an_answer_is_refused(
    sqlite_backend: Backend, answer: dict[str, object]
) -> None:
    accounts.create_operator(
        sqlite_backend, ADMIN, name="sam", password=PASSWORD, role=Role.SECURITY
    )
    own = signed_in(sqlite_backend)
    adding = passkeys.begin_adding(sqlite_backend, own.session, HERE)
    with pytest.raises(InvalidError):
        passkeys.finish_adding(
            sqlite_backend, own.session, HERE, token=adding.token, answer=answer, label="x"
        )
    begun = passkeys.begin_proving(sqlite_backend, HERE)
    assert passkeys.sign_in_with(
        sqlite_backend, HERE, token=begun.token, answer=answer, client=FROM
    ) == SignInRefused(reason=SignInRefusal.WRONG)


def test_a_known_passkey_is_not_added_twice_nor_by_somebody_else(
    backend: Backend, sam: SignedIn, key: SoftPasskey
) -> None:
    add(backend, sam, key)
    with pytest.raises(ConflictError):
        add(backend, sam, key)


def test_anothers_passkey_is_no_proof(backend: Backend, sam: SignedIn, key: SoftPasskey) -> None:
    add(backend, sam, key)
    accounts.create_operator(backend, ADMIN, name="eve", password=PASSWORD, role=Role.GUARD)
    eve = sign_in.sign_in(backend, name="eve", password=PASSWORD, client=FROM)
    assert isinstance(eve, SignedIn)
    for own, is_theirs in ((eve, False), (sam, True)):
        begun = passkeys.begin_proving(backend, HERE)
        answer = key.use(begun.options)
        assert (
            passkeys.confirm_with(backend, own.session, HERE, token=begun.token, answer=answer)
            is is_theirs
        )


def test_a_removed_passkey_opens_nothing_and_recovery_codes_go_with_the_last(
    backend: Backend, sam: SignedIn, key: SoftPasskey
) -> None:
    add(backend, sam, key)
    with pytest.raises(NotFoundError):
        passkeys.remove(backend, sam.session, "0" * 16)
    passkeys.remove(backend, sam.session, passkeys.handle_of(key.id))
    assert isinstance(use(backend, key), SignInRefused)
    assert operators.factors_of(backend.store, "sam").recovery_codes == 0
    signed_in(backend)


def test_a_closed_account_has_no_use_for_its_passkey(
    backend: Backend, sam: SignedIn, key: SoftPasskey
) -> None:
    add(backend, sam, key)
    accounts.disable_operator(backend, ADMIN, "sam")
    assert use(backend, key) == SignInRefused(reason=SignInRefusal.DISABLED)


@pytest.mark.parametrize(
    ("origin", "header", "place"),
    [
        ("", "gate.example", Place(
            origins=("https://gate.example", "http://gate.example"), host="gate.example")),
        ("", "localhost:8080", Place(
            origins=("https://localhost:8080", "http://localhost:8080"), host="localhost")),
        ("https://gate.example:8443", "evil.example", Place(
            origins=("https://gate.example:8443",), host="gate.example")),
    ],
)  # fmt: skip
def test_keys_are_tied_to_the_consoles_address(
    sqlite_backend: Backend, origin: str, header: str, place: Place
) -> None:
    http = sqlite_backend.config.http.model_copy(update={"origin": origin})
    config = sqlite_backend.config.model_copy(update={"http": http})
    assert passkeys.place_of(replace(sqlite_backend, config=config), header) == place


def test_changes_of_second_factors_stand_in_the_audit_log(
    backend: Backend, sam: SignedIn, key: SoftPasskey
) -> None:
    secret, codes = enrol_totp(backend, sam)
    add(backend, sam, key)
    own_account.remove_totp(backend, sam.session)
    rows = audit_trail.page(backend.store).items
    assert {"add_totp", "add_passkey", "remove_totp", "prove"} <= {row.action for row in rows}
    for unsaid in (secret.hex(), one_time_codes.typed_form(secret), codes[0], key.id.hex()):
        assert unsaid not in repr(rows)


def requiring(backend: Backend, role: str) -> Backend:
    section = backend.config.accounts.model_copy(update={"second_factor_roles": (role,)})
    return replace(backend, config=backend.config.model_copy(update={"accounts": section}))
