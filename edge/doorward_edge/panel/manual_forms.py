"""What a guard typed, checked: a registration, or what is wrong with each field. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from doorward.ids import PortalId
from doorward_edge.by_hand import (
    MOST_CODE,
    MOST_NOTE,
    MOST_SUBJECT,
    Cause,
    Registration,
    Way,
)
from doorward_edge.config_panel import Subject

MOST_REFERENCE = 40
YEAR_S = 366 * 86_400
_REFERENCE = re.compile(rf"[\w ./-]{{1,{MOST_REFERENCE}}}")

_Choice = TypeVar("_Choice", Way, Cause)

Problems = dict[str, tuple[str, dict[str, object]]]
"""By field: a key of `words.TEXTS` and the values that go into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What may be written here."""

    portals: Sequence[PortalId]
    subject: Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Who writes, and whether the staff list lets him open against the rules."""

    actor: str
    may_overrule: bool


def read_registration(
    form: Mapping[str, str], rules: Rules, guard: Guard
) -> Registration | Problems:
    """Returns what the form says, or what is wrong with it."""
    problems: Problems = {}
    portal = _portal(form, rules, problems)
    way = _choice(form, "way", Way, problems)
    cause = _choice(form, "cause", Cause, problems)
    code = _text(form, "code", MOST_CODE, problems)
    note = _text(form, "note", MOST_NOTE, problems)
    subject = _subject(form, rules.subject, problems)
    if not code and not subject and "subject" not in problems:
        problems["code"] = ("bad_who", {})
    if cause is Cause.OTHER and not note:
        problems.setdefault("note", ("note_needed", {}))
    if problems or portal is None or way is None or cause is None:
        return problems
    return Registration(
        portal=portal,
        way=way,
        code=code,
        subject=subject,
        cause=cause,
        note=note,
        actor=guard.actor,
        may_overrule=guard.may_overrule,
    )


def read_time(text: str, now_utc_s: int | None, offset_s: int) -> int | None:
    """Returns the milliseconds (UTC) of a local date and time, or None for no or an absurd one.

    Args:
        text: as a browser's `datetime-local` field gives it, for example ``2026-11-22T07:30``.
        now_utc_s: None where the clock cannot be believed; only the shape is looked at then.
        offset_s: how far the site's clocks are from UTC.
    """
    try:
        local = datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
    except ValueError:
        return None
    utc_s = int(local.timestamp()) - offset_s
    if utc_s < 0 or (now_utc_s is not None and not now_utc_s - YEAR_S <= utc_s <= now_utc_s + 60):
        return None
    return utc_s * 1000


def _portal(form: Mapping[str, str], rules: Rules, problems: Problems) -> PortalId | None:
    if len(rules.portals) == 1:
        return rules.portals[0]
    wanted = form.get("portal", "")
    found = next((portal for portal in rules.portals if portal == wanted), None)
    if found is None:
        problems["portal"] = ("bad_portal", {})
    return found


def _choice(
    form: Mapping[str, str], name: str, kind: type[_Choice], problems: Problems
) -> _Choice | None:
    try:
        return kind(form.get(name, ""))
    except ValueError:
        problems[name] = (f"bad_{name}", {})
        return None


def _text(form: Mapping[str, str], name: str, most: int, problems: Problems) -> str:
    text = form.get(name, "")
    if len(text) > most:
        problems[name] = ("bad_length", {"most": most})
    return text


def _subject(form: Mapping[str, str], allowed: Subject, problems: Problems) -> str:
    if allowed is Subject.NONE:
        return ""
    text = _text(form, "subject", MOST_SUBJECT, problems)
    if allowed is Subject.REFERENCE and text and not _REFERENCE.fullmatch(text):
        problems["subject"] = ("bad_reference", {"most": MOST_REFERENCE})
    return text
