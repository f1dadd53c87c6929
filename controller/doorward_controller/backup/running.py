"""Making copies: one snapshot, brought to every place; one place's failure is not another's."""

from collections.abc import Callable
from pathlib import Path

from doorward_controller.backup import snapshot
from doorward_controller.backup.manifest import Manifest
from doorward_controller.backup.places import TAG, repository_of
from doorward_controller.config import BackupTarget
from doorward_controller.errors import BackupError
from doorward_controller.services.backend import Backend
from doorward_controller.store import backups
from doorward_controller.store.backups import Run

Tell = Callable[[str, int, int | None], None]
"""Is told what is being done, and how many bytes of how many are done."""


def run(
    backend: Backend, config_file: Path, tell: Tell, only: str = "", *, is_pruned: bool = True
) -> tuple[Run, ...]:
    """Copies everything to every place, or to one; returns what became of each.

    Raises:
        BackupError: no copy could be made at all. That is noted for every place, too.
    """
    config = backend.config
    targets = [each for each in config.backup.target if only in ("", each.name)]
    began_s = backend.clock.now().utc_s
    try:
        with snapshot.taken(
            config, config_file, began_s, lambda done, of: tell("database", done, of)
        ) as manifest:
            return tuple(
                _bring(backend, target, manifest, tell, is_pruned=is_pruned) for target in targets
            )
    except BackupError as err:
        for target in targets:
            _note(backend, _failed(backend, target, began_s, err))
        raise


def _bring(
    backend: Backend, target: BackupTarget, manifest: Manifest, tell: Tell, *, is_pruned: bool
) -> Run:
    """What was removed as too old is not worth failing a copy that has arrived."""
    config = backend.config
    try:
        place = repository_of(config, target)
        stored = place.backup(
            snapshot.staging(config),
            tag=TAG,
            host=config.site,
            tell=lambda done, of: tell(target.name, done, of),
        )
    except BackupError as err:
        return _note(backend, _failed(backend, target, manifest.made_at_utc_s, err))
    problem = ""
    if is_pruned:
        try:
            place.forget(tag=TAG, keep_days=config.backup.keep_days)
        except BackupError as err:
            problem = f"old copies could not be removed: {err.message}"
    return _note(
        backend,
        Run(
            place=target.name,
            began_at_utc_s=manifest.made_at_utc_s,
            ended_at_utc_s=backend.clock.now().utc_s,
            is_good=True,
            snapshot=stored.snapshot,
            size_bytes=stored.size_bytes,
            added_bytes=stored.added_bytes,
            problem=problem,
        ),
    )


def _failed(backend: Backend, target: BackupTarget, began_s: int, err: BackupError) -> Run:
    return Run(
        place=target.name,
        began_at_utc_s=began_s,
        ended_at_utc_s=backend.clock.now().utc_s,
        is_good=False,
        problem=err.message,
    )


def _note(backend: Backend, made: Run) -> Run:
    with backend.store.write() as connection:
        backups.add_run(connection, made)
    return made
