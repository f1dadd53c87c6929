"""One portal at work: what is decided, sensed and ordered goes through its door's table.

Used by the main loop's thread alone. It drives lock and lamps, writes down what was seen of people,
and tells presence of it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from doorward.decision import Deny, Grant
from doorward.events import EventCode, Passage
from doorward.ids import PortalId
from doorward.policy import Posture
from doorward.reasons import Reason
from doorward.records import RecordKind
from doorward.times import Instant
from doorward_edge.door import (
    Door,
    DoorAction,
    DoorEvent,
    DoorRule,
    DoorState,
    Elapsed,
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
    new_door,
    resting_signal,
)
from doorward_edge.door_steps import due_mono_ms, step
from doorward_edge.events import EventBook
from doorward_edge.ports import InputChange, InputKind, Signal
from doorward_edge.stages.actuate import ActuateStage
from doorward_edge.stages.record import RecordOutcome, RecordStage
from doorward_edge.stutter import Stutter

log = logging.getLogger(__name__)

REST_AFTER_MS = 3_000
"""So long after a decision a portal shows again how it stands, where that is not nothing."""


class PresenceNotes(Protocol):
    """Who takes in what was seen of people and doors; see `doorward.presence.PresenceBook`."""

    def note_decision(self, portal: PortalId, decision: Grant | Deny, now: Instant) -> object:
        """Takes in a decision once it is on record."""
        ...

    def note_passed(self, portal: PortalId, grant: Grant, now: Instant) -> object:
        """Takes in that who was let in went through."""
        ...

    def note_annulled(self, portal: PortalId, grant: Grant, now: Instant) -> object:
        """Takes in that who was let in did not go through."""
        ...

    def note_door(self, portal: PortalId, *, is_open: bool | None, now: Instant) -> object:
        """Takes in where a door's leaf is; None: nothing tells."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalParts:
    """What a portal is made of.

    Attributes:
        pulse_ms: how long a release lasts, in place of what the policy says.
        is_online: whether the controller could hear of it at once.
        is_interlocked: whether a door that this one is interlocked with is known to stand open.
        posture: how the portal stands now; None where the policy does not know it.
        on_annulled: told of each grant that came to nothing.
    """

    name: PortalId
    rule: DoorRule
    pulse_ms: int | None
    hands: ActuateStage
    record: RecordStage
    events: EventBook
    presence: PresenceNotes
    is_online: Callable[[], bool]
    is_interlocked: Callable[[Instant], bool]
    posture: Callable[[Instant], Posture | None]
    on_annulled: Callable[[Grant], None]


@dataclass(frozen=True, slots=True)
class _Pending:
    grant: Grant
    recorded: RecordOutcome


class Portal:
    """A door, its hands and its memory of who was let in."""

    def __init__(self, parts: PortalParts) -> None:
        """Takes the parts; nothing moves."""
        self._parts = parts
        self._door = new_door(parts.rule)
        self._pending: dict[int, _Pending] = {}
        self._grants = 0
        self._rest_due_ms: int | None = None
        self._hold_until_ms: int | None = None
        self._told_open: bool | None = None
        self._stutter = Stutter()
        self._is_blind = False
        self.counts = {passage.value: 0 for passage in Passage}

    @property
    def name(self) -> PortalId:
        """The portal's name in the policy."""
        return self._parts.name

    @property
    def door(self) -> Door:
        """The door as it is now; a value that any thread may look at."""
        return self._door

    # --- What happens to it ---------------------------------------------------------------------

    def act(
        self, decision: Grant | Deny, recorded: RecordOutcome, now: Instant, *, online: bool
    ) -> None:
        """Opens for a grant that is on record, and shows what was decided."""
        if isinstance(decision, Grant):
            self._let_in(decision, recorded, now)
        if not self._door.is_fire:
            self._parts.hands.tell(decision, online=online)
            wait_ms = decision.wait_s * 1000 if isinstance(decision, Deny) else 0
            self._rest_after(wait_ms, now)
        self._parts.presence.note_decision(self.name, decision, now)
        if Reason.DURESS in decision.grounds.notices:
            self._note(EventCode.DURESS, "", now, about=recorded)
        self._tell_door(now)

    def take_input(self, change: InputChange, now: Instant) -> None:
        """Takes in that a wire says something else."""
        is_press = change.kind is InputKind.EXIT_BUTTON and change.is_active
        if is_press and not self._door.is_fire and self._parts.is_interlocked(now):
            # Nobody is locked in: the door that keeps this one shut is known to stand open.
            self._note(EventCode.EXIT_INTERLOCKED, "", now)
            self._parts.hands.show(Signal.REFUSED, online=self._parts.is_online())
            self._rest_after(0, now)
            return
        self._step(change, now)

    def order(self, ordered: Ordered, now: Instant, *, until_mono_ms: int | None = None) -> bool:
        """Obeys, or returns False where the fire alarm has the door.

        Args:
            ordered: what is wanted.
            now: read once by the caller.
            until_mono_ms: when an order to hold open is over by itself.
        """
        if self._door.is_fire:
            return False
        if ordered.order is Order.OPEN_ONCE and self._parts.pulse_ms is not None:
            ordered = replace(ordered, pulse_ms=self._parts.pulse_ms)
        self._step(ordered, now)
        self._hold_until_ms = until_mono_ms if self._door.is_held else None
        return True

    def identify(self, now: Instant) -> bool:
        """Has the portal show which one it is; nothing moves. Returns False during a fire alarm."""
        if self._door.is_fire:
            return False
        # Without the blue dot, which would keep the blue lamp from blinking.
        self._parts.hands.show(Signal.IDENTIFY, online=True)
        self._rest_after(0, now)
        return True

    def pass_over(self, now: Instant) -> None:
        """Shows that a code was not looked at, because too many came at once."""
        if self._door.is_fire:
            return
        online = self._parts.is_online()
        self._parts.hands.show(Signal.UNREADABLE, online=online, reason=Reason.BUSY)
        self._rest_after(0, now)

    def look_at_posture(self, now: Instant) -> None:
        """Takes in how the policy, an order or a schedule wants the portal to stand.

        Call it every second or so, too: what was told too often is told then.
        """
        self._tell_untold(now)
        posture = self._parts.posture(now) or Posture.NORMAL
        if posture is not self._door.posture:
            self._step(PostureSet(posture=posture), now)

    def look_at_cameras(self, *, is_blind: bool) -> None:
        """Shows in place of rest that nothing here can read, while that is so."""
        if is_blind is not self._is_blind:
            self._is_blind = is_blind
            self._rest()

    def turn(self, now: Instant) -> None:
        """Does what is due."""
        if self._hold_until_ms is not None and self._hold_until_ms <= now.mono_ms:
            self._hold_until_ms = None
            self._step(Ordered(order=Order.SECURE), now)
        due_ms = due_mono_ms(self._door, self._parts.rule)
        if due_ms is not None and due_ms <= now.mono_ms:
            self._step(Elapsed(), now)
        if self._rest_due_ms is not None and self._rest_due_ms <= now.mono_ms:
            self._rest_due_ms = None
            self._rest()

    def due_mono_ms(self) -> int | None:
        """Returns when `turn` has to be called at the latest, or None."""
        dues = (due_mono_ms(self._door, self._parts.rule), self._hold_until_ms, self._rest_due_ms)
        return min((due for due in dues if due is not None), default=None)

    # --- What follows ---------------------------------------------------------------------------

    def _let_in(self, grant: Grant, recorded: RecordOutcome, now: Instant) -> None:
        self._grants += 1
        self._pending[self._grants] = _Pending(grant, recorded)
        pulse_ms = self._parts.pulse_ms or grant.pulse_ms
        who = grant.bearer.holder_id if grant.bearer else None
        self._step(Granted(about=self._grants, pulse_ms=pulse_ms, who=who), now)

    def _step(self, event: DoorEvent, now: Instant) -> None:
        self._door, actions = step(self._door, event, self._parts.rule, now.mono_ms)
        for action in actions:
            self._do(action, now)
        self._tell_door(now)

    def _do(self, action: DoorAction, now: Instant) -> None:
        match action:
            case Release() | KeepReleased() | SecureLock():
                self._drive(action, now)
            case Show(signal=signal):
                self._rest_due_ms = None
                self._parts.hands.show(signal, online=self._parts.is_online())
            case Noted(code=code, detail=detail):
                self._note(code, detail, now)
            case Told():
                self._tell(action, now)

    def _drive(self, action: Release | KeepReleased | SecureLock, now: Instant) -> None:
        try:
            self._parts.hands.drive(action)
        except Exception as err:
            log.exception("lock.failed portal=%s", self.name)
            self._note(EventCode.LOCK_FAILED, f"{type(err).__name__}: {err}", now)

    def _tell(self, told: Told, now: Instant) -> None:
        """Writes a passage down; what nothing could see is only counted."""
        self.counts[told.passage.value] += 1
        pending = None if told.about is None else self._pending.pop(told.about, None)
        if pending is not None:
            self._tell_presence(told.passage, pending.grant, now)
        if told.passage is Passage.ENTERED and told.seen is Seen.NOTHING:
            return
        if pending is None and not self._stutter.admits(told.passage.value, now.mono_ms):
            return
        log.info("passage.%s portal=%s", told.passage.value, self.name)
        begun = self._parts.record.begin(
            RecordKind.PASSAGE, now, told.passage.value, told.detail or told.seen.value
        )
        self._parts.events.add(begun, about=pending.recorded if pending else None)

    def _tell_presence(self, passage: Passage, grant: Grant, now: Instant) -> None:
        if passage is Passage.ENTERED:
            self._parts.presence.note_passed(self.name, grant, now)
        else:
            self._parts.presence.note_annulled(self.name, grant, now)
            self._parts.on_annulled(grant)

    def _tell_door(self, now: Instant) -> None:
        """Tells presence of the door, where something sees it, for those it is interlocked with."""
        if self._parts.rule.leaf_input is None:
            return
        state = self._door.state
        is_open = None if state is DoorState.FAULT else state is not DoorState.LOCKED
        if is_open is not self._told_open:
            self._told_open = is_open
            self._parts.presence.note_door(self.name, is_open=is_open, now=now)

    def _note(
        self, code: EventCode, detail: str, now: Instant, *, about: RecordOutcome | None = None
    ) -> None:
        if about is None and not self._stutter.admits(code.value, now.mono_ms):
            return
        if code is not EventCode.DURESS:
            # Of duress nothing is written where somebody at the gateway could read it.
            log.warning("door.%s portal=%s detail=%s", code.value, self.name, detail)
        begun = self._parts.record.begin_event(code, detail, now)
        self._parts.events.add(begun, about=about)

    def _tell_untold(self, now: Instant) -> None:
        """Tells of what came too often to be told each time: a loose wire, as a rule."""
        for kind, times in self._stutter.take_untold(now.mono_ms):
            begun = self._parts.record.begin_event(
                EventCode.DOOR_STUTTERED, f"{kind}: {times} more times", now
            )
            log.warning("door.stuttered portal=%s kind=%s times=%d", self.name, kind, times)
            self._parts.events.add(begun)

    def _rest_after(self, wait_ms: int, now: Instant) -> None:
        """Notes when to show again how the portal stands, in place of what is shown now.

        What goes out by itself needs nothing after it, where nothing stands behind it.
        """
        rests = wait_ms > 0 or self._resting_signal() is not Signal.IDLE
        self._rest_due_ms = now.mono_ms + (wait_ms or REST_AFTER_MS) if rests else None

    def _rest(self) -> None:
        self._parts.hands.show(self._resting_signal(), online=self._parts.is_online())

    def _resting_signal(self) -> Signal:
        signal = resting_signal(self._door)
        return Signal.CAMERA_FAULT if signal is Signal.IDLE and self._is_blind else signal
