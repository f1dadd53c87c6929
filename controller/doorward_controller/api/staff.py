"""Guards and technicians who sign in at the gateways. Nobody reads a PIN a second time."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from doorward.staff import Ability
from doorward_controller.api.deps import ActorDep, BackendDep, Needs
from doorward_controller.api.versions import STAFF_LIST, STAFF_MEMBER, Changes, Shows
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import staff as shown
from doorward_controller.queries import staff_spread
from doorward_controller.queries.staff import StaffRow
from doorward_controller.queries.staff_spread import StaffAtGateway
from doorward_controller.services import staff

router = APIRouter(tags=["staff"])


class MemberBody(BaseModel):
    """A new entry: abilities of `register`, `override` and `service`; its end in UTC seconds."""

    id: str = Field(max_length=32)
    abilities: list[str] = Field(min_length=1, max_length=3)
    not_after: Annotated[int, Field(ge=0, lt=2**53)]


class ChangeBody(BaseModel):
    """What an entry says from now on; both are said."""

    abilities: list[str] = Field(min_length=1, max_length=3)
    not_after: Annotated[int, Field(ge=0, lt=2**53)]


class PinBody(BaseModel):
    """A PIN, shown this once, and the version of the list in which it counts."""

    id: str
    pin: str
    version: int


class ListBody(BaseModel):
    """The newest list: its version, who is on it, and which list each gateway goes by."""

    version: int
    members: list[StaffRow]
    gateways: list[StaffAtGateway]


@router.get("/staff", dependencies=[Depends(Needs(Action.MANAGE_STAFF)), Shows(STAFF_LIST)])
def listed(backend: BackendDep) -> ListBody:
    """Returns who may sign in at the gateways."""
    site = backend.config.site
    version, members = shown.newest(backend.store, site)
    held = staff_spread.at_gateways(backend.store, site)
    return ListBody(version=version, members=list(members), gateways=list(held))


@router.post("/staff", status_code=201, dependencies=[Depends(Needs(Action.MANAGE_STAFF))])
def add(body: MemberBody, backend: BackendDep, actor: ActorDep) -> PinBody:
    """Adds somebody, draws the PIN, and sends every gateway the new list."""
    made = staff.add_member(
        backend,
        actor,
        member_id=body.id,
        abilities=_abilities(body.abilities),
        not_after=body.not_after,
    )
    return PinBody(id=made.member_id, pin=made.pin, version=made.version)


@router.get(
    "/staff/{member_id}", dependencies=[Depends(Needs(Action.MANAGE_STAFF)), Shows(STAFF_MEMBER)]
)
def member(member_id: str, backend: BackendDep) -> StaffRow:
    """Returns one of them."""
    _, members = shown.newest(backend.store, backend.config.site)
    found = next((each for each in members if each.id == member_id), None)
    if found is None:
        raise NotFoundError(f"there is no staff number {member_id[:40]}")
    return found


@router.post(
    "/staff/{member_id}/pin",
    dependencies=[Depends(Needs(Action.MANAGE_STAFF)), Changes(STAFF_MEMBER)],
)
def new_pin(member_id: str, backend: BackendDep, actor: ActorDep) -> PinBody:
    """Draws a new PIN; the old one ends with the new list."""
    made = staff.new_pin(backend, actor, member_id)
    return PinBody(id=made.member_id, pin=made.pin, version=made.version)


@router.patch(
    "/staff/{member_id}",
    dependencies=[Depends(Needs(Action.MANAGE_STAFF)), Changes(STAFF_MEMBER, needed=True)],
)
def change(member_id: str, body: ChangeBody, backend: BackendDep, actor: ActorDep) -> ListBody:
    """Says anew what somebody may do and until when; the PIN stays."""
    staff.change_member(
        backend,
        actor,
        member_id,
        abilities=_abilities(body.abilities),
        not_after=body.not_after,
    )
    return listed(backend)


@router.delete(
    "/staff/{member_id}",
    status_code=204,
    dependencies=[Depends(Needs(Action.MANAGE_STAFF)), Changes(STAFF_MEMBER)],
)
def remove(member_id: str, backend: BackendDep, actor: ActorDep) -> None:
    """Removes somebody; the number is not given out again."""
    staff.remove_member(backend, actor, member_id)


def _abilities(names: list[str]) -> Ability:
    """Returns the mask; an unknown name is no ability, and none at all is refused."""
    known = {ability.name.lower(): ability for ability in Ability if ability.name}
    mask = Ability(0)
    for name in names:
        mask |= known.get(name, Ability(0))
    return mask if all(name in known for name in names) else Ability(0)
