"""Signing in by an account of the organisation, at a real provider on this machine that may lie."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from doorward_controller import wiring
from doorward_controller.checking import check_everything
from doorward_controller.config import Accounts, Config, Http, Oidc
from doorward_controller.domain.id_tokens import Expected, TokenRefusedError, proven
from doorward_controller.domain.permissions import Role
from doorward_controller.errors import ConflictError, NotFoundError
from doorward_controller.queries import audit_trail, operators
from doorward_controller.queries.audit_trail import AuditFilter
from doorward_controller.services import accounts, outside_accounts, outside_sign_in, sign_in
from doorward_controller.services.backend import Backend
from doorward_controller.services.outside_sign_in import Answer, Begun, Finished, Proved
from doorward_controller.services.proving import Factor, SignInRefused
from doorward_controller.services.sign_in import Duty, SecondFactorNeeded, SignedIn
from doorward_controller.store import accounts as rows
from tests.controller.conftest import ADMIN, StandingClock, make_config
from tests.fakes import openid_provider
from tests.fakes.controller_link import FakeLink
from tests.fakes.openid_provider import CLIENT_ID, SECRET, OpenIdProvider, providing

PASSWORD = "correct horse battery"
ORIGIN = "https://doorward.example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A controller and the provider that it asks."""

    backend: Backend
    provider: OpenIdProvider

    def begin(self, **how: Any) -> Begun:
        begun = outside_sign_in.begin(self.backend, to="/scans", **how)
        assert isinstance(begun, Begun)
        return begun

    def finish(self, begun: Begun, back: str = "", **changes: Any) -> Finished:
        """What the browser brings back; `changes` are what somebody made of it on the way."""
        found = dict(parse_qsl(urlsplit(back or self.provider.authorize(begun.address)).query))
        told: dict[str, Any] = {
            "state": found.get("state", ""), "code": found.get("code", ""),
            "issuer": found.get("iss"),
        }  # fmt: skip
        answer = Answer(**(told | changes))
        return outside_sign_in.finish(
            self.backend, token=begun.token, answer=answer, client="192.0.2.7"
        )

    def sign_in(self) -> object:
        return self.finish(self.begin()).result

    def refusal(self, finished: Finished) -> str:
        assert isinstance(finished.result, SignInRefused)
        return finished.result.reason.value

    def link(self, name: str) -> object:
        token = outside_accounts.invite(self.backend, ADMIN, name)
        return self.finish(self.begin(invitation=token)).result

    def audit(self) -> tuple[str, str, str]:
        newest = audit_trail.page(self.backend.store, AuditFilter(), limit=1).items[0]
        return newest.actor, newest.action, newest.outcome


def settings(provider: OpenIdProvider, folder: Path, **more: Any) -> Oidc:
    secret = folder / "secret"
    secret.write_text(SECRET + "\n")
    return Oidc(issuer=provider.issuer, client_id=CLIENT_ID, client_secret_file=secret, **more)


def open_door(
    new_site: Path, tmp_path: Path, clock: StandingClock, provider: OpenIdProvider, **more: Any
) -> Door:
    data = tmp_path / "data"
    if not data.exists():
        shutil.copytree(new_site, data)
    config = make_config(data).model_copy(
        update={
            "oidc": settings(provider, tmp_path, **more),
            "http": Http(secure_cookies=False, origin=ORIGIN),
            "accounts": Accounts(second_factor_roles=("security",)),
        }
    )
    backend = wiring.open_backend(config, clock=clock, publisher=FakeLink())
    return Door(backend=backend, provider=provider)


@pytest.fixture
def provider(clock: StandingClock) -> Iterator[OpenIdProvider]:
    with providing(lambda: clock.now().utc_s) as made:
        yield made


@pytest.fixture
def door(
    new_site: Path, tmp_path: Path, clock: StandingClock, provider: OpenIdProvider
) -> Iterator[Door]:
    made = open_door(new_site, tmp_path, clock, provider)
    accounts.create_operator(made.backend, ADMIN, name="gus", password=PASSWORD, role=Role.GUARD)
    yield made
    made.backend.store.close()


# --- who is let in


def test_nobody_is_let_in_or_made_whom_no_administrator_invited(door: Door) -> None:
    door.provider.claims = {"email": "gus@example.org", "preferred_username": "gus"}
    finished = door.finish(door.begin())
    assert door.refusal(finished) == "not_linked"
    assert door.audit() == ("unknown", "sign_in", "not_linked")
    assert {row.name for row in operators.all_operators(door.backend.store)} == {"gus"}


def test_an_invitation_links_and_from_then_on_the_account_signs_in(door: Door) -> None:
    first = door.link("gus")
    assert isinstance(first, SignedIn)
    assert first.session.actor.name == "gus"
    assert first.session.factor is Factor.OUTSIDE
    found = audit_trail.page(door.backend.store, AuditFilter(), limit=3).items
    assert [(row.actor, row.action) for row in found][:2] == [
        ("gus", "sign_in"), ("gus", "link_outside_account"),
    ]  # fmt: skip
    again = door.sign_in()
    assert isinstance(again, SignedIn)
    assert sign_in.resume(door.backend, again.token) is not None
    shown = operators.sessions_of(
        door.backend.store, "gus", now_utc_s=door.backend.clock.now().utc_s, idle_s=7200
    )
    assert {row.factor for row in shown} == {"outside"}
    accounts.end_sessions(door.backend, ADMIN, "gus")
    assert sign_in.resume(door.backend, again.token) is None


def test_a_person_of_the_same_name_at_the_provider_is_somebody_else(door: Door) -> None:
    door.link("gus")
    door.provider.subject = "person-18"
    assert door.refusal(door.finish(door.begin())) == "not_linked"


def test_an_invitation_counts_once_and_for_three_days(door: Door, clock: StandingClock) -> None:
    token = outside_accounts.invite(door.backend, ADMIN, "gus")
    assert outside_sign_in.invited(door.backend, token) == "gus"
    clock.pass_s(outside_accounts.INVITED_S)
    assert outside_sign_in.invited(door.backend, token) is None
    assert door.refusal(door.finish(door.begin(invitation=token))) == "linked_already"
    token = outside_accounts.invite(door.backend, ADMIN, "gus")
    door.finish(door.begin(invitation=token))
    door.provider.subject = "person-18"
    assert door.refusal(door.finish(door.begin(invitation=token))) == "linked_already"


def test_an_account_there_belongs_to_one_person_here(door: Door) -> None:
    accounts.create_operator(door.backend, ADMIN, name="hal", password=PASSWORD, role=Role.HOST)
    door.link("gus")
    refused = door.link("hal")
    assert isinstance(refused, SignInRefused)
    assert refused.reason.value == "linked_already"
    with pytest.raises(ConflictError):
        outside_accounts.invite(door.backend, ADMIN, "gus")


def test_an_unlinked_account_signs_nobody_in_and_its_sessions_end(door: Door) -> None:
    signed_in = door.link("gus")
    assert isinstance(signed_in, SignedIn)
    outside_accounts.unlink(door.backend, ADMIN, "gus")
    assert sign_in.resume(door.backend, signed_in.token) is None
    assert door.refusal(door.finish(door.begin())) == "not_linked"
    with pytest.raises(NotFoundError):
        outside_accounts.unlink(door.backend, ADMIN, "gus")


def test_a_closed_account_stays_closed_and_reopening_forgets_the_link(door: Door) -> None:
    door.link("gus")
    accounts.disable_operator(door.backend, ADMIN, "gus")
    assert door.refusal(door.finish(door.begin())) == "disabled"
    accounts.reopen_operator(door.backend, ADMIN, "gus")
    assert door.refusal(door.finish(door.begin())) == "not_linked"


def test_the_way_by_password_stays_open_while_the_provider_is_away(door: Door) -> None:
    door.provider.is_away = True
    begun = outside_sign_in.begin(door.backend, to="/")
    assert isinstance(begun, SignInRefused)
    assert begun.reason.value == "unreachable"
    result = sign_in.sign_in(door.backend, name="gus", password=PASSWORD, client="x")
    assert isinstance(result, SignedIn)


# --- second factors


def with_authenticator(door: Door, name: str) -> None:
    with door.backend.store.write() as connection:
        operator = rows.find_operator(connection, name)
        assert operator is not None
        rows.change_operator(connection, operator.id, totp_sealed=b"sealed")


def test_a_second_factor_here_is_asked_for_whatever_the_provider_says(door: Door) -> None:
    door.link("gus")
    with_authenticator(door, "gus")
    door.provider.claims = {"amr": ["mfa"]}
    assert isinstance(door.sign_in(), SecondFactorNeeded)


@pytest.mark.parametrize(
    ("told", "is_enough"),
    [
        ({"amr": ["pwd", "mfa"]}, True),
        ({"amr": ["pwd"]}, False),
        ({"amr": "mfa"}, False),
        ({"acr": "gold"}, True),
        ({"acr": "silver"}, False),
        ({}, False),
    ],
)
def test_a_provider_that_is_trusted_vouches_for_the_second_factor(
    new_site: Path, tmp_path: Path, clock: StandingClock, provider: OpenIdProvider,
    told: dict[str, object], is_enough: bool,
) -> None:  # fmt: skip
    door = open_door(
        new_site, tmp_path, clock, provider, trust_second_factor=True, acr_values=("gold",)
    )
    accounts.create_account(door.backend, ADMIN, name="sam", role=Role.SECURITY)
    provider.claims = told
    result = door.link("sam")
    assert isinstance(result, SignedIn)
    assert "acr_values" in provider.asked[0]
    strong = (Factor.OUTSIDE_STRONG, ())
    weak = (Factor.OUTSIDE, (Duty.SET_UP_SECOND_FACTOR,))
    assert (result.session.factor, result.session.duties) == (strong if is_enough else weak)
    door.backend.store.close()


# --- proving again


def test_who_came_that_way_proves_again_by_signing_in_there_anew(
    door: Door, clock: StandingClock
) -> None:
    signed_in = door.link("gus")
    assert isinstance(signed_in, SignedIn)
    clock.pass_s(3600)
    session = sign_in.resume(door.backend, signed_in.token)
    assert session is not None
    assert not session.is_fresh(door.backend.config, clock.now().utc_s)
    assert isinstance(door.finish(door.begin(session=session)).result, Proved)
    asked = door.provider.asked[-1]
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    session = sign_in.resume(door.backend, signed_in.token)
    assert session is not None
    assert session.is_fresh(door.backend.config, clock.now().utc_s)


@pytest.mark.parametrize("lie", [{"auth_time": None}, {"auth_time": 1_000}, {"sub": "another"}])
def test_an_old_sign_in_there_or_somebody_elses_is_no_proof(
    door: Door, lie: dict[str, object]
) -> None:
    signed_in = door.link("gus")
    assert isinstance(signed_in, SignedIn)
    door.provider.claims = lie
    refused = door.finish(door.begin(session=signed_in.session)).result
    assert isinstance(refused, SignInRefused)


# --- what is not believed


LIES = {
    "another nonce": {"nonce": "guessed"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://evil.example"},
    "meant for another program": {"aud": "payroll"},
    "for two, and not said for whom": {"aud": ["payroll", CLIENT_ID]},
    "for two, and meant for the other": {"aud": ["payroll", CLIENT_ID], "azp": "payroll"},
    "given to another program": {"azp": "payroll"},
    "ended": {"exp": 1_000_000_000},
    "without an end": {"exp": None},
    "made long ago": {"iat": 1_000_000_000},
    "made in the future": {"iat": 2_000_000_000},
    "made when nobody knows": {"iat": None},
    "not valid yet": {"nbf": 2_000_000_000},
    "a time that is none": {"exp": True},
    "nobody": {"sub": None},
    "nobody either": {"sub": ""},
    "a number": {"sub": 17},
    "a name that is too long": {"sub": "x" * 256},
    "a name with a line's end": {"sub": "person-17\n"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_token_that_is_signed_but_not_for_this_sign_in_is_refused(
    door: Door, lie: dict[str, object]
) -> None:
    door.link("gus")
    door.provider.claims = lie
    assert door.refusal(door.finish(door.begin())) == "not_accepted"
    assert door.audit() == ("unknown", "sign_in", "not_accepted")


FORGERIES = {
    "no signature at all": openid_provider.unsigned,
    "the public key taken for a secret": openid_provider.signed_with_public_key,
    "somebody else's key": openid_provider.signed_by_another,
    "changed after it was signed": openid_provider.altered,
    "an algorithm that is not allowed": lambda provider, claims: openid_provider.signed(
        provider.key, claims, "RS512"
    ),
    "no token": lambda *_: "abc",
    "not even text": lambda *_: "é.ü.ö",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_token_whose_signature_is_not_the_providers_is_refused(door: Door, forge: Any) -> None:
    door.link("gus")
    door.provider.forge = forge
    assert door.refusal(door.finish(door.begin())) == "not_accepted"


def test_an_answer_that_comes_twice_finds_nothing(door: Door) -> None:
    door.link("gus")
    begun = door.begin()
    back = door.provider.authorize(begun.address)
    assert isinstance(door.finish(begun, back).result, SignedIn)
    assert door.refusal(door.finish(begun, back)) == "over"


def test_a_code_that_was_used_before_is_refused_by_the_provider(door: Door) -> None:
    """Stolen from the address of one browser and brought by another: PKCE does not fit either."""
    door.link("gus")
    first, second = door.begin(), door.begin()
    stolen = dict(parse_qsl(urlsplit(door.provider.authorize(first.address)).query))["code"]
    assert door.refusal(door.finish(second, code=stolen)) == "not_accepted"
    assert door.refusal(door.finish(door.begin(), code="code-1")) == "not_accepted"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": "guessed"}, "over"),
        ({"state": ""}, "over"),
        ({"issuer": "https://evil.example"}, "not_accepted"),
        ({"issuer": None}, "not_accepted"),
        ({"code": ""}, "cancelled"),
        ({"error": "access_denied"}, "cancelled"),
    ],
)
def test_an_answer_that_does_not_fit_the_question_is_refused(
    door: Door, changes: dict[str, Any], reason: str
) -> None:
    door.link("gus")
    assert door.refusal(door.finish(door.begin(), **changes)) == reason


def test_another_browser_cannot_finish_what_was_begun_in_this_one(door: Door) -> None:
    door.link("gus")
    mine, theirs = door.begin(), door.begin()
    back = door.provider.authorize(mine.address)
    assert door.refusal(door.finish(theirs, back)) == "over"
    assert door.refusal(door.finish(Begun(address="", token=""), back)) == "over"


def test_what_was_begun_is_over_after_some_minutes(door: Door, clock: StandingClock) -> None:
    begun = door.begin()
    clock.pass_s(sign_in.STEP_S)
    assert door.refusal(door.finish(begun)) == "over"


def test_wrong_answers_make_the_address_wait(door: Door) -> None:
    for _ in range(20):
        door.finish(door.begin())
    assert door.refusal(door.finish(door.begin())) == "address_locked"


# --- keys and the provider's own words


def test_new_keys_are_found_and_old_ones_forgotten(door: Door, clock: StandingClock) -> None:
    door.link("gus")
    old = door.provider.key
    door.provider.rotate()
    clock.pass_s(60)
    assert isinstance(door.sign_in(), SignedIn)
    door.provider.forge = lambda _, claims: openid_provider.signed(old, claims)
    clock.pass_s(60)
    assert door.refusal(door.finish(door.begin())) == "not_accepted"


def test_unknown_keys_do_not_make_us_ask_again_and_again(door: Door) -> None:
    door.link("gus")
    before = door.provider.counts["/keys"]
    strange = openid_provider.new_key("strange")
    door.provider.forge = lambda _, claims: openid_provider.signed(strange, claims)
    for _ in range(5):
        door.finish(door.begin())
    assert door.provider.counts["/keys"] <= before + 1
    assert door.provider.counts["/.well-known/openid-configuration"] == 1


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
def test_a_provider_that_is_another_one_or_not_safe_is_not_used(
    door: Door, lie: dict[str, object]
) -> None:
    door.provider.metadata = lie
    begun = outside_sign_in.begin(door.backend, to="/")
    assert isinstance(begun, SignInRefused)
    assert begun.reason.value == "unreachable"


@pytest.mark.parametrize("endpoint", ["token_endpoint", "jwks_uri"])
def test_codes_and_keys_go_nowhere_by_plain_http(door: Door, endpoint: str) -> None:
    door.provider.metadata = {endpoint: "http://evil.example/x"}
    assert door.refusal(door.finish(door.begin())) == "unreachable"


def test_what_is_asked_is_as_the_standards_want_it(door: Door) -> None:
    one, two = door.begin(), door.begin()
    for begun in (one, two):
        door.provider.authorize(begun.address)
    first, second = door.provider.asked
    assert first["response_type"] == "code"
    assert first["scope"] == "openid"
    assert first["redirect_uri"] == f"{ORIGIN}/sign-in/outside/return"
    assert first["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
        assert len(first[name]) >= 43


def test_check_says_whether_the_provider_can_be_asked(door: Door) -> None:
    def said() -> tuple[bool, str]:
        found = {each.what: each for each in check_everything(door.backend.config)}
        return found["outside sign-in"].is_good, found["outside sign-in"].text

    good, text = said()
    assert good
    assert f"{ORIGIN}/sign-in/outside/return" in text
    door.provider.is_away = True
    good, text = said()
    assert not good
    assert "503" in text


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"issuer": "http://login.example.org", "client_id": "x"}, "https://"),
        ({"issuer": "login.example.org", "client_id": "x"}, "https://"),
        ({"issuer": "https://login.example.org?x=1", "client_id": "x"}, "without"),
        ({"issuer": "https://login.example.org"}, "client_id"),
        ({"client_id": "x"}, "issuer"),
        ({"issuer": "https://a.example", "client_id": "x", "algorithms": ["HS256"]}, "RS256"),
        ({"issuer": "https://a.example", "client_id": "x", "algorithms": ["none"]}, "RS256"),
        ({"issuer": "https://a.example", "client_id": "x", "algorithms": []}, "at least 1"),
        ({"issuer": "https://a.example", "client_id": "x", "clock_skew_s": 3600}, "300"),
    ],
)
def test_settings_that_would_not_be_safe_are_refused(
    table: dict[str, object], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        Oidc.model_validate(table)


def test_an_address_of_our_own_is_needed(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    with pytest.raises(ValueError, match=r"http\.origin"):
        Config.model_validate(
            config.model_dump() | {"oidc": {"issuer": "https://a.example", "client_id": "x"}}
        )


def test_clocks_may_differ_a_little() -> None:
    expected = Expected(issuer="i", client_id="c", nonce="n", skew_s=60)
    claims = {"iss": "i", "aud": ["c"], "sub": "s", "nonce": "n", "iat": 1_000, "exp": 1_300}
    for now_s in (941, 1_000, 1_359):
        assert proven(claims, expected, now_s).subject == "s"
    for now_s, code in ((939, "from_the_future"), (1_360, "expired")):
        with pytest.raises(TokenRefusedError) as refused:
            proven(claims, expected, now_s)
        assert refused.value.code == code
