"""Linking an existing card: what is kept of it, what is refused, and what a gateway then does."""

from dataclasses import replace

import pytest

from doorward import topics
from doorward.credential import CredentialClass, Form
from doorward.envelope import parse_envelope
from doorward.foreign import Family, foreign_digest
from doorward.ids import SiteId
from doorward.policy import Foreign, Policy
from doorward.reasons import Reason
from doorward_controller.domain.rule_book import PortalOptions
from doorward_controller.errors import ActError, ConflictError, ForbiddenError
from doorward_controller.services import (
    holders,
    issuing,
    policy_release,
    revocation,
    rules,
    simulation,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.holders import HolderFields
from doorward_controller.services.issuing import ForeignNumber, Issued, IssueRequest
from tests.controller.conftest import AUDITOR, ISSUER, SECURITY, enrol
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import AT_UTC_MS

NOW_S = AT_UTC_MS // 1000
SITE = SiteId("main")
NUMBER = "00471108"
REQUEST = IssueRequest(
    credential_class=CredentialClass.EMPLOYEE,
    form=Form.FOREIGN,
    not_before=NOW_S - 60,
    expires=NOW_S + 86_400,
    groups=("staff",),
    foreign=ForeignNumber(text=NUMBER),
)


def link(backend: Backend, text: str = NUMBER, family: Family = Family.LINES) -> Issued:
    number = ForeignNumber(text=text, family=family)
    return issuing.issue(backend, ISSUER, replace(REQUEST, foreign=number))


def released(backend: Backend, link: FakeLink) -> Policy:
    policy_release.release(backend, SECURITY)
    wire = link.retained[topics.policy(SITE, topics.Policy.BUNDLE)]
    return Policy.from_body(parse_envelope(wire).body)


def owner(policy: Policy, text: str = NUMBER) -> str | None:
    digest = foreign_digest(text.encode(), Family.LINES, policy.foreign_salt)
    row = policy.roster.find_sticker(digest)
    return row.credential_id.hex() if row else None


def test_gateways_get_a_hash_under_the_sites_salt_and_not_the_number(
    backend: Backend, link: FakeLink
) -> None:
    linked = issuing.issue(backend, ISSUER, REQUEST)
    policy = released(backend, link)
    assert owner(policy) == linked.credential_id
    assert owner(policy, "00471109") is None
    assert linked.text == ""
    wire = link.retained[topics.policy(SITE, topics.Policy.BUNDLE)]
    assert NUMBER.encode() not in wire


def test_neither_the_database_nor_the_audit_log_holds_the_number(backend: Backend) -> None:
    link(backend)
    with backend.store.read() as connection:
        for table in ("credentials", "audit_log"):
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").all()
            assert NUMBER not in repr(rows)


def test_a_site_that_links_nothing_has_no_salt(backend: Backend, link: FakeLink) -> None:
    issuing.issue(backend, ISSUER, replace(REQUEST, form=Form.STICKER, foreign=None))
    assert released(backend, link).foreign_salt == b""


def test_the_salt_stays_the_same_over_releases(backend: Backend, link: FakeLink) -> None:
    issuing.issue(backend, ISSUER, REQUEST)
    assert released(backend, link).foreign_salt == released(backend, link).foreign_salt


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (replace(REQUEST, foreign=None), "invalid"),
        (replace(REQUEST, form=Form.BADGE), "invalid"),
        (replace(REQUEST, foreign=ForeignNumber(text="123")), "foreign_length"),
        (replace(REQUEST, foreign=ForeignNumber(text="1" * 129)), "foreign_length"),
        (replace(REQUEST, foreign=ForeignNumber(text="DW1:123456")), "foreign_is_ours"),
        (replace(REQUEST, foreign=ForeignNumber(text="DW0ABC")), "foreign_is_ours"),
    ],
    ids=["no number", "a number for a badge", "short", "long", "our badge", "our sticker"],
)
def test_what_cannot_be_linked_is_refused(
    backend: Backend, request_: IssueRequest, code: str
) -> None:
    with pytest.raises(ActError) as refused:
        issuing.issue(backend, ISSUER, request_)
    assert refused.value.code == code


def test_an_auditor_links_nothing(backend: Backend) -> None:
    with pytest.raises(ForbiddenError):
        issuing.issue(backend, AUDITOR, REQUEST)


def test_a_number_leads_to_one_credential_at_a_time(backend: Backend) -> None:
    first = link(backend)
    with pytest.raises(ConflictError, match=first.credential_id):
        link(backend, f" {NUMBER}")
    other = link(backend, family=Family.SQUARES)
    assert other.credential_id != first.credential_id


@pytest.mark.parametrize("turns", [1, 3])
def test_a_number_can_be_linked_anew_after_its_credential_was_revoked(
    backend: Backend, link: FakeLink, turns: int
) -> None:
    for _ in range(turns):
        old = issuing.issue(backend, ISSUER, REQUEST)
        revocation.revoke(backend, SECURITY, [old.credential_id], "card lost")
        assert owner(released(backend, link)) == old.credential_id
    new = issuing.issue(backend, ISSUER, REQUEST)
    assert owner(released(backend, link)) == new.credential_id


def test_a_linked_number_is_never_shown(backend: Backend) -> None:
    linked = link(backend)
    with pytest.raises(ConflictError) as refused:
        issuing.code_text(backend, ISSUER, linked.credential_id)
    assert refused.value.code == "foreign_has_no_code"


def test_the_simulation_says_whether_the_portal_takes_linked_numbers(
    backend: Backend, link: FakeLink
) -> None:
    enrol(backend, "gate-1", "north", "south")
    book = rules.current(backend)
    options = {"north": PortalOptions(foreign=Foreign.ALLOW)}
    rules.save_rules(backend, SECURITY, book.model_copy(update={"portals": options}))
    holder = holders.add_holder(backend, ISSUER, HolderFields(name="Ada"), groups=["staff"])
    linked = issuing.issue(backend, ISSUER, replace(REQUEST, holder_id=holder))
    released(backend, link)

    def said(portal: str) -> Reason:
        return simulation.would_grant(
            backend,
            SECURITY,
            credential_id=linked.credential_id,
            portal=portal,
            at_utc_s=NOW_S,
        ).reason

    assert said("north") is Reason.GRANTED
    assert said("south") is Reason.FOREIGN_REFUSED
    revocation.revoke(backend, SECURITY, [linked.credential_id], "card lost")
    assert said("north") is Reason.REVOKED
