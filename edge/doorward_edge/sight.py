"""Camera to scan: newest frame -> is anything new -> decoder child -> one scan per presentation."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from doorward.times import Clock
from doorward_edge.decoder.client import Decoded
from doorward_edge.mailbox import CameraThread
from doorward_edge.ports import CameraHealth, FrameSource
from doorward_edge.scan import Frame, Luma, Scan, Strategy
from doorward_edge.stages.change_gate import ChangeGate
from doorward_edge.stages.decode import HeldCodes, Pass, PassPlan

_SMOOTHING = 0.1


class Decoder(Protocol):
    """What looks at frames; `DecoderClient` is the real one."""

    def decode(self, luma: Luma, passes: tuple[Pass, ...]) -> Decoded:
        """Looks at a frame. Never raises, and returns within its own deadline."""
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
    ) -> None:
        """Opens its eyes: frames are taken from now on. It closes source and decoder at the end."""
        self._decoder = decoder
        self._clock = clock
        self._gate = ChangeGate()
        self._plan = PassPlan(strategy)
        self._held = HeldCodes(int(held_s * 1000))
        self._camera = CameraThread(source, clock, roi_px)
        self._counts = {"decoded": 0, "skipped": 0, "dropped": 0, "scans": 0}
        self._decode_us = 0.0

    def next_scans(self, timeout_s: float) -> Sequence[Scan]:
        """Returns the scans that begin in the next frame with one, or () when none did in time.

        Returns later than `timeout_s` by at most the decoder's deadline.
        """
        until_ms = self._clock.now().mono_ms + int(timeout_s * 1000)
        self._decoder.tend()
        while True:
            left_ms = until_ms - self._clock.now().mono_ms
            frame = self._camera.mailbox.take(max(0, left_ms) / 1000)
            scans = self._look(frame) if frame is not None else ()
            if scans or frame is None or left_ms <= 0:
                return scans

    def camera_health(self) -> CameraHealth:
        """Returns what is wrong with the camera, if anything."""
        return self._camera.health()

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
            "decode_us": int(self._decode_us),
        }

    def close(self) -> None:
        """Closes camera and decoder."""
        self._camera.close()
        self._decoder.close()

    def _look(self, frame: Frame) -> tuple[Scan, ...]:
        at_ms = frame.captured_mono_ms
        is_changed = self._gate.is_changed(frame.luma)
        passes = self._plan.passes(at_ms, is_changed=is_changed)
        if not passes:
            self._counts["skipped"] += 1
            self._held.note_unchanged(at_ms)
            return ()
        decoded = self._decoder.decode(frame.luma, passes)
        if decoded.loss is not None:
            # Whatever it was, the picture may still be there when the next child is ready; and a
            # code that was held up is not gone because nobody could look.
            self._counts["dropped"] += 1
            self._plan.rearm()
            self._held.note_unchanged(at_ms)
            return ()
        self._counts["decoded"] += 1
        self._decode_us += _SMOOTHING * (decoded.took_us - self._decode_us)
        scans = self._held.admit(decoded.sightings, at_ms, is_changed=is_changed)
        self._counts["scans"] += len(scans)
        return scans
