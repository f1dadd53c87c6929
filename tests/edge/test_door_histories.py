"""The door under any history: what never happens, whatever happens."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from doorward.events import Passage
from doorward.policy import Posture
from doorward_edge.door import (
    TABLE,
    Door,
    DoorAction,
    DoorEvent,
    DoorRule,
    DoorState,
    Elapsed,
    Granted,
    KeepReleased,
    Order,
    Ordered,
    PostureSet,
    Release,
    SecureLock,
    Show,
    Told,
    new_door,
)
from doorward_edge.door_steps import due_mono_ms, step
from doorward_edge.ports import InputChange, InputKind, Signal

RULES = st.builds(
    DoorRule,
    has_contact=st.booleans(),
    has_passage=st.booleans(),
    has_free_handle=st.booleans(),
    is_pulsed=st.booleans(),
    is_exit_wired=st.booleans(),
    pass_within_ms=st.sampled_from((1_000, 8_000)),
    held_after_ms=st.sampled_from((2_000, 30_000)),
    held_again_ms=st.sampled_from((0, 5_000)),
)
LONG_MS = 600_000


class DoorHistory(RuleBasedStateMachine):
    """A door, a lock that does what it is told, and a timer of its own that ends each pulse."""

    @initialize(rule_of_door=RULES)
    def begin(self, rule_of_door: DoorRule) -> None:
        self.rule = rule_of_door
        self.door: Door = new_door(rule_of_door)
        self.now_ms = 1_000
        self.grants = 0
        self.outcomes: dict[int, Passage] = {}
        self.may_release = False
        self.kept, self.until_ms, self.secured_ms = False, 0, 0
        self.held_ms: list[int] = []
        for kind in InputKind:
            self.feed(kind, active=False, faulty=False)

    # --- What happens

    @rule(pulse_ms=st.sampled_from((500, 3_000)), who=st.sampled_from((None, b"a", b"b")))
    def grant(self, pulse_ms: int, who: bytes | None) -> None:
        self.grants += 1
        self.may_release = True
        self.event(Granted(about=self.grants, pulse_ms=pulse_ms, who=who))

    @rule(order=st.sampled_from(Order))
    def order(self, order: Order) -> None:
        self.may_release |= order is not Order.SECURE
        self.event(Ordered(order=order, pulse_ms=1_000))

    @rule(posture=st.sampled_from(Posture))
    def set_posture(self, posture: Posture) -> None:
        self.may_release |= posture is Posture.FREE
        self.event(PostureSet(posture=posture))

    @rule()
    def press(self) -> None:
        self.may_release = True
        self.feed(InputKind.EXIT_BUTTON, active=True, faulty=False)
        self.feed(InputKind.EXIT_BUTTON, active=False, faulty=False)

    @rule(
        kind=st.sampled_from((InputKind.CONTACT, InputKind.PASSAGE, InputKind.FIRE)),
        active=st.booleans(),
        faulty=st.sampled_from((False, False, False, True)),
        ago_ms=st.sampled_from((0, 40)),
    )
    def feed(self, kind: InputKind, *, active: bool, faulty: bool, ago_ms: int = 0) -> None:
        self.event(
            InputChange(
                portal=None,
                kind=kind,
                is_active=active,
                is_faulty=faulty,
                at_mono_ms=self.now_ms - ago_ms,
            )
        )

    @rule(ms=st.sampled_from((0, 10, 700, 3_000, 20_000, 70_000)))
    def wait(self, ms: int) -> None:
        until_ms = self.now_ms + ms
        for _ in range(1_000):
            due_ms = due_mono_ms(self.door, self.rule)
            if due_ms is None or due_ms > until_ms:
                break
            self.now_ms = max(self.now_ms, due_ms)
            self.event(Elapsed())
        else:
            raise AssertionError("something is due again and again")
        self.now_ms = until_ms

    @rule(ms=st.sampled_from((50, 5_000, 100_000)))
    def stall(self, ms: int) -> None:
        """The loop stands still: what became due meanwhile happens late."""
        self.now_ms += ms

    @rule()
    @precondition(lambda self: self.door.is_leaf_open)
    def shut(self) -> None:
        leaf = self.rule.leaf_input
        assert leaf is not None
        self.feed(leaf, active=False, faulty=False)

    # --- What follows, and what must never follow

    def event(self, event: DoorEvent) -> None:
        before = self.door
        released = self.is_released
        self.door, actions = step(before, event, self.rule, self.now_ms)
        for action in actions:
            self.follow(before, action, event, was_released=released)
        if not self.door.is_leaf_open:
            self.held_ms = []

    def follow(
        self, before: Door, action: DoorAction, event: DoorEvent, *, was_released: bool
    ) -> None:
        if isinstance(action, Release):
            assert self.may_release
            assert not before.is_freed
            self.until_ms = max(self.until_ms, self.now_ms + action.pulse_ms)
        elif isinstance(action, KeepReleased):
            assert self.may_release
            is_alarm = isinstance(event, InputChange) and event.kind is InputKind.FIRE
            assert is_alarm or not before.is_fire
            self.kept = True
        elif isinstance(action, SecureLock):
            is_over = isinstance(event, InputChange) and event.kind is InputKind.FIRE
            assert is_over or not before.is_fire
            self.kept, self.until_ms, self.secured_ms = False, 0, self.now_ms
        elif isinstance(action, Show):
            assert (action.signal is Signal.FIRE) is self.door.is_fire
        elif isinstance(action, Told):
            self.hear(before, action, was_released=was_released)

    def hear(self, before: Door, told: Told, *, was_released: bool) -> None:
        if told.about is not None:
            assert told.about not in self.outcomes
            assert told.passage in {Passage.ENTERED, Passage.NO_ENTRY}
            self.outcomes[told.about] = told.passage
        if told.passage is Passage.FORCED:
            assert not was_released
            assert not before.is_freed
            assert not self.rule.has_free_handle
        if told.passage is Passage.HELD:
            assert not before.is_freed
            if self.held_ms:
                assert self.rule.held_again_ms
                assert self.now_ms - self.held_ms[-1] >= self.rule.held_again_ms
            self.held_ms.append(self.now_ms)

    @property
    def is_released(self) -> bool:
        """Whether software releases the lock; its own timer ends a pulse."""
        return self.kept or self.now_ms < self.until_ms

    @invariant()
    def the_state_says_what_the_lock_does(self) -> None:
        assert self.door.state in TABLE
        if self.door.state is DoorState.LOCKED:
            assert not self.door.is_released
        if self.door.state is DoorState.UNLOCKED:
            assert self.door.is_released
        if self.is_released and not self.door.is_fire and not self.rule.is_pulsed:
            assert self.door.is_released

    def teardown(self) -> None:
        """Fire off, nobody keeps it open, the leaf closed, time over: the lock is secured."""
        if not hasattr(self, "door"):
            return
        self.feed(InputKind.FIRE, active=False, faulty=False)
        self.order(Order.SECURE)
        self.set_posture(Posture.NORMAL)
        for kind in (InputKind.CONTACT, InputKind.PASSAGE):
            self.feed(kind, active=False, faulty=False)
        self.wait(LONG_MS)
        assert not self.is_released
        assert self.door.state is DoorState.LOCKED
        assert due_mono_ms(self.door, self.rule) is None
        assert set(self.outcomes) == set(range(1, self.grants + 1))


TestDoorHistory = DoorHistory.TestCase
TestDoorHistory.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
