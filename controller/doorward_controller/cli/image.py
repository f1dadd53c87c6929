"""`doorward-controller image`: what a fresh card is told at its first start."""

from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from doorward_controller.cli.speaking import AsJson, say
from doorward_controller.domain.first_boot import EnrolMode, Seed, files, public_keys
from doorward_controller.errors import ConfigError

image_app = typer.Typer(no_args_is_help=True, help="Cards for new gateways.")


@image_app.callback()
def group() -> None:
    """Cards for new gateways."""


@image_app.command("seed")
def seed(
    hostname: Annotated[str, typer.Argument(help="The card's name on the network.")],
    into: Annotated[Path, typer.Option(help="Its boot partition, or any folder.")],
    ssh_key: Annotated[
        list[Path], typer.Option(help="A file with public keys that may sign in; repeatable.")
    ],
    account: Annotated[str, typer.Option(help="Who signs in, by key alone.")] = "installer",
    enrol: Annotated[
        EnrolMode, typer.Option(help="Wait for a claim at the camera, or leave that for later.")
    ] = EnrolMode.LATER,
    address: Annotated[str, typer.Option(help="As 10.0.4.21/24; else the network's.")] = "",
    router: Annotated[str, typer.Option(help="With an address.")] = "",
    name_server: Annotated[list[str] | None, typer.Option(help="With an address.")] = None,
    time_zone: Annotated[str, typer.Option(help="As Asia/Shanghai.")] = "Etc/UTC",
    json_: AsJson = False,
) -> None:
    """Write user-data, meta-data and network-config of cloud-init; no password is set anywhere."""
    try:
        keys = public_keys([path.read_text("utf-8") for path in ssh_key])
        told = Seed(
            hostname=hostname,
            account=account,
            ssh_keys=keys,
            enrol=enrol,
            address=address,
            gateway=router,
            name_servers=tuple(name_server or ()),
            time_zone=time_zone,
        )
        for name, text in files(told, f"doorward-{hostname}-{uuid4().hex[:8]}").items():
            (into / name).write_text(text, "utf-8")
    except OSError as err:
        raise ConfigError(f"{err.filename}: {err.strerror}") from err
    written = [str(into / name) for name in ("user-data", "meta-data", "network-config")]
    say(json_, {"written": written}, "\n".join(written))
