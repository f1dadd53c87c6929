"""Door contacts, passage sensors, buttons, tamper switches and the fire alarm on GPIO pins.

The pins' own threads only say that something moved. One thread reads the levels, waits until they
have settled and tells whoever listens; once a second it reads them all without being told, so that
an edge that was lost is lost for a second only.
"""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from dataclasses import dataclass

from gpiozero import DigitalInputDevice, Factory

from doorward.ids import PortalId
from doorward.times import Clock
from doorward_edge.boards import Level, Pull
from doorward_edge.config import InputLine, InputPin
from doorward_edge.ports import InputChange
from doorward_edge.switches import Debounce, Reading, reading_of, unreadable

log = logging.getLogger(__name__)

READ_ALL_S = 1.0

GATHER_S = 0.002
"""Edges come in bursts: a wire that picks up a motor's noise must not keep a processor busy."""

_END = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wired:
    """One input with its pins claimed."""

    portal: PortalId | None
    line: InputLine
    first: DigitalInputDevice
    second: DigitalInputDevice | None
    debounce: Debounce


class GpioInputs:
    """All inputs of a gateway."""

    def __init__(
        self,
        lines: Sequence[tuple[PortalId | None, InputLine]],
        *,
        clock: Clock,
        factory: Factory,
    ) -> None:
        """Claims the pins and takes in their state.

        Raises PinError for a pin that is taken or missing; then none is held.
        """
        self._clock = clock
        self._moved: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._changes: deque[InputChange] = deque()
        self._wake: Callable[[], None] = lambda: None
        self._ended = threading.Event()
        with ExitStack() as undo:
            self._wired = [
                self._claim(index, portal, line, factory, undo)
                for index, (portal, line) in enumerate(lines)
            ]
            self._release = undo.pop_all()
        self._look_at(range(len(self._wired)))
        self._thread = threading.Thread(target=self._watch, name="inputs", daemon=True)
        self._thread.start()

    def changes(self) -> Sequence[InputChange]:
        """Returns what changed since the last call; the first time, every input's state."""
        taken = []
        while self._changes:
            taken.append(self._changes.popleft())
        return taken

    def listen(self, wake: Callable[[], None]) -> None:
        """Has `wake` called whenever there is something to fetch, also now if there is."""
        self._wake = wake
        if self._changes:
            wake()

    def close(self) -> None:
        """Ends the thread, lets go of the pins."""
        self._wake = lambda: None
        self._ended.set()
        self._moved.put(_END)
        self._thread.join(timeout=2)
        self._release.close()

    def _claim(
        self,
        index: int,
        portal: PortalId | None,
        line: InputLine,
        factory: Factory,
        undo: ExitStack,
    ) -> _Wired:
        def moved() -> None:
            self._moved.put(index)

        def claim(pin: InputPin) -> DigitalInputDevice:
            device = DigitalInputDevice(
                pin.pin,
                pull_up=None if pin.pull is None else pin.pull is Pull.UP,
                active_state=pin.closed is Level.HIGH if pin.pull is None else None,
                pin_factory=factory,
            )
            undo.callback(device.close)
            device.when_activated = device.when_deactivated = moved
            return device

        return _Wired(
            portal=portal,
            line=line,
            first=claim(line.first),
            second=None if line.second is None else claim(line.second),
            debounce=Debounce(line.debounce_ms),
        )

    def _watch(self) -> None:
        while True:
            moved = self._wait()
            if _END in moved:
                return
            try:
                self._look_at(range(len(self._wired)), moved)
            except Exception:
                # One bad turn must not make the gateway blind for good.
                log.exception("inputs.failed")

    def _wait(self) -> set[int]:
        """Waits until something moved, has settled, or must be read anyhow."""
        dues = [due for wired in self._wired if (due := wired.debounce.due_ms) is not None]
        left_s = READ_ALL_S
        if dues:
            left_s = min(left_s, max(0, min(dues) - self._clock.now().mono_ms) / 1000)
        moved = set()
        try:
            moved.add(self._moved.get(timeout=left_s))
            self._ended.wait(GATHER_S)
            while True:
                moved.add(self._moved.get_nowait())
        except queue.Empty:
            return moved

    def _look_at(self, indices: range, moved: AbstractSet[int] = frozenset()) -> None:
        """Reads inputs and notes what has settled."""
        now_ms = self._clock.now().mono_ms
        has_news = False
        for index in indices:
            wired = self._wired[index]
            settled = wired.debounce.feed(_read(wired), now_ms, has_moved=index in moved)
            if settled is not None:
                has_news = True
                self._changes.append(
                    InputChange(
                        portal=wired.portal,
                        kind=wired.line.kind,
                        is_active=settled.reading.is_active,
                        is_faulty=settled.reading.is_faulty,
                        at_mono_ms=settled.since_ms,
                    )
                )
        if has_news:
            self._wake()


def _read(wired: _Wired) -> Reading:
    try:
        first = _level(wired.first)
        second = None if wired.second is None else _level(wired.second)
    except Exception:
        log.exception("input.unreadable kind=%s portal=%s", wired.line.kind, wired.portal or "-")
        return unreadable(wired.line)
    return reading_of(wired.line, first, second)


def _level(device: DigitalInputDevice) -> Level:
    return Level.HIGH if device.pin.state else Level.LOW
