"""Every output and input of a configuration, by the terminal's name, and loops between them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from doorward_edge.boards import Contact, Level, TerminalKind
from doorward_edge.config import EdgeConfig, InputPin


class LoopError(ValueError):
    """A loop that cannot be; the message names it and what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Something that can be switched.

    Attributes:
        owner: what it is for, as in `portal.lamps.green`.
        active: the level that drives its coil, or the pin itself.
        rest: the level at which it is left: out, or locked.
    """

    terminal: str
    pin: int
    kind: TerminalKind
    active: Level
    rest: Level
    owner: str
    is_lock: bool = False
    is_buzzer: bool = False

    @property
    def shown(self) -> str:
        """What people read."""
        return f"{self.terminal} ({self.owner})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A pin that reads a circuit."""

    terminal: str
    pin: InputPin
    owner: str

    @property
    def shown(self) -> str:
        """What people read."""
        return f"{self.terminal} ({self.owner})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A wire from an output to an input.

    Attributes:
        contact: of a relay: through which the input's circuit runs.
    """

    output: Output
    input: Input
    contact: Contact

    @property
    def name(self) -> str:
        """As it is written on the command line."""
        return f"{self.output.terminal}={self.input.terminal}"

    def reads(self, level: Level) -> Level:
        """Returns what the input reads while the output's pin has a level.

        A relay closes a circuit while its coil is driven, a bare pin gives its own level.
        """
        if self.output.kind is TerminalKind.PIN:
            return level
        is_closed = (level is self.output.active) == (self.contact is Contact.NO)
        return self.input.pin.closed if is_closed else self.input.pin.closed.other


def outputs_of(config: EdgeConfig) -> tuple[Output, ...]:
    """Returns every output; names are terminals of the board, or GPIO numbers."""
    return tuple(_outputs(config))


def inputs_of(config: EdgeConfig) -> tuple[Input, ...]:
    """Returns every input's pins; a supervised one has two."""
    return tuple(
        Input(terminal=pin.terminal, pin=pin, owner=config.claims[pin.pin])
        for _, line in config.input_lines
        for pin in (line.first, line.second)
        if pin is not None
    )


def parse_loops(texts: Iterable[str], config: EdgeConfig) -> tuple[Loop, ...]:
    """Returns the loops that `OUT=IN` and `OUT.nc=IN` name.

    Raises:
        LoopError: a name is not known, is used twice, or a wire between the two cannot work.
    """
    outputs = {line.terminal: line for line in outputs_of(config)}
    inputs = {line.terminal: line for line in inputs_of(config)}
    loops: list[Loop] = []
    for text in texts:
        loop = _parse(text, outputs, inputs)
        for other in loops:
            if other.output is loop.output or other.input is loop.input:
                raise LoopError(f"--loop {text}: {other.name} has that terminal already")
        loops.append(loop)
    return tuple(loops)


def _parse(text: str, outputs: Mapping[str, Output], inputs: Mapping[str, Input]) -> Loop:
    left, _, right = text.partition("=")
    left, _, throw = left.strip().partition(".")
    left, right = _terminal(left), _terminal(right.strip())
    if left not in outputs:
        raise LoopError(f"--loop {text}: {left!r} is no output; outputs are {_named(outputs)}")
    if right not in inputs:
        raise LoopError(f"--loop {text}: {right!r} is no input; inputs are {_named(inputs)}")
    if throw not in {"", *Contact}:
        raise LoopError(f"--loop {text}: .{throw} is no contact, must be .no or .nc")
    output, found = outputs[left], inputs[right]
    if output.kind is TerminalKind.PIN and throw:
        raise LoopError(f"--loop {text}: {left} is a bare pin and has no contact .{throw}")
    if output.kind is TerminalKind.PIN and found.pin.pull is None:
        raise LoopError(f"--loop {text}: {right} wants a voltage of its own, a pin gives 3.3 V")
    return Loop(output=output, input=found, contact=Contact(throw or Contact.NO))


def _terminal(name: str) -> str:
    """Returns the terminal; a number alone is a bare pin, as in the configuration."""
    return f"GPIO{name}" if name.isdigit() else name


def _named(lines: Mapping[str, object]) -> str:
    return ", ".join(lines) or "none"


def _outputs(config: EdgeConfig) -> Iterator[Output]:
    board = config.board

    def output(terminal: str, pin: int, active: Level, rest: Level, **more: bool) -> Output:
        return Output(
            terminal=terminal,
            pin=pin,
            kind=board.terminal_of_pin(pin).kind,
            active=active,
            rest=rest,
            owner=config.claims[pin],
            **more,
        )

    for portal in config.portals:
        lock = portal.lock
        if lock is not None:
            rest = lock.released.other
            kind = board.terminal_of_pin(lock.pin).kind
            active = lock.released if kind is TerminalKind.PIN else _active(config, lock.pin)
            yield output(lock.terminal, lock.pin, active, rest, is_lock=True)
        for lamp in portal.lamps.values():
            yield output(lamp.terminal, lamp.pin, lamp.active, lamp.active.other)
        if (line := portal.buzzer) is not None:
            yield output(line.terminal, line.pin, line.active, line.active.other, is_buzzer=True)
    for line in config.illumination.values():
        yield output(line.terminal, line.pin, line.active, line.active.other)


def _active(config: EdgeConfig, pin: int) -> Level:
    return config.board.terminal_of_pin(pin).active
