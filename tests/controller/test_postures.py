"""Ordered postures: who stands above whom, who was told, what happens when the time is over."""

import pytest

from doorward.commands import Command, SetPosture
from doorward.envelope import parse_envelope
from doorward.outcomes import JobState
from doorward.policy import Posture
from doorward_controller.domain.posture_orders import (
    PostureCause,
    PostureOrdered,
    Scope,
    topmost,
    zones_around,
)
from doorward_controller.domain.rule_book import RuleBook
from doorward_controller.errors import ActError, ForbiddenError
from doorward_controller.queries import audit_trail
from doorward_controller.queries.audit_trail import AuditFilter
from doorward_controller.services import postures, rules
from doorward_controller.services.backend import Backend
from doorward_controller.services.postures import NewOrder
from doorward_controller.store import gateways
from doorward_controller.store.schema import commands
from tests.controller.conftest import ADMIN, ISSUER, SECURITY, StandingClock, enrol
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import AT_UTC_MS

NOW_S = AT_UTC_MS // 1000
SITE = "main"


def online(backend: Backend, name: str, *, is_online: bool = True, **more: object) -> None:
    with backend.store.write() as connection:
        found = gateways.find(connection, SITE, name)
        assert found is not None
        values: dict[str, object] = {"online": is_online, **more}
        gateways.change(connection, found.id, **values)


def new(scope: Scope, place: str, posture: Posture, **more: object) -> NewOrder:
    values: dict[str, object] = {"cause": PostureCause.DRILL}
    if posture is Posture.FREE:
        values["until_utc_s"] = NOW_S + 600
    return NewOrder(scope=scope, place=place, posture=posture, **{**values, **more})  # type: ignore[arg-type]


def sent(link: FakeLink) -> list[tuple[str, str, int, int | None]]:
    """Every posture command that left: portal, posture, until, rank."""
    found = []
    for topic, wire in link.published:
        if "/down/cmd/" in topic:
            order = Command.from_body(parse_envelope(wire).body).order
            assert isinstance(order, SetPosture)
            found.append((str(order.portal), order.posture.value, int(order.until), order.rank))
    return found


def answer(backend: Backend, state: JobState) -> None:
    """Every gateway says the same of what it was told."""
    with backend.store.write() as connection:
        connection.execute(commands.update().values(state=state.value))


def states(backend: Backend) -> dict[str, tuple[str, str]]:
    return {
        each.portal: (each.order.posture.value if each.order else "policy", each.state)
        for each in postures.of_portals(backend)
    }


@pytest.fixture
def fleet(backend: Backend) -> Backend:
    enrol(backend, "near", "a", "b")
    enrol(backend, "far", "c")
    online(backend, "near")
    online(backend, "far", is_online=False, offline_since_utc_ms=AT_UTC_MS)
    return backend


def test_a_site_wide_lockdown_is_a_command_for_each_portal_that_can_be_reached(
    fleet: Backend, link: FakeLink
) -> None:
    postures.order(fleet, SECURITY, new(Scope.SITE, SITE, Posture.LOCKDOWN, pass_rank=3))
    assert sent(link) == [("a", "lockdown", 0, 3), ("b", "lockdown", 0, 3)]
    assert states(fleet) == {
        "a": ("lockdown", "sent"),
        "b": ("lockdown", "sent"),
        "c": ("lockdown", "unreachable"),
    }
    answer(fleet, JobState.SUCCEEDED)
    postures.settle(fleet)
    assert states(fleet)["a"] == ("lockdown", "arrived")
    assert postures.settle(fleet) == 0


def test_a_gateway_that_was_away_is_told_when_it_is_back(
    fleet: Backend, link: FakeLink, clock: StandingClock
) -> None:
    postures.order(fleet, SECURITY, new(Scope.PORTAL, "c", Posture.CLOSED))
    assert sent(link) == []
    clock.pass_s(4000)
    assert postures.settle(fleet) == 0
    online(fleet, "far")
    assert postures.settle(fleet) == 1
    assert sent(link) == [("c", "closed", 0, None)]


def test_a_gateway_that_does_not_answer_is_told_again_but_not_at_once(
    fleet: Backend, link: FakeLink, clock: StandingClock
) -> None:
    postures.order(fleet, SECURITY, new(Scope.PORTAL, "a", Posture.CLOSED))
    postures.settle(fleet)
    assert len(sent(link)) == 1, "it is on its way"
    answer(fleet, JobState.TIMED_OUT)
    postures.settle(fleet)
    assert len(sent(link)) == 1, "too soon"
    clock.pass_s(10)
    postures.settle(fleet)
    assert len(sent(link)) == 2


def test_the_higher_order_counts_and_the_lower_one_when_it_ends(
    fleet: Backend, link: FakeLink
) -> None:
    low = postures.order(fleet, SECURITY, new(Scope.PORTAL, "a", Posture.FREE))
    high = postures.order(fleet, SECURITY, new(Scope.SITE, SITE, Posture.LOCKDOWN))
    postures.order(fleet, SECURITY, new(Scope.PORTAL, "a", Posture.FREE))
    assert states(fleet)["a"][0] == "lockdown", "a newer order of lower standing waits below"
    above = new(Scope.PORTAL, "a", Posture.NORMAL, standing=9)
    way_out = postures.order(fleet, SECURITY, above)
    assert sent(link)[-1] == ("a", "normal", 0, None)
    postures.end(fleet, SECURITY, way_out.id)
    assert states(fleet)["a"][0] == "lockdown"
    postures.end(fleet, SECURITY, high.id, "false alarm")
    assert sent(link)[-2:] == [("a", "free", NOW_S + 600, None), ("b", "normal", 0, None)]
    assert low.standing < high.standing


def test_an_order_ends_by_itself_and_says_so(
    fleet: Backend, link: FakeLink, clock: StandingClock
) -> None:
    made = postures.order(
        fleet, SECURITY, new(Scope.PORTAL, "a", Posture.CLOSED, until_utc_s=NOW_S + 60)
    )
    assert sent(link) == [("a", "closed", NOW_S + 60, None)]
    clock.pass_s(60)
    postures.settle(fleet)
    assert postures.standing_orders(fleet) == ()
    assert sent(link)[-1] == ("a", "normal", 0, None), "also for a gateway without a trusted clock"
    (ended,) = postures.ended_orders(fleet)
    assert (ended.id, ended.ended_by) == (made.id, "time")


def test_a_zone_is_with_the_zones_within_it(fleet: Backend, link: FakeLink) -> None:
    book = rules.current(fleet).model_dump()
    book["zones"] = ("site", "campus", "elsewhere")
    book["zone_rules"] = {"site": {"within": "campus", "at_most": 0}}
    rules.save_rules(fleet, SECURITY, RuleBook.model_validate(book))
    postures.order(fleet, SECURITY, new(Scope.ZONE, "elsewhere", Posture.CLOSED))
    assert sent(link) == []
    postures.order(fleet, SECURITY, new(Scope.ZONE, "campus", Posture.CLOSED))
    assert [row[0] for row in sent(link)] == ["a", "b"]


def test_a_new_policy_that_overrules_the_command_has_it_sent_again(
    fleet: Backend, link: FakeLink, clock: StandingClock
) -> None:
    postures.order(fleet, SECURITY, new(Scope.PORTAL, "a", Posture.CLOSED))
    answer(fleet, JobState.SUCCEEDED)
    postures.settle(fleet)
    clock.pass_s(30)
    online(fleet, "near", bundle_applied_at_utc_ms=AT_UTC_MS + 20_000)
    postures.settle(fleet)
    assert len(sent(link)) == 2


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (new(Scope.PORTAL, "nowhere", Posture.CLOSED), "no_place"),
        (new(Scope.SITE, "other", Posture.CLOSED), "no_place"),
        (new(Scope.PORTAL, "a", Posture.CLOSED, pass_rank=3), "bad_rank"),
        (new(Scope.PORTAL, "a", Posture.LOCKDOWN, pass_rank=10), "bad_rank"),
        (new(Scope.PORTAL, "a", Posture.CLOSED, standing=10), "bad_standing"),
        (new(Scope.PORTAL, "a", Posture.CLOSED, until_utc_s=NOW_S), "bad_until"),
        (new(Scope.PORTAL, "a", Posture.FREE, until_utc_s=None), "until_missing"),
        (new(Scope.PORTAL, "a", Posture.CLOSED, cause=PostureCause.OTHER), "reason_missing"),
    ],
)
def test_an_order_out_of_bounds_is_refused_and_moves_nothing(
    sqlite_backend: Backend, link: FakeLink, wanted: NewOrder, code: str
) -> None:
    enrol(sqlite_backend, "near", "a")
    online(sqlite_backend, "near")
    with pytest.raises(ActError) as caught:
        postures.order(sqlite_backend, SECURITY, wanted)
    assert caught.value.code == code
    assert sent(link) == []


@pytest.mark.parametrize("actor", [ADMIN, ISSUER])
def test_only_security_orders_postures(sqlite_backend: Backend, actor: object) -> None:
    with pytest.raises(ForbiddenError):
        postures.order(
            sqlite_backend,
            actor,  # type: ignore[arg-type]
            new(Scope.SITE, SITE, Posture.LOCKDOWN),
        )


def test_who_ordered_what_until_when_stands_in_the_audit_log(fleet: Backend) -> None:
    made = postures.order(fleet, SECURITY, new(Scope.SITE, SITE, Posture.LOCKDOWN, note="gate 3"))
    postures.end(fleet, SECURITY, made.id, "all clear")
    rows = audit_trail.page(fleet.store, AuditFilter()).items
    orders = [row for row in rows if row.action in {"order_posture", "end_posture"}]
    assert [row.action for row in orders] == ["end_posture", "order_posture"]
    assert orders[0].detail["note"] == "all clear"
    assert orders[1].detail["order"] == made.id
    assert orders[1].detail["posture"] == "lockdown"


# --- the pure rules


def ordered(scope: Scope, place: str, standing: int, at: int, **more: object) -> PostureOrdered:
    values: dict[str, object] = {
        "id": f"{place}{at}",
        "posture": Posture.CLOSED,
        "pass_rank": None,
        "cause": PostureCause.DRILL,
        "note": "",
        "ordered_by": "sam",
        "ordered_by_id": None,
        "until_utc_s": None,
    }
    return PostureOrdered(
        scope=scope,
        place=place,
        standing=standing,
        ordered_at_utc_ms=at,
        **{**values, **more},  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("orders", "wanted"),
    [
        ([], None),
        ([ordered(Scope.PORTAL, "b", 9, 1)], None),
        ([ordered(Scope.SITE, "main", 1, 1)], "main1"),
        ([ordered(Scope.ZONE, "outer", 1, 1)], "outer1"),
        ([ordered(Scope.ZONE, "other", 1, 1)], None),
        ([ordered(Scope.SITE, "main", 5, 1), ordered(Scope.PORTAL, "a", 4, 2)], "main1"),
        ([ordered(Scope.SITE, "main", 5, 1), ordered(Scope.PORTAL, "a", 5, 2)], "a2"),
        ([ordered(Scope.SITE, "main", 5, 1, until_utc_s=100)], None),
        ([ordered(Scope.SITE, "main", 5, 1, until_utc_s=101)], "main1"),
        ([ordered(Scope.SITE, "main", 5, 1, ended_at_utc_ms=3)], None),
    ],
)
def test_which_of_several_orders_counts(orders: list[PostureOrdered], wanted: str | None) -> None:
    zones = zones_around("inner", {"inner": "outer", "outer": None})
    found = topmost(orders, "a", zones, 100)
    assert (found.id if found else None) == wanted


def test_zones_that_lie_within_each_other_end_somewhere() -> None:
    assert zones_around("a", {"a": "b", "b": "a"}) == ("a", "b")
