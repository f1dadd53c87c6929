"""A publisher, and what a gateway sees of its releases."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doorward_edge.updating.catalogue import Catalogue
from doorward_edge.updating.fetching import RepositoryFetcher
from tests.fakes.release_repository import PLATFORM, Publisher

Looking = Callable[..., Catalogue]


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: what is told here is which steps, not how slow."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="doorward-") as folder:
        yield Path(folder)


@pytest.fixture
def publisher(quick: Path) -> Publisher:
    return Publisher(root=quick / "repository").begin()


@pytest.fixture
def pinned(tmp_path: Path, publisher: Publisher) -> Path:
    path = tmp_path / "root.json"
    path.write_bytes(publisher.first_root)
    return path


@pytest.fixture
def looking(tmp_path: Path, pinned: Path) -> Looking:
    """Makes a fresh look at a repository; what was seen before is on the disk."""

    def look(url: str, mono_s: Callable[[], float] = lambda: 0.0, gap_s: float = 5) -> Catalogue:
        return Catalogue(
            url=url,
            root=pinned,
            state_dir=tmp_path / "state",
            fetcher=RepositoryFetcher("", mono_s, gap_s),
            platform=PLATFORM,
        )

    return look
