"""A site with people, records and two places for copies, on either database."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from doorward_controller.backup import places, running
from doorward_controller.config import Backup, BackupTarget
from doorward_controller.ingest.consumer import Consumer
from doorward_controller.services.backend import Backend
from doorward_controller.store.backups import Run
from tests.controller.conftest import enrol, make_config
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import JournalGateway
from tests.fakes.quick_repository import quicken

RECORDS = 40


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "controller.toml"
    path.write_text('site = "main"\n')
    return path


@pytest.fixture(scope="session")
def empty_place(new_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the site's key, made once: restic takes its time for that."""
    folder = tmp_path_factory.mktemp("places") / "empty"
    target = BackupTarget(name="empty", repository=str(folder))
    config = make_config(new_site).model_copy(update={"backup": Backup(target=(target,))})
    repository = places.repository_of(config, target)
    repository.make()
    quicken(folder, repository.password)
    return folder


@pytest.fixture
def kept(backend: Backend, empty_place: Path, tmp_path: Path) -> Backend:
    """The site, with a place on this disk and one elsewhere."""
    for name in ("near", "far"):
        shutil.copytree(empty_place, tmp_path / name)
    targets = tuple(
        BackupTarget(name=name, repository=str(tmp_path / name), is_elsewhere=name == "far")
        for name in ("near", "far")
    )
    config = backend.config.model_copy(update={"backup": Backup(target=targets)})
    return replace(backend, config=config)


@pytest.fixture
def gateway(kept: Backend, link: FakeLink) -> JournalGateway:
    """A gateway whose first records are stored."""
    made = enrol(kept)
    made.append_scans(RECORDS)
    take_in(kept, link, made, 1, RECORDS)
    return made


def take_in(
    backend: Backend, link: FakeLink, gateway: JournalGateway, first: int, last: int
) -> None:
    """Has the controller store these records."""
    consumer = Consumer(backend)
    consumer.offer(link.inbound(gateway.topic(), gateway.wire(first, last)))
    assert consumer.turn(0)


@pytest.fixture
def run(kept: Backend, config_file: Path) -> Callable[[], tuple[Run, ...]]:
    return lambda: running.run(kept, config_file, lambda _what, _done, _of: None)
