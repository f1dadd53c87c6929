"""Keeps the postures that commands set, on the disk before they count. Safe from every thread."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from doorward.commands import SetPosture
from doorward.decision import Rules
from doorward.ids import PortalId
from doorward.policy import Posture, PostureOrder
from doorward.times import Instant
from doorward_edge.commands.postures import LocalPostures

log = logging.getLogger(__name__)

NOTES = "postures"


class Notes(Protocol):
    """Where small things are noted so that they outlive a restart; see `ports.Documents`."""

    def notes(self, name: str) -> Mapping[str, Any]:
        """Returns what was noted under a name."""
        ...

    def set_notes(self, name: str, values: Mapping[str, Any]) -> None:
        """Replaces what is noted. Raises OSError."""
        ...


class PostureKeeper:
    """The postures of this gateway's portals, as far as commands set them."""

    def __init__(self, notes: Notes, rules: Callable[[], Rules | None]) -> None:
        """Brings back what was noted.

        Args:
            notes: where they are kept.
            rules: the rules in force, for what the policy says of each portal.
        """
        self._notes = notes
        self._rules = rules
        self._lock = threading.Lock()
        self._postures = LocalPostures.from_notes(notes.notes(NOTES))

    def order_of(self, portal: PortalId) -> PostureOrder | None:
        """Returns what a command told this portal, or None; for `decide` and for the door."""
        return self._postures.order_of(portal)

    def orders(self) -> Mapping[PortalId, PostureOrder]:
        """Returns what commands told all portals, by portal."""
        return {name: held.order for name, held in self._postures.by_portal.items()}

    def set(self, order: SetPosture) -> None:
        """Puts a portal into a posture. Raises OSError; the old one goes on then."""
        with self._lock:
            said = self._policy() or {}
            stands = said.get(order.portal, Posture.NORMAL)
            self._replace(self._postures.after(order, stands))

    def turn(self, now: Instant) -> tuple[PortalId, ...]:
        """Ends what is over; returns the portals that it concerned. Call it every second or so."""
        with self._lock:
            before = self._postures
            after = before.at(now, self._policy())
            if after is before:
                return ()
            # What is over is over, also when the disk does not take it: it says so again.
            self._postures = after
            try:
                self._notes.set_notes(NOTES, after.to_notes())
            except OSError as err:
                log.warning("postures.unwritten error=%s", err)
            return tuple(name for name in before.by_portal if name not in after.by_portal)

    def _replace(self, postures: LocalPostures) -> None:
        self._notes.set_notes(NOTES, postures.to_notes())
        self._postures = postures

    def _policy(self) -> Mapping[PortalId, Posture] | None:
        rules = self._rules()
        if rules is None:
            return None
        return {name: rule.posture for name, rule in rules.policy.portals.items()}
