"""Schedules as rows and as the picture of a week; the calendar's days; what is said of the site."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import get_args

from fastapi import APIRouter
from fastapi.responses import Response

from doorward.schedule import DayType
from doorward_controller.console import rule_form, rule_labels
from doorward_controller.console.policy import say
from doorward_controller.console.rule_form import RULES, RuleForm, Sent, newest, rule_page
from doorward_controller.console.rule_names import NAME, read_name
from doorward_controller.console.visit import SignedIn, Visit
from doorward_controller.domain import rule_fields
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.rule_book import ClassName, RuleBook, SpanRule
from doorward_controller.domain.rule_edits import (
    MAX_DAYS_AT_ONCE,
    Named,
    put_days,
    put_schedule,
    put_site,
    remove,
    uses_of,
)
from doorward_controller.domain.rule_fields import Entry, Fault, FaultKind, Fill, Filled
from doorward_controller.domain.rule_words import say_schedule
from doorward_controller.domain.schedule_form import MAX_ROWS, Row, read_rows, rows_of, week_of
from doorward_controller.errors import ActError, NotFoundError
from doorward_controller.services import rules
from doorward_controller.services.rules import Edition

router = APIRouter()

CLASSES: tuple[str, ...] = get_args(ClassName)
SITE = (
    Entry(name="time_zone", fill=Fill.CHOICE, is_needed=True),
    Entry(name="forget_s", fill=Fill.SPAN),
    *(Entry(name=f"class-{name}", fill=Fill.SOME, among="groups") for name in CLASSES),
)


@router.get("/policy/rules/schedules/new")
def new_page(visit: SignedIn) -> Response:
    """Shows the form for a new schedule."""
    working = Row(days=frozenset(range(5)), begin="08:00", end="18:00")
    return _page(visit, newest(visit), (working,))


@router.post("/policy/rules/schedules/new")
def add_act(sent: RuleForm) -> Response:
    """Adds a schedule."""
    named, name = read_name(sent.one("name"))
    spans, rows = read_rows(_rows(sent))
    if sent.one("more"):
        return _page(sent.visit, _seen(sent), _rows(sent), named=named, is_wider=True)
    refusal: ActError | str | None = "faults"
    if spans is not None and name:
        refusal = sent.save(put_schedule(name, spans, is_new=True))
        if refusal is None:
            return sent.gone()
        if refusal.code == "rule_taken":
            named = replace(named, fault=Fault(kind=FaultKind.TAKEN))
    return _page(sent.visit, _seen(sent), rows, named=named, refusal=refusal)


@router.post("/policy/rules/schedules/words")
def words_part(sent: RuleForm) -> Response:
    """Shows the week of what stands in the form, and says it in words."""
    return sent.visit.page(
        "parts/rule_week_said.html", _said(sent.visit, _rows(sent)) | {"rl": rule_labels}
    )


@router.get("/policy/rules/schedules/one/{name}")
def one_page(visit: SignedIn, name: str) -> Response:
    """Shows the form of a schedule."""
    edition = newest(visit)
    return _page(visit, edition, rows_of(_spans(edition.book, name)), name=name)


@router.post("/policy/rules/schedules/one/{name}")
def change_act(sent: RuleForm, name: str) -> Response:
    """Changes when a schedule is open."""
    _spans(rules.current(sent.visit.backend), name)
    if sent.one("more"):
        return _page(sent.visit, _seen(sent), _rows(sent), name=name, is_wider=True)
    spans, rows = read_rows(_rows(sent))
    refusal: ActError | str | None = "faults"
    if spans is not None:
        refusal = sent.save(put_schedule(name, spans))
        if refusal is None:
            return sent.gone()
    return _page(sent.visit, _seen(sent), rows, name=name, refusal=refusal)


@router.post("/policy/rules/schedules/one/{name}/remove")
def remove_act(sent: RuleForm, name: str) -> Response:
    """Takes a schedule away that nothing refers to."""
    edition = rules.edition(sent.visit.backend)
    spans = _spans(edition.book, name)
    refusal = sent.save(remove(Named.SCHEDULE, name))
    if refusal is None:
        return sent.gone("rules-removed")
    return _page(sent.visit, edition, rows_of(spans), name=name, refusal=refusal)


@router.get("/policy/rules/calendar")
def calendar_page(visit: SignedIn) -> Response:
    """Shows the days that are another kind of day than their weekday says."""
    return _calendar(visit, newest(visit, Action.READ_FLEET))


@router.post("/policy/rules/calendar")
def days_act(sent: RuleForm) -> Response:
    """Says what kind of days some are, or that they are what their weekday says."""
    entered = {name: sent.one(name) for name in ("first", "last", "kind")}
    first, last = _day(entered["first"]), _day(entered["last"] or entered["first"])
    kinds = {str(int(each)): each for each in DayType}
    kind = kinds.get(entered["kind"])
    count = (last - first).days + 1 if first and last else 0
    if not first or not last or not 1 <= count <= MAX_DAYS_AT_ONCE:
        return _calendar(sent.visit, _seen(sent), entered, "faults")
    if kind is None and entered["kind"] != "none":
        return _calendar(sent.visit, _seen(sent), entered, "faults")
    refusal = sent.save(put_days(first, last, kind))
    if refusal is not None:
        return _calendar(sent.visit, _seen(sent), entered, refusal)
    return sent.visit.go(f"{RULES}/calendar", done="rules-saved")


@router.get("/policy/rules/site")
def site_page(visit: SignedIn) -> Response:
    """Shows the form of what is said of the site as a whole."""
    edition = newest(visit)
    book = edition.book
    values = {"time_zone": book.time_zone, "forget_s": rule_fields.span_text(book.forget_s)}
    groups = {f"class-{name}": each for name, each in book.classes.items()}
    fields = tuple(
        Filled(
            entry=entry,
            value=values.get(entry.name, ""),
            chosen=tuple(groups.get(entry.name, ())),
        )
        for entry in SITE
    )
    return _site(visit, edition, fields)


@router.post("/policy/rules/site")
def site_act(sent: RuleForm) -> Response:
    """Saves what is said of the site as a whole."""
    book, fields = rule_fields.read(SITE[:2], sent.given, RuleBook, sent.visit.reader.utc_s_of)
    chosen = {name: sent.given(f"class-{name}") for name in CLASSES}
    shown = (
        *fields,
        *(Filled(entry=entry, chosen=tuple(sent.given(entry.name))) for entry in SITE[2:]),
    )
    refusal: ActError | str | None = "faults"
    if book is not None:
        classes = {name: groups for name, groups in chosen.items() if groups}
        values = {"time_zone": book.time_zone, "forget_s": book.forget_s, "classes": classes}
        refusal = sent.save(put_site(values))
        if refusal is None:
            return sent.gone()
    return _site(sent.visit, _seen(sent), shown, refusal)


def _rows(sent: Sent) -> tuple[Row, ...]:
    """Returns the rows as they were entered; each knows its days by its number."""
    begins, ends = sent.given("begin"), sent.given("end")
    return tuple(
        Row(
            days=frozenset(
                int(day) for day in sent.given(f"days-{n}") if day in {str(d) for d in range(8)}
            ),
            begin=begin.strip(),
            end=end.strip(),
        )
        for n, (begin, end) in enumerate(zip(begins, ends, strict=False))
    )[:MAX_ROWS]


def _spans(book: RuleBook, name: str) -> tuple[SpanRule, ...]:
    if name not in book.schedules:
        raise NotFoundError(f"there is no schedule {name[:40]!r}", code="no_such_name")
    return book.schedules[name]


def _seen(sent: Sent) -> Edition:
    return Edition(number=sent.seen, book=rules.current(sent.visit.backend))


def _said(visit: Visit, rows: Iterable[Row]) -> dict[str, object]:
    """Returns the week of those rows that can be read."""
    spans = [span for row in rows for span in (read_rows([row])[0] or ())]
    return {"spans_week": week_of(spans), "sentence": say(visit, say_schedule(spans))}


def _page(
    visit: Visit,
    edition: Edition,
    rows: tuple[Row, ...],
    *,
    name: str = "",
    named: Filled | None = None,
    is_wider: bool = False,
    refusal: ActError | str | None = None,
) -> Response:
    kept = tuple(row for row in rows if not row.is_empty)
    blank = (Row(),) * (2 if is_wider else 1) if len(kept) < MAX_ROWS else ()
    return rule_page(
        visit,
        "rule_schedule.html",
        edition=edition,
        refusal=refusal,
        name=name,
        named=named or Filled(entry=NAME),
        rows=(*kept, *blank),
        used=uses_of(edition.book, Named.SCHEDULE, name) if name else (),
        **_said(visit, kept),
        **rule_form.book_context(visit, edition.book),
    )


def _calendar(
    visit: Visit,
    edition: Edition,
    entered: dict[str, str] | None = None,
    refusal: ActError | str | None = None,
) -> Response:
    visit.require(Action.READ_FLEET)
    today = visit.reader.local(visit.reader.now_ms).date()
    days = sorted(edition.book.calendar.items())
    return rule_page(
        visit,
        "rule_calendar.html",
        edition=edition,
        refusal=refusal,
        coming=[each for each in days if each[0] >= today],
        past=[each for each in reversed(days) if each[0] < today],
        entered=entered or {"first": "", "last": "", "kind": str(int(DayType.HOLIDAY))},
        most=MAX_DAYS_AT_ONCE,
    )


def _site(
    visit: Visit,
    edition: Edition,
    fields: tuple[Filled, ...],
    refusal: ActError | str | None = None,
) -> Response:
    return rule_page(
        visit,
        "rule_site.html",
        edition=edition,
        refusal=refusal,
        fields=fields,
        Fill=Fill,
        classes=CLASSES,
        bounds_of=lambda name: rule_fields.bounds_of(RuleBook, name),
        span_text=rule_fields.span_text,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
