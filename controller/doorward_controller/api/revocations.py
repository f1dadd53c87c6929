"""Many codes at once: whom it would hit, the change itself, and how far it has come."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, Needs
from doorward_controller.api.paging import Paging
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.revocations import Cause, Change, Source
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import propagation, revocation_batches
from doorward_controller.queries.paging import Page
from doorward_controller.queries.propagation import Propagation
from doorward_controller.services import bulk_revocation
from doorward_controller.services.bulk_revocation import (
    MAX_NOTE_CHARACTERS,
    Order,
    Preview,
    Selection,
)
from doorward_controller.store.revocation_batches import Batch

router = APIRouter(tags=["revocations"])
reads = Depends(Needs(Action.READ_CREDENTIALS))


class SelectionBody(BaseModel):
    """Which codes: a list of them, those of a group, or those of an issuing key (in hex)."""

    change: Change
    source: Source
    name: str = Field("", max_length=100)
    codes: list[Annotated[str, Field(max_length=200)]] = Field(
        default_factory=list, max_length=60_000
    )

    def selection(self) -> Selection:
        """Returns it as the service takes it."""
        return Selection(source=self.source, name=self.name, lines=tuple(self.codes))


class RevocationBody(SelectionBody):
    """What is to be done to them, and why; `expected` is the number that a preview told."""

    cause: Cause
    note: str = Field("", max_length=MAX_NOTE_CHARACTERS)
    until_utc_s: Annotated[int, Field(ge=0, lt=2**40)] | None = None
    expected: Annotated[int, Field(ge=0, lt=2**31)] | None = None

    def order(self) -> Order:
        """Returns it as the service takes it."""
        return Order(
            change=self.change,
            cause=self.cause,
            note=self.note,
            until_utc_s=self.until_utc_s,
            expected=self.expected,
        )


class BatchBody(BaseModel):
    """What was done, and which gateways know."""

    batch: Batch
    propagation: Propagation


@router.post("/revocations/preview", dependencies=[Depends(Needs(Action.REVOKE_IN_BULK))])
def preview(body: SelectionBody, backend: BackendDep, actor: ActorDep) -> Preview:
    """Whom it would hit; changes nothing."""
    return bulk_revocation.preview(backend, actor, body.selection(), body.change)


@router.post("/revocations", status_code=201, dependencies=[Depends(Needs(Action.REVOKE_IN_BULK))])
def change(body: RevocationBody, backend: BackendDep, actor: ActorDep) -> Batch:
    """Changes all of them or none. What needs a second person is proposed instead."""
    return bulk_revocation.carry_out(backend, actor, body.selection(), body.order())


@router.get("/revocations", dependencies=[reads])
def list_batches(backend: BackendDep, paging: Paging) -> Page[Batch]:
    """The newest ones first."""
    return paging.given(
        revocation_batches.page(backend.store, cursor=paging.cursor, limit=paging.limit)
    )


@router.get("/revocations/{batch_id}", dependencies=[reads])
def show_batch(
    batch_id: Annotated[str, Path(pattern="^[0-9a-f]{16}$")], backend: BackendDep
) -> BatchBody:
    """One of them, and how far it has come."""
    found = revocation_batches.find(backend.store, batch_id)
    if found is None:
        raise NotFoundError(f"there is no revocation {batch_id}", code="no_batch")
    return BatchBody(
        batch=found, propagation=propagation.of_status(backend.store, found.status_seq)
    )
