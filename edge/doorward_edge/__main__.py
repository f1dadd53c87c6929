"""`doorward-edge`: the gateway's command line."""

from collections.abc import Mapping
from typing import ClassVar

import typer

from doorward_edge.cli.on_demand import OnDemand


class Commands(OnDemand):
    """What the gateway can be asked for; a start loads no more than it needs."""

    places: ClassVar[Mapping[str, str]] = {
        "run": "doorward_edge.cli.run:run",
        "simulate": "doorward_edge.cli.run:simulate",
        "check": "doorward_edge.cli.check:check",
        "decode": "doorward_edge.cli.decode:decode",
        "aim": "doorward_edge.cli.aim:aim",
        "muster": "doorward_edge.cli.muster:muster",
        "secure": "doorward_edge.cli.secure:secure",
        "bench-test": "doorward_edge.cli.bench_test:bench_test",
        "enrol": "doorward_edge.cli.enrol:enrol",
        "renew": "doorward_edge.cli.renew:renew",
        "update": "doorward_edge.cli.update:update",
    }


app = typer.Typer(cls=Commands, no_args_is_help=True)


@app.callback()
def gateway() -> None:
    """The Doorward gateway: reads codes, decides, drives the lock, records."""


def main() -> None:
    """Runs the command that the arguments name."""
    app()


if __name__ == "__main__":
    main()
