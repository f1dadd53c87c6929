"""Releases of the software: published by people, kept fresh by a job."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from doorward.software import Part, Release
from doorward_controller.config import Config
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.errors import ConflictError, InvalidError
from doorward_controller.releases import publishing, staging
from doorward_controller.releases.errors import ReleaseError
from doorward_controller.releases.folder import Folder
from doorward_controller.releases.publishing import Standing, Waiting
from doorward_controller.releases.signing_keys import signer_of_seed
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend

FOLDER = "releases"

_log = logging.getLogger(__name__)


def folder_of(config: Config) -> Folder:
    """Returns where this controller's releases lie."""
    return Folder(root=config.data_dir / FOLDER)


def standing(backend: Backend) -> Standing:
    """Returns which releases there are, and what waits for signatures. Raises ReleaseError."""
    return publishing.standing(folder_of(backend.config))


def versions(backend: Backend) -> tuple[str, ...]:
    """Returns which releases of the gateway there are, newest first. Raises InvalidError."""
    try:
        found = publishing.releases(folder_of(backend.config))
    except ReleaseError as err:
        raise InvalidError(err.message, code=err.code) from err
    gateways = (each.release for each in found if each.release.part is Part.GATEWAY)
    return tuple(dict.fromkeys(str(release.version) for release in gateways))


def add(backend: Backend, actor: Actor, files: Sequence[Path]) -> tuple[Release, ...]:
    """Stages releases; nobody fetches them until enough people have signed.

    Raises ForbiddenError or ConflictError.
    """
    subject = ", ".join(path.name for path in files)[:100]
    with act(backend, actor, Action.ROLL_OUT, name="stage_releases", subject=subject):
        try:
            return staging.stage_targets(folder_of(backend.config), _now(backend), add=files)
        except ReleaseError as err:
            raise ConflictError(err.message, code=err.code) from err


def withdraw(backend: Backend, actor: Actor, paths: Sequence[str]) -> None:
    """Stages targets without some releases. Raises ForbiddenError or ConflictError."""
    subject = ", ".join(paths)[:100]
    with act(backend, actor, Action.ROLL_OUT, name="withdraw_releases", subject=subject):
        try:
            staging.stage_targets(folder_of(backend.config), _now(backend), remove=paths)
        except ReleaseError as err:
            raise ConflictError(err.message, code=err.code) from err


def publish(backend: Backend, actor: Actor) -> tuple[Waiting, ...]:
    """Publishes what enough people have signed; returns what still waits.

    Raises ForbiddenError or ConflictError.
    """
    folder = folder_of(backend.config)
    with act(backend, actor, Action.ROLL_OUT, name="publish_releases") as doing:
        try:
            waits = publishing.publish(folder, signer_of_seed(backend.keys.releases), _now(backend))
        except ReleaseError as err:
            raise ConflictError(err.message, code=err.code) from err
        doing.detail.update(
            root=folder.newest_version("root"),
            targets=folder.newest_version("targets"),
            waiting="; ".join(each.text for each in waits) or None,
        )
    return waits


def refresh(backend: Backend) -> int:
    """Says anew which releases are newest, when that is due; returns how often it said so."""
    folder = folder_of(backend.config)
    if not folder.newest_version("targets"):
        return 0
    signer = signer_of_seed(backend.keys.releases)
    try:
        return int(publishing.refresh(folder, signer, _now(backend)))
    except ReleaseError as err:
        _log.warning("releases.not_refreshed error=%s", err)
        return 0


def _now(backend: Backend) -> datetime:
    return datetime.fromtimestamp(backend.clock.now().utc_s, tz=UTC)
