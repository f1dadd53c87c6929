"""The site's keys change: published before they are used, and withdrawn with all that they signed.

What a gateway makes of it is asked of the kit's own functions, as a gateway does.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa

from doorward import topics
from doorward.credential import CredentialClass, Form, Refusal, read_payload, verify
from doorward.envelope import Kind, parse_envelope, seal_envelope
from doorward.errors import UntrustedError
from doorward.ids import GatewayId, KeyId, SiteId
from doorward.keys import PURPOSE_OF_KIND, Keyring, accept_keyring, pin_keyring, verify_signed
from doorward.policy import Policy
from doorward.reasons import Reason
from doorward.staff import Ability
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.domain.proposals import ProposalState
from doorward_controller.domain.site_keys import KeyUse
from doorward_controller.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from doorward_controller.queries import audit_trail, credentials
from doorward_controller.queries.audit_trail import AuditFilter
from doorward_controller.services import (
    commanding,
    configuring,
    issuing,
    key_rotation,
    key_withdrawal,
    policy_release,
    proposing,
    provisioning,
    simulation,
    staff,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.issuing import IssueRequest
from doorward_controller.store import policies
from doorward_controller.store.schema import gateways
from doorward_controller.wiring import SilentPublisher
from tests.controller.conftest import ADMIN, AUDITOR, ISSUER, SECURITY, StandingClock
from tests.fakes.controller_link import FakeLink
from tests.fakes.enrolled import enrolled
from tests.fakes.journal_gateway import AT_UTC_MS

NOW_S = AT_UTC_MS // 1000
DAY_S = 86_400
SITE = SiteId("main")
PETRA = Actor(name="petra", role=Role.SECURITY, operator_id=7)
ROBIN = Actor(name="robin", role=Role.REVIEWER, operator_id=8)


def badge(backend: Backend, form: Form = Form.BADGE) -> issuing.Issued:
    wanted = IssueRequest(
        credential_class=CredentialClass.EMPLOYEE,
        form=form,
        not_before=NOW_S - 60,
        expires=NOW_S + DAY_S,
    )
    return issuing.issue(backend, ISSUER, wanted)


def released(link: FakeLink) -> Policy:
    """The policy that lies at the broker."""
    wire = link.retained[topics.policy(SITE, topics.Policy.BUNDLE)]
    return Policy.from_body(bytes(parse_envelope(wire).body))


def followed(pinned: Keyring, policy: Policy) -> Keyring:
    """The keyring that a gateway holds that follows the chain in a policy."""
    keyring = pinned
    for wire in policy.keyrings:
        if pin_keyring(wire).version > keyring.version:
            keyring = accept_keyring(keyring, wire)
    return keyring


def reported(backend: Backend, gateway: str, *, keyring: int, bundle: int = 1) -> None:
    with backend.store.write() as connection:
        connection.execute(
            sa.update(gateways)
            .where(gateways.c.name == gateway)
            .values(applied_keyring=keyring, applied_bundle=bundle)
        )


def counts(text: str, keyring: Keyring) -> Reason | None:
    """Why a code is refused; None where a trusted key signed it."""
    found = verify(read_payload(text.encode()), keyring)
    return found.reason if isinstance(found, Refusal) else None


def acts(backend: Backend, *names: str) -> list[tuple[str, str, str]]:
    rows = audit_trail.page(backend.store, AuditFilter()).items
    return [(row.action, row.subject, row.outcome) for row in rows if row.action in names]


def test_a_new_key_is_published_before_anything_is_signed_with_it(
    backend: Backend, link: FakeLink
) -> None:
    pinned = provisioning.current_keyring(backend)
    policy_release.release(backend, SECURITY)
    enrolled(backend, "gate-1")
    enrolled(backend, "never-seen")
    reported(backend, "gate-1", keyring=1)
    before = badge(backend)
    made = key_rotation.rotate(backend, SECURITY, KeyUse.ISSUE)
    assert not made.is_in_use
    meanwhile = badge(backend)
    held = followed(pinned, released(link))
    assert held.version == made.keyring
    assert held.find(issuing_key(meanwhile)) is not None
    assert f"{issuing_key(meanwhile):08x}" != made.key_id
    assert key_rotation.take_up_due(backend) == ()
    reported(backend, "gate-1", keyring=made.keyring)
    assert key_rotation.take_up_due(backend) == (made.key_id,)
    after = badge(backend)
    assert f"{issuing_key(after):08x}" == made.key_id
    for each in (before, meanwhile, after):
        assert counts(each.text, held) is None


def test_the_rules_stay_what_they_were_when_a_key_changes(backend: Backend, link: FakeLink) -> None:
    policy_release.release(backend, SECURITY)
    before = released(link)
    key_rotation.rotate(backend, SECURITY, KeyUse.ISSUE)
    after = released(link)
    assert after.version > before.version
    same = ("portals", "zones", "groups", "grants", "schedules", "time", "created_at")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]


def test_without_any_gateway_a_new_key_is_used_at_once(backend: Backend) -> None:
    made = key_rotation.rotate(backend, SECURITY, KeyUse.ISSUE)
    assert made.is_in_use
    assert f"{issuing_key(badge(backend)):08x}" == made.key_id


def test_somebody_may_say_that_an_absent_gateway_is_not_waited_for(backend: Backend) -> None:
    enrolled(backend, "gate-1")
    reported(backend, "gate-1", keyring=1)
    made = key_rotation.rotate(backend, SECURITY, KeyUse.ISSUE)
    with pytest.raises(ConflictError, match="waits to be used"):
        key_rotation.rotate(backend, SECURITY, KeyUse.ISSUE)
    key_rotation.take_up(backend, SECURITY, made.key_id)
    assert f"{issuing_key(badge(backend)):08x}" == made.key_id
    with pytest.raises(ConflictError, match="does not wait"):
        key_rotation.take_up(backend, SECURITY, made.key_id)


def test_a_withdrawn_key_takes_every_code_along_that_it_signed(
    backend: Backend, link: FakeLink
) -> None:
    pinned = provisioning.current_keyring(backend)
    policy_release.release(backend, SECURITY)
    signed = [badge(backend) for _ in range(3)]
    sticker = badge(backend, Form.STICKER)
    key_id = f"{issuing_key(signed[0]):08x}"
    told = key_withdrawal.preview(backend, SECURITY, key_id)
    assert (told.codes, told.is_replaced, told.needs_second) == (3, True, True)
    done = key_withdrawal.withdraw(backend, SECURITY, key_id, "the laptop is gone", expected=3)
    held = followed(pinned, released(link))
    assert [counts(each.text, held) for each in signed] == [Reason.KEY_REVOKED] * 3
    after = badge(backend)
    assert f"{issuing_key(after):08x}" == done.successor
    assert counts(after.text, held) is None
    states = {row.credential_id: row.state for row in everything(backend)}
    assert [states[each.credential_id] for each in signed] == ["revoked"] * 3
    assert states[sticker.credential_id] == states[after.credential_id] == "valid"
    assert done.batch is not None
    assert done.batch.codes == 3


def test_an_old_key_is_withdrawn_without_touching_the_new_one(
    backend: Backend, link: FakeLink
) -> None:
    pinned = provisioning.current_keyring(backend)
    policy_release.release(backend, SECURITY)
    old = badge(backend)
    key_rotation.rotate(backend, SECURITY, KeyUse.ISSUE)
    new = badge(backend)
    done = key_withdrawal.withdraw(backend, SECURITY, f"{issuing_key(old):08x}", "leaked")
    held = followed(pinned, released(link))
    assert done.successor == ""
    assert counts(old.text, held) is Reason.KEY_REVOKED
    assert counts(new.text, held) is None


def test_withdrawing_takes_what_waits_into_use(backend: Backend) -> None:
    enrolled(backend, "gate-1")
    reported(backend, "gate-1", keyring=1)
    first = badge(backend)
    made = key_rotation.rotate(backend, SECURITY, KeyUse.ISSUE)
    done = key_withdrawal.withdraw(backend, SECURITY, f"{issuing_key(first):08x}", "leaked")
    assert done.successor == made.key_id
    assert f"{issuing_key(badge(backend)):08x}" == made.key_id


def test_the_simulator_refuses_what_a_withdrawn_key_signed(backend: Backend) -> None:
    enrolled(backend, "gate-1")
    policy_release.release(backend, SECURITY)
    old = badge(backend)
    key_withdrawal.withdraw(backend, SECURITY, f"{issuing_key(old):08x}", "leaked")
    said = simulation.would_grant(
        backend, SECURITY, credential_id=old.credential_id, portal="gate-1-door", at_utc_s=NOW_S
    )
    assert (said.outcome, said.reason) == ("deny", Reason.KEY_REVOKED)


SIGNED_ANEW = {
    KeyUse.POLICY: tuple(topics.Policy),
    KeyUse.COMMAND: (topics.Policy.BUNDLE,),
    KeyUse.CONTROL: (topics.Policy.BUNDLE,),
}


@pytest.mark.parametrize("use", SIGNED_ANEW)
def test_whatever_a_withdrawn_key_had_signed_and_is_wanted_is_signed_anew(
    backend: Backend, link: FakeLink, use: KeyUse
) -> None:
    pinned = provisioning.current_keyring(backend)
    enrolled(backend, "gate-1")
    staff.add_member(
        backend,
        SECURITY,
        member_id="guard-1",
        abilities=Ability.REGISTER,
        not_after=NOW_S + DAY_S,
    )
    configuring.desire(backend, ADMIN, gateway="gate-1", settings={})
    policy_release.release(backend, SECURITY)
    policy_release.publish_current(backend)
    old = {
        KeyUse.POLICY: backend.keys.policy,
        KeyUse.COMMAND: backend.keys.command,
        KeyUse.CONTROL: backend.keys.control,
    }[use]
    done = key_withdrawal.withdraw(backend, SECURITY, f"{old.key_id:08x}", "leaked")
    assert done.batch is None
    held = followed(pinned, released(link))
    for each in SIGNED_ANEW[use]:
        envelope = parse_envelope(link.retained[topics.policy(SITE, each)])
        verify_signed(envelope, held, PURPOSE_OF_KIND[envelope.kind], NOW_S)
    desired = topics.down(SITE, GatewayId("gate-1"), topics.Down.DESIRED)
    envelope = parse_envelope(link.retained[desired])
    verify_signed(envelope, held, PURPOSE_OF_KIND[envelope.kind], NOW_S)
    forged = seal_envelope(envelope.kind, bytes(envelope.body), [old])
    with pytest.raises(UntrustedError):
        verify_signed(parse_envelope(forged), held, PURPOSE_OF_KIND[Kind.CONFIG], NOW_S)


def test_the_next_command_is_signed_with_the_key_in_use(backend: Backend, link: FakeLink) -> None:
    enrolled(backend, "gate-1")
    made = key_rotation.rotate(backend, SECURITY, KeyUse.COMMAND)
    with backend.store.write() as connection:
        connection.execute(sa.update(gateways).values(online=True))
    commanding.send(backend, ADMIN, gateway="gate-1", name="identify", arguments={})
    topic, wire = link.published[-1]
    assert "/cmd/" in topic
    assert [f"{each.key_id:08x}" for each in parse_envelope(wire).signatures] == [made.key_id]


def test_a_new_intake_key_is_given_out_and_the_old_one_still_opens(backend: Backend) -> None:
    first = provisioning.provision(backend).intake_key
    made = key_rotation.rotate(backend, SECURITY, KeyUse.INTAKE)
    given = provisioning.provision(backend)
    assert made.is_in_use is False or made.keyring == 0
    assert f"{given.intake_key_id:08x}" == made.key_id
    assert given.intake_key != first


def test_nobody_withdraws_alone_where_a_second_person_is_wanted(
    backend: Backend, link: FakeLink
) -> None:
    pinned = provisioning.current_keyring(backend)
    policy_release.release(backend, SECURITY)
    code = badge(backend)
    key_id = f"{issuing_key(code):08x}"
    with pytest.raises(ConflictError, match="second person"):
        key_withdrawal.withdraw(backend, PETRA, key_id, "leaked")
    assert counts(code.text, provisioning.current_keyring(backend)) is None
    # Who proposes without an account of the database is the program itself, acting as Sam.
    proposal = proposing.propose_withdrawal(backend, SECURITY, key_id, "leaked")
    assert (proposal.body["codes"], proposal.body["use"]) == (1, "issue")
    decided = proposing.approve(backend, ROBIN, proposal.id)
    assert decided.state is ProposalState.CARRIED_OUT
    assert decided.outcome["codes"] == 1
    assert counts(code.text, followed(pinned, released(link))) is Reason.KEY_REVOKED


def test_a_server_publishes_what_the_command_line_has_signed_anew(
    sqlite_backend: Backend, link: FakeLink
) -> None:
    server = sqlite_backend
    enrolled(server, "gate-1")
    configuring.desire(server, ADMIN, gateway="gate-1", settings={})
    policy_release.release(server, SECURITY)
    policy_release.publish_current(server)
    old = server.keys.command
    beside = replace(server, publisher=SilentPublisher())
    key_withdrawal.withdraw(beside, SECURITY, f"{old.key_id:08x}", "leaked")
    topic = topics.down(SITE, GatewayId("gate-1"), topics.Down.DESIRED)
    signed_by = [each.key_id for each in parse_envelope(link.retained[topic]).signatures]
    assert signed_by == [old.key_id]
    # Another process has not published it, whatever this one remembers.
    policy_release._published[server.store] -= 1
    policy_release._keyrings_told[server.store] -= 1
    policy_release.publish_if_new(server)
    signed_by = [each.key_id for each in parse_envelope(link.retained[topic]).signatures]
    assert signed_by != [old.key_id]


def test_only_security_changes_keys(backend: Backend) -> None:
    key_id = f"{issuing_key(badge(backend)):08x}"
    for actor in (ADMIN, ISSUER, AUDITOR):
        with pytest.raises(ForbiddenError):
            key_rotation.rotate(backend, actor, KeyUse.ISSUE)
        with pytest.raises(ForbiddenError):
            key_withdrawal.withdraw(backend, actor, key_id, "leaked")
    assert {outcome for _, _, outcome in acts(backend, "rotate_key", "withdraw_key")} == {
        "forbidden"
    }


REFUSED = {
    "not a number": ("xyz", "leaked", InvalidError, "no_key"),
    "no key of this site": ("00000000", "leaked", NotFoundError, "no_key"),
    "no reason": ("", "  ", InvalidError, "reason_missing"),
}


@pytest.mark.parametrize(("key_id", "note", "error", "code"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_withdrawn_is_refused_and_changes_nothing(
    backend: Backend, key_id: str, note: str, error: type[InvalidError], code: str
) -> None:
    wanted = key_id or f"{backend.keys.issue.key_id:08x}"
    with pytest.raises(error) as refused:
        key_withdrawal.withdraw(backend, SECURITY, wanted, note)
    assert refused.value.code == code
    assert provisioning.current_keyring(backend).version == 1


def test_other_codes_than_were_shown_are_looked_at_again(backend: Backend) -> None:
    key_id = f"{issuing_key(badge(backend)):08x}"
    badge(backend)
    with pytest.raises(ConflictError, match="1 codes were shown, now it is 2"):
        key_withdrawal.withdraw(backend, SECURITY, key_id, "leaked", expected=1)
    assert {row.state for row in everything(backend)} == {"valid"}


def test_keys_that_sign_keyrings_and_withdrawn_ones_stay(backend: Backend) -> None:
    assert backend.keys.root is not None
    with pytest.raises(ConflictError, match="signs keyrings"):
        key_withdrawal.withdraw(backend, SECURITY, f"{backend.keys.root.key_id:08x}", "leaked")
    gone = f"{backend.keys.control.key_id:08x}"
    key_withdrawal.withdraw(backend, SECURITY, gone, "leaked")
    with pytest.raises(ConflictError, match="withdrawn already"):
        key_withdrawal.withdraw(backend, SECURITY, gone, "leaked")


def test_without_the_root_key_nothing_changes(backend: Backend) -> None:
    code = badge(backend)
    away = replace(backend, keys=replace(backend.keys, root=None))
    with pytest.raises(ConflictError, match=r"root\.key"):
        key_rotation.rotate(away, SECURITY, KeyUse.ISSUE)
    with pytest.raises(ConflictError, match=r"root\.key"):
        key_withdrawal.withdraw(away, SECURITY, f"{issuing_key(code):08x}", "leaked")
    assert provisioning.current_keyring(backend).version == 1
    assert {row.state for row in everything(backend)} == {"valid"}


def test_keyrings_of_a_restored_database_follow_those_that_gateways_hold(
    backend: Backend, clock: StandingClock
) -> None:
    enrolled(backend, "gate-1")
    reported(backend, "gate-1", keyring=9)
    assert key_rotation.rotate(backend, SECURITY, KeyUse.ISSUE).keyring == 10
    clock.pass_s(5000)
    assert key_rotation.rotate(backend, SECURITY, KeyUse.POLICY).keyring == 5000


def test_a_gateway_that_claims_too_much_does_not_drive_the_number_up(backend: Backend) -> None:
    enrolled(backend, "gate-1")
    reported(backend, "gate-1", keyring=2**50)
    assert key_rotation.rotate(backend, SECURITY, KeyUse.ISSUE).keyring == 2


def test_the_chain_of_many_changes_is_followed_by_who_slept_through_it(
    backend: Backend, link: FakeLink
) -> None:
    pinned = provisioning.current_keyring(backend)
    policy_release.release(backend, SECURITY)
    for _ in range(40):
        key_rotation.rotate(backend, SECURITY, KeyUse.ISSUE)
    last = badge(backend)
    held = followed(pinned, released(link))
    assert counts(last.text, held) is None
    with backend.store.read() as connection:
        assert len(policies.keyring_wires(connection, SITE)) == 41


def test_each_step_stands_in_the_audit_log(backend: Backend) -> None:
    made = key_rotation.rotate(backend, SECURITY, KeyUse.ISSUE)
    key_withdrawal.withdraw(backend, SECURITY, made.key_id, "leaked")
    assert sorted(acts(backend, "rotate_key", "take_up_key", "withdraw_key")) == [
        ("rotate_key", "issue", "done"),
        ("take_up_key", made.key_id, "done"),
        ("withdraw_key", made.key_id, "done"),
    ]


def issuing_key(issued: issuing.Issued) -> KeyId:
    claim = read_payload(issued.text.encode())
    statement = getattr(claim, "statement", None)
    assert statement is not None
    return KeyId(statement.key_id)


def everything(backend: Backend) -> Sequence[credentials.CredentialRow]:
    return credentials.page(backend.store, credentials.CredentialFilter(), limit=200).items
