"""What one person proposes and another one decides on: its states and who may move it (pure).

From waiting it becomes approved or refused (by another person), withdrawn (by whoever proposed it)
or expired (nobody decided in time); from approved carried out, or failed where the act itself
refused and nothing was done.

What is carried out is the body as it was proposed: its hash is shown to both and checked before.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from doorward_controller.domain.permissions import Action, Role

MAX_REASON_CHARACTERS = 500
MAX_BODY_CHARACTERS = 4 * 1024 * 1024
"""A list of 200,000 badges."""


class ProposalKind(StrEnum):
    """Acts that may need a second person. The names are stored and never reused."""

    RELEASE_POLICY = "release_policy"
    CHANGE_CODES = "change_codes"
    """Revoke, suspend or restore many codes at once."""
    REVOKE_KEY = "revoke_key"
    """Revoke every code of an issuing key."""
    REVOKE_GATEWAY = "revoke_gateway"
    WITHDRAW_KEY = "withdraw_key"
    """Put a key out of the keyring, with every code that it signed."""


NEEDED: Mapping[ProposalKind, Action] = MappingProxyType(
    {
        ProposalKind.RELEASE_POLICY: Action.RELEASE_POLICY,
        ProposalKind.CHANGE_CODES: Action.REVOKE_IN_BULK,
        ProposalKind.REVOKE_KEY: Action.REVOKE_IN_BULK,
        ProposalKind.REVOKE_GATEWAY: Action.REVOKE_GATEWAY,
        ProposalKind.WITHDRAW_KEY: Action.MANAGE_KEYS,
    }
)
"""The permission that the proposer must hold: when proposing, and still when it is carried out."""


class ProposalState(StrEnum):
    """Where a proposal stands. The names are stored and never reused."""

    WAITING = "waiting"
    APPROVED = "approved"
    CARRIED_OUT = "carried_out"
    FAILED = "failed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


TRANSITIONS: Mapping[ProposalState, frozenset[ProposalState]] = MappingProxyType(
    {
        ProposalState.WAITING: frozenset(
            {
                ProposalState.APPROVED,
                ProposalState.REFUSED,
                ProposalState.WITHDRAWN,
                ProposalState.EXPIRED,
            }
        ),
        ProposalState.APPROVED: frozenset({ProposalState.CARRIED_OUT, ProposalState.FAILED}),
        ProposalState.CARRIED_OUT: frozenset(),
        ProposalState.FAILED: frozenset(),
        ProposalState.REFUSED: frozenset(),
        ProposalState.WITHDRAWN: frozenset(),
        ProposalState.EXPIRED: frozenset(),
    }
)


SENSITIVE = frozenset(
    {
        ProposalKind.CHANGE_CODES,
        ProposalKind.REVOKE_KEY,
        ProposalKind.REVOKE_GATEWAY,
        ProposalKind.WITHDRAW_KEY,
    }
)
"""What cannot be taken back: whoever approves it proves once more who they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who proposes or decides.

    Attributes:
        operator_id: None for the program itself.
    """

    name: str
    role: Role
    operator_id: int | None

    def is_same_as(self, other: "Person") -> bool:
        """Whether both are one person: by number, or by name however it is written."""
        if self.operator_id is not None and self.operator_id == other.operator_id:
            return True
        return self.name.casefold() == other.name.casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One proposal.

    Attributes:
        subject: what it is about in a few words of the product's own, for lists and the audit log.
        body: what is to be done; plain JSON values.
        reason: why, in the proposer's words.
        decided_by: who approved, refused or withdrew it.
        outcome: what came of carrying it out.
    """

    id: str
    kind: ProposalKind
    subject: str
    body: Mapping[str, Any]
    body_sha256: str
    reason: str
    state: ProposalState
    proposer: Person
    proposed_at_utc_s: int
    expires_at_utc_s: int
    decided_by: str = ""
    decided_at_utc_s: int | None = None
    note: str = ""
    outcome: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_intact(self) -> bool:
        """Whether the body is the one that was proposed."""
        return digest_of(self.body) == self.body_sha256


def canonical_json(body: Mapping[str, Any]) -> str:
    """Returns the one text of these values. Raises ValueError for what JSON cannot say."""
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest_of(body: Mapping[str, Any]) -> str:
    """Returns the SHA-256 of the canonical text, in hex."""
    return hashlib.sha256(canonical_json(body).encode()).hexdigest()


def why_not_decide(proposal: Proposal, by: Person, now_utc_s: int) -> str | None:
    """Returns the code of what keeps `by` from approving or refusing, or None."""
    if proposal.proposer.is_same_as(by):
        return "own_proposal"
    return why_not_open(proposal, now_utc_s)


def why_not_withdraw(proposal: Proposal, by: Person, now_utc_s: int) -> str | None:
    """Returns the code of what keeps `by` from taking it back, or None."""
    if not proposal.proposer.is_same_as(by):
        return "not_yours"
    return why_not_open(proposal, now_utc_s)


def why_not_open(proposal: Proposal, now_utc_s: int) -> str | None:
    """Returns why nobody decides on it any more, or None."""
    if proposal.state is not ProposalState.WAITING:
        return f"proposal_{proposal.state.value}"
    return "proposal_expired" if now_utc_s >= proposal.expires_at_utc_s else None


def may_become(state: ProposalState, other: ProposalState) -> bool:
    """Whether one state may follow the other."""
    return other in TRANSITIONS[state]
