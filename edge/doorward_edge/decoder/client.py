"""The parent's side of the decoder: one picture at a time, a deadline, and a new child in time.

Call it from one thread that lives as long as it does: a child ends with the thread that started it.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from doorward.times import Clock
from doorward_edge.decoder.process import ChildProcess, ChildSettings
from doorward_edge.decoder.protocol import (
    GO,
    HELLO_SERIAL,
    MAX_REPLY_BYTES,
    REPLY_HEADER_BYTES,
    Content,
    ProtocolError,
    ReplyHeader,
    Request,
    Status,
    sightings_from_wire,
)
from doorward_edge.scan import Luma, Sighting
from doorward_edge.stages.decode import Pass

log = logging.getLogger(__name__)

START_DEADLINE_MS = 20_000
"""A cold start from an SD card takes seconds; a child that needs longer never will be ready."""
FREE_RESTARTS = 3
CALM_AFTER_MS = 10_000
FIRST_PAUSE_MS = 250
LONGEST_PAUSE_MS = 4_000
"""Whoever holds a deadly picture up leaves some time; the gate must read soon after."""


class Loss(StrEnum):
    """Why a picture was not looked at, or not to the end."""

    NOT_READY = "not_ready"
    DIED = "died"
    HUNG = "hung"
    NONSENSE = "nonsense"
    TOO_LARGE = "too_large"
    NOT_AN_IMAGE = "not_an_image"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What became of one picture.

    Attributes:
        took_us: the reader's own time.
        loss: why there is no answer, or None.
    """

    sightings: tuple[Sighting, ...] = ()
    took_us: int = 0
    loss: Loss | None = None


_LOSS_OF = {
    Status.NOT_AN_IMAGE: Loss.NOT_AN_IMAGE,
    Status.TOO_LARGE: Loss.TOO_LARGE,
    Status.FAILED: Loss.FAILED,
    Status.CANNOT_START: Loss.NONSENSE,
}


class DecoderClient:
    """Keeps a child ready, and never waits for it longer than the deadline."""

    def __init__(
        self,
        settings: ChildSettings,
        clock: Clock,
        *,
        deadline_ms: int = 1_000,
        has_spare: bool = False,
    ) -> None:
        """Starts the first child; `wait_ready` waits for it.

        Args:
            settings: how children are made.
            clock: for the deadlines.
            deadline_ms: how long a picture may take.
            has_spare: whether a second child waits, locked in, to take the first one's place.
        """
        self._settings = settings
        self._clock = clock
        self._deadline_ms = deadline_ms
        self._wanted = 2 if has_spare else 1
        self._children: list[ChildProcess] = []
        self._not_before_ms = 0
        self._ends_ms: list[int] = []
        self._serial = HELLO_SERIAL
        self._pause = threading.Event()
        self._counts = {"starts": 0, "died": 0, "hung": 0, "nonsense": 0}
        self.tend()

    @property
    def child_pid(self) -> int | None:
        """The process id of the child that is asked next, or None when none is ready."""
        child = self._ready_child()
        return child.pid if child else None

    def stats(self) -> Mapping[str, int]:
        """Returns what happened since the start."""
        ended = self._counts["died"] + self._counts["hung"] + self._counts["nonsense"]
        return {**self._counts, "restarts": ended}

    def decode(
        self,
        luma: Luma,
        passes: tuple[Pass, ...],
        meanwhile: Callable[[], object] | None = None,
    ) -> Decoded:
        """Looks at a frame. Never raises; a frame that is lost says why.

        Args:
            luma: the frame.
            passes: tried in this order.
            meanwhile: done while the child looks, if it comes to that.
        """
        height, width = luma.shape
        child = self._tended_child()
        if child is None:
            return Decoded(loss=Loss.NOT_READY)
        if luma.size > child.picture.size:
            return Decoded(loss=Loss.TOO_LARGE)
        place = child.picture[: luma.size].reshape(height, width)
        request = self._request(Content.LUMA, (width, height), luma.size, passes)
        return self._ask(child, request, lambda: np.copyto(place, luma), meanwhile)

    def decode_file(self, content: bytes, passes: tuple[Pass, ...]) -> Decoded:
        """Looks at an image file's bytes, which are opened in the child, too. Never raises."""
        child = self._tended_child()
        if child is None:
            return Decoded(loss=Loss.NOT_READY)
        if len(content) > child.picture.size:
            return Decoded(loss=Loss.TOO_LARGE)
        place, data = child.picture[: len(content)], np.frombuffer(content, dtype=np.uint8)
        request = self._request(Content.FILE, (0, 0), len(content), passes)
        return self._ask(child, request, lambda: np.copyto(place, data))

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits for a child that is ready; returns whether there is one."""
        until_ms = self._now() + int(timeout_s * 1000)
        while True:
            self.tend()
            if self._ready_child() is not None:
                return True
            left_ms = until_ms - self._now()
            if left_ms <= 0:
                return False
            if self._children:
                self._children[0].has_spoken(min(left_ms, 100))
            else:
                self._pause.wait(min(left_ms, 20) / 1000)

    def tend(self) -> None:
        """Sees which children are ready and which are gone, and starts what is missing."""
        for child in tuple(self._children):
            self._look_after(child)
        # The spare one waits until the first is ready: two at once would start twice as slowly.
        if len(self._children) < self._wanted and all(c.is_ready for c in self._children):
            self._start_child()

    def close(self) -> None:
        """Ends the children."""
        self._wanted = 0
        while self._children:
            self._children.pop().end()

    # --- One question ---------------------------------------------------------------------------

    def _request(
        self, content: Content, size_px: tuple[int, int], size: int, passes: tuple[Pass, ...]
    ) -> Request:
        self._serial = self._serial % (2**32 - 1) + 1
        return Request(
            serial=self._serial,
            content=content,
            width=size_px[0],
            height=size_px[1],
            size=size,
            passes=passes,
        )

    def _ask(
        self,
        child: ChildProcess,
        request: Request,
        lay: Callable[[], None],
        meanwhile: Callable[[], object] | None = None,
    ) -> Decoded:
        """Asks and waits; `lay` puts the picture in its place while the child wakes up."""
        try:
            child.send(request.to_wire())
            lay()
            child.send(GO)
            if meanwhile is not None:
                meanwhile()
            header, body = self._receive(child, request.serial)
            sightings = sightings_from_wire(body, header, (request.width, request.height))
        except (ProtocolError, EOFError, OSError) as err:
            return self._lose(child, err)
        return Decoded(
            sightings=sightings, took_us=header.took_us, loss=_LOSS_OF.get(header.status)
        )

    def _receive(self, child: ChildProcess, serial: int) -> tuple[ReplyHeader, bytes]:
        """Returns a reply, which mostly comes whole: one wait, one read for header and body."""
        until_ms = self._now() + self._deadline_ms
        wire = self._receive_more(child, b"", REPLY_HEADER_BYTES, until_ms)
        header = ReplyHeader.from_wire(wire[:REPLY_HEADER_BYTES], serial)
        whole = REPLY_HEADER_BYTES + header.body_bytes
        wire = self._receive_more(child, wire, whole, until_ms)
        if len(wire) > whole:
            raise ProtocolError(f"{len(wire) - whole} bytes after a reply of {whole}")
        return header, wire[REPLY_HEADER_BYTES:]

    def _receive_more(self, child: ChildProcess, wire: bytes, least: int, until_ms: int) -> bytes:
        """Returns `wire` and what came after it, together at least that long."""
        while len(wire) < least:
            left_ms = until_ms - self._now()
            if left_ms <= 0 or not child.has_spoken(left_ms):
                raise TimeoutError(f"no answer within {self._deadline_ms} ms")
            wire += child.receive(MAX_REPLY_BYTES)
        return wire

    # --- Keeping children -----------------------------------------------------------------------

    def _ready_child(self) -> ChildProcess | None:
        return next((child for child in self._children if child.is_ready), None)

    def _tended_child(self) -> ChildProcess | None:
        self.tend()
        return self._ready_child()

    def _look_after(self, child: ChildProcess) -> None:
        """Hears a child's hello; one that has said it must be silent until it is asked."""
        try:
            if child.is_ready:
                child.expect_silence()
            elif child.has_spoken():
                self._receive(child, HELLO_SERIAL)[0].expect_hello()
                child.is_ready = True
                took_ms = self._now() - child.started_mono_ms
                log.info("decoder.ready pid=%d took_ms=%d", child.pid, took_ms)
            else:
                child.expect_start_within(START_DEADLINE_MS, self._now())
        except (ProtocolError, EOFError, OSError) as err:
            self._lose(child, err)

    def _start_child(self) -> None:
        now_ms = self._now()
        if now_ms < self._not_before_ms:
            return
        self._counts["starts"] += 1
        try:
            self._children.append(ChildProcess(self._settings, now_ms))
        except OSError as err:
            self._slow_down("cannot_start", str(err))

    def _lose(self, child: ChildProcess, err: Exception) -> Decoded:
        """Ends a child, and starts the next at once unless they end too often."""
        loss = _loss_of(err)
        self._counts[loss.value] += 1
        self._children.remove(child)
        child.end()
        self._slow_down(loss.value, str(err))
        self._start_child()
        return Decoded(loss=loss)

    def _slow_down(self, how: str, why: str) -> None:
        now_ms = self._now()
        self._ends_ms = [t for t in self._ends_ms if now_ms - t < CALM_AFTER_MS] + [now_ms]
        too_many = len(self._ends_ms) - FREE_RESTARTS
        pause_ms = FIRST_PAUSE_MS * 2 ** min(too_many - 1, 8) if too_many > 0 else 0
        pause_ms = min(pause_ms, LONGEST_PAUSE_MS)
        self._not_before_ms = now_ms + pause_ms
        log.warning("decoder.%s why=%s pause_ms=%d", how, why, pause_ms)

    def _now(self) -> int:
        return self._clock.now().mono_ms


def _loss_of(err: Exception) -> Loss:
    if isinstance(err, TimeoutError):
        return Loss.HUNG
    return Loss.NONSENSE if isinstance(err, ProtocolError) else Loss.DIED
