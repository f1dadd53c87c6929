"""Tables about portals: what reads there, what keeps it shut, what it tells and how it speaks."""

from enum import StrEnum
from typing import Annotated

import msgspec

from doorward_edge.boards import Contact, Level, LockKind, Pull
from doorward_edge.config.devices import TerminalName
from doorward_edge.config.table import Table

PulseMs = Annotated[int, msgspec.Meta(ge=50, le=60_000)]


class Direction(StrEnum):
    """Which way people go who present a code here."""

    ENTRY = "entry"
    EXIT = "exit"


class ExitButton(StrEnum):
    """What a press of the request-to-exit button does."""

    RELEASE = "release"
    """The gateway releases the lock."""
    REPORT = "report"
    """The button is wired to the lock itself; the gateway learns that nobody forces it."""


class LockSection(Table, frozen=True, kw_only=True):
    """The lock of a portal.

    Attributes:
        terminal: what drives it.
        active: at a bare pin: the level that drives what is wired to it.
        contact: of the relay, through which the lock's circuit runs; left out: `nc` for fail_safe,
            else `no`.
        resistor: a resistor that the installer has fitted at the pin and that is stronger than the
            processor's own pull (10 kΩ).
        pulse_ms: how long a release lasts, in place of what the policy says.
    """

    kind: LockKind = LockKind.FAIL_SECURE
    terminal: TerminalName
    active: Level | None = None
    contact: Contact | None = None
    resistor: Pull | None = None
    pulse_ms: PulseMs | None = None


class LampsSection(Table, frozen=True, kw_only=True):
    """The lamps of a portal."""

    green: TerminalName | None = None
    red: TerminalName | None = None
    yellow: TerminalName | None = None
    blue: TerminalName | None = None


class InputSection(Table, frozen=True, kw_only=True):
    """A switch, a button or a sensor.

    Attributes:
        contact: how it is at rest; left out: `nc` for contact, tamper and fire, else `no`.
        second_terminal: the other throw of a changeover contact. Exactly one of the two circuits is
            then closed; none means that the line is cut, both that it is shorted.
        debounce_ms: how long it must stay before it counts.
    """

    terminal: TerminalName
    contact: Contact | None = None
    second_terminal: TerminalName | None = None
    debounce_ms: Annotated[int, msgspec.Meta(ge=1, le=5000)] | None = None


class PortalInputsSection(Table, frozen=True, kw_only=True):
    """What is wired in at a portal."""

    contact: InputSection | None = None
    passage: InputSection | None = None
    exit_button: InputSection | None = None
    tamper: InputSection | None = None


class GatewayInputsSection(Table, frozen=True, kw_only=True):
    """What is wired in for the whole gateway."""

    tamper: InputSection | None = None
    fire: InputSection | None = None


class DoorSection(Table, frozen=True, kw_only=True):
    """How long things may take at a door.

    Attributes:
        open_timeout_s: after a grant the leaf may take so long to open, or nobody came.
        passage_timeout_s: where there is a passage sensor: so long to be walked through.
        held_after_s: a leaf that stays open for longer is held open.
        held_again_s: so often a door that stays held open is told again; 0 for once.
        free_handle: from inside it opens by its handle, so that an opening is not forced.
    """

    open_timeout_s: Annotated[float, msgspec.Meta(ge=1, le=120)] = 5.0
    passage_timeout_s: Annotated[float, msgspec.Meta(ge=1, le=120)] = 10.0
    held_after_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 30.0
    held_again_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 300.0
    free_handle: bool = False
    exit_button: ExitButton = ExitButton.RELEASE


class PortalSection(Table, frozen=True, kw_only=True):
    """One portal: its name in the policy, what reads there and what is wired to it.

    Attributes:
        panel_only: nothing reads here; people are registered by hand on the panel.
        held_s: how long a code may be held up and still be one scan.
    """

    id: str
    direction: Direction = Direction.ENTRY
    cameras: tuple[str, ...] = ()
    scanners: tuple[str, ...] = ()
    panel_only: bool = False
    held_s: Annotated[float, msgspec.Meta(ge=0.5, le=60)] = 3.0
    lock: LockSection | None = None
    lamps: LampsSection = LampsSection()
    buzzer: TerminalName | None = None
    inputs: PortalInputsSection = PortalInputsSection()
    door: DoorSection = DoorSection()
