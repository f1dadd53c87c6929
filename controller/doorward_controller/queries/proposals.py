"""Proposals as lists show them: what waits, and what became of the others."""

import sqlalchemy as sa

from doorward_controller.domain.proposals import Proposal, ProposalState
from doorward_controller.queries.paging import Page, newest_first, page_of
from doorward_controller.store.proposals import proposal_of
from doorward_controller.store.rollout_tables import proposals
from doorward_controller.store.session import Store


def waiting(store: Store) -> tuple[Proposal, ...]:
    """Returns what somebody has to decide on, and what is approved but not carried out."""
    open_states = [ProposalState.WAITING.value, ProposalState.APPROVED.value]
    wanted = (
        sa.select(proposals)
        .where(proposals.c.state.in_(open_states))
        .order_by(proposals.c.proposed_at_utc_s, proposals.c.id)
    )
    with store.read() as connection:
        return tuple(proposal_of(row._asdict()) for row in connection.execute(wanted))


def decided(store: Store, limit: int = 30) -> tuple[Proposal, ...]:
    """Returns what was decided or ended, newest first."""
    open_states = [ProposalState.WAITING.value, ProposalState.APPROVED.value]
    wanted = (
        sa.select(proposals)
        .where(proposals.c.state.not_in(open_states))
        .order_by(proposals.c.proposed_at_utc_s.desc(), proposals.c.id)
        .limit(limit)
    )
    with store.read() as connection:
        return tuple(proposal_of(row._asdict()) for row in connection.execute(wanted))


def page(
    store: Store, *, is_waiting: bool | None, cursor: str | None = None, limit: int = 50
) -> Page[Proposal]:
    """Returns a page of proposals, the newest first; None means any. Raises InvalidError."""
    open_states = [ProposalState.WAITING.value, ProposalState.APPROVED.value]
    is_open = proposals.c.state.in_(open_states)
    statement = sa.select(proposals)
    if is_waiting is not None:
        statement = statement.where(is_open if is_waiting else sa.not_(is_open))
    columns = (proposals.c.proposed_at_utc_s, proposals.c.id)
    wanted = newest_first(statement, columns, like=(0, ""), cursor=cursor, limit=limit)
    with store.read() as connection:
        rows = [proposal_of(row._asdict()) for row in connection.execute(wanted)]
    return page_of(rows, lambda row: (row.proposed_at_utc_s, row.id), limit)


def find(store: Store, proposal_id: str) -> Proposal | None:
    """Returns one proposal."""
    wanted = sa.select(proposals).where(proposals.c.id == proposal_id)
    with store.read() as connection:
        row = connection.execute(wanted).one_or_none()
    return None if row is None else proposal_of(row._asdict())


def count_waiting(store: Store) -> int:
    """Returns how many wait for a decision."""
    wanted = (
        sa.select(sa.func.count())
        .select_from(proposals)
        .where(proposals.c.state == ProposalState.WAITING.value)
    )
    with store.read() as connection:
        return int(connection.scalar(wanted) or 0)
