"""What systemd would receive, on a real datagram socket."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorward_edge.adapters.watchdog_systemd import SystemdWatchdog


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(5)
        yield listening


def test_every_word_is_one_datagram(manager: socket.socket, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    manager.bind(address)
    watchdog = SystemdWatchdog(address)
    watchdog.ready()
    watchdog.feed()
    watchdog.stopping()
    heard = [manager.recv(100) for _ in range(3)]
    assert heard == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_an_abstract_address_begins_with_an_at_sign(manager: socket.socket, tmp_path: Path) -> None:
    manager.bind(f"\0{tmp_path.name}/doorward")
    SystemdWatchdog(f"@{tmp_path.name}/doorward").feed()
    assert manager.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", [None, "", "/nowhere/notify"])
def test_nobody_who_listens_is_no_error(address: str | None) -> None:
    SystemdWatchdog(address).feed()


def test_a_manager_that_does_not_read_never_holds_us_up(
    manager: socket.socket, tmp_path: Path
) -> None:
    address = str(tmp_path / "notify")
    manager.bind(address)
    watchdog = SystemdWatchdog(address)
    for _ in range(2_000):  # many more than any queue holds; it would block for good
        watchdog.feed()
