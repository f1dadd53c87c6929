"""Work orders, parts, downtime and plans as acts: who may, what is kept, what is refused."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from doorward.records import RecordKind
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.domain.plan_rules import parse_body
from doorward_controller.domain.work_orders import (
    CheckResult,
    FailureCause,
    FailureMode,
    OrderKind,
    OrderState,
    OrderTurn,
    Priority,
    Remedy,
)
from doorward_controller.errors import (
    ActError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from doorward_controller.queries import audit_trail, record_feed
from doorward_controller.services import (
    device_downtime,
    plan_keeping,
    plan_rounds,
    service_journal,
    spare_parts,
)
from doorward_controller.services import work_orders as orders
from doorward_controller.services.backend import Backend
from doorward_controller.services.device_downtime import NewDowntime
from doorward_controller.services.plan_keeping import PlanSheet
from doorward_controller.services.spare_parts import PartSheet
from doorward_controller.services.work_orders import Moving, OrderRequest, WriteUp
from doorward_controller.store import downtimes, plans
from doorward_controller.store import parts as part_rows
from doorward_controller.store import work_orders as rows
from tests.controller.conftest import AUDITOR, ISSUER, SECURITY, StandingClock
from tests.fakes.fed_gateway import FedGateway

FAY = Actor(name="fay", role=Role.FACILITY)
FRED = Actor(name="fred", role=Role.FACILITY)
SUE = Actor(name="sue", role=Role.SECURITY)
DAY_S = 86_400
TOLD = WriteUp(
    failure_mode=FailureMode.NO_PICTURE,
    cause=FailureCause.CABLING,
    remedy=Remedy.REPLACED,
    findings="The ribbon was loose.",
    serial_old="CAM-1",
    serial_new="CAM-2",
    labour_minutes=45,
    cost_minor=12_50,
    currency="CNY",
)


@pytest.fixture
def near(backend: Backend) -> FedGateway:
    gateway = FedGateway(backend, "near")
    gateway.enrol()
    gateway.connect()
    return gateway


def ask(backend: Backend, actor: Actor = FAY, **changes: Any) -> int:
    plain: dict[str, Any] = {
        "gateway": "near",
        "kind": OrderKind.CORRECTIVE,
        "priority": Priority.HIGH,
        "title": "No picture at the gate",
    }
    return orders.request(backend, actor, OrderRequest(**(plain | changes)))


def take(backend: Backend, order: int, *turns: OrderTurn) -> None:
    """Takes turns, each by somebody who may."""
    for turn in turns:
        who = SECURITY if turn in {OrderTurn.APPROVE, OrderTurn.VERIFY} else FAY
        moving = Moving(turn=turn)
        if turn is OrderTurn.SCHEDULE:
            at = backend.clock.now().utc_s
            moving = Moving(turn=turn, scheduled_for_utc_s=at, assignee="fay")
        orders.move(backend, who, order, moving)


def find(backend: Backend, order: int) -> rows.StoredOrder:
    with backend.store.read() as connection:
        found = rows.find(connection, order)
    assert found is not None
    return found


TO_WORK = (OrderTurn.APPROVE, OrderTurn.SCHEDULE, OrderTurn.START)


def refused(kind: type[ActError], code: str, act: Callable[[], object]) -> None:
    with pytest.raises(kind) as caught:
        act()
    assert caught.value.code == code


def test_an_order_goes_its_whole_way_and_every_step_is_kept(
    backend: Backend, near: FedGateway, clock: StandingClock
) -> None:
    order = ask(backend, checklist=("Camera clean", "Seals whole"))
    asked_at = clock.now().utc_s
    assert find(backend, order).deadline_utc_s == asked_at + DAY_S
    take(backend, order, *TO_WORK)
    clock.pass_s(600)
    take(backend, order, OrderTurn.HOLD)
    clock.pass_s(60)
    take(backend, order, OrderTurn.RESUME)
    refused(ConflictError, "checks_open", lambda: take(backend, order, OrderTurn.FINISH))
    orders.answer_check(backend, FAY, order, 0, CheckResult.OK)
    orders.answer_check(backend, FAY, order, 1, CheckResult.BAD, "cracked")
    refused(ConflictError, "not_written_up", lambda: take(backend, order, OrderTurn.FINISH))
    orders.write_up(backend, FAY, order, TOLD)
    take(backend, order, OrderTurn.FINISH, OrderTurn.VERIFY)
    found = find(backend, order)
    assert (found.state, found.began_at_utc_s, found.done_at_utc_s) == (
        OrderState.VERIFIED, asked_at, asked_at + 660,
    )  # fmt: skip
    assert (found.failure_mode, found.remedy, found.labour_minutes) == (
        "no_picture",
        "replaced",
        45,
    )
    with backend.store.read() as connection:
        turns = rows.turns(connection, order)
        checks = rows.checks(connection, order)
    assert [(each.turn, each.who) for each in turns] == [
        ("request", "fay"), ("approve", "sam"), ("schedule", "fay"), ("start", "fay"),
        ("hold", "fay"), ("resume", "fay"), ("finish", "fay"), ("verify", "sam"),
    ]  # fmt: skip
    assert [(each.result, each.note) for each in checks] == [("ok", ""), ("bad", "cracked")]
    said = [
        entry for entry in audit_trail.page(backend.store).items if entry.action == "move_order"
    ]
    assert len(said) >= 7
    assert {entry.detail.get("turn") for entry in said} >= {"approve", "finish", "verify"}


@pytest.mark.parametrize("turn", OrderTurn)
def test_a_turn_that_the_state_excludes_changes_nothing(
    backend: Backend, near: FedGateway, turn: OrderTurn
) -> None:
    order = ask(backend)
    if turn in {OrderTurn.APPROVE, OrderTurn.CANCEL}:
        take(backend, order, OrderTurn.APPROVE, OrderTurn.CANCEL)
    before = find(backend, order)
    who = SUE if turn in {OrderTurn.APPROVE, OrderTurn.VERIFY, OrderTurn.SEND_BACK} else FRED
    refused(
        ConflictError,
        "turn_impossible",
        lambda: orders.move(backend, who, order, Moving(turn=turn)),
    )
    assert find(backend, order) == before


def test_nobody_approves_their_own_request(backend: Backend, near: FedGateway) -> None:
    order = ask(backend, SECURITY)
    approve = Moving(turn=OrderTurn.APPROVE)
    refused(ForbiddenError, "own_request", lambda: orders.move(backend, SECURITY, order, approve))
    orders.move(backend, SUE, order, approve)
    entries = audit_trail.page(backend.store).items
    assert ("move_order", "own_request", "sam") in {
        (entry.action, entry.outcome, entry.actor) for entry in entries
    }


def test_nobody_verifies_work_in_which_they_had_a_hand(backend: Backend, near: FedGateway) -> None:
    """No role both works and verifies; an account whose role was changed still may not."""
    order = ask(backend, FRED)
    was_facility = Actor(name="sue", role=Role.FACILITY)
    take(backend, order, OrderTurn.APPROVE, OrderTurn.SCHEDULE)
    orders.move(backend, was_facility, order, Moving(turn=OrderTurn.START))
    take(backend, order, OrderTurn.HOLD, OrderTurn.RESUME)
    orders.write_up(backend, FAY, order, TOLD)
    take(backend, order, OrderTurn.FINISH)
    for turn in (OrderTurn.VERIFY, OrderTurn.SEND_BACK):
        refused(
            ForbiddenError, "own_work",
            partial(orders.move, backend, SUE, order, Moving(turn=turn)),
        )  # fmt: skip
    orders.move(backend, SECURITY, order, Moving(turn=OrderTurn.SEND_BACK, note="still dark"))
    assert find(backend, order).state is OrderState.IN_PROGRESS
    assert find(backend, order).done_at_utc_s is None


@pytest.mark.parametrize("actor", [AUDITOR, ISSUER])
def test_who_has_no_part_in_maintenance_is_refused(
    backend: Backend, near: FedGateway, actor: Actor
) -> None:
    order = ask(backend)
    for act in (
        lambda: ask(backend, actor),
        lambda: orders.move(backend, actor, order, Moving(turn=OrderTurn.APPROVE)),
        lambda: orders.move(backend, actor, order, Moving(turn=OrderTurn.CANCEL)),
        lambda: spare_parts.add_part(backend, actor, PartSheet(number="1", name="x")),
    ):
        refused(ForbiddenError, "forbidden", act)
    refused(
        ForbiddenError, "forbidden",
        lambda: orders.move(backend, FRED, order, Moving(turn=OrderTurn.APPROVE)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": "  "}, "title_empty"),
        ({"title": "x" * 121}, "too_long"),
        ({"instructions": "x" * 2_001}, "too_long"),
        ({"instructions": "a\0b"}, "bad_text"),
        ({"deadline_utc_s": 5}, "deadline_past"),
        ({"checklist": ("",)}, "point_empty"),
        ({"checklist": ("x",) * 61}, "checklist_long"),
    ],
)
def test_a_request_out_of_bounds_is_refused(
    backend: Backend, near: FedGateway, changes: dict[str, Any], code: str
) -> None:
    refused(InvalidError, code, lambda: ask(backend, **changes))


def test_an_order_for_no_device_is_refused(backend: Backend) -> None:
    refused(NotFoundError, "no_gateway", lambda: ask(backend, gateway="nowhere"))


def test_an_alert_opens_one_order_until_that_is_done(backend: Backend, near: FedGateway) -> None:
    def open_it() -> int:
        return orders.open_from_alert(
            backend, alert_id=7, gateway="near", title="Camera fault " * 20
        )

    first = open_it()
    assert open_it() == first
    take(backend, first, *TO_WORK)
    assert open_it() == first
    orders.write_up(backend, FAY, first, TOLD)
    take(backend, first, OrderTurn.FINISH)
    assert open_it() != first
    found = find(backend, first)
    assert (found.origin, found.origin_id, found.requested_by) == ("alert", 7, "alerts")


# --- parts


def test_stock_never_falls_below_nothing(backend: Backend, near: FedGateway) -> None:
    part = spare_parts.add_part(
        backend, FAY,
        PartSheet(number="L-1", name="Lock", low_stock=2, unit_cost_minor=30_00, currency="CNY"), 3,
    )  # fmt: skip
    order = ask(backend)
    refused(
        ConflictError, "not_in_work", lambda: spare_parts.use_part(backend, FAY, order, part, 1)
    )
    take(backend, order, *TO_WORK)
    assert spare_parts.use_part(backend, FAY, order, part, 2) == 1
    refused(
        ConflictError, "stock_short", lambda: spare_parts.use_part(backend, FAY, order, part, 2)
    )
    assert spare_parts.use_part(backend, FAY, order, part, -1) == 2
    refused(
        ConflictError, "more_back_than_taken",
        lambda: spare_parts.use_part(backend, FAY, order, part, -2),
    )  # fmt: skip
    assert spare_parts.stock_part(backend, FAY, part, 10, "delivery") == 12
    refused(ConflictError, "stock_short", lambda: spare_parts.stock_part(backend, FAY, part, -13))
    with backend.store.read() as connection:
        moves = part_rows.moves_of_part(connection, part)
        stock = part_rows.every(connection, "main")[0].stock
    assert stock == sum(each.change for each in moves) == 12
    assert [each.change for each in part_rows_of(backend, order)] == [-2, 1]


def part_rows_of(backend: Backend, order: int) -> tuple[part_rows.StoredMove, ...]:
    with backend.store.read() as connection:
        return part_rows.moves_of_order(connection, order)


def test_a_parts_number_is_given_once(backend: Backend) -> None:
    sheet = PartSheet(number="L-1", name="Lock")
    first = spare_parts.add_part(backend, FAY, sheet)
    refused(ConflictError, "part_taken", lambda: spare_parts.add_part(backend, FAY, sheet))
    other = spare_parts.add_part(backend, FAY, PartSheet(number="L-2", name="Lamp"))
    refused(ConflictError, "part_taken", lambda: spare_parts.edit_part(backend, FAY, other, sheet))
    spare_parts.edit_part(backend, FAY, first, PartSheet(number="L-1", name="Better lock"))
    refused(
        InvalidError, "currency",
        lambda: spare_parts.add_part(
            backend, FAY, PartSheet(number="x", name="x", unit_cost_minor=5, currency="yuan")
        ),
    )  # fmt: skip


# --- downtime


def down(backend: Backend, began: int, ended: int | None, **changes: Any) -> int:
    plain: dict[str, Any] = {"gateway": "near", "planned": False, "reason": ""}
    new = NewDowntime(began_utc_s=began, ended_utc_s=ended, **(plain | changes))
    return device_downtime.add_downtime(backend, FAY, new)


def test_downtimes_of_a_device_never_overlap(
    backend: Backend, near: FedGateway, clock: StandingClock
) -> None:
    now = clock.now().utc_s
    down(backend, now - 100, now - 50)
    down(backend, now - 50, now - 40)
    for began, ended in ((now - 120, now - 99), (now - 60, None), (now - 45, now - 44)):
        refused(ConflictError, "downtime_overlaps", partial(down, backend, began, ended))
    lasting = down(backend, now - 30, None)
    refused(ConflictError, "downtime_overlaps", lambda: down(backend, now - 5, now))
    down(backend, now - 90, now - 60, component_id=4)
    device_downtime.end_downtime(backend, FAY, lasting, now - 10)
    down(backend, now - 5, now)
    refused(
        ConflictError, "downtime_ended",
        lambda: device_downtime.end_downtime(backend, FAY, lasting),
    )  # fmt: skip


@pytest.mark.parametrize(("began", "ended"), [(10**9 * 3, None), (-5, None), (0, None), (20, 10)])
def test_downtime_that_cannot_have_been_is_refused(
    backend: Backend, near: FedGateway, began: int, ended: int | None
) -> None:
    refused(InvalidError, "bad_times", lambda: down(backend, began, ended))


def test_downtime_of_an_order_ends_with_the_work(
    backend: Backend, near: FedGateway, clock: StandingClock
) -> None:
    order = ask(backend)
    take(backend, order, *TO_WORK)
    began = clock.now().utc_s
    down(backend, began, None, order_id=order)
    clock.pass_s(900)
    orders.write_up(backend, FAY, order, TOLD)
    take(backend, order, OrderTurn.FINISH)
    with backend.store.read() as connection:
        (span,) = downtimes.of_order(connection, order)
    assert span.ended_utc_s == began + 900


# --- plans


def sheet(rule: dict[str, object], **changes: Any) -> PlanSheet:
    plain: dict[str, Any] = {"name": "Clean the camera", "gateways": ("near",)}
    return PlanSheet(rule=parse_body(rule), **(plain | changes))


def place(backend: Backend) -> plans.StoredPlanDevice:
    with backend.store.read() as connection:
        (found,) = plans.devices(connection)
    return found


def finish_open_order(backend: Backend) -> int:
    number = place(backend).open_order_id
    assert number is not None
    take(backend, number, OrderTurn.SCHEDULE, OrderTurn.START, OrderTurn.FINISH)
    return number


def test_a_plan_opens_nothing_before_somebody_else_approved_it(
    backend: Backend, near: FedGateway, clock: StandingClock
) -> None:
    rule = {"by": "calendar", "every": 1, "unit": "weeks", "first_day": "2026-01-05"}
    plan = plan_keeping.add_plan(backend, FAY, sheet(rule, checklist=("Lens",)))
    assert plan_rounds.make_round(backend) == 0
    writer_promoted = Actor(name="fay", role=Role.SECURITY)
    refused(
        ForbiddenError, "own_request",
        lambda: plan_keeping.approve_plan(backend, writer_promoted, plan),
    )  # fmt: skip
    plan_keeping.approve_plan(backend, SECURITY, plan)
    assert [plan_rounds.make_round(backend) for _ in range(3)] == [1, 0, 0]
    number = place(backend).open_order_id
    assert number is not None
    found = find(backend, number)
    assert (found.state, found.origin, found.origin_id) == (OrderState.APPROVED, "plan", plan)
    assert found.deadline_utc_s == clock.now().utc_s + 7 * DAY_S
    plan_keeping.edit_plan(backend, FAY, plan, sheet(rule, name="Clean both cameras"))
    clock.pass_s(30 * DAY_S)
    assert plan_rounds.make_round(backend) == 0, "a changed plan must be approved anew"


def test_a_calendar_plan_waits_for_its_order_and_goes_on(
    backend: Backend, near: FedGateway, clock: StandingClock
) -> None:
    rule = {"by": "calendar", "every": 1, "unit": "weeks", "first_day": "2026-01-05"}
    plan = plan_keeping.add_plan(backend, FAY, sheet(rule))
    plan_keeping.approve_plan(backend, SECURITY, plan)
    assert plan_rounds.make_round(backend) == 1
    clock.pass_s(15 * DAY_S)
    assert plan_rounds.make_round(backend) == 0, "one order at a time"
    finish_open_order(backend)
    assert plan_rounds.make_round(backend) == 1, "a week has passed meanwhile"
    finish_open_order(backend)
    assert plan_rounds.make_round(backend) == 0
    clock.pass_s(7 * DAY_S)
    assert plan_rounds.make_round(backend) == 1


def test_a_meter_plan_counts_over_a_restart_and_a_replaced_card(
    backend: Backend, near: FedGateway, clock: StandingClock
) -> None:
    near.report_health(pending=0, lock_cycles=500, running_s=1_000)
    plan_rounds.make_round(backend)
    rule = {"by": "meter", "meter": "lock_cycles", "every": 100, "warn_left": 20}
    plan = plan_keeping.add_plan(backend, FAY, sheet(rule))
    plan_keeping.approve_plan(backend, SECURITY, plan)
    for cycles, running_s, is_warned, opened in (
        (550, 1_060, False, 0),
        (20, 30, False, 0),
        (30, 90, True, 0),
        (50, 150, True, 1),
    ):
        near.report_health(pending=0, lock_cycles=cycles, running_s=running_s)
        clock.pass_s(60)
        assert plan_rounds.make_round(backend) == opened
        assert opened or (place(backend).warned_at_utc_s is not None) == is_warned
    finish_open_order(backend)
    assert place(backend).total_when_done == 600
    near.report_health(pending=0, lock_cycles=70, running_s=210)
    assert plan_rounds.make_round(backend) == 0


def test_a_condition_plan_opens_when_the_value_stays_bad(
    backend: Backend, near: FedGateway, clock: StandingClock
) -> None:
    rule = {"by": "condition", "metric": "temperature_mc", "limit": 75_000, "for_s": 600}
    plan = plan_keeping.add_plan(backend, FAY, sheet(rule))
    plan_keeping.approve_plan(backend, SECURITY, plan)
    opened = []
    for value in (80_000, 70_000, 80_000, 80_000):
        near.report_health(pending=0, temperature_mc=value)
        opened.append(plan_rounds.make_round(backend))
        clock.pass_s(600)
    assert opened == [0, 0, 0, 1]


def test_a_cancelled_plan_order_does_not_count_as_done(backend: Backend, near: FedGateway) -> None:
    rule = {"by": "calendar", "every": 1, "unit": "months", "first_day": "2026-01-31"}
    plan = plan_keeping.add_plan(backend, FAY, sheet(rule))
    plan_keeping.approve_plan(backend, SECURITY, plan)
    plan_rounds.make_round(backend)
    number = place(backend).open_order_id
    assert number is not None
    orders.move(backend, FAY, number, Moving(turn=OrderTurn.CANCEL))
    assert (place(backend).open_order_id, place(backend).last_done_utc_s) == (None, None)
    assert plan_rounds.make_round(backend) == 0


def test_a_device_that_leaves_a_plan_is_not_served_any_more(
    backend: Backend, near: FedGateway, clock: StandingClock
) -> None:
    rule = {"by": "calendar", "every": 1, "unit": "days", "first_day": "2026-01-01"}
    plan = plan_keeping.add_plan(backend, FAY, sheet(rule))
    plan_keeping.edit_plan(backend, FAY, plan, sheet(rule, gateways=()))
    plan_keeping.approve_plan(backend, SECURITY, plan)
    assert plan_rounds.make_round(backend) == 0
    plan_keeping.pause_plan(backend, SECURITY, plan)
    refused(
        ConflictError, "plan_not_running",
        lambda: plan_keeping.pause_plan(backend, SECURITY, plan),
    )  # fmt: skip


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"by": "moon"},
        {"by": "calendar", "every": 0, "unit": "days", "first_day": "2026-01-01"},
        {"by": "calendar", "every": 1, "unit": "days", "first_day": "1890-01-01"},
        {"by": "calendar", "every": 1, "unit": "days", "first_day": "2026-01-01", "at": "25:00"},
        {"by": "meter", "meter": "scans", "every": 1},
        {"by": "meter", "meter": "lock_cycles", "every": 10**16},
        {"by": "condition", "metric": "A B", "limit": 1},
        {"by": "condition", "metric": "a", "limit": 1, "for_s": -1},
        {"by": "condition", "metric": "a", "limit": 1, "more": 1},
    ],
)
def test_what_is_no_rule_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_body(rule)


# --- the gateways' own service journal


def test_what_was_written_at_the_device_is_tied_to_its_order(
    backend: Backend, near: FedGateway
) -> None:
    told = json.dumps({"what": "cleaned", "minutes": 5})
    near.by_hand(
        kind=RecordKind.SERVICE, reason="serviced", actor="t-1", detail=told,
        cause="", subject="", note="", outcome=None,
    )  # fmt: skip
    near.scan("not_ours")
    far = FedGateway(backend, "far")
    far.enrol()
    written, scanned = (
        record_feed.page(backend.store, record_feed.RecordFilter(kind=kind)).items[0].id
        for kind in ("service", "scan")
    )
    order, elsewhere = ask(backend), ask(backend, gateway="far")
    service_journal.attach_record(backend, FAY, order, written)
    for target, record, kind, code in (
        (order, written, ConflictError, "attached"),
        (order, scanned, NotFoundError, "no_record"),
        (elsewhere, written, NotFoundError, "no_record"),
    ):
        refused(
            kind, code,
            partial(service_journal.attach_record, backend, FAY, target, record),
        )  # fmt: skip
    with backend.store.read() as connection:
        assert rows.records(connection, order) == (written,)
