"""From a frame to a lock that is told: what the gateway adds to the reader's own time.

The whole path is real: camera thread, mailbox, change gate, hand-over to the sandboxed decoder and
back, the eye's thread, the inbox, verification, decision, journal on this disk, door, lock. The
reader's own time is taken in the decoder; the journal's is from `append` to the receipt. Two paces:
a rush, in which one badge follows another in the next frame; and a calm hall at ten frames a
second, where a badge comes now and then and the processor has to be woken for every step.
"""

import queue
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bench.report import Report
from doorward.decision import Deny, Grant
from doorward.keys import pin_keyring
from doorward.reasons import Reason
from doorward.records import Record
from doorward.times import Instant, UtcMs
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.adapters.journal_sqlite import SqliteJournal
from doorward_edge.config import ClockSource
from doorward_edge.decoder.client import Decoded, DecoderClient
from doorward_edge.decoder.process import ChildSettings
from doorward_edge.eye import CameraEye
from doorward_edge.inbox import Happening, Inbox, Presented
from doorward_edge.ports import FrameSource, Journal, Receipt, Ticket
from doorward_edge.scan import Frame, Luma, Strategy
from doorward_edge.sight import Sight
from doorward_edge.simulate.scene_camera import SceneCamera
from doorward_edge.stages.decode import Pass
from doorward_edge.sync import PolicyKeeper
from tests.fakes.edge_ports import FakeFloors, FakeIndicator, FakePolicyFiles
from tests.fakes.one_door import Around, make_door
from tests.fakes.site_simulator import GATEWAY, PORTAL, SITE, START_S, SiteSimulator

SIZE_PX = (1280, 720)
BADGES = 24
LOOK_S = 2.0
FRAME_S = 0.1
EMPTY_FRAMES = 2
HELD_S = 0.02
"""So soon the same badge counts again; every badge comes round later than that."""
JOURNAL_BYTES = 64 * 2**20


class SiteClock:
    """The machine's clock, set to the time in which the test site's badges count."""

    def __init__(self) -> None:
        self._clock = SystemClock(ClockSource.ASSUME)
        self._shift_ms = START_S * 1000 - self._clock.now().utc_ms

    def now(self) -> Instant:
        now = self._clock.now()
        return Instant(
            utc_ms=UtcMs(now.utc_ms + self._shift_ms), mono_ms=now.mono_ms, trust=now.trust
        )


class HandFedCamera:
    """Delivers a picture when it is given one, and notes when."""

    def __init__(self, clock: SiteClock) -> None:
        self._clock = clock
        self._pictures: queue.SimpleQueue[Luma] = queue.SimpleQueue()
        self._seq = 0
        self.delivered_ns = 0

    def give(self, luma: Luma) -> None:
        self._pictures.put(luma)

    def next_frame(self, timeout_s: float) -> Frame | None:
        try:
            luma = self._pictures.get(timeout=timeout_s)
        except queue.Empty:
            return None
        self._seq += 1
        self.delivered_ns = time.perf_counter_ns()
        return Frame(luma=luma, seq=self._seq, captured_mono_ms=self._clock.now().mono_ms)

    def close(self) -> None:
        pass


@dataclass
class TimedDecoder:
    """The real client; keeps what the reader said about its own time."""

    client: DecoderClient
    took_us: int = 0

    def decode(
        self,
        luma: Luma,
        passes: tuple[Pass, ...],
        meanwhile: Callable[[], object] | None = None,
    ) -> Decoded:
        decoded = self.client.decode(luma, passes, meanwhile)
        self.took_us = decoded.took_us
        return decoded

    def tend(self) -> None:
        self.client.tend()

    def stats(self) -> Mapping[str, int]:
        return self.client.stats()

    def close(self) -> None:
        self.client.close()


class TimedJournal:
    """The real journal, as far as records are appended; notes how long the pipeline waited."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.journal = journal
        self.waited_ns = 0

    def append(self, record: Record) -> "TimedTicket":
        began_ns = time.perf_counter_ns()
        return TimedTicket(self.journal.append(record), self, began_ns)


@dataclass
class TimedTicket:
    """Stops the watch when the record is on the disk."""

    ticket: Ticket
    journal: TimedJournal
    began_ns: int

    def wait(self, timeout_s: float) -> Receipt | None:
        receipt = self.ticket.wait(timeout_s)
        self.journal.waited_ns = time.perf_counter_ns() - self.began_ns
        return receipt

    def mark_late(self) -> bool:
        return self.ticket.mark_late()


@dataclass
class TimedLock:
    """Notes when it is told."""

    told_ns: int = 0
    pulses: list[int] = field(default_factory=list)

    def release(self, pulse_ms: int) -> None:
        self.told_ns = time.perf_counter_ns()
        self.pulses.append(pulse_ms)

    def hold_open(self) -> None:
        """Not part of the path."""

    def secure(self) -> None:
        """Not part of the path."""

    def close(self) -> None:
        pass


class Gate:
    """A gateway without its courier, fed by hand or by another camera."""

    def __init__(self, folder: Path, site: SiteSimulator, eye: FrameSource | None = None) -> None:
        self.clock = SiteClock()
        self.camera, self.lock = HandFedCamera(self.clock), TimedLock()
        client = DecoderClient(ChildSettings(frame_bytes=SIZE_PX[0] * SIZE_PX[1]), self.clock)
        self.decoder = TimedDecoder(client)
        client.wait_ready(20)
        self.sight = Sight(
            source=eye or self.camera,
            decoder=self.decoder,
            strategy=Strategy.DUAL,
            held_s=HELD_S,
            clock=self.clock,
        )
        self.eye, self.inbox = CameraEye("hall", PORTAL, lambda: self.sight), Inbox()
        recipient = X25519PrivateKey.generate().public_key().public_bytes_raw()
        self.journal = TimedJournal(SqliteJournal.open(folder, GATEWAY, recipient, JOURNAL_BYTES))
        keeper = PolicyKeeper(
            site=SITE,
            pinned=pin_keyring(site.keyrings[0]),
            files=FakePolicyFiles(),
            floors=FakeFloors(),
        )
        for wire in (site.bundle(), site.status()):
            keeper.take(wire, self.clock.now())
        around = Around(
            site=SITE,
            gateway=GATEWAY,
            rules=keeper,
            link=_Unconnected(),
            clock=self.clock,
            journal=cast("Journal", self.journal),
        )
        self.door = make_door(around, PORTAL, self.lock, FakeIndicator())
        self.decisions: queue.SimpleQueue[Grant | Deny | None] = queue.SimpleQueue()
        self.inbox.open(self._take)
        self.eye.start(self.inbox.put_scan)

    def _take(self, happened: Happening) -> None:
        assert isinstance(happened, Presented)
        self.decisions.put(self.door.pipeline.take(happened.scan))

    def show(self, luma: Luma, timeout_s: float = LOOK_S) -> Grant | Deny | None:
        """Gives a picture, and does what the main loop does beside: it waits, and looks round."""
        self.camera.give(luma)
        return self.next_decision(timeout_s)

    def next_decision(self, timeout_s: float = LOOK_S) -> Grant | Deny | None:
        """Returns what was decided on the next code, or None when there is none in time."""
        try:
            decision = self.decisions.get(timeout=timeout_s)
        except queue.Empty:
            return None
        self.inbox.wait(LOOK_S)
        with self.inbox.turn():
            self.door.portal.turn(self.clock.now())
            self.door.events.write(self.clock.now())
        return decision

    def close(self) -> None:
        self.eye.close()
        self.journal.journal.close()


class _Unconnected:
    is_connected = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One person at the gate, in milliseconds."""

    whole: float
    reader: float
    journal: float

    @property
    def added(self) -> float:
        """What is left of the way when reader and disk are taken out."""
        return self.whole - self.reader - self.journal


def run(report: Report) -> None:
    """Measure people one after another, in rounds."""
    site = SiteSimulator()
    empty, shown = _pictures(site)
    with tempfile.TemporaryDirectory(prefix="doorward-bench-") as name:
        gate = Gate(Path(name), site)
        try:
            _round(gate, (), shown)
            rush = [_round(gate, (), shown) for _ in range(report.scaled(20, 5))]
            calm = [_round(gate, (empty,) * EMPTY_FRAMES, shown) for _ in range(5)]
        finally:
            gate.close()
    _enter(report, "rush", rush, at_most=1.0)
    _enter(report, "calm", calm)
    report.note(
        f"{BADGES * (len(rush) + len(calm))} people at {SIZE_PX[0]}x{SIZE_PX[1]}, all let in."
    )


def _enter(report: Report, pace: str, rounds: list[list[Turn]], **limit: float) -> None:
    turns = [turn for one in rounds for turn in one]
    report.samples(
        f"{pace}: frame to lock, without reader and journal",
        [turn.added for turn in turns],
        unit="ms",
        **limit,
    )
    report.samples(f"{pace}: the journal", [turn.journal for turn in turns], unit="ms")
    report.samples(f"{pace}: the reader", [turn.reader for turn in turns], unit="ms")
    report.samples(f"{pace}: the whole way", [turn.whole for turn in turns], unit="ms")
    report.ratio(
        f"{pace}: the whole way over the reader",
        [statistics.median(turn.whole for turn in one) for one in rounds],
        [statistics.median(turn.reader for turn in one) for one in rounds],
    )


def _round(gate: Gate, between: tuple[Luma, ...], shown: list[Luma]) -> list[Turn]:
    turns = []
    for luma in shown:
        for empty in between:
            if gate.show(empty, FRAME_S) is not None:
                raise RuntimeError("a code was read in an empty hall")
        decision = gate.show(luma)
        if decision is None:
            raise RuntimeError("a plain badge was not read; nothing can be measured")
        if decision.reason is not Reason.GRANTED:
            raise RuntimeError(f"a good badge was not let in: {decision}")
        turns.append(
            Turn(
                whole=(gate.lock.told_ns - gate.camera.delivered_ns) / 1e6,
                reader=gate.decoder.took_us / 1e3,
                journal=gate.journal.waited_ns / 1e6,
            )
        )
    return turns


def _pictures(site: SiteSimulator) -> tuple[Luma, list[Luma]]:
    """Returns a frame of the empty hall and one for each badge, upright and sharp."""
    camera = SceneCamera(
        width_px=SIZE_PX[0], height_px=SIZE_PX[1], fps=1000, seed=1, clock=SiteClock()
    )

    def frame() -> Luma:
        found = camera.next_frame(1.0)
        if found is None:
            raise RuntimeError("the rendered camera gives no frame")
        return found.luma

    empty = frame()
    shown = []
    for number in range(BADGES):
        camera.show(site.badge(number + 1))
        shown.append(frame())
        camera.clear()
    camera.close()
    return empty, shown
