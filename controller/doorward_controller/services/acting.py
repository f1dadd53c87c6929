"""The frame of every act: permission first, one transaction, one audit entry, refusals too.

An act is of the whole site unless it says that it is `placed`: then its body must name the place,
and what names none is refused to everybody who is limited to zones.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from doorward.times import Instant
from doorward_controller.domain.permissions import (
    Action,
    Actor,
    Extent,
    Where,
    Zones,
    allows,
    may,
)
from doorward_controller.errors import ActError, ForbiddenError
from doorward_controller.services import audit
from doorward_controller.services.backend import Backend
from doorward_controller.store import places

ELSEWHERE = "not_your_place"
"""Code of the refusal of what lies outside of the zones that somebody is limited to."""


@dataclass(slots=True, kw_only=True)
class Act:
    """An act while it runs.

    Attributes:
        connection: its transaction.
        now: when it happens; read once.
        subject: what it is done to, for the audit entry; an act may fill it in.
        detail: what else the audit entry says; nothing personal.
    """

    connection: sa.Connection
    now: Instant
    subject: str
    detail: dict[str, str | int | bool | None] = field(default_factory=dict)
    _asked: "_Asked"

    @property
    def zones(self) -> Zones:
        """What the actor is limited to; whoever filters by it has named the place."""
        self._asked.is_placed = True
        return self._asked.actor.zones

    def at(self, where: Where) -> None:
        """Goes on where the actor may do this at all of these zones. Raises ForbiddenError."""
        self._asked.at(where)

    def at_also(self, zones: Iterable[str]) -> None:
        """Goes on where these zones, if there are any, are the actor's. Raises ForbiddenError."""
        if further := frozenset(zones):
            self.at(further)

    def at_gateway(self, gateway_id: int) -> None:
        """Goes on where all portals of the gateway are the actor's. Raises ForbiddenError."""
        if self.zones is not None:
            self.at(places.zones_of_gateway(self.connection, gateway_id))

    def at_gateway_named(self, gateway: str) -> None:
        """The same for the gateway of this name; nobody limited has one that is not there."""
        if self.zones is not None:
            self.at(places.zones_of_gateway_named(self.connection, gateway))

    def at_portal(self, portal: str) -> None:
        """Goes on where the portal is the actor's. Raises ForbiddenError."""
        if self.zones is not None:
            self.at(places.zones_of_portals(self.connection, [portal]))


@dataclass(slots=True, kw_only=True)
class _Asked:
    """Who asks for what, and whether the body has said where."""

    actor: Actor
    action: Action
    is_placed: bool

    def at(self, where: Where) -> None:
        self.is_placed = True
        _require(self.actor, self.action, where)

    def check(self) -> None:
        """Raises ForbiddenError where nobody said at which place it was done."""
        if not self.is_placed:
            _require(self.actor, self.action, Extent.WHOLE_SITE)


@contextmanager
def act(
    backend: Backend,
    actor: Actor,
    action: Action,
    *,
    name: str = "",
    subject: str = "",
    placed: bool = False,
) -> Iterator[Act]:
    """Runs the body as one audited transaction on behalf of `actor`.

    Args:
        backend: the controller's parts.
        actor: who does it.
        action: the permission that it needs.
        name: what the audit entry calls it; by default the permission's own name.
        subject: what it is done to.
        placed: the body says where; without it the act concerns the whole site.

    Raises:
        ForbiddenError: the role does not allow the action, or not there; nothing was done.
        ActError: the body refused; nothing was done.
    """
    now = backend.clock.now()
    called = name or action.value
    try:
        asked = _Asked(actor=actor, action=action, is_placed=not placed)
        _require(actor, action, Extent.SOMEWHERE if placed else Extent.WHOLE_SITE)
        with backend.store.write() as connection:
            backend.terms.check(connection)
            running = Act(connection=connection, now=now, subject=subject, _asked=asked)
            yield running
            asked.check()
            backend.terms.note(connection)
            audit.append(
                connection, now.utc_ms, actor, called,
                subject=running.subject, detail=running.detail,
            )  # fmt: skip
    except ActError as refusal:
        with backend.store.write() as connection:
            audit.append(
                connection, now.utc_ms, actor, called, subject=subject, outcome=refusal.code
            )
        raise


def check_read(
    backend: Backend,
    actor: Actor,
    action: Action,
    subject: str = "",
    where: Where = Extent.WHOLE_SITE,
) -> None:
    """Allows a look that is not itself audited. Raises ForbiddenError, which is.

    Args:
        backend: the controller's parts.
        actor: who looks.
        action: the permission that it needs.
        subject: at what.
        where: at which zones; whoever says "somewhere" shows the actor's zones alone.
    """
    if allows(actor, action, where):
        return
    with act(backend, actor, action, subject=subject, placed=True) as doing:
        doing.at(where)


def check_sight(
    backend: Backend, actor: Actor, action: Action, zones: frozenset[str], subject: str = ""
) -> None:
    """Allows a look at what stands in some of these zones. Raises ForbiddenError, audited."""
    is_seen = actor.zones is None or bool(zones & actor.zones)
    where = Extent.SOMEWHERE if is_seen else frozenset[str]()
    check_read(backend, actor, action, subject, where)


def _require(actor: Actor, action: Action, where: Where) -> None:
    words = action.value.replace("_", " ")
    if not may(actor.role, action):
        raise ForbiddenError(f"the role {actor.role} may not {words}")
    if actor.scope is not None and action not in actor.scope:
        raise ForbiddenError(f"the token may not {words}")
    if not allows(actor, action, where):
        held = ", ".join(sorted(actor.zones or ())) or "no zone"
        raise ForbiddenError(f"{actor.name} may not {words} outside of: {held}", code=ELSEWHERE)
