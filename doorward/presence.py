"""What a gateway knows of people and doors: its own passages and those that others tell of.

A `PresenceBook` is pure: it holds everything in memory, does nothing by itself and reads no clock.
Its state is a fold over `PresenceMessage`s, its own and those of others: whoever runs it

1. asks it in `decide` (it is a `Presence`) and tells it what became of it (`note_…`, which return
   the messages that say so),
2. appends those to a log of its own, and keeps a snapshot (`to_wire`) once in a while,
3. publishes what is `unsent`, sealed by `seal_presence`, and `sent` what the broker has,
4. gives it what others say, opened by `open_presence`, to `take`,
5. calls `beat` and `forget` each minute, `note_link` and `follow` at each change,
6. after a start reads the snapshot (`from_wire`) and gives the log to `replay`.

What was seen is forgotten after the policy's `forget_s`; memory is bounded, and where it had to be
given up, or was lost, the book says that it is not complete rather than that nobody was there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from doorward.ids import CredentialId, Epoch, GatewayId, PortalId, SiteId
from doorward.policy import DEFAULT_FORGET_S, Direction, Policy
from doorward.presence_doors import is_released
from doorward.presence_message import PresenceMessage, Sign, Token, token_of
from doorward.presence_muster import Earshot, Muster, muster_of
from doorward.presence_outbox import LASTING, Outbox
from doorward.presence_port import Entries, Stay
from doorward.presence_senders import Senders
from doorward.presence_snapshot import read_snapshot, write_snapshot
from doorward.presence_state import PresenceState
from doorward.reasons import Reason
from doorward.times import Instant
from doorward.verdict import Bearer, Companion, Deny, Grant, Movement

MAX_AHEAD_S = 120
"""A passage that another gateway dates further into the future happened when it was heard of."""
USES_LOST_S = 31 * 86_400
"""For so long after memory was lost a one-time code may have passed that nobody remembers."""


class PresenceBook:
    """Who is where, what was used up, which doors are open; see the module for how it is kept."""

    def __init__(
        self,
        *,
        site: SiteId,
        gateway: GatewayId,
        epoch: Epoch,
        is_complete: bool = True,
    ) -> None:
        """Starts with nothing seen; where that is because it is lost, not `is_complete`.

        The epoch is drawn anew for each book, so that its messages are told from earlier ones.
        """
        self.site, self.gateway, self.epoch = site, gateway, epoch
        self._seen, self._senders, self._outbox = PresenceState(), Senders(), Outbox()
        self._seen.lost_at = None if is_complete else 0
        self._seq = 0
        self._forget_s = DEFAULT_FORGET_S
        self._watchers: Mapping[str, frozenset[GatewayId]] = {}
        self._served_by: Mapping[PortalId, GatewayId] = {}

    def follow(self, policy: Policy) -> None:
        """Takes from a policy how long to remember, and which gateways watch which zone."""
        self._forget_s = policy.forget_s
        self._watchers = dict(zip(policy.zones, policy.watchers, strict=True))
        self._served_by = {portal: rule.gateway for portal, rule in policy.portals.items()}

    @classmethod
    def from_wire(
        cls, wire: bytes, *, site: SiteId, gateway: GatewayId, epoch: Epoch, now: Instant
    ) -> Self:
        """Returns the book as a snapshot has it.

        Raises:
            MalformedError: it is no snapshot; then begin one that is not `is_complete`.
            WrongRecipientError: it is of another site.
        """
        book = cls(site=site, gateway=gateway, epoch=epoch)
        read_snapshot(wire, site, book._seen, book._senders, book._outbox, now.mono_ms)
        return book

    def remember_for(self, seconds: int) -> None:
        """Takes how long to remember, where the policy that says it is not at hand."""
        self._forget_s = seconds

    def note_lost(self) -> None:
        """Takes in that some of what was seen before now is lost."""
        self._seen.lost_at = 0

    def to_wire(self) -> bytes:
        """Returns a snapshot: about 70 bytes for each person and zone."""
        return write_snapshot(self.site, self._seen, self._senders, self._outbox)

    # ---- what `decide` asks

    def is_slot_used(self, credential_id: CredentialId, slot: int) -> bool:
        """Whether a pass was already accepted in this slot, anywhere on the site."""
        return (self._token(credential_id), slot) in self._seen.slots

    def is_current(self, others: Collection[GatewayId], now: Instant) -> bool:
        """Whether everything that these other gateways see reaches this one."""
        return all(self._senders.is_heard(gateway, now) for gateway in others)

    def is_used_up(self, credential_id: CredentialId, way: Direction, now: Instant) -> bool | None:
        """Whether a one-time credential passed this way already; None: it may be forgotten."""
        words = self._seen.once.get((self._token(credential_id), way)) or ()
        if any(one.is_used for one in words):
            return True
        is_sure = self._seen.once.is_sure(now.trusted_utc_s)
        return False if is_sure and _is_over(self._seen.lost_at, USES_LOST_S, now) else None

    def stay(self, holder_id: CredentialId, zone: str, now: Instant) -> Stay | None:
        """What was last seen of a person at a zone; None: nothing, or it is forgotten."""
        return self._seen.places.stay(self._token(holder_id), zone, self._oldest(now))

    def is_complete(self, now: Instant) -> bool:
        """Whether who was never seen inside was not inside: no memory of it was lost."""
        lost = (self._seen.lost_at, self._seen.gave_up_at)
        return all(_is_over(at, self._forget_s, now) for at in lost)

    def entries(self, holder_id: CredentialId, zone: str, now: Instant) -> Entries:
        """How often a person whose entries are counted entered a zone."""
        found = self._seen.entries.get((self._token(holder_id), zone)) or Entries()
        is_sure = self._seen.entries.is_sure(now.trusted_utc_s)
        is_sure = is_sure and _is_over(self._seen.lost_at, USES_LOST_S, now)
        return replace(found, is_complete=is_sure)

    def occupancy(self, zone: str, now: Instant) -> int:
        """How many are inside a zone, as far as is known."""
        del now
        return self._seen.places.occupancy(zone)

    def is_door_open(self, portal: PortalId, now: Instant) -> bool | None:
        """Whether a door stands open or was just released; None where nobody can tell."""
        door = self._seen.doors.of(portal)
        if door is None:
            return None
        if is_released(door, now.mono_ms):
            return True
        if door.gateway != self.gateway and not self._senders.is_heard(door.gateway, now):
            return None
        return door.is_open

    def companions(self, portal: PortalId, now: Instant) -> Sequence[Companion]:
        """Who showed a code at a portal within the last minutes and waits, or was let in."""
        del now
        return self._seen.doors.there(portal)

    def last_grant_at(self, portal: PortalId, now: Instant) -> int | None:
        """When somebody was last let in at a portal that did not stand free, UTC seconds."""
        del now
        return self._seen.last_grants.get(portal)

    # ---- what this gateway sees

    def note_decision(
        self, portal: PortalId, decision: Grant | Deny, now: Instant
    ) -> tuple[PresenceMessage, ...]:
        """Takes in a decision once it is on record: what it uses up, and who waits.

        Returns:
            What is to be told to the others; the same for every `note_`.
        """
        bearer, movement = decision.bearer, decision.movement
        if isinstance(decision, Deny):
            if bearer is not None and movement is not None:
                self._note_there(portal, bearer, movement, decision.reason, now)
            return ()
        if decision.reason is Reason.GRANTED:
            self._seen.last_grants[portal] = self._stamp(now)
        self._seen.doors.note_release(portal, self.gateway, now.mono_ms)
        self._seen.doors.note_gone(portal, decision.companions, now.mono_ms)
        if decision.led_by is not None:
            self._seen.doors.note_led(portal, decision.led_by)
        if bearer is not None and bearer.is_escort:
            self._note_there(portal, bearer, decision.movement, None, now, leads=decision.leads)
        return self._tell_of(Sign.GRANTED, portal, decision, now)

    def note_passed(
        self, portal: PortalId, grant: Grant, now: Instant
    ) -> tuple[PresenceMessage, ...]:
        """Takes in that who was let in went through, and whoever came along."""
        self._seen.doors.note_release(portal, self.gateway, None)
        return self._tell_of(Sign.PASSED, portal, grant, now)

    def note_annulled(
        self, portal: PortalId, grant: Grant, now: Instant
    ) -> tuple[PresenceMessage, ...]:
        """Takes in that who was let in did not go through: a one-time code counts again."""
        self._seen.doors.note_release(portal, self.gateway, None)
        return self._tell_of(Sign.ANNULLED, portal, grant, now)

    def note_door(
        self, portal: PortalId, *, is_open: bool | None, now: Instant
    ) -> tuple[PresenceMessage, ...]:
        """Takes in where a door's leaf is; None: its contact does not say."""
        if is_open is None:
            self._seen.doors.note_leaf(portal, self.gateway, is_open=None)
            return ()
        return (self._say(Sign.OPENED if is_open else Sign.CLOSED, now, portal=portal),)

    def forgive(
        self, holder_id: CredentialId, now: Instant, zone: str = ""
    ) -> tuple[PresenceMessage, ...]:
        """Lets either way fit next for a person, at one zone or, without one, at all."""
        holder = self._token(holder_id)
        return (self._say(Sign.FORGIVEN, now, holder=holder, credential=holder, enters=zone),)

    def forgive_all(self, zone: str, now: Instant) -> tuple[PresenceMessage, ...]:
        """Lets either way fit next for everybody at a zone, which then counts as empty."""
        return (self._say(Sign.ALL_FORGIVEN, now, enters=zone),)

    def note_link(self, *, is_connected: bool, now: Instant) -> None:
        """Takes in whether the broker is there."""
        self._senders.note_link(is_connected=is_connected, now=now)

    def beat(self, now: Instant) -> tuple[PresenceMessage, ...]:
        """Says that this gateway is there, and where its doors' leaves are; once a minute."""
        leaves = self._seen.doors.leaves_of(self.gateway).items()
        doors = (
            self._say(Sign.OPENED if is_open else Sign.CLOSED, now, portal=portal)
            for portal, is_open in leaves
        )
        return (self._say(Sign.ALIVE, now), *doors)

    # ---- what others see

    def take(self, message: PresenceMessage, now: Instant) -> PresenceMessage | None:
        """Takes in what another gateway said.

        Returns:
            The message with the time that it counts with, or None where it says nothing new.
        """
        if message.site != self.site or message.gateway == self.gateway:
            return None
        if message.portal and not self._serves(message.gateway, message.portal):
            return None
        if not self._senders.is_new(message.gateway, message.epoch, message.seq):
            return None
        said_at = message.at if message.is_clock_trusted else None
        self._senders.note_heard(message.gateway, said_at, now)
        here = self._stamp(now)
        is_odd = said_at is None or (now.trusted_utc_s is not None and said_at > here + MAX_AHEAD_S)
        counted = replace(message, at=here, is_clock_trusted=True) if is_odd else message
        self._apply(counted, now)
        return counted

    def replay(self, messages: Iterable[PresenceMessage], now: Instant) -> None:
        """Takes in what this book took in or said before it was started anew, in any order."""
        for message in messages:
            if self._senders.is_new(message.gateway, message.epoch, message.seq):
                self._apply(message, now)
                if message.gateway == self.gateway and message.sign in LASTING:
                    self._outbox.add(message)

    # ---- what is told, and to whom

    def unsent(self) -> tuple[PresenceMessage, ...]:
        """Returns what the others do not know yet, oldest first."""
        return tuple(self._outbox)

    def sent(self, message: PresenceMessage) -> None:
        """Takes in that the broker has a message."""
        self._outbox.remove(message)

    def muster(self, now: Instant) -> Muster:
        """Returns who is inside now, zone by zone, and how sure that is."""
        earshot = Earshot(
            is_heard=lambda gateway: self._senders.is_heard(gateway, now),
            heard_at=lambda gateway: self._senders.heard_at(gateway, now),
            now_utc_s=now.utc_s,
            is_complete=self.is_complete(now),
        )
        return muster_of(
            self._seen.places, self._watchers, self.gateway, self._oldest(now), earshot
        )

    def forget(self, now: Instant) -> None:
        """Drops what is too old to matter. Without a trusted clock nothing is."""
        now_utc_s = now.trusted_utc_s
        if now_utc_s is not None:
            self._stamp(now)
            self._seen.places.forget(self._oldest(now))
            self._seen.once.forget(now_utc_s)
            self._seen.entries.forget(now_utc_s)

    # ---- how

    def _serves(self, gateway: GatewayId, portal: PortalId) -> bool:
        """Whether it may speak of a portal: it serves it, or the policy does not know it yet."""
        return self._served_by.get(portal, gateway) == gateway

    def _token(self, credential_id: CredentialId) -> Token:
        return token_of(self.site, credential_id)

    def _stamp(self, now: Instant) -> int:
        """Returns the time to note with; without a trusted clock, the last that was trusted."""
        at = now.trusted_utc_s
        if at is None:
            return self._seen.floor_s or now.utc_s
        self._seen.floor_s = at
        if self._seen.lost_at == 0:
            self._seen.lost_at = at
        return at

    def _oldest(self, now: Instant) -> int:
        at = now.trusted_utc_s
        return 0 if at is None else max(0, at - self._forget_s)

    def _note_there(
        self,
        portal: PortalId,
        bearer: Bearer,
        movement: Movement,
        waits_for: Reason | None,
        now: Instant,
        *,
        leads: int = 0,
    ) -> None:
        companion = Companion(
            bearer=bearer,
            movement=movement,
            waits_for=waits_for,
            at_mono_ms=now.mono_ms,
            leads=leads,
        )
        self._seen.doors.note_there(portal, companion)

    def _tell_of(
        self, sign: Sign, portal: PortalId, grant: Grant, now: Instant
    ) -> tuple[PresenceMessage, ...]:
        """Says the same of everybody whom a grant let pass."""
        people = [(one.bearer, one.movement) for one in grant.companions]
        if grant.bearer is not None:
            people.insert(0, (grant.bearer, grant.movement))
        return tuple(
            self._say(
                sign,
                now,
                portal=portal,
                credential=self._token(bearer.credential_id),
                holder=self._token(bearer.holder_id),
                way=movement.way,
                enters=movement.enters,
                leaves=movement.leaves,
                slot=bearer.slot,
                once_until=bearer.once_until if grant.reason is Reason.GRANTED else 0,
                counts_until=bearer.counts_until,
            )
            for bearer, movement in people
        )

    def _say(self, sign: Sign, now: Instant, **seen: Any) -> PresenceMessage:  # noqa: ANN401
        """Makes, takes in and keeps for sending a message of our own."""
        self._seq += 1
        message = PresenceMessage(
            site=self.site,
            gateway=self.gateway,
            epoch=self.epoch,
            seq=self._seq,
            at=self._stamp(now),
            is_clock_trusted=now.trusted_utc_s is not None,
            sign=sign,
            **seen,
        )
        self._senders.is_new(self.gateway, self.epoch, self._seq)
        self._apply(message, now)
        self._outbox.add(message)
        return message

    def _apply(self, message: PresenceMessage, now: Instant) -> None:
        self._seen.apply(message, now.mono_ms, self._oldest(now))


def _is_over(since: int | None, for_s: int, now: Instant) -> bool:
    """Whether something never was (None), or was over for so long that it matters no more.

    At 0 it was at a time that is not known yet.
    """
    at = now.trusted_utc_s
    return since is None or (since > 0 and at is not None and at >= since + for_s)
