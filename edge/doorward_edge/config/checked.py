"""A configuration that was checked: names are parsed, files are paths, wires are pins."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from doorward.ids import GatewayId, PortalId, SiteId
from doorward_edge.boards import BoardProfile, Level
from doorward_edge.config.claims import InputLine, LockLine, OutputLine
from doorward_edge.config.devices import CameraSection, ReaderSection, ScannerSection
from doorward_edge.config.portals import Direction, DoorSection
from doorward_edge.config.site import (
    BrokerSection,
    ClockSection,
    CommandsSection,
    HealthSection,
    JournalSection,
    TrustSection,
    UpdateSection,
)
from doorward_edge.config_panel import PanelSection, PerceptionSection


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalConfig:
    """One portal.

    Attributes:
        cameras, scanners: the names of what reads here; each reads at one portal.
        lamps: by colour.
    """

    id: PortalId
    direction: Direction
    cameras: tuple[str, ...]
    scanners: tuple[str, ...]
    held_s: float
    lock: LockLine | None
    lamps: Mapping[str, OutputLine]
    buzzer: OutputLine | None
    inputs: tuple[InputLine, ...]
    door: DoorSection


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConfig:
    """What an installer set.

    Attributes:
        inputs: what is wired in for the whole gateway.
        illumination: the lamp beside each camera that has one, by the camera's name.
        identity: where enrolment keeps who this gateway is; None where somebody else wrote it.
        claims: who has which pin, for people: keys of the file, by pin.
    """

    site: SiteId
    gateway: GatewayId
    data_dir: Path
    broker: BrokerSection
    trust: TrustSection
    board: BoardProfile
    cameras: tuple[CameraSection, ...]
    scanners: tuple[ScannerSection, ...]
    reader: ReaderSection
    portals: tuple[PortalConfig, ...]
    inputs: tuple[InputLine, ...]
    illumination: Mapping[str, OutputLine]
    perception: PerceptionSection
    panel: PanelSection | None
    health: HealthSection
    journal: JournalSection
    clock: ClockSection
    commands: CommandsSection
    update: UpdateSection
    identity: Path | None
    claims: Mapping[int, str]

    @property
    def input_lines(self) -> tuple[tuple[PortalId | None, InputLine], ...]:
        """Every input with the portal that it is at; None for those of the whole gateway."""
        at_portals = [(portal.id, line) for portal in self.portals for line in portal.inputs]
        return (*at_portals, *((None, line) for line in self.inputs))

    @property
    def rest_levels(self) -> Mapping[int, Level]:
        """The level of each pin while nobody drives it: locked, at a lock's."""
        rests = {pin: pull.level for pin, pull in self.board.pulls.items()}
        locks = [portal.lock for portal in self.portals if portal.lock is not None]
        return rests | {lock.pin: lock.released.other for lock in locks}

    def camera(self, name: str) -> CameraSection:
        """Returns the camera of that name, which a portal names."""
        return next(camera for camera in self.cameras if camera.name == name)

    def scanner(self, name: str) -> ScannerSection:
        """Returns the scanner of that name, which a portal names."""
        return next(scanner for scanner in self.scanners if scanner.name == name)
