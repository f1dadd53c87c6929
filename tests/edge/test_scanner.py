"""Which scanner a configuration means, and what one cannot be."""

import os
import pty
import queue
import tty
from pathlib import Path

import pytest

from doorward.ids import PortalId
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.config import ClockSource, ConfigError, parse_config
from doorward_edge.scan import Scan
from doorward_edge.scanner import open_scanners
from doorward_edge.scanners.lines import LineEnd
from tests.edge.test_config import GOOD, PLACE

CLOCK = SystemClock(ClockSource.ASSUME)


def with_scanner(table: str) -> str:
    named = GOOD.replace('cameras = ["front"]', 'cameras = ["front"]\nscanners = ["desk"]')
    return f'{named}\n[[scanner]]\nname = "desk"\n{table}\n'


def test_what_is_left_out_is_what_most_scanners_come_with() -> None:
    table = 'kind = "serial"\ndevice = "/dev/ttyACM0"'
    (scanner,) = parse_config(with_scanner(table), PLACE).scanners
    assert (scanner.baud, scanner.framing, scanner.line_end) == (9600, "8N1", LineEnd.NEWLINE)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('framing = "9N1"', "framing"),
        ('line_end = "comma"', "must be one of newline, tab, etx, gap"),
        ("baud = 300", "must be a number from 1200 to 921600"),
        ('kind_of = "serial"', "is not known here"),
    ],
)
def test_a_mistake_is_named_with_its_key(line: str, said: str) -> None:
    table = f'kind = "serial"\ndevice = "/dev/ttyACM0"\n{line}'
    with pytest.raises(ConfigError, match=said):
        parse_config(with_scanner(table), PLACE)


def test_every_portal_gets_its_scanners(tmp_path: Path) -> None:
    """The serial one reads; the keyboard's path is none, which it survives."""
    host, other = pty.openpty()
    tty.setraw(other)
    table = f'kind = "serial"\ndevice = "{os.ttyname(other)}"\nline_end = "etx"\n'
    second = f"""
[[scanner]]
name = "hall"
kind = "keyboard"
device = "{tmp_path}/none"

[[portal]]
id = "south"
scanners = ["hall"]
"""
    config = parse_config(with_scanner(table) + second, PLACE)
    scanners = open_scanners(config, CLOCK)
    scans: queue.SimpleQueue[tuple[PortalId, Scan]] = queue.SimpleQueue()
    for scanner in scanners:
        scanner.start(lambda portal, scan: scans.put((portal, scan)))
    for _ in range(50):
        os.write(host, b"\x02004711\x03")
        try:
            portal, scan = scans.get(timeout=0.2)
            break
        except queue.Empty:
            continue
    else:
        raise AssertionError("the serial scanner read nothing")
    assert (portal, scan.payload, scan.reader) == ("north", b"004711", "scanner/serial")
    for scanner in scanners:
        scanner.close()
    os.close(host)
    os.close(other)
    (lost,) = scanners[1].take_notices()
    assert f"{tmp_path}/none" in lost.detail
