"""Whatever comes down, the courier goes on, and what is not signed as it was changes nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from doorward import topics
from doorward.status import Status
from tests.edge.test_courier import ACK_TOPIC, Bench
from tests.fakes.mutation import mutants
from tests.fakes.site_simulator import SITE

COUNT = 1_500


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.connect()
    yield made
    made.journal.close()


def test_changed_rules_and_acknowledgements_change_nothing(bench: Bench) -> None:
    site = bench.site
    places = {kind: topics.policy(SITE, kind) for kind in topics.Policy}
    bench.deliver(places[topics.Policy.BUNDLE], site.bundle())
    bench.deliver(places[topics.Policy.STATUS], site.status())
    bench.record(20)
    applied, rules = bench.keeper.applied, bench.keeper.rules
    newer = {
        places[topics.Policy.BUNDLE]: [site.bundle(), site.bundle()],
        places[topics.Policy.DELTA]: [site.set_status(n, Status.REVOKED) for n in (3, 4)],
        places[topics.Policy.STATUS]: [site.status()],
        ACK_TOPIC: [bench.ack(((1, 20),)), bench.ack(((1, 5),))],
    }
    every = [wire for wires in newer.values() for wire in wires]
    for number, wire in enumerate(mutants(every, COUNT, seed=5)):
        bench.deliver(list(newer)[number % len(newer)], wire)
    for wire in every:
        # Sound, and on a topic where it does not belong.
        bench.deliver(ACK_TOPIC if wire not in newer[ACK_TOPIC] else next(iter(newer)), wire)
    assert bench.keeper.applied == applied
    assert bench.keeper.rules is rules
    assert bench.pending() == 20


def test_after_all_that_sound_messages_still_count(bench: Bench) -> None:
    site, topic = bench.site, topics.policy(SITE, topics.Policy.BUNDLE)
    sound = site.bundle()
    for wire in mutants([sound], 200, seed=6):
        bench.deliver(topic, wire)
    bench.deliver(topic, sound)
    assert bench.keeper.applied.bundle == 1
