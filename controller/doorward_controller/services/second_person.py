"""Which acts one person may not do alone, and the approval by which another one lets them happen.

A rule of the site's settings, checked by the act itself, so that no way leads around it. What the
program does by itself (its command line, its timed work) is not a person's act.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward_controller.domain.permissions import Actor
from doorward_controller.domain.proposals import ProposalKind, ProposalState
from doorward_controller.errors import ConflictError
from doorward_controller.services.backend import Backend
from doorward_controller.store import proposals


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """That another person approved; good for carrying out once."""

    proposal_id: str
    approved_by: str


def is_needed(backend: Backend, kind: ProposalKind, *, codes: int = 0) -> bool:
    """Whether the site's settings ask for a second person.

    Args:
        backend: the controller's parts.
        kind: the act.
        codes: how many codes it would revoke for good.
    """
    rule = backend.config.second_person
    match kind:
        case ProposalKind.RELEASE_POLICY:
            return rule.release_policy
        case ProposalKind.REVOKE_KEY | ProposalKind.WITHDRAW_KEY:
            return rule.revoke_key
        case ProposalKind.REVOKE_GATEWAY:
            return rule.revoke_gateway
        case ProposalKind.CHANGE_CODES:
            return codes > rule.revoke_codes_above


def stops(backend: Backend, actor: Actor, kind: ProposalKind, *, codes: int = 0) -> bool:
    """Whether this person may not do it alone."""
    return actor.operator_id is not None and is_needed(backend, kind, codes=codes)


def check(
    backend: Backend,
    actor: Actor,
    kind: ProposalKind,
    approval: Approval | None,
    *,
    codes: int = 0,
) -> None:
    """Raises ConflictError where this person may not act alone."""
    if approval is None and stops(backend, actor, kind, codes=codes):
        raise ConflictError(
            f"{kind.value.replace('_', ' ')} needs a second person here: propose it, and let"
            " somebody else approve (settings: second_person)",
            code="second_person_needed",
        )


def claim(
    connection: sa.Connection, approval: Approval | None, outcome: Mapping[str, Any]
) -> dict[str, str | int | bool | None]:
    """Uses an approval up within the act's own transaction; returns what the audit entry adds.

    Raises:
        ConflictError: it was used already; then the whole act is undone.
    """
    if approval is None:
        return {}
    if not proposals.finish(connection, approval.proposal_id, ProposalState.CARRIED_OUT, outcome):
        raise ConflictError(
            f"proposal {approval.proposal_id} was carried out already", code="proposal_carried_out"
        )
    return {"proposal": approval.proposal_id, "approved_by": approval.approved_by}
