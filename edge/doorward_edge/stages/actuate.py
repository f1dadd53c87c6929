"""What a door does and a decision says -> lock, lamps, buzzer."""

from doorward.decision import Deny, Grant
from doorward.reasons import Reason
from doorward_edge.door import KeepReleased, Release, SecureLock
from doorward_edge.perception import signal_of
from doorward_edge.ports import Indicator, Lock, Signal


class ActuateStage:
    """The hands of one portal."""

    def __init__(self, lock: Lock, indicator: Indicator) -> None:
        """Takes the portal's hardware."""
        self._lock = lock
        self._indicator = indicator

    def drive(self, action: Release | KeepReleased | SecureLock) -> None:
        """Drives the lock. Raises what the hardware raises."""
        match action:
            case Release(pulse_ms=pulse_ms):
                self._lock.release(pulse_ms)
            case KeepReleased():
                self._lock.hold_open()
            case SecureLock():
                self._lock.secure()

    def tell(self, decision: Grant | Deny, *, online: bool) -> None:
        """Shows what was decided."""
        signal = signal_of(decision)
        self._indicator.show(signal, offline=not online, reason=decision.reason)

    def show(self, signal: Signal, *, online: bool, reason: Reason | None = None) -> None:
        """Shows how the portal stands, or something that nobody decided and why."""
        self._indicator.show(signal, offline=not online, reason=reason)
