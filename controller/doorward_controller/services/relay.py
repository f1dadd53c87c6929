"""What one process of many must let the others know: events of the live feed, and what is to be
published by the one that speaks for all.

Nothing hangs on a message: whoever could not listen for a moment tells its readers to look again,
and the leader then publishes everything once more. What cannot be told in time is dropped.
"""

import base64
import json
import logging
import queue
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from doorward_controller.errors import StoreUnavailableError
from doorward_controller.services.feed import EventKind, Feed
from doorward_controller.store.notices import MAX_BYTES, Line
from doorward_controller.store.session import Store

MAX_WAITING = 5_000
LONGEST_WAIT_S = 0.5
RETRY_S = 0.5
_JOIN_S = 5.0

_log = logging.getLogger(__name__)

Ask = tuple[str, bytes | None]
"""A topic, and what is to be said there; None for what is retained: the newest from the store."""

_Event = tuple[str, Mapping[str, object]]
_Asked = tuple[str, str | None]
_Item = tuple[_Event, None] | tuple[None, _Asked]
_LOOK_AGAIN: _Event = (EventKind.RESET.value, {})


@dataclass(slots=True)
class _Parcel:
    """What goes into one message."""

    events: list[_Event] = field(default_factory=list)
    asks: list[_Asked] = field(default_factory=list)

    def add(self, item: _Item) -> None:
        event, asked = item
        if event is not None:
            self.events.append(event)
        elif asked is not None:
            self.asks.append(asked)

    def text(self, sender: str) -> str:
        content = {"by": sender, "events": self.events, "asks": self.asks}
        return json.dumps(content, ensure_ascii=True, separators=(",", ":"))


class Relay:
    """Two threads: one tells, one listens."""

    def __init__(self, store: Store, feed: Feed) -> None:
        """Prepares; `start` runs it."""
        self._out, self._in = Line(store), Line(store)
        self._feed = feed
        self._name = secrets.token_hex(4)
        self._waiting: queue.Queue[_Item] = queue.Queue(MAX_WAITING)
        self._dropped = False
        self._stopping = threading.Event()
        self.listening = threading.Event()
        """Set once it hears the others."""
        self._threads = (
            threading.Thread(target=self._tell_all, name="relay-out", daemon=True),
            threading.Thread(target=self._hear_all, name="relay-in", daemon=True),
        )
        self._on_ask: Callable[[Ask], None] = lambda _: None
        self._on_gap: Callable[[], None] = lambda: None

    def start(self, on_ask: Callable[[Ask], None], on_gap: Callable[[], None]) -> None:
        """Begins.

        Args:
            on_ask: called by the listening thread with what another process asks to publish.
            on_gap: called by it when something may have been missed.
        """
        self._on_ask, self._on_gap = on_ask, on_gap
        self._feed.on_announced = self.tell_event
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends both threads; what waits to be told is dropped."""
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=_JOIN_S)
        self._out.close()
        self._in.close()

    def tell_event(self, kind: EventKind, data: Mapping[str, object]) -> None:
        """Lets the readers of the other processes know; never blocks."""
        self._put(((kind.value, data), None))

    def ask(self, topic: str, wire: bytes | None) -> None:
        """Has the leader publish something; never blocks."""
        self._put((None, (topic, None if wire is None else base64.b64encode(wire).decode())))

    def _put(self, item: _Item) -> None:
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            self._dropped = True

    def _tell_all(self) -> None:
        left: _Item | None = None
        while not self._stopping.is_set():
            try:
                first = left or self._waiting.get(timeout=LONGEST_WAIT_S)
            except queue.Empty:
                continue
            text, left = self._packed(first)
            try:
                self._out.tell(text)
            except StoreUnavailableError as err:
                self._dropped = True
                _log.warning("relay.dropped problem=%s", err)
                self._stopping.wait(RETRY_S)

    def _packed(self, first: _Item) -> tuple[str, _Item | None]:
        """Returns a message with as much of what waits as it takes, and what did not fit."""
        parcel = _Parcel()
        if self._dropped:
            self._dropped = False
            parcel.events.append(_LOOK_AGAIN)
        text, item = parcel.text(self._name), first
        while True:
            parcel.add(item)
            longer = parcel.text(self._name)
            if len(longer) > MAX_BYTES:
                if item is not first:
                    return text, item
                # Alone it is too long for any message: then it is told as a change at large.
                _log.warning("relay.too_long")
                return _Parcel(events=[_LOOK_AGAIN]).text(self._name), None
            text = longer
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                return text, None

    def _hear_all(self) -> None:
        is_first = True
        while not self._stopping.is_set():
            try:
                if not self._in.is_open:
                    self._in.listen()
                    self.listening.set()
                    if not is_first:
                        self._feed.take(EventKind.RESET, {})
                        self._on_gap()
                    is_first = False
                for text in self._in.hear(LONGEST_WAIT_S):
                    self._take(text)
            except StoreUnavailableError as err:
                _log.warning("relay.deaf problem=%s", err)
                self._stopping.wait(RETRY_S)
            except Exception:  # noqa: BLE001  # one bad message must not deafen us
                _log.exception("relay.failed")

    def _take(self, text: str) -> None:
        said = json.loads(text)
        if said["by"] == self._name:
            return
        for kind, data in said["events"]:
            self._feed.take(EventKind(kind), data)
        for topic, wire in said["asks"]:
            self._on_ask((topic, None if wire is None else base64.b64decode(wire)))
