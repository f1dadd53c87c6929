"""Looks after the cameras: tells faults, climbs the ladder, remembers what was started anew.

Called by the main loop; costs microseconds. A service or a board is only started anew after that
was written down, so that what happens before and after is counted.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

from doorward.events import EventCode
from doorward.times import Instant
from doorward_edge.ports import CameraHealth, DocumentsError, Notice
from doorward_edge.sight import CameraLook
from doorward_edge.vitals.camera_ladder import Allowed, Ladder, Past, Step, look
from doorward_edge.vitals.liveness import CameraFacts

log = logging.getLogger(__name__)

NOTE = "camera_ladder"
LOOK_EVERY_MS = 250
OPENING_MS = 30_000
"""Camera and decoder may take so long until they are put together at all."""
_MOST_NOTICES = 64


class Watched(Protocol):
    """A camera, as far as it is looked after; `Sight` is the real one."""

    def camera_look(self) -> CameraLook:
        """Returns how the camera is."""
        ...

    def restart_camera(self, why: str) -> None:
        """Has its process replaced."""
        ...

    def take_camera_news(self) -> tuple[str, ...]:
        """Returns why its process was replaced since the last call."""
        ...


class Notes(Protocol):
    """What is remembered over restarts; `Documents` is the real one."""

    def notes(self, name: str) -> Mapping[str, Any]:
        """Returns what was noted under a name."""
        ...

    def set_notes(self, name: str, values: Mapping[str, Any]) -> None:
        """Replaces it. Raises DocumentsError."""
        ...


class CameraCare:
    """All cameras of a gateway. Used by the main loop's thread, but for `facts` and `faults`."""

    def __init__(
        self,
        cameras: Mapping[str, Callable[[], Watched | None]],
        notes: Notes,
        allowed: Allowed,
        began: Instant,
    ) -> None:
        """Takes the cameras.

        Args:
            cameras: by name: returns the camera, or None while it is being opened.
            notes: where it is remembered what was started anew.
            allowed: how often that may be.
            began: when the gateway did.
        """
        self._cameras = dict(cameras)
        self._notes = notes
        self._allowed = allowed
        self._began_ms = began.mono_ms
        self._past = _past_in(notes.notes(NOTE))
        self._ladders = dict.fromkeys(self._cameras, Ladder())
        self._looks: dict[str, CameraLook] = {}
        self._notices: deque[Notice] = deque(maxlen=_MOST_NOTICES)
        self._due_ms = 0

    def turn(self, now: Instant) -> Step | None:
        """Looks at every camera. Returns SERVICE or BOARD when that is to be started anew."""
        if now.mono_ms < self._due_ms:
            return None
        self._due_ms = now.mono_ms + LOOK_EVERY_MS
        asked = [self._look(name, now) for name in self._cameras]
        return next((step for step in asked if step is not None), None)

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what belongs on record since the last call: it may be the last one."""
        for name, camera in self._cameras.items():
            self._tell_news(name, camera())
        taken = tuple(self._notices)
        self._notices.clear()
        return taken

    def faults(self) -> Mapping[str, CameraHealth]:
        """Returns the cameras that do not see, and why."""
        return {
            name: ladder.fault
            for name, ladder in self._ladders.items()
            if ladder.fault is not CameraHealth.OK
        }

    def facts(self) -> Mapping[str, CameraFacts]:
        """Returns what the watchdog's rule wants to know."""
        return {
            name: CameraFacts(
                frame_ms=look.frame_ms,
                health=look.health,
                is_ladder_at_work=self._ladders[name].fault is not CameraHealth.OK
                or look.is_starting,
            )
            for name, look in self._looks.items()
        }

    def _look(self, name: str, now: Instant) -> Step | None:
        camera = self._cameras[name]()
        seen = camera.camera_look() if camera is not None else self._opening(now)
        self._looks[name] = seen
        self._tell_news(name, camera)
        if seen.is_starting:
            return None
        verdict = look(
            self._ladders[name],
            seen.health,
            now.mono_ms,
            now.utc_s,
            past=self._past,
            allowed=self._allowed,
        )
        self._ladders[name] = verdict.ladder
        if verdict.ended is not None:
            self._tell(EventCode.CAMERA_WELL, f"camera {name}: no longer {verdict.ended}")
        if verdict.began is not None:
            self._tell(EventCode.CAMERA_FAULT, f"camera {name}: {verdict.began}")
        return self._climb(name, camera, verdict.step, verdict.ladder.fault, now)

    def _tell_news(self, name: str, camera: Watched | None) -> None:
        for why in camera.take_camera_news() if camera is not None else ():
            self._tell(EventCode.CAMERA_PROCESS_RESTARTED, f"camera {name}: {why}")

    def _opening(self, now: Instant) -> CameraLook:
        is_starting = now.mono_ms - self._began_ms < OPENING_MS
        return CameraLook(
            health=CameraHealth.GONE, frame_ms=self._began_ms, is_starting=is_starting
        )

    def _climb(
        self,
        name: str,
        camera: Watched | None,
        step: Step | None,
        fault: CameraHealth,
        now: Instant,
    ) -> Step | None:
        if step is None:
            return None
        if step is Step.CAPTURE:
            if camera is not None:
                camera.restart_camera(f"it is {fault}")
            return None
        if not self._is_remembered(step, now):
            return None
        code = EventCode.SERVICE_RESTARTING if step is Step.SERVICE else EventCode.BOARD_RESTARTING
        self._tell(code, f"camera {name} is {fault}")
        return step

    def _is_remembered(self, step: Step, now: Instant) -> bool:
        past = self._past.within_a_day(now.utc_s)
        services, boards = past.services, past.boards
        if step is Step.SERVICE:
            services = (*services, now.utc_s)
        else:
            boards = (*boards, now.utc_s)
        past = Past(services=services, boards=boards)
        try:
            self._notes.set_notes(NOTE, asdict(past))
        except DocumentsError as err:
            # What cannot be remembered would be done again and again.
            log.error("camera.not_climbed step=%s error=%s", step, err)  # noqa: TRY400
            return False
        self._past = past
        return True

    def _tell(self, code: EventCode, detail: str) -> None:
        self._notices.append(Notice(code=code, detail=detail))


def _past_in(note: Mapping[str, Any]) -> Past:
    """Returns what was remembered; what is no list of times counts as nothing."""

    def times(name: str) -> tuple[int, ...]:
        found = note.get(name, ())
        if not isinstance(found, list | tuple):
            return ()
        return tuple(at for at in found if isinstance(at, int))

    return Past(services=times("services"), boards=times("boards"))
