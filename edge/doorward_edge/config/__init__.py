"""What an installer sets: `edge.toml`, the classes of its tables, and the checked `EdgeConfig`."""

from doorward_edge.config.checked import EdgeConfig, PortalConfig
from doorward_edge.config.claims import InputLine, InputPin, LockLine, OutputLine
from doorward_edge.config.devices import (
    BoardSection,
    CameraKind,
    CameraSection,
    Illumination,
    ReaderSection,
    ScannerKind,
    ScannerSection,
)
from doorward_edge.config.file import EdgeFile
from doorward_edge.config.identity import NotEnrolledError
from doorward_edge.config.loading import load_config, load_hardware, parse_config
from doorward_edge.config.portals import (
    Direction,
    DoorSection,
    ExitButton,
)
from doorward_edge.config.site import (
    BrokerSection,
    ClockSection,
    ClockSource,
    CommandsSection,
    HealthSection,
    TrustSection,
    UpdateSection,
)
from doorward_edge.config.table import ConfigError
from doorward_edge.config_panel import PanelSection, PerceptionSection

__all__ = [
    "BoardSection",
    "BrokerSection",
    "CameraKind",
    "CameraSection",
    "ClockSection",
    "ClockSource",
    "CommandsSection",
    "ConfigError",
    "Direction",
    "DoorSection",
    "EdgeConfig",
    "EdgeFile",
    "ExitButton",
    "HealthSection",
    "Illumination",
    "InputLine",
    "InputPin",
    "LockLine",
    "NotEnrolledError",
    "OutputLine",
    "PanelSection",
    "PerceptionSection",
    "PortalConfig",
    "ReaderSection",
    "ScannerKind",
    "ScannerSection",
    "TrustSection",
    "UpdateSection",
    "load_config",
    "load_hardware",
    "parse_config",
]
