"""Applies the table of `door` to what happens: pure, with the time as an argument.

Who calls `step` drives the lock and writes the records (`portal`). The rules:

- A lock is released by a pulse (grant, exit button, order) or kept released (order, posture).
- Fire is hardwired: while it lasts the lock is not driven at all, and afterwards the rule counts.
- The contact tells of the leaf; without one the passage sensor stands for it, too.
- What cannot be seen is not claimed: without a passage sensor the leaf's opening counts as
  passing, and without a contact, too, the grant itself does. A line that is cut is not seen.
"""

from dataclasses import replace

from doorward.events import EventCode, Passage
from doorward.policy import Posture
from doorward_edge.door import (
    TABLE,
    Admitted,
    Door,
    DoorAction,
    DoorEvent,
    DoorRule,
    DoorState,
    Granted,
    KeepReleased,
    Noted,
    Order,
    Ordered,
    PostureSet,
    Release,
    SecureLock,
    Seen,
    Show,
    Told,
    Turn,
    resting_signal,
)
from doorward_edge.ports import InputChange, InputKind, Signal


def step(
    door: Door, event: DoorEvent, rule: DoorRule, now_mono_ms: int
) -> tuple[Door, tuple[DoorAction, ...]]:
    """Returns the door after an event, and what is to be done, in order.

    What became due until now happens first: a pulse ends, nobody passed, the leaf is overdue.
    """
    run = _Run(door, rule, now_mono_ms)
    run.lapse()
    run.take(event)
    return run.door, tuple(run.actions)


def due_mono_ms(door: Door, rule: DoorRule) -> int | None:
    """Returns when `Elapsed` has to be stepped at the latest, or None while nothing is due."""
    dues = [door.pulse_until_ms] if door.pulse_until_ms is not None and not door.is_fire else []
    if not _may_still_pass(door):
        dues += [each.until_ms for each in door.admitted]
    if (overdue_ms := _overdue_ms(door, rule)) is not None:
        dues.append(overdue_ms)
    return min(dues, default=None)


def _may_still_pass(door: Door) -> bool:
    """Whether the leaf stands open for those who were let in, as long as the rule allows."""
    return door.is_leaf_open and not door.is_freed


def _overdue_ms(door: Door, rule: DoorRule) -> int | None:
    """Returns when an open leaf has next to be told of, or None."""
    if door.state is DoorState.OPEN and not door.is_freed:
        return door.open_since_ms + rule.held_after_ms
    if door.state is DoorState.HELD_OPEN and rule.held_again_ms and door.held_told_ms is not None:
        return door.held_told_ms + rule.held_again_ms
    return None


class _Run:
    """One step: the door as it changes, and what is to be done so far."""

    def __init__(self, door: Door, rule: DoorRule, now_ms: int) -> None:
        # A copy that nobody else has before the step is done: to make a new one for every change
        # would cost a person at the door more than all the rest of it.
        self.door, self._rule, self._now_ms = replace(door), rule, now_ms
        self.actions: list[DoorAction] = []

    def take(self, event: DoorEvent) -> None:
        match event:
            case Granted():
                self._let_in(event.pulse_ms, event.about, event.who)
            case InputChange():
                self._note_fault(event)
                self._take_input(event)
            case Ordered():
                self._obey(event)
            case PostureSet():
                self._set_posture(event.posture)

    def _take_input(self, change: InputChange) -> None:
        take = {
            InputKind.CONTACT: self._take_contact,
            InputKind.PASSAGE: self._take_passage,
            InputKind.EXIT_BUTTON: self._take_exit_button,
            InputKind.TAMPER: self._take_tamper,
            InputKind.FIRE: self._take_fire,
        }
        take[change.kind](change)

    def _obey(self, ordered: Ordered) -> None:
        if ordered.order is Order.OPEN_ONCE:
            self._let_in(ordered.pulse_ms, None, None)
        elif ordered.order is Order.HOLD_OPEN:
            self._hold_open()
        else:
            self._secure_by_order()

    # --- Time ---

    def lapse(self) -> None:
        """What became due: pulse over, nobody passed, leaf overdue."""
        pulse_until_ms = self.door.pulse_until_ms
        if pulse_until_ms is not None and pulse_until_ms <= self._now_ms and not self.door.is_fire:
            self._end_pulse(pulse_until_ms)
        if not _may_still_pass(self.door):
            late = [each for each in self.door.admitted if each.until_ms <= self._now_ms]
            self._annul(late, "")
        overdue_ms = _overdue_ms(self.door, self._rule)
        if overdue_ms is not None and overdue_ms <= self._now_ms:
            self._annul(self.door.admitted, "held open")
            self._turn(Turn.OVERDUE)
            self._tell_held()

    def _tell_held(self) -> None:
        told_ms, again_ms = self.door.held_told_ms, self._rule.held_again_ms
        if told_ms is None or (again_ms and told_ms + again_ms <= self._now_ms):
            since_s = (self._now_ms - self.door.open_since_ms) // 1000
            self.actions.append(Told(passage=Passage.HELD, detail=f"open for {since_s} s"))
            self._set(held_told_ms=self._now_ms)

    # --- Who may pass ---

    def _let_in(
        self, pulse_ms: int, about: int | None, who: bytes | None, *, is_driven: bool = True
    ) -> None:
        if who is not None:
            again = [each for each in self.door.admitted if each.who == who]
            self._annul(again, "let in again")
        self._release(pulse_ms, is_driven=is_driven)
        if not self._sees_passage and (self.door.is_leaf_open or not self._sees_contact):
            self._tell_entered(about, Seen.NOTHING)
            return
        until_ms = self._now_ms + max(pulse_ms, self._rule.pass_within_ms)
        new = Admitted(about=about, who=who, until_ms=until_ms)
        self._set(admitted=(*self.door.admitted, new))

    def _annul(self, those: list[Admitted] | tuple[Admitted, ...], why: str) -> None:
        if not those:
            return
        for each in those:
            if each.about is not None:
                told = Told(passage=Passage.NO_ENTRY, about=each.about, detail=why)
                self.actions.append(told)
        self._set(admitted=tuple(each for each in self.door.admitted if each not in those))

    def _tell_entered(self, about: int | None, seen: Seen) -> None:
        if about is not None:
            self.actions.append(Told(passage=Passage.ENTERED, about=about, seen=seen))

    def _count_all(self, seen: Seen) -> None:
        """Everybody who may pass counts as passed: what is left cannot tell one from another."""
        for each in self.door.admitted:
            self._tell_entered(each.about, seen)
        self._set(admitted=())

    # --- The lock ---

    def _release(self, pulse_ms: int, *, is_driven: bool) -> None:
        """Begins a pulse, or makes the one that runs longer. Nothing while it is kept released."""
        if self.door.is_freed or pulse_ms <= 0:
            return
        rule = self._rule
        # A drive keeps the way free for its person after the pulse, until somebody passes.
        free_ms = max(pulse_ms, rule.pass_within_ms) if rule.is_pulsed else pulse_ms
        until_ms = max(self._now_ms + free_ms, self.door.pulse_until_ms or 0)
        if is_driven:
            left_ms = pulse_ms if rule.is_pulsed else until_ms - self._now_ms
            self.actions.append(Release(pulse_ms=left_ms))
        self._set(pulse_until_ms=until_ms)
        self._turn(Turn.RELEASED)

    def _end_pulse(self, at_ms: int) -> None:
        """The pulse is over. A drive's next pulse may still wait in it, so it is not told."""
        if self._rule.is_pulsed:
            self._set(pulse_until_ms=None, secured_ms=at_ms)
            self._turn(Turn.SECURED)
        else:
            self._secure(at_ms)

    def _secure(self, at_ms: int) -> None:
        """Secures the lock; no pulse and nothing that keeps it released is left."""
        self.actions.append(SecureLock())
        self._set(pulse_until_ms=None, secured_ms=at_ms)
        self._turn(Turn.SECURED)

    def _refree(self) -> None:
        """Drives the lock after what keeps it released has changed. Never while fire lasts."""
        if self.door.is_fire:
            return
        if self.door.is_freed:
            self._set(pulse_until_ms=None)
            self.actions.append(KeepReleased())
            self._turn(Turn.FREED)
        else:
            self._secure(self._now_ms)
            # A leaf that was free to stand open has the rule's whole time from now on.
            self._set(open_since_ms=self._now_ms)

    def _is_within_grace(self, at_ms: int) -> bool:
        secured_ms = self.door.secured_ms
        return secured_ms is not None and at_ms <= secured_ms + self._rule.grace_ms

    # --- Orders and postures ---

    def _hold_open(self) -> None:
        if self.door.is_held:
            return
        self._set(is_held=True)
        self.actions.append(Noted(code=EventCode.HOLD_BEGAN))
        self._refree()

    def _secure_by_order(self) -> None:
        self._end_hold()
        if self.door.pulse_until_ms is not None and not self.door.is_fire:
            self._secure(self._now_ms)

    def _end_hold(self) -> None:
        if not self.door.is_held:
            return
        self._set(is_held=False)
        self.actions.append(Noted(code=EventCode.HOLD_ENDED))
        self._refree()

    def _set_posture(self, posture: Posture) -> None:
        was, was_freed = self.door.posture, self.door.is_freed
        if posture is was:
            return
        self.actions.append(Noted(code=EventCode.POSTURE_CHANGED, detail=f"{was} to {posture}"))
        self._set(posture=posture)
        if posture in {Posture.LOCKDOWN, Posture.CLOSED}:
            # Who shuts a portal means it: an earlier order to keep it open is over.
            self._end_hold()
        if self.door.is_freed is not was_freed and Posture.FREE in {was, posture}:
            self._refree()
        self.actions.append(Show(signal=resting_signal(self.door)))

    # --- Inputs ---

    @property
    def _sees_contact(self) -> bool:
        return self._rule.has_contact and InputKind.CONTACT not in self.door.faulty

    @property
    def _sees_passage(self) -> bool:
        return self._rule.has_passage and InputKind.PASSAGE not in self.door.faulty

    def _note_fault(self, change: InputChange) -> None:
        was_faulty = change.kind in self.door.faulty
        if change.is_faulty is was_faulty:
            return
        code = EventCode.INPUT_FAULTY if change.is_faulty else EventCode.INPUT_WELL
        self.actions.append(Noted(code=code, detail=change.kind.value))
        self._set(faulty=self.door.faulty ^ {change.kind})
        if not change.is_faulty:
            return
        if change.kind is InputKind.PASSAGE or not self._sees_passage:
            self._count_all(Seen.NOTHING)
        if change.kind is self._rule.leaf_input:
            self._set(is_leaf_open=False, held_told_ms=None)
            self._turn(Turn.LOST)

    def _take_contact(self, change: InputChange) -> None:
        if not self._sees_contact:
            return
        if not change.is_active:
            self._close_leaf()
        elif self._open_leaf(change.at_mono_ms) and not self._sees_passage:
            self._count_all(Seen.CONTACT)

    def _take_passage(self, change: InputChange) -> None:
        if not self._sees_passage:
            return
        is_counted = change.is_active and self._pass_one(change.at_mono_ms)
        if self._rule.leaf_input is InputKind.PASSAGE:
            if change.is_active:
                self._open_leaf(change.at_mono_ms)
            else:
                self._close_leaf()
        if change.is_active and not is_counted:
            self._note_tailgating(change.at_mono_ms)

    def _pass_one(self, at_ms: int) -> bool:
        """Returns whether somebody may pass; the first one did."""
        if not self.door.admitted:
            return False
        first, *rest = self.door.admitted
        self._set(admitted=tuple(rest), passed_ms=at_ms)
        self._tell_entered(first.about, Seen.SENSOR)
        return True

    def _note_tailgating(self, at_ms: int) -> None:
        """Somebody went through whom nobody let in, though the way was not forced."""
        passed_ms = self.door.passed_ms
        is_same = passed_ms is not None and at_ms - passed_ms < self._rule.same_person_ms
        if is_same or self.door.is_freed or self._rule.has_free_handle:
            return
        self._set(passed_ms=at_ms)
        if self.door.state in {DoorState.OPEN, DoorState.HELD_OPEN}:
            self.actions.append(Noted(code=EventCode.TAILGATED))

    def _open_leaf(self, at_ms: int) -> bool:
        """Returns whether somebody opened it who may."""
        if self.door.is_leaf_open:
            return False
        was = self.door.state
        self._set(is_leaf_open=True, open_since_ms=self._now_ms)
        if was is DoorState.LOCKED and (self._rule.has_free_handle or self._is_within_grace(at_ms)):
            self._turn(Turn.RELEASED)
        self._turn(Turn.OPENED)
        if was is DoorState.FAULT and not self.door.is_released:
            self.actions.append(Noted(code=EventCode.DOOR_FOUND_OPEN))
        if self.door.state is DoorState.FORCED:
            self.actions.append(Told(passage=Passage.FORCED))
        return self.door.state is DoorState.OPEN

    def _close_leaf(self) -> None:
        was = self.door.state
        self._set(is_leaf_open=False, held_told_ms=None)
        self._turn(Turn.CLOSED)
        if was in {DoorState.HELD_OPEN, DoorState.FORCED}:
            self.actions.append(Noted(code=EventCode.DOOR_CLOSED_AGAIN, detail=f"was {was}"))
        if self.door.is_released:
            self._turn(Turn.RELEASED)
        # Whoever was let in is through, and nobody else shall follow on the same pulse.
        has_been_used = was is DoorState.OPEN and not self.door.admitted
        if has_been_used and self.door.pulse_until_ms is not None and not self.door.is_fire:
            self._end_pulse(self._now_ms)

    def _take_exit_button(self, change: InputChange) -> None:
        # Only a change counts: a button that is stuck when the gateway starts opens nothing.
        was_up = self.door.is_exit_pressed is False
        self._set(is_exit_pressed=None if change.is_faulty else change.is_active)
        if was_up and self.door.is_exit_pressed:
            self.actions.append(Noted(code=EventCode.EXIT_BUTTON))
            is_driven = not self._rule.is_exit_wired
            self._let_in(self._rule.exit_pulse_ms, None, None, is_driven=is_driven)

    def _take_tamper(self, change: InputChange) -> None:
        if change.is_active is not self.door.is_tampered:
            self._set(is_tampered=change.is_active)
            opened = change.is_active
            code = EventCode.TAMPER_OPENED if opened else EventCode.TAMPER_CLOSED
            self.actions.append(Noted(code=code))

    def _take_fire(self, change: InputChange) -> None:
        # A line that burns through must not end a fire, and one that is cut must not begin one.
        if change.is_faulty or change.is_active is self.door.is_fire:
            return
        if change.is_active:
            self._begin_fire()
        else:
            self._end_fire()

    def _begin_fire(self) -> None:
        if self.door.pulse_until_ms is not None:
            # The lock's own timer would secure it in the middle of the alarm.
            self.actions.append(KeepReleased())
        self._set(is_fire=True)
        self._turn(Turn.FREED)
        self.actions += (Noted(code=EventCode.FIRE_ALARM), Show(signal=Signal.FIRE))

    def _end_fire(self) -> None:
        self._set(is_fire=False, pulse_until_ms=None)
        self._refree()
        show = Show(signal=resting_signal(self.door))
        self.actions += (Noted(code=EventCode.FIRE_OVER), show)

    # --- The table ---

    def _turn(self, turn: Turn) -> None:
        self._set(state=TABLE[self.door.state].get(turn, self.door.state))

    def _set(self, **changed: object) -> None:
        for name, value in changed.items():
            object.__setattr__(self.door, name, value)
