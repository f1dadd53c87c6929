"""Groups, zones and qualifications: new ones, what belongs to them, and their removal."""

from dataclasses import replace
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from doorward.errors import MalformedError
from doorward.ids import parse_name
from doorward_controller.console import rule_form
from doorward_controller.console.rule_form import RuleForm, Sent, newest, rule_page
from doorward_controller.console.visit import SignedIn, Visit
from doorward_controller.domain import rule_fields
from doorward_controller.domain.rule_book import GroupOptions, RuleBook, ZoneOptions
from doorward_controller.domain.rule_edits import (
    Edit,
    Named,
    Use,
    add_qualification,
    put_group,
    put_zone,
    remove,
    uses_of,
)
from doorward_controller.domain.rule_fields import Fault, FaultKind, Fill, Filled
from doorward_controller.domain.rule_options import Part
from doorward_controller.errors import ActError, NotFoundError
from doorward_controller.services import rules
from doorward_controller.services.rules import Edition

router = APIRouter()

What = Literal["groups", "zones", "qualifications"]
NAME = rule_fields.Entry(name="name", fill=Fill.CHOICE, is_needed=True)


class NoOptions(Part):
    """What has a name alone."""


_OPTIONS: dict[str, tuple[type[BaseModel], tuple[rule_fields.Entry, ...]]] = {
    "groups": (GroupOptions, rule_fields.GROUP),
    "zones": (ZoneOptions, rule_fields.ZONE),
    "qualifications": (NoOptions, ()),
}


@router.get("/policy/rules/{what}/new")
def new_page(visit: SignedIn, what: What) -> Response:
    """Shows the form for a new one."""
    kind, entries = _OPTIONS[what]
    return _page(visit, newest(visit), what, rule_fields.filled(entries, kind(), str))


@router.post("/policy/rules/{what}/new")
def add_act(sent: RuleForm, what: What) -> Response:
    """Adds one."""
    named, name = _read_name(sent)
    options, fields = _read(sent, what)
    refusal: ActError | str | None = "faults"
    if options is not None and name:
        refusal = sent.save(_edit(what, name, options, is_new=True))
        if refusal is None:
            return sent.gone()
        if refusal.code == "rule_taken":
            named = replace(named, fault=Fault(kind=FaultKind.TAKEN))
    return _page(sent.visit, _seen(sent), what, fields, named=named, refusal=refusal)


@router.get("/policy/rules/{what}/one/{name}")
def one_page(visit: SignedIn, what: What, name: str) -> Response:
    """Shows what belongs to one, where it is used, and the form."""
    edition = newest(visit)
    _check(edition.book, what, name)
    kind, entries = _OPTIONS[what]
    options = _options_in(edition.book, what).get(name) or kind()
    return _page(visit, edition, what, rule_fields.filled(entries, options, str), name=name)


@router.post("/policy/rules/{what}/one/{name}")
def change_act(sent: RuleForm, what: What, name: str) -> Response:
    """Changes what belongs to one."""
    _check(rules.current(sent.visit.backend), what, name)
    options, fields = _read(sent, what)
    refusal: ActError | str | None = "faults"
    if options is not None:
        refusal = sent.save(_edit(what, name, options, is_new=False))
        if refusal is None:
            return sent.gone()
    return _page(sent.visit, _seen(sent), what, fields, name=name, refusal=refusal)


@router.post("/policy/rules/{what}/one/{name}/remove")
def remove_act(sent: RuleForm, what: What, name: str) -> Response:
    """Takes one away that nothing refers to."""
    edition = rules.edition(sent.visit.backend)
    _check(edition.book, what, name)
    refusal = sent.save(remove(Named(what), name, _elsewhere(sent.visit, what, name)))
    if refusal is None:
        return sent.gone("rules-removed")
    kind, entries = _OPTIONS[what]
    options = _options_in(edition.book, what).get(name) or kind()
    fields = rule_fields.filled(entries, options, str)
    return _page(sent.visit, edition, what, fields, name=name, refusal=refusal)


def read_name(text: str) -> tuple[Filled, str]:
    """Returns the field of a new name, and the name, "" where it is none."""
    field = Filled(entry=NAME, value=text)
    try:
        return field, parse_name(text)
    except (ValueError, MalformedError):
        fault = FaultKind.NOT_A_NAME if text else FaultKind.MISSING
        return replace(field, fault=Fault(kind=fault)), ""


def _read_name(sent: Sent) -> tuple[Filled, str]:
    return read_name(sent.one("name"))


def _read(sent: Sent, what: str) -> tuple[BaseModel | None, tuple[Filled, ...]]:
    kind, entries = _OPTIONS[what]
    return rule_fields.read(entries, sent.given, kind, sent.visit.reader.utc_s_of)


def _edit(what: str, name: str, options: BaseModel, *, is_new: bool) -> Edit:
    if isinstance(options, GroupOptions):
        return put_group(name, options, is_new=is_new)
    if isinstance(options, ZoneOptions):
        return put_zone(name, options, is_new=is_new)
    if is_new:
        return add_qualification(name)
    raise NotFoundError(f"{what} have nothing to change", code="nothing_to_change")


def _options_in(book: RuleBook, what: str) -> dict[str, BaseModel]:
    of: dict[str, dict[str, BaseModel]] = {
        "groups": dict(book.group_rules),
        "zones": dict(book.zone_rules),
    }
    return of.get(what, {})


def _check(book: RuleBook, what: str, name: str) -> None:
    if name not in getattr(book, what):
        raise NotFoundError(f"{what} have no {name[:40]!r}", code="no_such_name")


def _elsewhere(visit: Visit, what: str, name: str) -> list[Use]:
    """Portals stand in zones by their enrolment, which the book knows nothing of."""
    if what != "zones":
        return []
    return [Use(of="portal", name=each) for each in rule_form.portals_by_zone(visit).get(name, [])]


def _seen(sent: Sent) -> Edition:
    return Edition(number=sent.seen, book=rules.current(sent.visit.backend))


def _page(
    visit: Visit,
    edition: Edition,
    what: str,
    fields: tuple[Filled, ...],
    *,
    name: str = "",
    named: Filled | None = None,
    refusal: ActError | str | None = None,
) -> Response:
    kind, _ = _OPTIONS[what]
    used = (*uses_of(edition.book, Named(what), name), *_elsewhere(visit, what, name))
    return rule_page(
        visit,
        "rule_name.html",
        edition=edition,
        refusal=refusal,
        what=what,
        name=name,
        named=named or Filled(entry=NAME),
        fields=fields,
        used=used if name else (),
        Fill=Fill,
        bounds_of=lambda field: rule_fields.bounds_of(kind, field),
        span_text=rule_fields.span_text,
        **rule_form.book_context(visit, edition.book),
    )
