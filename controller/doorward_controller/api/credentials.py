"""Credentials: issue, look at, draw, revoke, suspend, restore."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from doorward.credential import CredentialClass, Form
from doorward.foreign import LONGEST_BYTES, Family
from doorward_controller.api.deps import ActorDep, BackendDep, Needs
from doorward_controller.api.paging import Paging
from doorward_controller.api.versions import CREDENTIAL, Changes, Shows
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import credentials
from doorward_controller.queries.credentials import CredentialFilter, CredentialRow
from doorward_controller.queries.paging import Page
from doorward_controller.services import codes, issuing, revocation
from doorward_controller.services.codes import DrawFormat
from doorward_controller.services.issuing import ForeignNumber, IssueRequest

router = APIRouter(tags=["credentials"])
reads = Depends(Needs(Action.READ_CREDENTIALS))

Seconds = Annotated[int, Field(ge=0, lt=2**32)]


class ForeignBody(BaseModel):
    """A number that somebody else printed, as it stands on the card, in bars or in squares."""

    text: str = Field(min_length=1, max_length=LONGEST_BYTES)
    family: Family = Family.LINES


class IssueBody(BaseModel):
    """A credential to issue.

    `holder_key` (hex, compressed P-256) belongs to a pass alone, `foreign` to a linked number.
    """

    credential_class: CredentialClass
    form: Form = Form.BADGE
    not_before: Seconds
    expires: Seconds
    holder_id: str | None = Field(None, max_length=32)
    groups: list[str] = Field(default_factory=list, max_length=64)
    purpose: str = Field("", max_length=issuing.MAX_PURPOSE_CHARACTERS)
    holder_key: Annotated[str, Field(pattern=r"^[0-9a-f]{66}$")] | None = None
    foreign: ForeignBody | None = None


class IssuedBody(BaseModel):
    """A credential that was issued. `text` is what its code holds; a pass has a grant instead.

    A linked number has neither: it stands on its card already.
    """

    credential_id: str
    form: Form
    text: str
    status_index: int
    pass_grant: str | None


class ReasonBody(BaseModel):
    """Why something is done."""

    reason: str = Field(max_length=500)


class ChangeBody(BaseModel):
    """The number of the status list that tells the gates, and how many codes changed."""

    seq: int
    changed: int


@router.post("/credentials", status_code=201, dependencies=[Depends(Needs(Action.ISSUE))])
def issue(body: IssueBody, backend: BackendDep, actor: ActorDep) -> IssuedBody:
    """Issues one credential."""
    request = IssueRequest(
        credential_class=body.credential_class,
        form=body.form,
        not_before=body.not_before,
        expires=body.expires,
        holder_id=body.holder_id,
        groups=tuple(body.groups),
        purpose=body.purpose,
        holder_key=bytes.fromhex(body.holder_key) if body.holder_key else None,
        foreign=_foreign(body),
    )
    issued = issuing.issue(backend, actor, request)
    return IssuedBody(
        credential_id=issued.credential_id,
        form=issued.form,
        text=issued.text,
        status_index=issued.status_index,
        pass_grant=issued.pass_grant.hex() if issued.pass_grant else None,
    )


def _foreign(body: IssueBody) -> ForeignNumber | None:
    if body.foreign is None:
        return None
    return ForeignNumber(text=body.foreign.text, family=body.foreign.family)


@router.get("/credentials", dependencies=[reads])
def listed(
    backend: BackendDep,
    paging: Paging,
    holder_id: Annotated[str | None, Query(max_length=32)] = None,
    state: Annotated[str | None, Query(max_length=16)] = None,
    form: Form | None = None,
    id_prefix: Annotated[str | None, Query(max_length=16)] = None,
) -> Page[CredentialRow]:
    """Credentials that fit every filter, newest first."""
    wanted = CredentialFilter(holder_id=holder_id, state=state, form=form, id_prefix=id_prefix)
    found = credentials.page(backend.store, wanted, cursor=paging.cursor, limit=paging.limit)
    return paging.given(found)


@router.get("/credentials/{credential_id}", dependencies=[reads, Shows(CREDENTIAL)])
def shown(credential_id: str, backend: BackendDep) -> CredentialRow:
    """One credential."""
    row = credentials.credential(backend.store, credential_id)
    if row is None:
        raise NotFoundError(f"there is no credential {credential_id}", code="no_credential")
    return row


@router.post(
    "/credentials/{credential_id}/revoke",
    dependencies=[Depends(Needs(Action.REVOKE)), Changes(CREDENTIAL)],
)
def revoke(
    credential_id: str, body: ReasonBody, backend: BackendDep, actor: ActorDep
) -> ChangeBody:
    """Ends a credential for good."""
    change = revocation.revoke(backend, actor, [credential_id], body.reason)
    return ChangeBody(seq=change.seq, changed=change.changed)


@router.post(
    "/credentials/{credential_id}/suspend",
    dependencies=[Depends(Needs(Action.REVOKE)), Changes(CREDENTIAL)],
)
def suspend(
    credential_id: str, body: ReasonBody, backend: BackendDep, actor: ActorDep
) -> ChangeBody:
    """Stops a credential until it is restored."""
    change = revocation.suspend(backend, actor, [credential_id], body.reason)
    return ChangeBody(seq=change.seq, changed=change.changed)


@router.post(
    "/credentials/{credential_id}/restore",
    dependencies=[Depends(Needs(Action.REVOKE)), Changes(CREDENTIAL)],
)
def restore(
    credential_id: str, body: ReasonBody, backend: BackendDep, actor: ActorDep
) -> ChangeBody:
    """Lets a suspended credential count again."""
    change = revocation.restore(backend, actor, [credential_id], body.reason)
    return ChangeBody(seq=change.seq, changed=change.changed)


@router.get(
    "/credentials/{credential_id}/code.{kind}",
    response_class=Response,
    dependencies=[Depends(Needs(Action.ISSUE))],
)
def code(credential_id: str, kind: DrawFormat, backend: BackendDep, actor: ActorDep) -> Response:
    """The code as a picture. It opens gates: it is never cached."""
    text = issuing.code_text(backend, actor, credential_id)
    return Response(
        codes.draw(text, kind),
        media_type=codes.MEDIA_TYPES[kind],
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'inline; filename="{credential_id}.{kind.value}"',
        },
    )
