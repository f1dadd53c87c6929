"""The way out to the organisation's provider and back, as a browser without scripts takes it."""

import html
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from doorward_controller import wiring
from doorward_controller.app import create_app
from doorward_controller.config import Http
from doorward_controller.domain.permissions import Role
from doorward_controller.services import outside_sign_in, sign_in
from doorward_controller.services.backend import Backend
from tests.controller.conftest import StandingClock, make_config
from tests.controller.console.conftest import Plant, Prepared, token_of
from tests.controller.test_outside_sign_in import ORIGIN, settings
from tests.fakes.controller_link import FakeLink
from tests.fakes.openid_provider import OpenIdProvider, providing
from tests.fakes.operators import NAMES
from tests.fakes.running_server import UNREAD, running


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A console whose people can sign in by a provider."""

    backend: Backend
    provider: OpenIdProvider
    address: str
    tokens: dict[Role, str]
    ends: ExitStack

    def browser(self, language: str = "en") -> httpx.Client:
        client = httpx.Client(
            base_url=self.address, headers={"accept-language": language}, verify=UNREAD,
            trust_env=False, timeout=30,
        )  # fmt: skip
        return self.ends.enter_context(client)

    def away_and_back(self, browser: httpx.Client, path: str) -> httpx.Response:
        """Follows the way to the provider and returns what the way back ends in."""
        away = browser.get(path)
        assert away.status_code == 303, away.text
        back = self.provider.authorize(away.headers["location"])
        assert back.startswith(ORIGIN)
        return browser.get(back.removeprefix(ORIGIN))

    def administrator(self) -> httpx.Client:
        browser = self.browser()
        browser.cookies.set(sign_in.COOKIE, self.tokens[Role.ADMIN], domain="127.0.0.1")
        return browser

    def invitation(self, name: str) -> str:
        browser = self.administrator()
        page = browser.get(f"/accounts/{name}").text
        sent = {"csrf_token": token_of(page)}
        made = browser.post(f"/accounts/{name}/invite-outside", data=sent)
        found = re.search(rf'value="{ORIGIN}(/invited/[^"]+)"', made.text)
        assert found, made.text
        return found[1]


@pytest.fixture
def gate(prepared: Prepared, tmp_path: Path, clock: StandingClock) -> Iterator[Gate]:
    shutil.copytree(prepared.data_dir, tmp_path / "gate")
    with providing(lambda: clock.now().utc_s) as provider, ExitStack() as ends:
        config = make_config(tmp_path / "gate").model_copy(
            update={
                "oidc": settings(provider, tmp_path, label="Example Corp <b>"),
                "http": Http(secure_cookies=False, origin=ORIGIN),
            }
        )
        backend = wiring.open_backend(config, clock=clock, publisher=FakeLink())
        with running(create_app(backend), backend.feed) as at:
            yield Gate(
                backend=backend, provider=provider, address=at, tokens=dict(prepared.tokens),
                ends=ends,
            )  # fmt: skip
        backend.store.close()


def test_the_button_is_there_only_where_a_provider_is_set(plant: Plant, gate: Gate) -> None:
    assert "/sign-in/outside" not in plant.visitor().get("/sign-in").text
    english = gate.browser().get("/sign-in").text
    assert "Sign in with Example Corp &lt;b&gt;" in english
    assert 'name="password"' in english, "the way by password is gone"
    assert "用 Example Corp &lt;b&gt; 登录" in gate.browser("zh-CN").get("/sign-in").text


@pytest.mark.parametrize(
    "path", ["/sign-in/outside", "/sign-in/outside/return?state=x&code=y", "/invited/abc"]
)
def test_where_none_is_set_there_is_no_such_page(plant: Plant, path: str) -> None:
    assert plant.visitor().get(path).status_code == 404


def test_an_invited_person_links_and_is_signed_in(gate: Gate) -> None:
    browser, name = gate.browser(), NAMES[Role.GUARD]
    path = gate.invitation(name)
    page = browser.get(path).text
    assert f"as {name} with your account at Example Corp" in page
    link = re.search(r'href="(/sign-in/outside\?invitation=[^"]+)"', page)
    assert link
    arrived = gate.away_and_back(browser, html.unescape(link[1]))
    assert arrived.status_code == 200
    assert 'http-equiv="refresh" content="0; url=/"' in arrived.text
    kept = {each.partition("=")[0]: each for each in arrived.headers.get_list("set-cookie")}
    assert "SameSite=strict" in kept[sign_in.COOKIE]
    assert "HttpOnly" in kept[sign_in.COOKIE]
    assert "Max-Age=0" in kept[outside_sign_in.COOKIE]
    assert "Outside account" in browser.get("/account").text
    assert browser.get(path).status_code == 404, "the invitation counts again"
    shown = gate.administrator().get(f"/accounts/{name}").text
    assert "invited by ada" in shown


def test_the_way_out_remembers_where_the_reader_wanted_to_go(gate: Gate) -> None:
    gate.away_and_back(gate.browser(), f"/sign-in/outside?invitation={gate.invitation('gus')[9:]}")
    browser = gate.browser()
    away = browser.get("/sign-in/outside?to=/scans%3Foutcome%3Ddeny")
    cookie = away.headers["set-cookie"]
    assert "SameSite=lax" in cookie
    assert "HttpOnly" in cookie
    assert urlsplit(away.headers["location"]).path == "/authorize"
    back = gate.provider.authorize(away.headers["location"])
    arrived = browser.get(back.removeprefix(ORIGIN))
    assert 'url=/scans?outcome=deny"' in arrived.text


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_nobody_is_led_to_another_site(gate: Gate, to: str) -> None:
    gate.away_and_back(gate.browser(), f"/sign-in/outside?invitation={gate.invitation('gus')[9:]}")
    arrived = gate.away_and_back(gate.browser(), f"/sign-in/outside?to={to}")
    assert arrived.status_code == 200
    assert "evil" not in arrived.text


def test_who_is_not_linked_is_told_what_to_do(gate: Gate) -> None:
    answer = gate.away_and_back(gate.browser(), "/sign-in/outside")
    assert answer.status_code == 401
    assert "Ask your system administrator for an invitation." in answer.text
    assert sign_in.COOKIE not in answer.cookies


def test_a_way_back_without_its_cookie_signs_nobody_in(gate: Gate) -> None:
    gate.away_and_back(gate.browser(), f"/sign-in/outside?invitation={gate.invitation('gus')[9:]}")
    away = gate.browser().get("/sign-in/outside")
    back = gate.provider.authorize(away.headers["location"])
    answer = gate.browser().get(back.removeprefix(ORIGIN))
    assert answer.status_code == 401
    assert sign_in.COOKIE not in answer.cookies


def test_who_came_that_way_may_prove_it_that_way(gate: Gate, clock: StandingClock) -> None:
    browser = gate.browser()
    gate.away_and_back(browser, f"/sign-in/outside?invitation={gate.invitation('gus')[9:]}")
    clock.pass_s(3600)
    asked = browser.get("/account/tokens")
    assert (asked.status_code, asked.headers["location"][:8]) == (303, "/confirm")
    page = browser.get("/confirm?to=/account/tokens").text
    assert "Prove it with Example Corp" in page
    arrived = gate.away_and_back(browser, "/confirm/outside?to=/account/tokens")
    assert 'url=/account/tokens"' in arrived.text
    assert browser.get("/account/tokens").status_code == 200


def test_an_administrator_unlinks_an_account(gate: Gate) -> None:
    browser = gate.browser()
    gate.away_and_back(browser, f"/sign-in/outside?invitation={gate.invitation('gus')[9:]}")
    admin = gate.administrator()
    page = admin.get("/accounts/gus").text
    done = admin.post("/accounts/gus/unlink-outside", data={"csrf_token": token_of(page)})
    assert done.headers["location"] == "/accounts/gus?done=outside-unlinked"
    assert browser.get("/").status_code == 303
    assert gate.away_and_back(gate.browser(), "/sign-in/outside").status_code == 401
