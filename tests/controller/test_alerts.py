"""Alerts from records, reports and silence to their end, on both databases."""

import pytest

from doorward.reasons import Severity
from doorward.records import Record, RecordKind
from doorward.times import ClockTrust
from doorward_controller.domain.alert_life import REOPEN_S, AlertState
from doorward_controller.domain.alert_rules import Bounds, RuleKind
from doorward_controller.domain.fleet_state import Condition, SiteCause
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from doorward_controller.queries import alerts, fleet_states, wall
from doorward_controller.queries.alerts import LIVE, AlertFilter, AlertRow
from doorward_controller.services import alert_handling, alert_rule_book, alert_watch, alerting
from doorward_controller.services.alert_watch import AlertWatch
from doorward_controller.services.backend import Backend
from doorward_controller.store import alerts as rows
from tests.controller.conftest import AUDITOR, SECURITY, StandingClock
from tests.fakes.controller_link import FakeLink
from tests.fakes.fed_gateway import BOOT_ID, FedGateway

GUARD = Actor(name="gus", role=Role.GUARD)
FACILITY = Actor(name="fay", role=Role.FACILITY)


def gateway(backend: Backend, name: str = "gate-1") -> FedGateway:
    made = FedGateway(backend, name)
    made.enrol()
    made.connect()
    return made


def event(
    fed: FedGateway, code: str, *, kind: RecordKind = RecordKind.EVENT, ago_s: int = 0
) -> None:
    now = fed.backend.clock.now()
    portal = f"{fed.name}-door"
    record = Record(
        kind=kind,
        utc_ms=now.utc_ms - ago_s * 1000,
        mono_ms=now.mono_ms,
        boot_id=BOOT_ID,
        clock_trust=ClockTrust.SYNCHRONISED,
        portal=portal,
        reason=code,
    )
    fed._tell(record)


def live(backend: Backend, *, with_discreet: bool = True) -> dict[str, AlertRow]:
    wanted = AlertFilter(state=LIVE, with_discreet=with_discreet)
    return {row.rule: row for row in alerts.page(backend.store, wanted).items}


def only(backend: Backend) -> AlertRow:
    (row,) = alerts.page(backend.store, AlertFilter(with_discreet=True)).items
    return row


def test_a_forced_door_raises_at_once_and_waits_for_a_person(
    backend: Backend, clock: StandingClock
) -> None:
    fed = gateway(backend)
    event(fed, "forced", kind=RecordKind.PASSAGE, ago_s=3600)
    row = live(backend)["event.forced"]
    assert (row.severity, row.subject) == (Severity.ALARM, "gate-1/gate-1-door")
    assert row.fact.happened_at_utc_ms == clock.utc_ms - 3_600_000
    event(fed, "forced", kind=RecordKind.PASSAGE)
    event(fed, "forced", kind=RecordKind.PASSAGE)
    assert live(backend)["event.forced"].times == 3
    AlertWatch(backend).turn()
    assert live(backend)["event.forced"].state is AlertState.OPEN


def test_an_event_that_is_over_ends_its_alert_unless_somebody_must_look(backend: Backend) -> None:
    fed = gateway(backend)
    event(fed, "scanner_lost")
    event(fed, "tamper_opened")
    event(fed, "scanner_found")
    event(fed, "tamper_closed")
    assert live(backend).keys() == {"event.tamper_opened"}
    tampered = live(backend)["event.tamper_opened"]
    assert alerts.history(backend.store, tampered.id)[0].what == "over"


def test_what_comes_back_soon_is_the_same_alert_opened_again(
    backend: Backend, clock: StandingClock
) -> None:
    fed = gateway(backend)
    event(fed, "scanner_lost")
    event(fed, "scanner_found")
    first = only(backend)
    assert first.state is AlertState.RESOLVED
    clock.pass_s(REOPEN_S)
    event(fed, "scanner_lost")
    again = only(backend)
    assert (again.id, again.state, again.times) == (first.id, AlertState.OPEN, 2)
    event(fed, "scanner_found")
    clock.pass_s(REOPEN_S + 1)
    event(fed, "scanner_lost")
    assert len(alerts.page(backend.store, AlertFilter()).items) == 2


def test_a_gateway_that_stays_away_is_late_then_lost_then_back(
    backend: Backend, clock: StandingClock
) -> None:
    fed, watch = gateway(backend), AlertWatch(backend)

    def condition() -> Condition:
        return fleet_states.fleet(backend.store, clock.utc_ms).of("gate-1").condition

    assert condition() is Condition.ON_TIME
    fed.connect(online=False)
    assert condition() is Condition.LATE
    clock.pass_s(299)
    watch.turn()
    assert live(backend) == {}
    clock.pass_s(1)
    assert condition() is Condition.LOST
    watch.turn()
    watch.turn()
    assert live(backend)["state.lost"].times == 1
    fed.connect()
    watch.turn()
    assert condition() is Condition.LATE
    clock.pass_s(15)
    watch.turn()
    assert condition() is Condition.ON_TIME
    assert live(backend) == {}
    assert only(backend).resolved_by == ""


def test_many_that_go_together_are_one_site_event(backend: Backend, clock: StandingClock) -> None:
    fed = [gateway(backend, f"gate-{n}") for n in range(4)]
    for each in fed:
        each.connect(online=False)
    clock.pass_s(400)
    AlertWatch(backend).turn()
    assert live(backend).keys() == {"site.link_down"}
    board = wall.board(backend.store, clock.utc_ms)
    assert board.site is not None
    assert board.site.cause is SiteCause.SITE_LINK_DOWN
    assert [severity for severity, _ in board.general] == [Severity.ALARM]


def test_nobody_is_late_while_we_are_deaf(
    backend: Backend, link: FakeLink, clock: StandingClock
) -> None:
    gateway(backend)
    watch = AlertWatch(backend)
    link.connected = False
    watch.turn()
    clock.pass_s(3600)
    watch.turn()
    assert live(backend).keys() == {"site.broker_down"}
    link.connected = True
    clock.pass_s(15)
    watch.turn()
    assert live(backend) == {}
    clock.pass_s(300)
    watch.turn()
    assert live(backend).keys() == {"state.lost"}


def test_a_start_makes_nobody_late(backend: Backend, clock: StandingClock) -> None:
    gateway(backend)
    clock.pass_s(9999)
    alert_watch.begin(backend)
    assert fleet_states.fleet(backend.store, clock.utc_ms).of("gate-1").condition is (
        Condition.UNHEARD
    )
    alert_watch.note_link(backend)
    assert fleet_states.fleet(backend.store, clock.utc_ms).of("gate-1").condition is (
        Condition.ON_TIME
    )


def test_a_number_out_of_bounds_is_told_when_it_lasts_and_ends_with_it(
    backend: Backend, clock: StandingClock
) -> None:
    fed, watch = gateway(backend), AlertWatch(backend)
    for value, seconds in ((81_000, 0), (82_000, 60)):
        clock.pass_s(seconds)
        fed.report_health(pending=0, temperature_mc=value)
        watch.turn()
    row = live(backend)["metric.temperature_mc"]
    assert (row.severity, row.fact.value) == (Severity.ALARM, 82_000)
    fed.report_health(pending=0, temperature_mc=50_000)
    watch.turn()
    assert live(backend) == {}


def test_far_more_refusals_than_usual_are_told(backend: Backend) -> None:
    fed = gateway(backend)
    for _ in range(20):
        fed.scan("revoked")
    AlertWatch(backend).turn()
    assert live(backend)["rate.denied"].fact.value == 2000


def test_people_handle_an_alert_and_its_history_tells(
    backend: Backend, clock: StandingClock
) -> None:
    event(gateway(backend), "forced", kind=RecordKind.PASSAGE)
    alert_id = only(backend).id
    alert_handling.acknowledge(backend, GUARD, alert_id)
    with pytest.raises(ConflictError):
        alert_handling.acknowledge(backend, GUARD, alert_id)
    alert_handling.assign(backend, GUARD, alert_id, "fay")
    alert_handling.silence(backend, GUARD, alert_id, clock.utc_ms // 1000 + 60)
    with pytest.raises(InvalidError):
        alert_handling.silence(backend, GUARD, alert_id, clock.utc_ms // 1000)
    alert_handling.note(backend, FACILITY, alert_id, "looked: it is the wind")
    alert_handling.resolve(backend, FACILITY, alert_id, "latch adjusted")
    row = only(backend)
    assert (row.state, row.resolved_by, row.assigned_to) == (AlertState.RESOLVED, "fay", "fay")
    alert_handling.reopen(backend, GUARD, alert_id)
    told = [(each.who, each.what) for each in alerts.history(backend.store, alert_id)]
    assert told[::-1] == [
        ("", "opened"),
        ("gus", "acknowledged"),
        ("gus", "assigned"),
        ("gus", "silenced"),
        ("fay", "note"),
        ("fay", "resolved"),
        ("gus", "reopened"),
    ]
    with pytest.raises(ForbiddenError):
        alert_handling.resolve(backend, AUDITOR, alert_id)
    with pytest.raises(NotFoundError):
        alert_handling.resolve(backend, GUARD, 999)


def test_a_condition_that_holds_on_is_told_anew_after_somebody_resolved_it(
    backend: Backend, clock: StandingClock
) -> None:
    fed, watch = gateway(backend), AlertWatch(backend)
    fed.connect(online=False)
    clock.pass_s(300)
    watch.turn()
    alert_handling.resolve(backend, GUARD, only(backend).id)
    watch.turn()
    assert (only(backend).state, only(backend).times) == (AlertState.OPEN, 2)


def test_duress_is_seen_by_those_alone_who_may(backend: Backend, clock: StandingClock) -> None:
    event(gateway(backend), "duress_signalled")
    assert live(backend, with_discreet=False) == {}
    (row,) = live(backend).values()
    assert alerts.alert(backend.store, row.id, with_discreet=False) is None
    assert alerts.open_by_severity(backend.store, with_discreet=False) == {}
    with pytest.raises(NotFoundError):
        alert_handling.acknowledge(backend, GUARD, row.id)
    (tile,) = wall.board(backend.store, clock.utc_ms).tiles
    assert (tile.severity, tile.facts) == (Severity.NORMAL, ())
    alert_handling.acknowledge(backend, SECURITY, row.id)


def test_a_changed_rule_counts_until_the_change_is_taken_back(
    backend: Backend, clock: StandingClock
) -> None:
    with backend.store.read() as connection:
        known = {rule.code: rule for rule in alerting.rules(connection)}
    milder = known["event.forced"].model_copy(update={"severity": Severity.NOTICE})
    alert_rule_book.save_rule(backend, SECURITY, milder)
    own = milder.model_copy(
        update={
            "code": "own.hot", "kind": RuleKind.METRIC, "what": "temperature_mc",
            "bounds": Bounds(warning=40_000), "title": "Too warm",
        }
    )  # fmt: skip
    alert_rule_book.save_rule(backend, SECURITY, own)
    fed = gateway(backend)
    event(fed, "forced", kind=RecordKind.PASSAGE)
    fed.report_health(pending=0, temperature_mc=45_000)
    AlertWatch(backend).turn()
    assert live(backend)["event.forced"].severity is Severity.NOTICE
    assert live(backend)["own.hot"].fact.title == "Too warm"
    alert_rule_book.drop_rule(backend, SECURITY, "event.forced")
    alert_rule_book.drop_rule(backend, SECURITY, "own.hot")
    AlertWatch(backend).turn()
    assert live(backend).keys() == {"event.forced"}
    with pytest.raises(NotFoundError):
        alert_rule_book.drop_rule(backend, SECURITY, "own.hot")
    with pytest.raises(ForbiddenError):
        alert_rule_book.save_rule(backend, GUARD, milder)


def test_pages_of_alerts_follow_each_other(backend: Backend) -> None:
    fed = gateway(backend)
    for code in ("forced", "tamper_opened", "fire_alarm"):
        event(fed, code)
    seen: list[str] = []
    cursor = None
    while True:
        page = alerts.page(backend.store, AlertFilter(), cursor=cursor, limit=2)
        seen += [row.rule for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["event.fire_alarm", "event.tamper_opened", "event.forced"]
    for wanted in (AlertFilter(state="x"), AlertFilter(severity="x")):
        with pytest.raises(InvalidError):
            alerts.page(backend.store, wanted)


def test_conditions_are_kept_over_a_restart(backend: Backend, clock: StandingClock) -> None:
    fed = gateway(backend)
    fed.report_health(pending=0, temperature_mc=90_000)
    AlertWatch(backend).turn()
    clock.pass_s(60)
    fed.report_health(pending=0, temperature_mc=90_000)
    AlertWatch(backend).turn()
    with backend.store.read() as connection:
        held = rows.conditions(connection)
    assert [each.is_told for each in held.values()] == [True]
    assert live(backend).keys() == {"metric.temperature_mc"}
