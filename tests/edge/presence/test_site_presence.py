"""The book follows the policy, forgets, and says each minute that its gateway is there."""

from dataclasses import replace

from doorward.ids import Epoch
from doorward.presence_message import PresenceMessage, Sign
from doorward_edge.presence.book import Said, ToldBook
from doorward_edge.site_presence import PresenceChores
from tests.edge.presence.test_errand import KnownGateways
from tests.fakes.edge_ports import FakeClock
from tests.kit.plant import ALICE, GATE, GATEWAY, NOON, SITE
from tests.kit.two_gateways import seen


class Bench:
    """A book and its chores, once a second."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOON, 10**6)
        self.rules = KnownGateways()
        self.book = ToldBook(site=SITE, gateway=GATEWAY, epoch=Epoch(1))
        self.said: list[PresenceMessage] = []
        self.learned: list[PresenceMessage] = []
        self.book.on_said, self.book.on_learned = self._said, self.learned.extend
        self.chores = PresenceChores(self.book, self.rules)

    def _said(self, said: Said) -> None:
        self.said.extend(said)

    def pass_s(self, seconds: int) -> None:
        for _ in range(seconds):
            self.chores.turn(self.clock.now())
            self.clock.pass_s(1)


def test_each_minute_it_says_that_it_is_there_and_where_its_doors_are() -> None:
    bench = Bench()
    bench.book.note_door(GATE, is_open=False, now=bench.clock.now())
    assert [message.sign for message in bench.said] == [Sign.CLOSED]
    bench.said.clear()
    bench.pass_s(120)
    assert [message.sign for message in bench.said] == [Sign.ALIVE, Sign.CLOSED] * 2


def test_a_new_policy_is_followed_within_a_second_and_the_old_is_forgotten() -> None:
    bench = Bench()
    bench.book.take(seen(enters="site", at=NOON), bench.clock.now())
    assert [message.sign for message in bench.learned] == [Sign.PASSED]
    bench.pass_s(1)
    assert [zone.zone for zone in bench.book.muster(bench.clock.now())][:1] == ["site"]
    assert bench.rules.rules is not None
    shorter = replace(bench.rules.rules.policy, forget_s=60)
    bench.rules.rules = replace(bench.rules.rules, policy=shorter)
    bench.pass_s(130)
    assert bench.book.stay(ALICE, "site", bench.clock.now()) is None


def test_what_is_no_news_is_not_kept_again() -> None:
    bench = Bench()
    bench.book.take(seen(enters="site"), bench.clock.now())
    bench.book.take(seen(enters="site"), bench.clock.now())
    assert len(bench.learned) == 1
