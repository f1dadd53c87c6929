"""Before a release: which gateways are too old for it, to people, programs and on the machine."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward.policy_needs import Effect, Need
from doorward.software import Version
from doorward_controller.config import SecondPerson
from doorward_controller.domain.difference_words import say_too_old
from doorward_controller.domain.permissions import Role
from doorward_controller.domain.rule_book import RuleBook, ZoneOptions
from doorward_controller.domain.software_age import too_old
from doorward_controller.services import policy_preview, policy_release, rules
from doorward_controller.services.backend import Backend
from doorward_controller.store.schema import gateways
from tests.controller.conftest import SECURITY
from tests.controller.test_api import bearer, calling
from tests.controller.test_everyday_commands import Site
from tests.fakes.enrolled import enrolled
from tests.kit.plant import GATE, policy


def has(backend: Backend, gateway: str, software: str | None) -> None:
    """Sets what a gateway said of itself last; None: it was never heard."""
    birth = {} if software is None else {"software": software}
    with backend.store.write() as connection:
        connection.execute(
            sa.update(gateways)
            .where(gateways.c.name == gateway)
            .values(birth_json=json.dumps(birth))
        )


def limited(backend: Backend) -> None:
    """Saves rules that limit how often one person enters the site."""
    book = rules.current(backend)
    limit = {"zone_rules": {"site": ZoneOptions(per_day=2)}}
    rules.save_rules(backend, SECURITY, RuleBook.model_validate(book.model_copy(update=limit)))


@pytest.fixture
def fleet(backend: Backend) -> Backend:
    for name, software in (("new", "0.1.0"), ("old", "0.0.9"), ("silent", None), ("gone", "0.0.1")):
        enrolled(backend, name)
        has(backend, name, software)
    with backend.store.write() as connection:
        away = sa.update(gateways).where(gateways.c.name == "gone")
        connection.execute(away.values(state="revoked"))
    return backend


def test_who_is_too_old_is_named_before_the_release_and_in_its_answer(fleet: Backend) -> None:
    assert policy_preview.compare(fleet, SECURITY).too_old == ()
    limited(fleet)
    foreseen = policy_preview.compare(fleet, SECURITY).too_old
    assert [(each.gateway, each.software, each.effect) for each in foreseen] == [
        ("old", "0.0.9", Effect.REFUSE),
        ("silent", "", Effect.REFUSE),
    ]
    assert (foreseen[0].needs, foreseen[0].fields) == ("0.1.0", ("zone_rules.per_day",))
    assert foreseen[0].where == ("site",)
    assert policy_release.release(fleet, SECURITY).too_old == foreseen
    has(fleet, "old", "0.1.0")
    has(fleet, "silent", "0.2.0")
    assert policy_release.release(fleet, SECURITY).too_old == ()


def test_programs_are_told_in_words_of_both_languages(fleet: Backend) -> None:
    limited(fleet)
    alone = {"second_person": SecondPerson(release_policy=False)}
    with calling(replace(fleet, config=fleet.config.model_copy(update=alone))) as client:
        security = bearer(client, Role.SECURITY)
        found = client.get("/api/v1/policy/differences", headers=security).json()["too_old"]
        answer = client.post("/api/v1/policy/release", headers=security)
        assert answer.status_code == 201, answer.text
        released = answer.json()["too_old"]
    assert [each["gateway"]["gateway"] for each in found] == ["old", "silent"]
    assert found[0]["said"]["en"] == (
        "old has 0.0.9 and needs 0.1.0 for zone_rules.per_day (site): it will refuse the whole"
        " release and go on with the one that it has"
    )
    assert "0.1.0" in found[0]["said"]["zh"]
    assert "整体拒绝" in found[0]["said"]["zh"]
    assert [(each["gateway"], each["effect"]) for each in released] == [
        ("old", "refuse"),
        ("silent", "refuse"),
    ]


def test_the_machine_says_it_before_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path, monkeypatch)
    site.gateway()
    has(site.backend, "near", "0.0.9")
    limited(site.backend)
    site.as_(Role.SECURITY)
    foreseen = site.says("policy", "release", "--dry-run")["too_old"]
    assert [(each["gateway"], each["effect"]) for each in foreseen] == [("near", "refuse")]
    assert "too old: near has 0.0.9" in site.run("policy", "differences").stdout
    assert site.says("policy", "release")["too_old"] == foreseen
    unchanged = site.run("policy", "differences").stdout
    assert unchanged.startswith("nothing would change\ntoo old: near"), unchanged
    site.backend.store.close()


def test_what_old_software_ignores_is_said_as_that() -> None:
    ignored = Need(
        field="portals.x", since=Version(2, 0, 0), effect=Effect.IGNORE, used=lambda _: iter([GATE])
    )
    refused = Need(
        field="zone_rules.y", since=Version(1, 5, 0), effect=Effect.REFUSE,
        used=lambda _: iter(["lab"]),
    )  # fmt: skip
    (one,) = too_old(policy(), {"gate": "1.9.0", "newest": "2.0.0"}, (ignored, refused))
    assert (one.effect, one.fields, one.needs) == (Effect.IGNORE, ("portals.x",), "2.0.0")
    assert "ignore" in say_too_old(one).en
    assert "忽略" in say_too_old(one).zh
    (both,) = too_old(policy(), {"gate": "1.0.0"}, (ignored, refused))
    assert (both.effect, both.needs) == (Effect.REFUSE, "2.0.0"), "one refusal refuses it all"
    assert both.where == tuple(sorted((GATE, "lab")))
