"""The command line: `doorward-controller --config FILE COMMAND`.

Exit status: 0 done, 1 refused or failed (the reason is on standard error), 2 wrong usage; `audit
verify` ends with 3 when the log is broken.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from doorward_controller import logs, wiring
from doorward_controller.cli.on_demand import OnDemand
from doorward_controller.cli.speaking import AsJson, config_of, say
from doorward_controller.config import one_of_many
from doorward_controller.errors import ControllerError
from doorward_controller.store.upgrade import upgrade
from doorward_controller.wiring import ServeRole

DEFAULT_CONFIG = Path("/etc/doorward/controller.toml")


class Commands(OnDemand):
    """Groups of commands; a start loads the one that is asked for."""

    places: ClassVar[Mapping[str, str]] = {
        "account": "doorward_controller.cli.accounts:account_app",
        "gateway": "doorward_controller.cli.gateways:gateway_app",
        "enrol": "doorward_controller.cli.enrolling:enrol_app",
        "badge": "doorward_controller.cli.badges:badge_app",
        "policy": "doorward_controller.cli.policy:policy_app",
        "keys": "doorward_controller.cli.keys:keys_app",
        "roll-out": "doorward_controller.cli.roll_out:roll_out_app",
        "release": "doorward_controller.cli.releases:release_app",
        "alert": "doorward_controller.cli.alerts:alert_app",
        "order": "doorward_controller.cli.orders:order_app",
        "records": "doorward_controller.cli.records:records_app",
        "sums": "doorward_controller.cli.sums:sums_app",
        "retention": "doorward_controller.cli.retention:retention_app",
        "audit": "doorward_controller.cli.audit:audit_app",
        "broker": "doorward_controller.cli.broker:broker_app",
        "backup": "doorward_controller.cli.backup:backup_app",
        "recovery": "doorward_controller.cli.recovery:recovery_app",
        "image": "doorward_controller.cli.image:image_app",
    }


app = typer.Typer(cls=Commands, no_args_is_help=True, help="Doorward's controller.")


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
    config = config_of(ctx)
    is_new = wiring.initialise(config)
    text = f"site {config.site} is ready" if is_new else f"site {config.site} was ready already"
    say(json_, {"site": config.site, "new": is_new}, f"{text}; data in {config.data_dir}")


@app.command()
def migrate(ctx: typer.Context, json_: AsJson = False) -> None:
    """Bring the database to this program's tables."""
    store = wiring.open_store(config_of(ctx))
    upgrade(store)
    say(json_, {"migrated": True}, "the database has this program's tables")


@app.command()
def serve(
    ctx: typer.Context,
    role: Annotated[
        ServeRole,
        typer.Option(help="One process of many, on PostgreSQL: pages and interface, or intake."),
    ] = ServeRole.ALL,
    identity: Annotated[
        str,
        typer.Option(help="Speak to the broker by this certificate, beside the configured one."),
    ] = "",
    http_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Instead of http.port; 0 for that.")
    ] = 0,
) -> None:
    """Run intake, console and interface until told to stop."""
    # The web framework costs a second; only this command needs it.
    from doorward_controller import door_serving, serving  # noqa: PLC0415

    config = one_of_many(config_of(ctx), identity=identity, http_port=http_port)
    logs.set_up(config.logging.level, config.logging.format)
    with serving.alone(config):
        if role is ServeRole.INGEST:
            backend, intakes = wiring.open_server(config, role=role)
            serving.serve_intake(intakes, backend)
            return
        listening = serving.listen(config.http)
        backend, intakes = wiring.open_server(config, role=role)
        door = door_serving.open_door(backend, wiring.certifier_of(config))
        serving.serve(backend, intakes, listening, door=door)


@app.command()
def check(ctx: typer.Context, json_: AsJson = False) -> None:
    """Say what is missing or wrong, and what mends it; exit 1 when something is."""
    from doorward_controller.checking import check_everything  # noqa: PLC0415

    findings = check_everything(config_of(ctx))
    lines = "\n".join(f"{'ok ' if f.is_good else 'BAD'}  {f.what}: {f.text}" for f in findings)
    say(json_, {"findings": [asdict(finding) for finding in findings]}, lines)
    if not all(finding.is_good for finding in findings):
        raise typer.Exit(1)


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


if __name__ == "__main__":
    main()
