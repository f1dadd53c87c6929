"""The courier runs errands: their topics, their messages, and what they refused."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from doorward.messages import Birth, Rejection, Reported
from doorward.times import Instant
from doorward_edge.courier import Courier
from doorward_edge.ports import Arrived, LinkDown, Outgoing
from doorward_edge.twin.keeper import ConfigReport
from tests.edge.test_courier import Bench


class FakeErrand:
    """Takes what comes on its topic; says once what it was told."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.rejected: tuple[Rejection, ...] = ()
        self.was_connected: list[bool] = []
        self.reports = False

    @property
    def topics(self) -> Sequence[str]:
        return ("mine/+",)

    def wants(self, topic: str) -> bool:
        return topic.startswith("mine/")

    def take(self, message: Arrived, now: Instant) -> bool:
        del now
        self.taken.append(message.payload)
        return self.reports

    def turn(
        self, now: Instant, publish: Callable[[Outgoing], bool], *, is_connected: bool
    ) -> bool:
        del now
        self.was_connected.append(is_connected)
        if is_connected and self.taken:
            publish(Outgoing(topic="mine/answer", payload=self.taken.pop()))
        return False


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.journal.close()


def with_errand(bench: Bench, config: ConfigReport | None = None) -> FakeErrand:
    errand = FakeErrand()
    courier: Courier = bench.courier
    courier._errands = (errand,)
    courier._config = lambda: config or ConfigReport()
    return errand


def test_an_errand_hears_its_own_topics_and_speaks_when_there_is_a_link(bench: Bench) -> None:
    errand = with_errand(bench)
    bench.courier.turn()
    bench.connect()
    assert "mine/+" in bench.broker.subscribed
    bench.deliver("mine/1", b"hello")
    bench.deliver("elsewhere", b"not mine")
    assert bench.broker.take_published("mine/answer") == [b"hello"]
    bench.broker.events.append(LinkDown("pulled"))
    bench.courier.turn()
    assert (errand.was_connected[0], errand.was_connected[-1]) == (False, False)
    assert True in errand.was_connected


def test_what_an_errand_refused_is_reported_when_it_says_so(bench: Bench) -> None:
    errand = with_errand(bench)
    bench.connect()
    bench.broker.take_published("up/reported")
    bench.deliver("mine/1", b"quiet")
    assert bench.broker.take_published("up/reported") == []
    errand.reports = True
    errand.rejected = (Rejection(what="command", version=0, error="is unknown"),)
    bench.deliver("mine/1", b"loud")
    (reported,) = map(Reported.from_wire, bench.broker.take_published("up/reported"))
    assert reported.rejected == errand.rejected


def test_the_configuration_in_force_is_said_at_birth_and_in_every_report(bench: Bench) -> None:
    with_errand(bench, ConfigReport(in_force=3, taken=4, pending=("reader.strategy",)))
    bench.connect()
    birth = Birth.from_wire(bench.broker.take_published("up/birth")[-1])
    reported = Reported.from_wire(bench.broker.take_published("up/reported")[-1])
    assert birth.applied.config == reported.applied.config == 3
    assert (reported.config_taken, reported.pending) == (4, ("reader.strategy",))
