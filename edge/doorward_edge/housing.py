"""What concerns the gateway as a whole: its own housing, as a door that nobody goes through."""

from doorward.times import Instant
from doorward_edge.door import DoorRule, Noted, new_door
from doorward_edge.door_steps import step
from doorward_edge.events import EventBook
from doorward_edge.ports import InputChange, Notice

_RULE = DoorRule()


class Housing:
    """Writes down what the inputs tell that belong to no portal. Used by the main loop's thread."""

    def __init__(self, events: EventBook) -> None:
        """Takes where events are recorded."""
        self._events = events
        self._door = new_door(_RULE)

    def take_input(self, change: InputChange, now: Instant) -> None:
        """Takes in that a wire says something else."""
        self._door, actions = step(self._door, change, _RULE, now.mono_ms)
        for action in actions:
            if isinstance(action, Noted):
                self._events.note(Notice(code=action.code, detail=action.detail), now)
