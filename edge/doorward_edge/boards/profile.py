"""A board profile: which pin leads to which terminal, and what a pin does until it is driven.

The tables below are the file's; `BoardProfile` is what is left after `loading` has checked them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from doorward_edge.boards.contacts import Contact, Level

BcmPin = Annotated[int, msgspec.Meta(ge=0, le=27)]
"""A pin of the 40-pin header by its number at the processor, as in "GPIO17"."""


class BoardError(ValueError):
    """A profile that cannot be used; the message names file and line."""


class TerminalKind(StrEnum):
    """What stands between a pin and its terminal."""

    PIN = "pin"
    """Nothing: a 3.3 V pin of the header, as an input or an output."""
    RELAY = "relay"
    TRANSISTOR = "transistor"
    INPUT_OPTO = "input_opto"
    INPUT_BUFFERED = "input_buffered"

    @property
    def is_output(self) -> bool:
        """Whether something can be switched with it."""
        return self in {TerminalKind.PIN, TerminalKind.RELAY, TerminalKind.TRANSISTOR}

    @property
    def is_input(self) -> bool:
        """Whether something can be read from it."""
        return self not in {TerminalKind.RELAY, TerminalKind.TRANSISTOR}


class Pull(StrEnum):
    """A resistor at a pin."""

    UP = "up"
    DOWN = "down"

    @property
    def level(self) -> Level:
        """The level that it holds while nobody drives the pin."""
        return Level.HIGH if self is Pull.UP else Level.LOW


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; a key that is not known is an error."""


class PullsSection(_Table, frozen=True):
    """Which way the processor pulls its pins from power-on until software says otherwise."""

    up: tuple[BcmPin, ...] = ()
    down: tuple[BcmPin, ...] = ()


class ReservedSection(_Table, frozen=True):
    """Pins that are for something else.

    Attributes:
        when: the function that must be in use for it to count (`uses`); empty means always.
    """

    pins: tuple[BcmPin, ...]
    why: str
    when: str = ""


class TerminalSection(_Table, frozen=True):
    """One terminal.

    Attributes:
        active: output: the level that drives it. Input: the level while its circuit is closed.
        contacts: which contacts a relay has.
        pull: a resistor that the board's maker has fitted and that is stronger than the
            processor's own.
        wired_for: what it is meant for, in a profile that wires a bare header.
    """

    name: str
    pin: BcmPin
    kind: TerminalKind
    active: Level = Level.HIGH
    contacts: tuple[Contact, ...] = (Contact.NO, Contact.NC)
    pull: Pull | None = None
    wired_for: str = ""


class ProfileFile(_Table, frozen=True):
    """The whole of a profile.

    Attributes:
        sources: the maker's documents that the facts are from, each with its date.
        extends: a profile whose tables count here too, where this one has none of its own.
        models: how `/proc/device-tree/model` begins on boards that this profile is for.
        uses: functions of pins that this board needs: i2c, spi, one-wire.
    """

    title: str
    sources: tuple[str, ...]
    extends: str = ""
    models: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    pulls: PullsSection | None = None
    reserved: tuple[ReservedSection, ...] = ()
    terminal: tuple[TerminalSection, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Where a wire is connected, with all that is known of its pin.

    Attributes:
        rest: the level from power-on until software drives the pin, and after a crash.
    """

    name: str
    pin: int
    kind: TerminalKind
    active: Level
    contacts: tuple[Contact, ...]
    rest: Level | None
    wired_for: str = ""

    @property
    def shown(self) -> str:
        """What people read: its name and its pin."""
        bare = f"GPIO{self.pin}"
        return bare if self.name == bare else f"{self.name} ({bare})"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardProfile:
    """A board, checked.

    Attributes:
        pulls: what the processor holds each pin at until software says otherwise.
        reserved: why a pin must not be used.
        functions: pins that are taken when a function of theirs is in use, by function.
    """

    name: str
    path: Path
    title: str
    sources: tuple[str, ...]
    notes: tuple[str, ...]
    models: tuple[str, ...]
    terminals: Mapping[str, Terminal]
    pulls: Mapping[int, Pull]
    reserved: Mapping[int, str]
    functions: Mapping[str, tuple[int, ...]]

    def terminal_of_pin(self, pin: int) -> Terminal:
        """Returns what a pin leads to on this board, or the bare pin.

        What a bare pin is wired to is the installer's choice, and a profile's plain wiring only a
        proposal: who names the number does not mean the proposal.
        """
        for terminal in self.terminals.values():
            if terminal.pin == pin and terminal.kind is not TerminalKind.PIN:
                return terminal
        pull = self.pulls.get(pin)
        return Terminal(
            name=f"GPIO{pin}",
            pin=pin,
            kind=TerminalKind.PIN,
            active=Level.HIGH,
            contacts=tuple(Contact),
            rest=pull.level if pull is not None else None,
        )
