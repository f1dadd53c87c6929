"""The parts of a rule book as fields of a form, and back; what is wrong stands at its field. Pure.

What may stand in a field is said by the part itself (`rule_options`): here it is only read, so that
the form and the interface for programs can never differ.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError

from doorward.policy import (
    AntiPassback,
    Direction,
    Foreign,
    InDoubt,
    Posture,
    PresenceDoubt,
    Unlisted,
)
from doorward_controller.domain.rule_options import UnmetError

Given = Callable[[str], Sequence[str]]
"""What was entered, by the name of the field."""


class Fill(StrEnum):
    """How a field is filled in."""

    NUMBER = "number"
    SPAN = "span"
    """A length of time: 90, 90 s, 15 min, 72 h, 3 d."""
    CHOICE = "choice"
    YES = "yes"
    ONE = "one"
    """One name of a list of the book, or none."""
    SOME = "some"
    """Any number of them."""
    PORTALS = "portals"
    MOMENT = "moment"
    """A date and time on the site's clock, or none."""


class FaultKind(StrEnum):
    """What is wrong with what stands in a field."""

    MISSING = "missing"
    NOT_A_NUMBER = "not_a_number"
    NOT_A_SPAN = "not_a_span"
    NOT_A_TIME = "not_a_time"
    NOT_A_NAME = "not_a_name"
    OUT_OF_BOUNDS = "out_of_bounds"
    NOT_A_CHOICE = "not_a_choice"
    ESCORTS_MISSING = "escorts_missing"
    ESCORTED_MISSING = "escorted_missing"
    TIME_MISSING = "time_missing"
    SCHEDULE_MISSING = "schedule_missing"
    NOT_DEFINED = "not_defined"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One field of a form.

    Attributes:
        among: the list of the book whose names it takes; empty for others.
        choices: of an enumeration.
        is_needed: a name of the list must be chosen.
        more: stands among those that few sites need.
    """

    name: str
    fill: Fill
    among: str = ""
    choices: tuple[str, ...] = ()
    is_needed: bool = False
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong; the bounds where it is out of them."""

    kind: FaultKind
    least: int | None = None
    most: int | None = None
    is_span: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A field with what stands in it, and what is wrong with that."""

    entry: Entry
    value: str = ""
    chosen: tuple[str, ...] = ()
    fault: Fault | None = None

    @property
    def name(self) -> str:
        """The field's name."""
        return self.entry.name


def _choice(name: str, of: type[Enum], *, more: bool = False) -> Entry:
    choices = tuple(str(each.value) for each in of)
    return Entry(name=name, fill=Fill.CHOICE, choices=choices, more=more)


def _one(name: str, among: str, *, is_needed: bool = False) -> Entry:
    return Entry(name=name, fill=Fill.ONE, among=among, is_needed=is_needed)


GRANT = (
    _one("group", "groups", is_needed=True),
    _one("zone", "zones", is_needed=True),
    _one("schedule", "schedules", is_needed=True),
    _choice("way", Direction),
    Entry(name="qualifications", fill=Fill.SOME, among="qualifications"),
    Entry(name="per_day", fill=Fill.NUMBER),
    Entry(name="per_visit", fill=Fill.NUMBER),
)
PORTAL: Mapping[str, tuple[Entry, ...]] = MappingProxyType(
    {
        "way": (
            _choice("direction", Direction),
            _one("beyond", "zones"),
            Entry(name="qualifications", fill=Fill.SOME, among="qualifications"),
            Entry(name="pulse_ms", fill=Fill.NUMBER),
        ),
        "presence": (
            _choice("antipassback", AntiPassback),
            Entry(name="antipassback_s", fill=Fill.SPAN),
            Entry(name="min_interval_s", fill=Fill.SPAN),
            _choice("presence_unknown", PresenceDoubt),
        ),
        "together": (
            Entry(name="escorted", fill=Fill.SOME, among="groups"),
            Entry(name="escorts", fill=Fill.SOME, among="groups"),
            Entry(name="escort_leads", fill=Fill.NUMBER),
            Entry(name="two_persons", fill=Fill.YES),
            Entry(name="wait_s", fill=Fill.SPAN),
            Entry(name="interlock", fill=Fill.PORTALS),
        ),
        "standing": (
            _one("unlock", "schedules"),
            Entry(name="unlock_after_first", fill=Fill.YES),
            _choice("posture", Posture),
            Entry(name="posture_rank", fill=Fill.NUMBER),
            Entry(name="posture_until", fill=Fill.MOMENT),
        ),
        "doubt": (
            _choice("unlisted", Unlisted),
            _choice("foreign", Foreign),
            _choice("clock_untrusted", InDoubt),
            Entry(name="max_age_s", fill=Fill.SPAN),
            _choice("stale", InDoubt),
        ),
    }
)
GROUP = (
    Entry(name="rank", fill=Fill.NUMBER),
    Entry(name="once", fill=Fill.YES),
    Entry(name="exempt", fill=Fill.YES),
    Entry(name="duress", fill=Fill.YES),
)
ZONE = (
    _one("within", "zones"),
    Entry(name="at_most", fill=Fill.NUMBER),
    Entry(name="per_day", fill=Fill.NUMBER),
    Entry(name="per_visit", fill=Fill.NUMBER),
)

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_SPAN = re.compile(r"(\d{1,9})\s*(d|h|min|s|天|小时|分钟|分|秒)?", re.IGNORECASE)
_SECONDS = {
    **dict(_UNITS), "天": 86_400, "小时": 3600, "分钟": 60, "分": 60, "秒": 1, "": 1,
}  # fmt: skip
_AT_FIELD: Mapping[str, tuple[str, FaultKind]] = MappingProxyType(
    {
        "escorts_missing": ("escorts", FaultKind.ESCORTS_MISSING),
        "escorted_missing": ("escorted", FaultKind.ESCORTED_MISSING),
        "time_missing": ("antipassback_s", FaultKind.TIME_MISSING),
        "schedule_missing": ("unlock", FaultKind.SCHEDULE_MISSING),
    }
)
"""Where it is said what is wrong with a part as a whole."""
_BOUNDS = frozenset({"greater_than_equal", "less_than_equal", "greater_than", "less_than"})
_CHOICES = frozenset({"enum", "literal_error"})


def filled(
    entries: Sequence[Entry], part: BaseModel, local: Callable[[int], str]
) -> tuple[Filled, ...]:
    """Returns the fields as a part fills them; `local` writes a second of UTC as a form does."""
    return tuple(_filled(entry, getattr(part, entry.name), local) for entry in entries)


def read(
    entries: Sequence[Entry],
    given: Given,
    kind: type[Any],
    utc_s_of: Callable[[str], int],
    **fixed: object,
) -> tuple[Any, tuple[Filled, ...]]:
    """Reads a form.

    Args:
        entries: its fields.
        given: what was entered; nothing leaves a field at its default.
        kind: the part that it makes.
        utc_s_of: reads a date and time of the site's clock; raises ValueError.
        fixed: what of the part stands in no field.

    Returns:
        The part, or None where something is wrong; and the fields as they were filled in.
    """
    values: dict[str, object] = dict(fixed)
    fields: list[Filled] = []
    for entry in entries:
        texts = [text.strip() for text in given(entry.name) if text.strip()]
        value, field = _read(entry, texts, utc_s_of)
        fields.append(field)
        if value is not None:
            values[entry.name] = value
    if any(field.fault for field in fields):
        return None, tuple(fields)
    try:
        return kind.model_validate(values), tuple(fields)
    except ValidationError as err:
        return None, _with_faults(fields, err, kind)


def faults_in(fields: Sequence[Filled]) -> tuple[Filled, ...]:
    """Returns the fields that are wrong."""
    return tuple(field for field in fields if field.fault)


def at_field(fields: Sequence[Filled], name: str, fault: FaultKind) -> tuple[Filled, ...]:
    """Returns the fields with a fault at one of them."""
    return tuple(
        replace(field, fault=Fault(kind=fault)) if field.name == name else field for field in fields
    )


def span_text(seconds: int) -> str:
    """Returns a length of time in the greatest unit that says it wholly."""
    name, size = next(each for each in _UNITS if not seconds % each[1] or each[1] == 1)
    return f"{seconds // size} {name}" if seconds else "0"


def _filled(entry: Entry, value: object, local: Callable[[int], str]) -> Filled:
    if isinstance(value, tuple):
        return Filled(entry=entry, chosen=tuple(map(str, value)))
    if isinstance(value, Enum):
        return Filled(entry=entry, value=str(value.value))
    if entry.fill is Fill.YES:
        return Filled(entry=entry, value="yes" if value else "")
    if isinstance(value, int) and entry.fill is Fill.SPAN:
        return Filled(entry=entry, value=span_text(value) if value else "")
    if isinstance(value, int) and entry.fill is Fill.MOMENT:
        return Filled(entry=entry, value=local(value))
    return Filled(entry=entry, value=str(value) if value else "")


def _read(
    entry: Entry, texts: Sequence[str], utc_s_of: Callable[[str], int]
) -> tuple[object, Filled]:
    text = texts[0] if texts else ""
    field = Filled(entry=entry, value=text)
    if entry.fill in {Fill.SOME, Fill.PORTALS}:
        chosen = tuple(dict.fromkeys(texts))
        return chosen, Filled(entry=entry, chosen=chosen)
    if entry.fill is Fill.YES:
        return bool(text), field
    if not text:
        fault = Fault(kind=FaultKind.MISSING) if entry.is_needed else None
        return None, replace(field, fault=fault)
    if entry.fill is Fill.SPAN:
        found = _SPAN.fullmatch(text)
        if not found:
            return None, replace(field, fault=Fault(kind=FaultKind.NOT_A_SPAN))
        return int(found[1]) * _SECONDS[(found[2] or "").lower()], field
    if entry.fill is Fill.MOMENT:
        try:
            return utc_s_of(text), field
        except ValueError:
            return None, replace(field, fault=Fault(kind=FaultKind.NOT_A_TIME))
    return text, field


def _with_faults(
    fields: Sequence[Filled], err: ValidationError, kind: type[BaseModel]
) -> tuple[Filled, ...]:
    faults: dict[str, Fault] = {}
    for each in err.errors():
        unmet = each.get("ctx", {}).get("error")
        code = unmet.code if isinstance(unmet, UnmetError) else ""
        name, other = _AT_FIELD.get(code, ("", FaultKind.NOT_A_NAME))
        name = name or str(each["loc"][0] if each["loc"] else "")
        faults.setdefault(name, _fault(each["type"], other, kind, name))
    found = tuple(_marked(field, faults.get(field.name)) for field in fields)
    if not faults_in(found):
        raise err  # a part that no field says anything of
    return found


def _marked(field: Filled, fault: Fault | None) -> Filled:
    if fault is None:
        return field
    return replace(field, fault=replace(fault, is_span=field.entry.fill is Fill.SPAN))


def _fault(type_: str, other: FaultKind, kind: type[BaseModel], name: str) -> Fault:
    if type_ in _BOUNDS:
        least, most = bounds_of(kind, name)
        return Fault(kind=FaultKind.OUT_OF_BOUNDS, least=least, most=most)
    if type_.startswith("int_"):
        return Fault(kind=FaultKind.NOT_A_NUMBER)
    if type_ in _CHOICES:
        return Fault(kind=FaultKind.NOT_A_CHOICE)
    return Fault(kind=other)


def bounds_of(kind: type[BaseModel], name: str) -> tuple[int | None, int | None]:
    """Returns the least and the greatest number that a field of a part takes."""
    of = kind.model_json_schema()["properties"].get(name, {})
    one = next((each for each in of.get("anyOf", ()) if each.get("type") == "integer"), of)
    return one.get("minimum"), one.get("maximum")


def form_time(moment: datetime) -> str:
    """Returns a moment as a form's field for date and time takes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
