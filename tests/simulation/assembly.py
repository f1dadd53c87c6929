"""A gateway's parts, put together as `doorward_edge.wiring` does: the one place that follows it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from doorward.ids import Epoch, PortalId
from doorward.keys import pin_keyring
from doorward.messages import Health
from doorward.presence import PresenceBook
from doorward.times import UtcSeconds
from doorward_edge.adapters.documents_tinydb import TinyDocuments
from doorward_edge.adapters.journal_sqlite import SqliteJournal
from doorward_edge.adapters.policy_files import FolderOfPolicies
from doorward_edge.config import Direction, DoorSection, PortalConfig
from doorward_edge.courier import Courier, Myself, pending_records, state_message
from doorward_edge.events import EventBook
from doorward_edge.pipeline import Counters
from doorward_edge.portal_wiring import Doorway, Hands, Shared, make_doorway
from doorward_edge.ports import Notice
from doorward_edge.site_presence import PresenceChores
from doorward_edge.stages.record import RecordStage
from doorward_edge.sync import PolicyKeeper
from tests.simulation.broker import GatewayClient, SimulatedBroker
from tests.simulation.disk import SimulatedDisk
from tests.simulation.site import SITE, Site, record_signer, seed_of
from tests.simulation.watched import (
    Machine,
    SilentIndicator,
    SimulatedClock,
    WatchedJournal,
    WatchedLock,
)
from tests.simulation.world import Process

HELD_S = 3.0
MAX_EPOCH = 2**48 - 1
CAPACITY_BYTES = 8 * 1024 * 1024


class Whole(Machine, Protocol):
    """A machine with everything that a process finds on it."""

    disk: SimulatedDisk
    clock: SimulatedClock
    broker: SimulatedBroker
    site: Site
    portals: tuple[PortalId, ...]

    def wake(self) -> None:
        """Has the courier turn soon."""
        ...


@dataclass(slots=True, kw_only=True)
class Running:
    """The parts of a running gateway process."""

    process: Process
    boot_id: str
    journal: WatchedJournal
    keeper: PolicyKeeper
    courier: Courier
    client: GatewayClient
    events: EventBook
    doorways: dict[PortalId, Doorway]
    chores: PresenceChores
    notices: tuple[Callable[[], tuple[Notice, ...]], ...]
    turn_due_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Memory:
    documents: TinyDocuments
    keeper: PolicyKeeper
    journal: WatchedJournal


def assemble(machine: Whole, process: Process) -> Running:
    """Opens what is on the disk and ties it together.

    Raises:
        DoorwardError, OSError: the process cannot start.
        PowerCutError: the machine went down meanwhile.
    """
    boot_id = machine.world.luck.randbytes(8)
    memory = _open_memory(machine)
    client, courier = _connect(machine, process, memory, boot_id)
    presence = PresenceBook(
        site=SITE,
        gateway=machine.name,
        epoch=Epoch(machine.world.luck.randrange(1, MAX_EPOCH)),
        is_complete=False,
    )
    shared = Shared(
        rules=memory.keeper,
        link=courier.uplink,
        clock=machine.clock,
        journal=memory.journal,
        boot_id=boot_id,
        presence=presence,
        counters=Counters(),
    )
    record = RecordStage(
        memory.journal,
        boot_id=boot_id,
        portal="",
        is_online=lambda: courier.uplink.is_connected,
    )
    events = EventBook(record)
    return Running(
        process=process,
        boot_id=boot_id.hex(),
        journal=memory.journal,
        keeper=memory.keeper,
        courier=courier,
        client=client,
        events=events,
        doorways={name: _doorway(machine, name, shared, events) for name in machine.portals},
        chores=PresenceChores(presence, memory.keeper),
        notices=(memory.journal.take_notices, memory.documents.take_notices),
    )


def _open_memory(machine: Whole) -> _Memory:
    data = machine.disk.root
    key = seed_of(f"documents {machine.name}")
    documents = TinyDocuments.open(data / "documents", key, machine.disk)
    keeper = PolicyKeeper(
        site=SITE,
        pinned=pin_keyring(machine.site.keyring),
        files=FolderOfPolicies(data / "policy", machine.disk),
        floors=documents,
    )
    journal = SqliteJournal.open(
        data / "journal",
        machine.name,
        machine.site.keys.intake_public,
        CAPACITY_BYTES,
        machine.world.luck.randbytes,
        disk=machine.disk,
        in_thread=False,
    )
    for problem in keeper.load():
        machine.world.tell(machine.name, f"cannot use {problem}")
    return _Memory(documents=documents, keeper=keeper, journal=WatchedJournal(machine, journal))


def _connect(
    machine: Whole, process: Process, memory: _Memory, boot_id: bytes
) -> tuple[GatewayClient, Courier]:
    signer = record_signer(machine.name)
    myself = Myself(
        site=SITE,
        gateway=machine.name,
        boot_id=boot_id.hex(),
        software="simulated",
        hardware={},
        capabilities=(),
        record_key=signer.public.hex(),
        portals=machine.portals,
    )
    client = GatewayClient(
        machine.world,
        machine.broker,
        machine.name,
        process,
        lambda session: state_message(myself, session, machine.clock.now(), online=False),
        machine.wake,
    )

    def health() -> Health:
        return Health(
            at=UtcSeconds(machine.clock.now().utc_s),
            boot_id=boot_id.hex(),
            journal={"pending": pending_records(memory.journal.spans())},
        )

    courier = Courier(
        myself=myself,
        broker=client,
        journal=memory.journal,
        keeper=memory.keeper,
        signer=signer,
        clock=machine.clock,
        health=health,
    )
    return client, courier


def _doorway(machine: Whole, portal: PortalId, shared: Shared, events: EventBook) -> Doorway:
    config = PortalConfig(
        id=portal,
        direction=Direction.ENTRY,
        cameras=(),
        scanners=(),
        held_s=HELD_S,
        lock=None,
        lamps={},
        buzzer=None,
        inputs=(),
        door=DoorSection(),
    )
    hands = Hands(lock=WatchedLock(machine, portal), indicator=SilentIndicator())
    return make_doorway(config, hands, shared, events)
