"""What the forms of the rules share: what was entered, which edition was seen, how one is saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends
from fastapi.responses import Response
from starlette.datastructures import FormData

from doorward_controller.console import rule_labels
from doorward_controller.console.configuration import raw_form
from doorward_controller.console.policy import say
from doorward_controller.console.visit import GenuineSignedIn, Visit, local_path
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.rule_book import GrantLine, RuleBook
from doorward_controller.domain.rule_edits import Edit
from doorward_controller.domain.rule_fields import Filled, form_time
from doorward_controller.domain.rule_words import say_grant, say_schedule
from doorward_controller.domain.schedule_form import week_of
from doorward_controller.errors import ActError
from doorward_controller.queries import policies
from doorward_controller.services import rules
from doorward_controller.services.rules import Edition

RULES = "/policy/rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A form of the rules as it was sent.

    Attributes:
        seen: the edition that its author looked at.
        to: where they go when it is saved.
    """

    visit: Visit
    form: FormData
    seen: int
    to: str

    def given(self, name: str) -> Sequence[str]:
        """Returns what was entered in a field."""
        return [str(value)[:500] for value in self.form.getlist(name)]

    def one(self, name: str) -> str:
        """Returns what was entered in a field that has one value."""
        return next(iter(self.given(name)), "").strip()

    def save(self, edit: Edit) -> ActError | None:
        """Saves a change; returns why it was refused, if it was."""
        try:
            rules.change_rules(self.visit.backend, self.visit.actor, edit, self.seen)
        except ActError as err:
            return err
        return None

    def gone(self, done: str = "rules-saved") -> Response:
        """Returns the way on after a change was saved."""
        return self.visit.go(self.to, done=done)


def sent_form(visit: GenuineSignedIn, form: Annotated[FormData, Depends(raw_form)]) -> Sent:
    """Reads a form of somebody who may change rules. Raises ForbiddenError."""
    visit.require(Action.EDIT_RULES)
    seen, to = str(form.get("edition", "")), str(form.get("to", ""))
    return Sent(
        visit=visit,
        form=form,
        seen=int(seen) if seen.isdecimal() and len(seen) < 16 else 0,
        to=local_path(to) if to else RULES,
    )


RuleForm = Annotated[Sent, Depends(sent_form)]


def newest(visit: Visit, action: Action = Action.EDIT_RULES) -> Edition:
    """Returns the newest edition to who may see it. Raises ForbiddenError."""
    visit.require(action)
    return rules.edition(visit.backend)


def rule_page(
    visit: Visit,
    template: str,
    *,
    edition: Edition,
    refusal: ActError | str | None = None,
    **context: object,
) -> Response:
    """Returns a page of the rules; after a refusal with what was entered."""
    code = refusal.code if isinstance(refusal, ActError) else refusal or ""
    status = 200
    if refusal:
        status = refusal.status if isinstance(refusal, ActError) else 422
    return visit.page(
        template,
        context,
        edition=edition.number,
        book=edition.book,
        refusal=refusal,
        refusal_code=code,
        may_edit=visit.may(Action.EDIT_RULES),
        rl=rule_labels,
        status_code=status,
    )


def book_context(visit: Visit, book: RuleBook) -> dict[str, object]:
    """Returns what templates say rules with."""
    zones = portals_by_zone(visit)

    def said(line: GrantLine, portal: str = "") -> str:
        at = [portal] if portal else zones.get(line.zone, [])
        return say(visit, say_grant(line, book.schedules.get(line.schedule, ()), at))

    return {
        "said": said,
        "when_said": lambda name: say(visit, say_schedule(book.schedules.get(name, ()))),
        "week_of_schedule": lambda name: week_of(book.schedules.get(name, ())),
    }


def portals_by_zone(visit: Visit) -> Mapping[str, list[str]]:
    """Returns the names of the portals of each zone."""
    found: dict[str, list[str]] = {}
    for row in policies.all_portals(visit.backend.store):
        found.setdefault(row.zone, []).append(row.portal)
    return found


def moment_text(visit: Visit, utc_s: int) -> str:
    """Writes a second of UTC as a form does, on the site's clock."""
    return form_time(datetime.fromtimestamp(utc_s, UTC).astimezone(visit.reader.zone))


def has_faults(fields: Sequence[Filled]) -> bool:
    """Whether something is wrong at a field."""
    return any(field.fault for field in fields)
