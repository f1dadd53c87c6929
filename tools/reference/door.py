"""The door's states, drawn from the table that the gateway runs."""

from collections.abc import Iterator

from doorward_edge.door import TABLE, DoorState, Turn
from tools.reference.markdown import MADE, table

STATES = {
    DoorState.LOCKED: "the lock is secured and the leaf closed",
    DoorState.UNLOCKED: "the lock is released and the leaf closed",
    DoorState.OPEN: "the leaf is open, as it may be",
    DoorState.HELD_OPEN: "the leaf is open for longer than it may be",
    DoorState.FORCED: "the leaf was opened although nothing had released the lock",
    DoorState.FAULT: "nobody knows where the leaf is: its line is cut or shorted, or not read yet",
}
TURNS = {
    Turn.RELEASED: "a pulse releases the lock: a grant, the exit button, an order to open once",
    Turn.FREED: "the lock is kept released: by an order, by free passage, by a fire alarm",
    Turn.SECURED: "the pulse is over, or what kept the lock released is",
    Turn.OPENED: "the leaf opens; without a contact, somebody stands in the passage sensor",
    Turn.CLOSED: "the leaf closes, or is seen closed; when the lock is released then, "
    f"`{Turn.RELEASED}` follows at once",
    Turn.OVERDUE: "the leaf stood open for as long as it may, and nothing kept the lock released",
    Turn.LOST: "the line that tells of the leaf is cut or shorted",
}


def text() -> str:
    """Returns the page."""
    diagram = "\n".join(("```mermaid", "stateDiagram-v2", *_arrows(), "```\n"))
    return (
        f"# States of a door\n\n{MADE}\nThis is the table of `edge/doorward_edge/door.py`, which "
        "every gateway runs for each of its portals. What is not drawn changes nothing. What "
        "follows from a state is told in [Doors](../doors.md).\n\n"
        f"{diagram}\n"
        + table(("state", "meaning"), ((f"`{state}`", STATES[state]) for state in DoorState))
        + "\n"
        + table(("what happens", "meaning"), ((f"`{turn}`", TURNS[turn]) for turn in Turn))
        + "\n"
        + table(("", *(f"`{turn}`" for turn in Turn)), _rows())
    )


def _arrows() -> Iterator[str]:
    yield f"    [*] --> {DoorState.LOCKED}: no contact, no sensor"
    yield f"    [*] --> {DoorState.FAULT}: not read yet"
    for state, row in TABLE.items():
        for target in dict.fromkeys(row.values()):
            turns = ", ".join(turn for turn, to in row.items() if to is target)
            yield f"    {state} --> {target}: {turns}"


def _rows() -> Iterator[tuple[str, ...]]:
    for state, row in TABLE.items():
        yield f"`{state}`", *(f"`{row[turn]}`" if turn in row else "" for turn in Turn)
