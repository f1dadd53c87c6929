"""What is wired to what, as data: nodes with terminals, and cables whose wires join two of them."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

PI = "Raspberry Pi"
SUPPLY = "Supply"
CONVERTER = "Converter"
RELAYS = "Relays"
LOCK = "Lock"
DRIVER = "Driver"
LAMPS = "Lamps"
BUZZER = "Buzzer"
FIRE = "Fire alarm"
EXIT = "Exit button"

POWER_IN = "5.1 V (USB or pin 2)"
GROUND = "GND"


class Sheet(StrEnum):
    """Which drawing a wire is on; all at once would be too wide to be read."""

    LOCK = "lock"
    POWER = "power"
    SIGNALS = "signals"


class HarnessError(ValueError):
    """A build that cannot be drawn; the message says why."""


@dataclass(slots=True, kw_only=True)
class Node:
    """A part with terminals.

    Attributes:
        pins: its terminals, in the order in which they are drawn.
        notes: what stands below it.
    """

    name: str
    kind: str
    pins: list[str] = field(default_factory=list)
    notes: str = ""

    def pin(self, name: str) -> str:
        """Returns the terminal, which is added when it is not there yet."""
        if name not in self.pins:
            self.pins.append(name)
        return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One conductor of a cable from terminal to terminal."""

    from_node: str
    from_pin: str
    to_node: str
    to_pin: str
    colour: str
    sheet: Sheet


@dataclass(slots=True, kw_only=True)
class Cable:
    """Conductors that run together; all go from one node to one other."""

    name: str
    mm2: float
    length_m: float
    wires: list[Wire] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Harness:
    """All of it."""

    title: str
    nodes: dict[str, Node] = field(default_factory=dict)
    cables: list[Cable] = field(default_factory=list)

    def node(self, name: str, kind: str = "", notes: str = "") -> Node:
        """Returns a node, made when it is new."""
        if name not in self.nodes:
            self.nodes[name] = Node(name=name, kind=kind)
        found = self.nodes[name]
        found.kind, found.notes = kind or found.kind, notes or found.notes
        return found

    def join(
        self,
        from_at: tuple[str, str],
        to_at: tuple[str, str],
        *,
        mm2: float,
        m: float,
        colour: str,
        sheet: Sheet = Sheet.SIGNALS,
    ) -> None:
        """Adds a wire; wires of a sheet between the same two nodes run in one cable."""
        (from_node, from_pin), (to_node, to_pin) = from_at, to_at
        wire = Wire(
            from_node=from_node,
            from_pin=self.node(from_node).pin(from_pin),
            to_node=to_node,
            to_pin=self.node(to_node).pin(to_pin),
            colour=colour,
            sheet=sheet,
        )
        self._cable(wire, mm2, m).wires.append(wire)

    @property
    def wires(self) -> list[Wire]:
        """Every wire of every cable."""
        return [wire for cable in self.cables for wire in cable.wires]

    def _cable(self, wire: Wire, mm2: float, length_m: float) -> Cable:
        for cable in self.cables:
            first = cable.wires[0]
            ends = (first.from_node, first.to_node, first.sheet)
            if ends == (wire.from_node, wire.to_node, wire.sheet):
                return cable
        made = Cable(name=f"W{len(self.cables) + 1}", mm2=mm2, length_m=length_m)
        self.cables.append(made)
        return made

    def part(self, title: str, wires: list[Wire]) -> "Harness":
        """Returns a harness of some of the wires, in the same cables."""
        taken = Harness(title=title)
        for node in self.nodes.values():
            names = [pin for pin in node.pins if _touches(wires, node.name, pin)]
            if names:
                taken.nodes[node.name] = replace(node, pins=names)
        for cable in self.cables:
            kept = [wire for wire in cable.wires if wire in wires]
            if kept:
                taken.cables.append(replace(cable, wires=kept))
        return taken


def _touches(wires: list[Wire], node: str, pin: str) -> bool:
    return any((node, pin) in {(w.from_node, w.from_pin), (w.to_node, w.to_pin)} for w in wires)
