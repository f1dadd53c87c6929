"""Keeps what the book learns, in a thread of its own: nobody at a gate waits for the disk.

What happened is appended to the log at once, so that it outlives the process whatever ends it. It
is flushed at most every ten seconds, because each flush wears the card, and a power cut may take
what came since. Only where that would let somebody in again for good, at a one-time code or a
counted entry of our own, or where an operator was told that somebody is forgiven, is it flushed at
once; the door has opened by then and does not wait.
"""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable

from doorward.events import EventCode
from doorward.ids import GatewayId
from doorward.presence_message import PresenceMessage, Sign
from doorward.presence_outbox import LASTING
from doorward.times import Clock
from doorward_edge.ports import Notice, PresenceStore
from doorward_edge.presence.log_entry import LogEntry, Sent, entry_wire

log = logging.getLogger(__name__)

FLUSH_MS = 10_000
RETRY_MS = 5_000
MOST_WAITING = 20_000
"""A disk that takes nothing must not fill the memory; then what is oldest is given up."""
MOST_AT_ONCE = 500
FOLD_AT_BYTES = 4 * 1024 * 1024
"""Some fifteen thousand passages; for each so many the card takes one snapshot."""
FOLD_EVERY_MS = 86_400_000
"""What is to be forgotten leaves the card with the next snapshot."""
END_S = 2.0

Fold = Callable[[int], None]
"""Folds the log up to a part into the snapshot; returns when it is done. Raises OSError."""


class PresenceKeeper:
    """Writes the log, and has it folded. `keep` and `keep_sent` may be called from any thread."""

    def __init__(
        self,
        gateway: GatewayId,
        store: PresenceStore,
        fold: Fold,
        clock: Clock,
        notices: tuple[Notice, ...] = (),
        fold_at_bytes: int = FOLD_AT_BYTES,
    ) -> None:
        """Takes the store, which this thread alone writes to from now on."""
        self._gateway = gateway
        self._store, self._fold, self._clock = store, fold, clock
        self._fold_at_bytes = fold_at_bytes
        self._arrived: queue.SimpleQueue[LogEntry | None] = queue.SimpleQueue()
        self._waiting: deque[LogEntry] = deque(maxlen=MOST_WAITING)
        self._flush_due_ms: int | None = None
        self._retry_due_ms = 0
        self._fold_due_ms: int = clock.now().mono_ms + FOLD_EVERY_MS
        self._is_failing = False
        self._notices = deque(notices)
        self._is_ending = False
        self._folding: threading.Thread | None = None
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def keep(self, messages: tuple[PresenceMessage, ...]) -> None:
        """Takes what the book said or learned; of doors and of being there nothing is kept."""
        for message in messages:
            if message.sign in LASTING:
                self._arrived.put(message)

    def keep_sent(self, message: PresenceMessage) -> None:
        """Takes that the broker has a message of ours."""
        if message.sign in LASTING:
            self._arrived.put(Sent(message.epoch, message.seq))

    def note_lost(self, why: str) -> None:
        """Has it told that something of what others said is missed; the book knows it."""
        log.error("presence.missed what=%s", why)
        self._notices.append(Notice(code=EventCode.PRESENCE_LOST, detail=why))

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what happened to the book since the last call."""
        return tuple(self._notices.popleft() for _ in range(len(self._notices)))

    @property
    def is_folding(self) -> bool:
        """Whether a snapshot is being made."""
        return self._folding is not None and self._folding.is_alive()

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def close(self) -> None:
        """Writes and flushes what waits."""
        self._is_ending = True
        self._arrived.put(None)
        if self._thread.ident is not None:
            self._thread.join(END_S)

    def turn(self, wait_s: float) -> None:
        """Waits for something to keep, and does what is due."""
        self._collect(wait_s)
        now_ms = self._clock.now().mono_ms
        if now_ms < self._retry_due_ms and not self._is_ending:
            return
        try:
            self._write(now_ms)
            self._fold_if_due(now_ms)
            self._is_failing = False
        except OSError as err:
            self._retry_due_ms = now_ms + RETRY_MS
            self._tell(f"{err.strerror or err}")

    def _run(self) -> None:
        while not self._is_ending:
            try:
                self.turn(1.0)
            except Exception:
                log.exception("presence.keeping_failed")
                self._tell("a fault of the program; see the log")
                self._retry_due_ms = self._clock.now().mono_ms + RETRY_MS
        self.turn(0)

    def _collect(self, wait_s: float) -> None:
        try:
            entry = self._arrived.get(timeout=wait_s) if wait_s else self._arrived.get_nowait()
            while True:
                if entry is not None:
                    self._waiting.append(entry)
                entry = self._arrived.get_nowait()
        except queue.Empty:
            pass

    def _write(self, now_ms: int) -> None:
        while self._waiting:
            batch = [self._waiting[at] for at in range(min(MOST_AT_ONCE, len(self._waiting)))]
            is_urgent = any(self._is_urgent(entry) for entry in batch)
            self._store.append([entry_wire(entry) for entry in batch], flush=is_urgent)
            for _ in batch:
                self._waiting.popleft()
            if is_urgent:
                self._flush_due_ms = None
            elif self._flush_due_ms is None:
                self._flush_due_ms = now_ms + FLUSH_MS
        is_due = self._flush_due_ms is not None and self._flush_due_ms <= now_ms
        if is_due or self._is_ending:
            self._store.flush()
            self._flush_due_ms = None

    def _fold_if_due(self, now_ms: int) -> None:
        log_bytes = self._store.log_bytes()
        is_due = log_bytes > 0 and now_ms >= self._fold_due_ms
        is_due = is_due or log_bytes >= self._fold_at_bytes
        if is_due and not self._is_ending and not self.is_folding:
            self._fold_due_ms = now_ms + FOLD_EVERY_MS
            part = self._store.end_part()
            self._folding = threading.Thread(
                target=self._fold_now, args=(part,), name="presence-fold", daemon=True
            )
            self._folding.start()

    def _fold_now(self, part: int) -> None:
        try:
            self._fold(part)
        except OSError as err:
            self._tell(f"{err.strerror or err}")

    def _tell(self, why: str) -> None:
        if not self._is_failing:
            log.error("presence.not_kept error=%s", why)
            self._notices.append(Notice(code=EventCode.PRESENCE_NOT_KEPT, detail=why))
        self._is_failing = True

    def _is_urgent(self, entry: LogEntry) -> bool:
        """Whether a power cut must not take it: nobody else may have it, and it counts for long."""
        if isinstance(entry, Sent) or entry.gateway != self._gateway:
            return False
        if entry.sign in {Sign.FORGIVEN, Sign.ALL_FORGIVEN}:
            return True
        is_use = entry.sign in {Sign.GRANTED, Sign.ANNULLED} and entry.once_until > 0
        return is_use or (entry.sign is Sign.PASSED and entry.counts_until > 0)
