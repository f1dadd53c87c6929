"""Booted machines for the tests of this folder. They run when asked for: `make test-provision`."""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.provision.machines import House, house
from tests.provision.site import Site, installed_site

NEEDED = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "slirp4netns": "slirp4netns",
    "nft": "nftables",
    "ssh": "openssh-client",
    "nsenter": "util-linux",
    "ip": "iproute2",
}
"""Programs, and Debian's packages that bring them."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes longer unless it is asked for."""
    if not config.getoption("--provision-full"):
        items[:] = [item for item in items if not item.get_closest_marker("full")]


def lacking() -> list[str]:
    """What this machine lacks to boot others, each in words."""
    found = [f"{p} ({package})" for p, package in NEEDED.items() if shutil.which(p) is None]
    if os.geteuid() != 0:
        found.append("root's rights")
    return found


@pytest.fixture(scope="session")
def houses() -> Iterator[House]:
    """One network for the machines of all tests of a run."""
    if lacks := lacking():
        pytest.fail(f"no machine can be booted here without {', '.join(lacks)}")
    with house() as opened:
        yield opened


@pytest.fixture(scope="session")
def site(houses: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on two machines that were bare; tests are about it in the order of their files."""
    made = installed_site(houses, tmp_path_factory.mktemp("installer"))
    assert made.played.status == 0, made.played.said[-6000:]
    yield made
    for machine in (made.gate, made.server):
        houses.halted(machine)
