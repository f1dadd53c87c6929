"""`doorward-controller keys`: how the site's keys stand, a new one, one withdrawn."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from doorward.envelope import key_id_of
from doorward_controller.cli.speaking import (
    AsJson,
    DryRun,
    actor_of,
    backend_of,
    in_columns,
    say,
)
from doorward_controller.domain.site_keys import KeyUse
from doorward_controller.queries import site_keys
from doorward_controller.queries.site_keys import SiteKey, SiteKeys
from doorward_controller.services import key_rotation, key_withdrawal, proposing
from doorward_controller.services.backend import Backend
from doorward_controller.services.key_withdrawal import Withdrawal

keys_app = typer.Typer(no_args_is_help=True, help="Keys of the site.")

KeyName = Annotated[str, typer.Argument(help="8 hex digits, as `keys list` shows them.")]


@keys_app.command("list")
def listed(ctx: typer.Context, json_: AsJson = False) -> None:
    """Every key: what it is for, how it stands, since and until when, what it signed."""
    found = _found(backend_of(ctx))
    lines = [
        (
            each.key_id, each.use, each.state.value, _day(each.since_utc_s),
            _day(each.until_utc_s), f"{each.codes} codes" if each.codes else "",
        )
        for each in found.keys
    ]  # fmt: skip
    spread = found.propagation
    text = in_columns(lines, "")
    text += f"\nkeyring {found.keyring}: at {spread.applied} of {spread.total} gateways"
    for each in found.keys:
        if each.waits_for:
            text += f"\nkey {each.key_id} waits for {each.waits_for} gateways"
    if found.is_overtaken:
        text += "\ngateways hold a newer keyring than this database: make a new key of each use"
    say(json_, _plain(found), text)


@keys_app.command("rotate")
def rotate(
    ctx: typer.Context,
    use: Annotated[KeyUse, typer.Argument(help="What the new key is for.")],
    dry_run: DryRun = False,
    json_: AsJson = False,
) -> None:
    """Make a new key and publish it; it is used once every gateway holds it."""
    backend = backend_of(ctx)
    if dry_run:
        spread = _found(backend).propagation
        text = f"would make a new key for {use.value} and tell {spread.total} gateways of it"
        say(json_, {"use": use.value, "gateways": spread.total, "done": False}, text)
        return
    made = key_rotation.rotate(backend, actor_of(backend), use)
    text = f"key {made.key_id} is made; it is used once every gateway holds keyring {made.keyring}"
    if made.is_in_use:
        text = f"key {made.key_id} is made and in use"
    say(json_, asdict(made) | {"done": True}, text)


@keys_app.command("use")
def use_now(ctx: typer.Context, key: KeyName, json_: AsJson = False) -> None:
    """Use a key that waits; gateways that do not hold it yet refuse what it signs."""
    backend = backend_of(ctx)
    key_rotation.take_up(backend, actor_of(backend), key)
    say(json_, {"key_id": key}, f"key {key} is in use")


@keys_app.command("withdraw")
def withdraw(
    ctx: typer.Context,
    key: KeyName,
    reason: Annotated[str, typer.Option(help="Stands in the audit log.")] = "",
    propose: Annotated[
        bool, typer.Option("--propose", help="Where the site asks for a second person.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: DryRun = False,
    json_: AsJson = False,
) -> None:
    """Withdraw a key for good: nothing that it ever signed counts any more."""
    backend = backend_of(ctx)
    actor = actor_of(backend)
    told = key_withdrawal.preview(backend, actor, key)
    if dry_run:
        say(json_, asdict(told) | {"done": False}, f"would withdraw: {in_words(told)}")
        return
    if propose:
        made = proposing.propose_withdrawal(backend, actor, key, reason)
        say(json_, {"proposal": made.id}, f"proposed: {made.id}; somebody else decides")
        return
    if not yes:
        typer.confirm(f"{in_words(told)}. This cannot be undone. Go on?", abort=True, err=True)
    done = key_withdrawal.withdraw(backend, actor, key, reason, expected=told.codes)
    text = f"key {key} is withdrawn; keyring {done.keyring} says so"
    if done.successor:
        text += f"; key {done.successor} is used in its place"
    say(json_, asdict(done) | {"done": True}, text)


def in_words(told: Withdrawal) -> str:
    """Returns what withdrawing a key would do."""
    if told.use is KeyUse.ISSUE:
        what = f"{told.codes:,} badges of this key will be refused"
    else:
        what = f"nothing that this key for {told.use.value} signed will count"
    after = "; a new key takes its place at once" if told.is_replaced else ""
    return f"{what}, at {told.gateways:,} gateways{after}"


def _found(backend: Backend) -> SiteKeys:
    return site_keys.site_keys(
        backend.store,
        backend.config.site,
        key_id_of(backend.keys.intake_public),
        backend.clock.now().utc_s,
    )


def _plain(found: SiteKeys) -> dict[str, object]:
    spread = found.propagation
    return {
        "keyring": found.keyring,
        "gateways": {"applied": spread.applied, "total": spread.total},
        "waiting": [each.gateway for each in spread.waiting],
        "is_overtaken": found.is_overtaken,
        "keys": [_key(each) for each in found.keys],
    }


def _key(key: SiteKey) -> dict[str, object]:
    return asdict(key) | {"can_be_withdrawn": key.can_be_withdrawn}


def _day(at_utc_s: int | None) -> str:
    return "" if at_utc_s is None else f"{datetime.fromtimestamp(at_utc_s, UTC):%Y-%m-%d}"
