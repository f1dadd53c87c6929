"""Copies of the audit log to keep elsewhere; that one was made is an entry of its own."""

import json
from collections.abc import Iterator

from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.queries import audit_trail
from doorward_controller.queries.audit_trail import AuditFilter, AuditRow
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend


def lines(backend: Backend, actor: Actor, wanted: AuditFilter) -> Iterator[str]:
    """Yields entries as lines of JSON, oldest first. Raises ForbiddenError at once."""
    for row in rows(backend, actor, wanted):
        yield f"{json.dumps(_plain(row), ensure_ascii=False, sort_keys=True)}\n"


def rows(backend: Backend, actor: Actor, wanted: AuditFilter) -> Iterator[AuditRow]:
    """Yields entries, oldest first, up to the one that tells of this. Raises ForbiddenError."""
    with act(backend, actor, Action.READ_AUDIT, name="export_audit") as doing:
        doing.detail.update(wanted.given())
    return audit_trail.walk(backend.store, wanted)


def _plain(row: AuditRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in AuditRow.__dataclass_fields__}
