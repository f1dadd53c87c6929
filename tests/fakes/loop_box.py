"""Recorded pins with wires between them, as a loop-back box makes them, and with faults planted."""

from collections.abc import Mapping
from dataclasses import dataclass

from doorward_edge.adapters.gpio_gpiozero import RecordedPins, drive_pin
from doorward_edge.boards import Contact, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopWire:
    """An output's relay in an input's circuit to ground, or a plain wire.

    Attributes:
        active: the level that drives the coil.
        contact: None for a plain wire, which hands the level on.
        is_stuck: the contact is welded: closed for good once it was driven.
        is_cut: the wire is not connected at one end.
    """

    out: int
    into: int
    active: Level = Level.HIGH
    contact: Contact | None = Contact.NO
    is_stuck: bool = False
    is_cut: bool = False


class LoopBox(RecordedPins):
    """Pins whose inputs follow outputs through wires."""

    def __init__(
        self,
        wires: tuple[LoopWire, ...],
        rests: Mapping[int, Level],
        outside: Mapping[int, Level] | None = None,
    ) -> None:
        """Connects the wires; every input is open at first, but for those held from outside."""
        self.wires = wires
        self.levels: dict[int, list[Level]] = {}
        self._welded: set[int] = set()
        super().__init__(rests, outside or {}, None)
        for wire in wires:
            self._follow(wire, rests.get(wire.out, Level.LOW))

    def note(self, pin: str, level: float, at_s: float) -> None:
        """Remembers a change and hands it on."""
        super().note(pin, level, at_s)
        number = int(pin.removeprefix("GPIO"))
        reads = Level.HIGH if level else Level.LOW
        self.levels.setdefault(number, []).append(reads)
        for wire in self.wires:
            if wire.out == number:
                self._follow(wire, reads)

    def _follow(self, wire: LoopWire, level: Level) -> None:
        if wire.is_cut:
            drive_pin(self, wire.into, Level.HIGH)
            return
        if wire.contact is None:
            drive_pin(self, wire.into, level)
            return
        is_driven = level is wire.active
        if is_driven and wire.is_stuck:
            self._welded.add(wire.out)
        is_closed = (is_driven or wire.out in self._welded) == (wire.contact is Contact.NO)
        drive_pin(self, wire.into, Level.LOW if is_closed else Level.HIGH)
