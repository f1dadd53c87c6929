"""A scanner as a `CodeSource`: a thread that reads a device, and finds it again when it is gone."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from doorward.events import EventCode
from doorward.ids import PortalId
from doorward.times import Clock
from doorward_edge.ports import Notice
from doorward_edge.scan import Scan
from doorward_edge.scanners.presentations import Presentations
from doorward_edge.scanners.reading import Unpacker

log = logging.getLogger(__name__)

WAIT_S = 0.25
"""A read waits at most so long: whoever closes the scanner waits for it."""
RETRY_S = 1.0
END_S = 1.0


class Device(Protocol):
    """An open scanner."""

    def read(self, timeout_s: float) -> bytes:
        """Returns what came, or nothing when nothing did in time. Raises OSError when gone."""
        ...

    def close(self) -> None:
        """Lets go of it. Raises OSError when it is gone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerSettings:
    """What a scanner is.

    Attributes:
        name: as in the configuration, for people.
        portal: where it reads.
        reader: what stands in records, for example ``scanner/keyboard``.
        held_ms: how long a code may be held up and still be one scan.
    """

    name: str
    portal: PortalId
    reader: str
    held_ms: int


class ScannerSource:
    """Reads one scanner, in a thread of its own."""

    def __init__(
        self,
        settings: ScannerSettings,
        open_device: Callable[[], Device],
        make_unpacker: Callable[[], Unpacker],
        clock: Clock,
        *,
        retry_s: float = RETRY_S,
    ) -> None:
        """Takes what opens the device; nothing is opened before `start`.

        Args:
            settings: what the scanner is.
            open_device: raises OSError when there is none.
            make_unpacker: makes what takes in its bytes, anew each time the device is opened.
            clock: for the time of scans.
            retry_s: how long to wait before a device that is gone is looked for again.
        """
        self._settings = settings
        self._open_device = open_device
        self._make_unpacker = make_unpacker
        self._clock = clock
        self._retry_s = retry_s
        self._presentations = Presentations(settings.held_ms)
        self._thrown_away: dict[str, int] = {"garbage": 0, "unfinished": 0}
        self._losses = 0
        self._is_lost = False
        self._trouble = "not looked for yet"
        self._notices: list[Notice] = []
        self._turn = threading.Lock()
        self._closed = threading.Event()
        self._put: Callable[[PortalId, Scan], None] = _nowhere
        self._thread = threading.Thread(target=self._run, name=settings.name, daemon=True)

    @property
    def name(self) -> str:
        """The scanner's name."""
        return self._settings.name

    @property
    def trouble(self) -> str:
        """Why nothing is read from it now; empty while it is open."""
        with self._turn:
            return self._trouble

    def start(self, put: Callable[[PortalId, Scan], None]) -> None:
        """Begins to read."""
        self._put = put
        self._thread.start()

    def stats(self) -> Mapping[str, int]:
        """Returns counts since the start: scans, what was thrown away, how often it was lost."""
        with self._turn:
            counts = {**self._presentations.counts(), **self._thrown_away}
            return {**counts, "losses": self._losses}

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what happened to the device since the last call."""
        with self._turn:
            taken, self._notices = tuple(self._notices), []
        return taken

    def close(self) -> None:
        """Stops reading and lets go of the device."""
        with self._turn:
            self._closed.set()
        if self._thread.ident is not None:
            self._thread.join(END_S)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                device = self._open_device()
            except OSError as err:
                self._note_lost(err)
            else:
                self._note_found()
                self._read_until_lost(device)
            self._closed.wait(self._retry_s)

    def _read_until_lost(self, device: Device) -> None:
        unpacker = self._make_unpacker()
        before = dict(self._thrown_away)
        try:
            while not self._closed.is_set():
                self._take(unpacker, device.read(WAIT_S))
                thrown = unpacker.counts()
                with self._turn:
                    self._thrown_away = {name: before[name] + thrown[name] for name in before}
        except OSError as err:
            self._note_lost(err)
        finally:
            try:
                device.close()
            except OSError as err:
                log.debug("scanner.close name=%s why=%s", self._settings.name, err)

    def _take(self, unpacker: Unpacker, wire: bytes) -> None:
        now_ms = self._clock.now().mono_ms
        for reading in unpacker.feed(wire, now_ms):
            scan = Scan(
                payload=reading.payload,
                problem=reading.problem,
                reader=self._settings.reader,
                captured_mono_ms=now_ms,
            )
            with self._turn:
                if not self._closed.is_set() and self._presentations.is_new(reading, now_ms):
                    self._put(self._settings.portal, scan)

    def _note_lost(self, err: OSError) -> None:
        with self._turn:
            self._trouble = str(err) or "gone"
            if self._is_lost:
                return
            self._is_lost = True
            self._losses += 1
            self._note(EventCode.SCANNER_LOST, f"{self._settings.name}: {err}")

    def _note_found(self) -> None:
        with self._turn:
            self._trouble = ""
            if self._is_lost:
                self._is_lost = False
                self._note(EventCode.SCANNER_FOUND, self._settings.name)

    def _note(self, code: EventCode, detail: str) -> None:
        self._notices.append(Notice(code=code, detail=detail))


def _nowhere(portal: PortalId, scan: Scan) -> None:
    """Nobody listens before `start`."""
    del portal, scan
