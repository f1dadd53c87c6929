"""A gateway without an identity waits for its claim: lamps and words outside, a camera that looks.

One of these serves for as long as an enrolment lasts, whoever asked for it.
"""

from collections.abc import Callable
from typing import Protocol

from doorward.enrolment import CODE_PREFIX, Claim, is_claim, parse_claim, same_code
from doorward.errors import MalformedError
from doorward_edge.enrolling.claim_camera import ClaimCamera
from doorward_edge.enrolling.enrolment import Step
from doorward_edge.ports import Signal

LOOK_S = 1.0


class Lamps(Protocol):
    """What a person at the gateway sees."""

    def show(self, signal: Signal, *, offline: bool) -> None:
        """Shows it until the next."""
        ...


class Waiting:
    """Says steps, shows lamps and looks through the camera while time passes."""

    def __init__(
        self,
        *,
        tell: Callable[[Step], None],
        pause: Callable[[float], bool],
        lamps: Lamps | None = None,
        camera: ClaimCamera | None = None,
    ) -> None:
        """Takes what there is; a gateway may have neither lamps nor a camera."""
        self._tell, self._pause, self._lamps, self._camera = tell, pause, lamps, camera
        self._code = ""
        self._seen = ""

    def tell(self, step: Step) -> None:
        """Says a step; remembers the code that is to be compared."""
        self._code = step.code or self._code
        self._tell(step)
        if step.event == "enrolled":
            self._show(Signal.GRANTED)

    def wait(self, seconds: float) -> bool:
        """Lets time pass; a code that is held up meanwhile is compared with our own."""
        if self._camera is None or not self._code:
            return self._pause(seconds)
        self._compare(self._camera.look(seconds))
        return self._pause(0)

    def claim(self) -> Claim | None:
        """Returns the claim that is held up to the camera; None when somebody gives up."""
        if self._camera is None:
            return None
        self._tell(Step(event="waiting", said="hold the code of the console up to the camera"))
        told = ""
        while self._pause(0):
            self._show(Signal.NOT_ENROLLED)
            text = self._camera.look(LOOK_S)
            if self._camera.problem and self._camera.problem != told:
                told = self._camera.problem
                self._tell(Step(event="camera", said=told))
            if text and (found := self._read(text)) is not None:
                return found
        return None

    def _read(self, text: str) -> Claim | None:
        if not is_claim(text):
            self._say_once(text, Step(event="foreign", said="this code is no claim"))
            return None
        try:
            return parse_claim(text)
        except MalformedError as err:
            self._say_once(text, Step(event="foreign", said=str(err)))
            return None

    def _compare(self, text: str) -> None:
        if not text.startswith(CODE_PREFIX):
            return
        if same_code(text.removeprefix(CODE_PREFIX), self._code):
            self._show(Signal.GRANTED)
            self._say_once(text, Step(event="same", said="the console has the same code"))
        else:
            self._show(Signal.REFUSED)
            self._say_once(
                text, Step(event="different", said="the console has ANOTHER code: refuse there")
            )

    def _say_once(self, text: str, step: Step) -> None:
        if text != self._seen:
            self._seen = text
            self._tell(step)
            if step.event == "foreign":
                self._show(Signal.UNREADABLE)

    def _show(self, signal: Signal) -> None:
        if self._lamps is not None:
            self._lamps.show(signal, offline=False)
