"""Many codes in one go: all or none, one status delta, whom it hits told before."""

from collections.abc import Sequence
from typing import Any

import pytest

from doorward import topics
from doorward.credential import CredentialClass, Form
from doorward.envelope import parse_envelope
from doorward.ids import SiteId
from doorward.status import Delta, Status, StatusList, apply_delta
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.domain.revocations import (
    CAUSES,
    Cause,
    Change,
    Source,
    check_cause,
    read_lines,
)
from doorward_controller.errors import ActError, ConflictError, ForbiddenError, InvalidError
from doorward_controller.queries import audit_trail, credentials, revocation_batches
from doorward_controller.queries.audit_trail import AuditFilter
from doorward_controller.services import (
    bulk_revocation,
    holders,
    issuing,
    policy_release,
    revocation,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.bulk_revocation import Order, Selection
from doorward_controller.services.holders import HolderFields
from doorward_controller.services.issuing import IssueRequest
from tests.controller.conftest import AUDITOR, ISSUER, SECURITY, StandingClock
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import AT_UTC_MS

NOW_S = AT_UTC_MS // 1000
DAY_S = 86_400
SITE = SiteId("main")
PERSON = Actor(name="petra", role=Role.SECURITY, operator_id=7)


def issue(
    backend: Backend,
    *,
    holder: str | None = None,
    groups: tuple[str, ...] = (),
    form: Form = Form.BADGE,
) -> issuing.Issued:
    wanted = IssueRequest(
        credential_class=CredentialClass.EMPLOYEE,
        form=form,
        not_before=NOW_S - 60,
        expires=NOW_S + DAY_S,
        holder_id=holder,
        groups=groups,
    )
    return issuing.issue(backend, ISSUER, wanted)


def ids_of(issued: Sequence[issuing.Issued]) -> tuple[str, ...]:
    return tuple(each.credential_id for each in issued)


def chosen(*lines: str) -> Selection:
    return Selection(source=Source.LIST, lines=lines)


def order(change: Change = Change.REVOKE, **more: object) -> Order:
    values: dict[str, object] = {"change": change, "cause": CAUSES[change][0], "note": ""}
    return Order(**{**values, **more})  # type: ignore[arg-type]


def held(link: FakeLink) -> StatusList:
    full = StatusList.from_body(
        parse_envelope(link.retained[topics.policy(SITE, topics.Policy.STATUS)]).body
    )
    wire = link.retained[topics.policy(SITE, topics.Policy.DELTA)]
    return apply_delta(full, Delta.from_body(parse_envelope(wire).body))


def states(backend: Backend) -> list[str]:
    rows = credentials.page(backend.store, credentials.CredentialFilter(), limit=200).items
    return sorted(row.state for row in rows)


def test_a_list_is_revoked_by_one_number_of_the_status_list(
    backend: Backend, link: FakeLink
) -> None:
    policy_release.publish_current(backend)
    issued = [issue(backend) for _ in range(12)]
    last = issue(backend).credential_id
    before = revocation.revoke(backend, SECURITY, [last], "lost").seq
    batch = bulk_revocation.carry_out(backend, SECURITY, chosen(*ids_of(issued[:10])), order())
    status = held(link)
    assert (batch.codes, batch.status_seq, status.seq) == (10, before + 1, before + 1)
    assert [status.get(each.status_index) for each in issued] == [Status.REVOKED] * 10 + [
        Status.VALID
    ] * 2
    assert revocation_batches.find(backend.store, batch.id) == batch


def test_preview_counts_people_and_what_is_revoked_already(backend: Backend) -> None:
    holder = holders.add_holder(backend, ISSUER, HolderFields(name="Lin Wei"))
    issued = [issue(backend, holder=holder), issue(backend, holder=holder), issue(backend)]
    revocation.revoke(backend, SECURITY, [issued[2].credential_id], "lost")
    found = bulk_revocation.preview(backend, SECURITY, chosen(*ids_of(issued)), Change.REVOKE)
    assert (found.codes, found.people, found.already, found.unfit) == (2, 1, 1, 0)
    assert bulk_revocation.preview(
        backend, SECURITY, chosen(*ids_of(issued)), Change.SUSPEND
    ).unfit == 1  # fmt: skip
    assert states(backend) == ["revoked", "valid", "valid"]


def test_each_bad_line_is_named_and_nothing_is_done(backend: Backend) -> None:
    good = issue(backend).credential_id
    lines = ("credential_id;name", good, "", "no code", f"{good[:4]} {good[4:]}, twice", "0" * 16)
    selection = Selection(source=Source.UPLOAD, name="left.csv", lines=lines)
    found = bulk_revocation.preview(backend, SECURITY, selection, Change.REVOKE)
    assert [(each.number, each.problem) for each in found.problems] == [
        (4, "unreadable"),
        (5, "twice"),
        (6, "unknown"),
    ]
    with pytest.raises(InvalidError) as caught:
        bulk_revocation.carry_out(backend, SECURITY, selection, order())
    assert caught.value.code == "bad_lines"
    assert "line 4" in caught.value.message
    assert states(backend) == ["valid"]


def test_a_label_is_found_by_what_is_printed_on_it(backend: Backend) -> None:
    sticker = issue(backend, form=Form.STICKER)
    typed = sticker.text.lower()
    batch = bulk_revocation.carry_out(
        backend, SECURITY, chosen(f"{typed[:3]}-{typed[3:]}"), order()
    )
    assert batch.codes == 1
    assert states(backend) == ["revoked"]


def test_a_group_is_that_of_the_code_or_of_its_holder(backend: Backend) -> None:
    holder = holders.add_holder(backend, ISSUER, HolderFields(name="Lin Wei"), groups=("visitors",))
    issue(backend, holder=holder)
    issue(backend, groups=("visitors",))
    issue(backend, groups=("staff",))
    selection = Selection(source=Source.GROUP, name="visitors")
    batch = bulk_revocation.carry_out(backend, SECURITY, selection, order())
    assert (batch.codes, batch.people) == (2, 2)
    assert states(backend) == ["revoked", "revoked", "valid"]


def test_every_code_of_an_issuing_key_falls_with_it(backend: Backend) -> None:
    issue(backend), issue(backend)
    ((key, codes, valid),) = revocation_batches.issuing_keys(backend.store)
    assert (codes, valid) == (2, 2)
    batch = bulk_revocation.carry_out(
        backend,
        SECURITY,
        Selection(source=Source.KEY, name=key),
        order(cause=Cause.KEY_COMPROMISED),
    )
    assert batch.codes == 2
    assert states(backend) == ["revoked", "revoked"]


def test_a_suspension_ends_by_itself_and_not_before(backend: Backend, clock: StandingClock) -> None:
    first, second = issue(backend), issue(backend)
    until = NOW_S + 3600
    bulk_revocation.carry_out(
        backend,
        SECURITY,
        chosen(*ids_of([first, second])),
        order(Change.SUSPEND, until_utc_s=until),
    )
    assert revocation_batches.suspended_until(backend.store, first.credential_id) == until
    revocation.revoke(backend, SECURITY, [second.credential_id], "lost")
    clock.pass_s(3599)
    assert bulk_revocation.end_suspensions(backend) == 0
    clock.pass_s(1)
    assert bulk_revocation.end_suspensions(backend) == 1
    assert states(backend) == ["revoked", "valid"]
    assert bulk_revocation.end_suspensions(backend) == 0
    assert revocation_batches.suspended_until(backend.store, first.credential_id) is None


def test_a_suspension_that_was_ended_by_hand_does_not_end_a_later_one(
    backend: Backend, clock: StandingClock
) -> None:
    one = issue(backend).credential_id
    bulk_revocation.carry_out(
        backend, SECURITY, chosen(one), order(Change.SUSPEND, until_utc_s=NOW_S + 60)
    )
    revocation.restore(backend, SECURITY, [one], "back")
    revocation.suspend(backend, SECURITY, [one], "again")
    clock.pass_s(120)
    assert bulk_revocation.end_suspensions(backend) == 0
    assert states(backend) == ["suspended"]


def test_one_code_that_changes_meanwhile_is_told_before_anything_is_done(backend: Backend) -> None:
    issued = [issue(backend) for _ in range(3)]
    revocation.revoke(backend, SECURITY, [issued[0].credential_id], "lost")
    with pytest.raises(ConflictError) as caught:
        bulk_revocation.carry_out(backend, SECURITY, chosen(*ids_of(issued)), order(expected=3))
    assert caught.value.code == "selection_changed"
    assert states(backend) == ["revoked", "valid", "valid"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"cause": Cause.FOUND}, "bad_cause"),
        ({"cause": Cause.OTHER}, "reason_missing"),
        ({"note": "x" * 201}, "reason_missing"),
        ({"until_utc_s": NOW_S + 60}, "bad_until"),
    ],
)
def test_an_order_that_does_not_fit_is_refused(
    sqlite_backend: Backend, changed: dict[str, Any], code: str
) -> None:
    one = issue(sqlite_backend).credential_id
    with pytest.raises(ActError) as caught:
        bulk_revocation.carry_out(sqlite_backend, SECURITY, chosen(one), order(**changed))
    assert caught.value.code == code
    assert states(sqlite_backend) == ["valid"]


@pytest.mark.parametrize("actor", [AUDITOR, ISSUER])
def test_only_security_revokes_in_bulk(sqlite_backend: Backend, actor: Actor) -> None:
    one = issue(sqlite_backend).credential_id
    with pytest.raises(ForbiddenError):
        bulk_revocation.carry_out(sqlite_backend, actor, chosen(one), order())
    with pytest.raises(ForbiddenError):
        bulk_revocation.preview(sqlite_backend, actor, chosen(one), Change.REVOKE)


def test_a_person_does_not_revoke_more_than_the_site_allows_alone(sqlite_backend: Backend) -> None:
    issued = [issue(sqlite_backend) for _ in range(51)]
    for attempt in (
        lambda: bulk_revocation.carry_out(sqlite_backend, PERSON, chosen(*ids_of(issued)), order()),
        lambda: revocation.revoke(sqlite_backend, PERSON, ids_of(issued), "all of them"),
    ):
        with pytest.raises(ConflictError) as caught:
            attempt()
        assert caught.value.code == "second_person_needed"
    assert set(states(sqlite_backend)) == {"valid"}
    batch = bulk_revocation.carry_out(sqlite_backend, PERSON, chosen(*ids_of(issued[:50])), order())
    assert batch.codes == 50


def test_the_audit_log_says_why_how_many_and_by_which_list(backend: Backend) -> None:
    one = issue(backend).credential_id
    batch = bulk_revocation.carry_out(
        backend, SECURITY, chosen(one), order(cause=Cause.STOLEN, note="locker 3")
    )
    (row,) = audit_trail.page(backend.store, AuditFilter(action="bulk_revoke")).items
    assert row.subject == batch.id
    assert row.detail["cause"] == "stolen"
    assert row.detail["codes"] == 1
    assert row.detail["status_seq"] == batch.status_seq


def test_every_change_has_its_reasons_and_no_other() -> None:
    for change in Change:
        for cause in Cause:
            assert (check_cause(change, cause) is None) == (cause in CAUSES[change])


def test_a_spreadsheets_byte_order_mark_and_quotes_are_passed_over() -> None:
    read = read_lines(["\ufeffBadge", '"00000000000000AB","Lin"', "00 00 00 00 00 00 00 AC"])
    assert [line.credential_id for line in read.lines] == [
        bytes.fromhex("00000000000000ab"),
        bytes.fromhex("00000000000000ac"),
    ]
    assert read.problems == ()
