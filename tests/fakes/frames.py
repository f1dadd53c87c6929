"""Cameras and decoders in memory."""

import queue
import threading
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_edge.decoder.client import Decoded
from doorward_edge.ports import CameraError, FramesEndedError
from doorward_edge.scan import Frame, Luma
from doorward_edge.stages.decode import Pass


class HandClock:
    """Stands still until it is set."""

    def __init__(self, mono_ms: int = 1_000_000) -> None:
        self.mono_ms = mono_ms

    def now(self) -> Instant:
        return Instant(utc_ms=UtcMs(0), mono_ms=MonoMs(self.mono_ms), trust=ClockTrust.SYNCHRONISED)


class FakeSource:
    """Gives what it is handed, when it is handed; a CameraError in its place is raised."""

    def __init__(self, frames: Iterable[Frame | CameraError] = ()) -> None:
        self._frames: queue.Queue[Frame | CameraError] = queue.Queue()
        for frame in frames:
            self._frames.put(frame)
        self.closed = threading.Event()

    def give(self, frame: Frame | CameraError) -> None:
        self._frames.put(frame)

    def end(self) -> None:
        self._frames.put(FramesEndedError("over"))

    def next_frame(self, timeout_s: float) -> Frame | None:
        try:
            frame = self._frames.get(timeout=min(timeout_s, 0.05))
        except queue.Empty:
            return None
        if isinstance(frame, CameraError):
            raise frame
        return frame

    def close(self) -> None:
        self.closed.set()


class FakeDecoder:
    """Answers with what a function says of a picture, and remembers what it was asked."""

    def __init__(self, answer: Callable[[Luma], Decoded]) -> None:
        self._answer = answer
        self.asked: list[tuple[Pass, ...]] = []
        self.meanwhile: list[object] = []
        self.is_closed = False

    def decode(
        self,
        luma: Luma,
        passes: tuple[Pass, ...],
        meanwhile: Callable[[], object] | None = None,
    ) -> Decoded:
        self.asked.append(passes)
        if meanwhile is not None:
            self.meanwhile.append(meanwhile())
        return self._answer(luma)

    def tend(self) -> None:
        pass

    def stats(self) -> Mapping[str, int]:
        return {"restarts": 0}

    def close(self) -> None:
        self.is_closed = True


def frame(level: int, seq: int, at_mono_ms: int, *, card: int | None = None) -> Frame:
    """A frame of noise round a level, another one for each number; perhaps a card in it."""
    rng = np.random.default_rng(seq)
    luma = np.clip(rng.normal(level, 2, (120, 160)), 0, 255).astype(np.uint8)
    if card is not None:
        luma[30:90, 40:100] = card
    return Frame(luma=luma, seq=seq, captured_mono_ms=at_mono_ms)
