"""A build becomes a harness: every wire follows from its parts and its `edge.toml`."""

from doorward_edge.boards import Contact, Level, LockKind, TerminalKind
from doorward_edge.config import ExitButton, InputLine, InputPin, OutputLine
from doorward_edge.ports import InputKind
from tools.hardware.builds import Build
from tools.hardware.harness import (
    BUZZER,
    CONVERTER,
    DRIVER,
    EXIT,
    FIRE,
    GROUND,
    LAMPS,
    LOCK,
    PI,
    POWER_IN,
    RELAYS,
    SUPPLY,
    Harness,
    HarnessError,
    Sheet,
)
from tools.hardware.header import FIVE_VOLTS, GROUNDS, gpio_name
from tools.hardware.parts import Suppression

SIGNAL_MM2 = 0.22
POWER_MM2 = 0.75
SIGNAL_M = 5.0
INSIDE_M = 0.3
"""Within the housing."""

PLUS, MINUS, SIGNAL, BACK = "RD", "BK", "BU", "WH"
COLOURS = {"RD": "red", "BK": "black", "BU": "blue", "WH": "white", "GN": "green", "YE": "yellow"}
"""What IEC 60757 calls them, for people."""
DRIVER_CHANNELS = 7
LAMP_COLOURS = {"green": "GN", "red": "RD", "yellow": "YE", "blue": "BU"}
INPUT_NODES = {
    InputKind.CONTACT: "Door contact",
    InputKind.PASSAGE: "Passage sensor",
    InputKind.EXIT_BUTTON: EXIT,
    InputKind.TAMPER: "Tamper switch",
    InputKind.FIRE: FIRE,
}
_PANEL_GROUND = f"GND (pin {GROUNDS[0]})"


def harness_of(build: Build) -> Harness:
    """Returns all wires of a build. Raises HarnessError."""
    return _Drawing(build).whole()


def sheets_of(build: Build) -> dict[Sheet, Harness]:
    """Returns the harness as sheets that fit a page."""
    whole = harness_of(build)
    return {
        sheet: whole.part(
            f"{whole.title}: {sheet}", [wire for wire in whole.wires if wire.sheet is sheet]
        )
        for sheet in Sheet
    }


class _Drawing:
    def __init__(self, build: Build) -> None:
        self._build = build
        self._to = Harness(title=build.file.title)
        self._channels = 0

    def whole(self) -> Harness:
        self._power()
        self._relays()
        self._lock()
        portal = self._build.portal
        for colour, line in portal.lamps.items():
            self._lamp(colour, line)
        for line in self._build.config.illumination.values():
            self._lamp("illumination", line)
        if portal.buzzer is not None:
            self._buzzer(portal.buzzer)
        for _, wired in self._build.config.input_lines:
            self._input(wired)
        self._camera()
        return self._to

    # Power

    def _power(self) -> None:
        build = self._build
        notes = "A fuse in its output: 1.25 times what it is rated for at most."
        self._to.node(SUPPLY, build.supply.title, notes)
        self._to.node(CONVERTER, build.converter.title)
        self._to.node(PI, build.computer.title)
        self._inside((SUPPLY, "+12 V"), (CONVERTER, "IN +"), PLUS)
        self._inside((SUPPLY, "0 V"), (CONVERTER, "IN -"), MINUS)
        self._inside((CONVERTER, "OUT +"), (PI, POWER_IN), PLUS)
        self._inside((CONVERTER, "OUT -"), (PI, _PANEL_GROUND), MINUS)

    def _relays(self) -> None:
        build = self._build
        if build.has_board:
            notes = "Plugged onto the header. Channels: " + ", ".join(
                f"{terminal.name} = {gpio_name(terminal.pin)}"
                for terminal in build.config.board.terminals.values()
                if terminal.pin in build.config.claims
            )
            self._to.node(RELAYS, build.relays.title, notes)
            return
        line = build.portal.lock
        if line is None:
            raise HarnessError(f"{build.name} has no lock")
        self._to.node(RELAYS, build.relays.title, "Jumper H: driven by a high level.")
        self._signal((PI, f"5 V (pin {FIVE_VOLTS[1]})"), (RELAYS, "VCC"), PLUS, INSIDE_M)
        self._signal((PI, f"GND (pin {GROUNDS[1]})"), (RELAYS, GROUND), MINUS, INSIDE_M)
        self._signal((PI, gpio_name(line.pin)), (RELAYS, "IN"), SIGNAL, INSIDE_M)

    # Lock

    def _lock(self) -> None:
        build, lock = self._build, self._build.lock
        notes = ""
        if lock.suppression is not Suppression.NONE:
            notes = f"At the lock, across + and -: {lock.suppression_part}."
        self._to.node(LOCK, lock.title, notes)
        throw = build.contact.value.upper()
        if build.lock.kind is LockKind.TURNSTILE:
            self._heavy((RELAYS, self._contact(throw)), (LOCK, "OPEN"), SIGNAL)
            self._heavy((RELAYS, self._contact("COM")), (LOCK, "COM"), BACK)
            self._drop_arms()
            return
        self._heavy((RELAYS, self._contact(throw)), (LOCK, "+"), PLUS)
        self._heavy((SUPPLY, "0 V"), (LOCK, "-"), MINUS)
        self._feed()

    def _feed(self) -> None:
        """The plus of a lock: through what releases it by wire, then through the relay."""
        at = (SUPPLY, "+12 V")
        com = (RELAYS, self._contact("COM"))
        has_fire = self._has(InputKind.FIRE)
        if self._build.lock.kind is LockKind.FAIL_SAFE:
            if has_fire:
                self._heavy(at, (FIRE, "1: NC"), PLUS)
                at = (FIRE, "1: COM")
            if self._has(InputKind.EXIT_BUTTON) and self._is_exit_wired():
                self._heavy(at, (EXIT, "1: NC"), PLUS)
                at = (EXIT, "1: COM")
        elif has_fire:
            self._heavy(at, (FIRE, "1: COM"), PLUS)
            self._heavy((FIRE, "1: NO"), (LOCK, "+"), PLUS)
        self._heavy(at, com, PLUS)

    def _drop_arms(self) -> None:
        if self._has(InputKind.FIRE):
            self._heavy((FIRE, "1: COM"), (LOCK, "EMERGENCY COM"), BACK)
            self._heavy((FIRE, "1: NC"), (LOCK, "EMERGENCY"), SIGNAL)

    def _has(self, kind: InputKind) -> bool:
        return any(line.kind is kind for _, line in self._build.config.input_lines)

    def _is_exit_wired(self) -> bool:
        return self._build.portal.door.exit_button is ExitButton.REPORT

    def _contact(self, throw: str) -> str:
        line = self._build.portal.lock
        if not self._build.has_board or line is None:
            return throw
        return f"{line.terminal} {throw}"

    # Lamps and buzzer

    def _lamp(self, colour: str, line: OutputLine) -> None:
        node = "Camera lamp" if colour == "illumination" else LAMPS
        self._to.node(node, "12 V, each 60 mA at most" if node == LAMPS else "12 V, 300 mA at most")
        shade = LAMP_COLOURS.get(colour, "WH")
        if self._build.config.board.terminal_of_pin(line.pin).kind is TerminalKind.RELAY:
            self._out((SUPPLY, "+12 V"), (RELAYS, f"{line.terminal} COM"), PLUS)
            self._out((RELAYS, f"{line.terminal} NO"), (node, f"{colour} +"), shade)
            self._out((SUPPLY, "0 V"), (node, "common -"), MINUS)
            return
        self._out((self._channel(line), self._out_of_channel()), (node, f"{colour} -"), shade)
        self._out((SUPPLY, "+12 V"), (node, "common +"), PLUS)

    def _buzzer(self, line: OutputLine) -> None:
        self._to.node(BUZZER, "Passive piezo for 5 V, no tone of its own")
        self._out((self._channel(line), self._out_of_channel()), (BUZZER, "-"), SIGNAL)
        self._out((CONVERTER, "OUT +"), (BUZZER, "+"), PLUS)

    def _channel(self, line: OutputLine) -> str:
        """Wires the next input of the driver to a pin."""
        if line.active is not Level.HIGH:
            raise HarnessError(f"{line.terminal} is driven low; a ULN2003A wants a high level")
        if self._channels == DRIVER_CHANNELS:
            raise HarnessError(f"{line.terminal} would be the driver's eighth channel of seven")
        if not self._channels:
            self._to.node(DRIVER, "ULN2003A", "Switches to ground; 500 mA a channel in print.")
            self._signal((PI, f"GND (pin {GROUNDS[2]})"), (DRIVER, GROUND), MINUS, INSIDE_M)
            self._out((SUPPLY, "0 V"), (DRIVER, GROUND), MINUS)
        self._channels += 1
        at = (DRIVER, f"IN{self._channels}")
        self._signal((PI, gpio_name(line.pin)), at, SIGNAL, INSIDE_M)
        return DRIVER

    def _out_of_channel(self) -> str:
        return f"OUT{self._channels}"

    # Inputs

    def _input(self, line: InputLine) -> None:
        node = INPUT_NODES[line.kind]
        if line.kind is InputKind.PASSAGE and self._build.lock.kind is LockKind.TURNSTILE:
            node = LOCK
        if node != LOCK:
            self._to.node(node, _INPUT_KINDS[line.kind])
        is_second = self._circuit(line)
        prefix = "2: " if is_second else ""
        first, com = f"{prefix}{line.contact.value.upper()}", f"{prefix}COM"
        if node == LOCK:
            first, com = "PASSED", "PASSED COM"
        self._switch(line.first, (node, first), (node, com))
        if line.second is not None:
            other = Contact.NO if line.contact is Contact.NC else Contact.NC
            self._signal(self._pin(line.second), (node, f"{prefix}{other.value.upper()}"), SIGNAL)

    def _circuit(self, line: InputLine) -> bool:
        """Returns whether the first contact of the switch is in the lock's circuit already."""
        return line.kind is InputKind.FIRE or (
            line.kind is InputKind.EXIT_BUTTON
            and self._is_exit_wired()
            and self._build.lock.kind is LockKind.FAIL_SAFE
        )

    def _switch(self, pin: InputPin, throw: tuple[str, str], com: tuple[str, str]) -> None:
        self._signal(self._pin(pin), throw, SIGNAL)
        if self._is_bare(pin):
            self._signal((PI, f"GND (pin {GROUNDS[3]})"), com, BACK)
            return
        # A buffered input wants a voltage: it comes through the switch.
        self._out((SUPPLY, "+12 V"), com, PLUS)
        self._out((SUPPLY, "0 V"), (RELAYS, GROUND), MINUS)

    def _pin(self, pin: InputPin) -> tuple[str, str]:
        return (PI, gpio_name(pin.pin)) if self._is_bare(pin) else (RELAYS, pin.terminal)

    def _is_bare(self, pin: InputPin) -> bool:
        return self._build.config.board.terminal_of_pin(pin.pin).kind is TerminalKind.PIN

    def _camera(self) -> None:
        camera = self._build.camera
        if camera.interface == "usb":
            self._to.node("Camera", camera.title, "USB, a cable of 2 m at most.")
            self._signal((PI, "USB"), ("Camera", "USB"), "BK", 2.0)
            return
        pins = self._build.computer.csi_pins
        ribbon = "15 pins at both ends" if pins == 15 else f"15 pins to {pins} pins"
        self._to.node("Camera", camera.title, f"Ribbon: {ribbon}, its contacts as printed.")
        self._signal((PI, "CAMERA (CSI)"), ("Camera", "CSI"), "WH", 0.3)

    # Three ways to lay a wire

    def _inside(self, from_at: tuple[str, str], to_at: tuple[str, str], colour: str) -> None:
        self._join(from_at, to_at, POWER_MM2, INSIDE_M, colour)

    def _heavy(self, from_at: tuple[str, str], to_at: tuple[str, str], colour: str) -> None:
        file = self._build.file
        is_inside = LOCK not in {from_at[0], to_at[0]} and {from_at[0], to_at[0]} <= {
            SUPPLY,
            RELAYS,
        }
        length = INSIDE_M if is_inside else file.cable_m
        self._join(from_at, to_at, file.cable_mm2, length, colour, Sheet.LOCK)

    def _out(self, from_at: tuple[str, str], to_at: tuple[str, str], colour: str) -> None:
        inside = {SUPPLY, RELAYS, DRIVER}
        length = INSIDE_M if {from_at[0], to_at[0]} <= inside else SIGNAL_M
        self._join(from_at, to_at, SIGNAL_MM2, length, colour)

    def _signal(
        self,
        from_at: tuple[str, str],
        to_at: tuple[str, str],
        colour: str,
        length_m: float = SIGNAL_M,
    ) -> None:
        self._join(from_at, to_at, SIGNAL_MM2, length_m, colour)

    def _join(
        self,
        from_at: tuple[str, str],
        to_at: tuple[str, str],
        mm2: float,
        length_m: float,
        colour: str,
        sheet: Sheet | None = None,
    ) -> None:
        nodes = {from_at[0], to_at[0]}
        is_signal = nodes & {PI, DRIVER} and not nodes & {SUPPLY, CONVERTER}
        sheet = sheet or (Sheet.SIGNALS if is_signal else Sheet.POWER)
        ends = (*from_at, *to_at)
        have = {(w.from_node, w.from_pin, w.to_node, w.to_pin) for w in self._to.wires}
        if ends not in have:
            self._to.join(from_at, to_at, mm2=mm2, m=length_m, colour=colour, sheet=sheet)


_INPUT_KINDS = {
    InputKind.CONTACT: "Reed contact at the leaf",
    InputKind.PASSAGE: "Dry contact",
    InputKind.EXIT_BUTTON: "Button",
    InputKind.TAMPER: "Switch at the lid of the housing",
    InputKind.FIRE: "Fire alarm: two contacts that move together; 1 bears the lock's current",
}
