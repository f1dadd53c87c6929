"""`doorward-controller broker`: what the site's own Mosquitto is given."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from doorward_controller.broker.access import AccessRules
from doorward_controller.broker.configuration import BrokerFiles
from doorward_controller.broker.dynamic_security import find_plugin
from doorward_controller.broker.preparing import BrokerPlan, prepare
from doorward_controller.cli.speaking import AsJson, config_of, say
from doorward_controller.clock import SystemClock
from doorward_controller.config import Config
from doorward_controller.errors import ConfigError

broker_app = typer.Typer(no_args_is_help=True, help="The site's own broker.")

Names = Annotated[
    list[str], typer.Option("--name", help="Host or address that it is reached by; repeatable.")
]


@broker_app.callback()
def group() -> None:
    """The site's own broker."""


@broker_app.command("prepare")
def prepared(
    ctx: typer.Context,
    name: Names,
    listen: Annotated[str, typer.Option(help="Address to listen on.")] = "0.0.0.0",  # noqa: S104  # gateways come from other machines
    installed: Annotated[
        Path,
        # It is the broker's, and need not be readable to whoever prepares it.
        typer.Option(readable=False, help="The broker's own folder, where its files will lie."),
    ] = Path("/etc/mosquitto/doorward"),
    years: Annotated[int, typer.Option(min=1, max=30, help="A new authority lasts.")] = 15,
    json_: AsJson = False,
) -> None:
    """Make authority, certificates, rules and settings of a Mosquitto; what is there stays."""
    config = config_of(ctx)
    plan = _plan(config, tuple(name), listen, installed, years)
    now = datetime.fromtimestamp(SystemClock().now().utc_s, UTC)
    made = [str(path) for path in prepare(plan, now)]
    folder = plan.rules_file.parent
    text = "\n".join(made) or "everything was there already"
    say(json_, {"made": made, "folder": str(folder)}, text)


def _plan(
    config: Config, names: tuple[str, ...], listen: str, installed: Path, years: int
) -> BrokerPlan:
    authority, rules = config.broker.authority_dir, config.broker.access_file
    if authority is None or rules is None:
        raise ConfigError(
            "broker.authority_dir and broker.access_file must be set: that is where it is made"
        )
    wanted = authority / f"{config.mqtt.client_id}.pem"
    if config.mqtt.cert_file != wanted:
        raise ConfigError(f"mqtt.cert_file is {config.mqtt.cert_file}, will be made as {wanted}")
    controllers = (config.mqtt.client_id, *config.broker.more_controllers)
    return BrokerPlan(
        authority_dir=authority,
        rules_file=rules,
        rules=AccessRules(site=config.site, controllers=controllers),
        controllers=controllers,
        names=names,
        host=listen,
        port=config.mqtt.port,
        installed=_installed(installed),
        run_as="mosquitto",
        valid_for=timedelta(days=365 * years),
    )


def _installed(folder: Path) -> BrokerFiles:
    state = Path("/var/lib/mosquitto")
    return BrokerFiles(
        ca_file=folder / "ca.pem",
        certificate_file=folder / "server.pem",
        key_file=folder / "server-key.pem",
        crl_file=folder / "crl.pem",
        acl_file=folder / "access",
        state_dir=state,
        pid_file=Path("/run/mosquitto/mosquitto.pid"),
        plugin=find_plugin(),
        plugin_file=state / "dynamic-security.json",
    )
