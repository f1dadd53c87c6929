"""Decision -> lock pulse, lamps, buzzer."""

from doorward.decision import Deny, Grant
from doorward_edge.perception import signal_of
from doorward_edge.ports import Indicator, Lock


class ActuateStage:
    """Tells lock and lamps of one portal what was decided."""

    def __init__(self, lock: Lock, indicator: Indicator) -> None:
        """Takes the portal's hardware."""
        self._lock = lock
        self._indicator = indicator

    def actuate(self, decision: Grant | Deny, *, online: bool) -> None:
        """Releases the lock for a grant, first; then shows what was decided."""
        if isinstance(decision, Grant):
            self._lock.release(decision.pulse_ms)
        self._indicator.show(signal_of(decision), offline=not online, reason=decision.reason)
