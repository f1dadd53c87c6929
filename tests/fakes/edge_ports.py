"""The gateway's ports in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from doorward.messages import Applied
from doorward.reasons import Reason
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_edge.ports import InputChange, Signal


class FakePolicyFiles:
    """Documents in a dictionary; `broken` makes the next save fail as a full disk does."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.broken = False

    def save(self, name: str, wire: bytes) -> None:
        if self.broken:
            raise OSError(28, "No space left on device")
        self.kept[name] = bytes(wire)

    def load(self, name: str) -> memoryview | None:
        wire = self.kept.get(name)
        return None if wire is None else memoryview(wire)


class FakeFloors:
    """Floors in memory."""

    def __init__(self) -> None:
        self.applied = Applied()

    def floors(self) -> Applied:
        return self.applied

    def raise_floors(self, applied: Applied) -> None:
        self.applied = Applied(
            bundle=max(self.applied.bundle, applied.bundle),
            status=max(self.applied.status, applied.status),
            keyring=max(self.applied.keyring, applied.keyring),
            config=max(self.applied.config, applied.config),
        )


@dataclass
class FakeClock:
    """A clock that moves when told to."""

    utc_s: float
    mono_ms: int = 0
    trust: ClockTrust = ClockTrust.SYNCHRONISED

    def now(self) -> Instant:
        return Instant(
            utc_ms=UtcMs(int(self.utc_s * 1000)), mono_ms=MonoMs(self.mono_ms), trust=self.trust
        )

    def pass_s(self, seconds: float) -> None:
        self.utc_s += seconds
        self.mono_ms += int(seconds * 1000)


@dataclass
class FakeLock:
    """Remembers the pulses that it was told, and whether it is held open."""

    pulses_ms: list[int] = field(default_factory=list)
    is_held_open: bool = False

    def release(self, pulse_ms: int) -> None:
        self.pulses_ms.append(pulse_ms)

    def hold_open(self) -> None:
        self.is_held_open = True

    def secure(self) -> None:
        self.is_held_open = False

    def close(self) -> None:
        pass


@dataclass
class FakeInputs:
    """Gives out what `feed` was told, and wakes whoever listens."""

    waiting: list[InputChange] = field(default_factory=list)
    wake: Callable[[], None] = lambda: None
    is_closed: bool = False

    def feed(self, *changes: InputChange) -> None:
        self.waiting.extend(changes)
        self.wake()

    def changes(self) -> Sequence[InputChange]:
        given, self.waiting = self.waiting, []
        return given

    def listen(self, wake: Callable[[], None]) -> None:
        self.wake = wake

    def close(self) -> None:
        self.is_closed = True


@dataclass
class FakeIndicator:
    """Remembers what was shown."""

    shown: list[tuple[Signal, bool]] = field(default_factory=list)
    reasons: list[Reason | None] = field(default_factory=list)

    def show(self, signal: Signal, *, offline: bool, reason: Reason | None = None) -> None:
        self.shown.append((signal, offline))
        self.reasons.append(reason)

    def close(self) -> None:
        pass
