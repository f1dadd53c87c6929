"""Intake: durable records a second, from published batch to signed acknowledgement.

Real Mosquitto on loopback with mutual TLS, the controller as its own process on SQLite, four
gateways in this process, all on the processors of this machine. "Bare" is what SQLite alone does
with the same rows, columns, indexes, settings and batch size, one transaction a batch.
"""

import gc
import itertools
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import paho.mqtt.client as mqtt
import psutil  # type: ignore[import-untyped]

from bench.report import Report
from bench.site import SITE, Site, controller_of, open_site
from doorward import topics
from doorward.acks import Ack
from doorward.envelope import parse_envelope
from doorward.ids import GatewayId
from doorward_controller.services.opening import OpenedBatch, Opener
from doorward_controller.services.scan_intake import rows_of
from doorward_controller.store import gateways
from doorward_controller.store.intake import RecordInsert
from doorward_controller.store.session import Store
from doorward_controller.store.upgrade import upgrade
from tests.fakes.journal_gateway import JournalGateway

GATEWAYS = ("gate-1", "gate-2", "gate-3", "gate-4")
BATCH = 100
PACED_PER_S = 2_000
PACED_BATCH = 10
WAIT_S = 60.0
SWITCH_S = 0.0005
"""Four gateways share this process; one must not wait long for the others' turns."""

_epochs = itertools.count(1)


def run(report: Report) -> None:
    """Measure throughput, its share of bare inserts, and the time to an acknowledgement."""
    sys.setswitchinterval(SWITCH_S)
    records = report.scaled(40_000, 4_000)
    rounds = report.scaled(7, 5)
    with open_site() as site:
        for name in GATEWAYS:
            site.enrol(name)
        with controller_of(site) as process:
            controller = psutil.Process(process.pid)
            fleet = Fleet(site)
            fleet.send(journals_of(site, 2_000), BATCH)  # warm: keys open, pages cached
            ours, bare, worked = [], [], []
            for _ in range(rounds):
                journals = journals_of(site, records)
                before_s = _cpu_s(controller)
                ours.append(records / fleet.send(journals, BATCH))
                worked.append((_cpu_s(controller) - before_s) / records * 1e6)
                bare.append(records / _bare(site, journals[0], records))
            report.samples("acknowledged records", ours, unit="/s", at_least=12_000)
            report.samples("bare SQLite inserts", bare, unit="/s")
            report.samples("controller's processor time a record", worked, unit="µs")
            report.ratio("acknowledged / bare", ours, bare, at_least=0.5)
            paced = report.scaled(20_000, 4_000)
            report.samples(
                f"to acknowledgement, {PACED_PER_S}/s in batches of {PACED_BATCH}",
                fleet.pace(journals_of(site, paced), PACED_BATCH, PACED_PER_S),
                unit="ms",
                p99_at_most=10,
            )
            report.samples(
                f"to acknowledgement, {PACED_PER_S // 4}/s, each record alone",
                fleet.pace(journals_of(site, paced // 8), 1, PACED_PER_S // 4),
                unit="ms",
            )
            fleet.close()
    report.note("Batches were sealed and signed before; gateways and broker share the processors.")


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def journals_of(site: Site, records: int, names: Sequence[str] = GATEWAYS) -> list[JournalGateway]:
    """Each gateway begins a new journal; a round never meets the numbers of another."""
    epoch = next(_epochs) + 1
    journals = [site.journal(name, epoch) for name in names]
    for journal in journals:
        journal.append_scans(records // len(journals), portal=f"{journal.name}-door")
    return journals


@dataclass
class Waiting:
    """Which records of a journal are not acknowledged yet, and when the last one was."""

    left: int
    sent_at_s: dict[int, float] = field(default_factory=dict)
    taken_s: list[float] = field(default_factory=list)


class Fleet:
    """The gateways' clients; counts acknowledgements."""

    def __init__(self, site: Site, names: Sequence[str] = GATEWAYS) -> None:
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, int], Waiting] = {}
        self._clients: dict[str, mqtt.Client] = {}
        for name in names:
            client = site.client(site.identity(name), self._heard)
            client.subscribe(topics.down(SITE, GatewayId(name), topics.Down.ACK), qos=1)
            self._clients[name] = client

    def close(self) -> None:
        """Disconnect all."""
        for client in self._clients.values():
            client.disconnect()
            client.loop_stop()

    def send(self, journals: Sequence[JournalGateway], size: int) -> float:
        """Publish everything at once; return the seconds until all of it was acknowledged."""
        wires = [(j, list(j.wires(size))) for j in journals]
        self._expect(journals)
        began_s = time.perf_counter()
        for place in range(max(len(w) for _, w in wires)):
            for journal, of_journal in wires:
                if place < len(of_journal):
                    self._clients[journal.name].publish(journal.topic(), of_journal[place], qos=1)
        self._await()
        return time.perf_counter() - began_s

    def pace(self, journals: Sequence[JournalGateway], size: int, per_s: int) -> list[float]:
        """Publish at a steady rate; return each batch's milliseconds to its acknowledgement."""
        turns = [
            (journal, 1 + place * size, wire)
            for place, wires in enumerate(zip(*(j.wires(size) for j in journals), strict=True))
            for journal, wire in zip(journals, wires, strict=True)
        ]
        self._expect(journals)
        began_s = time.perf_counter()
        for number, (journal, first, wire) in enumerate(turns):
            due_s = began_s + number * size / per_s
            if (early_s := due_s - time.perf_counter()) > 0:
                time.sleep(early_s)
            waiting = self._waiting[journal.name, journal.epoch]
            with self._lock:
                waiting.sent_at_s[first] = time.perf_counter()
            self._clients[journal.name].publish(journal.topic(), wire, qos=1)
        self._await()
        return [1000 * taken for w in self._waiting.values() for taken in w.taken_s]

    def _expect(self, journals: Iterable[JournalGateway]) -> None:
        self._done.clear()
        gc.collect()
        gc.freeze()  # the journals stay: to look through them while we measure would count
        self._waiting = {(j.name, j.epoch): Waiting(j.head) for j in journals}

    def _await(self) -> None:
        if not self._done.wait(WAIT_S):
            left = {name: w.left for (name, _), w in self._waiting.items()}
            raise TimeoutError(f"not acknowledged within {WAIT_S:.0f} s: {left}")

    def _heard(self, _: str, wire: bytes) -> None:
        now_s = time.perf_counter()
        ack = Ack.from_body(parse_envelope(wire).body)
        with self._lock:
            waiting = self._waiting.get((ack.gateway, ack.epoch))
            if waiting is None:
                return
            for first, last in ack.committed:
                waiting.left -= last - first + 1
                for sent in [n for n in waiting.sent_at_s if first <= n <= last]:
                    waiting.taken_s.append(now_s - waiting.sent_at_s.pop(sent))
            if all(w.left <= 0 for w in self._waiting.values()):
                self._done.set()


def _bare(site: Site, journal: JournalGateway, records: int) -> float:
    """Return the seconds that SQLite alone takes for as many rows of the same kind."""
    rows = rows_like(site, journal)
    path = site.folder / f"bare-{next(_epochs)}.sqlite3"
    store = Store(f"sqlite:///{path}")
    upgrade(store)
    repeated = [
        row._replace(gateway_id=1, epoch=turn)
        for turn in range(-(-records // len(rows)))
        for row in rows
    ][:records]
    raw = store.engine.raw_connection()
    raw.execute("PRAGMA foreign_keys = OFF")
    names = ", ".join(RecordInsert._fields)
    insert = f"INSERT INTO records ({names}) VALUES ({', '.join('?' * len(RecordInsert._fields))})"
    tuples = [tuple(row) for row in repeated]
    began_s = time.perf_counter()
    for start in range(0, records, BATCH):
        raw.execute("BEGIN")
        raw.executemany(insert, tuples[start : start + BATCH])
        raw.commit()
    taken_s = time.perf_counter() - began_s
    raw.close()
    store.close()
    path.unlink()
    return taken_s


def rows_like(site: Site, journal: JournalGateway) -> list[RecordInsert]:
    """The rows that intake would write for a journal."""
    with site.backend.store.read() as connection:
        gateway = gateways.find(connection, SITE, journal.name)
    opener = Opener(site.backend.keys.intake)
    topic = topics.parse_up(journal.topic())
    rows: list[RecordInsert] = []
    for wire in journal.wires(BATCH):
        opened = opener.open(topic, wire, gateway)
        if not isinstance(opened, OpenedBatch):
            raise TypeError(opened)
        rows += rows_of(opened, 0)
    return rows
