"""`doorward-controller gateway`: enrolled, adopted, looked at, revoked."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from doorward_controller.cli.speaking import AsJson, actor_of, backend_of, in_columns, say
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import devices as device_queries
from doorward_controller.queries import fleet_board, fleet_states
from doorward_controller.queries.fleet_board import GatewayRow
from doorward_controller.services import devices, enrolment, proposing, provisioning
from doorward_controller.services.backend import Backend
from doorward_controller.services.enrolment import NewPortal

gateway_app = typer.Typer(no_args_is_help=True, help="Gateways.")

Portals = Annotated[
    list[str] | None, typer.Option("--portal", help="PORTAL:ZONE or PORTAL:ZONE:NAME; repeatable.")
]


@gateway_app.command("list")
def listed(ctx: typer.Context, json_: AsJson = False) -> None:
    """List the gateways and how they stand."""
    backend = backend_of(ctx)
    rows = fleet_board.gateways(backend.store)
    states = _states(backend)
    new = device_queries.new_names(device_queries.devices(backend.store))
    lines = [
        (row.gateway, states[row.gateway], "new" if row.gateway in new else "",
         ",".join(row.portals), row.software)
        for row in rows
    ]  # fmt: skip
    said = [
        _plain(row) | {"condition": states[row.gateway], "is_adopted": row.gateway not in new}
        for row in rows
    ]
    say(json_, {"gateways": said}, in_columns(lines, "no gateway is enrolled"))


@gateway_app.command("show")
def show(ctx: typer.Context, name: str, json_: AsJson = False) -> None:
    """One gateway with all that it said of itself."""
    backend = backend_of(ctx)
    row = fleet_board.gateway(backend.store, name)
    if row is None:
        raise NotFoundError(f"there is no gateway {name[:40]!r}", code="no_gateway")
    said = _plain(row) | {"condition": _states(backend)[row.gateway]}
    say(json_, said, in_columns([(key, value) for key, value in said.items()], ""))


@gateway_app.command("enrol")
def enrol(
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
    backend = backend_of(ctx)
    enrolment.enrol_gateway(
        backend, actor_of(backend), gateway=name, record_key=key, portals=portals
    )
    say(json_, {"gateway": name}, f"gateway {name} is enrolled")


@gateway_app.command("adopt")
def adopt(
    ctx: typer.Context,
    name: str,
    portal: Portals = None,
    note: str = "",
    json_: AsJson = False,
) -> None:
    """Take a new gateway into the fleet; portals that are not named stay as they were enrolled."""
    backend = backend_of(ctx)
    adoption = devices.Adoption(portals=_named(portal or ()), note=note)
    devices.adopt(backend, actor_of(backend), name, adoption)
    say(json_, {"gateway": name}, f"gateway {name} is adopted")


@gateway_app.command("revoke")
def revoke(
    ctx: typer.Context,
    name: str,
    reason: Annotated[str, typer.Option(help="Stands in the audit log.")],
    propose: Annotated[
        bool, typer.Option("--propose", help="Where the site asks for a second person.")
    ] = False,
    json_: AsJson = False,
) -> None:
    """Cut a gateway off for good: the broker ends its connection within seconds."""
    backend = backend_of(ctx)
    actor = actor_of(backend)
    if propose:
        made = proposing.propose_gateway(backend, actor, name, reason)
        say(json_, {"proposal": made.id}, f"proposed: {made.id}; somebody else decides")
        return
    enrolment.revoke_gateway(backend, actor, gateway=name, reason=reason)
    say(json_, {"gateway": name}, f"gateway {name} is revoked")


@gateway_app.command("bootstrap")
def bootstrap(ctx: typer.Context) -> None:
    """Print what a new gateway must be given, as JSON."""
    given = provisioning.provision(backend_of(ctx))
    shown = {k: v.hex() if isinstance(v, bytes) else v for k, v in asdict(given).items()}
    say(True, shown, "")


def _states(backend: Backend) -> dict[str, str]:
    now_ms = backend.clock.now().utc_ms
    fleet = fleet_states.fleet(backend.store, now_ms)
    return {
        row.gateway: "revoked" if row.state.value == "revoked" else fleet.of(row.gateway).condition
        for row in fleet_board.gateways(backend.store)
    }


def _plain(row: GatewayRow) -> dict[str, Any]:
    return asdict(row)


def _named(portals: list[str] | tuple[str, ...]) -> dict[str, tuple[str, str]]:
    named = {}
    for each in portals:
        name, _, rest = each.partition(":")
        zone, _, label = rest.partition(":")
        if not (name and zone):
            raise typer.BadParameter(f"{each!r} must be PORTAL:ZONE or PORTAL:ZONE:NAME")
        named[name] = (zone, label)
    return named
