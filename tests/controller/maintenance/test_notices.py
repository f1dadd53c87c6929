"""Plans that are due soon as alerts, orders about one component, and a board that is full."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from doorward_controller.config import Maintenance
from doorward_controller.domain.alert_defaults import PLAN_DUE
from doorward_controller.domain.alert_texts import Tongue, title_of
from doorward_controller.domain.work_orders import LabourRate, OrderState, OrderTurn
from doorward_controller.errors import InvalidError
from doorward_controller.queries import alerts
from doorward_controller.queries import work_orders as order_queries
from doorward_controller.services import devices, plan_keeping, plan_rounds
from doorward_controller.services import work_orders as orders
from doorward_controller.services.backend import Backend
from doorward_controller.services.labour import rate_of
from doorward_controller.services.work_orders import WriteUp
from doorward_controller.store import work_orders as rows
from doorward_controller.store.devices import NewComponent
from tests.controller.conftest import SECURITY, StandingClock
from tests.controller.maintenance.test_acts import DAY_S, FAY, ask, near, sheet, take
from tests.fakes.fed_gateway import FedGateway

__all__ = ["near"]
"""A fixture of the acts' own tests."""


def told(backend: Backend) -> list[alerts.AlertRow]:
    """The alerts of plans that are due soon."""
    wanted = alerts.AlertFilter(state=alerts.LIVE)
    found = alerts.page(backend.store, wanted).items
    return [row for row in found if row.rule == f"event.{PLAN_DUE}"]


def test_a_plan_that_is_due_soon_is_an_alert_until_its_order_is_opened(
    backend: Backend, near: FedGateway, clock: StandingClock
) -> None:
    rule = {"by": "calendar", "every": 1, "unit": "weeks", "first_day": "2026-12-07"}
    plan = plan_keeping.add_plan(backend, FAY, sheet(rule, warn_before_s=3 * DAY_S))
    plan_keeping.approve_plan(backend, SECURITY, plan)
    days = (datetime(2026, 12, 5, 12, tzinfo=UTC).timestamp() - clock.utc_ms / 1000) / DAY_S
    plan_rounds.make_round(backend)
    assert told(backend) == []
    clock.pass_s(round(days * DAY_S))
    for _ in range(2):
        assert plan_rounds.make_round(backend) == 0
    (row,) = told(backend)
    assert title_of(row.fact, Tongue.ENGLISH).endswith("→ 2026-12-07)")
    assert (row.gateway, row.times) == ("near", 1)
    clock.pass_s(3 * DAY_S)
    assert plan_rounds.make_round(backend) == 1
    assert told(backend) == []


def test_a_plan_that_is_not_near_any_more_ends_its_alert(
    backend: Backend, near: FedGateway, clock: StandingClock
) -> None:
    near.report_health(pending=0, lock_cycles=500, running_s=1_000)
    plan_rounds.make_round(backend)
    rule = {"by": "meter", "meter": "lock_cycles", "every": 100, "warn_left": 60}
    plan = plan_keeping.add_plan(backend, FAY, sheet(rule))
    plan_keeping.approve_plan(backend, SECURITY, plan)
    clock.pass_s(60)
    near.report_health(pending=0, lock_cycles=550, running_s=1_060)
    plan_rounds.make_round(backend)
    assert [row.fact.after for row in told(backend)] == [""]
    wider = sheet({**rule, "every": 1_000})
    plan_keeping.edit_plan(backend, FAY, plan, wider)
    plan_keeping.approve_plan(backend, SECURITY, plan)
    plan_rounds.make_round(backend)
    assert told(backend) == []


def test_an_order_is_about_a_component_of_its_own_device_or_refused(
    backend: Backend, near: FedGateway
) -> None:
    far = FedGateway(backend, "far")
    far.enrol()
    new = NewComponent(kind="camera", serial="A-1")
    elsewhere = devices.add_component(backend, FAY, "far", new)
    for wrong in (elsewhere, 4_711):
        with pytest.raises(InvalidError) as caught:
            ask(backend, component_id=wrong)
        assert caught.value.code == "no_component"
    here = devices.add_component(backend, FAY, "near", new)
    number = ask(backend, component_id=here)
    with backend.store.read() as connection:
        held = rows.find(connection, number)
    assert held is not None
    assert held.component_id == here


def test_a_board_shows_the_soonest_of_each_state_and_counts_the_others(
    backend: Backend, near: FedGateway
) -> None:
    for _ in range(5):
        ask(backend)
    board = order_queries.board(backend.store, limit=2)
    column = board[OrderState.REQUESTED]
    assert ([each.id for each in column.orders], column.total) == ([1, 2], 5)
    assert (board[OrderState.DONE].orders, board[OrderState.DONE].total) == ((), 0)


@pytest.mark.parametrize(
    ("minutes", "per_hour", "cost"),
    [(0, 12_000, 0), (60, 12_000, 12_000), (25, 100, 42), (90, 0, 0)],
)
def test_labour_costs_its_minutes_at_the_sites_rate(minutes: int, per_hour: int, cost: int) -> None:
    assert LabourRate(per_hour_minor=per_hour, currency="CNY").cost_minor(minutes) == cost


def test_an_orders_cost_counts_its_labour_where_the_site_names_a_rate(
    backend: Backend, near: FedGateway
) -> None:
    number = ask(backend)
    take(backend, number, OrderTurn.APPROVE, OrderTurn.SCHEDULE, OrderTurn.START)
    told = WriteUp(labour_minutes=90, cost_minor=500, currency="EUR")
    orders.write_up(backend, FAY, number, told)
    now = backend.clock.now().utc_s
    priced = rate_of(
        backend.config.model_copy(
            update={"maintenance": Maintenance(labour_per_hour_minor=6_000, labour_currency="CNY")}
        )
    )
    for rate, cost in (
        (rate_of(backend.config), {"EUR": 500}),
        (priced, {"CNY": 9_000, "EUR": 500}),
    ):
        view = order_queries.view(backend.store, number, now, rate)
        assert view is not None
        assert view.cost == cost


def test_a_rate_needs_its_currency() -> None:
    with pytest.raises(ValidationError, match="labour_currency"):
        Maintenance(labour_per_hour_minor=6_000)
