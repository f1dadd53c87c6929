"""Rules of plans as JSON: what the tables and the interface keep of them, checked when read."""

import re
from datetime import date, time
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from doorward_controller.domain.maintenance_plans import (
    CalendarRule,
    ConditionRule,
    CountFrom,
    Every,
    MeterRule,
    Rule,
)
from doorward_controller.domain.meters import MeterName

MOST_COUNTS = 10**15
MOST_FOR_S = 30 * 86_400
_METRIC = re.compile(r"[a-z0-9_.]{1,60}(@[A-Za-z0-9_.-]{1,40})?")


class RuleKind(StrEnum):
    """By what a plan is due."""

    CALENDAR = "calendar"
    METER = "meter"
    CONDITION = "condition"


def _needs_its_kind(schema: dict[str, Any]) -> None:
    """What `by` says decides how the rest is read: who sends a rule must say it."""
    schema["required"] = ["by", *schema["required"]]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra=_needs_its_kind)


class CalendarBody(_Body):
    """Every so many days, weeks or months."""

    by: Literal["calendar"] = "calendar"
    every: int = Field(ge=1, le=1_000)
    unit: Every
    first_day: date = Field(
        ge=date(2000, 1, 1),
        le=date(2100, 1, 1),
        # The bounds once more, for who reads the description: it has none for days.
        json_schema_extra={"pattern": r"^(20\d\d-\d\d-\d\d|2100-01-01)$"},
    )
    at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "08:00"
    count_from: CountFrom = CountFrom.CALENDAR


class MeterBody(_Body):
    """Every so many counts of a meter."""

    by: Literal["meter"] = "meter"
    meter: MeterName
    every: int = Field(ge=1, le=MOST_COUNTS)
    warn_left: int = Field(0, ge=0, le=MOST_COUNTS)


class ConditionBody(_Body):
    """A number of the health report beyond a limit for a time."""

    by: Literal["condition"] = "condition"
    metric: Annotated[str, Field(pattern=_METRIC.pattern)]
    limit: int = Field(ge=0, le=MOST_COUNTS)
    is_above: bool = True
    for_s: int = Field(0, ge=0, le=MOST_FOR_S)


RuleBody = Annotated[CalendarBody | MeterBody | ConditionBody, Field(discriminator="by")]
_ADAPTER: TypeAdapter[CalendarBody | MeterBody | ConditionBody] = TypeAdapter(RuleBody)


def rule_of(body: CalendarBody | MeterBody | ConditionBody) -> Rule:
    """Returns the rule that a checked body means."""
    if isinstance(body, CalendarBody):
        return CalendarRule(
            every=body.every,
            unit=body.unit,
            first_day=body.first_day,
            at=time.fromisoformat(body.at),
            count_from=body.count_from,
        )
    if isinstance(body, MeterBody):
        return MeterRule(meter=body.meter, every=body.every, warn_left=body.warn_left)
    return ConditionRule(
        metric=body.metric, limit=body.limit, is_above=body.is_above, for_s=body.for_s
    )


def parse_body(given: str | dict[str, object]) -> CalendarBody | MeterBody | ConditionBody:
    """Returns the body in JSON or in a mapping of form fields.

    Raises:
        ValueError: it is no rule; says where and why.
    """
    try:
        if isinstance(given, str):
            return _ADAPTER.validate_json(given)
        return _ADAPTER.validate_python(given)
    except ValidationError as err:
        first = err.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where}: {first['msg']}") from err
