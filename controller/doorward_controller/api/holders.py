"""Holders. Every answer with personal fields is an entry in the audit log."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, Needs, NeedsSomewhere
from doorward_controller.api.paging import Paging
from doorward_controller.api.versions import HOLDER, Changes, Shows
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import holders as rows
from doorward_controller.queries.holders import HolderRow
from doorward_controller.queries.paging import Page
from doorward_controller.services import holders
from doorward_controller.services.holders import MAX_FIELD_CHARACTERS, HolderFields

router = APIRouter(tags=["holders"])
reads = Depends(Needs(Action.READ_CREDENTIALS))

Field500 = Annotated[str, Field(max_length=MAX_FIELD_CHARACTERS)]
Qualification = tuple[str, Annotated[int, Field(ge=0, lt=2**53)]]


class FieldsBody(BaseModel):
    """What is personal."""

    name: Field500
    contact: Field500 = ""
    identity: Field500 = ""
    note: Field500 = ""


class HolderBody(BaseModel):
    """A new holder."""

    fields: FieldsBody
    groups: list[str] = Field(default_factory=list, max_length=64)
    qualifications: list[Qualification] = Field(default_factory=list, max_length=64)


class HolderChange(BaseModel):
    """What is to change; what is left out stays."""

    fields: FieldsBody | None = None
    groups: list[str] | None = Field(None, max_length=64)
    qualifications: list[Qualification] | None = Field(None, max_length=64)


class CreatedBody(BaseModel):
    """The id of what was made."""

    holder_id: str


class PersonBody(BaseModel):
    """A holder with what is personal; `fields` is empty once the person was erased."""

    holder: HolderRow
    fields: FieldsBody | None


@router.post("/holders", status_code=201, dependencies=[Depends(Needs(Action.EDIT_HOLDERS))])
def add(body: HolderBody, backend: BackendDep, actor: ActorDep) -> CreatedBody:
    """Adds a holder."""
    holder_id = holders.add_holder(
        backend,
        actor,
        HolderFields(**body.fields.model_dump()),
        groups=body.groups,
        qualifications=body.qualifications,
    )
    return CreatedBody(holder_id=holder_id)


@router.get("/holders", dependencies=[reads])
def listed(
    backend: BackendDep,
    paging: Paging,
) -> Page[HolderRow]:
    """Holders without anything personal, newest first."""
    return paging.given(rows.page(backend.store, cursor=paging.cursor, limit=paging.limit))


@router.post("/holders/find", dependencies=[Depends(NeedsSomewhere(Action.READ_PERSONAL))])
def find(body: FieldsBody, backend: BackendDep, actor: ActorDep) -> list[str]:
    """Ids of those whose name, contact and identity number are exactly these; empty means any.

    Whoever is limited to zones finds those alone who were seen there.
    Not a GET: what is looked for is personal and must not stand in an address.
    """
    found = holders.find_holders(
        backend, actor, name=body.name, contact=body.contact, identity=body.identity
    )
    return list(found)


@router.get(
    "/holders/{holder_id}", dependencies=[Depends(Needs(Action.READ_PERSONAL)), Shows(HOLDER)]
)
def shown(holder_id: str, backend: BackendDep, actor: ActorDep) -> PersonBody:
    """One holder with what is personal."""
    fields = holders.read_holders(backend, actor, [holder_id[:32]]).get(holder_id)
    row = rows.holder(backend.store, holder_id)
    if row is None:
        raise NotFoundError(f"there is no holder {holder_id[:40]!r}", code="no_holder")
    body = None if fields is None else FieldsBody.model_validate(fields, from_attributes=True)
    return PersonBody(holder=row, fields=body)


@router.patch(
    "/holders/{holder_id}",
    status_code=204,
    dependencies=[Depends(Needs(Action.EDIT_HOLDERS)), Changes(HOLDER, needed=True)],
)
def change(holder_id: str, body: HolderChange, backend: BackendDep, actor: ActorDep) -> None:
    """Changes what is given."""
    holders.update_holder(
        backend,
        actor,
        holder_id,
        fields=None if body.fields is None else HolderFields(**body.fields.model_dump()),
        groups=body.groups,
        qualifications=body.qualifications,
    )


@router.delete(
    "/holders/{holder_id}",
    status_code=204,
    dependencies=[Depends(Needs(Action.EDIT_HOLDERS)), Changes(HOLDER)],
)
def erase(
    holder_id: str,
    reason: Annotated[str, Query(min_length=1, max_length=200)],
    backend: BackendDep,
    actor: ActorDep,
) -> None:
    """Destroys what is personal for good."""
    holders.erase_holder(backend, actor, holder_id, reason)
