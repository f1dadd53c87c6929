"""Which part of the configuration claims which pin of the board, and whether that can be."""

from dataclasses import dataclass

from doorward_edge.boards import (
    BoardProfile,
    Contact,
    Level,
    LockKind,
    Pull,
    Terminal,
    TerminalKind,
    released_level,
)
from doorward_edge.config.devices import TerminalName
from doorward_edge.config.portals import InputSection, LockSection
from doorward_edge.config.table import Problem
from doorward_edge.ports import InputKind
from doorward_edge.toml_places import Place, dotted

_AT_REST_CLOSED = frozenset({InputKind.CONTACT, InputKind.TAMPER, InputKind.FIRE})
"""Kinds whose wire, when it is cut, must look like an alarm."""

_DEBOUNCE_MS = {
    InputKind.CONTACT: 50,
    InputKind.PASSAGE: 20,
    InputKind.EXIT_BUTTON: 50,
    InputKind.TAMPER: 100,
    InputKind.FIRE: 200,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLine:
    """A pin that switches something."""

    terminal: str
    pin: int
    active: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class LockLine:
    """A pin that keeps a portal shut.

    Attributes:
        released: the level at which the lock is released.
        pulse_ms: how long a release lasts, in place of what the policy says.
    """

    kind: LockKind
    terminal: str
    pin: int
    released: Level
    pulse_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPin:
    """A pin that tells whether a circuit is closed.

    Attributes:
        closed: what it reads then.
        pull: what the processor must pull it to, where the board does not.
    """

    terminal: str
    pin: int
    closed: Level
    pull: Pull | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLine:
    """A switch, a button or a sensor at one pin, or at two when it is supervised."""

    kind: InputKind
    first: InputPin
    second: InputPin | None
    contact: Contact
    debounce_ms: int


class Claims:
    """Gives out the pins of a board, each once."""

    def __init__(self, board: BoardProfile) -> None:
        """Begins with nothing given out."""
        self._board = board
        self._owners: dict[int, str] = {}

    @property
    def owners(self) -> dict[int, str]:
        """Who has which pin: keys of the configuration, by pin."""
        return dict(self._owners)

    def output(self, place: Place, name: TerminalName, *, sounds: bool = False) -> OutputLine:
        """Returns a lamp's or buzzer's pin. Raises Problem."""
        terminal = self._claim(place, name)
        _require_output(place, terminal)
        if sounds and terminal.kind is TerminalKind.RELAY:
            raise Problem(place, f"is {terminal.shown}, a relay, which cannot sound a tone")
        return OutputLine(terminal=terminal.name, pin=terminal.pin, active=terminal.active)

    def lock(self, place: Place, section: LockSection) -> LockLine:
        """Returns a lock's pin, which holds the lock locked while nobody drives it.

        A lock that is locked only while the relay's coil is driven needs `resistor`: the weak pull
        of a processor drives no coil, and a gateway without power releases it.

        Raises:
            Problem: it would not, or the terminal cannot be used for it.
        """
        terminal = self._claim((*place, "terminal"), section.terminal)
        _require_output((*place, "terminal"), terminal)
        by_kind = Contact.NC if section.kind is LockKind.FAIL_SAFE else Contact.NO
        contact = section.contact or by_kind
        if contact not in terminal.contacts:
            has = " and ".join(terminal.contacts)
            raise Problem((*place, "contact"), f"is {contact}, but {terminal.shown} has {has} only")
        if section.active is not None and terminal.kind is not TerminalKind.PIN:
            raise Problem((*place, "active"), f"is said by the board: {terminal.active}")
        active = section.active or terminal.active
        released = released_level(section.kind, contact, active)
        if released is not active and section.resistor is None:
            raise _locked_by_the_coil(place, section, contact)
        rest = section.resistor.level if section.resistor is not None else terminal.rest
        if rest is not released.other:
            raise _released_at_rest(place, section, contact, terminal, released, rest)
        return LockLine(
            kind=section.kind,
            terminal=terminal.name,
            pin=terminal.pin,
            released=released,
            pulse_ms=section.pulse_ms,
        )

    def input(self, place: Place, kind: InputKind, section: InputSection) -> InputLine:
        """Returns an input's pin or pins. Raises Problem."""
        first = self._input_pin((*place, "terminal"), section.terminal)
        second = None
        if section.second_terminal is not None:
            second = self._input_pin((*place, "second_terminal"), section.second_terminal)
        by_kind = Contact.NC if kind in _AT_REST_CLOSED else Contact.NO
        return InputLine(
            kind=kind,
            first=first,
            second=second,
            contact=section.contact or by_kind,
            debounce_ms=section.debounce_ms or _DEBOUNCE_MS[kind],
        )

    def _input_pin(self, place: Place, name: TerminalName) -> InputPin:
        terminal = self._claim(place, name)
        if not terminal.kind.is_input:
            raise Problem(place, f"is {terminal.shown}, a {terminal.kind}, which reads nothing")
        if terminal.kind is not TerminalKind.PIN:
            return InputPin(
                terminal=terminal.name, pin=terminal.pin, closed=terminal.active, pull=None
            )
        # A bare pin is wired to a switch to ground; one of the profile may say otherwise.
        closed = Level.LOW if terminal.name not in self._board.terminals else terminal.active
        pull = Pull.UP if closed is Level.LOW else Pull.DOWN
        return InputPin(terminal=terminal.name, pin=terminal.pin, closed=closed, pull=pull)

    def _claim(self, place: Place, name: TerminalName) -> Terminal:
        terminal = self._find(place, name)
        if terminal.pin in self._board.reserved:
            why = self._board.reserved[terminal.pin]
            raise Problem(place, f"is {terminal.shown}, which is reserved: {why}")
        if terminal.pin in self._owners:
            other = self._owners[terminal.pin]
            raise Problem(place, f"is {terminal.shown}, which is {other} already")
        self._owners[terminal.pin] = dotted(place)
        return terminal

    def _find(self, place: Place, name: TerminalName) -> Terminal:
        if isinstance(name, int):
            return self._board.terminal_of_pin(name)
        terminal = self._board.terminals.get(name)
        if terminal is None:
            known = ", ".join(self._board.terminals)
            raise Problem(place, f"is {name!r}; terminals of {self._board.name} are: {known}")
        return terminal


def _require_output(place: Place, terminal: Terminal) -> None:
    if not terminal.kind.is_output:
        raise Problem(place, f"is {terminal.shown}, an input, which drives nothing")


def _locked_by_the_coil(place: Place, section: LockSection, contact: Contact) -> Problem:
    other = Contact.NO if contact is Contact.NC else Contact.NC
    return Problem(
        (*place, "contact"),
        f"cannot be: a {section.kind} lock on contact {contact} is locked only while the coil is "
        f'driven, and a gateway without power would release it; wire and set contact = "{other}"',
    )


def _released_at_rest(
    place: Place,
    section: LockSection,
    contact: Contact,
    terminal: Terminal,
    released: Level,
    rest: Level | None,
) -> Problem:
    """Returns why a lock cannot be wired so: it would open while the gateway starts."""
    how = f"a {section.kind} lock on contact {contact} is released while the pin is {released}"
    at_rest = (
        f"as {terminal.shown} is while the gateway starts"
        if rest
        else f"and nothing holds {terminal.shown}"
    )
    need = Pull.UP if released is Level.LOW else Pull.DOWN
    return Problem(
        (*place, "terminal"),
        f"cannot be: {how}, {at_rest}; take a pin that is pulled {need}, or fit 10 kΩ and set "
        f'resistor = "{need}"',
    )
