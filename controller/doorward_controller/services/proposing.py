"""Proposals on their way: made, decided on by another person, carried out once, each step audited.

What is approved runs on behalf of whoever proposed it, and only while that person may still do it:
who was moved or has left in the meantime proposes nothing any more.
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from doorward.times import Instant
from doorward_controller.domain import proposals as rules
from doorward_controller.domain.permissions import Action, Actor, Role
from doorward_controller.domain.proposals import (
    MAX_BODY_CHARACTERS,
    MAX_REASON_CHARACTERS,
    NEEDED,
    Person,
    Proposal,
    ProposalKind,
    ProposalState,
)
from doorward_controller.domain.revocations import Cause, Change, Source
from doorward_controller.errors import (
    ActError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from doorward_controller.services import (
    audit,
    bulk_revocation,
    enrolment,
    key_withdrawal,
    policy_release,
)
from doorward_controller.services.acting import act
from doorward_controller.services.backend import Backend
from doorward_controller.services.bulk_revocation import Order, Selection
from doorward_controller.services.feed import EventKind
from doorward_controller.services.second_person import Approval
from doorward_controller.store import accounts, gateways, policies, proposals, revocation_batches

_ID_BYTES = 8
_HOUR_S = 3600
RESUME_AFTER_S = 600
"""Whoever approved waits for the act: after so long no process works on it any more."""
_CLOCKWORK = Actor(name="time", role=Role.ADMIN)
"""Who is named in the audit log where a proposal ends because its time is over."""

_log = logging.getLogger(__name__)


def propose_release(backend: Backend, actor: Actor, reason: str) -> Proposal:
    """Proposes to release the newest edition of the rules, whatever is saved after it.

    Raises ForbiddenError or InvalidError.
    """
    with backend.store.read() as connection:
        book_id, body_json = policies.newest_rule_book(connection, backend.config.site)
    body = {"rule_book_id": book_id, "rules_sha256": _sha256(body_json)}
    return _propose(backend, actor, ProposalKind.RELEASE_POLICY, f"edition {book_id}", body, reason)


def propose_codes(
    backend: Backend, actor: Actor, selection: Selection, order: Order, reason: str
) -> Proposal:
    """Proposes to change the codes that the selection means now, and no others.

    Of an issuing key it is every code, also one that is issued before somebody decides.

    Raises ForbiddenError, InvalidError or ConflictError.
    """
    kind = bulk_revocation.kind_of(selection, order.change)
    with act(backend, actor, NEEDED[kind], name="propose", subject=kind.value) as doing:
        bulk_revocation.check_order(order, doing.now.utc_s)
        chosen = bulk_revocation.choose(backend, doing.connection, selection)
        fit, _, _ = bulk_revocation.checked(chosen, order)
        body: dict[str, Any] = {
            "change": order.change.value,
            "cause": order.cause.value,
            "note": order.note.strip(),
            "until_utc_s": order.until_utc_s,
            "source": selection.source.value,
            "name": selection.name[:100],
            "codes": len(fit),
            "people": revocation_batches.count_people(fit),
        }
        if kind is ProposalKind.CHANGE_CODES:
            body["ids"] = sorted(member.id.hex() for member in fit)
        subject = f"{order.change.value} {len(fit)}"
        proposal = _add(backend, doing.connection, actor, kind, subject, body, reason, doing.now)
        doing.subject = proposal.id
        doing.detail.update(_detail(proposal))
    _announce(backend, proposal.id)
    return proposal


def propose_gateway(backend: Backend, actor: Actor, gateway: str, reason: str) -> Proposal:
    """Proposes to revoke a gateway.

    Raises ForbiddenError, InvalidError or NotFoundError.
    """
    with backend.store.read() as connection:
        if gateways.find(connection, backend.config.site, gateway) is None:
            raise NotFoundError(f"there is no gateway {gateway[:40]!r}", code="no_gateway")
    body = {"gateway": gateway}
    return _propose(backend, actor, ProposalKind.REVOKE_GATEWAY, gateway, body, reason)


def propose_withdrawal(backend: Backend, actor: Actor, key_id: str, reason: str) -> Proposal:
    """Proposes to withdraw a key of the site, with every code that it signed.

    Raises ForbiddenError, InvalidError, NotFoundError or ConflictError.
    """
    found = key_withdrawal.preview(backend, actor, key_id)
    note = key_withdrawal.checked_note(reason)
    body = {
        "key": found.key_id,
        "use": found.use.value,
        "codes": found.codes,
        "people": found.people,
        "note": note,
    }
    kind = ProposalKind.WITHDRAW_KEY
    return _propose(backend, actor, kind, f"{found.use.value} {found.key_id}", body, note)


def approve(backend: Backend, actor: Actor, proposal_id: str, note: str = "") -> Proposal:
    """Approves somebody else's proposal and has it carried out at once.

    Raises:
        ForbiddenError: the role does not allow it, or it is the actor's own.
        NotFoundError, ConflictError: there is none to decide on.
        ActError: the act itself refused; the proposal has failed and nothing was done.
    """
    _decide(backend, actor, proposal_id, ProposalState.APPROVED, note)
    return carry_out(backend, proposal_id)


def refuse(backend: Backend, actor: Actor, proposal_id: str, note: str) -> None:
    """Refuses somebody else's proposal. Raises as `approve` does, or InvalidError for no note."""
    if not note.strip():
        raise InvalidError("say why it is refused", code="reason_missing")
    _decide(backend, actor, proposal_id, ProposalState.REFUSED, note)


def withdraw(backend: Backend, actor: Actor, proposal_id: str) -> None:
    """Takes the actor's own proposal back.

    Raises ForbiddenError, NotFoundError or ConflictError.
    """
    with act(
        backend, actor, Action.READ_FLEET, name="withdraw_proposal", subject=proposal_id[:32]
    ) as doing:
        found = _find(doing.connection, proposal_id)
        by = person_of(actor)
        _refuse_for(rules.why_not_withdraw(found, by, doing.now.utc_s), found)
        proposals.decide(
            doing.connection, found.id, ProposalState.WITHDRAWN,
            by=by, at_utc_s=doing.now.utc_s, note="",
        )  # fmt: skip
        doing.detail.update(_detail(found))
    _announce(backend, proposal_id)


def carry_out(backend: Backend, proposal_id: str) -> Proposal:
    """Does what was approved, once; where a stop came between, it is called again.

    Raises:
        NotFoundError: there is no such proposal.
        ConflictError: it is not approved, or was carried out.
        ActError: the act refused; nothing was done.
    """
    with backend.store.read() as connection:
        found = _find(connection, proposal_id)
    if found.state is not ProposalState.APPROVED:
        _refuse_for(f"proposal_{found.state.value}", found)
    try:
        if not found.is_intact:
            raise ConflictError("the body is not the one that was proposed", code="body_altered")
        actor = _proposer_now(backend, found)
        approval = Approval(proposal_id=found.id, approved_by=found.decided_by)
        _CARRY_OUT[found.kind](backend, actor, found.body, approval)
    except ActError as err:
        _fail(backend, found, err)
        raise
    finally:
        _announce(backend, proposal_id)
    with backend.store.read() as connection:
        return _find(connection, proposal_id)


def resume(backend: Backend, approved_for_s: int = RESUME_AFTER_S) -> int:
    """Carries out what was approved before a stop came between; returns how many that were.

    What another process works on at this moment is not done twice: each proposal is claimed
    within the act's own transaction.
    """
    now = backend.clock.now()
    with backend.store.read() as connection:
        waiting = proposals.approved(connection, now.utc_s - approved_for_s)
    for proposal_id in waiting:
        try:
            carry_out(backend, proposal_id)
        except ActError as err:
            _log.warning("proposal.not_resumed id=%s code=%s", proposal_id, err.code)
    return len(waiting)


def expire(backend: Backend) -> int:
    """Ends what nobody decided on in time; returns how many proposals that were."""
    now = backend.clock.now()
    with backend.store.read() as connection:
        if not proposals.overdue(connection, now.utc_s):
            return 0
    with backend.store.write() as connection:
        ended = proposals.overdue(connection, now.utc_s)
        for each in ended:
            by = person_of(_CLOCKWORK)
            proposals.decide(
                connection, each.id, ProposalState.EXPIRED, by=by, at_utc_s=now.utc_s, note=""
            )
            audit.append(
                connection, now.utc_ms, _CLOCKWORK, "proposal_expired",
                subject=each.id, detail=_detail(each),
            )  # fmt: skip
    for each in ended:
        _announce(backend, each.id)
    return len(ended)


def person_of(actor: Actor) -> Person:
    """Returns who acts, as proposals know people."""
    return Person(name=actor.name, role=actor.role, operator_id=actor.operator_id)


def _propose(
    backend: Backend,
    actor: Actor,
    kind: ProposalKind,
    subject: str,
    body: Mapping[str, Any],
    reason: str,
) -> Proposal:
    with act(backend, actor, NEEDED[kind], name="propose", subject=kind.value) as doing:
        proposal = _add(backend, doing.connection, actor, kind, subject, body, reason, doing.now)
        doing.subject = proposal.id
        doing.detail.update(_detail(proposal))
    _announce(backend, proposal.id)
    return proposal


def _add(
    backend: Backend,
    connection: sa.Connection,
    actor: Actor,
    kind: ProposalKind,
    subject: str,
    body: Mapping[str, Any],
    reason: str,
    now: Instant,
) -> Proposal:
    text = reason.strip()
    if not 1 <= len(text) <= MAX_REASON_CHARACTERS:
        raise InvalidError(
            f"the reason has {len(text)} characters, must be 1 to {MAX_REASON_CHARACTERS}",
            code="reason_missing",
        )
    size = len(rules.canonical_json(body))
    if size > MAX_BODY_CHARACTERS:
        raise InvalidError(
            f"the proposal has {size} characters, at most {MAX_BODY_CHARACTERS}", code="too_many"
        )
    proposal = Proposal(
        id=secrets.token_hex(_ID_BYTES),
        kind=kind,
        subject=subject,
        body=body,
        body_sha256=rules.digest_of(body),
        reason=text,
        state=ProposalState.WAITING,
        proposer=person_of(actor),
        proposed_at_utc_s=now.utc_s,
        expires_at_utc_s=now.utc_s + backend.config.second_person.decide_within_h * _HOUR_S,
    )
    proposals.add(connection, proposal)
    return proposal


def _decide(
    backend: Backend, actor: Actor, proposal_id: str, state: ProposalState, note: str
) -> None:
    name = "approve_proposal" if state is ProposalState.APPROVED else "refuse_proposal"
    with act(backend, actor, Action.APPROVE, name=name, subject=proposal_id[:32]) as doing:
        found = _find(doing.connection, proposal_id, lock=True)
        by = person_of(actor)
        _refuse_for(rules.why_not_decide(found, by, doing.now.utc_s), found)
        text = note.strip()[:MAX_REASON_CHARACTERS]
        proposals.decide(
            doing.connection, found.id, state, by=by, at_utc_s=doing.now.utc_s, note=text
        )
        doing.detail.update(_detail(found), note=text or None)
    _announce(backend, proposal_id)


def _find(connection: sa.Connection, proposal_id: str, *, lock: bool = False) -> Proposal:
    found = proposals.find(connection, proposal_id, lock=lock)
    if found is None:
        raise NotFoundError(f"there is no proposal {proposal_id[:40]!r}", code="no_proposal")
    return found


def _refuse_for(code: str | None, proposal: Proposal) -> None:
    match code:
        case None:
            return
        case "own_proposal":
            raise ForbiddenError("nobody decides on their own proposal", code=code)
        case "not_yours":
            raise ForbiddenError("only who proposed it takes it back", code=code)
        case _:
            raise ConflictError(
                f"proposal {proposal.id} is not open: {proposal.state.value}", code=code
            )


def _proposer_now(backend: Backend, proposal: Proposal) -> Actor:
    """Returns the proposer with the role that the account has today."""
    who = proposal.proposer
    if who.operator_id is None:
        return Actor(name=who.name, role=who.role)
    with backend.store.read() as connection:
        account = accounts.find_operator(connection, who.name)
    if account is None or account.id != who.operator_id or account.disabled:
        raise ConflictError(
            f"the account of {who.name}, who proposed it, is closed", code="proposer_gone"
        )
    return Actor(name=account.name, role=account.role, operator_id=account.id)


def _fail(backend: Backend, proposal: Proposal, err: ActError) -> None:
    """Notes that the act refused; what was carried out by somebody else in between stays so."""
    now = backend.clock.now()
    with backend.store.write() as connection:
        outcome = {"code": err.code, "message": err.message}
        if proposals.finish(connection, proposal.id, ProposalState.FAILED, outcome):
            audit.append(
                connection, now.utc_ms, _CLOCKWORK, "proposal_failed",
                subject=proposal.id, outcome=err.code, detail=_detail(proposal),
            )  # fmt: skip
    _log.warning("proposal.failed id=%s code=%s", proposal.id, err.code)


def _release(backend: Backend, actor: Actor, body: Mapping[str, Any], approval: Approval) -> None:
    book_id = int(body["rule_book_id"])
    with backend.store.read() as connection:
        found = policies.rule_book(connection, backend.config.site, book_id)
        newest = policies.newest_bundle(connection, backend.config.site)
    if found is None or _sha256(found[1]) != body["rules_sha256"]:
        raise ConflictError("the rules are not those that were proposed", code="body_altered")
    if newest is not None and newest.rule_book_id > book_id:
        raise ConflictError("newer rules are released already", code="released_already")
    policy_release.release(backend, actor, book_id=book_id, approval=approval)


def _change_codes(
    backend: Backend, actor: Actor, body: Mapping[str, Any], approval: Approval
) -> None:
    selection = Selection(
        source=Source(body["source"]), name=str(body["name"]), lines=tuple(body.get("ids", ()))
    )
    order = Order(
        change=Change(body["change"]),
        cause=Cause(body["cause"]),
        note=str(body["note"]),
        until_utc_s=body["until_utc_s"],
    )
    bulk_revocation.carry_out(backend, actor, selection, order, approval)


def _revoke_gateway(
    backend: Backend, actor: Actor, body: Mapping[str, Any], approval: Approval
) -> None:
    reason = f"proposal {approval.proposal_id}"
    enrolment.revoke_gateway(
        backend, actor, gateway=str(body["gateway"]), reason=reason, approval=approval
    )


def _withdraw_key(
    backend: Backend, actor: Actor, body: Mapping[str, Any], approval: Approval
) -> None:
    key_withdrawal.withdraw(backend, actor, str(body["key"]), str(body["note"]), approval=approval)


_CARRY_OUT: Mapping[ProposalKind, Callable[[Backend, Actor, Mapping[str, Any], Approval], None]] = (
    MappingProxyType(
        {
            ProposalKind.RELEASE_POLICY: _release,
            ProposalKind.CHANGE_CODES: _change_codes,
            ProposalKind.REVOKE_KEY: _change_codes,
            ProposalKind.REVOKE_GATEWAY: _revoke_gateway,
            ProposalKind.WITHDRAW_KEY: _withdraw_key,
        }
    )
)


def _detail(proposal: Proposal) -> dict[str, str | int | bool | None]:
    return {
        "kind": proposal.kind.value,
        "about": proposal.subject,
        "sha256": proposal.body_sha256,
        "proposed_by": proposal.proposer.name,
    }


def _announce(backend: Backend, proposal_id: str) -> None:
    backend.feed.announce(EventKind.PROPOSAL, {"id": proposal_id})


def _sha256(text: str) -> str:
    return rules.digest_of({"rules": text})
