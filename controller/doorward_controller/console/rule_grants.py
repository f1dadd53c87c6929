"""One line of the grants: the form in which it is added or changed, and its removal.

A line has no name. It is known by its place in an edition; what stood there then is what is
changed, wherever it stands now.
"""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from doorward_controller.console import rule_form, rule_labels
from doorward_controller.console.policy import say
from doorward_controller.console.rule_form import RULES, RuleForm, newest, rule_page
from doorward_controller.console.visit import SignedIn, Visit, local_path
from doorward_controller.domain import rule_fields
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.rule_book import GrantLine, RuleBook
from doorward_controller.domain.rule_edits import put_grant, remove_grant
from doorward_controller.domain.rule_fields import Filled
from doorward_controller.domain.rule_words import say_grant
from doorward_controller.domain.schedule_form import week_of
from doorward_controller.errors import ActError, NotFoundError
from doorward_controller.services import rules
from doorward_controller.services.rules import Edition

router = APIRouter()

Place = Annotated[str, Path(pattern=r"^\d{1,15}-\d{1,6}$")]


@router.get("/policy/rules/grants/new")
def new_page(visit: SignedIn, zone: str = "", group: str = "", to: str = "") -> Response:
    """Shows the form for a new line."""
    edition = newest(visit)
    chosen = {"zone": zone, "group": group}
    fields = tuple(
        Filled(entry=entry, value=chosen.get(entry.name, "") or _first(entry))
        for entry in rule_fields.GRANT
    )
    return _page(visit, edition, fields, to=to)


@router.post("/policy/rules/grants/new")
def add_act(sent: RuleForm) -> Response:
    """Adds a line."""
    line, fields = _read(sent)
    refusal: ActError | str | None = "faults"
    if line is not None:
        refusal = sent.save(put_grant(line))
        if refusal is None:
            return sent.gone()
    return _page(sent.visit, _seen(sent), fields, to=sent.to, refusal=refusal)


@router.post("/policy/rules/grants/words")
def words_part(sent: RuleForm) -> Response:
    """Says in words what stands in the form."""
    line, fields = _read(sent)
    book = rules.current(sent.visit.backend)
    return sent.visit.page(
        "parts/rule_said.html", _said(sent.visit, book, line, fields) | {"rl": rule_labels}
    )


@router.get("/policy/rules/grants/{place}")
def one_page(visit: SignedIn, place: Place, to: str = "") -> Response:
    """Shows the form of a line."""
    visit.require(Action.EDIT_RULES)
    edition, was = _line(visit, place)
    fields = rule_fields.filled(rule_fields.GRANT, was, str)
    return _page(visit, edition, fields, to=to, place=place)


@router.post("/policy/rules/grants/{place}")
def change_act(sent: RuleForm, place: Place) -> Response:
    """Changes a line."""
    edition, was = _line(sent.visit, place)
    line, fields = _read(sent)
    refusal: ActError | str | None = "faults"
    if line is not None:
        refusal = sent.save(put_grant(line, was))
        if refusal is None:
            return sent.gone()
    return _page(sent.visit, edition, fields, to=sent.to, place=place, refusal=refusal)


@router.post("/policy/rules/grants/{place}/remove")
def remove_act(sent: RuleForm, place: Place) -> Response:
    """Takes a line away."""
    edition, was = _line(sent.visit, place)
    refusal = sent.save(remove_grant(was))
    if refusal is None:
        return sent.gone("rules-removed")
    fields = rule_fields.filled(rule_fields.GRANT, was, str)
    return _page(sent.visit, edition, fields, to=sent.to, place=place, refusal=refusal)


def _first(entry: rule_fields.Entry) -> str:
    return "both" if entry.name == "way" else ""


def _seen(sent: rule_form.Sent) -> Edition:
    return Edition(number=sent.seen, book=rules.current(sent.visit.backend))


def _line(visit: Visit, place: str) -> tuple[Edition, GrantLine]:
    """Returns the edition and the line that stood there. Raises NotFoundError."""
    number, at = map(int, place.split("-"))
    edition = rules.edition(visit.backend, number)
    if at >= len(edition.book.grants):
        raise NotFoundError(f"edition {number} has no rule {at}", code="no_rule")
    return edition, edition.book.grants[at]


def _read(sent: rule_form.Sent) -> tuple[GrantLine | None, tuple[Filled, ...]]:
    line, fields = rule_fields.read(
        rule_fields.GRANT, sent.given, GrantLine, sent.visit.reader.utc_s_of
    )
    return line, fields


def _said(
    visit: Visit, book: RuleBook, line: GrantLine | None, fields: tuple[Filled, ...]
) -> dict[str, object]:
    """Returns the sentence of a line and the week of its schedule, as far as they are chosen."""
    schedule = next(field.value for field in fields if field.name == "schedule")
    spans = book.schedules.get(schedule)
    is_whole = line is not None and line.zone in book.zones
    portals = rule_form.portals_by_zone(visit).get(line.zone, []) if line else []
    return {
        "sentence": say(visit, say_grant(line, spans or (), portals)) if line and is_whole else "",
        "spans_week": week_of(spans) if spans is not None else (),
        "schedule": schedule if spans is not None else "",
    }


def _page(
    visit: Visit,
    edition: Edition,
    fields: tuple[Filled, ...],
    *,
    to: str,
    place: str = "",
    refusal: ActError | str | None = None,
) -> Response:
    given = {
        field.name: field.chosen if field.entry.fill is rule_fields.Fill.SOME else field.value
        for field in fields
    }
    whole = {name: value for name, value in given.items() if value}
    needed = {"group", "zone", "schedule"} <= whole.keys() and not rule_form.has_faults(fields)
    line = GrantLine.model_validate(whole) if needed else None
    return rule_page(
        visit,
        "rule_grant.html",
        edition=edition,
        refusal=refusal,
        fields=fields,
        place=place,
        to=local_path(to) if to else RULES,
        Fill=rule_fields.Fill,
        bounds_of=lambda name: rule_fields.bounds_of(GrantLine, name),
        span_text=rule_fields.span_text,
        **_said(visit, edition.book, line, fields),
    )
