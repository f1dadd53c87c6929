"""Keeps the presence book in step with the rules and with time, on the main loop's thread.

Once a minute it tells the others that this gateway is there, and where its doors' leaves are.
"""

from doorward.policy import Policy
from doorward.presence import PresenceBook
from doorward.times import Instant
from doorward_edge.pipeline import RulesInForce

MINUTE_MS = 60_000


class PresenceChores:
    """What a presence book needs beside what is seen."""

    def __init__(self, book: PresenceBook, rules: RulesInForce) -> None:
        """Takes the book, and where the policy in force is looked up."""
        self._book = book
        self._rules = rules
        self._followed: Policy | None = None
        self._due_ms = 0

    def turn(self, now: Instant) -> None:
        """Follows a new policy, tells that we are there, and drops what is too old.

        Call it every second or so.
        """
        rules = self._rules.rules
        if rules is not None and rules.policy is not self._followed:
            self._followed = rules.policy
            self._book.follow(rules.policy)
        if now.mono_ms >= self._due_ms:
            self._due_ms = now.mono_ms + MINUTE_MS
            self._book.forget(now)
            self._book.beat(now)
