"""Badges: find one, issue one, show and print its code, take it back and watch that arrive."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response

from doorward.credential import CredentialClass
from doorward.credential import Form as CodeForm
from doorward.foreign import LONGEST_BYTES, SHORTEST_BYTES, Family
from doorward_controller.console import order_words
from doorward_controller.console.names import names_of
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit, query_of
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.revocations import CAUSES, Cause, Change, check_cause
from doorward_controller.errors import ActError, ConflictError, InvalidError, NotFoundError
from doorward_controller.queries import commands, credentials, propagation, record_feed
from doorward_controller.queries import holders as holder_rows
from doorward_controller.services import codes, forgiving, holders, issuing, revocation, rules

router = APIRouter()

MAX_VALIDITY_DAYS = 366
STATES = ("valid", "suspended", "revoked")
_PAGE_ROWS = 50
_SCAN_ROWS = 10
_FORGIVEN_ROWS = 3
_NAMESAKES = 20
"""So many holders of the same name are listed; more are told apart by their badge's number."""
_REASON_MAX = 200

Note = Annotated[str, Form(max_length=_REASON_MAX)]


_ACTS: Mapping[Change, tuple[Callable[..., revocation.StatusChange], str]] = MappingProxyType(
    {
        Change.REVOKE: (revocation.revoke, "revoked"),
        Change.SUSPEND: (revocation.suspend, "suspended"),
        Change.RESTORE: (revocation.restore, "restored"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The reason of a change: one of the list that bulk changes have, and what else is said."""

    cause: Cause | None
    note: str


def why_of(cause: Annotated[Cause | Literal[""], Form()] = "", note: Note = "") -> Why:
    """Reads the two fields of a form."""
    return Why(cause=cause or None, note=" ".join(note.split()))


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueForm:
    """What stands in the form, as it was typed."""

    name: str = ""
    kind: str = CredentialClass.EMPLOYEE.name.lower()
    groups: tuple[str, ...] = ()
    first_day: str = ""
    last_day: str = ""
    purpose: str = ""


@router.get("/badges")
def badges_page(
    visit: SignedIn, q: str = "", state: str = "", cursor: str | None = None
) -> Response:
    """Shows the newest badges, or those of one person."""
    visit.require(Action.READ_CREDENTIALS)
    words = q.strip()[:100]
    if re.fullmatch(r"[0-9a-fA-F]{16}", words):
        return visit.go(f"/badges/{words.lower()}")
    if state not in {"", *STATES}:
        raise InvalidError(f"there is no state {state[:40]!r}")
    rows, next_cursor = _find(visit, words, state, cursor)
    return visit.page(
        "badges.html",
        rows=rows,
        names=names_of(visit, (row.credential_id for row in rows)),
        q=words,
        state=state,
        cursor=cursor,
        next_cursor=next_cursor,
        query=query_of({"q": words, "state": state}),
        states=STATES,
        state_of=_state_at(visit),
    )


@router.get("/badges/new")
def issue_page(visit: SignedIn) -> Response:
    """Shows the empty form."""
    visit.require(Action.ISSUE)
    today = visit.reader.local(visit.reader.now_ms).date()
    form = IssueForm(
        first_day=today.isoformat(), last_day=(today + timedelta(days=364)).isoformat()
    )
    return _issue_form(visit, form)


@router.post("/badges/new")
def issue_act(
    visit: GenuineSignedIn,
    name: Annotated[str, Form(max_length=200)] = "",
    kind: Annotated[str, Form()] = "",
    groups: Annotated[list[str] | None, Form()] = None,
    first_day: Annotated[str, Form()] = "",
    last_day: Annotated[str, Form()] = "",
    purpose: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Makes a person's file and a badge for it, and shows the badge."""
    form = IssueForm(
        name=name.strip(),
        kind=kind,
        groups=tuple(groups or ()),
        first_day=first_day,
        last_day=last_day,
        purpose=purpose.strip(),
    )
    try:
        issued = _issue(visit, form)
    except InvalidError as err:
        return _issue_form(visit, form, refusal=err)
    return visit.go(f"/badges/{issued.credential_id}", done="issued")


@router.get("/badges/{credential_id}")
def badge_page(visit: SignedIn, credential_id: str) -> Response:
    """Shows one badge."""
    return visit.page("badge.html", _one(visit, credential_id))


@router.get("/badges/{credential_id}/part")
def badge_part(visit: SignedIn, credential_id: str) -> Response:
    """How far the newest change has got, and the badge's newest scans."""
    return visit.page("parts/badge.html", _one(visit, credential_id))


@router.get("/badges/{credential_id}/print")
def print_page(visit: SignedIn, credential_id: str) -> Response:
    """Shows the badge as it will be printed."""
    visit.require(Action.ISSUE)
    return visit.page("badge_print.html", _one(visit, credential_id))


@router.get("/badges/{credential_id}/code.{extension}")
def code(visit: SignedIn, credential_id: str, extension: str) -> Response:
    """Draws the code, as an image to show or a file to keep."""
    _row(visit, credential_id)
    if extension not in {each.value for each in codes.DrawFormat}:
        raise NotFoundError(f"there is no code.{extension}")
    shape = codes.DrawFormat(extension)
    drawn = codes.draw(issuing.code_text(visit.backend, visit.actor, credential_id), shape)
    disposition = f'inline; filename="badge-{credential_id}.{extension}"'
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return Response(drawn, media_type=codes.MEDIA_TYPES[shape], headers=headers)


@router.post("/badges/{credential_id}/link")
def link_act(
    visit: GenuineSignedIn,
    credential_id: str,
    number: Annotated[str, Form(max_length=LONGEST_BYTES)] = "",
    family: Annotated[Family, Form()] = Family.LINES,
) -> Response:
    """Links an existing card or number to the badge's holder, with the badge's own rights."""
    visit.require(Action.ISSUE)
    row = _row(visit, credential_id)
    request = issuing.IssueRequest(
        credential_class=row.credential_class,
        form=CodeForm.FOREIGN,
        not_before=row.not_before,
        expires=row.expires,
        holder_id=row.holder_id,
        groups=tuple(row.groups),
        foreign=issuing.ForeignNumber(text=number.strip(), family=family),
    )
    try:
        issued = issuing.issue(visit.backend, visit.actor, request)
    except (InvalidError, ConflictError) as err:
        said = _one(visit, credential_id) | {"refusal": err}
        return visit.page("badge.html", said, status_code=err.status)
    return visit.go(f"/badges/{issued.credential_id}", done="linked")


@router.post("/badges/{credential_id}/revoke")
def revoke_act(
    visit: GenuineSignedIn, credential_id: str, why: Annotated[Why, Depends(why_of)]
) -> Response:
    """Takes the badge back for good."""
    return _change(visit, credential_id, Change.REVOKE, why)


@router.post("/badges/{credential_id}/suspend")
def suspend_act(
    visit: GenuineSignedIn, credential_id: str, why: Annotated[Why, Depends(why_of)]
) -> Response:
    """Takes the badge back for now."""
    return _change(visit, credential_id, Change.SUSPEND, why)


@router.post("/badges/{credential_id}/restore")
def restore_act(
    visit: GenuineSignedIn, credential_id: str, why: Annotated[Why, Depends(why_of)]
) -> Response:
    """Gives a suspended badge back."""
    return _change(visit, credential_id, Change.RESTORE, why)


@router.post("/badges/{credential_id}/forgive")
def forgive_act(
    visit: GenuineSignedIn, credential_id: str, zone: Annotated[str, Form(max_length=32)] = ""
) -> Response:
    """Lets the holder go either way next; a gateway that is connected tells the others."""
    _row(visit, credential_id)
    try:
        forgiving.forgive_person(visit.backend, visit.actor, credential_id, zone)
    except ConflictError as err:
        said = _one(visit, credential_id) | {"forgive_refusal": err}
        return visit.page("badge.html", said, status_code=err.status)
    return visit.go(f"/badges/{credential_id}", done="forgiven")


def state_of(row: credentials.CredentialRow, now_s: int) -> str:
    """Returns the state that a person understands: what is not taken back may still be too old."""
    if row.state != "valid":
        return row.state
    if row.expires <= now_s:
        return "expired"
    return "upcoming" if row.not_before > now_s else "valid"


def _state_at(visit: Visit) -> Callable[[credentials.CredentialRow], str]:
    return lambda row: state_of(row, visit.reader.now_ms // 1000)


def _find(
    visit: Visit, words: str, state: str, cursor: str | None
) -> tuple[Sequence[credentials.CredentialRow], str | None]:
    store = visit.backend.store
    wanted = state or None
    if not words:
        narrow = credentials.CredentialFilter(state=wanted)
        page = credentials.page(store, narrow, cursor=cursor, limit=_PAGE_ROWS)
        return page.items, page.next_cursor
    found = holders.find_holders(visit.backend, visit.actor, name=words)
    rows: list[credentials.CredentialRow] = []
    for holder_id in found[:_NAMESAKES]:
        narrow = credentials.CredentialFilter(holder_id=holder_id, state=wanted)
        rows += credentials.page(store, narrow, cursor=None, limit=_PAGE_ROWS).items
    return rows, None


def _row(visit: Visit, credential_id: str) -> credentials.CredentialRow:
    visit.require(Action.READ_CREDENTIALS)
    row = None
    if re.fullmatch(r"[0-9a-f]{16}", credential_id):
        row = credentials.credential(visit.backend.store, credential_id)
    if row is None:
        raise NotFoundError(f"there is no badge {credential_id[:40]}")
    return row


def _one(visit: Visit, credential_id: str) -> dict[str, object]:
    row = _row(visit, credential_id)
    store = visit.backend.store
    holder = holder_rows.holder(store, row.holder_id) if row.holder_id else None
    scans: Sequence[record_feed.RecordRow] = ()
    if visit.may(Action.READ_RECORDS):
        narrow = record_feed.RecordFilter(credential_id=credential_id)
        scans = record_feed.page(store, narrow, cursor=None, limit=_SCAN_ROWS).items
    return {
        "row": row,
        "directory_groups": holder.directory_groups if holder else (),
        "state": state_of(row, visit.reader.now_ms // 1000),
        "names": names_of(visit, [credential_id]),
        "status": propagation.of_status(store, row.status_seq) if row.status_seq else None,
        "rows": scans,
        "reason_max": _REASON_MAX,
        "ow": order_words,
        "causes": {
            change.value: [each.value for each in found] for change, found in CAUSES.items()
        },
        "is_linked_number": row.form is CodeForm.FOREIGN,
        "families": [each.value for each in Family],
        "number_min": SHORTEST_BYTES,
        "number_max": LONGEST_BYTES,
        "refusal": None,
        "may_forgive": visit.may(Action.OPEN_DOORS),
        "forgiven": commands.forgiving(store, credential_id, _FORGIVEN_ROWS),
        "forgive_refusal": None,
        "zones": rules.current(visit.backend).zones,
    }


def _issue_form(visit: Visit, form: IssueForm, refusal: ActError | None = None) -> Response:
    return visit.page(
        "badge_new.html",
        status_code=refusal.status if refusal else 200,
        form=form,
        refusal=refusal,
        groups=rules.current(visit.backend).groups,
        kinds=[each.name.lower() for each in CredentialClass],
        max_days=MAX_VALIDITY_DAYS,
    )


def _issue(visit: Visit, form: IssueForm) -> issuing.Issued:
    """Checks the form and acts. Raises InvalidError, whose code names the field."""
    visit.require(Action.ISSUE)
    if not form.name:
        raise InvalidError("the name is empty", code="name_empty")
    kinds = {each.name.lower(): each for each in CredentialClass}
    if form.kind not in kinds:
        raise InvalidError(f"there is no class {form.kind[:40]!r}", code="class_unknown")
    first, last = _day(form.first_day, "first_day"), _day(form.last_day, "last_day")
    if last < first:
        raise InvalidError(f"{last} is before {first}", code="days_reversed")
    if (last - first).days + 1 > MAX_VALIDITY_DAYS:
        raise InvalidError(f"longer than {MAX_VALIDITY_DAYS} days", code="days_too_many")
    holder_id = holders.add_holder(
        visit.backend, visit.actor, holders.HolderFields(name=form.name), groups=form.groups
    )
    request = issuing.IssueRequest(
        credential_class=kinds[form.kind],
        form=CodeForm.BADGE,
        not_before=_midnight_s(visit, first),
        expires=_midnight_s(visit, last + timedelta(days=1)),
        holder_id=holder_id,
        groups=form.groups,
        purpose=form.purpose,
    )
    return issuing.issue(visit.backend, visit.actor, request)


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as err:
        raise InvalidError(f"{text[:40]!r} is not a day", code=f"{field}_unreadable") from err


def _midnight_s(visit: Visit, day: date) -> int:
    """Returns the second at which the day begins at the site."""
    return int(datetime.combine(day, time(), tzinfo=visit.reader.zone).timestamp())


def _change(visit: Visit, credential_id: str, change: Change, why: Why) -> Response:
    _row(visit, credential_id)
    if not why.cause:
        raise InvalidError("a reason is needed", code="reason_empty")
    if problem := check_cause(change, why.cause):
        raise InvalidError(problem, code="bad_cause")
    if why.cause is Cause.OTHER and not why.note:
        raise InvalidError("the reason 'other' needs a note", code="reason_empty")
    words = f"{why.cause.value}: {why.note}" if why.note else why.cause.value
    act, done = _ACTS[change]
    act(visit.backend, visit.actor, [credential_id], words)
    return visit.go(f"/badges/{credential_id}", done=done)
