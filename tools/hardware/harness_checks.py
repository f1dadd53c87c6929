"""A second look at a harness: what no drawing may show, told in words. Pure.

The harness is made from the configuration, which the firmware has checked; here the wires
themselves are looked at again, so that a mistake in the making is found and not built.
"""

from collections.abc import Iterator, Mapping

from doorward_edge.boards import Contact, LockKind, TerminalKind
from tools.hardware.builds import Build
from tools.hardware.harness import (
    CONVERTER,
    DRIVER,
    EXIT,
    FIRE,
    GROUND,
    LOCK,
    PI,
    POWER_IN,
    RELAYS,
    SUPPLY,
    Harness,
)
from tools.hardware.header import PLACE_OF_GPIO, gpio_name

End = tuple[str, str]

_GPIO_OF_NAME = {gpio_name(gpio): gpio for gpio in PLACE_OF_GPIO}
_PLUS = (SUPPLY, "+12 V")
_ZERO = (SUPPLY, "0 V")
_INSIDE = (  # what parts connect within themselves
    ((CONVERTER, "IN -"), (CONVERTER, "OUT -")),
    ((DRIVER, GROUND), (CONVERTER, "OUT -")),
)


def faults_of(build: Build, harness: Harness) -> tuple[str, ...]:
    """Returns what is wrong, in words; nothing when the harness may be built."""
    nets = _nets(harness)
    return (
        *_header_faults(build, harness),
        *_voltage_faults(harness, nets),
        *_lock_faults(build, harness),
        *_unwired(build, harness),
    )


def _header_faults(build: Build, harness: Harness) -> Iterator[str]:
    board, claims = build.config.board, build.config.claims
    for wire in harness.wires:
        for node, pin in ((wire.from_node, wire.from_pin), (wire.to_node, wire.to_pin)):
            if node != PI or not pin.startswith("GPIO"):
                continue
            gpio = _GPIO_OF_NAME.get(pin)
            if gpio is None:
                yield f"{pin} is no pin of the header"
            elif gpio in board.reserved:
                yield f"{pin} is reserved: {board.reserved[gpio]}"
            elif gpio not in claims:
                yield f"{pin} is wired, but edge.toml gives it no use"


def _voltage_faults(harness: Harness, nets: Mapping[End, int]) -> Iterator[str]:
    plus, zero, five = nets.get(_PLUS), nets.get(_ZERO), nets.get((CONVERTER, "OUT +"))
    if plus is not None and plus in {zero, five}:
        yield "+12 V is connected to 0 V or to 5.1 V"
    if zero is not None and zero == five:
        yield "5.1 V is connected to 0 V"
    for pin in harness.nodes[PI].pins if PI in harness.nodes else ():
        net = nets.get((PI, pin))
        if net is not None and net == plus:
            yield f"{pin} of the computer is connected to +12 V"
        if pin.startswith("GPIO") and net is not None and net in {zero, five}:
            yield f"{pin} is connected to a supply without a switch"
    if (CONVERTER, "OUT +") in nets and nets.get((PI, POWER_IN)) != five:
        yield "the computer gets no 5.1 V"


def _lock_faults(build: Build, harness: Harness) -> Iterator[str]:
    """Yields what would leave a lock open, or hold it in a fire."""
    other = Contact.NO if build.contact is Contact.NC else Contact.NC
    name = "" if not build.has_board or build.portal.lock is None else build.portal.lock.terminal
    wanted, wrong = (f"{name} {c.value.upper()}".strip() for c in (build.contact, other))
    used = {pin for node, pin in _ends(harness) if node == RELAYS}
    if wrong in used:
        yield f"the lock runs through {wrong}, a {build.lock.kind} lock needs {wanted}"
    elif wanted not in used:
        yield f"the lock is not wired to {wanted}"
    if build.lock.kind is LockKind.FAIL_SAFE and _reaches(harness, (_PLUS), (LOCK, "+")):
        yield "the magnet has current past its relay or past what releases it by wire"


def _reaches(harness: Harness, start: End, goal: End) -> bool:
    """Whether current gets there with the relay driven, or the fire alarm up, or the button down.

    Each of the three opens its contact; wires alone must not lead round any of them.
    """
    for opened in (RELAYS, FIRE, EXIT):
        others = [
            pair
            for node in (RELAYS, FIRE, EXIT)
            if node != opened
            for pair in _closed_at_rest(harness, node)
        ]
        nets = _nets(harness, others)
        has_it = any(node == opened for node, _ in _closed_ends(harness, opened))
        if has_it and nets.get(start) is not None and nets.get(start) == nets.get(goal):
            return True
    return False


def _closed_ends(harness: Harness, node: str) -> list[End]:
    return [end for pair in _closed_at_rest(harness, node) for end in pair]


def _closed_at_rest(harness: Harness, node: str) -> list[tuple[End, End]]:
    """Returns the pairs of terminals that a part's contacts connect at rest."""
    pins = harness.nodes[node].pins if node in harness.nodes else []
    closed = [pin for pin in pins if pin.split()[-1] == "NC"]
    commons = {pin: pin.removesuffix("NC") + "COM" for pin in closed}
    return [((node, pin), (node, com)) for pin, com in commons.items() if com in pins]


def _unwired(build: Build, harness: Harness) -> Iterator[str]:
    board, drawn = build.config.board, _ends(harness)
    for pin, owner in sorted(build.config.claims.items()):
        terminal = board.terminal_of_pin(pin)
        if terminal.kind is TerminalKind.PIN:
            is_there = (PI, gpio_name(pin)) in drawn
        else:
            is_there = any(
                node == RELAYS and name.split()[0] == terminal.name for node, name in drawn
            )
        if not is_there:
            yield f"{owner} has {terminal.shown}, to which no wire leads"


def _ends(harness: Harness) -> set[End]:
    return {
        end
        for wire in harness.wires
        for end in ((wire.from_node, wire.from_pin), (wire.to_node, wire.to_pin))
    }


def _nets(harness: Harness, more: list[tuple[End, End]] | None = None) -> dict[End, int]:
    """Returns a number for each terminal; the same for those that wires connect."""
    joined: list[set[End]] = []
    pairs = [((w.from_node, w.from_pin), (w.to_node, w.to_pin)) for w in harness.wires]
    for pair in (*pairs, *_INSIDE, *(more or ())):
        touched = [net for net in joined if net & set(pair)]
        joined = [net for net in joined if net not in touched]
        joined.append(set(pair).union(*touched))
    return {end: number for number, net in enumerate(joined) for end in net}
