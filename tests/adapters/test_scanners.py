"""Scanners on real descriptors: a pipe with kernel events, a pseudo-terminal as serial port.

The grab itself is an ioctl that only an input device knows; docs/limits.md says so.
"""

import os
import pty
import queue
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from doorward.events import EventCode
from doorward.ids import PortalId
from doorward_edge.adapters import scanner_evdev, scanner_serial
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.adapters.scanner_serial import SerialLine
from doorward_edge.config import ClockSource
from doorward_edge.scan import Scan
from doorward_edge.scanners.source import ScannerSettings, ScannerSource
from tests.fakes.typing_scanner import typed

PORTAL = PortalId("gate")
CLOCK = SystemClock(ClockSource.ASSUME)
PATIENCE_S = 10.0


def settings(reader: str, held_ms: int = 3_000) -> ScannerSettings:
    return ScannerSettings(name="desk", portal=PORTAL, reader=reader, held_ms=held_ms)


@dataclass
class Inbox:
    """Where the scans go."""

    scans: queue.SimpleQueue[tuple[PortalId, Scan]] = field(default_factory=queue.SimpleQueue)

    def put(self, portal: PortalId, scan: Scan) -> None:
        self.scans.put((portal, scan))

    def next(self) -> Scan:
        portal, scan = self.scans.get(timeout=PATIENCE_S)
        assert portal == PORTAL
        return scan


@dataclass
class Plug:
    """A scanner that can be plugged in, used and pulled out."""

    path: Path
    fd: int = -1
    grabbed: list[int] = field(default_factory=list)

    def send(self, wire: bytes) -> None:
        while wire:
            wire = wire[os.write(self.fd, wire) :]

    def pull(self) -> None:
        os.close(self.fd)
        self.fd = -1
        self.path.unlink()

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)


class Keyboard(Plug):
    """A pipe in the place of `/dev/input/event*`."""

    def plug(self) -> None:
        os.mkfifo(self.path)
        # Both ends, so that it is not at its end before the first key.
        self.fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)

    def source(self, held_ms: int = 3_000) -> ScannerSource:
        source = scanner_evdev.keyboard_scanner(
            settings(scanner_evdev.READER, held_ms),
            str(self.path),
            CLOCK,
            grab_device=self.grabbed.append,
        )
        source._retry_s = 0.05
        return source

    def code(self, text: str) -> bytes:
        return typed(text)


class Port(Plug):
    """A pseudo-terminal in the place of `/dev/ttyACM0`."""

    def plug(self) -> None:
        self.fd, other = pty.openpty()
        tty.setraw(other)
        self.path.symlink_to(os.ttyname(other))
        os.close(other)

    def source(self, held_ms: int = 3_000) -> ScannerSource:
        line = SerialLine(path=str(self.path), baud=9600)
        source = scanner_serial.serial_scanner(
            settings(scanner_serial.READER, held_ms), line, CLOCK
        )
        source._retry_s = 0.05
        return source

    def code(self, text: str) -> bytes:
        return text.encode() + b"\r\n"


@pytest.fixture(params=[Keyboard, Port], ids=["keyboard", "serial"])
def plug(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Keyboard | Port]:
    made: Keyboard | Port = request.param(tmp_path / "scanner")
    yield made
    made.close()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def show(plug: Keyboard | Port, inbox: Inbox, text: str) -> Scan:
    """Shows a code again and again, as a person does, until it is read.

    What is sent before a port is open is lost, on purpose.
    """
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        plug.send(plug.code(text))
        try:
            return inbox.scans.get(timeout=0.2)[1]
        except queue.Empty:
            continue
    raise AssertionError(f"{text} was not read in time")


def test_a_code_becomes_a_scan_of_its_portal(plug: Keyboard | Port, inbox: Inbox) -> None:
    plug.plug()
    source = plug.source()
    source.start(inbox.put)
    scan = show(plug, inbox, "DW0123")
    source.close()
    kind = "keyboard" if isinstance(plug, Keyboard) else "serial"
    assert (scan.payload, scan.problem, scan.symbology) == (b"DW0123", "", None)
    assert scan.reader == f"scanner/{kind}"
    assert abs(CLOCK.now().mono_ms - scan.captured_mono_ms) < 60_000


def test_the_same_code_twice_is_one_scan_and_another_is_another(
    plug: Keyboard | Port, inbox: Inbox
) -> None:
    plug.plug()
    source = plug.source(held_ms=60_000)
    source.start(inbox.put)
    show(plug, inbox, "004711")
    plug.send(plug.code("004711") * 3 + plug.code("004712"))
    assert inbox.next().payload == b"004712"
    wait_until(lambda: source.stats()["repeats"] >= 3)
    assert inbox.scans.empty()
    source.close()


def test_a_scanner_that_is_pulled_out_comes_back_by_itself(
    plug: Keyboard | Port, inbox: Inbox
) -> None:
    plug.plug()
    source = plug.source(held_ms=100)
    source.start(inbox.put)
    for turn in range(3):
        assert show(plug, inbox, f"00471{turn}").payload == b"00471%d" % turn
        plug.pull()
        wait_until(lambda turn=turn: source.stats()["losses"] == turn + 1)  # type: ignore[misc]
        plug.plug()
    show(plug, inbox, "00479")
    source.close()
    told = [notice.code for notice in source.take_notices()]
    assert told == [EventCode.SCANNER_LOST, EventCode.SCANNER_FOUND] * 3
    assert source.take_notices() == ()


def test_a_scanner_that_was_never_there_is_told_once_and_found_later(
    plug: Keyboard | Port, inbox: Inbox
) -> None:
    source = plug.source()
    source.start(inbox.put)
    notices: list[str] = []

    def told(many: int) -> bool:
        notices.extend(f"{n.code} {n.detail}" for n in source.take_notices())
        return len(notices) >= many

    wait_until(lambda: told(1))
    assert notices[0].startswith(EventCode.SCANNER_LOST.value)
    assert "desk" in notices[0]
    assert str(plug.path) in notices[0]
    assert str(plug.path) in source.trouble
    plug.plug()
    show(plug, inbox, "004711")
    wait_until(lambda: told(2))
    assert (source.name, source.trouble) == ("desk", "")
    source.close()
    assert source.stats()["losses"] == 1


def test_after_close_nothing_is_put_and_the_device_is_free(
    plug: Keyboard | Port, inbox: Inbox
) -> None:
    plug.plug()
    source = plug.source()
    source.start(inbox.put)
    show(plug, inbox, "004711")
    before = time.monotonic()
    source.close()
    assert time.monotonic() - before < 2
    plug.send(plug.code("004712"))
    assert inbox.scans.empty()
    other = plug.source()
    other.start(inbox.put)
    show(plug, inbox, "004713")
    other.close()


def test_close_before_start_is_nothing(plug: Keyboard | Port) -> None:
    plug.source().close()


def test_noise_costs_no_scan(plug: Keyboard | Port, inbox: Inbox) -> None:
    plug.plug()
    source = plug.source(held_ms=60_000)
    source.start(inbox.put)
    show(plug, inbox, "004711")
    noise = (
        typed("", None) + b"\x00" * 240 if isinstance(plug, Keyboard) else b"\xfe\xff\x00\r" * 60
    )
    plug.send(noise)
    plug.send(plug.code("004712"))
    assert inbox.next().payload == b"004712"
    source.close()


def test_a_keyboard_is_grabbed_before_it_is_read(tmp_path: Path, inbox: Inbox) -> None:
    plug = Keyboard(tmp_path / "event0")
    plug.plug()
    source = plug.source()
    source.start(inbox.put)
    show(plug, inbox, "004711")
    source.close()
    plug.close()
    assert len(plug.grabbed) == 1


def test_a_keyboard_that_cannot_be_grabbed_is_not_read(tmp_path: Path, inbox: Inbox) -> None:
    """The real ioctl, on what is no input device."""
    plug = Keyboard(tmp_path / "event0")
    plug.plug()
    source = scanner_evdev.keyboard_scanner(settings(scanner_evdev.READER), str(plug.path), CLOCK)
    plug.send(plug.code("004711"))
    source.start(inbox.put)
    wait_until(lambda: source.stats()["losses"] == 1)
    (notice,) = source.take_notices()
    source.close()
    plug.close()
    assert inbox.scans.empty()
    assert "cannot be taken for ourselves alone" in notice.detail
    assert str(plug.path) in notice.detail


def test_a_port_is_opened_for_one_alone(tmp_path: Path) -> None:
    plug = Port(tmp_path / "tty")
    plug.plug()
    line = SerialLine(path=str(plug.path))
    device = scanner_serial.SerialDevice(line)
    with pytest.raises(OSError, match=r"exclusively lock|busy"):
        scanner_serial.SerialDevice(line)
    device.close()
    plug.close()


@pytest.mark.parametrize("framing", ["8N1", "7E1", "8O2"])
def test_a_port_is_set_as_the_configuration_says(framing: str, tmp_path: Path) -> None:
    plug = Port(tmp_path / "tty")
    plug.plug()
    device = scanner_serial.SerialDevice(
        SerialLine(path=str(plug.path), baud=115_200, framing=framing)
    )
    port = device._port
    assert f"{port.bytesize}{port.parity}{port.stopbits}" == framing
    assert port.baudrate == 115_200
    device.close()
    plug.close()
