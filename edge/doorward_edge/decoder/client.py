"""The parent's side of the decoder: one picture at a time, a deadline, and a new child in time.

Call it from one thread that lives as long as it does: a child ends with the thread that started it.
"""

import contextlib
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from doorward.times import Clock
from doorward_edge.decoder.process import ChildProcess, ChildSettings
from doorward_edge.decoder.protocol import (
    HELLO_SERIAL,
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

    def __init__(self, settings: ChildSettings, clock: Clock, *, deadline_ms: int = 1_000) -> None:
        """Starts the first child; `wait_ready` waits for it."""
        self._settings = settings
        self._clock = clock
        self._deadline_ms = deadline_ms
        self._child: ChildProcess | None = None
        self._is_ready = False
        self._started_ms = 0
        self._not_before_ms = 0
        self._deaths_ms: list[int] = []
        self._serial = HELLO_SERIAL
        self._pause = threading.Event()
        self._counts = {"starts": 0, "died": 0, "hung": 0, "nonsense": 0}
        self.tend()

    @property
    def child_pid(self) -> int | None:
        """The process id of the child that is ready, or None."""
        return self._child.pid if self._child is not None and self._is_ready else None

    def stats(self) -> Mapping[str, int]:
        """Returns what happened since the start."""
        return {**self._counts, "restarts": max(0, self._counts["starts"] - 1)}

    def decode(self, luma: Luma, passes: tuple[Pass, ...]) -> Decoded:
        """Looks at a frame. Never raises; a frame that is lost says why."""
        height, width = luma.shape
        child = self._ready_child()
        if child is None:
            return Decoded(loss=Loss.NOT_READY)
        if luma.size > child.picture.size:
            return Decoded(loss=Loss.TOO_LARGE)
        np.copyto(child.picture[: luma.size].reshape(height, width), luma)
        return self._ask(child, Content.LUMA, (width, height), luma.size, passes)

    def decode_file(self, content: bytes, passes: tuple[Pass, ...]) -> Decoded:
        """Looks at an image file's bytes, which are opened in the child, too. Never raises."""
        child = self._ready_child()
        if child is None:
            return Decoded(loss=Loss.NOT_READY)
        if len(content) > child.picture.size:
            return Decoded(loss=Loss.TOO_LARGE)
        child.picture[: len(content)] = np.frombuffer(content, dtype=np.uint8)
        return self._ask(child, Content.FILE, (0, 0), len(content), passes)

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits for a child that is ready; returns whether there is one."""
        until = self._now() + int(timeout_s * 1000)
        while self._ready_child() is None:
            left = until - self._now()
            if left <= 0:
                return False
            if self._child is not None:
                self._child.has_spoken(min(left, 100))
            else:
                self._pause.wait(min(left, 20) / 1000)
        return True

    def tend(self) -> None:
        """Notices that a child died while nobody asked it anything, and starts the next."""
        self._ready_child()

    def close(self) -> None:
        """Ends the child."""
        self._end_child()
        self._not_before_ms = 2**62

    # --- One question ---------------------------------------------------------------------------

    def _ask(
        self,
        child: ChildProcess,
        content: Content,
        size_px: tuple[int, int],
        size: int,
        passes: tuple[Pass, ...],
    ) -> Decoded:
        self._serial = self._serial % (2**32 - 1) + 1
        request = Request(
            serial=self._serial,
            content=content,
            width=size_px[0],
            height=size_px[1],
            size=size,
            passes=passes,
        )
        try:
            child.expect_silence()
            child.send(request.to_wire())
            header, body = self._receive(child, self._now() + self._deadline_ms)
            sightings = sightings_from_wire(body, header, size_px)
        except TimeoutError:
            return self._lose(Loss.HUNG, f"no answer within {self._deadline_ms} ms")
        except ProtocolError as err:
            return self._lose(Loss.NONSENSE, str(err))
        except (EOFError, OSError) as err:
            return self._lose(Loss.DIED, str(err))
        return Decoded(
            sightings=sightings, took_us=header.took_us, loss=_LOSS_OF.get(header.status)
        )

    def _receive(self, child: ChildProcess, until_ms: int) -> tuple[ReplyHeader, bytes]:
        wire = self._receive_exactly(child, REPLY_HEADER_BYTES, until_ms)
        header = ReplyHeader.from_wire(wire, self._serial)
        return header, self._receive_exactly(child, header.body_bytes, until_ms)

    def _receive_exactly(self, child: ChildProcess, size: int, until_ms: int) -> bytes:
        wire = b""
        while len(wire) < size:
            left = until_ms - self._now()
            if left <= 0 or not child.has_spoken(left):
                raise TimeoutError
            with contextlib.suppress(BlockingIOError):
                wire += child.receive(size - len(wire))
        return wire

    # --- Keeping a child ------------------------------------------------------------------------

    def _ready_child(self) -> ChildProcess | None:
        """Returns the child if it is ready; starts one if there is none and it is time."""
        if self._child is None:
            self._start_child()
        elif not self._is_ready:
            self._hear_hello(self._child)
        else:
            try:
                self._child.expect_silence()
            except ProtocolError as err:
                self._lose(Loss.NONSENSE, str(err))
            except (EOFError, OSError) as err:
                self._lose(Loss.DIED, str(err))
        return self._child if self._is_ready else None

    def _start_child(self) -> None:
        now = self._now()
        if now < self._not_before_ms:
            return
        self._started_ms = now
        self._counts["starts"] += 1
        try:
            self._child = ChildProcess(self._settings)
        except OSError as err:
            self._note_end("cannot_start", str(err))

    def _hear_hello(self, child: ChildProcess) -> None:
        try:
            if child.has_spoken():
                self._serial = HELLO_SERIAL
                header, _ = self._receive(child, self._now() + self._deadline_ms)
                header.expect_hello()
                self._is_ready = True
                took_ms = self._now() - self._started_ms
                log.info("decoder.ready pid=%d took_ms=%d", child.pid, took_ms)
            elif self._now() - self._started_ms > START_DEADLINE_MS:
                self._lose(Loss.HUNG, f"not ready after {START_DEADLINE_MS} ms")
        except (ProtocolError, TimeoutError) as err:
            self._lose(Loss.NONSENSE, str(err))
        except (EOFError, OSError) as err:
            self._lose(Loss.DIED, f"while it started: {err}")

    def _lose(self, loss: Loss, why: str) -> Decoded:
        """Ends the child, and starts the next at once unless they die too often."""
        self._counts[loss.value] += 1
        self._end_child()
        self._note_end(loss.value, why)
        self._start_child()
        return Decoded(loss=loss)

    def _note_end(self, how: str, why: str) -> None:
        now = self._now()
        self._deaths_ms = [t for t in self._deaths_ms if now - t < CALM_AFTER_MS] + [now]
        too_many = len(self._deaths_ms) - FREE_RESTARTS
        pause = FIRST_PAUSE_MS * 2 ** min(too_many, 8) if too_many > 0 else 0
        self._not_before_ms = now + min(pause, LONGEST_PAUSE_MS)
        log.warning("decoder.%s why=%s next_in_ms=%d", how, why, min(pause, LONGEST_PAUSE_MS))

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.end()
        self._child, self._is_ready = None, False

    def _now(self) -> int:
        return self._clock.now().mono_ms
