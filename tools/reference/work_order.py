"""A work order's states, drawn from the table that the controller runs."""

from collections.abc import Iterator

from doorward_controller.domain.work_orders import (
    DEADLINES_S,
    HOUR_S,
    JUDGING,
    TABLE,
    FailureCause,
    FailureMode,
    OrderState,
    OrderTurn,
    Remedy,
)
from tools.reference.markdown import MADE, table

STATES = {
    OrderState.REQUESTED: "somebody or an alert asks for work",
    OrderState.APPROVED: "a second person lets it begin; what a plan opens begins here",
    OrderState.SCHEDULED: "day and technician are set",
    OrderState.IN_PROGRESS: "work is under way: checklist, photographs, parts, write-up",
    OrderState.ON_HOLD: "it waits, for a part or for the weather",
    OrderState.DONE: "the technician is done; downtime that lasted has ended",
    OrderState.VERIFIED: "a second person found it well; the end",
    OrderState.CANCELLED: "it is not to be done; the end",
}
TURNS = {
    OrderTurn.APPROVE: "let the work begin; not by whoever asked for it",
    OrderTurn.SCHEDULE: "set day and technician",
    OrderTurn.START: "begin",
    OrderTurn.HOLD: "interrupt",
    OrderTurn.RESUME: "go on",
    OrderTurn.FINISH: "say that it is done: the checklist is answered, and a repair is written up",
    OrderTurn.VERIFY: "find it well; not by whoever began, resumed or finished the work",
    OrderTurn.SEND_BACK: "find it not well; not by whoever did the work",
    OrderTurn.CANCEL: "give it up, before it is done",
}


def text() -> str:
    """Returns the page."""
    diagram = "\n".join(("```mermaid", "stateDiagram-v2", *_arrows(), "```\n"))
    deadlines = ((f"`{each}`", f"{s // HOUR_S} h") for each, s in DEADLINES_S.items())
    return (
        f"# States of a work order\n\n{MADE}\nThis is the table of "
        "`controller/doorward_controller/domain/work_orders.py`. What is not drawn is refused and "
        "changes nothing. How work is done by it is told in [Maintenance](../maintenance.md).\n\n"
        f"{diagram}\n"
        + table(("state", "meaning"), ((f"`{state}`", STATES[state]) for state in OrderState))
        + "\n"
        + table(
            ("turn", "meaning", "needs"),
            ((f"`{turn}`", TURNS[turn], _needs(turn)) for turn in OrderTurn),
        )
        + "\n"
        + table(("", *(f"`{turn}`" for turn in OrderTurn)), _rows())
        + "\n## Deadlines of priorities\n\n"
        + table(("priority", "due within"), deadlines)
        + "\n## What a repair is written up with\n\n"
        + table(
            ("what failed", "why", "what helped"),
            _columns(list(FailureMode), list(FailureCause), list(Remedy)),
        )
    )


def _needs(turn: OrderTurn) -> str:
    if turn in JUDGING:
        return "`approve_maintenance`"
    both = "`do_maintenance` or `approve_maintenance`"
    return both if turn is OrderTurn.CANCEL else "`do_maintenance`"


def _arrows() -> Iterator[str]:
    yield f"    [*] --> {OrderState.REQUESTED}: asked for"
    yield f"    [*] --> {OrderState.APPROVED}: opened by a plan"
    for state, row in TABLE.items():
        for turn, target in row.items():
            yield f"    {state} --> {target}: {turn}"
        if not row:
            yield f"    {state} --> [*]"


def _rows() -> Iterator[tuple[str, ...]]:
    for state, row in TABLE.items():
        yield f"`{state}`", *(f"`{row[turn]}`" if turn in row else "" for turn in OrderTurn)


def _columns(
    *lists: list[FailureMode] | list[FailureCause] | list[Remedy],
) -> Iterator[tuple[str, ...]]:
    for number in range(max(len(each) for each in lists)):
        yield tuple(f"`{each[number]}`" if number < len(each) else "" for each in lists)
