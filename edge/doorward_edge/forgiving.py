"""Forgives, as a command asks, on the book's thread: `commands.targets.People`.

The command names any credential of a person. Presence is kept under the one that the policy's
roster says, so that a person with a badge and a pass is forgiven with either.
"""

from collections.abc import Callable

from doorward.commands import Forgive
from doorward.decision import Rules
from doorward.ids import CredentialId, parse_credential_id
from doorward.times import Clock
from doorward_edge.commands.rules import Refusal
from doorward_edge.commands.targets import NotDoneError, WillNotError
from doorward_edge.inbox import BusyError, Inbox
from doorward_edge.pipeline import RulesInForce
from doorward_edge.presence.book import Said, ToldBook

PATIENCE_S = 2.0
"""The main loop answers within a record's wait; it stands still if it takes longer."""


class Forgiver:
    """The presence book, as far as commands reach it."""

    def __init__(
        self,
        inbox: Inbox,
        book: ToldBook,
        rules: RulesInForce,
        clock: Clock,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Takes the way to the book, and where the policy in force is looked up."""
        self._inbox, self._book, self._rules, self._clock = inbox, book, rules, clock
        self._patience_s = patience_s

    def forgive(self, order: Forgive) -> str:
        """Lets either way fit next for those whom the order names."""
        rules = self._rules.rules
        if order.zone and (rules is None or order.zone not in rules.policy.zones):
            raise WillNotError(Refusal.NOT_HERE, f"the policy has no zone {order.zone}")
        at = f"at {order.zone}" if order.zone else "at every zone"
        if not order.credential:
            self._do(lambda: self._book.forgive_all(order.zone, self._clock.now()))
            return f"everybody {at}"
        holder = _holder_of(parse_credential_id(order.credential), rules)
        self._do(lambda: self._book.forgive(holder, self._clock.now(), order.zone))
        return f"credential {order.credential} {at}"

    def _do(self, act: Callable[[], Said]) -> None:
        try:
            self._inbox.call(act, self._patience_s)
        except BusyError as err:
            raise WillNotError(Refusal.BUSY, str(err)) from err
        except TimeoutError as err:
            raise NotDoneError(f"the gateway did not come to it in {self._patience_s} s") from err


def _holder_of(credential: CredentialId, rules: Rules | None) -> CredentialId:
    """Who is not on the roster is admitted by class, and known by the credential itself."""
    profile = rules.policy.roster.find(credential) if rules else None
    return profile.holder or credential if profile else credential
