"""Publish: which records travel next, which wait for their acknowledgement, and which again.

Pure: the caller reads the journal, talks to the broker and tells the time. The broker's PUBACK
means nothing here; a record has arrived when the controller's signed acknowledgement names it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from doorward.acks import Ack
from doorward.batches import MAX_BATCH_BYTES, MAX_BATCH_RECORDS, Batch
from doorward.envelope import Signer
from doorward.errors import WrongRecipientError
from doorward.ids import Epoch, GatewayId, SiteId
from doorward.ranges import Ranges, intersect, merge, subtract
from doorward_edge.ports import EpochSpan, Stretch

MOST_IN_FLIGHT = 4
"""Hides the round trip without filling the broker's queue with what may have to come again."""

FIRST_WAIT_MS = 5_000
LONGEST_WAIT_MS = 300_000
WAIT_FOR_ROUND_TRIPS = 4
"""After an outage a whole fleet sends at once and the controller takes a minute for all of it: who
sent again after five seconds would send everything four times over, and hold up everybody."""
ROOM_BYTES = MAX_BATCH_BYTES - 1024
"""What records and segment keys may take in a batch; the rest is for its frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to read from the journal for the next batch."""

    epoch: Epoch
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flight:
    epoch: Epoch
    left: Ranges
    since_mono_ms: int
    due_mono_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Overdue:
    """Records that were given up, and when they were first sent."""

    epoch: Epoch
    left: Ranges
    since_mono_ms: int


_Sent = TypeVar("_Sent", _Flight, _Overdue)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What the journal is to note of an acknowledgement."""

    epoch: Epoch
    committed: Ranges
    resend: Ranges


class Outbox:
    """The unacknowledged part of the journal and what of it is on its way.

    Rules: oldest epoch first and lowest number first; one batch on its way at first, one more for
    each that was acknowledged, at most `MOST_IN_FLIGHT`; what is not acknowledged in time goes back
    and is sent again, one batch at a time, after 5 s, then 10 s, and so on to 5 min; a batch that
    was acknowledged tells how long to wait for the next: four times as long as it took since it
    was first sent, and at least 5 s; a lost connection brings everything back at once.
    """

    def __init__(self, spans: Iterable[EpochSpan]) -> None:
        self._waiting: dict[Epoch, Ranges] = {span.epoch: span.pending for span in spans}
        self._flights: list[_Flight] = []
        self._overdue: list[_Overdue] = []
        self._wait_ms = FIRST_WAIT_MS
        self._room = 1

    @property
    def in_flight(self) -> int:
        """How many batches wait for their acknowledgement."""
        return len(self._flights)

    @property
    def is_drained(self) -> bool:
        """Nothing waits and nothing is on its way."""
        return not self._flights and not any(self._waiting.values())

    def refresh(self, spans: Iterable[EpochSpan]) -> None:
        """Takes in what the journal holds now: records that were appended or can be read no more.

        Ask the journal again before `wanted`; it alone knows of records that were late.
        """
        self._waiting = {
            span.epoch: subtract(span.pending, self._on_their_way(span.epoch)) for span in spans
        }

    def wanted(self, now_mono_ms: int) -> Wanted | None:
        """Returns what to send next, or None when nothing waits or enough is on its way."""
        self._bring_back_overdue(now_mono_ms)
        if len(self._flights) >= self._room:
            return None
        for epoch, waiting in self._waiting.items():
            if waiting:
                first, last = waiting[0]
                most = first + MAX_BATCH_RECORDS - 1
                return Wanted(epoch=epoch, first=first, last=min(last, most))
        return None

    def next_due_mono_ms(self) -> int | None:
        """Returns when the first batch on its way is overdue."""
        return min((flight.due_mono_ms for flight in self._flights), default=None)

    def sent(self, wanted: Wanted, stretch: Stretch, now_mono_ms: int) -> None:
        """Notes that the records read for `wanted` are on their way.

        What was wanted before them is not in the journal any more and is not asked for again.
        """
        sent = (stretch.first_seq, stretch.last_seq)
        self._take(wanted.epoch, (wanted.first, stretch.last_seq))
        since = [
            late.since_mono_ms
            for late in self._overdue
            if late.epoch == wanted.epoch and intersect([sent], late.left)
        ]
        self._flights.append(
            _Flight(
                epoch=wanted.epoch,
                left=(sent,),
                since_mono_ms=min(since, default=now_mono_ms),
                due_mono_ms=now_mono_ms + self._wait_ms,
            )
        )

    def missing(self, wanted: Wanted) -> None:
        """Notes that the journal has nothing of what was wanted."""
        self._take(wanted.epoch, (wanted.first, wanted.last))

    def hurry(self) -> None:
        """Lets go what may be on its way at most: the gateway ends and cannot wait for answers."""
        self._room = MOST_IN_FLIGHT

    def disconnected(self) -> None:
        """Brings back what was on its way; the next connection sends it again."""
        for flight in self._flights:
            self._return(flight)
        self._flights, self._overdue = [], []
        self._wait_ms, self._room = FIRST_WAIT_MS, 1

    def acknowledged(self, settlement: Settlement, now_mono_ms: int) -> None:
        """Takes in what the journal has noted of an acknowledgement."""
        epoch, committed = settlement.epoch, settlement.committed
        flights = [self._relieved(flight, epoch, committed) for flight in self._flights]
        overdue = [self._relieved(late, epoch, committed) for late in self._overdue]
        arrived = [flight for flight in flights if not flight.left]
        self._room = min(self._room + len(arrived), MOST_IN_FLIGHT)
        since = [flight.since_mono_ms for flight in arrived]
        since += [late.since_mono_ms for late in overdue if not late.left]
        if since:
            took_ms = now_mono_ms - min(since)
            wait_ms = max(WAIT_FOR_ROUND_TRIPS * took_ms, FIRST_WAIT_MS)
            self._wait_ms = min(wait_ms, LONGEST_WAIT_MS)
        self._flights = [flight for flight in flights if flight.left]
        self._overdue = [late for late in overdue if late.left]
        waiting = merge(subtract(self._waiting.get(epoch, ()), committed), settlement.resend)
        self._waiting[epoch] = subtract(waiting, self._on_their_way(epoch))

    def _on_their_way(self, epoch: Epoch) -> Ranges:
        return merge(*(flight.left for flight in self._flights if flight.epoch == epoch))

    def _bring_back_overdue(self, now_mono_ms: int) -> None:
        overdue = [flight for flight in self._flights if flight.due_mono_ms <= now_mono_ms]
        if overdue:
            for flight in overdue:
                self._return(flight)
                self._give_up(flight)
            self._flights = [f for f in self._flights if f.due_mono_ms > now_mono_ms]
            self._wait_ms = min(2 * self._wait_ms, LONGEST_WAIT_MS)
            self._room = 1

    def _give_up(self, flight: _Flight) -> None:
        """Remembers since when it is missing; once, however often it goes again."""
        kept = [
            late
            for late in self._overdue
            if late.epoch != flight.epoch or subtract(late.left, flight.left)
        ]
        late = _Overdue(epoch=flight.epoch, left=flight.left, since_mono_ms=flight.since_mono_ms)
        self._overdue = [*kept, late]

    def _return(self, flight: _Flight) -> None:
        self._waiting[flight.epoch] = merge(self._waiting.get(flight.epoch, ()), flight.left)

    def _take(self, epoch: Epoch, part: tuple[int, int]) -> None:
        self._waiting[epoch] = subtract(self._waiting.get(epoch, ()), [part])

    def _relieved(self, each: _Sent, epoch: Epoch, committed: Ranges) -> _Sent:
        if each.epoch != epoch:
            return each
        return replace(each, left=subtract(each.left, committed))


def make_batch(site: SiteId, gateway: GatewayId, stretch: Stretch, signer: Signer) -> bytes:
    """Returns the signed batch of a stretch. Raises MalformedError for what no reader takes."""
    batch = Batch(
        site=site,
        gateway=gateway,
        epoch=stretch.epoch,
        first_seq=stretch.first_seq,
        chain_before=stretch.chain_before,
        segments=stretch.segments,
        records=stretch.records,
    )
    return batch.sealed_with(signer)


def settlement_of(
    ack: Ack, site: SiteId, gateway: GatewayId, spans: Iterable[EpochSpan]
) -> Settlement | None:
    """Returns what an acknowledgement whose signature was verified settles here.

    None when its epoch is none of ours. Numbers that were never given out settle nothing, and only
    what is kept can be sent again.

    Raises:
        WrongRecipientError: it was made for another site or gateway.
    """
    if (ack.site, ack.gateway) != (site, gateway):
        raise WrongRecipientError(
            f"acknowledgement is for {ack.gateway} at {ack.site}, this is {gateway} at {site}"
        )
    for span in spans:
        if span.epoch == ack.epoch:
            known = [(1, span.head)] if span.head else []
            return Settlement(
                epoch=ack.epoch,
                committed=subtract(intersect(ack.committed, known), ack.resend),
                resend=intersect(ack.resend, merge(span.kept, span.pending)),
            )
    return None
