"""Carries the journal up and the rules down, in a thread of its own, while there is a link.

Up: what the outbox wants is read from the journal, signed and published; it stays there until a
signed acknowledgement names it. Down: bundles, status lists, deltas and acknowledgements. What
cannot be trusted is refused, reported and changes nothing.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from doorward import topics
from doorward.acks import Ack
from doorward.envelope import Kind, Signer, parse_envelope
from doorward.errors import DoorwardError, MalformedError
from doorward.ids import GatewayId, PortalId, SiteId
from doorward.keys import PURPOSE_OF_KIND, verify_signed
from doorward.messages import Applied, Birth, Health, JournalSpan, Rejection, Reported, State
from doorward.ranges import count
from doorward.software import SoftwareReport
from doorward.times import Clock, ClockTrust, Instant, UtcSeconds
from doorward_edge.asking_again import AskAgain
from doorward_edge.ports import (
    Arrived,
    Broker,
    EpochSpan,
    Journal,
    JournalError,
    LinkDown,
    LinkEvent,
    LinkUp,
    Outgoing,
)
from doorward_edge.stages.publish import ROOM_BYTES, Outbox, make_batch, settlement_of
from doorward_edge.sync import PolicyKeeper, Taken, Verdict
from doorward_edge.twin.keeper import ConfigReport
from doorward_edge.uplink import LinkAction, LinkChange, Uplink

log = logging.getLogger(__name__)

HEALTH_EVERY_MS = 60_000
HEALTH_APART_MS = 5_000
"""What changes at every look must not fill the link with messages about it."""
PURGE_EVERY_MS = 600_000
"""What the disk did not take is asked for again after this."""

LONGEST_WAIT_S = 1.0
"""The thread wakes at least this often, so that its heartbeat can be told from a standstill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Myself:
    """What a gateway says of itself at every connection; `boot_id` is 16 hex digits."""

    site: SiteId
    gateway: GatewayId
    boot_id: str
    software: str
    hardware: dict[str, str]
    capabilities: tuple[str, ...]
    record_key: str
    portals: tuple[PortalId, ...]


class Errand(Protocol):
    """What has topics of its own, and words of its own to send. Used by the courier's thread."""

    @property
    def topics(self) -> Sequence[str]:
        """What is subscribed to at every connection."""
        ...

    @property
    def rejected(self) -> tuple[Rejection, ...]:
        """What it refused lately, for the report."""
        ...

    def wants(self, topic: str) -> bool:
        """Whether a message on this topic is its own."""
        ...

    def take(self, message: Arrived, now: Instant) -> bool:
        """Takes a message in. Returns whether to report anew."""
        ...

    def turn(
        self, now: Instant, publish: Callable[[Outgoing], bool], *, is_connected: bool
    ) -> bool:
        """Does what is due, at least once a second. Returns whether to report anew."""
        ...


class Courier:
    """One `turn` after another, by one thread; nothing here is called from elsewhere."""

    def __init__(
        self,
        *,
        myself: Myself,
        broker: Broker,
        journal: Journal,
        keeper: PolicyKeeper,
        signer: Signer,
        clock: Clock,
        health: Callable[[], Health],
        errands: Sequence[Errand] = (),
        config: Callable[[], ConfigReport] = ConfigReport,
        staff: Callable[[], int | None] = lambda: None,
        software: Callable[[], SoftwareReport | None] = lambda: None,
        health_every_ms: int = HEALTH_EVERY_MS,
    ) -> None:
        """Takes what it carries between."""
        self._me = myself
        self._broker = broker
        self._journal = journal
        self._keeper = keeper
        self._signer = signer
        self._clock = clock
        self._health = health
        self._errands = tuple(errands)
        self._config = config
        self._staff = staff
        self._software = software
        self._outbox = Outbox(journal.spans())
        self._session = 0
        self._health_every_ms = health_every_ms
        self._health_due_ms: int = clock.now().mono_ms
        self._health_sent_ms = self._health_due_ms - HEALTH_APART_MS
        self._is_health_wanted = False
        self.turned_ms: int = self._health_due_ms
        self._purge_due_ms: int = self._health_due_ms
        self._again = AskAgain()
        self.uplink = Uplink()
        self.link_trouble = ""
        self.rejected: tuple[Rejection, ...] = ()

    def open(self) -> None:
        """Begins to dial."""
        self.uplink.note(LinkChange.DIAL)
        self._broker.open()

    def turn(self) -> None:
        """Waits for one event or for what is due next, and does it."""
        event = self._broker.next_event(self._wait_s())
        now = self._clock.now()
        if event is not None:
            self._handle(event, now)
        self._ask_again(now)
        self._run_errands(now)
        self._send_batches(now)
        self._send_health(now)
        self._purge(now)
        self.turned_ms = self._clock.now().mono_ms

    def say_health_soon(self) -> None:
        """Has the health message sent before its time; from any thread."""
        self._is_health_wanted = True
        self._broker.wake()

    def close(self) -> None:
        """Sends what waits, says that we go, and hangs up."""
        now = self._clock.now()
        self._run_errands(now)
        self._outbox.hurry()
        self._send_batches(now)
        if self.uplink.is_connected:
            self._broker.publish(state_message(self._me, self._session, now, online=False))
        self.uplink.note(LinkChange.STOP)
        self._broker.close()

    # --- What arrives ---------------------------------------------------------------------------

    def _handle(self, event: LinkEvent, now: Instant) -> None:
        match event:
            case LinkUp(session):
                if self.uplink.is_connected:
                    # Its end was not told, which must not keep the new connection from counting.
                    self._lose_link("began anew")
                self._session, self.link_trouble = session, ""
                self._act(self.uplink.note(LinkChange.UP), now)
            case LinkDown(why):
                self._lose_link(why)
            case Arrived():
                self._take(event, now)

    def _lose_link(self, why: str) -> None:
        if why != self.link_trouble:
            # Once, and not at every dialling of a long night.
            log.warning("link.down why=%s", why)
        self.link_trouble = why
        self.uplink.note(LinkChange.DOWN)
        self._outbox.disconnected()

    def _act(self, actions: tuple[LinkAction, ...], now: Instant) -> None:
        for action in actions:
            if action is LinkAction.ANNOUNCE:
                self._announce(now)
            elif action is LinkAction.RESEND:
                self._outbox.disconnected()

    def _announce(self, now: Instant) -> None:
        site, gateway = self._me.site, self._me.gateway
        acks = topics.down(site, gateway, topics.Down.ACK)
        self._again.forget()
        own = [topic for errand in self._errands for topic in errand.topics]
        self._broker.subscribe([acks, topics.CONTROLLER_STATE, *self._rule_topics(), *own])
        self._say_who_we_are(now)
        self._broker.publish(state_message(self._me, self._session, now, online=True))
        self._report(now)
        log.info("link.up session=%d", self._session)

    def _say_who_we_are(self, now: Instant) -> None:
        """The controller answers with what it holds of the journal and what it lacks.

        An older database may lack epochs that ended long ago: each that is still here is told of,
        the one that grows last, so that it is what the broker keeps.
        """
        *ended, growing = self._journal.spans()
        for span in ended:
            if span.pending or span.kept:
                self._publish(topics.Up.BIRTH, self._birth(now, span).to_wire())
        self._publish(topics.Up.BIRTH, self._birth(now, growing).to_wire(), retain=True)

    def _hear_of_controller(self, message: Arrived, now: Instant) -> None:
        """It came back: with an older database it lacks what it had acknowledged before.

        What the broker had kept is older than our own connection, which has said who we are.
        """
        if message.payload == topics.CONTROLLER_ONLINE and not message.retained:
            self._say_who_we_are(now)

    def _take(self, message: Arrived, now: Instant) -> None:
        if message.topic == topics.CONTROLLER_STATE:
            self._hear_of_controller(message, now)
            return
        if message.topic == topics.down(self._me.site, self._me.gateway, topics.Down.ACK):
            self._take_ack(message.payload, now)
            return
        for errand in self._errands:
            if errand.wants(message.topic):
                if errand.take(message, now):
                    self._report(now)
                return
        taken = self._keeper.take(message.payload, now)
        self._again.note(taken, self._keeper.keyring.version, now)
        if taken.verdict is Verdict.GAP:
            is_list = taken.what == Kind.STATUS
            other = topics.Policy.DELTA if is_list else topics.Policy.STATUS
            self._broker.subscribe([topics.policy(self._me.site, other)])
        elif taken.verdict in {Verdict.REFUSED, Verdict.UNWRITTEN}:
            self._reject(taken, now)
        elif taken.verdict is Verdict.APPLIED:
            self.rejected = tuple(r for r in self.rejected if r.what != taken.what)
            self._report(now)
            if taken.what == Kind.STATUS:
                self._broker.subscribe([topics.policy(self._me.site, topics.Policy.DELTA)])

    def _run_errands(self, now: Instant) -> None:
        is_connected = self.uplink.is_connected
        turned = [
            errand.turn(now, self._broker.publish, is_connected=is_connected)
            for errand in self._errands
        ]
        if is_connected and any(turned):
            self._report(now)

    def _reject(self, taken: Taken, now: Instant) -> None:
        rejection = Rejection(what=taken.what, version=0, error=taken.error[:200])
        if rejection not in self.rejected:
            self.rejected = (*self.rejected[-7:], rejection)
            self._report(now)

    def _ask_again(self, now: Instant) -> None:
        """Has the broker send its retained rules again, where they may count now."""
        if not self.uplink.is_connected:
            return
        if self._again.is_due(self._keeper.keyring.version, now):
            self._broker.subscribe(self._rule_topics())

    def _rule_topics(self) -> list[str]:
        return [topics.policy(self._me.site, kind) for kind in topics.Policy]

    def _take_ack(self, wire: bytes, now: Instant) -> None:
        try:
            ack = self._read_ack(wire, now)
            spans = self._journal.spans()
            settlement = settlement_of(ack, self._me.site, self._me.gateway, spans)
            if settlement is None:
                return
            self._journal.settle(settlement.epoch, settlement.committed, settlement.resend, ack.at)
            self._outbox.acknowledged(settlement, now.mono_ms)
        except DoorwardError as err:
            log.warning("ack.refused error=%s", err)

    def _read_ack(self, wire: bytes, now: Instant) -> Ack:
        envelope = parse_envelope(wire)
        if envelope.kind is not Kind.ACK:
            raise MalformedError(f"a {envelope.kind} is not an acknowledgement")
        verify_signed(envelope, self._keeper.keyring, PURPOSE_OF_KIND[Kind.ACK], now.trusted_utc_s)
        return Ack.from_body(envelope.body)

    # --- What goes up ---------------------------------------------------------------------------

    def _send_batches(self, now: Instant) -> None:
        if not self.uplink.is_connected:
            return
        self._outbox.refresh(self._journal.spans())
        while (wanted := self._outbox.wanted(now.mono_ms)) is not None:
            try:
                stretch = self._journal.read(wanted.epoch, wanted.first, wanted.last, ROOM_BYTES)
            except JournalError as err:
                log.error("journal.unreadable error=%s", err)  # noqa: TRY400  # said in one line
                return
            if stretch is None:
                self._outbox.missing(wanted)
                continue
            batch = make_batch(self._me.site, self._me.gateway, stretch, self._signer)
            if not self._publish(topics.Up.RECORDS, batch):
                return
            self._outbox.sent(wanted, stretch, now.mono_ms)
        drained = self._outbox.is_drained
        self.uplink.note(LinkChange.DRAINED if drained else LinkChange.BEHIND)

    def _send_health(self, now: Instant) -> None:
        """When it is due, and when something changed, but not at every swing of it."""
        if not self.uplink.is_connected:
            return
        since_ms = now.mono_ms - self._health_sent_ms
        is_early = self._is_health_wanted and since_ms >= HEALTH_APART_MS
        if now.mono_ms >= self._health_due_ms or is_early:
            self._is_health_wanted = False
            self._health_sent_ms = now.mono_ms
            self._health_due_ms = now.mono_ms + self._health_every_ms
            self._publish(topics.Up.HEALTH, self._health().to_wire(), qos=0)

    def _purge(self, now: Instant) -> None:
        """Deletes a piece of what was acknowledged 7 days ago, by a trusted clock only."""
        if now.mono_ms < self._purge_due_ms or now.trust is ClockTrust.UNKNOWN:
            return
        try:
            deleted = self._journal.purge(UtcSeconds(now.utc_s))
        except JournalError as err:
            log.warning("journal.purge_failed error=%s", err)
            deleted = 0
        if not deleted:
            self._purge_due_ms = now.mono_ms + PURGE_EVERY_MS

    def _report(self, now: Instant) -> None:
        config = self._config()
        own = (rejection for errand in self._errands for rejection in errand.rejected)
        report = Reported(
            applied=self._applied(),
            rejected=(*self.rejected, *own),
            at=UtcSeconds(now.utc_s),
            pending=config.pending,
            config_taken=config.taken,
            on_trial=config.on_trial,
            staff=self._staff(),
            software=self._software(),
        )
        self._publish(topics.Up.REPORTED, report.to_wire(), retain=True)

    def _publish(
        self, kind: topics.Up, payload: bytes, *, retain: bool = False, qos: int = 1
    ) -> bool:
        topic = topics.up(self._me.site, self._me.gateway, kind)
        return self._broker.publish(Outgoing(topic=topic, payload=payload, qos=qos, retain=retain))

    def _birth(self, now: Instant, span: EpochSpan) -> Birth:
        return Birth(
            boot_id=self._me.boot_id,
            session=self._session,
            software=self._me.software,
            hardware=self._me.hardware,
            capabilities=self._me.capabilities,
            applied=self._applied(),
            journal=span_of(span),
            record_key=self._me.record_key,
            portals=self._me.portals,
            at=UtcSeconds(now.utc_s),
        )

    def _applied(self) -> Applied:
        return replace(self._keeper.applied, config=self._config().in_force)

    def _wait_s(self) -> float:
        due = self._outbox.next_due_mono_ms()
        if due is None:
            return LONGEST_WAIT_S
        return min(LONGEST_WAIT_S, max(0.0, (due - self._clock.now().mono_ms) / 1000))


def state_message(me: Myself, session: int, now: Instant, *, online: bool) -> Outgoing:
    """Returns the retained message that says whether this gateway is connected; also the will."""
    state = State(online=online, boot_id=me.boot_id, session=session, at=UtcSeconds(now.utc_s))
    return Outgoing(
        topic=topics.up(me.site, me.gateway, topics.Up.STATE),
        payload=state.to_wire(),
        retain=True,
    )


def span_of(span: EpochSpan) -> JournalSpan:
    """Returns where an epoch of the journal begins and ends."""
    here = (*span.pending, *span.kept)
    tail = min((first for first, _ in here), default=0)
    return JournalSpan(epoch=span.epoch, head=span.head if here else 0, tail=tail)


def pending_records(spans: tuple[EpochSpan, ...]) -> int:
    """Returns how many records wait to be acknowledged."""
    return sum(count(span.pending) for span in spans)
