"""Rules of alerts: by table, over time, and what must hold for all facts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from doorward.events import EventCode, Passage
from doorward.health import Level
from doorward.health_metrics import METRICS
from doorward.reasons import Severity
from doorward_controller.domain.alert_defaults import CLEARED_BY, default_rules
from doorward_controller.domain.alert_life import (
    PAUSES_S,
    AlertState,
    Move,
    Receiver,
    due_receivers,
    may_move,
    moved,
    next_attempt_s,
)
from doorward_controller.domain.alert_rules import (
    SITE,
    Bounds,
    Facts,
    Held,
    Key,
    Rate,
    RateOf,
    Rule,
    RuleKind,
    Step,
    Turn,
    Verdict,
    evaluate,
    gateway_of,
    on_event,
)
from doorward_controller.domain.alert_texts import (
    Fact,
    Tongue,
    message_title,
    title_of,
    what_in_words,
)
from doorward_controller.domain.fleet_state import (
    Condition,
    Fleet,
    GatewayNow,
    SiteCause,
    SiteEvent,
)

HEAT = Rule(
    code="heat",
    kind=RuleKind.METRIC,
    what="temperature_mc",
    bounds=Bounds(warning=75_000, alarm=80_000, clear_by=5_000),
    for_s=60,
)
LOST = Rule(code="lost", kind=RuleKind.STATE, what="lost", severity=Severity.ALARM)
DENIED = Rule(
    code="denied",
    kind=RuleKind.RATE,
    what="denied",
    bounds=Bounds(warning=400, clear_by=100),
    at_least=20,
)
BROKER = Rule(code="broker", kind=RuleKind.SITE, what="broker_down", severity=Severity.ALARM)


def fleet(
    condition: Condition = Condition.ON_TIME, *, site: SiteEvent | None = None, hidden: bool = False
) -> Fleet:
    now = GatewayNow(gateway="gate", condition=condition, is_hidden=hidden)
    return Fleet(gateways={"gate": now}, site=site)


def hot(value: int) -> Facts:
    return Facts(gateway="gate", health={"vitals": {"temperature_mc": value}})


def run(rule: Rule, *steps: tuple[int, Facts, Fleet]) -> list[list[Verdict]]:
    """Evaluates at each second; returns what was told each time."""
    held: dict[Key, Held] = {}
    told = []
    for second, facts, now in steps:
        found = evaluate([rule], [facts], now, held, second * 1000)
        held = dict(found.held)
        told.append(list(found.verdicts))
    return told


def test_a_number_is_told_when_its_time_is_full_and_again_only_when_it_gets_worse() -> None:
    told = run(
        HEAT,
        (0, hot(76_000), fleet()),
        (59, hot(76_000), fleet()),
        (60, hot(76_000), fleet()),
        (75, hot(77_000), fleet()),
        (90, hot(81_000), fleet()),
        (105, hot(71_000), fleet()),
        (120, hot(69_000), fleet()),
        (135, hot(69_000), fleet()),
    )
    assert [[(v.turn, v.severity, v.value) for v in each] for each in told] == [
        [],
        [],
        [(Turn.RAISE, Severity.WARNING, 76_000)],
        [],
        [(Turn.RAISE, Severity.ALARM, 81_000)],
        # Back over one limit by the slack, not over the other: milder.
        [(Turn.RAISE, Severity.WARNING, 71_000)],
        [(Turn.CLEAR, Severity.NORMAL, None)],
        [],
    ]


def test_a_number_that_is_well_again_before_its_time_was_nothing() -> None:
    told = run(
        HEAT, (0, hot(76_000), fleet()), (30, hot(20_000), fleet()), (99, hot(76_000), fleet())
    )
    assert told == [[], [], []]


def test_what_cannot_be_known_stays_as_it_was() -> None:
    told = run(
        HEAT,
        (0, hot(90_000), fleet()),
        (60, hot(90_000), fleet()),
        (75, hot(20_000), fleet(Condition.LOST)),
        (90, Facts(gateway="gate"), fleet()),
        (105, hot(20_000), fleet()),
    )
    assert [len(each) for each in told] == [0, 1, 0, 0, 1]


def test_each_of_several_cameras_is_a_subject_of_its_own() -> None:
    rule = Rule(
        code="rate", kind=RuleKind.METRIC, what="frame_rate_permille",
        bounds=Bounds(warning=700, is_low_bad=True),
    )  # fmt: skip
    health = {"vitals": {"frame_rate_permille@front": 100, "frame_rate_permille@rear": 900}}
    found = evaluate([rule], [Facts(gateway="gate", health=health)], fleet(), {}, 0)
    assert [v.key.subject for v in found.verdicts] == ["gate@front"]
    assert gateway_of("gate@front") == gateway_of("gate/door") == "gate"
    assert gateway_of(SITE) == ""


@pytest.mark.parametrize(
    ("what", "state", "is_told"),
    [
        ("lost", fleet(Condition.LOST), True),
        ("lost", fleet(Condition.LATE), False),
        ("late", fleet(Condition.LATE), True),
        ("late", fleet(Condition.LOST), True),
        ("lost", fleet(Condition.LOST, hidden=True), False),
        ("lost", fleet(Condition.UNHEARD), False),
        ("lost", fleet(Condition.REVOKED), False),
        ("lost", fleet(Condition.NEVER_SEEN), False),
    ],
)
def test_absence_is_told_unless_another_cause_explains_it(
    what: str, state: Fleet, *, is_told: bool
) -> None:
    rule = LOST.model_copy(update={"what": what})
    found = evaluate([rule], [Facts(gateway="gate")], state, {}, 0)
    assert bool(found.verdicts) is is_told


def test_an_absence_that_a_site_event_explains_later_is_neither_told_again_nor_cleared() -> None:
    facts = Facts(gateway="gate")
    told = run(
        LOST,
        (0, facts, fleet(Condition.LOST)),
        (15, facts, fleet(Condition.LOST, hidden=True)),
        (30, facts, fleet(Condition.LOST)),
        (45, facts, fleet()),
    )
    assert [[v.turn for v in each] for each in told] == [[Turn.RAISE], [], [], [Turn.CLEAR]]


def test_the_site_is_one_subject() -> None:
    event = SiteEvent(cause=SiteCause.BROKER_DOWN, since_ms=0, gateways=("gate",))
    told = run(
        BROKER,
        (0, Facts(gateway="gate"), fleet(Condition.UNHEARD, site=event)),
        (15, Facts(gateway="gate"), fleet()),
    )
    assert [[(v.turn, v.key.subject) for v in each] for each in told] == [
        [(Turn.RAISE, SITE)],
        [(Turn.CLEAR, SITE)],
    ]


@pytest.mark.parametrize(
    ("last_hour", "usual", "is_told"),
    [(19, 0.0, False), (20, 0.0, True), (20, 4.0, True), (39, 10.0, False), (40, 10.0, True)],
)
def test_a_rate_is_compared_with_the_gateways_own_days(
    last_hour: int, usual: float, *, is_told: bool
) -> None:
    rates = {RateOf.DENIED: Rate(last_hour=last_hour, usual_hour=usual)}
    found = evaluate([DENIED], [Facts(gateway="gate", rates=rates)], fleet(), {}, 0)
    assert bool(found.verdicts) is is_told


def test_too_few_scans_count_only_where_there_are_usually_many() -> None:
    rule = DENIED.model_copy(
        update={"what": "scans", "bounds": Bounds(warning=5, is_low_bad=True), "at_least": 30}
    )
    for usual, is_told in ((29.0, False), (31.0, True)):
        rates = {RateOf.SCANS: Rate(last_hour=0, usual_hour=usual)}
        found = evaluate([rule], [Facts(gateway="gate", rates=rates)], fleet(), {}, 0)
        assert bool(found.verdicts) is is_told


def test_a_rule_that_is_switched_off_ends_what_it_raised() -> None:
    held = {Key("lost", "gate"): Held(since_ms=0, level=Level.ALARM, is_told=True)}
    off = LOST.model_copy(update={"is_on": False})
    found = evaluate([off], [Facts(gateway="gate")], fleet(Condition.LOST), held, 1)
    assert [v.turn for v in found.verdicts] == [Turn.CLEAR]
    elsewhere = LOST.model_copy(update={"gateways": ("other",)})
    found = evaluate([elsewhere], [Facts(gateway="gate")], fleet(Condition.LOST), {}, 1)
    assert found.verdicts == ()


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "metric", "what": "temperature_mc"},
        {"kind": "rate", "what": "colour", "bounds": {"warning": 1}},
        {"kind": "state", "what": "fine"},
        {"kind": "event", "what": ""},
        {"kind": "event", "what": "forced", "colour": "red"},
    ],
)
def test_a_rule_that_could_never_be_met_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate({"code": "x", **values})


def test_the_programs_own_rules_watch_every_limit_and_every_alarm() -> None:
    rules = {rule.code: rule for rule in default_rules()}
    assert len(rules) == len(default_rules())
    for name, metric in METRICS.items():
        limited = metric.limits.warning is not None or metric.limits.alarm is not None
        assert (f"metric.{name}" in rules) == limited
    for code in (Passage.FORCED, EventCode.TAMPER_OPENED, EventCode.FIRE_ALARM, EventCode.DURESS):
        assert rules[f"event.{code.value}"].severity is Severity.ALARM
        assert rules[f"event.{code.value}"].needs_person
    assert [rule.code for rule in rules.values() if rule.is_discreet] == [
        f"event.{EventCode.DURESS.value}"
    ]
    assert not {f"event.{end}" for end in CLEARED_BY.values()} & rules.keys()
    for rule in rules.values():
        for tongue in Tongue:
            assert what_in_words(rule.kind, rule.what, tongue) not in {"", rule.what}


def test_of_two_rules_on_an_event_the_graver_counts() -> None:
    mild = Rule(code="mild", kind=RuleKind.EVENT, what="forced", severity=Severity.NOTICE)
    grave = Rule(code="grave", kind=RuleKind.EVENT, what="forced", severity=Severity.ALARM)
    found = on_event([mild, grave], RuleKind.EVENT, "forced", "gate")
    assert found is grave
    assert on_event([mild], RuleKind.EVENT, "held", "gate") is None


_values = st.lists(
    st.tuples(st.integers(1, 200), st.integers(60_000, 90_000), st.booleans()), max_size=30
)


@given(_values)
def test_raising_and_clearing_take_turns(steps: list[tuple[int, int, bool]]) -> None:
    second, is_raised = 0, False
    held: dict[Key, Held] = {}
    for pause, value, is_here in steps:
        second += pause
        state = fleet(Condition.ON_TIME if is_here else Condition.LOST)
        found = evaluate([HEAT], [hot(value)], state, held, second * 1000)
        held = dict(found.held)
        for verdict in found.verdicts:
            assert verdict.turn is Turn.RAISE or is_raised
            is_raised = verdict.turn is Turn.RAISE
        assert is_raised == any(each.is_told for each in held.values())


@pytest.mark.parametrize("state", AlertState)
def test_only_the_moves_of_the_table_are_possible(state: AlertState) -> None:
    allowed = {move for move in Move if may_move(state, move)}
    live = {Move.ASSIGN, Move.SILENCE, Move.RESOLVE, Move.NOTE}
    assert (
        allowed
        == {
            AlertState.OPEN: live | {Move.ACKNOWLEDGE},
            AlertState.ACKNOWLEDGED: live,
            AlertState.RESOLVED: {Move.REOPEN, Move.NOTE},
        }[state]
    )
    assert moved(state, Move.NOTE) is state


FIRST = Receiver(id=1, least_severity=Severity.WARNING, after_min=0)
BOSS = Receiver(id=2, least_severity=Severity.ALARM, after_min=15, gets_discreet=True)
OFF = Receiver(id=3, least_severity=Severity.NORMAL, after_min=0, is_on=False)


@pytest.mark.parametrize(
    ("minutes", "severity", "told", "discreet", "due"),
    [
        (0, Severity.NOTICE, (), False, ()),
        (0, Severity.WARNING, (), False, (1,)),
        (0, Severity.WARNING, (1,), False, ()),
        (14, Severity.ALARM, (1,), False, ()),
        (15, Severity.ALARM, (1,), False, (2,)),
        (15, Severity.WARNING, (1,), False, ()),
        (15, Severity.ALARM, (), False, (1, 2)),
        (15, Severity.ALARM, (), True, (2,)),
    ],
)
def test_the_next_is_told_when_nobody_acknowledged(
    minutes: int, severity: Severity, told: tuple[int, ...], *, discreet: bool, due: tuple[int, ...]
) -> None:
    found = due_receivers(
        None, (FIRST, BOSS, OFF), severity=severity, is_discreet=discreet,
        waited_ms=minutes * 60_000, told=told,
    )  # fmt: skip
    assert found == due


def test_a_rules_own_steps_count_before_the_receivers_order() -> None:
    rule = HEAT.model_copy(
        update={"steps": (Step(after_min=5, receiver_id=1), Step(after_min=0, receiver_id=2))}
    )
    for minutes, due in ((0, (2,)), (5, (2, 1))):
        assert due == due_receivers(
            rule, (FIRST, BOSS), severity=Severity.NOTICE, is_discreet=False,
            waited_ms=minutes * 60_000, told=(),
        )  # fmt: skip


def test_pauses_grow_and_end() -> None:
    assert list(PAUSES_S) == sorted(PAUSES_S)
    assert next_attempt_s(1) == PAUSES_S[0]
    assert next_attempt_s(len(PAUSES_S)) == PAUSES_S[-1]
    assert next_attempt_s(len(PAUSES_S) + 1) is None


def test_an_alert_says_what_is_wrong_in_both_languages() -> None:
    heat = Fact(kind=RuleKind.METRIC, what="temperature_mc", place="gate", value=81_500)
    assert title_of(heat, Tongue.ENGLISH) == "Temperature: 81.5 °C"
    assert title_of(heat, Tongue.CHINESE) == "温度：81.5 °C"
    forced = Fact(kind=RuleKind.EVENT, what="forced", place="gate · door")
    assert (title_of(forced, Tongue.ENGLISH), title_of(forced, Tongue.CHINESE)) == (
        "Forced open",
        "被强行打开",
    )
    swapped = Fact(kind=RuleKind.CHANGE, what="board_swapped", place="gate", before="1", after="2")
    assert title_of(swapped, Tongue.ENGLISH) == "The board was exchanged (1 → 2)"
    assert "gate" in message_title(
        "opened", heat, Severity.ALARM, is_discreet=False, tongue=Tongue.ENGLISH
    )


def test_a_discreet_message_says_nothing_of_what_or_where() -> None:
    duress = Fact(kind=RuleKind.EVENT, what="duress_signalled", place="gate · door")
    for tongue in Tongue:
        said = message_title("opened", duress, Severity.ALARM, is_discreet=True, tongue=tongue)
        for secret in ("gate", "door", "uress", "胁迫", "larm", "报警"):
            assert secret not in said
