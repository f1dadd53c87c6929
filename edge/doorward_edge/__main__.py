"""`doorward-edge`: the gateway's command line."""

import typer

from doorward_edge.cli.aim import aim
from doorward_edge.cli.bench_test import bench_test
from doorward_edge.cli.check import check
from doorward_edge.cli.decode import decode
from doorward_edge.cli.enrol import enrol
from doorward_edge.cli.muster import muster
from doorward_edge.cli.renew import renew
from doorward_edge.cli.run import run, simulate
from doorward_edge.cli.secure import secure
from doorward_edge.cli.update import update

app = typer.Typer(
    no_args_is_help=True,
    help="The Doorward gateway: reads codes, decides, drives the lock, records.",
)
app.command()(run)
app.command()(simulate)
app.command()(check)
app.command()(decode)
app.command()(aim)
app.command()(muster)
app.command()(secure)
app.command()(bench_test)
app.command()(enrol)
app.command()(renew)
app.add_typer(update, name="update")


def main() -> None:
    """Runs the command that the arguments name."""
    app()


if __name__ == "__main__":
    main()
