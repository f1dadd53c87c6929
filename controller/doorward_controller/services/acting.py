"""The frame of every act: permission first, one transaction, one audit entry, refusals too."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from doorward.times import Instant
from doorward_controller.domain.permissions import Action, Actor, allows, may
from doorward_controller.errors import ActError, ForbiddenError
from doorward_controller.services import audit
from doorward_controller.services.backend import Backend


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


@contextmanager
def act(
    backend: Backend, actor: Actor, action: Action, *, name: str = "", subject: str = ""
) -> Iterator[Act]:
    """Runs the body as one audited transaction on behalf of `actor`.

    Args:
        backend: the controller's parts.
        actor: who does it.
        action: the permission that it needs.
        name: what the audit entry calls it; by default the permission's own name.
        subject: what it is done to.

    Raises:
        ForbiddenError: the role does not allow the action; nothing was done.
        ActError: the body refused; nothing was done.
    """
    now = backend.clock.now()
    called = name or action.value
    try:
        _require(actor, action)
        with backend.store.write() as connection:
            backend.terms.check(connection)
            running = Act(connection=connection, now=now, subject=subject)
            yield running
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


def check_read(backend: Backend, actor: Actor, action: Action, subject: str = "") -> None:
    """Allows a look that is not itself audited. Raises ForbiddenError, which is."""
    if allows(actor, action):
        return
    with act(backend, actor, action, subject=subject):
        pass


def _require(actor: Actor, action: Action) -> None:
    if not may(actor.role, action):
        raise ForbiddenError(f"the role {actor.role} may not {action.value.replace('_', ' ')}")
    if not allows(actor, action):
        raise ForbiddenError(f"the token may not {action.value.replace('_', ' ')}")
