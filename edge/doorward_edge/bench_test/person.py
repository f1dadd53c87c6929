"""Whoever stands before the gateway: asked, told, and made to type what must not slip."""

from typing import Protocol

from doorward_edge.perception import Words


class Person(Protocol):
    """Must answer or be absent; nothing waits for a person who is absent."""

    @property
    def is_there(self) -> bool:
        """Whether anybody answers."""

    def asks(self, words: Words) -> bool | None:
        """Returns yes or no, None when they cannot say."""

    def tells(self, words: Words) -> None:
        """Says something."""

    def types(self, words: Words, wanted: str) -> bool:
        """Returns whether they typed exactly this."""


class Nobody:
    """For a bench test without a person: nothing is asked."""

    is_there = False

    def asks(self, words: Words) -> bool | None:  # noqa: ARG002
        """Returns None."""
        return None

    def tells(self, words: Words) -> None:
        """Says nothing."""

    def types(self, words: Words, wanted: str) -> bool:  # noqa: ARG002
        """Returns False."""
        return False
