"""Who asks too often is told so, and how to go on; nobody else notices."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from doorward_controller.config import Limits
from doorward_controller.domain.permissions import Role
from doorward_controller.services import request_pace
from doorward_controller.services.backend import Backend
from tests.controller.conftest import StandingClock
from tests.controller.test_api import Caller, bearer, calling, check_problem

GATEWAYS = "/api/v1/gateways"


def limited(backend: Backend, **limits: float) -> Backend:
    config = backend.config.model_copy(update={"limits": Limits.model_validate(limits)})
    return replace(backend, config=config)


@pytest.fixture
def client(sqlite_backend: Backend) -> Iterator[Caller]:
    wanted = limited(
        sqlite_backend, requests_per_s=1, burst=3, address_requests_per_s=1, address_burst=8
    )
    with calling(wanted) as caller:
        yield caller


def test_a_token_that_asks_too_often_waits(client: Caller, clock: StandingClock) -> None:
    headers = bearer(client, Role.FACILITY)
    answers = [client.get(GATEWAYS, headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit"] for answer in answers] == [
        '"token";r=2;t=1',
        '"token";r=1;t=2',
        '"token";r=0;t=3',
        '"token";r=0;t=3',
    ]
    assert answers[0].headers["ratelimit-policy"] == '"token";q=3;w=3'
    check_problem(answers[3], 429, "too_many_requests")
    assert answers[3].headers["retry-after"] == "1"
    clock.pass_s(1)
    assert client.get(GATEWAYS, headers=headers).status_code == 200


def test_another_token_is_not_kept_waiting(client: Caller) -> None:
    first, second = bearer(client, Role.FACILITY), bearer(client, Role.SECURITY)
    for _ in range(4):
        client.get(GATEWAYS, headers=first)
    assert client.get(GATEWAYS, headers=second).status_code == 200


def test_guessed_tokens_share_their_address(client: Caller) -> None:
    guesses = [
        client.get(GATEWAYS, headers={"Authorization": f"Bearer dwt_{n}"}).status_code
        for n in range(9)
    ]
    assert guesses == [401] * 8 + [429]
    last = client.get(GATEWAYS)
    assert last.headers["ratelimit-policy"] == '"address";q=8;w=8'


def test_refusals_say_what_is_left_too(client: Caller) -> None:
    assert client.get("/api/v1/nothing").headers["ratelimit"] == '"address";r=7;t=1'


def test_the_settings_turn_it_off(sqlite_backend: Backend) -> None:
    with calling(limited(sqlite_backend, enabled=False, burst=1, address_burst=1)) as client:
        answers = [client.get(GATEWAYS) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {401}
    assert "ratelimit" not in answers[0].headers


def test_what_is_remembered_of_callers_has_a_bound(
    client: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forgotten bucket is a full one: the bound must not be lower than any attack is wide."""
    assert request_pace.MAX_CALLERS > 10_000
    monkeypatch.setattr(request_pace, "MAX_CALLERS", 2)
    one = bearer(client, Role.FACILITY)
    for _ in range(3):
        client.get(GATEWAYS, headers=one)
    assert client.get(GATEWAYS, headers=one).status_code == 429
    client.get(GATEWAYS, headers={"Authorization": "Bearer other"})
    client.get(GATEWAYS, headers={"Authorization": "Bearer another"})
    assert client.get(GATEWAYS, headers=one).status_code == 200
