"""Puts a gateway together: configuration -> adapters -> stages. Nothing else names adapters."""

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from doorward.ids import PortalId
from doorward.messages import Health
from doorward.times import Clock
from doorward_edge.adapters.board_systemd import NoBoard, SystemdBoard
from doorward_edge.adapters.broker_paho import PahoBroker, address_of
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.adapters.documents_tinydb import TinyDocuments
from doorward_edge.adapters.gpio_gpiozero import GpioLamp, Pins, board_pins, recorded_pins
from doorward_edge.adapters.journal_sqlite import SqliteJournal
from doorward_edge.adapters.policy_files import FolderOfPolicies
from doorward_edge.adapters.watchdog_systemd import SystemdWatchdog
from doorward_edge.boards import Level
from doorward_edge.capture.source import open_source
from doorward_edge.commands.desk import CommandDesk
from doorward_edge.config import ConfigError, EdgeConfig
from doorward_edge.courier import Courier, Myself, state_message
from doorward_edge.enrolled import Enrolled, load_enrolled
from doorward_edge.events import EventBook
from doorward_edge.eye import CameraEye, are_well, health_of, stats_of
from doorward_edge.gateway import Gateway, Parts
from doorward_edge.housing import Housing
from doorward_edge.inbox import Inbox
from doorward_edge.panel_wiring import Around as PanelAround
from doorward_edge.panel_wiring import (
    Dressed,
    Staffed,
    StaffErrand,
    dress,
    open_staff,
    put_beside,
)
from doorward_edge.pipeline import Counters
from doorward_edge.portal import Portal
from doorward_edge.portal_wiring import (
    Doorway,
    Shared,
    light_cameras,
    make_doorway,
    make_eyes,
    open_hands,
    open_inputs,
)
from doorward_edge.ports import Broker, Documents, FrameSource, Inputs, Journal
from doorward_edge.premises import Restarter
from doorward_edge.presence.errand import PresenceErrand
from doorward_edge.presence_wiring import SitePresence, open_site_presence
from doorward_edge.remote_wiring import (
    Command,
    OrderedRules,
    Twin,
    make_commander,
    open_desk,
    open_twin,
)
from doorward_edge.scanner import open_scanners
from doorward_edge.scanners.source import ScannerSource
from doorward_edge.site_presence import PresenceChores
from doorward_edge.stages.record import RecordStage
from doorward_edge.switches import levels_of
from doorward_edge.sync import PolicyKeeper
from doorward_edge.twin.keeper import TwinKeeper
from doorward_edge.updating.desk import SoftwareDesk
from doorward_edge.updating.exchange import boot_id as system_start
from doorward_edge.updating.looking import looking
from doorward_edge.vitals.identity import identity
from doorward_edge.vitals.message import board_name, health_message
from doorward_edge.vitals_wiring import Attendance, Physician, cycles_of

CAPABILITIES = (
    "batch-1", "commands-1", "config-1", "dw0", "dw1", "dw2", "policy-1", "status-1",
)  # fmt: skip
BOOT_ID_BYTES = 8
PIN_HISTORY = "pins.jsonl"
"""In the data folder of a simulated gateway: what was done to its pins, across restarts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """A gateway, and those parts of it that a simulation looks at from outside."""

    gateway: Gateway
    config: EdgeConfig
    cameras: Mapping[str, FrameSource]
    pins: Pins
    journal: Journal
    keeper: PolicyKeeper
    courier: Courier
    counters: Counters
    eyes: tuple[CameraEye, ...]
    portals: Mapping[PortalId, Portal]
    restarter: Restarter


def assemble(config: EdgeConfig, *, simulated: bool, file: Path | None = None) -> Assembled:
    """Opens everything that the gateway needs.

    Args:
        config: what the installer set.
        simulated: take pins that drive nothing, and remember what was done to them.
        file: where `config` is from; without it nothing is set from afar.

    Raises:
        ConfigError: the configuration asks for what this machine cannot give.
        DoorwardError, OSError: the journal or the documents cannot be used.
    """
    with contextlib.ExitStack() as undo:
        assembled = _assemble(config, file, undo, simulated=simulated)
        undo.pop_all()
        return assembled


@dataclass(frozen=True, slots=True, kw_only=True)
class _Memory:
    """What outlives a restart, and what of it could not be used."""

    documents: Documents
    keeper: PolicyKeeper
    journal: Journal
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What everything else stands on."""

    enrolled: Enrolled
    clock: SystemClock
    documents: TinyDocuments
    twin: Twin
    config: EdgeConfig
    pins: Pins


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """What senses and moves."""

    dressed: Dressed
    lights: Mapping[str, GpioLamp]
    inputs: Inputs
    cameras: Mapping[str, FrameSource]
    eyes: tuple[CameraEye, ...]
    scanners: tuple[ScannerSource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mind:
    """What remembers, decides and speaks with the controller."""

    memory: _Memory
    myself: Myself
    physician: Physician
    command: Command
    rules: OrderedRules
    staff: Staffed
    broker: Broker
    courier: Courier
    shared: Shared
    presence: SitePresence
    events: EventBook
    inbox: Inbox
    software: SoftwareDesk


def _assemble(
    installed: EdgeConfig, file: Path | None, undo: contextlib.ExitStack, *, simulated: bool
) -> Assembled:
    ground = _lay_ground(installed, file, undo, simulated=simulated)
    memory, body = _open_body(ground, undo)
    mind = _make_mind(ground, body, memory)
    doorways = {
        portal.id: make_doorway(portal, body.dressed.hands[portal.id], mind.shared, mind.events)
        for portal in ground.config.portals
    }
    portals = {name: doorway.portal for name, doorway in doorways.items()}
    attendance = mind.physician.attend(
        mind.courier,
        SystemdWatchdog(os.environ.get("NOTIFY_SOCKET")),
        portals,
        NoBoard() if simulated else SystemdBoard(),
        lambda: gateway.fail(),  # noqa: PLW0108  # it is made of what this returns
    )
    gateway = Gateway(_parts_of(ground, body, mind, doorways, attendance))
    mind.command.restarter.stop = gateway.stop
    return Assembled(
        gateway=gateway,
        config=ground.config,
        cameras=body.cameras,
        pins=ground.pins,
        journal=memory.journal,
        keeper=memory.keeper,
        courier=mind.courier,
        counters=mind.shared.counters,
        eyes=body.eyes,
        portals=portals,
        restarter=mind.command.restarter,
    )


def _lay_ground(
    installed: EdgeConfig, file: Path | None, undo: contextlib.ExitStack, *, simulated: bool
) -> _Ground:
    enrolled = load_enrolled(installed)
    clock = SystemClock(installed.clock.source)
    documents = TinyDocuments.open(installed.data_dir / "documents", enrolled.documents_key)
    twin = open_twin(installed, file, documents, clock.now())
    pins = _recorded_pins(twin.config) if simulated else _real_pins(twin.config)
    undo.callback(pins.close)
    return _Ground(
        enrolled=enrolled,
        clock=clock,
        documents=documents,
        twin=twin,
        config=twin.config,
        pins=pins,
    )


def _open_body(ground: _Ground, undo: contextlib.ExitStack) -> tuple[_Memory, _Body]:
    """Claims the pins, locks first; then what is remembered, then what looks."""
    config, pins, clock = ground.config, ground.pins, ground.clock
    dressed = dress(config, open_hands(config, pins, undo), clock)
    lights = light_cameras(config, pins, undo)
    inputs = open_inputs(config, pins, clock)
    undo.callback(inputs.close)
    memory = _open_memory(config, ground.enrolled, ground.documents)
    undo.callback(memory.journal.close)
    cameras = {camera.name: open_source(camera, clock) for camera in config.cameras}
    return memory, _Body(
        dressed=dressed,
        lights=lights,
        inputs=inputs,
        cameras=cameras,
        eyes=make_eyes(config, cameras, lights, clock),
        scanners=open_scanners(config, clock),
    )


def _make_mind(ground: _Ground, body: _Body, memory: _Memory) -> _Mind:
    config, clock, twin = ground.config, ground.clock, ground.twin
    counters, myself = Counters(), _myself(config, ground.enrolled)
    physician = Physician(
        config,
        clock,
        journal=memory.journal,
        documents=memory.documents,
        keeper=memory.keeper,
        eyes=body.eyes,
        more=(lambda _now: cycles_of(body.dressed.locks),),
    )
    signer = ground.enrolled.signer
    command = open_desk(config, ground.documents, memory.keeper, signer, clock)
    twin.keeper.connect(lambda: memory.keeper.keyring, command.restarter)
    staff = open_staff(config, memory.keeper)
    inbox = Inbox()
    presence = open_site_presence(config, ground.enrolled, memory.keeper, inbox, clock)
    software = _open_software(config, clock, counters)
    errands = (command.desk, twin.keeper, staff.errand, presence.errand, software)
    broker, courier = _connect(
        config, ground.enrolled, myself, clock, memory, counters, body.eyes, physician, errands
    )
    presence.errand.wake, staff.errand.ask = broker.wake, broker.subscribe
    rules = OrderedRules(memory.keeper, command.postures)
    shared = Shared(
        rules=rules,
        link=courier.uplink,
        clock=clock,
        journal=memory.journal,
        boot_id=bytes.fromhex(myself.boot_id),
        presence=presence.book,
        counters=counters,
    )
    return _Mind(
        memory=memory,
        myself=myself,
        physician=physician,
        command=command,
        rules=rules,
        staff=staff,
        broker=broker,
        courier=courier,
        shared=shared,
        presence=presence,
        events=EventBook(_own_records(shared)),
        inbox=inbox,
        software=software,
    )


def _open_software(config: EdgeConfig, clock: Clock, counters: Counters) -> SoftwareDesk:
    return SoftwareDesk(
        status_file=Path(config.update.status_file),
        exchange_dir=config.data_dir / "update",
        version=version("doorward-edge"),
        boot_id=system_start(),
        began=clock.now(),
        scans=lambda: counters.scans,
    )


def _own_records(shared: Shared) -> RecordStage:
    """Returns what begins and keeps the records that are about no portal."""
    return RecordStage(
        shared.journal,
        boot_id=shared.boot_id,
        portal="",
        is_online=lambda: shared.link.is_connected,
    )


def _parts_of(
    ground: _Ground,
    body: _Body,
    mind: _Mind,
    doorways: Mapping[PortalId, Doorway],
    attendance: Attendance,
) -> Parts:
    memory, command = mind.memory, mind.command
    portals = {name: doorway.portal for name, doorway in doorways.items()}
    commander = make_commander(
        ground.config,
        command,
        inbox=mind.inbox,
        portals=portals,
        eyes=body.eyes,
        scanners=body.scanners,
        book=mind.presence.book,
        rules=mind.rules,
        shared=mind.shared,
        wake=mind.broker.wake,
        seal_key=ground.enrolled.seal_key,
        update=mind.software.order,
    )
    mind.software.look = looking(
        journal=memory.journal,
        has_rules=lambda: memory.keeper.rules is not None,
        is_connected=lambda: mind.courier.uplink.is_connected,
        eyes=body.eyes,
        portals=portals,
    )
    mind.physician.also(mind.software.show)
    beside = put_beside(_around(ground, body, mind, doorways))
    for errand in beside.errands:
        mind.physician.also(errand)
    return Parts(
        inbox=mind.inbox,
        sources=(*body.eyes, *body.scanners, *beside.sources, mind.presence),
        inputs=body.inputs,
        pipelines={name: doorway.pipeline for name, doorway in doorways.items()},
        portals=portals,
        housing=Housing(mind.events),
        chores=(
            PresenceChores(mind.shared.presence, memory.keeper).turn,
            commander.tend,
            *attendance.chores,
        ),
        courier=mind.courier,
        broker=mind.broker,
        events=mind.events,
        clock=ground.clock,
        watchdog=attendance.watchdog,
        hands=(commander.stop, *_closers_of(body)),
        closers=(
            commander.close,
            command.close,
            body.inputs.close,
            *attendance.closers,
            *beside.closers,
            mind.presence.keeper.close,
            memory.journal.close,
            ground.pins.close,
        ),
        notices=(
            memory.journal.take_notices,
            memory.documents.take_notices,
            command.desk.take_notices,
            ground.twin.keeper.take_notices,
            *(scanner.take_notices for scanner in body.scanners),
            *attendance.notices,
            *beside.notices,
            mind.presence.keeper.take_notices,
        ),
        problems=(*memory.problems, *mind.staff.problems, *beside.problems),
        software=mind.myself.software,
    )


def _around(
    ground: _Ground, body: _Body, mind: _Mind, doorways: Mapping[PortalId, Doorway]
) -> PanelAround:
    return PanelAround(
        config=ground.config,
        myself=mind.myself,
        shared=mind.shared,
        inbox=mind.inbox,
        documents=ground.documents,
        documents_key=ground.enrolled.documents_key,
        staff=mind.staff.book,
        dressed=body.dressed,
        doorways=doorways,
        is_camera_well=lambda portal: are_well(body.eyes, portal),
    )


def _closers_of(body: _Body) -> tuple[Callable[[], None], ...]:
    """Returns what is let go of first: every lock, before any lamp."""
    hands = body.dressed.hands.values()
    return (
        *(each.lock.close for each in hands),
        *(each.indicator.close for each in hands),
        *(light.close for light in body.lights.values()),
    )


def _open_memory(config: EdgeConfig, enrolled: Enrolled, documents: TinyDocuments) -> _Memory:
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
    eyes: tuple[CameraEye, ...],
    physician: Physician,
    errands: tuple[CommandDesk, TwinKeeper, StaffErrand, PresenceErrand, SoftwareDesk],
) -> tuple[Broker, Courier]:
    def health() -> Health:
        return health_message(
            boot_id=myself.boot_id,
            now=clock.now(),
            journal=memory.journal,
            counters=counters,
            decoder=stats_of(eyes),
            camera=health_of(eyes),
            uplink=broker.figures(),
            vitals=physician.numbers(),
        )

    try:
        broker = PahoBroker(
            address_of(config),
            lambda session: state_message(myself, session, clock.now(), online=False),
            lambda: clock.now().mono_ms,
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
        errands=errands,
        config=lambda: errands[1].report,
        staff=lambda: errands[2].version,
        software=lambda: errands[4].report,
        health_every_ms=config.health.interval_s * 1000,
    )
    errands[0].wake = broker.wake
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
            **identity(config.broker.host, config.broker.port),
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


def _real_pins(config: EdgeConfig) -> Pins:
    """Returns the board's pins; a desk that has no use for any runs on a machine without GPIO."""
    if not config.claims:
        return recorded_pins()
    try:
        return board_pins()
    except (ImportError, OSError) as err:
        raise ConfigError(
            f"the pins of this board cannot be used: {err}; "
            "run `doorward-edge check`, or `doorward-edge simulate` on a machine without GPIO"
        ) from err
