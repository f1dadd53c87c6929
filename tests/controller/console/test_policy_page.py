"""The policy page says in words what the rule book says of ways, presence, groups and zones."""

import json

import pytest
import sqlalchemy as sa

from doorward import topics
from doorward.ids import GatewayId, SiteId
from doorward.messages import Applied, Rejection, Reported
from doorward.times import UtcSeconds
from doorward.topics import Up
from doorward_controller.domain.permissions import Role
from doorward_controller.domain.rule_book import RuleBook
from doorward_controller.ingest.ports import Inbound
from doorward_controller.ingest.writer import Writer
from doorward_controller.services import policy_release, rules
from doorward_controller.store.schema import gateways
from tests.controller.conftest import SECURITY
from tests.controller.console.conftest import Plant

PORTAL = {
    "direction": "exit",
    "beyond": "yard",
    "posture": "lockdown",
    "posture_rank": 5,
    "posture_until": 1_790_000_000,
    "qualifications": ["fire"],
    "unlock": "working-hours",
    "unlock_after_first": True,
    "antipassback": "timed",
    "antipassback_s": 300,
    "presence_unknown": "deny",
    "min_interval_s": 10,
    "escorted": ["visitors"],
    "escorts": ["staff"],
    "two_persons": True,
    "interlock": ["far-door"],
}
SAID = {
    "en": (
        "leads out of site",
        "on the other side: yard",
        "lockdown",
        "rank 5 and above passes",
        "until ",
        "free during working-hours, once somebody came",
        "needs fire",
        "nobody enters twice within a while",
        "for 300 seconds",
        "10 seconds between passages",
        "cut off, refuses what it cannot know",
        "two persons together",
        "visitors only with staff",
        "only while far-door is closed",
        "only on the way in",
        "2 entries a day",
        "4 entries a day",
        "1 entry a visit",
        "rank 7",
        "passes once",
        "not held up by presence",
        "signals duress",
        "within site",
        "at most 12 persons",
    ),
    "zh-CN": (
        "离开 site",
        "封控",
        "级别 5 及以上可通行",
        "限定时间内禁止重复进入",
        "须两人同时",
        "visitors 须由 staff 陪同",
        "胁迫信号",
        "最多 12 人",
        "每天 2 次",
        "每天 4 次",
    ),
}


def book_of(current: RuleBook, portal: str) -> RuleBook:
    changes = {
        "zones": [*current.zones, "yard"],
        "qualifications": ["fire"],
        "portals": {portal: PORTAL},
        "group_rules": {
            "staff": {"rank": 7, "exempt": True},
            "visitors": {"once": True, "duress": True},
        },
        "zone_rules": {
            "yard": {"within": "site", "at_most": 12, "per_day": 4, "per_visit": 1},
        },
        "grants": [
            *(line.model_dump(mode="json") for line in current.grants),
            {
                "group": "visitors",
                "zone": "site",
                "schedule": "working-hours",
                "way": "entry",
                "per_day": 2,
                "per_visit": 1,
            },
        ],
    }
    return RuleBook.model_validate(current.model_dump(mode="json") | changes)


@pytest.mark.parametrize("language", SAID)
def test_policy_page_says_every_rule_in_words(plant: Plant, language: str) -> None:
    client = plant.signed_in(Role.SECURITY, language)
    before = client.get("/policy").text
    assert not [words for words in SAID[language] if words in before and words != "until "]
    book = book_of(rules.current(plant.backend), "near-door")
    rules.save_rules(plant.backend, SECURITY, book)
    page = client.get("/policy").text
    assert [words for words in SAID[language] if words not in page] == []


@pytest.mark.parametrize(
    ("language", "words"), [("en-GB", "Refused by the gateway"), ("zh-CN", "被网关拒绝")]
)
def test_a_release_that_a_gateway_refused_is_not_on_its_way(
    plant: Plant, language: str, words: str
) -> None:
    client = plant.signed_in(Role.SECURITY, language)
    policy_release.release(plant.backend, SECURITY)
    assert words not in client.get("/policy/part").text
    rejection = Rejection(what="bundle", version=0, error="policy: a <b>zone</b>'s rule")
    said = Reported(applied=Applied(), rejected=(rejection,), at=UtcSeconds(1))
    topic = topics.up(SiteId("main"), GatewayId("near"), Up.REPORTED)
    Writer(plant.backend).process([Inbound(topic=topic, wire=said.to_wire(), confirm=lambda: None)])
    part = client.get("/policy/part").text
    assert words in part
    assert "policy: a &lt;b&gt;zone&lt;/b&gt;" in part


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en-GB", "2 gateways are too old for this release"),
        ("zh-CN", "2 台网关的软件对此次发布来说过旧"),
    ],
)
def test_a_gateway_that_is_too_old_for_a_release_is_named_before_it(
    plant: Plant, language: str, words: str
) -> None:
    client = plant.signed_in(Role.SECURITY, language)
    rules.save_rules(plant.backend, SECURITY, book_of(rules.current(plant.backend), "near-door"))
    for software in ("0.1.0", "<b>0.0.9</b>"):
        with plant.backend.store.write() as connection:
            said = json.dumps({"software": software})
            connection.execute(sa.update(gateways).values(birth_json=said))
        part = client.get("/policy/differences").text
        assert (words in part) is (software != "0.1.0")
    assert 'href="/gateways/near"' in part
    assert "&lt;b&gt;0.0.9&lt;/b&gt;" in part


@pytest.mark.parametrize(
    ("language", "words", "nobody"),
    [
        (
            "en-GB",
            "from the directory: Chemists · &lt;b&gt;2nd&lt;/b&gt;",
            "nobody from the directory",
        ),
        ("zh-CN", "来自目录：Chemists · &lt;b&gt;2nd&lt;/b&gt;", "不接受目录中的成员"),
    ],
)
def test_which_groups_of_a_directory_count_is_said(
    plant: Plant, language: str, words: str, nobody: str
) -> None:
    book = rules.current(plant.backend)
    said = {"directory": {"staff": ("Chemists", "<b>2nd</b>"), "visitors": ()}}
    rules.save_rules(plant.backend, SECURITY, book.model_copy(update=said))
    page = plant.signed_in(Role.SECURITY, language).get("/policy").text
    assert words in page
    assert nobody in page
