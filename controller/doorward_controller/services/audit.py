"""The audit log: every act, refused or not, chained by hashes so that an edit shows.

`hash(n) = SHA-256("doorward/1/audit" 00 | hash(n-1) | canonical [n, at, actor, action, subject,
outcome, detail])`, with 32 zero bytes before the first. `audit_check` follows the chain,
`audit_checkpoints` signs where it ends.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

import sqlalchemy as sa

from doorward import canonical
from doorward_controller.domain.permissions import Actor
from doorward_controller.services import webhook_outbox
from doorward_controller.store import audit_log
from doorward_controller.store.audit_log import StoredEntry

DONE = "done"
_CONTEXT = b"doorward/1/audit\x00"
BEFORE_FIRST = bytes(32)

Detail = Mapping[str, str | int | bool | None]


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
    """Adds one entry within the act's own transaction. Detail must hold nothing personal.

    What was done is told to webhooks as well, in the same transaction and the same order.
    """
    number, previous = audit_log.lock_end(connection) or (0, BEFORE_FIRST)
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
    audit_log.append(connection, replace(entry, hash=entry_hash(previous, entry)))
    if outcome == DONE:
        webhook_outbox.note_act(connection, action, subject, detail or {}, at_utc_ms)


def entry_hash(previous: bytes, entry: StoredEntry) -> bytes:
    """Returns the hash that an entry has in the chain behind `previous`."""
    content = canonical.encode([
        entry.id, entry.at_utc_ms, entry.actor, entry.action, entry.subject, entry.outcome,
        entry.detail_json,
    ])  # fmt: skip
    return hashlib.sha256(_CONTEXT + previous + content).digest()
