"""Puts what is beside the doors together: staff list, meters, screens and the gateway's pages."""

import hashlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from doorward import topics
from doorward.events import EventCode
from doorward.ids import PortalId, SiteId
from doorward.messages import Rejection
from doorward.reasons import Reason
from doorward.records import Record, RecordKind
from doorward.times import Clock, Instant
from doorward_edge.adapters.documents_tinydb import TinyTallies
from doorward_edge.adapters.policy_files import FolderOfPolicies
from doorward_edge.asking_again import AskAgain
from doorward_edge.by_hand import Answer, Gate, HandDesk, Registration
from doorward_edge.config import ConfigError, EdgeConfig, PanelSection
from doorward_edge.courier import Myself
from doorward_edge.inbox import Inbox
from doorward_edge.meters import MeteredLock, Meters
from doorward_edge.panel.board import ScreenBoard
from doorward_edge.panel.parts import PanelParts
from doorward_edge.perception import PerceptionError, perception_of
from doorward_edge.pipeline import RulesInForce
from doorward_edge.portal_wiring import Doorway, Hands, Shared, is_interlocked
from doorward_edge.ports import (
    Arrived,
    CodeSource,
    Documents,
    Indicator,
    Notice,
    Outgoing,
    Signal,
    Tallies,
)
from doorward_edge.presence.muster import RollCall, call_roll
from doorward_edge.staff_book import StaffBook
from doorward_edge.stages.decide import DecideStage
from doorward_edge.stages.record import RecordStage
from doorward_edge.sync import Verdict

if TYPE_CHECKING:
    from doorward_edge.panel.opening import Panel

REGISTER_S = 5.0
"""The main loop answers in a fraction of a second; a guard must not wonder for longer."""

MOST_TOLD = 64
_OWN_IO = Path("/proc/self/io")


class SeveralIndicators:
    """Lamps and screen of one portal, told the same."""

    def __init__(self, indicators: Sequence[Indicator]) -> None:
        """Takes those that are told."""
        self._indicators = tuple(indicators)

    def show(self, signal: Signal, *, offline: bool, reason: Reason | None = None) -> None:
        """Shows a signal on each."""
        for each in self._indicators:
            each.show(signal, offline=offline, reason=reason)

    def close(self) -> None:
        """Puts each out."""
        for each in self._indicators:
            each.close()


def _nobody(topics: Sequence[str]) -> None:
    """Nobody to ask yet."""
    del topics


class StaffErrand:
    """Brings the staff list from its topic into the book; see `courier.Errand`.

    Attributes:
        ask: has the broker send what it keeps of topics again.
    """

    def __init__(self, site: SiteId, book: StaffBook, *, has_pages: bool = True) -> None:
        """Takes the book. A gateway without pages keeps no hashes that it has no use for."""
        self._topic = topics.policy(site, topics.Policy.STAFF)
        self._book = book
        self._has_pages = has_pages
        self._again = AskAgain()
        self.ask: Callable[[Sequence[str]], None] = _nobody
        self.rejected: tuple[Rejection, ...] = ()

    @property
    def topics(self) -> Sequence[str]:
        """Nothing beside what the courier asks for as rules."""
        return ()

    @property
    def version(self) -> int | None:
        """Which list the pages go by, 0 for none; None without pages."""
        return self._book.version if self._has_pages else None

    def wants(self, topic: str) -> bool:
        """Whether it is the staff list's topic."""
        return topic == self._topic

    def take(self, message: Arrived, now: Instant) -> bool:
        """Takes a list in. Returns whether there is something to report."""
        if not self._has_pages:
            return False
        taken = self._book.take(message.payload, now)
        self._again.note(taken, self._book.keyring_version, now)
        before = self.rejected
        is_new = taken.verdict is Verdict.APPLIED
        if taken.verdict in {Verdict.REFUSED, Verdict.UNWRITTEN}:
            refused = Rejection(what=taken.what, version=0, error=taken.error[:200])
            self.rejected = (refused,)
        elif is_new:
            self.rejected = ()
        return is_new or self.rejected != before

    def turn(
        self, now: Instant, publish: Callable[[Outgoing], bool], *, is_connected: bool
    ) -> bool:
        """Asks for a list that did not count, where it may count now. Nothing to report."""
        del publish
        if not is_connected:
            self._again.forget()
        elif self._again.is_due(self._book.keyring_version, now):
            self.ask((self._topic,))
        return False


class Told:
    """Events of other threads, until the main loop fetches them."""

    def __init__(self) -> None:
        """Begins with none."""
        self._waiting: deque[Notice] = deque(maxlen=MOST_TOLD)

    def tell(self, code: EventCode, detail: str) -> None:
        """Takes one in; from any thread."""
        self._waiting.append(Notice(code=code, detail=detail))

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what was told since the last call."""
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return tuple(taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dressed:
    """The hands of all portals, with what counts and shows beside them.

    Attributes:
        board: what the screens show; None where the site has no pages.
    """

    hands: Mapping[PortalId, Hands]
    locks: Mapping[PortalId, MeteredLock]
    board: ScreenBoard | None


def dress(config: EdgeConfig, hands: Mapping[PortalId, Hands], clock: Clock) -> Dressed:
    """Has every lock count its cycles, and every screen told what the lamps are told.

    Raises:
        ConfigError: the words or tones that the site set would not be understood.
    """
    locks = {portal: MeteredLock(each.lock) for portal, each in hands.items()}
    if config.panel is None:
        plain = {p: replace(each, lock=locks[p]) for p, each in hands.items()}
        return Dressed(hands=plain, locks=locks, board=None)
    try:
        perception = perception_of(config.perception)
    except PerceptionError as err:
        raise ConfigError(str(err)) from err
    board = ScreenBoard([portal.id for portal in config.portals], perception, clock)
    shown = {
        portal: Hands(
            lock=locks[portal],
            indicator=SeveralIndicators((each.indicator, board.screen(portal))),
        )
        for portal, each in hands.items()
    }
    return Dressed(hands=shown, locks=locks, board=board)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staffed:
    """Who may sign in, and what brings the list of them.

    Attributes:
        problems: what could not be used at the start, in words.
    """

    book: StaffBook
    errand: StaffErrand
    problems: tuple[str, ...]


def open_staff(config: EdgeConfig, rules: RulesInForce) -> Staffed:
    """Loads the staff list that was applied last, where the site has pages."""
    files = FolderOfPolicies(config.data_dir / "policy")
    book = StaffBook(site=config.site, files=files, keyring=lambda: rules.keyring)
    has_pages = config.panel is not None
    errand = StaffErrand(config.site, book, has_pages=has_pages)
    return Staffed(book=book, errand=errand, problems=book.load() if has_pages else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What pages and meters need of a gateway that is otherwise put together.

    Attributes:
        documents_key: seals the tallies, too.
        doorways: every portal.
        is_camera_well: whether every camera of a portal gives pictures.
    """

    config: EdgeConfig
    myself: Myself
    shared: Shared
    inbox: Inbox
    documents: Documents
    documents_key: bytes
    staff: StaffBook
    dressed: Dressed
    doorways: Mapping[PortalId, Doorway]
    is_camera_well: Callable[[PortalId], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a gateway runs beside its doors, in the groups of `gateway.Parts`.

    Attributes:
        errands: for a thread that may wait for the disk.
    """

    sources: tuple[CodeSource, ...]
    errands: tuple[Callable[[Instant], None], ...]
    notices: tuple[Callable[[], tuple[Notice, ...]], ...]
    closers: tuple[Callable[[], None], ...]
    problems: tuple[str, ...]


def put_beside(around: Around) -> Beside:
    """Puts desk, meters and pages together; nothing is served before the sources are started.

    Raises:
        DocumentsError: the meters cannot be read.
    """
    config, shared = around.config, around.shared
    tallies = TinyTallies.open(config.data_dir / "documents", around.documents_key)
    desk = HandDesk(
        {portal: _gate(portal, around) for portal in around.doorways},
        shared.rules,
        shared.clock,
        lambda: shared.link.is_connected,
    )
    meters = Meters(tallies, _sources(around, desk), shared.clock.now())
    told = Told()
    panels = _panels(around, desk, meters, told, tallies)
    return Beside(
        sources=panels,
        errands=(meters.turn,),
        notices=(told.take_notices, tallies.take_notices),
        closers=(lambda: meters.keep(shared.clock.now()),),
        problems=tuple(problem for panel in panels for problem in panel.problems),
    )


def _sources(around: Around, desk: HandDesk) -> dict[str, Callable[[], int]]:
    sources: dict[str, Callable[[], int]] = {
        "scans": lambda: around.shared.counters.scans,
        "by_hand": lambda: desk.taken,
        "bytes_written": bytes_written,
    }
    for portal, lock in around.dressed.locks.items():
        sources[f"lock_cycles.{portal}"] = _cycles_of(lock)
    return sources


def _gate(portal: PortalId, around: Around) -> Gate:
    shared = around.shared
    return Gate(
        portal=portal,
        decide=DecideStage(portal, shared.presence).decide,
        is_interlocked=lambda now: is_interlocked(portal, shared, now),
        record=_records(shared, portal),
        acting=around.doorways[portal].portal,
    )


def _records(shared: Shared, portal: str) -> RecordStage:
    return RecordStage(
        shared.journal,
        boot_id=shared.boot_id,
        portal=portal,
        is_online=lambda: shared.link.is_connected,
    )


def _panels(
    around: Around, desk: HandDesk, meters: Meters, told: Told, tallies: Tallies
) -> "tuple[Panel, ...]":
    """Returns the pages, where the site has them."""
    section, board = around.config.panel, around.dressed.board
    if section is None or board is None:
        return ()
    # Not at the top: a web server is 16 MB that a gateway without pages does not spend.
    from doorward_edge.panel.opening import Panel  # noqa: PLC0415

    return (Panel(_parts(around, desk, meters, told, tallies, section, board)),)


def _parts(
    around: Around,
    desk: HandDesk,
    meters: Meters,
    told: Told,
    tallies: Tallies,
    section: PanelSection,
    board: ScreenBoard,
) -> PanelParts:
    config, shared = around.config, around.shared
    clock, records = shared.clock, _records(shared, "")

    def register(registration: Registration) -> Answer:
        return around.inbox.call(lambda: desk.take(registration), REGISTER_S)

    def begin(kind: RecordKind, reason: str, detail: str) -> Record:
        return records.begin(kind, clock.now(), reason, detail)

    return PanelParts(
        site=config.site,
        gateway=config.gateway,
        section=section,
        portals=tuple(portal.id for portal in config.portals),
        clock=clock,
        board=board,
        staff=around.staff,
        tallies=tallies,
        service=around.documents,
        labels=labels_of(around.myself),
        is_online=lambda: shared.link.is_connected,
        is_camera_well=around.is_camera_well,
        register=register,
        begin=begin,
        record=records.record,
        spans=shared.journal.spans,
        meters=lambda: meters.now(clock.now()),
        offset_s=lambda utc_s: _offset_s(shared.rules, utc_s),
        tell=told.tell,
        muster=lambda: _muster(around),
    )


def _muster(around: Around) -> RollCall:
    config, shared = around.config, around.shared
    now = shared.clock.now()
    found = around.inbox.call(lambda: shared.presence.muster(now), REGISTER_S)
    rules = shared.rules.rules
    return call_roll(found, rules, site=config.site, gateway=config.gateway, now=now)


def labels_of(myself: Myself) -> dict[str, str]:
    """Returns what a technician compares with the label on the housing."""
    key = hashlib.sha256(bytes.fromhex(myself.record_key)).hexdigest()[:16]
    return {
        "QR": f"doorward:{myself.site}/{myself.gateway}#{key}",
        "Site / gateway": f"{myself.site} / {myself.gateway}",
        "Board": myself.hardware.get("board", ""),
        "Software": myself.software,
    }


def bytes_written() -> int:
    """Returns what this process has sent to the disk since it began; 0 where nobody counts."""
    try:
        text = _OWN_IO.read_text("ascii")
    except OSError:
        return 0
    for line in text.splitlines():
        name, _, number = line.partition(": ")
        if name == "write_bytes":
            return int(number)
    return 0


def _cycles_of(lock: MeteredLock) -> Callable[[], int]:
    return lambda: lock.cycles


def _offset_s(rules: RulesInForce, utc_s: int) -> int | None:
    known = rules.rules
    return None if known is None else known.policy.time.local_s(utc_s) - utc_s
