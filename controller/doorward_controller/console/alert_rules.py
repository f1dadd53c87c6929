"""Rules of alerts: the list, one rule as a form, new ones, and whom a rule tells when."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response
from pydantic import ValidationError

from doorward.health import Unit, kind_of
from doorward.health_metrics import METRICS
from doorward.reasons import Severity
from doorward_controller.console.fleet_words import RULE_KINDS, tongue_of
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.alert_defaults import SITE_NUMBERS
from doorward_controller.domain.alert_rules import RateOf, Rule, RuleKind
from doorward_controller.domain.alert_texts import Tongue, rule_in_words, what_in_words
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import InvalidError, NotFoundError
from doorward_controller.queries import alerts
from doorward_controller.services import alert_rule_book, alerting

router = APIRouter()

_OWN_CODE_BYTES = 4
_STATES = ("late", "lost", "unsteady")
STEP_ROWS = 4
"""So many lines to fill in beside those that a rule has."""


def steps_of(
    step_receiver: Annotated[list[str] | None, Form()] = None,
    step_after: Annotated[list[str] | None, Form()] = None,
) -> tuple[dict[str, int], ...]:
    """Reads who is told when; a line without a receiver says nothing. Raises InvalidError."""
    lines = zip(step_receiver or (), step_after or (), strict=False)
    return tuple(
        {
            "receiver_id": round(_number(receiver, "receiver")),
            "after_min": round(_number(after or "0", "minutes")),
        }
        for receiver, after in lines
        if receiver
    )


Steps = Annotated[tuple[dict[str, int], ...], Depends(steps_of)]


@router.get("/alert-rules")
def rules_page(visit: SignedIn) -> Response:
    """Shows every rule, by what it watches."""
    visit.require(Action.READ_FLEET)
    tongue, known = tongue_of(visit.reader), _rules(visit)
    groups = [
        (kind, sorted(found, key=lambda rule: not rule.is_on))
        for kind in RULE_KINDS
        if (found := [rule for rule in known if rule.kind.value == kind])
    ]
    return visit.page(
        "alert_rules.html",
        groups=groups,
        changed=alerts.changed_rules(visit.backend.store),
        name_of=lambda rule: rule_in_words(rule, tongue),
        limit_of=lambda rule, value: _limit(visit, rule, value),
        severity_of=_worst,
    )


@router.get("/alert-rules/new")
def new_page(visit: SignedIn) -> Response:
    """Shows the empty form of a rule of one's own."""
    return _new(visit)


@router.post("/alert-rules/new")
def new_act(
    visit: GenuineSignedIn,
    title: Annotated[str, Form()] = "",
    watched: Annotated[str, Form()] = "",
    warning: Annotated[str, Form()] = "",
    alarm: Annotated[str, Form()] = "",
    severity: Annotated[str, Form()] = Severity.WARNING.value,
    minutes: Annotated[str, Form()] = "0",
    gateways: Annotated[str, Form()] = "",
) -> Response:
    """Adds a rule on a number, a rate or a state, beside the program's own."""
    visit.require(Action.EDIT_ALERT_RULES)
    typed = {
        "title": title, "watched": watched, "warning": warning, "alarm": alarm,
        "severity": severity, "minutes": minutes, "gateways": gateways,
    }  # fmt: skip
    kind, _, what = watched.partition(":")
    try:
        rule = _checked(
            {
                "code": f"own.{secrets.token_hex(_OWN_CODE_BYTES)}",
                "title": _title(title),
                "kind": kind,
                "what": what,
                "severity": severity,
                "for_s": round(_number(minutes or "0", "minutes") * 60),
                "gateways": _names(gateways),
                "bounds": _bounds(kind, what, warning, alarm),
            }
        )
        alert_rule_book.save_rule(visit.backend, visit.actor, rule)
    except InvalidError as err:
        return _new(visit, typed, err)
    return visit.go("/alert-rules", done="saved")


@router.get("/alert-rules/{code}")
def rule_page(visit: SignedIn, code: str) -> Response:
    """Shows one rule as a form."""
    visit.require(Action.EDIT_ALERT_RULES)
    rule = next((each for each in _rules(visit) if each.code == code), None)
    if rule is None:
        raise NotFoundError(f"there is no rule {code[:64]}")
    metric = METRICS.get(kind_of(rule.what)) if rule.kind is RuleKind.METRIC else None
    return visit.page(
        "alert_rule.html",
        rule=rule,
        name=rule_in_words(rule, tongue_of(visit.reader)),
        metric=metric,
        divisor=_divisor(rule),
        has_bounds=_has_bounds(rule),
        symbol=_symbol(rule),
        changed=alerts.changed_rules(visit.backend.store).get(code),
        is_own=alert_rule_book.is_own(code),
        severities=_severities(),
        receivers=alerts.receivers(visit.backend.store),
        step_rows=STEP_ROWS,
    )


@router.post("/alert-rules/{code}")
def save_act(
    visit: GenuineSignedIn,
    code: str,
    steps: Steps,
    title: Annotated[str, Form()] = "",
    warning: Annotated[str, Form()] = "",
    alarm: Annotated[str, Form()] = "",
    severity: Annotated[str, Form()] = "",
    minutes: Annotated[str, Form()] = "0",
    at_least: Annotated[int, Form()] = 0,
    gateways: Annotated[str, Form()] = "",
    is_on: Annotated[str, Form()] = "",
    needs_person: Annotated[str, Form()] = "",
) -> Response:
    """Keeps what the form says of a rule."""
    visit.require(Action.EDIT_ALERT_RULES)
    held = next((each for each in _rules(visit) if each.code == code), None)
    if held is None:
        raise NotFoundError(f"there is no rule {code[:64]}")
    divisor = _divisor(held)
    values = held.model_dump() | {
        "is_on": bool(is_on),
        "needs_person": bool(needs_person),
        "for_s": round(_number(minutes, "minutes") * 60),
        "at_least": at_least,
        "gateways": _names(gateways),
        "severity": severity or held.severity,
        "steps": steps,
    }
    if not alert_rule_book.is_own(code) and title.strip():
        values["title"] = " ".join(title.split())
    if _has_bounds(held):
        values["bounds"] = held.bounds.model_dump() | {
            "warning": round(_number(warning, "warning") * divisor) if warning else None,
            "alarm": round(_number(alarm, "alarm") * divisor) if alarm else None,
        }
    alert_rule_book.save_rule(visit.backend, visit.actor, _checked(values))
    return visit.go("/alert-rules", done="saved")


@router.post("/alert-rules/{code}/drop")
def drop_act(visit: GenuineSignedIn, code: str) -> Response:
    """Takes a change back."""
    alert_rule_book.drop_rule(visit.backend, visit.actor, code)
    return visit.go("/alert-rules", done="saved")


def _new(
    visit: Visit, typed: dict[str, str] | None = None, refusal: InvalidError | None = None
) -> Response:
    visit.require(Action.EDIT_ALERT_RULES)
    tongue = tongue_of(visit.reader)
    watched = {
        RuleKind.METRIC: METRICS,
        RuleKind.RATE: [each.value for each in RateOf],
        RuleKind.STATE: _STATES,
    }
    empty = dict.fromkeys(("title", "watched", "warning", "alarm", "gateways"), "")
    return visit.page(
        "alert_rule_new.html",
        status_code=refusal.status if refusal else 200,
        form=empty | {"severity": Severity.WARNING.value, "minutes": "1"} | (typed or {}),
        refusal=refusal,
        watched=[
            (kind.value, [(what, _with_unit(kind, what, tongue)) for what in names])
            for kind, names in watched.items()
        ],
        severities=_severities(),
    )


def _with_unit(kind: RuleKind, what: str, tongue: Tongue) -> str:
    metric = METRICS.get(what) if kind is RuleKind.METRIC else None
    symbol = metric.unit.symbol if metric else "%" if kind is RuleKind.RATE else ""
    words = what_in_words(kind, what, tongue)
    return f"{words} ({symbol})" if symbol else words


def _bounds(kind: str, what: str, warning: str, alarm: str) -> dict[str, Any]:
    """Returns the limits that a form says, in the registry's own whole numbers."""
    if kind not in {RuleKind.METRIC, RuleKind.RATE}:
        return {}
    metric = METRICS.get(what) if kind == RuleKind.METRIC else None
    divisor = metric.unit.divisor if metric else 1
    usual = metric.limits if metric else None
    return {
        "warning": round(_number(warning, "warning") * divisor) if warning else None,
        "alarm": round(_number(alarm, "alarm") * divisor) if alarm else None,
        "clear_by": usual.clear_by if usual else 0,
        "is_low_bad": usual.is_low_bad if usual else what == RateOf.SCANS,
    }


def _checked(values: dict[str, Any]) -> Rule:
    try:
        return Rule.model_validate(values)
    except ValidationError as err:
        raise InvalidError(str(err.errors()[0]["msg"])[:200]) from err


def _title(text: str) -> str:
    words = " ".join(text.split())
    if not words:
        raise InvalidError("a rule of one's own needs a name", code="title_empty")
    return words


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _rules(visit: Visit) -> tuple[Rule, ...]:
    with visit.backend.store.read() as connection:
        return alerting.rules(connection)


def _severities() -> list[str]:
    return [each.value for each in Severity if each is not Severity.NORMAL]


def _has_bounds(rule: Rule) -> bool:
    """Also a rule on the site's own disks and certificates, whose bounds may all be taken away."""
    return rule.kind in {RuleKind.METRIC, RuleKind.RATE} or rule.code in SITE_NUMBERS


def _symbol(rule: Rule) -> str:
    """The unit of its number; days are the same in both languages' short form."""
    metric = METRICS.get(kind_of(rule.what)) if rule.kind is RuleKind.METRIC else None
    return SITE_NUMBERS.get(rule.code, "%") if metric is None else metric.unit.symbol


def _worst(rule: Rule) -> str:
    if _has_bounds(rule):
        return (Severity.ALARM if rule.bounds.alarm is not None else Severity.WARNING).value
    return rule.severity.value


def _divisor(rule: Rule) -> int:
    metric = METRICS.get(kind_of(rule.what)) if rule.kind is RuleKind.METRIC else None
    return metric.unit.divisor if metric is not None else 1


def _limit(visit: Visit, rule: Rule, value: int) -> str:
    metric = METRICS.get(kind_of(rule.what)) if rule.kind is RuleKind.METRIC else None
    symbol = _symbol(rule)
    sign = "≤" if rule.bounds.is_low_bad else "≥"
    if metric is not None and metric.unit is Unit.FLAG:
        return ""
    return f"{sign} {visit.reader.number(value / _divisor(rule))} {symbol}".rstrip()


def _number(text: str, what: str) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError as err:
        raise InvalidError(f"{what} is {text[:20]!r}, must be a number") from err
    if not abs(value) < 2**50:
        raise InvalidError(f"{what} is out of bounds")
    return value
