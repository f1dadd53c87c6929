"""The whole bench test in order: machine, wires, cameras."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from doorward.times import Clock
from doorward_edge.adapters.gpio_gpiozero import PinError, Pins
from doorward_edge.adapters.gpio_gpiozero.probing import PinProbe
from doorward_edge.bench_test.lines import Loop, inputs_of, outputs_of
from doorward_edge.bench_test.looks import Looking, try_camera
from doorward_edge.bench_test.machine import as_steps, try_storage, try_watchdog
from doorward_edge.bench_test.person import Person
from doorward_edge.bench_test.results import Step, failed
from doorward_edge.bench_test.wires import WireTest, try_loops, try_outputs, try_switches
from doorward_edge.config import CameraSection, EdgeConfig
from doorward_edge.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What the test works with.

    Attributes:
        open_pins: gives the pins of this board. Raises ImportError, OSError.
        open_sight: gives what looks at a camera's pictures.
        pause: waits for some seconds.
        root: of the file system, for tests.
    """

    config: EdgeConfig
    clock: Clock
    person: Person
    loops: Sequence[Loop]
    may_move_locks: bool
    findings: Iterable[Finding]
    open_pins: Callable[[], Pins]
    open_sight: Callable[[CameraSection], Looking]
    pause: Callable[[float], None]
    root: Path = Path("/")

    def steps(self) -> Iterator[Step]:
        """Yields each step when it is done."""
        yield from as_steps(self.findings)
        yield try_storage(self.config.data_dir, self.clock)
        yield try_watchdog(self.root)
        yield from self._wires()
        for camera in self.config.cameras:
            yield from self._camera(camera)

    def _wires(self) -> Iterator[Step]:
        if not self.config.claims:
            return
        try:
            pins = self.open_pins()
        except (ImportError, OSError) as err:
            yield failed(
                "pins", f"the pins of this board cannot be used: {err}", f"引脚不可用：{err}"
            )
            return
        try:
            yield from self._on(pins)
        except (PinError, OSError, ValueError) as err:
            said = f"a pin cannot be used: {err}; does the gateway run?"
            yield failed("pins", said, f"引脚不可用：{err}；网关服务是否在运行？")
        finally:
            pins.close()

    def _on(self, pins: Pins) -> Iterator[Step]:
        outputs = outputs_of(self.config)
        claimed = {
            line.pin: line.rest for line in outputs if self.may_move_locks or not line.is_lock
        }
        probe = PinProbe(claimed, (line.pin for line in inputs_of(self.config)), factory=pins)
        test = WireTest(
            probe=probe,
            person=self.person,
            pause=self.pause,
            may_move_locks=self.may_move_locks,
        )
        looped_out = {loop.output.pin for loop in self.loops}
        looped_in = {loop.input.pin.pin for loop in self.loops}
        try:
            yield from try_loops(test, self.loops)
            yield from try_outputs(test, [one for one in outputs if one.pin not in looped_out])
            yield from try_switches(
                test,
                [
                    (at or "the gateway", line)
                    for at, line in self.config.input_lines
                    if line.first.pin not in looped_in
                ],
            )
        finally:
            probe.close()

    def _camera(self, camera: CameraSection) -> Iterator[Step]:
        try:
            yield from try_camera(camera.name, lambda: self.open_sight(camera), self.person)
        except OSError as err:
            yield failed(f"camera {camera.name}", str(err), str(err))
