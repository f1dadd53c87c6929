"""A door with its own time, for tests that tell it what happens."""

from dataclasses import dataclass, field

from doorward.policy import Posture
from doorward_edge.door import (
    DoorAction,
    DoorEvent,
    DoorRule,
    DoorState,
    Elapsed,
    Granted,
    Noted,
    Order,
    Ordered,
    PostureSet,
    Told,
    new_door,
)
from doorward_edge.door_steps import due_mono_ms, step
from doorward_edge.ports import InputChange, InputKind

PULSE_MS = 3_000


@dataclass
class Case:
    """A door with its own time; remembers everything that was done."""

    rule: DoorRule
    now_ms: int = 10_000
    done: list[DoorAction] = field(default_factory=list)
    grants: int = 0

    def __post_init__(self) -> None:
        self.door = new_door(self.rule)
        if self.rule.has_contact:
            self.feed(InputKind.CONTACT, active=False)
        if self.rule.has_passage:
            self.feed(InputKind.PASSAGE, active=False)
        self.feed(InputKind.EXIT_BUTTON, active=False)
        assert self.take() == []
        assert self.state() is DoorState.LOCKED

    def state(self) -> DoorState:
        return self.door.state

    def event(self, event: DoorEvent) -> "Case":
        self.door, actions = step(self.door, event, self.rule, self.now_ms)
        self.done += actions
        return self

    def grant(self, who: bytes | None = None) -> "Case":
        self.grants += 1
        return self.event(Granted(about=self.grants, pulse_ms=PULSE_MS, who=who))

    def order(self, order: Order) -> "Case":
        return self.event(Ordered(order=order, pulse_ms=PULSE_MS))

    def posture(self, posture: Posture) -> "Case":
        return self.event(PostureSet(posture=posture))

    def feed(
        self, kind: InputKind, *, active: bool, faulty: bool = False, ago_ms: int = 0
    ) -> "Case":
        change = InputChange(
            portal=None,
            kind=kind,
            is_active=active,
            is_faulty=faulty,
            at_mono_ms=self.now_ms - ago_ms,
        )
        return self.event(change)

    def opens(self, *, ago_ms: int = 0) -> "Case":
        return self.feed(InputKind.CONTACT, active=True, ago_ms=ago_ms)

    def closes(self) -> "Case":
        return self.feed(InputKind.CONTACT, active=False)

    def passes(self) -> "Case":
        self.feed(InputKind.PASSAGE, active=True)
        return self.feed(InputKind.PASSAGE, active=False)

    def presses(self) -> "Case":
        self.feed(InputKind.EXIT_BUTTON, active=True)
        return self.feed(InputKind.EXIT_BUTTON, active=False)

    def fire(self, *, on: bool) -> "Case":
        return self.feed(InputKind.FIRE, active=on)

    def wait(self, ms: int) -> "Case":
        """Lets time pass as the gateway does: it steps when something is due."""
        until_ms = self.now_ms + ms
        while (due_ms := due_mono_ms(self.door, self.rule)) is not None and due_ms <= until_ms:
            self.now_ms = max(self.now_ms, due_ms)
            self.event(Elapsed())
        self.now_ms = until_ms
        return self

    def take(self) -> list[DoorAction]:
        done, self.done = self.done, []
        return done

    def told(self) -> list[tuple[str, int | None]]:
        """Returns the passages and events since the last call."""
        said: list[tuple[str, int | None]] = []
        for action in self.take():
            if isinstance(action, Told):
                said.append((action.passage.value, action.about))
            elif isinstance(action, Noted):
                said.append((action.code.value, None))
        return said
