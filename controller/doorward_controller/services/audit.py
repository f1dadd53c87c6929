"""The audit log: every act, refused or not, chained by hashes so that an edit shows.

`hash(n) = SHA-256("doorward/1/audit" 00 | hash(n-1) | canonical [n, at, actor, action, subject,
outcome, detail])`, with 32 zero bytes before the first.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa

from doorward import canonical
from doorward_controller.domain.permissions import Actor
from doorward_controller.store import audit_log
from doorward_controller.store.audit_log import StoredEntry
from doorward_controller.store.session import Store

DONE = "done"
_CONTEXT = b"doorward/1/audit\x00"
_BEFORE_FIRST = bytes(32)

Detail = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditProblem:
    """The first entry that does not fit its chain, and how."""

    id: int
    problem: str


def append(
    connection: sa.Connection,
    at_utc_ms: int,
    actor: Actor,
    action: str,
    *,
    subject: str,
    outcome: str = DONE,
    detail: Detail | None = None,
) -> None:
    """Adds one entry within the act's own transaction. Detail must hold nothing personal."""
    number, previous = audit_log.lock_end(connection) or (0, _BEFORE_FIRST)
    entry = StoredEntry(
        id=number + 1,
        at_utc_ms=at_utc_ms,
        actor=actor.name,
        action=action,
        subject=subject,
        outcome=outcome,
        detail_json=json.dumps(dict(detail or {}), sort_keys=True, ensure_ascii=False),
        hash=b"",
    )
    audit_log.append(connection, replace(entry, hash=_hash(previous, entry)))


def verify(store: Store) -> AuditProblem | None:
    """Returns the first altered, missing or inserted entry, or None for an unbroken log."""
    previous, expected = _BEFORE_FIRST, 1
    with store.read() as connection:
        for entry in audit_log.walk(connection):
            if entry.id != expected:
                return AuditProblem(id=expected, problem="missing")
            if _hash(previous, entry) != entry.hash:
                return AuditProblem(id=entry.id, problem="altered or inserted")
            previous, expected = entry.hash, expected + 1
    return None


def _hash(previous: bytes, entry: StoredEntry) -> bytes:
    content = canonical.encode([
        entry.id, entry.at_utc_ms, entry.actor, entry.action, entry.subject, entry.outcome,
        entry.detail_json,
    ])  # fmt: skip
    return hashlib.sha256(_CONTEXT + previous + content).digest()
