"""Whatever arrives on a gateway's topics, intake neither stops nor believes what is not signed."""

import random

import pytest
import sqlalchemy as sa

from doorward.messages import Applied, Health, Reported, State
from doorward.times import UtcSeconds
from doorward.topics import Up
from doorward_controller.ingest.ports import Inbound
from doorward_controller.ingest.writer import Writer
from doorward_controller.services.backend import Backend
from doorward_controller.store.schema import records
from tests.controller.conftest import enrol
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import JournalGateway
from tests.fakes.mutation import mutants

COUNT = 400
NOW = UtcSeconds(1_790_000_000)
BOOT = "0011223344556677"
REPORTS = {
    Up.STATE: State(online=True, boot_id=BOOT, session=1, at=NOW).to_wire(),
    Up.REPORTED: Reported(applied=Applied(bundle=1, status=1), rejected=(), at=NOW).to_wire(),
    Up.HEALTH: Health(at=NOW, boot_id=BOOT, journal={"pending": 3}, camera="ok").to_wire(),
}


@pytest.fixture
def gateway(backend: Backend) -> JournalGateway:
    made = enrol(backend, "gate-1", "north")
    made.append_scans(40)
    return made


def stored(backend: Backend) -> list[int]:
    with backend.store.read() as connection:
        return list(connection.scalars(sa.select(records.c.seq).order_by(records.c.seq)))


def is_alive(backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway) -> bool:
    """Whether a good batch is still stored."""
    writer.process([link.inbound(gateway.topic(), gateway.wire(1, 40))])
    return stored(backend) == list(range(1, 41))


def test_of_changed_batches_no_record_is_stored(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    writer = Writer(backend)
    good = [gateway.wire(1, 10), gateway.wire(11, 20), gateway.wire(21, 40)]
    changed = list(mutants(good, COUNT, seed=1))
    for start in range(0, COUNT, 20):
        writer.process([link.inbound(gateway.topic(), w) for w in changed[start : start + 20]])
    assert stored(backend) == []
    assert link.acks("main", "gate-1") == []
    assert link.confirmed == COUNT
    assert is_alive(backend, writer, link, gateway)


@pytest.mark.parametrize("kind", REPORTS)
def test_changed_reports_stop_nothing(
    kind: Up, backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    writer = Writer(backend)
    for wire in mutants([REPORTS[kind]], COUNT, seed=2):
        writer.process([link.inbound(gateway.topic(kind), wire)])
    assert link.confirmed == COUNT
    assert is_alive(backend, writer, link, gateway)


def test_topics_that_nobody_may_use_are_put_aside(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    writer, chance = Writer(backend), random.Random(3)
    topic, wire = gateway.topic().encode(), gateway.wire(1, 10)
    for changed in mutants([topic], COUNT, seed=3):
        text = changed.decode("utf-8", "replace")
        writer.process([Inbound(topic=text, wire=wire, confirm=lambda: None)])
    for _ in range(COUNT):
        text = "/".join(
            chance.choices(["dw", "1", "main", "gate-1", "up", "records", "", "+"], k=6)
        )
        if text != gateway.topic():
            writer.process([Inbound(topic=text, wire=wire, confirm=lambda: None)])
    assert stored(backend) == []
    assert is_alive(backend, writer, link, gateway)
