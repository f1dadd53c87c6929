"""Camera to scan: newest frame -> is anything new -> decoder child -> one scan per presentation."""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol

from doorward.times import Clock
from doorward_edge.capture.source import CaptureSource
from doorward_edge.decoder.client import Decoded
from doorward_edge.mailbox import CameraThread
from doorward_edge.ports import CameraHealth, FrameSource
from doorward_edge.scan import Frame, Luma, Scan, Strategy
from doorward_edge.stages.change_gate import ChangeGate
from doorward_edge.stages.decode import FIRST_LOOK, HeldCodes, Pass, PassPlan
from doorward_edge.stages.illumination import Lantern

_SMOOTHING = 0.1
_TIMES_KEPT = 512
STARTING_MS = 20_000
"""A new capture process may need so long to its first picture: interpreter, driver, exposure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraLook:
    """How a camera is, for those who look after it.

    Attributes:
        frame_ms: when its newest picture was taken (monotonic).
        is_starting: whether its process is so young that no picture means nothing yet.
    """

    health: CameraHealth
    frame_ms: int
    is_starting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A picture, and whether it could be looked at.

    Attributes:
        luma: a copy.
        loss: why the decoder did not look, or empty.
    """

    luma: Luma
    loss: str
    decode_us: int


class Decoder(Protocol):
    """What looks at frames; `DecoderClient` is the real one."""

    def decode(
        self,
        luma: Luma,
        passes: tuple[Pass, ...],
        meanwhile: Callable[[], object] | None = None,
    ) -> Decoded:
        """Looks at a frame, and has `meanwhile` done if it comes to that.

        Never raises, and returns within its own deadline.
        """
        ...

    def tend(self) -> None:
        """Sees after itself while there is nothing to look at."""
        ...

    def stats(self) -> Mapping[str, int]:
        """Returns what happened since the start."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


class Sight:
    """Sees the codes that are held up before one camera. Used by one thread."""

    def __init__(
        self,
        *,
        source: FrameSource,
        decoder: Decoder,
        strategy: Strategy,
        held_s: float,
        clock: Clock,
        roi_px: tuple[int, ...] = (),
        lantern: Lantern | None = None,
    ) -> None:
        """Opens its eyes: frames are taken from now on. It closes source and decoder at the end."""
        self._source = source
        self._decoder = decoder
        self._clock = clock
        self._gate = ChangeGate()
        self._strategy = strategy
        self._plan = PassPlan(strategy)
        self._held = HeldCodes(int(held_s * 1000))
        self._camera = CameraThread(source, clock, roi_px, lantern)
        self._counts = {"decoded": 0, "skipped": 0, "dropped": 0, "scans": 0}
        self._decode_us = 0.0
        self._times_us: deque[int] = deque(maxlen=_TIMES_KEPT)
        self._reads: Counter[str] = Counter()

    def next_scans(self, timeout_s: float) -> Sequence[Scan]:
        """Returns the scans that begin in the next frame with one, or () when none did in time.

        Returns later than `timeout_s` by at most the decoder's deadline.
        """
        until_ms = self._clock.now().mono_ms + int(timeout_s * 1000)
        self._decoder.tend()
        self._gate.learn()
        while True:
            left_ms = until_ms - self._clock.now().mono_ms
            frame = self._camera.mailbox.take(max(0, left_ms) / 1000)
            scans = self._look(frame) if frame is not None else ()
            if scans or frame is None or left_ms <= 0:
                return scans

    def examine(self, timeout_s: float) -> Examined | None:
        """Takes the next picture and has the decoder look at it; its codes do not count.

        None when no picture came in time.
        """
        frame = self._camera.mailbox.take(timeout_s)
        if frame is None:
            return None
        decoded = self._decoder.decode(frame.luma, FIRST_LOOK[self._strategy])
        return Examined(
            luma=frame.luma.copy(),
            loss="" if decoded.loss is None else decoded.loss.value,
            decode_us=decoded.took_us,
        )

    def camera_health(self) -> CameraHealth:
        """Returns what is wrong with the camera, if anything."""
        return self._camera.health()

    def camera_look(self) -> CameraLook:
        """Returns how the camera is."""
        started_ms = self._source.started_ms() if isinstance(self._source, CaptureSource) else None
        frame_ms = self._camera.frame_ms
        is_starting = (
            started_ms is not None
            and frame_ms < started_ms
            and self._clock.now().mono_ms - started_ms < STARTING_MS
        )
        return CameraLook(health=self._camera.health(), frame_ms=frame_ms, is_starting=is_starting)

    def restart_camera(self, why: str) -> None:
        """Has the capture process replaced; a rendered camera has none."""
        if isinstance(self._source, CaptureSource):
            self._source.restart(why)

    def take_camera_news(self) -> tuple[str, ...]:
        """Returns why capture processes were replaced since the last call."""
        return self._source.take_news() if isinstance(self._source, CaptureSource) else ()

    def decode_times_us(self) -> list[int]:
        """Returns the reader's own time for each of the last pictures."""
        return list(self._times_us)

    def reads(self) -> Mapping[str, int]:
        """Returns which reader and which pass saw a code first, how often."""
        return dict(self._reads)

    def stats(self) -> Mapping[str, int]:
        """Returns counts since the start, and the usual time of a look (`decode_us`).

        `frames` came from the camera, `overwritten` were too old when somebody had time,
        `skipped` showed nothing new, `decoded` were looked at, `dropped` were lost with a child.
        """
        return {
            "frames": self._camera.frames,
            "overwritten": self._camera.mailbox.overwritten,
            "camera_faults": self._camera.faults,
            **self._counts,
            **self._decoder.stats(),
            **self._capture_stats(),
            "decode_us": int(self._decode_us),
        }

    def _capture_stats(self) -> Mapping[str, int]:
        counts = self._source.stats() if isinstance(self._source, CaptureSource) else {}
        return {f"capture_{name}": n for name, n in counts.items()}

    def close(self) -> None:
        """Closes camera and decoder."""
        self._camera.close()
        self._decoder.close()

    def _look(self, frame: Frame) -> tuple[Scan, ...]:
        at_ms = frame.captured_mono_ms
        # Asked once, and if the frame is looked at in any case, while the child is at it.
        is_changed = cache(partial(self._gate.is_changed, frame.luma))
        passes = self._plan.passes(at_ms, is_changed=False)
        if not passes and not is_changed():
            self._counts["skipped"] += 1
            self._held.note_unchanged(at_ms)
            return ()
        passes = passes or self._plan.passes(at_ms, is_changed=True)
        decoded = self._decoder.decode(frame.luma, passes, is_changed)
        if is_changed():
            self._plan.rearm()
        if decoded.loss is not None:
            # Whatever it was, the picture may still be there when the next child is ready; and a
            # code that was held up is not gone because nobody could look.
            self._counts["dropped"] += 1
            self._plan.rearm()
            self._held.note_unchanged(at_ms)
            return ()
        self._counts["decoded"] += 1
        self._times_us.append(decoded.took_us)
        self._decode_us += _SMOOTHING * (decoded.took_us - self._decode_us)
        scans = self._held.admit(decoded.sightings, at_ms, is_changed=is_changed())
        self._counts["scans"] += len(scans)
        for scan in scans:
            self._reads[scan.reader] += 1
        return scans
