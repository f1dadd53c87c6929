"""Puts the portals together: what reads there, what is wired there, and what decides there."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from doorward.decision import standing
from doorward.ids import PortalId
from doorward.policy import Posture
from doorward.presence import PresenceBook
from doorward.times import Clock, Instant
from doorward_edge.adapters.gpio_gpiozero import (
    GpioIndicator,
    GpioInputs,
    GpioLamp,
    NoLock,
    PinError,
    Pins,
    open_lock,
)
from doorward_edge.boards import LockKind
from doorward_edge.capture.source import largest_picture_px
from doorward_edge.config import (
    CameraSection,
    ConfigError,
    EdgeConfig,
    ExitButton,
    Illumination,
    PortalConfig,
)
from doorward_edge.decoder.client import DecoderClient
from doorward_edge.decoder.process import ChildSettings
from doorward_edge.door import DoorRule
from doorward_edge.events import EventBook
from doorward_edge.eye import CameraEye
from doorward_edge.perception import Lamp, PerceptionError, perception_of
from doorward_edge.pipeline import Counters, LinkView, Pipeline, RulesInForce
from doorward_edge.portal import Portal, PortalParts
from doorward_edge.ports import FrameSource, Indicator, InputKind, Inputs, Journal, Lock
from doorward_edge.sight import Sight
from doorward_edge.stages.actuate import ActuateStage
from doorward_edge.stages.decide import DecideStage
from doorward_edge.stages.illumination import Lantern
from doorward_edge.stages.record import RecordStage


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What a portal acts with."""

    lock: Lock
    indicator: Indicator


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all portals of a gateway have in common."""

    rules: RulesInForce
    link: LinkView
    clock: Clock
    journal: Journal
    boot_id: bytes
    presence: PresenceBook
    counters: Counters


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorway:
    """A portal, and what takes the codes that are held up there."""

    portal: Portal
    pipeline: Pipeline


def open_hands(config: EdgeConfig, pins: Pins, undo: ExitStack) -> Mapping[PortalId, Hands]:
    """Claims the pins of every portal's lock, lamps and buzzer. Raises ConfigError."""
    hands = {}
    for portal in config.portals:
        try:
            lock = NoLock() if portal.lock is None else open_lock(portal.lock, factory=pins)
            undo.callback(lock.close)
            indicator = _open_indicator(config, portal, pins)
            undo.callback(indicator.close)
        except PinError as err:
            raise ConfigError(f"a pin of portal {portal.id} cannot be used: {err}") from err
        hands[portal.id] = Hands(lock=lock, indicator=indicator)
    return hands


def light_cameras(config: EdgeConfig, pins: Pins, undo: ExitStack) -> Mapping[str, GpioLamp]:
    """Returns the lights beside the cameras, by the cameras' names. Raises ConfigError."""
    lights = {}
    for camera, line in config.illumination.items():
        is_lit = config.camera(camera).illumination is Illumination.ALWAYS
        try:
            lights[camera] = GpioLamp(line, factory=pins, is_lit=is_lit)
        except PinError as err:
            raise ConfigError(f"the light of camera {camera} cannot be used: {err}") from err
        undo.callback(lights[camera].close)
    return lights


def open_inputs(config: EdgeConfig, pins: Pins, clock: Clock) -> Inputs:
    """Claims the pins of every input. Raises ConfigError."""
    try:
        return GpioInputs(config.input_lines, clock=clock, factory=pins)
    except PinError as err:
        raise ConfigError(f"a pin of an input cannot be used: {err}") from err


def _open_indicator(config: EdgeConfig, portal: PortalConfig, pins: Pins) -> Indicator:
    lamps = {Lamp(name): line for name, line in portal.lamps.items()}
    try:
        patterns = perception_of(config.perception).patterns
    except PerceptionError as err:
        raise ConfigError(str(err)) from err
    return GpioIndicator(lamps, portal.buzzer, factory=pins, patterns=patterns)


def make_eyes(
    config: EdgeConfig,
    cameras: Mapping[str, FrameSource],
    lights: Mapping[str, GpioLamp],
    clock: Clock,
) -> tuple[CameraEye, ...]:
    """Returns an eye for every camera that a portal names; nothing looks before it is started."""
    return tuple(
        CameraEye(
            name,
            portal.id,
            _opener(config, portal, config.camera(name), cameras[name], lights.get(name), clock),
        )
        for portal in config.portals
        for name in portal.cameras
    )


def _opener(
    config: EdgeConfig,
    portal: PortalConfig,
    section: CameraSection,
    source: FrameSource,
    light: GpioLamp | None,
    clock: Clock,
) -> Callable[[], Sight]:
    settings = ChildSettings(
        symbologies=config.reader.symbologies, frame_bytes=largest_picture_px(section)
    )

    is_for_the_dark = section.illumination is Illumination.DARK
    lantern = Lantern(light) if light is not None and is_for_the_dark else None

    def open_sight() -> Sight:
        return Sight(
            source=source,
            decoder=DecoderClient(settings, clock),
            strategy=config.reader.strategy,
            held_s=portal.held_s,
            clock=clock,
            roi_px=section.roi_px,
            lantern=lantern,
        )

    return open_sight


def door_rule_of(portal: PortalConfig) -> DoorRule:
    """Returns what a portal's door has and how long things may take there."""
    wired = {line.kind for line in portal.inputs}
    door, lock = portal.door, portal.lock
    has_passage = InputKind.PASSAGE in wired
    pass_within_s = door.passage_timeout_s if has_passage else door.open_timeout_s
    usual = DoorRule()
    return DoorRule(
        has_contact=InputKind.CONTACT in wired,
        has_passage=has_passage,
        has_free_handle=door.free_handle,
        is_pulsed=lock is not None and lock.kind is LockKind.TURNSTILE,
        is_exit_wired=door.exit_button is ExitButton.REPORT,
        pass_within_ms=int(pass_within_s * 1000),
        held_after_ms=int(door.held_after_s * 1000),
        held_again_ms=int(door.held_again_s * 1000),
        exit_pulse_ms=(lock.pulse_ms if lock else None) or usual.exit_pulse_ms,
    )


def make_doorway(config: PortalConfig, hands: Hands, shared: Shared, events: EventBook) -> Doorway:
    """Returns a portal with its pipeline."""
    name = config.id
    record = RecordStage(
        shared.journal,
        boot_id=shared.boot_id,
        portal=name,
        is_online=lambda: shared.link.is_connected,
    )
    decide = DecideStage(name, shared.presence, config.held_s)
    portal = Portal(
        PortalParts(
            name=name,
            rule=door_rule_of(config),
            pulse_ms=config.lock.pulse_ms if config.lock else None,
            hands=ActuateStage(hands.lock, hands.indicator),
            record=record,
            events=events,
            presence=shared.presence,
            is_online=lambda: shared.link.is_connected,
            is_interlocked=lambda now: is_interlocked(name, shared, now),
            posture=lambda now: _posture(name, shared, now),
            on_annulled=decide.note_annulled,
        )
    )
    pipeline = Pipeline(
        rules=shared.rules,
        link=shared.link,
        clock=shared.clock,
        decide=decide,
        record=record,
        actuate=portal,
        counters=shared.counters,
    )
    return Doorway(portal=portal, pipeline=pipeline)


def _posture(name: PortalId, shared: Shared, now: Instant) -> Posture | None:
    stands = standing(name, shared.rules.rules, shared.presence, now)
    return None if stands is None else stands.posture


def is_interlocked(name: PortalId, shared: Shared, now: Instant) -> bool:
    """Whether a door that keeps this one shut is known to stand open."""
    rules = shared.rules.rules
    rule = rules.policy.portals.get(name) if rules else None
    others = rule.interlock if rule else ()
    return any(shared.presence.is_door_open(other, now) for other in others)
