"""The whole of `edge.toml`, as it is written."""

from doorward_edge.config.devices import (
    BoardSection,
    CameraSection,
    ReaderSection,
    ScannerSection,
)
from doorward_edge.config.portals import GatewayInputsSection, PortalSection
from doorward_edge.config.site import (
    BrokerSection,
    ClockSection,
    CommandsSection,
    GatewaySection,
    HealthSection,
    IdentitySection,
    JournalSection,
    TrustSection,
    UpdateSection,
)
from doorward_edge.config.table import Table
from doorward_edge.config_panel import PanelSection, PerceptionSection


class EdgeFile(Table, frozen=True, kw_only=True):
    """The tables, in the order in which they are documented."""

    gateway: GatewaySection
    broker: BrokerSection
    trust: TrustSection
    identity: IdentitySection | None = None
    board: BoardSection = BoardSection()
    camera: tuple[CameraSection, ...] = ()
    scanner: tuple[ScannerSection, ...] = ()
    reader: ReaderSection = ReaderSection()
    portal: tuple[PortalSection, ...]
    inputs: GatewayInputsSection = GatewayInputsSection()
    perception: PerceptionSection = PerceptionSection()
    panel: PanelSection | None = None
    health: HealthSection = HealthSection()
    journal: JournalSection = JournalSection()
    clock: ClockSection = ClockSection()
    commands: CommandsSection = CommandsSection()
    update: UpdateSection = UpdateSection()
