"""Devices: the site's tree, new gateways to adopt, a gateway's components and its history."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response
from starlette.requests import Request

from doorward_controller.console.fleet_words import COMPONENTS
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import devices, fleet_states
from doorward_controller.services import devices as acts
from doorward_controller.services import rules
from doorward_controller.services.devices import Adoption
from doorward_controller.store.devices import NewComponent

router = APIRouter()

_NEWEST_CHANGES = 20
MAX_WHOLE_TREE = 60
"""A site with more portals shows its zones, and the portals of the one that is chosen."""
MAX_SHOWN = 200
MAX_NEW = 20
"""Forms of new gateways on one page; the next ones show when these are adopted."""


@router.get("/devices")
def devices_page(
    visit: SignedIn,
    zone: Annotated[str, Query(max_length=32)] = "",
    text: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Shows the tree, and who waits to be adopted. A large site opens one zone at a time."""
    visit.require_somewhere(Action.READ_FLEET)
    store = visit.backend.store
    rows = devices.devices(store, visit.zones)
    new = frozenset(devices.new_names(rows))
    waiting = [row for row in rows if row.gateway in new]
    whole = devices.tree(store, visit.zones)
    is_large = sum(len(each.portals) for each in whole) > MAX_WHOLE_TREE
    found = [each.narrowed(text) for each in whole if not zone or each.zone == zone]
    return visit.page(
        "devices.html",
        tree=[each for each in found if each.portals],
        zone_names=[each.zone for each in whole],
        is_large=is_large,
        is_open=not is_large or bool(zone or text.strip()),
        zone=zone,
        text=text,
        new=waiting[:MAX_NEW],
        more_new=max(0, len(waiting) - MAX_NEW),
        max_shown=MAX_SHOWN,
        zones=_zones(visit),
        fleet=fleet_states.fleet(store, visit.reader.now_ms, visit.zones),
        changes=devices.history(store, limit=_NEWEST_CHANGES, zones=visit.zones),
    )


@router.get("/gateways/{gateway}/history/part")
def history_part(visit: SignedIn, gateway: str) -> Response:
    """When a gateway was away, and what showed about it."""
    visit.require_gateway(Action.READ_FLEET, gateway)
    return visit.page("parts/device_history.html", parts_of(visit, gateway))


@router.post("/devices/adopt/{gateway}")
async def adopt_act(visit: GenuineSignedIn, gateway: str, request: Request) -> Response:
    """Takes a new gateway into the fleet, with what the form says of its portals."""
    form = await request.form()
    places = {
        name.removeprefix("zone."): (str(value), str(form.get(f"label.{name[5:]}", "")))
        for name, value in form.items()
        if name.startswith("zone.")
    }
    adoption = Adoption(portals=places, note=str(form.get("note", "")))
    acts.adopt(visit.backend, visit.actor, gateway, adoption)
    return visit.go("/devices", done="adopted")


@router.post("/gateways/{gateway}/components")
def add_act(
    visit: GenuineSignedIn,
    gateway: str,
    kind: Annotated[str, Form()] = "",
    maker: Annotated[str, Form()] = "",
    model: Annotated[str, Form()] = "",
    serial: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Puts a component in."""
    new = NewComponent(kind=kind, maker=maker, model=model, serial=serial, note=note)
    acts.add_component(visit.backend, visit.actor, gateway, new)
    return visit.go(f"/gateways/{gateway}", done="saved")


@router.post("/gateways/{gateway}/components/{component_id}/replace")
def replace_act(
    visit: GenuineSignedIn,
    gateway: str,
    component_id: int,
    maker: Annotated[str, Form()] = "",
    model: Annotated[str, Form()] = "",
    serial: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Puts another one in its place."""
    new = NewComponent(kind="", maker=maker, model=model, serial=serial)
    acts.replace_component(visit.backend, visit.actor, component_id, new, reason)
    return visit.go(f"/gateways/{gateway}", done="saved")


@router.post("/gateways/{gateway}/components/{component_id}/remove")
def remove_act(
    visit: GenuineSignedIn,
    gateway: str,
    component_id: int,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Takes a component out."""
    acts.remove_component(visit.backend, visit.actor, component_id, reason)
    return visit.go(f"/gateways/{gateway}", done="saved")


def _zones(visit: Visit) -> list[str]:
    """Where a new gateway's portals can be: what the rules know, as far as it is the reader's."""
    known = rules.current(visit.backend).zones
    return [zone for zone in known if visit.zones is None or zone in visit.zones]


def parts_of(visit: Visit, gateway: str) -> dict[str, object]:
    """Returns what a gateway's page shows of its parts and its history.

    Raises:
        NotFoundError: there is no such gateway.
    """
    store = visit.backend.store
    device = devices.device(store, gateway)
    if device is None:
        raise NotFoundError(f"there is no gateway {gateway[:40]}")
    return {
        "device": device,
        "past_components": devices.past_components(store, gateway),
        "component_kinds": COMPONENTS,
        "device_changes": devices.history(store, gateway, limit=_NEWEST_CHANGES),
        "absences": devices.absences(store, gateway),
    }
