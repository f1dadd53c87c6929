"""Codes held up to a camera before there is a gateway: a claim, or the code to be compared."""

from collections.abc import Callable
from contextlib import suppress

from doorward.times import Clock
from doorward_edge.capture.source import largest_picture_px, open_source
from doorward_edge.config import CameraSection
from doorward_edge.decoder.client import DecoderClient
from doorward_edge.decoder.process import ChildSettings
from doorward_edge.ports import CameraError, FramesEndedError, FrameSource
from doorward_edge.scan import Strategy
from doorward_edge.stages.capture import crop
from doorward_edge.stages.decode import PassPlan

START_S = 30.0
FRAME_S = 0.5
REOPEN_S = 2.0


class ClaimCamera:
    """The gateway's camera and readers, for enrolment alone; used by one thread."""

    def __init__(
        self, section: CameraSection, clock: Clock, pause: Callable[[float], bool]
    ) -> None:
        """Opens both.

        Args:
            section: which camera.
            clock: for how long it is looked.
            pause: waits where there is nothing to look at; false when somebody gives up.
        """
        self._section, self._clock, self._pause = section, clock, pause
        self._source: FrameSource | None = None
        settings = ChildSettings(frame_bytes=largest_picture_px(section))
        self._decoder = DecoderClient(settings, clock, deadline_ms=10_000)
        self._decoder.wait_ready(START_S)
        self._plan = PassPlan(Strategy.DUAL)
        self.problem = ""

    def look(self, seconds: float) -> str:
        """Returns what the first code says that is seen within some seconds, or ""."""
        until_ms = self._clock.now().mono_ms + int(seconds * 1000)
        while self._clock.now().mono_ms < until_ms:
            for text in self._texts():
                return text
        return ""

    def close(self) -> None:
        """Lets go of camera and readers."""
        self._close_source()
        self._decoder.close()

    def _texts(self) -> tuple[str, ...]:
        try:
            if self._source is None:
                self._source = open_source(self._section, self._clock)
            frame = self._source.next_frame(FRAME_S)
        except (CameraError, FramesEndedError, OSError) as err:
            # Pictures that ended begin anew, and a camera that was pulled out may come back.
            self.problem = "" if isinstance(err, FramesEndedError) else str(err)
            self._close_source()
            self._pause(REOPEN_S if self.problem else FRAME_S)
            return ()
        if frame is None:
            return ()
        self.problem = ""
        passes = self._plan.passes(self._clock.now().mono_ms, is_changed=True)
        seen = self._decoder.decode(crop(frame.luma, self._section.roi_px), passes).sightings
        return tuple(each.payload.decode("utf-8", "replace") for each in seen if not each.problem)

    def _close_source(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            with suppress(CameraError, OSError):
                source.close()
