"""Proposals as they are kept."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from doorward_controller.domain.permissions import Role
from doorward_controller.domain.proposals import (
    Person,
    Proposal,
    ProposalKind,
    ProposalState,
    canonical_json,
)
from doorward_controller.store.rollout_tables import proposals


def add(connection: sa.Connection, proposal: Proposal) -> None:
    """Inserts a proposal."""
    connection.execute(
        sa.insert(proposals).values(
            id=proposal.id,
            kind=proposal.kind.value,
            subject=proposal.subject,
            body_json=canonical_json(proposal.body),
            body_sha256=proposal.body_sha256,
            reason=proposal.reason,
            state=proposal.state.value,
            proposed_by=proposal.proposer.name,
            proposed_role=proposal.proposer.role.value,
            proposed_by_id=proposal.proposer.operator_id,
            proposed_at_utc_s=proposal.proposed_at_utc_s,
            expires_at_utc_s=proposal.expires_at_utc_s,
            decided_by="",
            note="",
            outcome_json="{}",
        )
    )


def find(connection: sa.Connection, proposal_id: str, *, lock: bool = False) -> Proposal | None:
    """Returns a proposal; with `lock` nobody else decides on it within the transaction."""
    wanted = sa.select(proposals).where(proposals.c.id == proposal_id)
    row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    return None if row is None else proposal_of(row._asdict())


def decide(
    connection: sa.Connection,
    proposal_id: str,
    state: ProposalState,
    *,
    by: Person,
    at_utc_s: int,
    note: str,
) -> None:
    """Notes who decided what."""
    connection.execute(
        sa.update(proposals)
        .where(proposals.c.id == proposal_id)
        .values(
            state=state.value,
            decided_by=by.name,
            decided_by_id=by.operator_id,
            decided_at_utc_s=at_utc_s,
            note=note,
        )
    )


def finish(
    connection: sa.Connection, proposal_id: str, state: ProposalState, outcome: Mapping[str, Any]
) -> bool:
    """Ends an approved proposal; False where somebody else did."""
    done = connection.execute(
        sa.update(proposals)
        .where(proposals.c.id == proposal_id, proposals.c.state == ProposalState.APPROVED.value)
        .values(state=state.value, outcome_json=canonical_json(outcome))
    )
    return done.rowcount == 1


def overdue(connection: sa.Connection, now_utc_s: int) -> tuple[Proposal, ...]:
    """Returns those that nobody decided on in time."""
    rows = connection.execute(
        sa.select(proposals)
        .where(
            proposals.c.state == ProposalState.WAITING.value,
            proposals.c.expires_at_utc_s <= now_utc_s,
        )
        .order_by(proposals.c.expires_at_utc_s)
        .limit(100)
    )
    return tuple(proposal_of(row._asdict()) for row in rows)


def approved(connection: sa.Connection, decided_until_utc_s: int) -> tuple[str, ...]:
    """Returns those that were approved by then and are not carried out, oldest first."""
    return tuple(
        connection.scalars(
            sa.select(proposals.c.id)
            .where(
                proposals.c.state == ProposalState.APPROVED.value,
                proposals.c.decided_at_utc_s <= decided_until_utc_s,
            )
            .order_by(proposals.c.decided_at_utc_s)
            .limit(100)
        )
    )


def proposal_of(values: Mapping[str, Any]) -> Proposal:
    """Returns the row as a value."""
    return Proposal(
        id=values["id"],
        kind=ProposalKind(values["kind"]),
        subject=values["subject"],
        body=json.loads(values["body_json"]),
        body_sha256=values["body_sha256"],
        reason=values["reason"],
        state=ProposalState(values["state"]),
        proposer=Person(
            name=values["proposed_by"],
            role=Role(values["proposed_role"]),
            operator_id=values["proposed_by_id"],
        ),
        proposed_at_utc_s=values["proposed_at_utc_s"],
        expires_at_utc_s=values["expires_at_utc_s"],
        decided_by=values["decided_by"],
        decided_at_utc_s=values["decided_at_utc_s"],
        note=values["note"],
        outcome=json.loads(values["outcome_json"]),
    )
