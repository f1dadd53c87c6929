"""The rules that every site begins with: the health registry's own limits, and what security needs.

They are the program's: a newer version brings better ones. Whoever changes one keeps his own.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from doorward.events import EVENT_TEXTS, PASSAGE_TEXTS, EventCode, Passage
from doorward.health import Unit
from doorward.health_metrics import METRICS
from doorward.reasons import Severity
from doorward_controller.domain.alert_rules import Bounds, RateOf, Rule, RuleKind
from doorward_controller.domain.device_changes import ChangeKind
from doorward_controller.domain.fleet_state import SiteCause

DISK_RULE = "site.disk_free"
CERTIFICATE_RULE = "site.certificate_ends"
SITE_NUMBERS: Mapping[str, str] = MappingProxyType({DISK_RULE: "%", CERTIFICATE_RULE: "d"})
"""Rules on numbers of the site's own, with their units."""

PLAN_DUE = "plan_due"
"""A maintenance plan is within its days of warning at a device; the plan's round says so."""

_STEADY_S = 60
"""A number must be bad at two reports in a row; a fault told as yes or no counts at once."""

CLEARED_BY: Mapping[str, str] = MappingProxyType(
    {
        Passage.HELD: EventCode.DOOR_CLOSED_AGAIN,
        EventCode.DOOR_FOUND_OPEN: EventCode.DOOR_CLOSED_AGAIN,
        EventCode.FIRE_ALARM: EventCode.FIRE_OVER,
        EventCode.TAMPER_OPENED: EventCode.TAMPER_CLOSED,
        EventCode.INPUT_FAULTY: EventCode.INPUT_WELL,
        EventCode.SCANNER_LOST: EventCode.SCANNER_FOUND,
        EventCode.CAMERA_FAULT: EventCode.CAMERA_WELL,
        EventCode.OVER_TEMPERATURE: EventCode.TEMPERATURE_NORMAL,
        EventCode.UNDERVOLTAGE: EventCode.VOLTAGE_NORMAL,
        EventCode.STORAGE_READ_ONLY: EventCode.STORAGE_WRITABLE,
        EventCode.STORAGE_ERRORS: EventCode.STORAGE_WELL,
    }
)
"""Which event says that another one is over."""

_ENDS = frozenset(CLEARED_BY.values())

_FOR_A_PERSON = frozenset(
    {
        Passage.FORCED,
        EventCode.TAMPER_OPENED,
        EventCode.FIRE_ALARM,
        EventCode.DURESS,
        EventCode.JOURNAL_DAMAGED,
        EventCode.JOURNAL_MISSING,
        EventCode.JOURNAL_RECORD_DAMAGED,
        EventCode.SCANS_NOT_RECORDED,
    }
)
"""Somebody looks into it, also when it is over."""

_TOLD_BY_HEALTH = frozenset(
    {
        EventCode.OVER_TEMPERATURE,
        EventCode.UNDERVOLTAGE,
        EventCode.STORAGE_READ_ONLY,
        EventCode.STORAGE_ERRORS,
        EventCode.CAMERA_FAULT,
        EventCode.JOURNAL_FILLING,
    }
)
"""The health report says the same, and once is enough."""

_CHANGES = {
    ChangeKind.MOVED: Severity.ALARM,
    ChangeKind.BOARD_SWAPPED: Severity.ALARM,
    ChangeKind.CARD_SWAPPED: Severity.ALARM,
    ChangeKind.CAMERA_SWAPPED: Severity.WARNING,
    ChangeKind.RE_IMAGED: Severity.WARNING,
    ChangeKind.ADDRESS_CHANGED: Severity.WARNING,
    ChangeKind.RENAMED: Severity.WARNING,
    ChangeKind.SOFTWARE_CHANGED: Severity.NOTICE,
}


def default_rules() -> tuple[Rule, ...]:
    """Returns the program's own rules, in the order in which they are shown."""
    return (*_states(), *_events(), *_planned(), *_changes(), *_metrics(), *_rates())


def _states() -> Iterator[Rule]:
    yield Rule(
        code="site.broker_down",
        kind=RuleKind.SITE,
        what=SiteCause.BROKER_DOWN.value,
        severity=Severity.ALARM,
        for_s=30,
    )
    yield Rule(
        code="site.link_down",
        kind=RuleKind.SITE,
        what=SiteCause.SITE_LINK_DOWN.value,
        severity=Severity.ALARM,
    )
    yield Rule(code="site.months_missing", kind=RuleKind.SITE, what="months_missing")
    yield Rule(code="site.webhook_off", kind=RuleKind.SITE, what="webhook_off", needs_person=True)
    yield Rule(
        code="site.backup_late", kind=RuleKind.SITE, what="backup_late", severity=Severity.ALARM
    )
    yield Rule(
        code=DISK_RULE,
        kind=RuleKind.SITE,
        what="disk_free",
        bounds=Bounds(warning=15, alarm=5, clear_by=3, is_low_bad=True),
    )
    yield Rule(
        code=CERTIFICATE_RULE,
        kind=RuleKind.SITE,
        what="certificate_ends",
        bounds=Bounds(warning=60, alarm=14, is_low_bad=True),
    )
    yield Rule(code="site.log_late", kind=RuleKind.SITE, what="log_late", severity=Severity.WARNING)
    yield Rule(code="state.lost", kind=RuleKind.STATE, what="lost", severity=Severity.ALARM)
    yield Rule(
        code="state.unsteady", kind=RuleKind.STATE, what="unsteady", severity=Severity.WARNING,
        for_s=60,
    )  # fmt: skip


def _events() -> Iterator[Rule]:
    for code, text in (*PASSAGE_TEXTS.items(), *EVENT_TEXTS.items()):
        grave = text.severity in {Severity.ALARM, Severity.WARNING}
        if not grave or code in _ENDS or code in _TOLD_BY_HEALTH:
            continue
        yield Rule(
            code=f"event.{code.value}",
            kind=RuleKind.EVENT,
            what=code.value,
            severity=text.severity,
            is_discreet=code is EventCode.DURESS,
            needs_person=code in _FOR_A_PERSON,
        )


def _planned() -> Iterator[Rule]:
    """A notice: nothing is wrong. Receivers that want notices are told."""
    yield Rule(
        code=f"event.{PLAN_DUE}", kind=RuleKind.EVENT, what=PLAN_DUE, severity=Severity.NOTICE
    )


def _changes() -> Iterator[Rule]:
    for kind, severity in _CHANGES.items():
        yield Rule(
            code=f"change.{kind.value}",
            kind=RuleKind.CHANGE,
            what=kind.value,
            severity=severity,
            needs_person=True,
            is_on=kind is not ChangeKind.SOFTWARE_CHANGED,
        )


def _metrics() -> Iterator[Rule]:
    for name, metric in METRICS.items():
        limits = metric.limits
        if limits.warning is None and limits.alarm is None:
            continue
        yield Rule(
            code=f"metric.{name}",
            kind=RuleKind.METRIC,
            what=name,
            bounds=Bounds(
                warning=limits.warning,
                alarm=limits.alarm,
                clear_by=limits.clear_by,
                is_low_bad=limits.is_low_bad,
            ),
            for_s=0 if metric.unit is Unit.FLAG else _STEADY_S,
        )


def _rates() -> Iterator[Rule]:
    yield Rule(
        code="rate.denied",
        kind=RuleKind.RATE,
        what=RateOf.DENIED.value,
        bounds=Bounds(warning=400, alarm=1000, clear_by=100),
        at_least=20,
    )
    yield Rule(
        code="rate.scans_low",
        kind=RuleKind.RATE,
        what=RateOf.SCANS.value,
        bounds=Bounds(warning=5, is_low_bad=True, clear_by=5),
        at_least=30,
        is_on=False,
    )
