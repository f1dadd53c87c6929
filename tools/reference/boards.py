"""Every board profile, with what each of its terminals may carry."""

from collections.abc import Iterator
from pathlib import Path

from doorward_edge.boards import (
    BoardProfile,
    Contact,
    Level,
    LockKind,
    Terminal,
    load_profile,
    profile_names,
    released_level,
)
from tools.reference.markdown import MADE, table

_LOCKS = {
    LockKind.FAIL_SECURE: "strike (fail secure)",
    LockKind.FAIL_SAFE: "magnet (fail safe)",
    LockKind.TURNSTILE: "turnstile",
}


def text() -> str:
    """Returns the page."""
    pages = (_board(load_profile(name, folder=Path())) for name in profile_names())
    return (
        f"# Boards\n\n{MADE}\nProfiles in `hardware/boards`, chosen with `[board] profile`; what "
        "they are and how to add one is in `hardware/README.md`. The last column says which lock "
        "may hang on a terminal without a resistor of one's own: one that stays locked from "
        "power-on until the gateway drives the pin, and while the gateway has no power.\n\n"
        + _truth()
        + "\n"
        + "\n".join(pages)
    )


def _truth() -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for kind, words in _LOCKS.items():
            for contact in Contact:
                levels = (released_level(kind, contact, active).value for active in Level)
                yield words, contact.value.upper(), *levels

    head = ("lock", "contact", "coil driven by high: released at", "driven by low: released at")
    return "## Which level releases\n\n" + table(head, rows())


def _board(board: BoardProfile) -> str:
    rows = (
        (
            f"`{terminal.name}`",
            f"GPIO{terminal.pin}",
            terminal.kind.value.replace("_", " "),
            terminal.active.value,
            terminal.rest.value if terminal.rest else "floating",
            terminal.wired_for,
            _locks(terminal),
        )
        for terminal in board.terminals.values()
    )
    head = ("terminal", "pin", "kind", "active", "at rest", "wired for", "locks")
    listed = "".join(f"- {line}\n" for line in (*board.notes, *map(_source, board.sources)))
    return f"## `{board.name}`\n\n{board.title}\n\n{table(head, rows)}\n{listed}"


def _source(source: str) -> str:
    return f"Source: {source}"


def _locks(terminal: Terminal) -> str:
    if not terminal.kind.is_output or terminal.rest is not terminal.active.other:
        return "none"
    fitting = [
        f"{words} on {contact.upper()}"
        for kind, words in _LOCKS.items()
        for contact in terminal.contacts
        if released_level(kind, contact, terminal.active) is terminal.active
    ]
    return ", ".join(fitting) or "none"
