"""The command line: `doorward-controller --config FILE COMMAND`.

Exit status: 0 done, 1 refused or failed (the reason is on standard error), 2 wrong usage; `audit
verify` ends with 3 when the log is broken.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from doorward_controller import logs, wiring
from doorward_controller.cli.audit import audit_app
from doorward_controller.cli.roll_out import roll_out_app
from doorward_controller.config import Config, load_config
from doorward_controller.domain.permissions import Role, local_actor
from doorward_controller.errors import ControllerError
from doorward_controller.queries import operators
from doorward_controller.services import accounts, enrolment, provisioning
from doorward_controller.services.backend import Backend
from doorward_controller.services.enrolment import NewPortal
from doorward_controller.store.upgrade import upgrade

DEFAULT_CONFIG = Path("/etc/doorward/controller.toml")
DAY_S = 86_400


app = typer.Typer(no_args_is_help=True, help="Doorward's controller.")
account = typer.Typer(no_args_is_help=True, help="Accounts of operators.")
gateway = typer.Typer(no_args_is_help=True, help="Gateways.")
app.add_typer(account, name="account")
app.add_typer(gateway, name="gateway")
app.add_typer(audit_app, name="audit")
app.add_typer(roll_out_app, name="roll-out")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def options(
    ctx: typer.Context,
    config: Annotated[Path, typer.Option(help="The settings.")] = DEFAULT_CONFIG,
) -> None:
    """Doorward's controller: intake, console, policy and revocation for gateways."""
    ctx.obj = config


@app.command()
def init(ctx: typer.Context, json_: AsJson = False) -> None:
    """Make keys, tables and the site; what is there stays as it is."""
    config = _config(ctx)
    is_new = wiring.initialise(config)
    text = f"site {config.site} is ready" if is_new else f"site {config.site} was ready already"
    _say(json_, {"site": config.site, "new": is_new}, f"{text}; data in {config.data_dir}")


@app.command()
def migrate(ctx: typer.Context, json_: AsJson = False) -> None:
    """Bring the database to this program's tables."""
    store = wiring.open_store(_config(ctx))
    upgrade(store)
    _say(json_, {"migrated": True}, "the database has this program's tables")


@app.command()
def serve(ctx: typer.Context) -> None:
    """Run intake, console and interface until told to stop."""
    # The web framework costs a second; only this command needs it.
    from doorward_controller import serving  # noqa: PLC0415

    config = _config(ctx)
    logs.set_up(config.logging.level, config.logging.format)
    listening = serving.listen(config.http)
    backend, intakes = wiring.open_server(config)
    serving.serve(backend, intakes, listening)


@app.command()
def check(ctx: typer.Context, json_: AsJson = False) -> None:
    """Say what is missing or wrong, and what mends it; exit 1 when something is."""
    from doorward_controller.checking import check_everything  # noqa: PLC0415

    findings = check_everything(_config(ctx))
    lines = "\n".join(f"{'ok ' if f.is_good else 'BAD'}  {f.what}: {f.text}" for f in findings)
    _say(json_, {"findings": [asdict(finding) for finding in findings]}, lines)
    if not all(finding.is_good for finding in findings):
        raise typer.Exit(1)


@account.command("add")
def account_add(
    ctx: typer.Context,
    name: str,
    role: Annotated[Role, typer.Option()],
    json_: AsJson = False,
) -> None:
    """Make an account. The password is asked for, or read from standard input."""
    backend = _backend(ctx)
    operator_id = accounts.create_operator(
        backend, local_actor(), name=name, password=_password(), role=role
    )
    _say(json_, {"id": operator_id, "name": name}, f"account {name} ({role.value}) was made")


@account.command("password")
def account_password(ctx: typer.Context, name: str, json_: AsJson = False) -> None:
    """Set a new password and end every session of the account."""
    accounts.set_password(_backend(ctx), local_actor(), name, _password())
    _say(json_, {"name": name}, f"account {name} has a new password")


@account.command("token")
def account_token(
    ctx: typer.Context,
    name: str,
    label: Annotated[str, typer.Option(help="What it is for.")],
    days: Annotated[int, typer.Option(min=1, max=366)] = 90,
    json_: AsJson = False,
) -> None:
    """Make a bearer token for programs; it is shown this once."""
    token = accounts.create_token(
        _backend(ctx), local_actor(), operator=name, label=label, lifetime_s=days * DAY_S
    )
    _say(json_, {"token": token}, token)


@account.command("list")
def account_list(ctx: typer.Context, json_: AsJson = False) -> None:
    """List the accounts."""
    rows = operators.all_operators(_backend(ctx).store)
    lines = "\n".join(
        f"{row.name}  {row.role.value}{'  closed' if row.disabled else ''}" for row in rows
    )
    _say(json_, {"accounts": [asdict(row) for row in rows]}, lines)


@account.command("unlock")
def account_unlock(ctx: typer.Context, name: str, json_: AsJson = False) -> None:
    """Open an account that wrong passwords have locked."""
    accounts.unlock_operator(_backend(ctx), local_actor(), name)
    _say(json_, {"name": name}, f"account {name} is unlocked")


@account.command("forget-second-factor")
def account_forget(ctx: typer.Context, name: str, json_: AsJson = False) -> None:
    """Forget authenticator, passkeys and recovery codes of somebody who has lost them."""
    accounts.forget_second_factor(_backend(ctx), local_actor(), name)
    _say(json_, {"name": name}, f"account {name} signs in by its password alone")


@gateway.command("enrol")
def gateway_enrol(
    ctx: typer.Context,
    name: str,
    record_key: Annotated[str, typer.Option(help="Its public record key, 64 hex digits.")],
    portal: Annotated[list[str], typer.Option(help="PORTAL:ZONE; repeatable.")],
    json_: AsJson = False,
) -> None:
    """Let a gateway speak from now on."""
    try:
        key = bytes.fromhex(record_key)
        portals = [NewPortal(portal=p, zone=z) for p, z in (one.split(":") for one in portal)]
    except ValueError as err:
        raise typer.BadParameter(f"record key must be hex, portals PORTAL:ZONE ({err})") from err
    enrolment.enrol_gateway(
        _backend(ctx), local_actor(), gateway=name, record_key=key, portals=portals
    )
    _say(json_, {"gateway": name}, f"gateway {name} is enrolled")


@gateway.command("bootstrap")
def gateway_bootstrap(ctx: typer.Context) -> None:
    """Print what a new gateway must be given, as JSON."""
    given = provisioning.provision(_backend(ctx))
    shown = {k: v.hex() if isinstance(v, bytes) else v for k, v in asdict(given).items()}
    _say(True, shown, "")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def demo(ctx: typer.Context) -> None:
    """Run the whole product on this machine: broker, controller and three simulated gateways."""
    # Loaded only when asked for: it brings half of the gateway along.
    module = import_module("doorward_controller.demo.cli")
    module.demo_app(args=ctx.args, prog_name="doorward-controller demo")


def main() -> None:
    """Runs the command line; what fails on purpose is one sentence on standard error."""
    _in_plain_words(app)


def _in_plain_words(run: Callable[[], Any]) -> None:
    try:
        run()
    except ControllerError as err:
        typer.echo(f"doorward-controller: {err.message}", err=True)
        sys.exit(1)


def _config(ctx: typer.Context) -> Config:
    return load_config(ctx.obj)


def _backend(ctx: typer.Context) -> Backend:
    return wiring.open_backend(_config(ctx))


def _password() -> str:
    if sys.stdin.isatty():
        text: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return text
    return sys.stdin.readline().rstrip("\n")


def _say(as_json: bool, value: dict[str, Any], text: str) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False) if as_json else text)


if __name__ == "__main__":
    main()
