"""`doorward-controller release`: make, sign, publish and look over releases (docs/updates.md).

`init-keys` and `sign` need neither settings nor a database: they are for machines that are never
connected. The pass phrase is asked for, or is in the environment.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from doorward_controller.cli.speaking import (
    AsJson,
    actor_of,
    backend_of,
    config_of,
    in_columns,
    say,
)
from doorward_controller.clock import SystemClock
from doorward_controller.errors import ConfigError
from doorward_controller.releases import checking, publishing, staging
from doorward_controller.releases.carrying import carry
from doorward_controller.releases.publishing import Standing, Waiting
from doorward_controller.releases.signing_keys import (
    load_public,
    load_signer,
    make_key,
    signer_of_seed,
)
from doorward_controller.releases.staging import Signatories
from doorward_controller.services import software
from doorward_controller.services.backend import Backend

PASS_PHRASE = "DOORWARD_RELEASE_PASS_PHRASE"  # noqa: S105 - where one is found, not one

Public = Annotated[list[Path], typer.Option(help="A public key (.pub); repeatable.")]
Threshold = Annotated[int, typer.Option(min=2, help="So many of them must sign.")]

release_app = typer.Typer(no_args_is_help=True, help="Releases: signed by people, then served.")


@release_app.command("init-keys")
def init_keys(files: list[Path], json_: AsJson = False) -> None:
    """Make keys on a machine that stays offline; one file for each person and duty."""
    made = [make_key(path, _pass_phrase(path, is_new=True)) for path in files]
    lines = "\n".join(
        f"{path}: keep it apart from the others; give away {pub}"
        for path, pub in zip(files, made, strict=True)
    )
    say(json_, {"public": [str(path) for path in made]}, lines)


@release_app.command("init")
def init(
    ctx: typer.Context,
    root: Public,
    targets: Public,
    root_threshold: Threshold = 2,
    targets_threshold: Threshold = 2,
    json_: AsJson = False,
) -> None:
    """Stage the first root and targets; they count when enough people have signed."""
    backend = backend_of(ctx)
    who = _who(backend, root, targets, root_threshold, targets_threshold)
    staging.stage_first(software.folder_of(backend.config), who, _now(backend))
    _say_waiting(json_, publishing.waiting(software.folder_of(backend.config)), backend)


@release_app.command("add")
def add(ctx: typer.Context, files: list[Path], json_: AsJson = False) -> None:
    """Stage releases; whoever signs sees them in staged/targets.json."""
    backend = backend_of(ctx)
    software.add(backend, actor_of(backend), files)
    _say_waiting(json_, publishing.waiting(software.folder_of(backend.config)), backend)


@release_app.command("withdraw")
def withdraw(ctx: typer.Context, paths: list[str], json_: AsJson = False) -> None:
    """Stage the releases without some, named as `release list` names them."""
    backend = backend_of(ctx)
    software.withdraw(backend, actor_of(backend), paths)
    _say_waiting(json_, publishing.waiting(software.folder_of(backend.config)), backend)


@release_app.command("renew")
def renew(
    ctx: typer.Context,
    role: Annotated[str, typer.Argument(help="root or targets")],
    root: Annotated[list[Path] | None, typer.Option(help="Other keys for the root.")] = None,
    targets: Annotated[list[Path] | None, typer.Option(help="Other keys for targets.")] = None,
    root_threshold: Threshold = 2,
    targets_threshold: Threshold = 2,
    json_: AsJson = False,
) -> None:
    """Stage the next root or targets, before those of now expire or because a key is lost."""
    backend = backend_of(ctx)
    folder, now = software.folder_of(backend.config), _now(backend)
    if role == "targets":
        staging.stage_targets(folder, now)
    elif role == "root":
        if bool(root) != bool(targets):
            raise ConfigError("give both --root and --targets keys, or neither")
        who = _who(backend, root, targets, root_threshold, targets_threshold) if root else None
        staging.stage_root(folder, who, now)
    else:
        raise ConfigError(f"{role[:20]!r} is neither root nor targets")
    _say_waiting(json_, publishing.waiting(folder), backend)


@release_app.command("sign")
def sign(
    file: Annotated[Path, typer.Argument(help="A copy of staged/root.json or targets.json.")],
    key: Annotated[Path, typer.Option(help="Made by `release init-keys`.")],
    json_: AsJson = False,
) -> None:
    """Add a signature to a staged file, on a machine that stays offline."""
    number = staging.sign(file, load_signer(key, _pass_phrase(key, is_new=False)))
    say(json_, {"signatures": number}, f"{file}: {number} signatures; bring it back to staged/")


@release_app.command("publish")
def publish(ctx: typer.Context, json_: AsJson = False) -> None:
    """Publish what enough people have signed; say what still waits."""
    backend = backend_of(ctx)
    _say_waiting(json_, software.publish(backend, actor_of(backend)), backend)


@release_app.command("refresh")
def refresh(ctx: typer.Context, json_: AsJson = False) -> None:
    """Say now that what is newest is newest; a running server does this by itself."""
    backend = backend_of(ctx)
    folder, signer = software.folder_of(backend.config), signer_of_seed(backend.keys.releases)
    publishing.refresh(folder, signer, _now(backend))
    say(json_, {"refreshed": True}, "gateways are told for one more day what is newest")


@release_app.command("list")
def listed(ctx: typer.Context, json_: AsJson = False) -> None:
    """Which releases there are, what waits, and when whose word expires."""
    found = publishing.standing(software.folder_of(config_of(ctx)))
    say(json_, _plain(found), _text(found))


@release_app.command("verify")
def verify(ctx: typer.Context, json_: AsJson = False) -> None:
    """Look at every signature, date and file as a gateway will; exit 1 when one is wrong."""
    now = datetime.fromtimestamp(SystemClock().now().utc_s, tz=UTC)
    found = list(checking.faults(software.folder_of(config_of(ctx)), now))
    say(json_, {"faults": found}, "\n".join(found) or "every signature, date and file is right")
    if found:
        raise typer.Exit(1)


@release_app.command("export")
def export(ctx: typer.Context, to: Path, json_: AsJson = False) -> None:
    """Copy what is served into a folder, as a stick for a gateway without a network."""
    number = carry(software.folder_of(config_of(ctx)), to)
    say(json_, {"copied": number}, f"{number} files copied to {to}; they are good for a day")


def _who(
    backend: Backend,
    root: list[Path] | None,
    targets: list[Path] | None,
    root_threshold: int,
    targets_threshold: int,
) -> Signatories:
    return Signatories(
        root=[load_public(path) for path in root or ()],
        root_threshold=root_threshold,
        targets=[load_public(path) for path in targets or ()],
        targets_threshold=targets_threshold,
        online=signer_of_seed(backend.keys.releases).public_key,
    )


def _pass_phrase(path: Path, *, is_new: bool) -> str:
    given = os.environ.get(PASS_PHRASE)
    if given is not None:
        return given
    text = f"Pass phrase of {path}"
    return str(typer.prompt(text, hide_input=True, confirmation_prompt=is_new))


def _now(backend: Backend) -> datetime:
    return datetime.fromtimestamp(backend.clock.now().utc_s, tz=UTC)


def _say_waiting(json_: bool, waits: tuple[Waiting, ...], backend: Backend) -> None:
    staged = software.folder_of(backend.config).staged
    lines = [f"{each.text}; sign {staged / f'{each.role}.json'}" for each in waits]
    plain = [
        {"role": w.role, "version": w.version, "signed": w.signed, "needed": w.needed}
        for w in waits
    ]
    say(json_, {"waiting": plain}, "\n".join(lines) or "everything is published")


def _plain(found: Standing) -> dict[str, object]:
    return {
        "releases": [
            {
                **each.release.to_plain(),
                "path": each.release.path,
                "sha256": each.sha256,
                "length": each.length,
            }
            for each in found.releases
        ],
        "waiting": [each.text for each in found.waiting],
        "expires": {role: when.isoformat() for role, when in found.expires.items()},
    }


def _text(found: Standing) -> str:
    rows = [
        (
            each.release.version,
            each.release.part.value,
            each.release.platform,
            f"{each.length // 2**20} MiB",
            each.release.path,
        )
        for each in found.releases
    ]
    waits = [f"waits: {each.text}" for each in found.waiting]
    ends = [
        f"{role} is good until {when:%Y-%m-%d %H:%M} UTC" for role, when in found.expires.items()
    ]
    return "\n".join((in_columns(rows, "there is no release"), *waits, *ends))
