"""Claims and certificates, as pages and the interface show them."""

import sqlalchemy as sa

from doorward_controller.domain.enrolment_claims import EnrolmentClaim, GatewayCertificate
from doorward_controller.queries.paging import Page, newest_first, page_of
from doorward_controller.store import enrolment_claims as kept
from doorward_controller.store import gateways
from doorward_controller.store.enrolment_tables import enrolment_claims
from doorward_controller.store.session import Store


def claim(store: Store, claim_id: str) -> EnrolmentClaim | None:
    """Returns one claim."""
    with store.read() as connection:
        return kept.find_claim(connection, claim_id[:40])


def pending(store: Store, now_utc_s: int) -> tuple[EnrolmentClaim, ...]:
    """Returns the claims of which something may still come, those to be decided on first."""
    with store.read() as connection:
        return kept.pending_of(connection, now_utc_s)


def page(store: Store, *, cursor: str | None = None, limit: int = 50) -> Page[EnrolmentClaim]:
    """Returns a page of all claims, the newest first. Raises InvalidError."""
    columns = (enrolment_claims.c.made_at_utc_ms, enrolment_claims.c.id)
    wanted = newest_first(
        sa.select(enrolment_claims), columns, like=(0, ""), cursor=cursor, limit=limit
    )
    with store.read() as connection:
        rows = [kept.claim_of(row._asdict()) for row in connection.execute(wanted)]
    return page_of(rows, lambda row: (row.made_at_utc_ms, row.id), limit)


def certificates_of(store: Store, site: str, gateway: str) -> tuple[GatewayCertificate, ...]:
    """Returns a gateway's certificates, newest first; none for one that got its files by hand."""
    with store.read() as connection:
        found = gateways.find(connection, site, gateway)
        return () if found is None else kept.certificates_of(connection, found.id)
