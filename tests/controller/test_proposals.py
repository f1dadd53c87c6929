"""Four eyes: what one proposes another one decides on, and it is done once, as it was proposed."""

import threading

import pytest
import sqlalchemy as sa

from doorward.credential import CredentialClass, Form
from doorward_controller.domain import proposals as rules
from doorward_controller.domain.permissions import Actor, Role, local_actor
from doorward_controller.domain.proposals import (
    TRANSITIONS,
    Person,
    Proposal,
    ProposalState,
    may_become,
    why_not_decide,
)
from doorward_controller.domain.revocations import Cause, Change, Source
from doorward_controller.errors import ActError, ConflictError, ForbiddenError
from doorward_controller.queries import audit_trail, credentials, policies, proposals
from doorward_controller.queries.audit_trail import AuditFilter
from doorward_controller.services import (
    accounts,
    bulk_revocation,
    issuing,
    policy_release,
    proposing,
    revocation,
)
from doorward_controller.services import rules as rule_books
from doorward_controller.services.backend import Backend
from doorward_controller.services.bulk_revocation import Order, Selection
from doorward_controller.services.issuing import IssueRequest
from doorward_controller.store.rollout_tables import proposals as table
from tests.controller.conftest import AUDITOR, ISSUER, SECURITY, StandingClock, enrol
from tests.fakes.journal_gateway import AT_UTC_MS

NOW_S = AT_UTC_MS // 1000
REVIEWER = Actor(name="rae", role=Role.REVIEWER)
REVOKE = Order(change=Change.REVOKE, cause=Cause.LEFT, note="")


def person(backend: Backend, name: str, role: Role) -> Actor:
    """Somebody with an account."""
    number = accounts.create_operator(
        backend, local_actor(), name=name, password="correct horse battery", role=role
    )
    return Actor(name=name, role=role, operator_id=number)


@pytest.fixture
def pia(backend: Backend) -> Actor:
    return person(backend, "pia", Role.SECURITY)


@pytest.fixture
def quinn(backend: Backend) -> Actor:
    return person(backend, "quinn", Role.SECURITY)


def issue(backend: Backend) -> str:
    wanted = IssueRequest(
        credential_class=CredentialClass.EMPLOYEE,
        form=Form.BADGE,
        not_before=NOW_S - 60,
        expires=NOW_S + 30 * 86_400,
    )
    return issuing.issue(backend, ISSUER, wanted).credential_id


def listed(*ids: str) -> Selection:
    return Selection(source=Source.LIST, lines=ids)


def state(backend: Backend, credential_id: str) -> str:
    row = credentials.credential(backend.store, credential_id)
    assert row is not None
    return row.state


def test_a_policy_is_released_by_two(backend: Backend, pia: Actor, quinn: Actor) -> None:
    enrol(backend)
    with pytest.raises(ConflictError) as caught:
        policy_release.release(backend, pia)
    assert caught.value.code == "second_person_needed"
    proposal = proposing.propose_release(backend, pia, "new night schedule")
    done = proposing.approve(backend, quinn, proposal.id)
    assert (done.state, done.decided_by) == (ProposalState.CARRIED_OUT, "quinn")
    (row,) = policies.releases(backend.store)
    assert (row.version, row.released_by) == (done.outcome["version"], "pia")


def test_nobody_decides_on_their_own(backend: Backend, pia: Actor) -> None:
    proposal = proposing.propose_release(backend, pia, "mine")
    for attempt in (
        lambda: proposing.approve(backend, pia, proposal.id),
        lambda: proposing.refuse(backend, pia, proposal.id, "no"),
    ):
        with pytest.raises(ForbiddenError) as caught:
            attempt()
        assert caught.value.code == "own_proposal"
    assert policies.releases(backend.store) == ()
    rows = audit_trail.page(backend.store, AuditFilter(action="approve_proposal")).items
    assert [row.outcome for row in rows] == ["own_proposal"]


@pytest.mark.parametrize("actor", [AUDITOR, ISSUER])
def test_only_who_may_approve_decides(backend: Backend, pia: Actor, actor: Actor) -> None:
    proposal = proposing.propose_release(backend, pia, "please")
    with pytest.raises(ForbiddenError):
        proposing.approve(backend, actor, proposal.id)


def test_a_reviewer_approves_what_they_may_not_do_themselves(backend: Backend, pia: Actor) -> None:
    one = issue(backend)
    proposal = proposing.propose_codes(backend, pia, listed(one), REVOKE, "left the house")
    proposing.approve(backend, REVIEWER, proposal.id)
    assert state(backend, one) == "revoked"
    (row,) = audit_trail.page(backend.store, AuditFilter(action="bulk_revoke")).items
    assert row.actor == "pia"
    assert (row.detail["proposal"], row.detail["approved_by"]) == (proposal.id, "rae")


def test_what_was_proposed_is_done_and_nothing_that_came_later(
    backend: Backend, pia: Actor, quinn: Actor
) -> None:
    """A group's codes are those of the proposal; an edition of the rules is the proposed one."""
    enrol(backend)
    first = issue(backend)
    proposal = proposing.propose_codes(backend, pia, listed(first), REVOKE, "x")
    released = proposing.propose_release(backend, pia, "the edition of now")
    book = rule_books.current(backend)
    rule_books.save_rules(backend, SECURITY, book.model_copy(update={"grants": ()}))
    later = issue(backend)
    proposing.approve(backend, quinn, proposal.id)
    proposing.approve(backend, quinn, released.id)
    assert (state(backend, first), state(backend, later)) == ("revoked", "valid")
    assert policies.has_unreleased_rules(backend.store)


def test_a_key_is_every_code_that_it_issued_until_it_is_done(
    backend: Backend, pia: Actor, quinn: Actor
) -> None:
    first = issue(backend)
    key = f"{backend.keys.issue.key_id:x}"
    order = Order(change=Change.REVOKE, cause=Cause.KEY_COMPROMISED, note="")
    selection = Selection(source=Source.KEY, name=key)
    with pytest.raises(ConflictError) as caught:
        bulk_revocation.carry_out(backend, pia, selection, order)
    assert caught.value.code == "second_person_needed"
    proposal = proposing.propose_codes(backend, pia, selection, order, "key file was copied")
    later = issue(backend)
    proposing.approve(backend, quinn, proposal.id)
    assert [state(backend, each) for each in (first, later)] == ["revoked", "revoked"]


def test_a_body_that_was_altered_in_the_database_is_not_carried_out(
    backend: Backend, pia: Actor, quinn: Actor
) -> None:
    mine, other = issue(backend), issue(backend)
    proposal = proposing.propose_codes(backend, pia, listed(mine), REVOKE, "x")
    with backend.store.write() as connection:
        body = connection.scalar(sa.select(table.c.body_json)) or ""
        connection.execute(sa.update(table).values(body_json=body.replace(mine, other)))
    with pytest.raises(ConflictError) as caught:
        proposing.approve(backend, quinn, proposal.id)
    assert caught.value.code == "body_altered"
    assert (state(backend, mine), state(backend, other)) == ("valid", "valid")
    found = proposals.find(backend.store, proposal.id)
    assert found is not None
    assert found.state is ProposalState.FAILED


def test_two_who_approve_at_once_carry_it_out_once(
    backend: Backend, pia: Actor, quinn: Actor
) -> None:
    one = issue(backend)
    proposal = proposing.propose_codes(backend, pia, listed(one), REVOKE, "x")
    refusals: list[str] = []

    def approve(actor: Actor) -> None:
        try:
            proposing.approve(backend, actor, proposal.id)
        except ActError as err:
            refusals.append(err.code)

    threads = [threading.Thread(target=approve, args=(who,)) for who in (quinn, REVIEWER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refusals) == 1
    assert len(audit_trail.page(backend.store, AuditFilter(action="bulk_revoke")).items) == 1


def test_carrying_out_again_after_a_stop_does_it_once(
    backend: Backend, pia: Actor, quinn: Actor
) -> None:
    one = issue(backend)
    proposal = proposing.propose_codes(backend, pia, listed(one), REVOKE, "x")
    proposing.approve(backend, quinn, proposal.id)
    with pytest.raises(ConflictError) as caught:
        proposing.carry_out(backend, proposal.id)
    assert caught.value.code == "proposal_carried_out"


def test_what_was_approved_before_a_stop_is_carried_out_at_the_next_start(
    backend: Backend, clock: StandingClock, pia: Actor, quinn: Actor
) -> None:
    badge = issue(backend)
    proposal = proposing.propose_codes(backend, pia, listed(badge), REVOKE, "left")
    proposing._decide(backend, quinn, proposal.id, ProposalState.APPROVED, "")
    assert proposing.resume(backend) == 0, "whoever approved may still be waiting for it"
    assert proposing.resume(backend, 0) == 1
    row = credentials.credential(backend.store, badge)
    assert row is not None
    assert row.state == "revoked"
    clock.pass_s(proposing.RESUME_AFTER_S)
    assert proposing.resume(backend) == 0
    found = proposals.find(backend.store, proposal.id)
    assert found is not None
    assert found.state is ProposalState.CARRIED_OUT


def test_one_that_refuses_does_not_keep_the_others_from_being_resumed(
    backend: Backend, clock: StandingClock, pia: Actor, quinn: Actor
) -> None:
    badges = [issue(backend) for _ in range(2)]
    made = [
        proposing.propose_codes(backend, pia, listed(badge), REVOKE, "left") for badge in badges
    ]
    for each in made:
        proposing._decide(backend, quinn, each.id, ProposalState.APPROVED, "")
        clock.pass_s(1)
    revocation.revoke(backend, SECURITY, badges[:1], "lost")
    clock.pass_s(proposing.RESUME_AFTER_S)
    assert proposing.resume(backend) == 2
    ends = [proposals.find(backend.store, each.id) for each in made]
    assert [each.state for each in ends if each] == [
        ProposalState.FAILED,
        ProposalState.CARRIED_OUT,
    ]


def test_an_act_that_refuses_leaves_the_proposal_failed_with_its_reason(
    backend: Backend, pia: Actor, quinn: Actor
) -> None:
    one = issue(backend)
    proposal = proposing.propose_codes(backend, pia, listed(one), REVOKE, "x")
    revocation.revoke(backend, SECURITY, [one], "lost")
    with pytest.raises(ConflictError):
        proposing.approve(backend, quinn, proposal.id)
    found = proposals.find(backend.store, proposal.id)
    assert found is not None
    assert (found.state, found.outcome["code"]) == (ProposalState.FAILED, "nothing_to_change")


def test_who_has_left_proposes_nothing_any_more(backend: Backend, pia: Actor, quinn: Actor) -> None:
    one = issue(backend)
    proposal = proposing.propose_codes(backend, pia, listed(one), REVOKE, "x")
    accounts.disable_operator(backend, local_actor(), "pia")
    with pytest.raises(ConflictError) as caught:
        proposing.approve(backend, quinn, proposal.id)
    assert caught.value.code == "proposer_gone"
    assert state(backend, one) == "valid"


def test_only_the_proposer_takes_it_back_and_then_nobody_decides(
    backend: Backend, pia: Actor, quinn: Actor
) -> None:
    proposal = proposing.propose_release(backend, pia, "x")
    with pytest.raises(ForbiddenError):
        proposing.withdraw(backend, quinn, proposal.id)
    proposing.withdraw(backend, pia, proposal.id)
    with pytest.raises(ConflictError) as caught:
        proposing.approve(backend, quinn, proposal.id)
    assert caught.value.code == "proposal_withdrawn"
    assert proposals.count_waiting(backend.store) == 0


def test_a_proposal_that_nobody_decides_on_expires(
    backend: Backend, pia: Actor, quinn: Actor, clock: StandingClock
) -> None:
    proposal = proposing.propose_release(backend, pia, "x")
    clock.pass_s(72 * 3600 - 1)
    assert proposing.expire(backend) == 0
    clock.pass_s(1)
    with pytest.raises(ConflictError) as caught:
        proposing.approve(backend, quinn, proposal.id)
    assert caught.value.code == "proposal_expired"
    assert proposing.expire(backend) == 1
    found = proposals.find(backend.store, proposal.id)
    assert found is not None
    assert found.state is ProposalState.EXPIRED
    assert proposing.expire(backend) == 0


def test_refusing_needs_a_reason_that_stands_with_it(
    backend: Backend, pia: Actor, quinn: Actor
) -> None:
    proposal = proposing.propose_release(backend, pia, "x")
    with pytest.raises(ActError):
        proposing.refuse(backend, quinn, proposal.id, " ")
    proposing.refuse(backend, quinn, proposal.id, "gate 3 would close")
    (found,) = proposals.decided(backend.store)
    assert (found.state, found.note) == (ProposalState.REFUSED, "gate 3 would close")


def test_every_step_stands_in_the_audit_log(backend: Backend, pia: Actor, quinn: Actor) -> None:
    one = issue(backend)
    proposal = proposing.propose_codes(backend, pia, listed(one), REVOKE, "x")
    proposing.approve(backend, quinn, proposal.id, "seen the list")
    rows = audit_trail.page(backend.store, AuditFilter()).items
    about = [row.action for row in rows if proposal.id in {row.subject, row.detail.get("proposal")}]
    assert about == ["bulk_revoke", "approve_proposal", "propose"]
    hashes = {row.detail["sha256"] for row in rows if row.action in {"propose", "approve_proposal"}}
    assert hashes == {proposal.body_sha256}


# --- the pure rules


def made(proposed_by: Person, at: ProposalState = ProposalState.WAITING) -> Proposal:
    return Proposal(
        id="1",
        kind=rules.ProposalKind.RELEASE_POLICY,
        subject="",
        body={"a": 1},
        body_sha256=rules.digest_of({"a": 1}),
        reason="x",
        state=at,
        proposer=proposed_by,
        proposed_at_utc_s=0,
        expires_at_utc_s=100,
    )


def named(name: str, number: int | None) -> Person:
    return Person(name=name, role=Role.SECURITY, operator_id=number)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (named("pia", 1), named("pia", 1), True),
        (named("pia", 1), named("new name of hers", 1), True),
        (named("pia", 1), named("PIA", None), True),
        (named("pia", 1), named("quinn", 2), False),
        (named("local", None), named("quinn", None), False),
    ],
)
def test_one_person_is_one_however_written(one: Person, other: Person, is_same: bool) -> None:
    assert one.is_same_as(other) is is_same
    assert (why_not_decide(made(one), other, 0) == "own_proposal") is is_same


@pytest.mark.parametrize("before", ProposalState)
@pytest.mark.parametrize("after", ProposalState)
def test_what_has_ended_stays_as_it_is(before: ProposalState, after: ProposalState) -> None:
    if before in {ProposalState.WAITING, ProposalState.APPROVED}:
        assert may_become(before, after) == (after in TRANSITIONS[before])
    else:
        assert not may_become(before, after)
