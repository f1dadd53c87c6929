"""What happens, told at once to whoever looks: a ring of recent events and bounded queues.

A slow reader never slows the others down and never grows memory: when its queue is full it is told
`reset`, which means "read the page again". A reader that comes back with the id of the last event
it saw gets what it missed while the ring still holds it, else `reset`.
"""

import json
import queue
import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

RING_SIZE = 2_000
QUEUE_SIZE = 500


class EventKind(StrEnum):
    """What an event tells of."""

    SCAN = "scan"
    GATEWAY = "gateway"
    PROPAGATION = "propagation"
    QUARANTINE = "quarantine"
    COMMAND = "command"
    PROPOSAL = "proposal"
    POSTURE = "posture"
    ALERT = "alert"
    RESET = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """One thing that happened.

    Attributes:
        id: `{start of this process}-{number}`; opaque to readers.
    """

    id: str
    kind: EventKind
    data: Mapping[str, object]

    def json(self) -> str:
        """The data as one line of JSON."""
        return json.dumps(dict(self.data), ensure_ascii=False, separators=(",", ":"))


class Subscription:
    """One reader's queue. Use it as a context manager."""

    def __init__(self, feed: "Feed", wake: Callable[[], None]) -> None:
        """Made by `Feed.subscribe`."""
        self._feed = feed
        self._wake = wake
        self._queue: queue.Queue[FeedEvent | None] = queue.Queue(QUEUE_SIZE)
        self._overflowed = False

    @property
    def is_closed(self) -> bool:
        """Whether the feed has ended because the process stops."""
        return self._feed.is_closed

    def next(self, timeout_s: float) -> FeedEvent | None:
        """Returns the next event, or None when nothing happened in time or the feed has ended."""
        if self._overflowed:
            self._clear()
            return self._feed.reset_event()
        try:
            return self._queue.get(timeout=0 if self.is_closed else timeout_s)
        except queue.Empty:
            return None

    def offer(self, event: FeedEvent | None) -> None:
        """Takes an event (None wakes a waiting reader); a full queue turns into one `reset`."""
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self._overflowed = True
        self._wake()

    def _clear(self) -> None:
        self._overflowed = False
        while not self._queue.empty():
            self._queue.get_nowait()

    def __enter__(self) -> Self:
        """Nothing to do; the subscription is live since it was made."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the subscription."""
        self._feed.drop(self)


class Feed:
    """Tells every reader of this process; `services/relay.py` ties many processes together."""

    def __init__(self) -> None:
        """Starts with an empty ring."""
        self._start = secrets.token_hex(4)
        self._last = 0
        self._ring: deque[FeedEvent] = deque(maxlen=RING_SIZE)
        self._readers: set[Subscription] = set()
        self._lock = threading.Lock()
        self.is_closed = False
        self.on_announced: Callable[[EventKind, Mapping[str, object]], None] = lambda *_: None
        """Called with what happened in this process, where there are others to tell."""

    @property
    def position(self) -> str:
        """The id of the last event: whoever looks now and subscribes later starts from here."""
        with self._lock:
            return self._id()

    @property
    def readers(self) -> int:
        """How many look on."""
        with self._lock:
            return len(self._readers)

    def close(self) -> None:
        """Ends every subscription; open streams finish."""
        with self._lock:
            self.is_closed = True
            for reader in self._readers:
                reader.offer(None)

    def announce(self, kind: EventKind, data: Mapping[str, object]) -> None:
        """Tells every reader, of other processes too; never blocks on one."""
        self.take(kind, data)
        self.on_announced(kind, data)

    def take(self, kind: EventKind, data: Mapping[str, object]) -> None:
        """Tells every reader of this process."""
        with self._lock:
            self._last += 1
            event = FeedEvent(id=self._id(), kind=kind, data=data)
            self._ring.append(event)
            for reader in self._readers:
                reader.offer(event)

    def subscribe(
        self, last_event_id: str | None = None, wake: Callable[[], None] = lambda: None
    ) -> Subscription:
        """Returns a reader that first gets what happened after `last_event_id`.

        Args:
            last_event_id: of the last event that the reader saw, None for a new reader.
            wake: called by other threads when there is something to read; must not block.
        """
        reader = Subscription(self, wake)
        with self._lock:
            for event in self._missed(last_event_id):
                reader.offer(event)
            self._readers.add(reader)
        return reader

    def drop(self, reader: Subscription) -> None:
        """Ends a subscription."""
        with self._lock:
            self._readers.discard(reader)

    def reset_event(self) -> FeedEvent:
        """The event that says "read the page again", at the present end of the feed."""
        with self._lock:
            return self._reset()

    def _reset(self) -> FeedEvent:
        return FeedEvent(id=self._id(), kind=EventKind.RESET, data={})

    def _id(self) -> str:
        return f"{self._start}-{self._last}"

    def _missed(self, last_event_id: str | None) -> list[FeedEvent]:
        if last_event_id is None:
            return []
        start, _, number = last_event_id.partition("-")
        if start != self._start or not number.isdigit() or int(number) > self._last:
            return [self._reset()]
        gap = self._last - int(number)
        if gap > min(len(self._ring), QUEUE_SIZE):
            return [self._reset()]
        return list(self._ring)[len(self._ring) - gap :]
