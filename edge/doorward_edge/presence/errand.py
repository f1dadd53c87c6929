"""Carries what this gateway sees to the site's others, and brings what they see: `courier.Errand`.

It runs on the courier's thread and the book belongs to the main loop: whatever asks or tells the
book is posted to the gateway's inbox. What another gateway says counts when the broker did not keep
it, and when the key that signed it is that gateway's in the policy.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence

from doorward import topics
from doorward.envelope import Signer
from doorward.errors import DoorwardError
from doorward.ids import GatewayId, SiteId
from doorward.messages import Rejection
from doorward.presence import PresenceBook
from doorward.presence_message import PresenceMessage, open_presence, seal_presence
from doorward.times import Clock, Instant
from doorward_edge.pipeline import RulesInForce
from doorward_edge.ports import Arrived, Outgoing

log = logging.getLogger(__name__)

MOST_AT_ONCE = 100
"""So many are published before the courier looks after everything else again."""

MOST_IN_FLIGHT = 2_000
"""So much that others say waits for the book's thread; more would fill the memory."""

Post = Callable[[Callable[[], None]], None]
"""Has something done on the book's thread, soon and without being waited for."""


def _nobody() -> None:
    """Nobody to wake yet."""


class PresenceErrand:
    """Topics and messages of presence.

    Attributes:
        wake: has the courier turn soon.
        refused: how many messages did not count.
    """

    rejected: tuple[Rejection, ...] = ()

    def __init__(
        self,
        *,
        site: SiteId,
        gateway: GatewayId,
        book: PresenceBook,
        rules: RulesInForce,
        signer: Signer,
        clock: Clock,
        post: Post,
        note_sent: Callable[[PresenceMessage], None],
        note_lost: Callable[[str], None],
    ) -> None:
        """Takes what it carries between.

        Args:
            site: ours.
            gateway: which of the site's we are.
            book: is asked and told on its own thread alone.
            rules: know whose keys count.
            signer: signs what we say.
            clock: reads the time.
            post: has something done on the book's thread.
            note_sent: is told of what the broker has, on the book's thread.
            note_lost: is told, on the book's thread, that something of the others is missed.
        """
        self._topic = topics.presence(site)
        self._site, self._gateway = site, gateway
        self._book, self._rules, self._signer, self._clock = book, rules, signer, clock
        self._post, self._note_sent, self._note_lost = post, note_sent, note_lost
        # Each is written by one thread alone: the courier's, and the book's.
        self._posted, self._taken, self._missed = 0, 0, 0
        self._was_connected = False
        self._is_wanted = True
        self._is_fetching = False
        self._outgoing: deque[PresenceMessage] = deque()
        self._last_refusal = ""
        self.wake: Callable[[], None] = _nobody
        self.refused = 0

    @property
    def topics(self) -> Sequence[str]:
        """What the site's gateways tell each other."""
        return (self._topic,)

    def note_said(self) -> None:
        """Takes in that the book has something to tell; from any thread."""
        self._is_wanted = True
        self.wake()

    def wants(self, topic: str) -> bool:
        """Whether it is the topic of presence."""
        return topic == self._topic

    def take(self, message: Arrived, now: Instant) -> bool:
        """Hands what another gateway said to the book, if it counts. There is nothing to report."""
        del now
        try:
            said = self._read(message)
        except DoorwardError as err:
            self._refuse(str(err))
            return False
        if said is not None and said.gateway != self._gateway:
            self._pass_on(said)
        return False

    def turn(
        self, now: Instant, publish: Callable[[Outgoing], bool], *, is_connected: bool
    ) -> bool:
        """Tells the book of the link, and publishes what is not sent. Nothing to report."""
        del now
        if self._missed and self._posted == self._taken:
            why, self._missed = f"{self._missed} messages of others came too fast", 0
            self._post(lambda: self._note_lost(why))
        if is_connected is not self._was_connected:
            self._was_connected = is_connected
            self._post(lambda: self._note_link(is_connected=is_connected))
        if not is_connected:
            self._outgoing.clear()
            self._is_wanted = True
            return False
        if self._is_wanted and not self._is_fetching and not self._outgoing:
            self._is_wanted, self._is_fetching = False, True
            self._post(self._fetch)
        self._publish(publish)
        return False

    def _pass_on(self, said: PresenceMessage) -> None:
        if self._posted - self._taken >= MOST_IN_FLIGHT:
            self._missed += 1
            return
        self._posted += 1
        self._post(lambda: self._take_in(said))

    def _publish(self, publish: Callable[[Outgoing], bool]) -> None:
        sent: list[PresenceMessage] = []
        while self._outgoing:
            wire = seal_presence(self._outgoing[0], self._signer)
            if not publish(Outgoing(topic=self._topic, payload=wire)):
                self._outgoing.clear()
                self._is_wanted = True
                break
            sent.append(self._outgoing.popleft())
        if sent:
            self._post(lambda: self._sent(sent))

    def _read(self, message: Arrived) -> PresenceMessage | None:
        """Returns what was said; None where nobody is known yet who could have. Raises."""
        if message.retained:
            self._refuse("the broker had kept it")
            return None
        rules = self._rules.rules
        known = rules.policy.gateways if rules else {}
        return open_presence(message.payload, self._site, known)

    def _refuse(self, why: str) -> None:
        """Counts it; whoever repeats himself does not fill the log."""
        self.refused += 1
        if why != self._last_refusal:
            log.warning("presence.refused error=%s", why)
        self._last_refusal = why

    # --- On the book's thread -------------------------------------------------------------------

    def _take_in(self, said: PresenceMessage) -> None:
        """Whoever was not heard before may not have heard us either, and is answered at once."""
        self._taken += 1
        now, who = self._clock.now(), (said.gateway,)
        was_heard = self._book.is_current(who, now)
        self._book.take(said, now)
        if not was_heard and self._book.is_current(who, now):
            self._book.beat(now)

    def _note_link(self, *, is_connected: bool) -> None:
        """The others must hear at once that we are here again, and not within a minute."""
        now = self._clock.now()
        self._book.note_link(is_connected=is_connected, now=now)
        if is_connected:
            self._book.beat(now)

    def _fetch(self) -> None:
        batch = self._book.unsent()[:MOST_AT_ONCE]
        self._outgoing.extend(batch)
        self._is_fetching = False
        if batch:
            self.wake()

    def _sent(self, sent: list[PresenceMessage]) -> None:
        for message in sent:
            self._book.sent(message)
            self._note_sent(message)
        if len(sent) == MOST_AT_ONCE:
            self.note_said()
