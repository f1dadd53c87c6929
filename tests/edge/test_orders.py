"""Orders to portals: done in the inbox's turn, refused in words."""

import threading
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from doorward.ids import PortalId
from doorward.times import Instant
from doorward_edge.commands.targets import NotDoneError, WillNotError
from doorward_edge.door import Order, Ordered
from doorward_edge.inbox import Happening, Inbox
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

    def identify(self) -> None:
        self.told.append("identify")


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
    orders.posture_changed(NORTH)
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
    with pytest.raises(WillNotError, match="fire alarm"):
        orders.open_once(NORTH)


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
