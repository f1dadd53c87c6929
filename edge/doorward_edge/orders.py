"""What commands want of the portals, done on the main loop's thread."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from doorward.ids import PortalId
from doorward.times import Clock, Instant
from doorward_edge.commands.rules import Refusal
from doorward_edge.commands.targets import NotDoneError, WillNotError
from doorward_edge.door import Order, Ordered
from doorward_edge.inbox import BusyError, Inbox
from doorward_edge.portal import Portal

T = TypeVar("T")

PATIENCE_S = 2.0
"""The main loop answers within a record's wait; it stands still if it takes longer."""


class PortalOrders:
    """The portals, as `commands.targets.CommandTargets`."""

    def __init__(
        self,
        inbox: Inbox,
        portals: Mapping[PortalId, Portal],
        clock: Clock,
        pulse_ms: Callable[[PortalId], int],
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Takes the way to the main loop, and how long each portal's pulse is."""
        self._inbox = inbox
        self._portals = portals
        self._clock = clock
        self._pulse_ms = pulse_ms
        self._patience_s = patience_s

    def open_once(self, portal: PortalId) -> None:
        """Releases for one passage, by the portal's own pulse."""
        self._order(portal, Ordered(order=Order.OPEN_ONCE, pulse_ms=self._pulse_ms(portal)))

    def hold_open(self, portal: PortalId, until_mono_ms: int) -> None:
        """Keeps released until then, `secure`, or the gateway's end."""
        self._order(portal, Ordered(order=Order.HOLD_OPEN), until_mono_ms)

    def secure(self, portal: PortalId) -> None:
        """Locks now."""
        self._order(portal, Ordered(order=Order.SECURE))

    def posture_changed(self, portal: PortalId) -> bool:
        """Has the portal look at its posture anew; False where it has to wait for a fire's end."""
        found = self._find(portal)
        self._do(found.look_at_posture)
        return not found.door.is_fire

    def identify(self, portal: PortalId | None) -> None:
        """Blinks and beeps, at one portal or at all."""
        found = self._portals.values() if portal is None else (self._find(portal),)

        def show(now: Instant) -> bool:
            shown = [each.identify(now) for each in found]
            return any(shown)

        if not self._do(show):
            raise WillNotError(Refusal.FIRE_ALARM, "it shows the way out")

    def _order(self, portal: PortalId, ordered: Ordered, until_mono_ms: int | None = None) -> None:
        found = self._find(portal)
        if not self._do(lambda now: found.order(ordered, now, until_mono_ms=until_mono_ms)):
            raise WillNotError(Refusal.FIRE_ALARM, f"no lock is moved at {portal} before it ends")

    def _find(self, portal: PortalId) -> Portal:
        found = self._portals.get(portal)
        if found is None:
            raise WillNotError(Refusal.NOT_HERE, f"no portal {portal} at this gateway")
        return found

    def _do(self, act: Callable[[Instant], T]) -> T:
        try:
            return self._inbox.call(lambda: act(self._clock.now()), self._patience_s)
        except BusyError as err:
            raise WillNotError(Refusal.BUSY, str(err)) from err
        except TimeoutError as err:
            raise NotDoneError(f"the gateway did not come to it in {self._patience_s} s") from err
