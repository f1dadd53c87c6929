"""Enrolment on this machine: its folder, its camera, its lamps, its clock."""

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from doorward.enrolment import Claim
from doorward_edge.adapters.broker_paho import address_of
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.adapters.gpio_gpiozero import GpioIndicator, PinError, board_pins
from doorward_edge.config import (
    CameraKind,
    CameraSection,
    ClockSource,
    ConfigError,
    EdgeConfig,
    NotEnrolledError,
    load_config,
    load_hardware,
)
from doorward_edge.enrolling.asking_for_claim import Lamps, Waiting
from doorward_edge.enrolling.broker_check import problem_with
from doorward_edge.enrolling.claim_camera import ClaimCamera
from doorward_edge.enrolling.door import DoorError
from doorward_edge.enrolling.enrolment import (
    Around,
    GivenUpError,
    Identity,
    Step,
    enrol,
    waiting_claim,
)
from doorward_edge.enrolling.folder import BusyError, IdentityFolder
from doorward_edge.enrolling.starter import starter_text
from doorward_edge.keeping.guards import GuardKind, best_guard, guard_of
from doorward_edge.perception import Lamp

DEFAULT_FOLDER = Path("/var/lib/doorward/identity")
CLOCK_OFF_S = 3600
FOREVER_S = 10 * 366 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an identity belongs.

    Attributes:
        hardware: what is wired, as far as the configuration says.
    """

    config: Path
    folder: IdentityFolder
    hardware: EdgeConfig | None


def carry_out(place: Place, claim: Claim, guard: str, waiting: Waiting) -> Identity:
    """Enrols, and writes a first configuration where there is none.

    Raises:
        DoorError, GivenUpError, BusyError, OSError: as `enrolling.enrolment.enrol`.
        ValueError: there is no such guard.
    """
    with place.folder.alone():
        made = enrol(
            Around(
                folder=place.folder,
                guard=best_guard() if guard == "auto" else guard_of(GuardKind(guard)),
                software=version("doorward-edge"),
                tell=waiting.tell,
                wait=waiting.wait,
            ),
            claim,
        )
        place.folder.give_to_owner()
    if not place.config.exists():
        place.config.parent.mkdir(parents=True, exist_ok=True)
        text = starter_text(place.folder.root.absolute(), made.portals)
        place.config.write_text(text, "utf-8")
    return made


def after_words(place: Place, made: Identity) -> list[Step]:
    """Returns what is still to be said once the identity is there."""
    said = []
    off_s = SystemClock(ClockSource.ASSUME).now().utc_s - made.controller_utc_s
    if abs(off_s) > CLOCK_OFF_S:
        words = f"this gateway's clock is {abs(off_s)} s {'ahead of' if off_s > 0 else 'behind'}"
        said.append(
            Step(event="clock", said=f"{words} the controller's; until it is right, the broker's"
                 " certificate may count as none: sudo apt install systemd-timesyncd")
        )  # fmt: skip
    try:
        problem = problem_with(address_of(load_config(place.config)))
    except ConfigError as err:
        said.append(Step(event="configuration", said=f"{err}"))
        return said
    words = f"the broker does not take it yet: {problem}" if problem else "the broker takes it"
    said.append(Step(event="broker", said=words))
    said.append(Step(event="next", said=f"now run: doorward-edge check --config {place.config}"))
    return said


def open_waiting(
    place: Place,
    tell: Callable[[Step], None],
    pause: Callable[[float], bool],
    ends: ExitStack,
    *,
    has_camera: bool,
) -> Waiting:
    """Returns what stands between the enrolment and the person at the gateway."""
    if not has_camera:
        return Waiting(tell=tell, pause=pause)
    clock = SystemClock(ClockSource.ASSUME)
    hardware = place.hardware
    section = (
        hardware.cameras[0]
        if hardware and hardware.cameras
        else CameraSection(name="front", kind=CameraKind.PICAMERA2)
    )
    camera = ClaimCamera(section, clock, pause)
    ends.callback(camera.close)
    return Waiting(tell=tell, pause=pause, lamps=_lamps(hardware, ends), camera=camera)


def patience(seconds: float) -> Callable[[float], bool]:
    """Returns a wait that ends early, and for good, when the process is told to stop."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    clock = SystemClock(ClockSource.ASSUME)
    until_ms = clock.now().mono_ms + int(seconds * 1000)

    def wait(pause_s: float) -> bool:
        left_s = max(0, until_ms - clock.now().mono_ms) / 1000
        stopped.wait(min(pause_s, left_s))
        return not stopped.is_set() and clock.now().mono_ms < until_ms

    return wait


def place_of(config: Path, identity: Path | None) -> Place:
    """Returns where the identity of this configuration belongs. Raises ConfigError."""
    hardware = load_hardware(config) if config.exists() else None
    named = hardware.identity if hardware else None
    if hardware is not None and named is None:
        raise ConfigError(
            f"{config} has no [identity]: it names its keys itself. Put `[identity]` with `folder`"
            " in the place of [gateway], [broker] and [trust]"
        )
    return Place(
        config=config, folder=IdentityFolder(identity or named or DEFAULT_FOLDER), hardware=hardware
    )


def _lamps(hardware: EdgeConfig | None, ends: ExitStack) -> Lamps | None:
    """The lamps of the first portal that has some; without pins, the camera alone is enough."""
    portals = [each for each in hardware.portals if each.lamps] if hardware else []
    if not portals:
        return None
    try:
        pins = board_pins()
        ends.callback(pins.close)
        lamps = {Lamp(name): line for name, line in portals[0].lamps.items()}
        indicator = GpioIndicator(lamps, portals[0].buzzer, factory=pins)
    except (OSError, ImportError, PinError):
        return None
    ends.callback(indicator.close)
    return indicator


def is_enrolled(config: Path) -> bool:
    """Says whether a configuration names an identity that is there, or none at all."""
    try:
        load_config(config)
    except NotEnrolledError:
        return False
    except ConfigError:
        return True
    return True


class Fed(Protocol):
    """Whoever must hear that this process is alive."""

    def ready(self) -> None:
        """Hears that it has begun."""
        ...

    def feed(self) -> None:
        """Hears that it goes on."""
        ...


def enrol_by_camera(config: Path, tell: Callable[[Step], None], watchdog: Fed) -> bool:
    """Waits for a claim at the camera until this gateway is enrolled; false when it is stopped.

    A claim that leads to nothing is said, and the next one is waited for.

    Raises:
        ConfigError, OSError: what is wired cannot be used.
    """
    place = place_of(config, None)
    wait = patience(FOREVER_S)

    def pause(seconds: float) -> bool:
        watchdog.feed()
        return wait(seconds)

    with ExitStack() as ends:
        waiting = open_waiting(place, tell, pause, ends, has_camera=True)
        watchdog.ready()
        while (claim := waiting_claim(place.folder) or waiting.claim()) is not None:
            try:
                made = carry_out(place, claim, "auto", waiting)
            except (DoorError, BusyError) as err:
                place.folder.clear_pending()
                tell(Step(event="failed", said=str(err)))
            except GivenUpError:
                return False
            else:
                for step in after_words(place, made):
                    tell(step)
                return True
    return False
