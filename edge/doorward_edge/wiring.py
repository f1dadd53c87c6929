"""Puts a gateway together: configuration -> adapters -> stages. Nothing else names adapters."""

import contextlib
import os
from dataclasses import dataclass
from importlib.metadata import version

from doorward.messages import Health
from doorward.times import Clock
from doorward_edge.adapters.broker_paho import PahoBroker, address_of
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.adapters.documents_tinydb import TinyDocuments
from doorward_edge.adapters.gpio_gpiozero import (
    GpioIndicator,
    NoLock,
    PinError,
    Pins,
    board_pins,
    open_lock,
    recorded_pins,
)
from doorward_edge.adapters.journal_sqlite import SqliteJournal
from doorward_edge.adapters.policy_files import FolderOfPolicies
from doorward_edge.adapters.watchdog_systemd import SystemdWatchdog
from doorward_edge.boards import Level
from doorward_edge.capture.source import largest_picture_px, open_source
from doorward_edge.config import (
    CameraSection,
    ConfigError,
    EdgeConfig,
    OutputLine,
    PortalConfig,
)
from doorward_edge.courier import Courier, Myself, state_message
from doorward_edge.decoder.client import DecoderClient
from doorward_edge.decoder.process import ChildSettings
from doorward_edge.enrolled import Enrolled, load_enrolled
from doorward_edge.events import EventBook
from doorward_edge.gateway import Gateway, Parts
from doorward_edge.perception import Lamp, PerceptionError, perception_of
from doorward_edge.pipeline import Counters, Pipeline
from doorward_edge.ports import Broker, Documents, FrameSource, Indicator, Journal, Lock
from doorward_edge.sight import Sight
from doorward_edge.stages.actuate import ActuateStage
from doorward_edge.stages.decide import DecideStage, UsedSlots
from doorward_edge.stages.record import RecordStage
from doorward_edge.switches import levels_of
from doorward_edge.sync import PolicyKeeper
from doorward_edge.vitals.message import board_name, health_message

CAPABILITIES = ("batch-1", "dw0", "dw1", "dw2", "policy-1", "status-1")
BOOT_ID_BYTES = 8
PIN_HISTORY = "pins.jsonl"
"""In the data folder of a simulated gateway: what was done to its pins, across restarts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """A gateway, and those parts of it that a simulation looks at from outside."""

    gateway: Gateway
    config: EdgeConfig
    camera: FrameSource
    pins: Pins
    journal: Journal
    keeper: PolicyKeeper
    courier: Courier
    counters: Counters
    sight: Sight


def assemble(config: EdgeConfig, *, simulated: bool) -> Assembled:
    """Opens everything that the gateway needs.

    Args:
        config: what the installer set.
        simulated: take pins that drive nothing, and remember what was done to them.

    Raises:
        ConfigError: the configuration asks for what this machine cannot give.
        DoorwardError, OSError: the journal or the documents cannot be used.
    """
    with contextlib.ExitStack() as undo:
        assembled = _assemble(config, undo, simulated=simulated)
        undo.pop_all()
        return assembled


def _assemble(config: EdgeConfig, undo: contextlib.ExitStack, *, simulated: bool) -> Assembled:
    enrolled = load_enrolled(config)
    clock = SystemClock(config.clock.source)
    pins = _recorded_pins(config) if simulated else _board_pins()
    undo.callback(pins.close)
    portal, camera_section = _only_portal(config)
    lock, indicator = _hands(config, portal, pins)
    memory = _open_memory(config, enrolled)
    undo.callback(memory.journal.close)
    camera = open_source(camera_section, clock)
    sight = _open_eyes(config, portal, camera_section, camera, clock)
    undo.callback(sight.close)
    counters, myself = Counters(), _myself(config, enrolled)
    broker, courier = _connect(config, enrolled, myself, clock, memory, counters, sight)
    record = RecordStage(
        memory.journal,
        boot_id=bytes.fromhex(myself.boot_id),
        portal=portal.id,
        is_online=lambda: courier.uplink.is_connected,
    )
    pipeline = Pipeline(
        rules=memory.keeper,
        link=courier.uplink,
        clock=clock,
        decide=DecideStage(portal.id, UsedSlots(), portal.held_s),
        record=record,
        actuate=ActuateStage(lock, indicator),
        counters=counters,
    )
    parts = Parts(
        sight=sight,
        pipeline=pipeline,
        courier=courier,
        broker=broker,
        events=EventBook(record),
        clock=clock,
        watchdog=SystemdWatchdog(os.environ.get("NOTIFY_SOCKET")),
        hands=(lock.close, indicator.close, sight.close),
        closers=(memory.journal.close, pins.close),
        notices=(memory.journal.take_notices, memory.documents.take_notices),
        problems=memory.problems,
        software=myself.software,
    )
    return Assembled(
        gateway=Gateway(parts),
        config=config,
        camera=camera,
        pins=pins,
        journal=memory.journal,
        keeper=memory.keeper,
        courier=courier,
        counters=counters,
        sight=sight,
    )


def _only_portal(config: EdgeConfig) -> tuple[PortalConfig, CameraSection]:
    portal = config.portals[0]
    if len(config.portals) > 1 or len(portal.cameras) != 1 or portal.scanners:
        raise ConfigError("this version serves one portal with one camera")
    return portal, config.camera(portal.cameras[0])


def _open_eyes(
    config: EdgeConfig,
    portal: PortalConfig,
    section: CameraSection,
    camera: FrameSource,
    clock: Clock,
) -> Sight:
    """Starts decoder child and camera thread; both end with the thread that calls this."""
    settings = ChildSettings(
        symbologies=config.reader.symbologies, frame_bytes=largest_picture_px(section)
    )
    return Sight(
        source=camera,
        decoder=DecoderClient(settings, clock),
        strategy=config.reader.strategy,
        held_s=portal.held_s,
        clock=clock,
        roi_px=section.roi_px,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Memory:
    """What outlives a restart, and what of it could not be used."""

    documents: Documents
    keeper: PolicyKeeper
    journal: Journal
    problems: tuple[str, ...]


def _open_memory(config: EdgeConfig, enrolled: Enrolled) -> _Memory:
    documents = TinyDocuments.open(config.data_dir / "documents", enrolled.documents_key)
    keeper = PolicyKeeper(
        site=config.site,
        pinned=enrolled.keyring,
        files=FolderOfPolicies(config.data_dir / "policy"),
        floors=documents,
    )
    journal = SqliteJournal.open(
        config.data_dir / "journal",
        config.gateway,
        enrolled.seal_key,
        config.journal.capacity_mib * 2**20,
    )
    return _Memory(
        documents=documents, keeper=keeper, journal=journal, problems=tuple(keeper.load())
    )


def _connect(
    config: EdgeConfig,
    enrolled: Enrolled,
    myself: Myself,
    clock: Clock,
    memory: _Memory,
    counters: Counters,
    sight: Sight,
) -> tuple[Broker, Courier]:
    def health() -> Health:
        return health_message(
            boot_id=myself.boot_id,
            now=clock.now(),
            journal=memory.journal,
            counters=counters,
            decoder=sight.stats(),
            camera=sight.camera_health(),
        )

    try:
        broker = PahoBroker(
            address_of(config),
            lambda session: state_message(myself, session, clock.now(), online=False),
        )
    except OSError as err:
        raise ConfigError(f"{err}; enrol this gateway") from err
    courier = Courier(
        myself=myself,
        broker=broker,
        journal=memory.journal,
        keeper=memory.keeper,
        signer=enrolled.signer,
        clock=clock,
        health=health,
    )
    return broker, courier


def _myself(config: EdgeConfig, enrolled: Enrolled) -> Myself:
    return Myself(
        site=config.site,
        gateway=config.gateway,
        boot_id=os.urandom(BOOT_ID_BYTES).hex(),
        software=version("doorward-edge"),
        hardware={
            "board": board_name(),
            "camera": ",".join(camera.kind for camera in config.cameras),
        },
        capabilities=CAPABILITIES,
        record_key=enrolled.signer.public.hex(),
        portals=tuple(portal.id for portal in config.portals),
    )


def _recorded_pins(config: EdgeConfig) -> Pins:
    """Returns pins at which every door is shut and nobody presses a button."""
    outside: dict[int, Level] = {}
    for _, line in config.input_lines:
        outside |= levels_of(line, is_active=False)
    history = config.data_dir / PIN_HISTORY
    return recorded_pins(config.rest_levels, outside=outside, history=history)


def _board_pins() -> Pins:
    try:
        return board_pins()
    except (ImportError, OSError) as err:
        raise ConfigError(
            f"the pins of this board cannot be used: {err}; "
            "run `doorward-edge check`, or `doorward-edge simulate` on a machine without GPIO"
        ) from err


def _hands(config: EdgeConfig, portal: PortalConfig, pins: Pins) -> tuple[Lock, Indicator]:
    try:
        return _lock(portal, pins), _indicator(config, portal, pins)
    except PinError as err:
        raise ConfigError(f"a pin of portal {portal.id} cannot be used: {err}") from err


def _lock(portal: PortalConfig, pins: Pins) -> Lock:
    return NoLock() if portal.lock is None else open_lock(portal.lock, factory=pins)


def _indicator(config: EdgeConfig, portal: PortalConfig, pins: Pins) -> Indicator:
    lamps: dict[Lamp, OutputLine] = {Lamp(name): line for name, line in portal.lamps.items()}
    try:
        patterns = perception_of(config.perception).patterns
    except PerceptionError as err:
        raise ConfigError(str(err)) from err
    return GpioIndicator(lamps, portal.buzzer, factory=pins, patterns=patterns)
