"""What a gateway says of people reaches the broker, and what others say reaches its book."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from doorward import topics
from doorward.decision import Rules
from doorward.envelope import Ed25519Signer
from doorward.ids import Epoch, GatewayId
from doorward.keys import Keyring
from doorward.presence_message import PresenceMessage, Sign, open_presence, seal_presence
from doorward_edge.ports import Arrived
from doorward_edge.presence.book import Said, ToldBook
from doorward_edge.presence.errand import MOST_AT_ONCE, MOST_IN_FLIGHT, PresenceErrand
from tests.fakes.edge_ports import FakeClock
from tests.fakes.fake_broker import FakeBroker
from tests.kit.plant import ALICE, BOB, GATEWAY, NOON, SITE, status_list
from tests.kit.two_gateways import SOUTH, seen
from tests.kit.two_gateways import site as two_gateways_policy

KEYS = {name: Ed25519Signer.from_seed(name.encode().ljust(32, b".")) for name in (GATEWAY, SOUTH)}
TOPIC = topics.presence(SITE)


class KnownGateways:
    """Rules that know the keys of both gateways."""

    def __init__(self) -> None:
        policy = replace(
            two_gateways_policy(), gateways={name: key.public for name, key in KEYS.items()}
        )
        self.rules: Rules | None = Rules(policy=policy, status=status_list(issued_at=NOON))

    @property
    def keyring(self) -> Keyring:
        raise AssertionError("presence is signed by gateways")


@dataclass
class Bench:
    """An errand with a book, whose inbox runs things when it is told to."""

    name: GatewayId = GATEWAY
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOON, 10**6))
    rules: KnownGateways = field(default_factory=KnownGateways)
    broker: FakeBroker = field(default_factory=FakeBroker)
    inbox: list[Callable[[], None]] = field(default_factory=list)
    kept: list[PresenceMessage] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wakes: int = 0

    def __post_init__(self) -> None:
        self.book = ToldBook(site=SITE, gateway=self.name, epoch=Epoch(1))
        assert self.rules.rules is not None
        self.book.follow(self.rules.rules.policy)
        self.errand = PresenceErrand(
            site=SITE,
            gateway=self.name,
            book=self.book,
            rules=self.rules,
            signer=KEYS[self.name],
            clock=self.clock,
            post=self.inbox.append,
            note_sent=self.kept.append,
            note_lost=self.lost.append,
        )
        self.errand.wake = self._woken
        self.book.on_said = self._said

    def turn(self, *, is_connected: bool = True) -> None:
        """One turn of the courier, and of the main loop after it, until nothing follows."""
        for _ in range(4):
            self.errand.turn(self.clock.now(), self.broker.publish, is_connected=is_connected)
            self.work()

    def work(self) -> None:
        while self.inbox:
            self.inbox.pop(0)()

    def arrives(self, payload: bytes, *, retained: bool = False) -> None:
        self.errand.take(Arrived(topic=TOPIC, payload=payload, retained=retained), self.clock.now())
        self.work()

    def published(self) -> list[PresenceMessage]:
        keys = {name: key.public for name, key in KEYS.items()}
        sent, self.broker.published = self.broker.published, []
        assert all(m.topic == TOPIC and m.qos == 1 and not m.retain for m in sent)
        return [open_presence(message.payload, SITE, keys) for message in sent]

    def _said(self, said: Said) -> None:
        del said
        self.errand.note_said()

    def _woken(self) -> None:
        self.wakes += 1


def said_by_south(message: PresenceMessage, by: GatewayId = SOUTH) -> bytes:
    return seal_presence(message, KEYS[by])


def test_at_a_connection_the_gateway_says_at_once_that_it_is_there() -> None:
    bench = Bench()
    assert bench.errand.topics == (TOPIC,)
    bench.turn()
    assert [message.sign for message in bench.published()] == [Sign.ALIVE]
    assert bench.book.unsent() == ()


def test_what_is_said_wakes_the_courier_and_is_sent_once() -> None:
    bench = Bench()
    bench.turn()
    bench.published()
    before = bench.wakes
    (message,) = bench.book.forgive(ALICE, bench.clock.now())
    assert bench.wakes > before
    bench.turn()
    assert bench.published() == [message]
    assert bench.kept[-1] == message
    bench.turn()
    assert bench.published() == []


def test_what_is_said_while_the_link_is_away_is_sent_when_it_is_back_in_order() -> None:
    bench = Bench()
    bench.turn()
    bench.published()
    bench.turn(is_connected=False)
    said = [bench.book.forgive(who, bench.clock.now())[0] for who in (ALICE, BOB)]
    bench.turn(is_connected=False)
    assert bench.published() == []
    bench.turn()
    assert [m for m in bench.published() if m.sign is Sign.FORGIVEN] == said


def test_what_the_broker_did_not_take_stays_unsent_and_is_tried_again() -> None:
    bench = Bench()
    bench.broker.is_up = False
    (message,) = bench.book.forgive(ALICE, bench.clock.now())
    bench.turn()
    assert message in bench.book.unsent()
    assert bench.kept == []
    bench.broker.is_up = True
    bench.turn()
    assert message in bench.published()
    assert bench.book.unsent() == ()


def test_a_long_backlog_is_sent_in_pieces_and_whole() -> None:
    bench = Bench()
    count = 2 * MOST_AT_ONCE + 5
    said = [bench.book.forgive(ALICE, bench.clock.now())[0] for _ in range(count)]
    bench.errand.turn(bench.clock.now(), bench.broker.publish, is_connected=True)
    bench.work()
    bench.errand.turn(bench.clock.now(), bench.broker.publish, is_connected=True)
    assert len(bench.broker.published) == MOST_AT_ONCE
    bench.work()
    bench.turn()
    bench.turn()
    assert [m for m in bench.published() if m.sign is Sign.FORGIVEN] == said


def test_what_another_gateway_saw_is_in_the_book() -> None:
    bench = Bench()
    bench.turn()
    assert not bench.book.is_current({SOUTH}, bench.clock.now())
    bench.arrives(said_by_south(seen(enters="site", at=NOON)))
    assert bench.book.occupancy("site", bench.clock.now()) == 1
    assert bench.book.is_current({SOUTH}, bench.clock.now())
    bench.turn(is_connected=False)
    assert not bench.book.is_current({SOUTH}, bench.clock.now())


def test_what_comes_too_fast_is_missed_and_the_book_is_told_once_there_is_room() -> None:
    bench = Bench()
    bench.turn()
    for number in range(MOST_IN_FLIGHT + 7):
        wire = said_by_south(seen(seq=number + 1, enters="site", at=NOON))
        bench.errand.take(Arrived(topic=TOPIC, payload=wire, retained=False), bench.clock.now())
    assert len(bench.inbox) == MOST_IN_FLIGHT
    bench.errand.turn(bench.clock.now(), bench.broker.publish, is_connected=True)
    assert bench.lost == []
    bench.work()
    bench.turn()
    assert bench.lost == ["7 messages of others came too fast"]
    bench.turn()
    assert len(bench.lost) == 1
    bench.arrives(said_by_south(seen(seq=9000, enters="site", at=NOON)))
    assert bench.book.occupancy("site", bench.clock.now()) == 1


def test_who_was_not_heard_before_is_answered_once() -> None:
    bench = Bench()
    bench.turn()
    bench.published()
    bench.arrives(said_by_south(seen(Sign.ALIVE, 1, who=None, portal=None)))
    bench.arrives(said_by_south(seen(Sign.ALIVE, 2, who=None, portal=None)))
    bench.turn()
    assert [message.sign for message in bench.published()] == [Sign.ALIVE]


@pytest.mark.parametrize(
    ("payload", "retained"),
    [
        (said_by_south(seen(enters="site")), True),
        (said_by_south(seen(enters="site"), by=GATEWAY), False),
        (said_by_south(seen(enters="site", gateway=GatewayId("stranger"))), False),
        (said_by_south(seen(enters="site"))[:-1], False),
        (b"", False),
    ],
    ids=["retained", "another's key", "no gateway of the site", "cut off", "empty"],
)
def test_what_cannot_be_trusted_does_not_count(payload: bytes, retained: bool) -> None:
    bench = Bench()
    bench.turn()
    bench.arrives(payload, retained=retained)
    assert bench.book.occupancy("site", bench.clock.now()) == 0
    assert not bench.book.is_current({SOUTH}, bench.clock.now())
    assert bench.errand.refused == 1


def test_nobody_is_believed_before_there_is_a_policy() -> None:
    bench = Bench()
    bench.rules.rules = None
    bench.arrives(said_by_south(seen(enters="site")))
    assert bench.book.occupancy("site", bench.clock.now()) == 0


def test_our_own_words_that_come_back_are_no_news_and_no_fault() -> None:
    bench = Bench()
    bench.turn()
    (wire,) = [message.payload for message in bench.broker.published]
    bench.arrives(wire)
    assert (bench.errand.refused, bench.errand.rejected) == (0, ())
    assert bench.book.unsent() == ()
