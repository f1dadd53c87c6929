"""Orders to portals: done in the inbox's turn, refused in words."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from doorward.ids import PortalId
from doorward.times import Instant
from doorward_edge.commands.rules import Refusal
from doorward_edge.commands.targets import NotDoneError, WillNotError
from doorward_edge.door import Door, DoorState, Order, Ordered
from doorward_edge.inbox import MOST_WAITING, Happening, Inbox
from doorward_edge.orders import PortalOrders
from tests.fakes.edge_ports import FakeClock
from tests.fakes.site_simulator import START_S

NORTH, SOUTH = PortalId("north"), PortalId("south")


@dataclass
class NotingPortal:
    told: list[object] = field(default_factory=list)
    has_fire: bool = False

    def order(self, ordered: Ordered, _now: Instant, *, until_mono_ms: int | None = None) -> bool:
        self.told.append((ordered, until_mono_ms))
        return not self.has_fire

    def look_at_posture(self, _now: Instant) -> None:
        self.told.append("posture")

    def identify(self, _now: Instant) -> bool:
        self.told.append("identify")
        return not self.has_fire

    @property
    def door(self) -> Door:
        return Door(state=DoorState.LOCKED, is_fire=self.has_fire)


def _take(happened: Happening) -> None:
    assert callable(happened)
    happened()


@pytest.fixture
def portals() -> dict[PortalId, NotingPortal]:
    return {NORTH: NotingPortal(), SOUTH: NotingPortal()}


@pytest.fixture
def inbox() -> Inbox:
    inbox = Inbox()
    inbox.open(_take)
    return inbox


@pytest.fixture
def orders(portals: dict[PortalId, NotingPortal], inbox: Inbox) -> PortalOrders:
    clock = FakeClock(START_S)
    return PortalOrders(inbox, cast("Any", portals), clock, lambda _: 700, patience_s=0.05)


def test_orders_reach_their_portal(
    orders: PortalOrders, portals: dict[PortalId, NotingPortal]
) -> None:
    orders.open_once(NORTH)
    orders.hold_open(NORTH, 5_000)
    orders.secure(NORTH)
    assert orders.posture_changed(NORTH)
    orders.identify(NORTH)
    orders.identify(None)
    assert portals[NORTH].told == [
        (Ordered(order=Order.OPEN_ONCE, pulse_ms=700), None),
        (Ordered(order=Order.HOLD_OPEN), 5_000),
        (Ordered(order=Order.SECURE), None),
        "posture",
        "identify",
        "identify",
    ]
    assert portals[SOUTH].told == ["identify"]


def test_a_portal_that_is_not_here_is_refused(orders: PortalOrders) -> None:
    with pytest.raises(WillNotError, match="no portal elsewhere"):
        orders.secure(PortalId("elsewhere"))


def test_a_portal_that_the_fire_alarm_has_is_refused(
    orders: PortalOrders, portals: dict[PortalId, NotingPortal]
) -> None:
    portals[NORTH].has_fire = True
    refused: tuple[Callable[[], None], ...] = (
        lambda: orders.open_once(NORTH),
        lambda: orders.hold_open(NORTH, 5_000),
        lambda: orders.secure(NORTH),
        lambda: orders.identify(NORTH),
    )
    for order in refused:
        with pytest.raises(WillNotError) as caught:
            order()
        assert caught.value.why is Refusal.FIRE_ALARM
    assert not orders.posture_changed(NORTH), "it counts later"
    orders.identify(None)
    assert portals[SOUTH].told == ["identify"], "the others show where they are"


def test_where_too_much_waits_an_order_is_refused_as_busy(
    orders: PortalOrders, portals: dict[PortalId, NotingPortal], inbox: Inbox
) -> None:
    with inbox.turn():
        for _ in range(MOST_WAITING):
            inbox.post(lambda: None)
        with pytest.raises(WillNotError) as caught:
            orders.open_once(NORTH)
    assert caught.value.why is Refusal.BUSY
    assert portals[NORTH].told == []


def test_an_order_that_nobody_comes_to_is_not_done(
    orders: PortalOrders, portals: dict[PortalId, NotingPortal], inbox: Inbox
) -> None:
    failed = threading.Event()

    def try_it() -> None:
        with pytest.raises(NotDoneError, match="did not come to it"):
            orders.secure(NORTH)
        failed.set()

    with inbox.turn():
        trying = threading.Thread(target=try_it)
        trying.start()
        assert failed.wait(10)
        trying.join()
    assert portals[NORTH].told == []
