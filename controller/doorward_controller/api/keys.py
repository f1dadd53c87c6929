"""The keys of the site: how each stands, a new one, one taken into use, one withdrawn."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from doorward.envelope import key_id_of
from doorward_controller.api.deps import ActorDep, BackendDep, Fresh, Needs
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.site_keys import KeyUse
from doorward_controller.queries import site_keys
from doorward_controller.queries.site_keys import SiteKeys
from doorward_controller.services import key_rotation, key_withdrawal
from doorward_controller.services.key_rotation import Rotated
from doorward_controller.services.key_withdrawal import MAX_NOTE_CHARACTERS, Withdrawal, Withdrawn

router = APIRouter(tags=["keys"])
reads = Depends(Needs(Action.READ_CREDENTIALS))
manages = Depends(Needs(Action.MANAGE_KEYS))
KeyName = Annotated[str, Path(pattern="^[0-9a-f]{8}$")]


class NewKeyBody(BaseModel):
    """What the new key is for."""

    use: KeyUse


class WithdrawBody(BaseModel):
    """Why; `expected` is the number of codes that the preview told."""

    note: str = Field(min_length=1, max_length=MAX_NOTE_CHARACTERS)
    expected: Annotated[int, Field(ge=0, lt=2**31)] | None = None


@router.get("/keys", dependencies=[reads])
def list_keys(backend: BackendDep) -> SiteKeys:
    """Every key, and which gateways hold the keyring that says so."""
    return site_keys.site_keys(
        backend.store,
        backend.config.site,
        key_id_of(backend.keys.intake_public),
        backend.clock.now().utc_s,
    )


@router.post("/keys", status_code=201, dependencies=[manages])
def rotate(body: NewKeyBody, backend: BackendDep, actor: ActorDep) -> Rotated:
    """Makes a new key and publishes it; it is used once every gateway holds it."""
    return key_rotation.rotate(backend, actor, body.use)


@router.post("/keys/{key_id}/use", status_code=204, dependencies=[manages])
def take_up(key_id: KeyName, backend: BackendDep, actor: ActorDep) -> None:
    """Uses a key that waits, although gateways that do not hold it refuse what it signs."""
    key_rotation.take_up(backend, actor, key_id)


@router.get("/keys/{key_id}/withdrawal", dependencies=[manages])
def preview_withdrawal(key_id: KeyName, backend: BackendDep, actor: ActorDep) -> Withdrawal:
    """What withdrawing it would do; changes nothing."""
    return key_withdrawal.preview(backend, actor, key_id)


@router.post("/keys/{key_id}/withdrawal", dependencies=[manages, Fresh])
def withdraw(
    key_id: KeyName, body: WithdrawBody, backend: BackendDep, actor: ActorDep
) -> Withdrawn:
    """Withdraws it for good. What needs a second person is proposed instead."""
    return key_withdrawal.withdraw(backend, actor, key_id, body.note, expected=body.expected)
