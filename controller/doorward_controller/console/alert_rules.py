"""Rules of alerts, and who is told: lists, forms, the test button, what was delivered."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response
from pydantic import ValidationError

from doorward.health import Unit, kind_of
from doorward.health_metrics import METRICS
from doorward.reasons import Severity
from doorward_controller.console.fleet_words import RULE_KINDS, tongue_of
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.alert_rules import Rule, RuleKind
from doorward_controller.domain.alert_texts import Tongue, rule_in_words
from doorward_controller.domain.delivery_formats import ReceiverKind
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import InvalidError, NotFoundError
from doorward_controller.queries import alerts
from doorward_controller.services import alert_rule_book, alerting, receivers
from doorward_controller.services.receivers import ReceiverSettings

router = APIRouter()

_DELIVERIES = 20


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
        has_bounds=rule.kind in {RuleKind.METRIC, RuleKind.RATE},
        changed=alerts.changed_rules(visit.backend.store).get(code),
        is_own=alert_rule_book.is_own(code),
        severities=_severities(),
    )


@router.post("/alert-rules/{code}")
def save_act(
    visit: GenuineSignedIn,
    code: str,
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
        "gateways": tuple(gateways.replace(",", " ").split()),
        "severity": severity or held.severity,
    }
    if held.kind in {RuleKind.METRIC, RuleKind.RATE}:
        values["bounds"] = held.bounds.model_dump() | {
            "warning": round(_number(warning, "warning") * divisor) if warning else None,
            "alarm": round(_number(alarm, "alarm") * divisor) if alarm else None,
        }
    try:
        rule = Rule.model_validate(values)
    except ValidationError as err:
        raise InvalidError(str(err.errors()[0]["msg"])[:200]) from err
    alert_rule_book.save_rule(visit.backend, visit.actor, rule)
    return visit.go("/alert-rules", done="saved")


@router.post("/alert-rules/{code}/drop")
def drop_act(visit: GenuineSignedIn, code: str) -> Response:
    """Takes a change back."""
    alert_rule_book.drop_rule(visit.backend, visit.actor, code)
    return visit.go("/alert-rules", done="saved")


@router.get("/alert-receivers")
def receivers_page(visit: SignedIn) -> Response:
    """Shows who is told, and what was delivered."""
    visit.require(Action.EDIT_ALERT_RULES)
    store = visit.backend.store
    return visit.page(
        "alert_receivers.html",
        receivers=alerts.receivers(store),
        deliveries=alerts.deliveries(store, limit=_DELIVERIES),
        severities=_severities(),
        tongues=[(Tongue.ENGLISH, "English"), (Tongue.CHINESE, "中文")],
    )


@router.post("/alert-receivers")
def add_act(
    visit: GenuineSignedIn,
    name: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    language: Annotated[str, Form()] = "en",
    least_severity: Annotated[str, Form()] = "warning",
    after_min: Annotated[int, Form()] = 0,
    gets_discreet: Annotated[str, Form()] = "",
    url: Annotated[str, Form()] = "",
    secret: Annotated[str, Form()] = "",
    host: Annotated[str, Form()] = "",
    port: Annotated[str, Form()] = "",
    sender: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "",
    user: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Adds a receiver."""
    visit.require(Action.EDIT_ALERT_RULES)
    route = {"url": url, "secret": secret, "host": host, "port": port, "from": sender, "to": to}
    try:
        settings = ReceiverSettings(
            name=name,
            kind=ReceiverKind(kind),
            route=route | {"user": user, "password": password},
            language=Tongue(language),
            least_severity=Severity(least_severity),
            after_min=after_min,
            gets_discreet=bool(gets_discreet),
        )
    except ValueError as err:
        raise InvalidError(str(err)) from err
    receivers.add_receiver(visit.backend, visit.actor, settings)
    return visit.go("/alert-receivers", done="saved")


@router.post("/alert-receivers/{receiver_id}/test")
def test_act(visit: GenuineSignedIn, receiver_id: int) -> Response:
    """Sends a test message."""
    receivers.test_receiver(visit.backend, visit.actor, _known(receiver_id))
    return visit.go("/alert-receivers", done="testing")


@router.post("/alert-receivers/{receiver_id}/remove")
def remove_act(visit: GenuineSignedIn, receiver_id: int) -> Response:
    """Removes a receiver."""
    receivers.remove_receiver(visit.backend, visit.actor, _known(receiver_id))
    return visit.go("/alert-receivers", done="saved")


def _rules(visit: Visit) -> tuple[Rule, ...]:
    with visit.backend.store.read() as connection:
        return alerting.rules(connection)


def _severities() -> list[str]:
    return [each.value for each in Severity if each is not Severity.NORMAL]


def _worst(rule: Rule) -> str:
    if rule.kind in {RuleKind.METRIC, RuleKind.RATE}:
        return (Severity.ALARM if rule.bounds.alarm is not None else Severity.WARNING).value
    return rule.severity.value


def _divisor(rule: Rule) -> int:
    metric = METRICS.get(kind_of(rule.what)) if rule.kind is RuleKind.METRIC else None
    return metric.unit.divisor if metric is not None else 1


def _limit(visit: Visit, rule: Rule, value: int) -> str:
    metric = METRICS.get(kind_of(rule.what)) if rule.kind is RuleKind.METRIC else None
    symbol = "%" if metric is None else metric.unit.symbol
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


def _known(number: int) -> int:
    if not 0 < number < 2**63:
        raise NotFoundError(f"there is no number {number}")
    return number
