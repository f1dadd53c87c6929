"""An alert in words, in English and Chinese; nothing personal stands in them (pure).

Pages and messages say the same, so both take their words from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from doorward.events import event_text
from doorward.health import Metric, Unit, kind_of
from doorward.health_metrics import METRICS
from doorward.reasons import Severity
from doorward_controller.domain.alert_rules import Rule, RuleKind

Words = tuple[str, str]
"""English and Chinese."""


class Tongue(StrEnum):
    """A language that receivers read."""

    ENGLISH = "en"
    CHINESE = "zh-Hans"

    def of(self, words: Words) -> str:
        """Returns the words in this language."""
        return words[self is Tongue.CHINESE]


SEVERITIES: Mapping[Severity, Words] = MappingProxyType(
    {
        Severity.NORMAL: ("Information", "信息"),
        Severity.NOTICE: ("Notice", "提示"),
        Severity.WARNING: ("Warning", "警告"),
        Severity.ALARM: ("Alarm", "报警"),
    }
)

_STATES: Mapping[str, Words] = MappingProxyType(
    {
        "late": ("The gateway is late", "网关响应延迟"),
        "lost": ("The gateway is lost", "网关失联"),
        "unsteady": ("The gateway comes and goes", "网关连接时断时续"),
        "broker_down": ("The controller has lost the broker", "控制中心与消息代理的连接中断"),
        "site_link_down": ("Most gateways went silent together", "大部分网关同时失联"),
        "webhook_off": ("A webhook was switched off: it took nothing", "Webhook 持续失败，已停用"),
        "backup_late": ("The last good backup is too old", "最近一次成功备份已过期"),
        "disk_free": (
            "Little room is left on a disk of the controller",
            "控制中心磁盘可用空间不足",
        ),
        "certificate_ends": (
            "A certificate of the broker ends soon",
            "消息代理的证书即将到期",
        ),
        "log_late": (
            "Too little of the database's log has reached a place of backups",
            "数据库预写日志未按时送达备份位置",
        ),
        "months_missing": (
            "The database has no room ready for records of the coming months",
            "数据库尚未为未来月份的记录准备好分区",
        ),
        "plan_due": ("Planned maintenance is due soon", "计划维护即将到期"),
        "denied": ("Far more refusals than usual", "拒绝次数远高于平时"),
        "scans": ("Far fewer scans than usual", "扫码次数远低于平时"),
        "moved": ("The gateway serves other portals", "网关所属通道已改变"),
        "board_swapped": ("The board was exchanged", "主板被更换"),
        "card_swapped": ("The storage card was exchanged", "存储卡被更换"),
        "camera_swapped": ("The camera was exchanged", "摄像头被更换"),
        "re_imaged": ("The card was written anew: another journal", "存储卡被重写：日志已更换"),
        "address_changed": ("The network address changed", "网络地址已改变"),
        "renamed": ("The machine was renamed", "主机名已改变"),
        "software_changed": ("The software changed", "软件版本已改变"),
    }
)

_DISCREET: Words = ("Look at the alerts in the console", "请查看控制台中的告警")
_LIFE: Mapping[str, Words] = MappingProxyType(
    {
        "opened": ("New alert", "新告警"),
        "again": ("It happened again", "再次发生"),
        "escalated": ("Nobody has acknowledged yet", "尚无人确认"),
        "worse": ("It got worse", "情况加重"),
        "resolved": ("Over", "已解除"),
        "test": ("A test message; nothing is wrong", "测试消息，一切正常"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What an alert tells of.

    Attributes:
        place: the gateway, and the portal where it is about one; "site" for all.
        value: of the number that went out of bounds, None where there is none.
        before, after: of a device's change.
        happened_at_utc_ms: by the gateway's clock; it may have been cut off since.
    """

    kind: RuleKind
    what: str
    place: str
    title: str = ""
    value: int | None = None
    before: str = ""
    after: str = ""
    happened_at_utc_ms: int | None = None


_SITE_NUMBERS = MappingProxyType(
    {"disk_free": ("{} % free", "剩余 {} %"), "certificate_ends": ("{} days left", "剩余 {} 天")}
)


def what_in_words(kind: RuleKind, what: str, tongue: Tongue) -> str:
    """Returns what a rule watches; a name that this version does not know is shown as it is."""
    metric = METRICS.get(kind_of(what))
    if kind is RuleKind.METRIC and metric is not None:
        return tongue.of((metric.label_en, metric.label_zh))
    text = event_text(what)
    if kind is RuleKind.EVENT and text is not None:
        return tongue.of((text.en, text.zh)).rstrip(".。")
    return tongue.of(_STATES[what]) if what in _STATES else what


def rule_in_words(rule: Rule, tongue: Tongue) -> str:
    """Returns what a rule is called."""
    return rule.title or what_in_words(rule.kind, rule.what, tongue)


def title_of(fact: Fact, tongue: Tongue) -> str:
    """Returns the one line that says what is wrong, without where."""
    words = fact.title or what_in_words(fact.kind, fact.what, tongue)
    if fact.value is not None:
        separator = tongue.of((": ", "："))
        return f"{words}{separator}{number_in_words(fact, tongue)}"
    if fact.before and not fact.after:
        return f"{words} ({fact.before})"
    if fact.before or fact.after:
        return f"{words} ({fact.before} → {fact.after})"
    return words


def number_in_words(fact: Fact, tongue: Tongue) -> str:
    """Returns an alert's number with its unit."""
    value = fact.value or 0
    if fact.kind is RuleKind.RATE:
        return tongue.of((f"{value} % of the usual", f"平时的 {value} %"))
    if fact.kind is RuleKind.SITE and fact.what in _SITE_NUMBERS:
        english, chinese = _SITE_NUMBERS[fact.what]
        return tongue.of((english.format(value), chinese.format(value)))
    metric = METRICS.get(kind_of(fact.what))
    return str(value) if metric is None else _with_unit(metric, value, tongue)


def _with_unit(metric: Metric, value: int, tongue: Tongue) -> str:
    if metric.unit is Unit.FLAG:
        return tongue.of(("yes", "是") if value else ("no", "否"))
    shown = value / metric.unit.divisor
    text = f"{shown:.1f}".removesuffix(".0")
    return f"{text} {metric.unit.symbol}".rstrip()


def message_title(
    about: str, fact: Fact | None, severity: Severity, *, is_discreet: bool, tongue: Tongue
) -> str:
    """Returns the subject line of a message; what must not be seen by everybody is not in it."""
    if fact is None:
        return f"Doorward · {tongue.of(_LIFE['test'])}"
    if is_discreet:
        return f"Doorward · {tongue.of(_DISCREET)}"
    return (
        f"{tongue.of(SEVERITIES[severity])} · {fact.place} · {title_of(fact, tongue)}"
        f" · {tongue.of(_LIFE.get(about, _LIFE['opened']))}"
    )
