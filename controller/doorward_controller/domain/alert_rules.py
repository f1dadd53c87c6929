"""What raises an alert: rules as data, and what they make of the facts (pure).

A rule watches a number of the health report (with the limits and the slack of `doorward.health`),
a state, a rate against the gateway's own last days, an event, a change of a device, or the site. A
condition must hold for the rule's seconds before it is told; it is told once for each subject.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from doorward.health import Level, flattened, instance_of, kind_of, level_of
from doorward.health import Limits as MetricLimits
from doorward.reasons import Severity
from doorward_controller.domain.fleet_state import Condition, Fleet
from doorward_controller.domain.rule_options import DAY_S, Part

SITE = "site"
"""The subject of what concerns all gateways."""

RANKS = {Severity.NORMAL: 0, Severity.NOTICE: 1, Severity.WARNING: 2, Severity.ALARM: 3}


class RuleKind(StrEnum):
    """What a rule watches."""

    METRIC = "metric"
    STATE = "state"
    RATE = "rate"
    EVENT = "event"
    CHANGE = "change"
    SITE = "site"


class RateOf(StrEnum):
    """What can be compared with a gateway's own last days."""

    DENIED = "denied"
    SCANS = "scans"


Minutes = Annotated[int, Field(ge=0, le=7 * 24 * 60)]


class Step(Part):
    """Who is told when so many minutes have passed and nobody has acknowledged."""

    after_min: Minutes
    receiver_id: Annotated[int, Field(ge=1)]


class Bounds(Part):
    """From where on a number is bad; the meaning is that of `doorward.health.Limits`."""

    warning: int | None = None
    alarm: int | None = None
    clear_by: Annotated[int, Field(ge=0)] = 0
    is_low_bad: bool = False

    def limits(self) -> MetricLimits:
        """Returns them as the kit judges by them."""
        return MetricLimits(
            warning=self.warning,
            alarm=self.alarm,
            clear_by=self.clear_by,
            is_low_bad=self.is_low_bad,
        )


class Rule(Part):
    """One rule.

    Attributes:
        code: its name in the interface and in the database.
        title: what people call it; empty for what `what` says by itself.
        what: the number, state, rate, event, change or cause that it watches.
        bounds: of a number; of a rate in per cent of the gateway's own average hour.
        severity: of everything that has no bounds.
        for_s: how long a condition must hold.
        at_least: a rate counts from so many in the hour on.
        gateways: only these; empty for all.
        is_discreet: shown and sent only to those who may set postures; never on a wall screen.
        needs_person: stays open until somebody resolves it, also when the condition is over.
        steps: who is told when; empty for the receivers' own order.
    """

    code: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    title: Annotated[str, Field(max_length=100)] = ""
    kind: RuleKind
    what: Annotated[str, Field(min_length=1, max_length=64)]
    bounds: Bounds = Bounds()
    severity: Severity = Severity.WARNING
    for_s: Annotated[int, Field(ge=0, le=DAY_S)] = 0
    at_least: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    gateways: tuple[Annotated[str, Field(max_length=32)], ...] = ()
    is_on: bool = True
    is_discreet: bool = False
    needs_person: bool = False
    steps: tuple[Step, ...] = ()

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        has_bounds = self.bounds.warning is not None or self.bounds.alarm is not None
        if self.kind in {RuleKind.METRIC, RuleKind.RATE} and not has_bounds:
            raise ValueError("a rule on a number needs a limit for warning or alarm")
        if self.kind is RuleKind.RATE and self.what not in {each.value for each in RateOf}:
            raise ValueError(f"a rate is of {', '.join(RateOf)}")
        if self.kind is RuleKind.STATE and self.what not in {"late", "lost", "unsteady"}:
            raise ValueError("a state is late, lost or unsteady")
        return self

    def concerns(self, gateway: str) -> bool:
        """Says whether the rule watches this gateway."""
        return self.is_on and (not self.gateways or gateway in self.gateways)


class Key(NamedTuple):
    """What an alert is about: there is at most one that is not resolved."""

    rule: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A condition that holds, since when, how badly, and whether it was told."""

    since_ms: int
    level: Level
    is_told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many in the last hour, and in an average hour of the gateway's last seven days."""

    last_hour: int
    usual_hour: float

    @property
    def percent(self) -> int:
        """The last hour in per cent of the usual; where nothing is usual, of one."""
        return round(self.last_hour * 100 / max(self.usual_hour, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one gateway.

    Attributes:
        health: its last health message; not looked at while the gateway is away.
    """

    gateway: str
    health: Mapping[str, object] = field(default_factory=dict)
    rates: Mapping[RateOf, Rate] = field(default_factory=dict)


class Turn(StrEnum):
    """What becomes of an alert."""

    RAISE = "raise"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An alert is to be raised, made graver or milder, or its condition is over."""

    turn: Turn
    key: Key
    gateway: str
    severity: Severity = Severity.NORMAL
    value: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What follows from the facts: what to tell, and what holds from now on."""

    verdicts: tuple[Verdict, ...]
    held: Mapping[Key, Held]


class _Seen(NamedTuple):
    """One condition as it is now. A level of None: nothing can be said, it stays as it was."""

    rule: Rule
    subject: str
    gateway: str
    level: Level | None
    value: int | None = None


_LEVELS = {Severity.ALARM: Level.ALARM}


def evaluate(
    rules: Iterable[Rule],
    facts: Iterable[Facts],
    fleet: Fleet,
    held: Mapping[Key, Held],
    now_ms: int,
) -> Evaluation:
    """Returns what to tell at `now_ms`. Events and changes are not looked at: `on_event` does."""
    watched = list(rules)
    verdicts: list[Verdict] = []
    after: dict[Key, Held] = {}
    for seen in _conditions(watched, list(facts), fleet, held):
        key = Key(seen.rule.code, seen.subject)
        before = held.get(key)
        if seen.level is None:
            if before is not None:
                after[key] = before
            continue
        if seen.level is Level.OK:
            continue
        now_held, verdict = _holding(seen, before, now_ms)
        after[key] = now_held
        if verdict is not None:
            verdicts.append(verdict)
    verdicts += _cleared(held, after)
    return Evaluation(verdicts=tuple(verdicts), held=after)


def _holding(seen: _Seen, before: Held | None, now_ms: int) -> tuple[Held, Verdict | None]:
    """A condition that holds is told when its time is full, and again when its level changes."""
    level = seen.level or Level.OK
    since_ms = before.since_ms if before else now_ms
    was_told = before is not None and before.is_told
    is_due = was_told or now_ms - since_ms >= seen.rule.for_s * 1000
    is_news = is_due and not (was_told and before is not None and before.level is level)
    holding = Held(since_ms=since_ms, level=level, is_told=is_due)
    if not is_news:
        return holding, None
    verdict = Verdict(
        turn=Turn.RAISE,
        key=Key(seen.rule.code, seen.subject),
        gateway=seen.gateway,
        severity=_severity(seen.rule, level),
        value=seen.value,
    )
    return holding, verdict


def _cleared(held: Mapping[Key, Held], after: Mapping[Key, Held]) -> Iterator[Verdict]:
    for key, before in held.items():
        if key not in after and before.is_told:
            yield Verdict(turn=Turn.CLEAR, key=key, gateway=gateway_of(key.subject))


def _severity(rule: Rule, level: Level) -> Severity:
    if rule.kind in {RuleKind.METRIC, RuleKind.RATE}:
        return Severity.ALARM if level is Level.ALARM else Severity.WARNING
    return rule.severity


def _conditions(
    rules: Sequence[Rule], facts: Sequence[Facts], fleet: Fleet, held: Mapping[Key, Held]
) -> Iterator[_Seen]:
    by_metric: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.kind is RuleKind.METRIC:
            by_metric.setdefault(rule.what, []).append(rule)
        elif rule.kind is RuleKind.SITE and rule.is_on:
            is_so = fleet.site is not None and fleet.site.cause == rule.what
            yield _Seen(rule, SITE, "", _level(rule) if is_so else Level.OK)
    for each in facts:
        for rule in rules:
            if rule.concerns(each.gateway):
                if rule.kind is RuleKind.STATE:
                    yield _of_state(rule, each.gateway, fleet)
                elif rule.kind is RuleKind.RATE:
                    yield _of_rate(rule, each, held)
        yield from _of_metrics(by_metric, each, fleet, held)


def _level(rule: Rule) -> Level:
    return _LEVELS.get(rule.severity, Level.WARNING)


def _of_state(rule: Rule, gateway: str, fleet: Fleet) -> _Seen:
    now = fleet.of(gateway)
    level: Level | None = Level.OK
    if now.is_hidden or now.condition is Condition.UNHEARD:
        level = None
    elif rule.what == "unsteady":
        level = _level(rule) if now.is_settling else Level.OK
    elif now.condition is Condition.LOST or (
        rule.what == "late" and now.condition is Condition.LATE
    ):
        level = _level(rule)
    return _Seen(rule, gateway, gateway, level)


def _of_rate(rule: Rule, facts: Facts, held: Mapping[Key, Held]) -> _Seen:
    rate = facts.rates.get(RateOf(rule.what))
    level: Level | None = None
    if rate is not None:
        before = held.get(Key(rule.code, facts.gateway))
        level = level_of(rule.bounds.limits(), rate.percent, before.level if before else Level.OK)
        most = max(rate.last_hour, rate.usual_hour) if rule.bounds.is_low_bad else rate.last_hour
        if most < rule.at_least:
            level = Level.OK
    return _Seen(rule, facts.gateway, facts.gateway, level, rate.percent if rate else None)


def _of_metrics(
    by_metric: Mapping[str, Sequence[Rule]], facts: Facts, fleet: Fleet, held: Mapping[Key, Held]
) -> Iterator[_Seen]:
    """A number that is no longer told stays as it was, and so does every one while it is away."""
    is_here = fleet.of(facts.gateway).condition is Condition.ON_TIME
    told: set[Key] = set()
    for name, value in flattened(facts.health).items() if is_here else ():
        for rule in by_metric.get(kind_of(name), ()):
            if not rule.concerns(facts.gateway):
                continue
            subject = f"{facts.gateway}@{instance_of(name)}" if instance_of(name) else facts.gateway
            key = Key(rule.code, subject)
            before = held.get(key)
            level = level_of(rule.bounds.limits(), value, before.level if before else Level.OK)
            told.add(key)
            yield _Seen(rule, subject, facts.gateway, level, value)
    for rules in by_metric.values():
        for rule in rules:
            for key in held:
                if (
                    key.rule == rule.code
                    and key not in told
                    and gateway_of(key.subject) == facts.gateway
                    and rule.concerns(facts.gateway)
                ):
                    yield _Seen(rule, key.subject, facts.gateway, None)


def gateway_of(subject: str) -> str:
    """Returns the gateway of a subject, empty for the site."""
    return "" if subject == SITE else subject.partition("@")[0].partition("/")[0]


def on_event(rules: Iterable[Rule], kind: RuleKind, what: str, gateway: str) -> Rule | None:
    """Returns the gravest rule that an event or a change of a gateway raises an alert by."""
    fitting = [
        rule for rule in rules if rule.kind is kind and rule.what == what and rule.concerns(gateway)
    ]
    return max(fitting, key=lambda rule: RANKS[rule.severity], default=None)
