"""Enrolling, issuing, revoking, releasing, simulating: what each act does and refuses."""

import threading

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from doorward import topics
from doorward.credential import (
    Credential,
    CredentialClass,
    Form,
    read_payload,
    show_pass,
    slot_message,
    verify,
)
from doorward.envelope import Kind, parse_envelope
from doorward.ids import SiteId
from doorward.keys import Purpose, verify_signed
from doorward.policy import Policy
from doorward.reasons import Reason
from doorward.status import Delta, Status, StatusList, apply_delta
from doorward_controller.domain.rule_book import RuleBook
from doorward_controller.errors import (
    ActError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from doorward_controller.queries import audit_trail, credentials, fleet_board, policies
from doorward_controller.queries.audit_trail import AuditFilter
from doorward_controller.queries.credentials import CredentialFilter
from doorward_controller.services import (
    enrolment,
    holders,
    issuing,
    policy_release,
    provisioning,
    revocation,
    rules,
    simulation,
    status_publishing,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.enrolment import NewPortal
from doorward_controller.services.holders import HolderFields
from doorward_controller.services.issuing import Issued, IssueRequest
from tests.controller.conftest import (
    ADMIN,
    AUDITOR,
    ISSUER,
    SECURITY,
    StandingClock,
    enrol,
    release,
)
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import AT_UTC_MS

NOW_S = AT_UTC_MS // 1000
DAY_S = 86_400
SITE = SiteId("main")


def request(**changed: object) -> IssueRequest:
    values: dict[str, object] = {
        "credential_class": CredentialClass.EMPLOYEE,
        "form": Form.BADGE,
        "not_before": NOW_S - 60,
        "expires": NOW_S + DAY_S,
    }
    return IssueRequest(**{**values, **changed})  # type: ignore[arg-type]


def issue(backend: Backend, **changed: object) -> Issued:
    return issuing.issue(backend, ISSUER, request(**changed))


def held_status(link: FakeLink) -> StatusList:
    """What a gateway would hold that has heard every retained document."""
    full = link.retained[topics.policy(SITE, topics.Policy.STATUS)]
    delta = link.retained.get(topics.policy(SITE, topics.Policy.DELTA))
    held = StatusList.from_body(parse_envelope(full).body)
    if delta is None:
        return held
    return apply_delta(held, Delta.from_body(parse_envelope(delta).body))


# --- issuing


def test_badge_is_verified_with_the_sites_keyring_alone(backend: Backend) -> None:
    issued = issue(backend)
    claim = verify(read_payload(issued.text.encode()), provisioning.current_keyring(backend))
    assert isinstance(claim, Credential)
    assert claim.statement.credential_id.hex() == issued.credential_id
    assert claim.statement.status_index == issued.status_index


def test_pass_is_shown_by_the_holders_device(backend: Backend) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    issued = issue(backend, form=Form.PASS, holder_key=public)
    assert issued.text == ""
    assert issued.pass_grant is not None
    slot = NOW_S // 5
    r, s = decode_dss_signature(
        key.sign(slot_message(issued.pass_grant, slot), ec.ECDSA(hashes.SHA256()))
    )
    shown = show_pass(issued.pass_grant, slot, r, s)
    claim = verify(read_payload(shown.encode()), provisioning.current_keyring(backend))
    assert isinstance(claim, Credential)
    assert claim.slot == slot


def test_every_credential_has_its_own_status_index(backend: Backend) -> None:
    assert [issue(backend).status_index for _ in range(3)] == [0, 1, 2]


def test_code_can_be_shown_again_and_the_database_does_not_hold_it_in_the_clear(
    backend: Backend,
) -> None:
    issued = issue(backend, form=Form.STICKER)
    assert issuing.code_text(backend, ISSUER, issued.credential_id) == issued.text
    with backend.store.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM credentials").all()
    assert issued.text.encode() not in b"".join(bytes(v) for v in rows[0] if isinstance(v, bytes))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"expires": NOW_S - 60}, "bad_validity"),
        ({"expires": NOW_S - 1}, "bad_validity"),
        ({"expires": NOW_S + 367 * DAY_S}, "bad_validity"),
        ({"groups": ("nobody",)}, "no_group"),
        ({"form": Form.PASS}, "invalid"),
        ({"holder_key": bytes(33)}, "invalid"),
        ({"form": Form.PASS, "holder_key": bytes(33)}, "invalid"),
        ({"holder_id": "0000000000000000"}, "no_holder"),
        ({"purpose": "x" * 201}, "invalid"),
    ],
)
def test_request_out_of_bounds_is_refused_and_changes_nothing(
    sqlite_backend: Backend, changed: dict[str, object], code: str
) -> None:
    with pytest.raises(ActError) as caught:
        issue(sqlite_backend, **changed)
    assert caught.value.code == code
    assert credentials.page(sqlite_backend.store, CredentialFilter()).items == ()
    assert issue(sqlite_backend).status_index == 0


@pytest.mark.parametrize("actor", [ADMIN, SECURITY, AUDITOR])
def test_only_issuers_issue(sqlite_backend: Backend, actor: object) -> None:
    with pytest.raises(ForbiddenError):
        issuing.issue(sqlite_backend, actor, request())  # type: ignore[arg-type]


# --- status


def test_revocation_reaches_a_gateway_by_the_delta_alone(backend: Backend, link: FakeLink) -> None:
    policy_release.publish_current(backend)
    first, second = issue(backend), issue(backend)
    change = revocation.revoke(backend, SECURITY, [second.credential_id], "lost")
    held = held_status(link)
    assert held.seq == change.seq
    assert held.get(first.status_index) is Status.VALID
    assert held.get(second.status_index) is Status.REVOKED


def test_delta_holds_every_change_since_the_full_list(backend: Backend, link: FakeLink) -> None:
    policy_release.publish_current(backend)
    issued = [issue(backend) for _ in range(4)]
    for one in issued[:3]:
        revocation.suspend(backend, SECURITY, [one.credential_id], "check")
    revocation.restore(backend, SECURITY, [issued[1].credential_id], "found")
    held = held_status(link)
    assert [held.get(one.status_index) for one in issued] == [
        Status.SUSPENDED,
        Status.VALID,
        Status.SUSPENDED,
        Status.VALID,
    ]


def test_full_list_is_made_anew_when_the_delta_grows_long(
    backend: Backend, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_publishing, "MAX_DELTA", 2)
    policy_release.publish_current(backend)
    issued = [issue(backend) for _ in range(4)]
    seqs = [revocation.revoke(backend, SECURITY, [one.credential_id], "x").seq for one in issued]
    assert seqs == sorted(set(seqs))
    full = link.retained[topics.policy(SITE, topics.Policy.STATUS)]
    assert StatusList.from_body(parse_envelope(full).body).seq == seqs[2]
    held = held_status(link)
    assert held.seq >= seqs[-1]
    assert all(held.get(one.status_index) is Status.REVOKED for one in issued)


def test_status_list_grows_ahead_of_the_issued_indices(
    backend: Backend, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_publishing, "HEADROOM", status_publishing.FIRST_SIZE - 2)
    issued = [issue(backend) for _ in range(3)]
    held = held_status(link)
    assert held.size > status_publishing.FIRST_SIZE
    assert held.get(issued[-1].status_index) is Status.VALID


def test_policy_documents_are_signed_for_that_purpose(
    backend: Backend, link: FakeLink, clock: StandingClock
) -> None:
    enrol(backend)
    release(backend)
    revocation.revoke(backend, SECURITY, [issue(backend).credential_id], "x")
    policy_release.publish_current(backend)
    keyring = provisioning.current_keyring(backend)
    kinds = set()
    for wire in link.retained.values():
        envelope = parse_envelope(wire)
        verify_signed(envelope, keyring, Purpose.POLICY, clock.now().utc_s)
        kinds.add(envelope.kind)
    assert kinds == {Kind.BUNDLE, Kind.STATUS, Kind.DELTA}


def test_revoked_credential_stays_revoked(backend: Backend) -> None:
    issued = issue(backend)
    revocation.revoke(backend, SECURITY, [issued.credential_id], "lost")
    for act in (revocation.restore, revocation.suspend, revocation.revoke):
        with pytest.raises(ConflictError) as caught:
            act(backend, SECURITY, [issued.credential_id], "changed my mind")
        assert caught.value.code == "credential_revoked"


def test_bulk_revocation_is_all_or_nothing(backend: Backend) -> None:
    good = [issue(backend).credential_id for _ in range(2)]
    with pytest.raises(NotFoundError):
        revocation.revoke(backend, SECURITY, [*good, "00" * 8], "audit")
    assert {row.state for row in credentials.page(backend.store, CredentialFilter()).items} == {
        "valid"
    }
    assert revocation.revoke(backend, SECURITY, good, "audit").changed == 2


@pytest.mark.parametrize("ids", [[], ["x"], ["0" * 15]])
def test_what_is_no_credential_id_is_refused(sqlite_backend: Backend, ids: list[str]) -> None:
    with pytest.raises(InvalidError):
        revocation.revoke(sqlite_backend, SECURITY, ids, "x")


def test_revocation_needs_a_reason(sqlite_backend: Backend) -> None:
    issued = issue(sqlite_backend)
    with pytest.raises(InvalidError, match="reason"):
        revocation.revoke(sqlite_backend, SECURITY, [issued.credential_id], "  ")


def test_refreshing_moves_the_time_and_keeps_the_changes(
    backend: Backend, link: FakeLink, clock: StandingClock
) -> None:
    policy_release.publish_current(backend)
    issued = issue(backend)
    revocation.revoke(backend, SECURITY, [issued.credential_id], "x")
    clock.pass_s(3600)
    status_publishing.refresh(backend)
    held = held_status(link)
    assert held.issued_at == clock.now().utc_s
    assert held.get(issued.status_index) is Status.REVOKED


# --- policy


def test_bundle_reads_back_with_portals_roster_and_stickers(
    backend: Backend, link: FakeLink
) -> None:
    enrol(backend, "gate-1", "north", "south")
    holder = holders.add_holder(backend, ISSUER, HolderFields(name="Ada"), groups=["staff"])
    badge = issue(backend, holder_id=holder)
    sticker = issue(backend, form=Form.STICKER, groups=("visitors",))
    assert policy_release.release(backend, SECURITY).credentials == 2
    wire = link.retained[topics.policy(SITE, topics.Policy.BUNDLE)]
    policy = Policy.from_body(parse_envelope(wire).body)
    assert sorted(policy.portals) == ["north", "south"]
    assert len(policy.roster) == 2
    profile = policy.roster.find(bytes.fromhex(badge.credential_id))  # type: ignore[arg-type]
    assert profile is not None
    assert [policy.groups[index] for index in profile.groups] == ["staff"]
    assert sticker.text.startswith("DW0")


def test_every_release_has_a_higher_version(backend: Backend) -> None:
    enrol(backend)
    assert [release(backend) for _ in range(3)] == [1, 2, 3]
    assert [row.version for row in policies.releases(backend.store)] == [3, 2, 1]


def test_rules_wait_for_their_release(backend: Backend) -> None:
    enrol(backend)
    release(backend)
    assert not policies.has_unreleased_rules(backend.store)
    before = rules.current(backend)
    rules.save_rules(backend, SECURITY, before)
    assert not policies.has_unreleased_rules(backend.store), "nothing is different"
    more = before.model_copy(update={"groups": (*before.groups, "guards")})
    rules.save_rules(backend, SECURITY, more)
    assert policies.has_unreleased_rules(backend.store)
    release(backend)
    assert not policies.has_unreleased_rules(backend.store)


def test_rules_that_lack_a_portals_zone_cannot_be_released(backend: Backend) -> None:
    enrol(backend)
    rules.save_rules(backend, SECURITY, RuleBook())
    with pytest.raises(ConflictError, match="zone 'site' is not defined") as caught:
        release(backend)
    assert caught.value.code == "rules_unfit"
    assert policies.releases(backend.store) == ()


def test_simulation_decides_as_a_gate_would(backend: Backend) -> None:
    enrol(backend, "gate-1", "north")
    badge = issue(backend)
    release(backend)

    def ask(at_utc_s: int = NOW_S, portal: str = "north") -> Reason:
        return simulation.would_grant(
            backend, SECURITY, credential_id=badge.credential_id, portal=portal, at_utc_s=at_utc_s
        ).reason

    # The roster lists the badge without a group, so its class does not speak for it.
    assert ask() is Reason.NOT_AUTHORISED
    assert ask(portal="nowhere") is Reason.PORTAL_UNKNOWN
    staff = issue(backend, groups=("staff",))
    badge = staff
    release(backend)
    assert ask() is Reason.GRANTED
    assert ask(NOW_S + 2 * DAY_S) is Reason.EXPIRED
    revocation.suspend(backend, SECURITY, [staff.credential_id], "check")
    assert ask() is Reason.SUSPENDED


# --- gateways


def test_gateway_is_enrolled_once(backend: Backend) -> None:
    enrol(backend, "gate-1", "north")
    with pytest.raises(ConflictError, match="enrolled already"):
        enrol(backend, "gate-1", "south")
    with pytest.raises(ConflictError, match="portal north"):
        enrol(backend, "gate-2", "north")
    assert [row.gateway for row in fleet_board.gateways(backend.store)] == ["gate-1"]


@pytest.mark.parametrize(
    ("gateway", "key", "portals"),
    [
        ("Gate 1", bytes(32), ["north"]),
        ("policy", bytes(32), ["north"]),
        ("gate-1", bytes(31), ["north"]),
        ("gate-1", bytes(32), []),
        ("gate-1", bytes(32), ["No Good"]),
    ],
)
def test_gateway_out_of_bounds_is_refused(
    sqlite_backend: Backend, gateway: str, key: bytes, portals: list[str]
) -> None:
    with pytest.raises(InvalidError):
        enrolment.enrol_gateway(
            sqlite_backend,
            ADMIN,
            gateway=gateway,
            record_key=key,
            portals=[NewPortal(portal=name, zone="site") for name in portals],
        )


# --- holders


def test_personal_fields_are_not_in_the_database(backend: Backend) -> None:
    fields = HolderFields(name="Ada Lovelace", contact="+44 20 7946 0000", identity="AB123")
    holder = holders.add_holder(backend, ISSUER, fields)
    with backend.store.read() as connection:
        row = connection.exec_driver_sql("SELECT * FROM holders").one()
        trail = connection.exec_driver_sql("SELECT * FROM audit_log").all()
    assert "Ada" not in repr(tuple(row)) + repr(trail)
    assert holders.read_holders(backend, ISSUER, [holder]) == {holder: fields}


def test_holder_is_found_whatever_the_case_and_spaces(backend: Backend) -> None:
    holder = holders.add_holder(backend, ISSUER, HolderFields(name="Ada  Lovelace", contact="x"))
    assert holders.find_holders(backend, ISSUER, name="ada lovelace ") == (holder,)
    assert holders.find_holders(backend, ISSUER, name="ada lovelace", contact="y") == ()


def test_erased_person_cannot_be_read_or_found_again(backend: Backend) -> None:
    holder = holders.add_holder(backend, ISSUER, HolderFields(name="Ada"))
    holders.erase_holder(backend, ISSUER, holder, "asked for it")
    assert holders.read_holders(backend, ISSUER, [holder]) == {holder: None}
    assert holders.find_holders(backend, ISSUER, name="Ada") == ()
    with pytest.raises(ConflictError, match="erased"):
        holders.update_holder(backend, ISSUER, holder, fields=HolderFields(name="Bea"))


def test_changed_name_replaces_the_old_index(backend: Backend) -> None:
    holder = holders.add_holder(backend, ISSUER, HolderFields(name="Ada"))
    holders.update_holder(backend, ISSUER, holder, fields=HolderFields(name="Bea"))
    assert holders.find_holders(backend, ISSUER, name="Ada") == ()
    assert holders.find_holders(backend, ISSUER, name="Bea") == (holder,)


def test_refused_release_is_audited_and_names_the_rules(backend: Backend) -> None:
    enrol(backend)
    with pytest.raises(ForbiddenError):
        policy_release.release(backend, ISSUER)
    rows = audit_trail.page(backend.store, AuditFilter(action="release_policy")).items
    assert [(row.actor, row.outcome) for row in rows] == [("ina", "forbidden")]


def test_two_releases_at_once_never_share_a_version(backend: Backend) -> None:
    enrol(backend)
    made: list[int] = []

    def release_some() -> None:
        for _ in range(4):
            try:
                made.append(release(backend))
            except ConflictError as err:
                assert err.code == "released_already"  # noqa: PT017

    threads = [threading.Thread(target=release_some) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(1, len(made) + 1))
