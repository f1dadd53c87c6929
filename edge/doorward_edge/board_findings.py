"""What `doorward-edge check` says of the board: its terminals, who claims them, what the OS does.

The root of the file system is an argument, so that the files of a Raspberry Pi can be looked at
elsewhere.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from doorward_edge.boards import BoardProfile, load_profile, profile_names
from doorward_edge.config import EdgeConfig
from doorward_edge.findings import Finding

_MODEL = "proc/device-tree/model"
_PERSIST = "sys/module/*/parameters/persist_gpio_outputs"
_CONFIG_TXT = ("boot/firmware/config.txt", "boot/config.txt")
_SWITCHED_ON = {
    "i2c": re.compile(r"dtparam=(?:[^#]*,)?i2c(?:_arm)?(?:=on)?\s*(?:,|$)"),
    "spi": re.compile(r"dtparam=(?:[^#]*,)?spi(?:=on)?\s*(?:,|$)"),
    "one-wire": re.compile(r"dtoverlay=w1-gpio"),
}
_SWITCH_OFF = {
    "i2c": "sudo raspi-config nonint do_i2c 1",
    "spi": "sudo raspi-config nonint do_spi 1",
    "one-wire": "sudo raspi-config nonint do_onewire 1",
}


def examine_board(config: EdgeConfig, root: Path = Path("/")) -> Iterator[Finding]:
    """Yields a finding for the board, for each terminal, and for what the system does to pins."""
    yield _board(config.board, root)
    yield from _terminals(config)
    yield from _functions(config, root)
    yield from _kept_outputs(config, root)


def _board(board: BoardProfile, root: Path) -> Finding:
    said = f"{board.name}: {board.title}"
    model = _read(root / _MODEL).rstrip("\0\n")
    if not model or not board.models or any(model.startswith(known) for known in board.models):
        return Finding(name="board", is_well=True, said=said)
    mend = f"choose another profile ([board] profile), or extend one: {', '.join(profile_names())}"
    fitting = _profile_for(model)
    if fitting:
        mend = f'set profile = "{fitting}" in [board]'
    return Finding(name="board", is_well=False, said=f"{said}, but this is a {model}", mend=mend)


def _profile_for(model: str) -> str:
    for name in profile_names():
        board = load_profile(name, folder=Path())
        if any(model.startswith(known) for known in board.models):
            return name
    return ""


def _terminals(config: EdgeConfig) -> Iterator[Finding]:
    """Yields who has which terminal; a pin that is no terminal of the board has its number."""
    meanings = _meanings(config)
    bare = {
        terminal.pin: terminal
        for terminal in map(config.board.terminal_of_pin, sorted(config.claims))
    }
    named = {terminal.pin: terminal for terminal in config.board.terminals.values()}
    for pin, terminal in sorted({**bare, **named}.items()):
        owner = config.claims.get(pin)
        what = f"{terminal.kind}, {owner}: {meanings[pin]}" if owner else f"{terminal.kind}, free"
        yield Finding(name=f"terminal {terminal.shown}", is_well=True, said=what)


def _meanings(config: EdgeConfig) -> Mapping[int, str]:
    """Returns in words what each claimed pin does."""
    said = {line.pin: "lamp of the camera" for line in config.illumination.values()}
    for portal in config.portals:
        if portal.lock is not None:
            lock = portal.lock
            said[lock.pin] = (
                f"{lock.kind} lock of {portal.id}, released by {lock.released}, "
                f"{lock.released.other} at rest"
            )
        said |= {line.pin: f"{colour} lamp of {portal.id}" for colour, line in portal.lamps.items()}
        if portal.buzzer is not None:
            said[portal.buzzer.pin] = f"buzzer of {portal.id}"
    for at, line in config.input_lines:
        where = at or "the gateway"
        how = "supervised, " if line.second is not None else ""
        for pin in filter(None, (line.first, line.second)):
            closed = f"a closed circuit reads {pin.closed}"
            said[pin.pin] = f"{line.kind} of {where}, {how}{line.contact} at rest, {closed}"
    return said


def _functions(config: EdgeConfig, root: Path) -> Iterator[Finding]:
    """Yields pins that the operating system has given to something else."""
    lines = [
        line.strip()
        for name in _CONFIG_TXT
        for line in _read(root / name).splitlines()
        if not line.lstrip().startswith("#")
    ]
    for function, pins in config.board.functions.items():
        pattern = _SWITCHED_ON.get(function)
        taken = [pin for pin in pins if pin in config.claims]
        if pattern is None or not taken or not any(map(pattern.match, lines)):
            continue
        claims = ", ".join(f"GPIO{pin} ({config.claims[pin]})" for pin in taken)
        yield Finding(
            name=f"pins of {function}",
            is_well=False,
            said=f"{function} is switched on, which needs {claims}",
            mend=f"{_SWITCH_OFF[function]} && sudo reboot, or wire it to other pins",
        )


def _kept_outputs(config: EdgeConfig, root: Path) -> Iterator[Finding]:
    """Yields whether a lock stays released when the gateway is killed within a pulse."""
    if all(portal.lock is None for portal in config.portals):
        return
    keeping = [path for path in root.glob(_PERSIST) if _read(path).strip() in {"Y", "1"}]
    if keeping:
        yield Finding(
            name="outputs of a dead process",
            is_well=False,
            said=f"{keeping[0]} is Y: a lock that is released when the gateway is killed stays "
            "released until the next start",
            mend="echo dtparam=strict_gpiod | sudo tee -a /boot/firmware/config.txt && sudo reboot",
        )


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
