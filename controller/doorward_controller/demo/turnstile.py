"""Holds codes up to simulated cameras, one at a time for each, and writes down what was shown."""

import contextlib
from dataclasses import dataclass
from threading import Lock

from doorward.times import Clock
from doorward_controller.broker.waiting import wait_until
from doorward_controller.demo.control_socket import ControlError
from doorward_controller.demo.gateway_process import GatewayProcess
from doorward_controller.demo.tally import Presentation

HOLD_MS = 3_000
"""A person holds a badge up until the lamp says something, and gives up after so long."""

APART_S = 0.9
"""Before the same code is shown again: longer than `held_s`, for which a code that comes back
counts as the same scan, by some frames."""

DECIDED_S = 4.0
"""A scan takes well below a second; this is for a machine that is busy with something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Something that can be held up.

    Attributes:
        credential_id: 16 hex digits; None when no credential stands behind the text.
        opens: gateways at which it is granted while nothing changes.
    """

    label: str
    text: str
    credential_id: str | None
    opens: frozenset[str] = frozenset()


class PresentedLog:
    """Everything that was shown, in one list for all cameras."""

    def __init__(self) -> None:
        self._entries: list[Presentation] = []
        self._lock = Lock()

    def add(self, presentation: Presentation) -> None:
        """Writes one down."""
        with self._lock:
            self._entries.append(presentation)

    def all(self) -> tuple[Presentation, ...]:
        """Returns everything so far."""
        with self._lock:
            return tuple(self._entries)


class Turnstile:
    """One camera and the people in front of it."""

    def __init__(self, gateway: GatewayProcess, log: PresentedLog, clock: Clock) -> None:
        self.gateway = gateway
        self._log = log
        self._clock = clock
        self._lock = Lock()
        self._gone_mono_ms: dict[str, int] = {}

    def has_policy(self) -> bool:
        """Says whether the gateway is there and holds rules to decide by."""
        state = self.gateway.state()
        return state is not None and int(state.get("policy_version", 0)) > 0

    def present(self, code: Code, *, hold_ms: int = HOLD_MS, tilt_deg: float = 0.0) -> Presentation:
        """Shows a code until the gateway decided, or until it did not in `DECIDED_S`.

        Raises:
            ControlError: the gateway is not there; if it saw the code, that was written down.
        """
        with self._lock:
            self._wait_apart(code)
            before, pid = _decided(self.gateway), self.gateway.pid
            at_utc_ms = self._clock.now().utc_ms
            try:
                self.gateway.control.show(code.text, hold_ms=hold_ms, tilt_deg=tilt_deg)
            except ControlError:
                # It died with our words in its ear: it may have seen the code and recorded it.
                self._log.add(_presentation(self.gateway, code, at_utc_ms, is_decided=None))
                raise
            wait_until(
                lambda: self._since(before).is_any or self.gateway.pid != pid, timeout_s=DECIDED_S
            )
            since = self._since(before)
            shown = _presentation(
                self.gateway,
                code,
                at_utc_ms,
                is_decided=since.is_any if self.gateway.pid == pid else None,
                is_granted=since.granted > 0 if since.is_any else None,
            )
            self._log.add(shown)
            self._take_away(code)
            return shown

    def flash(self, code: Code, *, hold_ms: int = HOLD_MS) -> Presentation:
        """Shows a code and returns at once, for a gateway that will be killed meanwhile.

        Raises ControlError.
        """
        with self._lock:
            now = self._clock.now()
            shown = _presentation(self.gateway, code, now.utc_ms, is_decided=None)
            self._log.add(shown)
            self.gateway.control.show(code.text, hold_ms=hold_ms)
            return shown

    def _since(self, before: "_Decided") -> "_Decided":
        try:
            now = _decided(self.gateway)
        except ControlError:
            return _Decided()
        return _Decided(granted=now.granted - before.granted, denied=now.denied - before.denied)

    def _take_away(self, code: Code) -> None:
        with contextlib.suppress(ControlError):
            self.gateway.control.clear()
        self._gone_mono_ms[code.text] = self._clock.now().mono_ms

    def _wait_apart(self, code: Code) -> None:
        until_ms = self._gone_mono_ms.get(code.text, 0) + APART_S * 1000
        wait_until(lambda: self._clock.now().mono_ms >= until_ms, timeout_s=2 * APART_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """How often a gateway has decided."""

    granted: int = 0
    denied: int = 0

    @property
    def is_any(self) -> bool:
        return self.granted > 0 or self.denied > 0


def _presentation(
    gateway: GatewayProcess,
    code: Code,
    at_utc_ms: int,
    *,
    is_decided: bool | None,
    is_granted: bool | None = None,
) -> Presentation:
    return Presentation(
        gateway=gateway.name,
        credential_id=code.credential_id,
        at_utc_ms=at_utc_ms,
        is_decided=is_decided,
        is_granted=is_granted,
    )


def _decided(gateway: GatewayProcess) -> _Decided:
    counters = gateway.control.state().get("counters", {})
    return _Decided(granted=int(counters.get("granted", 0)), denied=int(counters.get("denied", 0)))
