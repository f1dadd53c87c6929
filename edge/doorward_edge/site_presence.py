"""Keeps the presence book in step with the rules and with time, on the main loop's thread."""

from doorward.policy import Policy
from doorward.presence import PresenceBook
from doorward.times import Instant
from doorward_edge.pipeline import RulesInForce

FORGET_MS = 60_000


class PresenceChores:
    """What a presence book needs beside what is seen."""

    def __init__(self, book: PresenceBook, rules: RulesInForce) -> None:
        """Takes the book, and where the policy in force is looked up."""
        self._book = book
        self._rules = rules
        self._followed: Policy | None = None
        self._forget_due_ms = 0

    def turn(self, now: Instant) -> None:
        """Follows a new policy, and drops what is too old; call it every second or so."""
        rules = self._rules.rules
        if rules is not None and rules.policy is not self._followed:
            self._followed = rules.policy
            self._book.follow(rules.policy)
        if now.mono_ms >= self._forget_due_ms:
            self._forget_due_ms = now.mono_ms + FORGET_MS
            self._book.forget(now)
