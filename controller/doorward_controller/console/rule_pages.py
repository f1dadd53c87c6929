"""The rules of the site and of one portal: read in words, changed by form, saved as a draft.

What is saved here counts at no gate: the policy page compares, simulates and releases it.
"""

from dataclasses import replace

from fastapi import APIRouter
from fastapi.responses import Response

from doorward_controller.console import rule_form
from doorward_controller.console.portal_choice import choice_of
from doorward_controller.console.portal_search import PortalSearch, Search, find
from doorward_controller.console.rule_form import RULES, RuleForm, Sent, newest, rule_page
from doorward_controller.console.visit import SignedIn, Visit
from doorward_controller.domain import rule_fields
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.rule_book import GrantLine, PortalOptions, RuleBook
from doorward_controller.domain.rule_edits import put_portal, use_counts
from doorward_controller.domain.rule_fields import Fault, FaultKind, Filled
from doorward_controller.errors import ActError, NotFoundError
from doorward_controller.queries import policies
from doorward_controller.queries.policies import PortalRow
from doorward_controller.services import rules
from doorward_controller.services.rules import Edition

router = APIRouter()

SHOWN_GRANTS = 100


@router.get("/policy/rules")
def rules_page(visit: SignedIn, search: Search, grants: str = "") -> Response:
    """Shows every rule of the site in words, with what they are made of."""
    return _index(visit, search, grants)


@router.post("/policy/rules/back")
def back_act(sent: RuleForm) -> Response:
    """Lays aside what was changed since the last release."""
    try:
        rules.go_back(sent.visit.backend, sent.visit.actor, sent.seen)
    except ActError as err:
        return _index(sent.visit, PortalSearch(text="", cursor=None), "", err)
    return sent.gone("rules-back")


@router.get("/policy/rules/portals/{portal}")
def portal_page(visit: SignedIn, portal: str) -> Response:
    """Shows who may pass a portal and how it behaves, with the form for it."""
    edition = newest(visit, Action.READ_FLEET)
    return _portal(visit, edition, _row(visit, portal))


@router.post("/policy/rules/portals/{portal}")
def portal_act(sent: RuleForm, portal: str) -> Response:
    """Saves how a portal behaves."""
    edition, row = rules.edition(sent.visit.backend), _row(sent.visit, portal)
    options, sections = _read(sent, row)
    refusal: ActError | str | None = "faults"
    if options is not None:
        refusal = sent.save(put_portal(portal, options))
        if refusal is None:
            return sent.gone()
    return _portal(sent.visit, edition, row, sections, refusal, seen=sent.seen)


@router.post("/policy/rules/portals/{portal}/enrolled")
def enrolled_act(sent: RuleForm, portal: str) -> Response:
    """Lets a portal behave as it was enrolled."""
    row = _row(sent.visit, portal)
    refusal = sent.save(put_portal(portal, None))
    if refusal is None:
        return sent.gone()
    return _portal(sent.visit, rules.edition(sent.visit.backend), row, refusal=refusal)


@router.post("/policy/rules/portals/{portal}/words")
def portal_words(sent: RuleForm, portal: str) -> Response:
    """Says in words what stands in the form."""
    row = _row(sent.visit, portal)
    options, _ = _read(sent, row)
    return sent.visit.page("parts/rule_portal_words.html", options=options, row=row)


def grants_at(book: RuleBook, row: PortalRow) -> tuple[list[tuple[int, GrantLine]], ...]:
    """Returns the lines that count at a portal, and those of its zone for the other way alone."""
    rule = book.rule_of(row.portal, row.options_json)
    here = [(n, line) for n, line in enumerate(book.grants) if line.zone == row.zone]
    ways = {rule.direction, rule.direction.BOTH}
    counts = [
        (n, line) for n, line in here if line.way in ways or rule.direction is rule.direction.BOTH
    ]
    return counts, [each for each in here if each not in counts]


def _index(
    visit: Visit, search: PortalSearch, wanted: str, refusal: ActError | None = None
) -> Response:
    edition = newest(visit, Action.READ_FLEET)
    book, text = edition.book, wanted.strip().casefold()[:100]
    fit = [
        (n, line)
        for n, line in enumerate(book.grants)
        if any(text in each for each in (line.group, line.zone, line.schedule))
    ]
    rows = policies.all_portals(visit.backend.store)
    portals = find(rows, search)
    return rule_page(
        visit,
        "policy_rules.html",
        edition=edition,
        refusal=refusal,
        grants=fit[:SHOWN_GRANTS],
        more_grants=max(0, len(fit) - SHOWN_GRANTS),
        text=wanted[:100],
        portals=portals,
        rule_of={
            each.portal: book.rule_of(each.portal, each.options_json) for each in portals.rows
        },
        is_behind=policies.has_unreleased_rules(visit.backend.store),
        has_release=bool(policies.releases(visit.backend.store, limit=1)),
        used={what.value: counts for what, counts in use_counts(book).items()},
        span_text=rule_fields.span_text,
        **rule_form.book_context(visit, book),
    )


def _portal(
    visit: Visit,
    edition: Edition,
    row: PortalRow,
    sections: dict[str, tuple[Filled, ...]] | None = None,
    refusal: ActError | str | None = None,
    seen: int | None = None,
) -> Response:
    options = edition.book.rule_of(row.portal, row.options_json)
    if sections is None:
        sections = {
            name: rule_fields.filled(entries, options, lambda at: rule_form.moment_text(visit, at))
            for name, entries in rule_fields.PORTAL.items()
        }
    locked = next(field for field in sections["together"] if field.name == "interlock")
    counts, others = grants_at(edition.book, row)
    shown = edition if seen is None else Edition(number=seen, book=edition.book)
    return rule_page(
        visit,
        "policy_portal.html",
        edition=shown,
        refusal=refusal,
        row=row,
        options=options,
        sections=sections,
        is_own=row.portal in edition.book.portals,
        interlock=choice_of(visit, "interlock", locked.chosen, is_many=True, without=row.portal),
        counts=counts,
        others=others,
        grant_edition=edition.number,
        Fill=rule_fields.Fill,
        bounds_of=lambda name: rule_fields.bounds_of(PortalOptions, name),
        span_text=rule_fields.span_text,
        rules_path=RULES,
        **rule_form.book_context(visit, edition.book),
    )


def _read(sent: Sent, row: PortalRow) -> tuple[PortalOptions | None, dict[str, tuple[Filled, ...]]]:
    entries = tuple(entry for some in rule_fields.PORTAL.values() for entry in some)
    options, fields = rule_fields.read(
        entries, sent.given, PortalOptions, sent.visit.reader.utc_s_of
    )
    known = {each.portal for each in policies.all_portals(sent.visit.backend.store)}
    read: PortalOptions | None = options
    if typed := sent.one("choice_text"):
        fields, read = _with_typed(fields, read, typed, known)
    fields = tuple(
        replace(field, fault=Fault(kind=FaultKind.NOT_DEFINED))
        if field.name == "interlock" and not set(field.chosen) <= known - {row.portal}
        else field
        for field in fields
    )
    by_name = {field.name: field for field in fields}
    sections = {
        name: tuple(by_name[entry.name] for entry in some)
        for name, some in rule_fields.PORTAL.items()
    }
    return (None if rule_form.has_faults(fields) else read), sections


def _with_typed(
    fields: tuple[Filled, ...], options: PortalOptions | None, typed: str, known: set[str]
) -> tuple[tuple[Filled, ...], PortalOptions | None]:
    """A whole name that was typed in a browser without scripts is as good as one that is ticked."""
    locked = next(field for field in fields if field.name == "interlock")
    if typed not in known or typed in locked.chosen:
        return fields, options
    chosen = (*locked.chosen, typed)
    found = tuple(replace(f, chosen=chosen) if f is locked else f for f in fields)
    return found, options and options.model_copy(update={"interlock": chosen})


def _row(visit: Visit, portal: str) -> PortalRow:
    visit.require(Action.READ_FLEET)
    for row in policies.all_portals(visit.backend.store):
        if row.portal == portal:
            return row
    raise NotFoundError(f"there is no portal {portal[:40]!r}", code="no_portal")
