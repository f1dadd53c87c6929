"""`doorward-controller account`: who signs in, with which role, and what was forgotten."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from doorward_controller.cli.speaking import AsJson, actor_of, backend_of, in_columns, say
from doorward_controller.domain.permissions import Action, Role
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import operators
from doorward_controller.services import accounts, outside_accounts, tokens

DAY_S = 86_400

account_app = typer.Typer(no_args_is_help=True, help="Accounts of operators.")


@account_app.command("add")
def add(
    ctx: typer.Context,
    name: str,
    role: Annotated[Role, typer.Option()],
    zone: Annotated[
        list[str] | None,
        typer.Option(help="Limited to this zone; repeatable. Nothing said: the whole site."),
    ] = None,
    json_: AsJson = False,
) -> None:
    """Make an account. The password is asked for, or read from standard input."""
    backend = backend_of(ctx)
    operator_id = accounts.create_operator(
        backend,
        actor_of(backend),
        name=name,
        password=_password(),
        role=role,
        zones=frozenset(zone) if zone else None,
    )
    say(json_, {"id": operator_id, "name": name}, f"account {name} ({role.value}) was made")


@account_app.command("list")
def listed(ctx: typer.Context, json_: AsJson = False) -> None:
    """List the accounts."""
    rows = operators.all_operators(backend_of(ctx).store)
    lines = [
        (row.name, row.role.value, _where(row.zones), _state(row), _factors(row)) for row in rows
    ]
    say(json_, {"accounts": [asdict(row) for row in rows]}, in_columns(lines, "no account yet"))


@account_app.command("password")
def password(ctx: typer.Context, name: str, json_: AsJson = False) -> None:
    """Set a new password and end every session of the account."""
    backend = backend_of(ctx)
    accounts.set_password(backend, actor_of(backend), name, _password())
    say(json_, {"name": name}, f"account {name} has a new password")


@account_app.command("role")
def role_(ctx: typer.Context, name: str, role: Role, json_: AsJson = False) -> None:
    """Give somebody another role; their sessions and tokens end."""
    backend = backend_of(ctx)
    accounts.change_role(backend, actor_of(backend), name, role)
    say(json_, {"name": name, "role": role.value}, f"account {name} is {role.value} now")


@account_app.command("zones")
def zones_(
    ctx: typer.Context,
    name: str,
    zones: Annotated[list[str] | None, typer.Argument(help="The zones to limit it to.")] = None,
    whole_site: Annotated[bool, typer.Option("--whole-site", help="Limit it to nothing.")] = False,
    json_: AsJson = False,
) -> None:
    """Limit somebody to zones, or to nothing; their sessions and tokens end."""
    if whole_site is bool(zones):
        raise typer.BadParameter("name the zones, or say --whole-site")
    backend = backend_of(ctx)
    wanted = None if whole_site else frozenset(zones or ())
    accounts.change_zones(backend, actor_of(backend), name, wanted)
    held = None if wanted is None else tuple(sorted(wanted))
    said = "has the whole site" if held is None else f"is limited to {_where(held)}"
    say(json_, {"name": name, "zones": held}, f"account {name} {said}")


@account_app.command("close")
def close(ctx: typer.Context, name: str, json_: AsJson = False) -> None:
    """Close an account: signed out at once, tokens ended."""
    backend = backend_of(ctx)
    accounts.disable_operator(backend, actor_of(backend), name)
    say(json_, {"name": name}, f"account {name} is closed")


@account_app.command("open")
def open_(ctx: typer.Context, name: str, json_: AsJson = False) -> None:
    """Open a closed account again; its first password is drawn and printed this once."""
    backend = backend_of(ctx)
    drawn = accounts.reopen_operator(backend, actor_of(backend), name)
    say(json_, {"name": name, "password": drawn}, f"account {name} is open; password: {drawn}")


@account_app.command("unlock")
def unlock(ctx: typer.Context, name: str, json_: AsJson = False) -> None:
    """Open an account that wrong passwords have locked."""
    backend = backend_of(ctx)
    accounts.unlock_operator(backend, actor_of(backend), name)
    say(json_, {"name": name}, f"account {name} is unlocked")


@account_app.command("forget-second-factor")
def forget(ctx: typer.Context, name: str, json_: AsJson = False) -> None:
    """Forget authenticator, passkeys and recovery codes of somebody who has lost them."""
    backend = backend_of(ctx)
    accounts.forget_second_factor(backend, actor_of(backend), name)
    say(json_, {"name": name}, f"account {name} signs in by its password alone")


@account_app.command("invite")
def invite(ctx: typer.Context, name: str, json_: AsJson = False) -> None:
    """Make a link by which somebody links their account at the provider ([oidc]); shown once."""
    backend = backend_of(ctx)
    token = outside_accounts.invite(backend, actor_of(backend), name)
    link = f"{backend.config.http.origin}/invited/{token}"
    say(json_, {"name": name, "link": link}, link)


@account_app.command("unlink")
def unlink(ctx: typer.Context, name: str, json_: AsJson = False) -> None:
    """Forget somebody's account at the provider; their sessions end."""
    backend = backend_of(ctx)
    outside_accounts.unlink(backend, actor_of(backend), name)
    say(json_, {"name": name}, f"account {name} is linked to no account at the provider")


@account_app.command("token")
def token(
    ctx: typer.Context,
    name: str,
    label: Annotated[str, typer.Option(help="What it is for.")],
    days: Annotated[int, typer.Option(min=1, max=366)] = 90,
    may: Annotated[
        list[Action] | None,
        typer.Option(help="What it may do; repeatable. Nothing said: all that the role may."),
    ] = None,
    zone: Annotated[
        list[str] | None,
        typer.Option(help="Where it may; repeatable. Nothing said: wherever its owner may."),
    ] = None,
    json_: AsJson = False,
) -> None:
    """Make a bearer token for programs; it is shown this once."""
    backend = backend_of(ctx)
    made = tokens.create_token(
        backend, actor_of(backend), operator=name, label=label,
        lifetime_s=days * DAY_S, scope=may or (), zones=frozenset(zone) if zone else None,
    )  # fmt: skip
    say(json_, {"token": made}, made)


@account_app.command("tokens")
def token_list(ctx: typer.Context, name: str, json_: AsJson = False) -> None:
    """List an account's tokens."""
    store = backend_of(ctx).store
    if operators.one_operator(store, name) is None:
        raise NotFoundError(f"there is no account {name[:40]!r}", code="no_account")
    rows = operators.tokens_of(store, name)
    lines = [
        (row.handle, row.label, "" if row.zones is None else _where(row.zones)) for row in rows
    ]
    say(json_, {"tokens": [asdict(row) for row in rows]}, in_columns(lines, "no token"))


def _where(zones: tuple[str, ...] | None) -> str:
    return "whole site" if zones is None else " ".join(zones)


def _state(row: operators.OperatorRow) -> str:
    if row.disabled:
        return "closed"
    return "first password" if row.must_change else "open"


def _factors(row: operators.OperatorRow) -> str:
    held = (("authenticator", row.has_authenticator), ("passkey", row.has_passkey))
    return ", ".join(name for name, has in held if has)


def _password() -> str:
    if sys.stdin.isatty():
        text: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return text
    return sys.stdin.readline().rstrip("\n")
