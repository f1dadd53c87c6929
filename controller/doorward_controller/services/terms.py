"""What one request ties to its act, within the act's own transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa


@dataclass(slots=True)
class Terms:
    """Conditions of an act, and what is noted with it; whoever acts without a request has none.

    Attributes:
        conditions: each raises an ActError where what the caller looked at has changed meanwhile.
            They are looked at once: a second act of the same request follows from the first.
        notes: written down with each act.
    """

    conditions: list[Callable[[sa.Connection], None]] = field(default_factory=list)
    notes: list[Callable[[sa.Connection], None]] = field(default_factory=list)

    def check(self, connection: sa.Connection) -> None:
        """Raises the ActError of the first condition that does not hold."""
        for condition in self.conditions:
            condition(connection)
        self.conditions.clear()

    def note(self, connection: sa.Connection) -> None:
        """Writes down that the act was done, to be committed with it."""
        for each in self.notes:
            each(connection)
