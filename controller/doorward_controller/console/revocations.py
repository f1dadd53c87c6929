"""Many badges at once: choose them, see whom it hits, do it or propose it, watch it arrive."""

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response

from doorward_controller.console import order_words
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.revocations import CAUSES, Cause, Change, Source
from doorward_controller.errors import ActError, InvalidError, NotFoundError
from doorward_controller.queries import propagation, revocation_batches
from doorward_controller.services import (
    bulk_revocation,
    code_lists,
    proposing,
    rules,
    work_progress,
)
from doorward_controller.services.bulk_revocation import MAX_NOTE_CHARACTERS, Order, Selection

router = APIRouter()

Text = Annotated[str, Form()]


@router.get("/revocations")
def revocations_page(visit: SignedIn) -> Response:
    """Shows the form and what was done before."""
    return _form(visit)


@router.post("/revocations/preview")
def preview_act(
    visit: GenuineSignedIn,
    change: Annotated[Change, Form()],
    source: Annotated[Source, Form()],
    group: Text = "",
    key: Text = "",
    codes: Text = "",
    upload: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Says whom it would hit, and asks for the reason."""
    visit.require(Action.REVOKE_IN_BULK)
    try:
        selection = _selection(source, group, key, codes, upload)
        return _preview(visit, selection, change)
    except ActError as err:
        return _form(visit, refusal=err)


@router.post("/revocations")
def revoke_act(
    visit: GenuineSignedIn,
    change: Annotated[Change, Form()],
    source: Annotated[Source, Form()],
    cause: Annotated[Cause, Form()],
    name: Text = "",
    codes: Text = "",
    note: Text = "",
    until: Text = "",
    reason: Text = "",
    expected: Annotated[int, Form()] = 0,
    is_proposal: Annotated[bool, Form()] = False,  # noqa: FBT002  # a field of the form
) -> Response:
    """Does it, or proposes it to a second person."""
    selection = Selection(source=source, name=name, lines=tuple(codes.split()))
    try:
        order = Order(
            change=change,
            cause=cause,
            note=note,
            until_utc_s=when_of(visit, until),
            expected=expected,
        )
        if is_proposal:
            visit.require_fresh()
            proposal = proposing.propose_codes(
                visit.backend, visit.actor, selection, order, reason or note
            )
            return visit.go(f"/approvals/{proposal.id}", done="proposed")
        batch = bulk_revocation.carry_out(visit.backend, visit.actor, selection, order)
    except ActError as err:
        return _preview(visit, selection, change, refusal=err)
    return visit.go(f"/revocations/{batch.id}", done="batch-done")


@router.get("/revocations/preview")
def back_to_form(visit: SignedIn) -> Response:
    """Who comes back from proving who they are finds the form, not its answer's address."""
    return visit.go("/revocations")


@router.get("/revocations/work/part")
def work_part(visit: SignedIn) -> Response:
    """How far the batches are that are being carried out now."""
    visit.require(Action.READ_CREDENTIALS)
    return visit.page("parts/revocation_work.html", work=work_of(visit))


@router.get("/revocations/{batch_id}")
def batch_page(visit: SignedIn, batch_id: str) -> Response:
    """Shows what was done and how far it has come."""
    return visit.page("revocation.html", _batch(visit, batch_id))


@router.get("/revocations/{batch_id}/part")
def batch_part(visit: SignedIn, batch_id: str) -> Response:
    """How far it has come."""
    return visit.page("parts/revocation.html", _batch(visit, batch_id))


def work_of(visit: Visit) -> tuple[tuple[int, int], ...]:
    """Returns how many badges of how many, for each batch that is being carried out now."""
    return work_progress.under_way(visit.backend)


def _form(visit: Visit, refusal: ActError | None = None) -> Response:
    visit.require(Action.REVOKE_IN_BULK)
    store = visit.backend.store
    return visit.page(
        "revocations.html",
        status_code=refusal.status if refusal else 200,
        ow=order_words,
        refusal=refusal,
        changes=[each.value for each in Change],
        groups=rules.current(visit.backend).groups,
        keys=revocation_batches.issuing_keys(store),
        batches=revocation_batches.newest(store),
        work=work_of(visit),
    )


def _preview(
    visit: Visit, selection: Selection, change: Change, refusal: ActError | None = None
) -> Response:
    found = bulk_revocation.preview(visit.backend, visit.actor, selection, change)
    if found.needs_second:
        visit.require_fresh()
    return visit.page(
        "revocation_preview.html",
        status_code=refusal.status if refusal else 200,
        ow=order_words,
        refusal=refusal,
        selection=selection,
        ids=bulk_revocation.chosen_ids(visit.backend, visit.actor, selection),
        change=change.value,
        preview=found,
        causes=[each.value for each in CAUSES[change]],
        note_max=MAX_NOTE_CHARACTERS,
        decide_within_h=visit.backend.config.second_person.decide_within_h,
        work=work_of(visit),
    )


def _batch(visit: Visit, batch_id: str) -> dict[str, object]:
    visit.require(Action.READ_CREDENTIALS)
    found = revocation_batches.find(visit.backend.store, batch_id)
    if found is None:
        raise NotFoundError(f"there is no revocation {batch_id[:40]!r}")
    spread = propagation.of_status(visit.backend.store, found.status_seq)
    times = [
        each.applied_at_utc_ms for each in spread.arrivals if each.has_it and each.applied_at_utc_ms
    ]
    # A gateway that has gone on to a later number had this one no later than that.
    last_ms = max(times, default=None) if spread.is_complete else None
    newest = propagation.of_status(visit.backend.store).version
    return {
        "ow": order_words,
        "batch": found,
        "spread": spread,
        "took_s": (last_ms - found.at_utc_ms) / 1000
        if last_ms is not None and newest == found.status_seq
        else None,
    }


def _selection(
    source: Source, group: str, key: str, codes: str, upload: UploadFile | None
) -> Selection:
    match source:
        case Source.GROUP:
            return Selection(source=source, name=group)
        case Source.KEY:
            return Selection(source=source, name=key)
        case Source.LIST:
            lines = tuple(codes.splitlines())
            name = ""
        case Source.UPLOAD:
            lines = code_lists.lines_of(upload.file.read()) if upload else ()
            name = (upload.filename or "")[:100] if upload else ""
    if not any(line.strip() for line in lines):
        raise InvalidError("the list is empty", code="list_empty")
    return Selection(source=source, name=name, lines=lines)


def when_of(visit: Visit, text: str) -> int | None:
    """Reads date and time at the site."""
    if not text:
        return None
    try:
        return visit.reader.utc_s_of(text)
    except ValueError as err:
        raise InvalidError(f"{text[:40]!r} is not a time", code="when_unreadable") from err
