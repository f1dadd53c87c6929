"""Every build's wiring: drawings, a list of wires, and what the firmware accepts on which board."""

from collections.abc import Iterator
from pathlib import Path

from doorward_edge.boards import Contact, LockKind, TerminalKind, load_profile, profile_names
from doorward_edge.config import ConfigError, parse_config
from tools.hardware.builds import BUILDS, Build, build_names, load_build
from tools.hardware.wiring import COLOURS, harness_of
from tools.reference.markdown import MADE, table

_ENROLLED = """\
[gateway]
site = "s"
id = "g"
data_dir = "d"
[broker]
host = "h"
ca_file = "a"
cert_file = "c"
key_file = "k"
[trust]
keyring_file = "k"
seal_key_file = "s"
record_key_file = "r"
"""
_WAYS = (
    (LockKind.FAIL_SECURE, Contact.NO),
    (LockKind.FAIL_SAFE, Contact.NC),
    (LockKind.TURNSTILE, Contact.NO),
)


def text() -> str:
    """Returns the page."""
    builds = [load_build(name) for name in build_names()]
    return (
        f"# Wiring\n\n{MADE}\nEach build has its parts (`build.toml`) and the configuration that "
        "belongs to it (`edge.toml`) in `hardware/builds/`. The drawings are made from these two "
        "by `make wiring`; the firmware's own check has accepted each configuration, and the "
        "wires were looked at again: no wire on a reserved or unused pin, no 12 V at the "
        "computer, the lock through the right contact, nothing past what releases it by wire.\n\n"
        "**Whoever connects 12 V or mains must be allowed to. Wire with everything switched off; "
        "then `doorward-edge check`, then `doorward-edge bench-test`, then the door.**\n\n"
        + _overview(builds)
        + "\n"
        + _accepted()
        + "\n"
        + "\n".join(map(_build, builds))
    )


def _overview(builds: list[Build]) -> str:
    rows = (
        (
            f"[`{build.name}`](#{build.name})",
            build.computer.title,
            build.relays.title,
            build.lock.title,
            build.camera.title,
        )
        for build in builds
    )
    return "## Builds\n\n" + table(("build", "computer", "relays", "lock", "camera"), rows)


def _accepted() -> str:
    head = ("board", "terminal", *(f"{kind} on {contact.upper()}" for kind, contact in _WAYS))
    return (
        "## Which lock on which terminal\n\nThe firmware's own answer, on the contact "
        "at which the relay rests while the lock is locked. *10 kΩ up* or *down*: accepted with a "
        "resistor from the pin to 3.3 V or ground (`resistor = "
        '"up"`). *Refused*: there is no such contact, or the lock would be released while the '
        "gateway starts.\n\n" + table(head, _asked())
    )


def _asked() -> Iterator[tuple[str, ...]]:
    for name in profile_names():
        board = load_profile(name, folder=Path())
        if board.models:
            continue  # a computer: its header is the header
        for terminal in board.terminals.values():
            is_lock = terminal.wired_for.startswith("lock")
            if terminal.kind.is_output and (terminal.kind is not TerminalKind.PIN or is_lock):
                answers = (_answer(name, terminal.name, *way) for way in _WAYS)
                yield f"`{name}`", f"`{terminal.name}`", *answers


def _answer(profile: str, terminal: str, kind: LockKind, contact: Contact) -> str:
    for resistor, said in (("", "as it is"), ("up", "10 kΩ up"), ("down", "10 kΩ down")):
        if _is_accepted(profile, terminal, kind, contact, resistor):
            return said
    return "refused"


def _is_accepted(
    profile: str, terminal: str, kind: LockKind, contact: Contact, resistor: str
) -> bool:
    with_resistor = f', resistor = "{resistor}"' if resistor else ""
    lock = f'{{ kind = "{kind}", terminal = "{terminal}", contact = "{contact}"{with_resistor} }}'
    config = (
        f'{_ENROLLED}[board]\nprofile = "{profile}"\n[[portal]]\nid = "p"\npanel_only = true\n'
        f"lock = {lock}\n"
    )
    try:
        parse_config(config, Path("edge.toml"))
    except ConfigError:
        return False
    return True


def _build(build: Build) -> str:
    folder = f"../../{BUILDS.relative_to(BUILDS.parent.parent)}/{build.name}"
    rows = (
        (
            f"{wire.from_node}: {wire.from_pin}",
            f"{wire.to_node}: {wire.to_pin}",
            COLOURS[wire.colour],
            f"{cable.mm2:g} mm²",
            f"{cable.length_m:g} m",
        )
        for cable in harness_of(build).cables
        for wire in cable.wires
    )
    overlay = f" `dtoverlay={build.camera.overlay}`." if build.camera.overlay else ""
    notes = "".join(f"- {note}\n" for note in (*build.lock.notes, *build.relays.notes))
    return (
        f"## {build.name}\n\n{build.file.title}: [edge.toml]({folder}/edge.toml), "
        f"[power](power.md#{build.name}). {build.camera.title}; where it is not found by itself:"
        f"{overlay or ' look at `v4l2-ctl --list-devices`.'}\n\n"
        f"![Lock]({folder}/wiring-lock.svg)\n\n"
        f"![Power]({folder}/wiring-power.svg)\n\n"
        f"![Signals]({folder}/wiring-signals.svg)\n\n"
        + table(("from", "to", "colour", "copper", "length"), rows)
        + f"\n{notes}"
    )
