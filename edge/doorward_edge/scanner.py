"""The scanners that a configuration names."""

from doorward.times import Clock
from doorward_edge.config import EdgeConfig, PortalConfig, ScannerKind, ScannerSection
from doorward_edge.scanners.source import ScannerSettings, ScannerSource


def open_scanners(config: EdgeConfig, clock: Clock) -> tuple[ScannerSource, ...]:
    """Returns every portal's scanners. Nothing is opened before they are started."""
    return tuple(
        open_scanner(config.scanner(name), portal, clock)
        for portal in config.portals
        for name in portal.scanners
    )


def open_scanner(scanner: ScannerSection, portal: PortalConfig, clock: Clock) -> ScannerSource:
    """Returns one scanner. Its library is only loaded here: few gateways have one."""
    match scanner.kind:
        case ScannerKind.KEYBOARD:
            from doorward_edge.adapters import scanner_evdev  # noqa: PLC0415

            settings = _settings(scanner, portal, scanner_evdev.READER)
            return scanner_evdev.keyboard_scanner(settings, scanner.device, clock)
        case ScannerKind.SERIAL:
            from doorward_edge.adapters import scanner_serial  # noqa: PLC0415

            line = scanner_serial.SerialLine(
                path=scanner.device,
                baud=scanner.baud,
                framing=scanner.framing,
                end=scanner.line_end,
            )
            settings = _settings(scanner, portal, scanner_serial.READER)
            return scanner_serial.serial_scanner(settings, line, clock)


def _settings(scanner: ScannerSection, portal: PortalConfig, reader: str) -> ScannerSettings:
    return ScannerSettings(
        name=scanner.name, portal=portal.id, reader=reader, held_ms=int(portal.held_s * 1000)
    )
