"""Devices: the fleet's state, the tree, adoption, components, history, absences; wall screens."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, Needs, NeedsGateway, NeedsSomewhere
from doorward_controller.api.paging import Paging
from doorward_controller.api.versions import DEVICE, Changes, Shows
from doorward_controller.domain.fleet_state import GatewayNow, SiteEvent
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import devices, fleet_states
from doorward_controller.queries.devices import (
    AbsenceRow,
    ChangeRow,
    ComponentRow,
    DeviceRow,
    ZoneNode,
)
from doorward_controller.queries.paging import Page
from doorward_controller.services import devices as acts
from doorward_controller.services import wall_screens
from doorward_controller.services.devices import Adoption
from doorward_controller.store import walls
from doorward_controller.store.devices import NewComponent
from doorward_controller.store.walls import WallScreen

router = APIRouter(tags=["devices"])
reads = Depends(NeedsSomewhere(Action.READ_FLEET))

Short = Annotated[str, Field(max_length=acts.MAX_TEXT)]
Long = Annotated[str, Field(max_length=acts.MAX_NOTE)]
Number = Annotated[int, Field(ge=0, lt=2**53)]


class FleetBody(BaseModel):
    """How every gateway stands now, and what explains many absences at once."""

    gateways: list[GatewayNow]
    site: SiteEvent | None


class PlaceBody(BaseModel):
    """Where a portal of a new gateway is."""

    portal: Annotated[str, Field(max_length=32)]
    zone: Annotated[str, Field(max_length=32)]
    label: Short = ""


class AdoptionBody(BaseModel):
    """What a person confirms of a new gateway."""

    portals: Annotated[list[PlaceBody], Field(max_length=16)] = []
    note: Long = ""


class ComponentBody(BaseModel):
    """A component; without a date it was put in now."""

    kind: Annotated[str, Field(max_length=20)]
    maker: Short = ""
    model: Short = ""
    serial: Short = ""
    note: Long = ""
    installed_at_utc_s: Number = 0

    def component(self) -> NewComponent:
        """Returns it as the service takes it."""
        return NewComponent(**self.model_dump(include=set(ComponentBody.model_fields)))


class ReplacementBody(ComponentBody):
    """What comes in the place of a component; its kind is the old one's."""

    kind: Annotated[str, Field(max_length=20)] = ""
    reason: Long = ""


class ReasonBody(BaseModel):
    """Why it was taken out."""

    reason: Long


class NumberBody(BaseModel):
    """The number of what was made."""

    id: int


class DeviceBody(BaseModel):
    """A gateway with everything that is known of its parts."""

    device: DeviceRow
    past_components: list[ComponentRow]
    history: list[ChangeRow]
    absences: list[AbsenceRow]


class ScreenBody(BaseModel):
    """A wall screen to be: its name, and for how many days its address counts."""

    label: Annotated[str, Field(min_length=1, max_length=60)]
    days: Annotated[int, Field(ge=1, le=wall_screens.MAX_DAYS)] = 90


class MadeScreenBody(BaseModel):
    """A wall screen whose path is shown this once."""

    id: int
    path: str


@router.get("/fleet", dependencies=[reads])
def fleet(backend: BackendDep, actor: ActorDep) -> FleetBody:
    """How every gateway stands now."""
    found = fleet_states.fleet(backend.store, backend.clock.now().utc_ms, actor.zones)
    ordered = sorted(found.gateways.values(), key=lambda each: each.gateway)
    return FleetBody(gateways=ordered, site=found.site)


@router.get("/devices", dependencies=[reads])
def tree(backend: BackendDep, actor: ActorDep) -> list[ZoneNode]:
    """The site from zones down to components."""
    return list(devices.tree(backend.store, actor.zones))


@router.get("/devices/new", dependencies=[reads])
def new(backend: BackendDep, actor: ActorDep, paging: Paging) -> Page[DeviceRow]:
    """Gateways that wait for somebody to adopt them, by name."""
    rows = devices.devices(backend.store, actor.zones)
    names = devices.new_names(rows)
    waiting = (row for row in rows if row.gateway in names)
    return paging.part_of(waiting, lambda row: (row.gateway,))


@router.get("/device-changes", dependencies=[reads])
def changes(backend: BackendDep, actor: ActorDep, paging: Paging) -> Page[ChangeRow]:
    """What showed about devices, the newest first."""
    return paging.given(
        devices.history_page(
            backend.store, cursor=paging.cursor, limit=paging.limit, zones=actor.zones
        )
    )


@router.get(
    "/gateways/{gateway}/device",
    dependencies=[Depends(NeedsGateway(Action.READ_FLEET)), Shows(DEVICE)],
)
def device(gateway: str, backend: BackendDep) -> DeviceBody:
    """One gateway with its parts."""
    row = devices.device(backend.store, gateway)
    if row is None:
        raise NotFoundError(f"there is no gateway {gateway[:40]!r}", code="no_gateway")
    return DeviceBody(
        device=row,
        past_components=list(devices.past_components(backend.store, gateway)),
        history=list(devices.history(backend.store, gateway)),
        absences=list(devices.absences(backend.store, gateway)),
    )


@router.post(
    "/gateways/{gateway}/adopt",
    status_code=204,
    dependencies=[Depends(NeedsGateway(Action.EDIT_DEVICES)), Changes(DEVICE)],
)
def adopt(gateway: str, body: AdoptionBody, backend: BackendDep, actor: ActorDep) -> None:
    """Takes a new gateway into the fleet."""
    places = {each.portal: (each.zone, each.label) for each in body.portals}
    acts.adopt(backend, actor, gateway, Adoption(portals=places, note=body.note))


@router.post(
    "/gateways/{gateway}/components",
    status_code=201,
    dependencies=[Depends(NeedsGateway(Action.EDIT_DEVICES)), Changes(DEVICE)],
)
def add_component(
    gateway: str, body: ComponentBody, backend: BackendDep, actor: ActorDep
) -> NumberBody:
    """Puts a component in."""
    return NumberBody(id=acts.add_component(backend, actor, gateway, body.component()))


@router.post(
    "/components/{component_id}/replace",
    status_code=201,
    dependencies=[Depends(NeedsSomewhere(Action.EDIT_DEVICES))],
)
def replace_component(
    component_id: int, body: ReplacementBody, backend: BackendDep, actor: ActorDep
) -> NumberBody:
    """Puts another one in its place."""
    number = acts.replace_component(
        backend, actor, _known(component_id), body.component(), body.reason
    )
    return NumberBody(id=number)


@router.post(
    "/components/{component_id}/remove",
    status_code=204,
    dependencies=[Depends(NeedsSomewhere(Action.EDIT_DEVICES))],
)
def remove_component(
    component_id: int, body: ReasonBody, backend: BackendDep, actor: ActorDep
) -> None:
    """Takes a component out; its history stays."""
    acts.remove_component(backend, actor, _known(component_id), body.reason)


@router.get("/wall-screens", dependencies=[Depends(Needs(Action.MANAGE_WALL))])
def screens(backend: BackendDep, paging: Paging) -> Page[WallScreen]:
    """Wall screens, the newest first."""
    with backend.store.read() as connection:
        found = walls.all_screens(connection)
    return paging.part_of(found, lambda screen: (-screen.id,))


@router.post("/wall-screens", status_code=201, dependencies=[Depends(Needs(Action.MANAGE_WALL))])
def add_screen(body: ScreenBody, backend: BackendDep, actor: ActorDep) -> MadeScreenBody:
    """Makes an address, shown this once."""
    made = wall_screens.add_screen(backend, actor, label=body.label, days=body.days)
    return MadeScreenBody(id=made.id, path=f"/wall/{made.token}")


@router.delete(
    "/wall-screens/{screen_id}", status_code=204, dependencies=[Depends(Needs(Action.MANAGE_WALL))]
)
def revoke_screen(screen_id: int, backend: BackendDep, actor: ActorDep) -> None:
    """Ends an address."""
    wall_screens.revoke_screen(backend, actor, _known(screen_id))


def _known(number: int) -> int:
    """A number that no row can have is not found, on every database."""
    if not 0 < number < 2**63:
        raise NotFoundError(f"there is no number {number}")
    return number
