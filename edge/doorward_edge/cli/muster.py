"""`doorward-edge muster`: who is inside, asked of this gateway alone."""

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import typer

from doorward.errors import DoorwardError
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.cli.options import DEFAULT_CONFIG
from doorward_edge.config import ConfigError, EdgeConfig, load_config
from doorward_edge.presence_wiring import kept_roll, socket_path

ANSWER_S = 10.0
EXIT_UNKNOWN = 1
EXIT_CONFIG = 2


def muster(
    config: Path = typer.Option(DEFAULT_CONFIG, help="The gateway's edge.toml."),
    json_output: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Says who is inside by zone, since when, and how certain that is.

    Credentials only: a gateway knows no names. Works without controller and broker. Where the
    gateway does not run, it is what it knew when it last did. Exit status 1 when nothing is known.
    """
    try:
        loaded = load_config(config)
    except ConfigError as err:
        _give_up(str(err), EXIT_CONFIG)
    try:
        called = ask(loaded) or kept_roll(loaded, SystemClock(loaded.clock.source)).to_json()
    except (DoorwardError, OSError) as err:
        _give_up(str(err), EXIT_UNKNOWN)
    if json_output:
        print(json.dumps(called, ensure_ascii=False))
    else:
        _print(called)


def ask(config: EdgeConfig) -> dict[str, Any] | None:
    """Returns what the running gateway says, or None where none runs.

    Raises:
        OSError: it runs, and does not answer.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_S)
        try:
            line.connect(str(socket_path(config)))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        line.sendall(b'{"do": "muster"}\n')
        answer: dict[str, Any] = json.loads(line.makefile("rb").readline() or b"{}")
    if not answer.pop("ok", False):
        raise OSError(f"the gateway did not answer: {answer.get('error', 'it hung up')}")
    return answer


def _print(called: dict[str, Any]) -> None:
    # Not at the top: `run` and `simulate` are in the same program and print no tables.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    console = Console(highlight=False)
    if not called["is_running"]:
        console.print(f"{called['gateway']} does not run: this is what it knew when it last did")
    for zone in called["zones"]:
        console.print(f"[bold]{zone['zone']}[/]: {len(zone['people'])} inside, {_certainty(zone)}")
        table = Table(box=None, pad_edge=False, header_style="dim")
        for head in ("credential", "since", "seen by"):
            table.add_column(head)
        for one in zone["people"]:
            who = one["credential"] or f"({one['token']})"
            table.add_row(who, _when(one["since"]), one["seen_by"])
        if zone["people"]:
            console.print(table)
    if not called["zones"]:
        console.print("no zone is known")


def _certainty(zone: dict[str, Any]) -> str:
    if zone["is_certain"]:
        return "certain"
    why = []
    if not zone["is_complete"]:
        why.append("not all of what was seen before is known here")
    if zone["unheard"]:
        since = f" since {_when(zone['as_of'])}" if zone["as_of"] else ""
        why.append(f"nothing is heard of {', '.join(zone['unheard'])}{since}")
    return f"not certain: {'; '.join(why) or 'the gateway does not run'}"


def _when(utc_s: int) -> str:
    return datetime.fromtimestamp(utc_s, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _give_up(message: str, status: int) -> NoReturn:
    typer.echo(f"doorward-edge: {message}", err=True)
    raise typer.Exit(status)
