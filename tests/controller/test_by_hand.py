"""What guards registered by hand: in the feed, marked; a person's words only for who may read."""

import pytest

from doorward.records import Outcome, Record, RecordKind
from doorward_controller.errors import ForbiddenError, NotFoundError
from doorward_controller.ingest.writer import Writer
from doorward_controller.queries import audit_trail, record_feed
from doorward_controller.services import by_hand
from doorward_controller.services.backend import Backend
from tests.controller.conftest import AUDITOR, SECURITY, enrol
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import AT_UTC_MS

FEED = record_feed.RecordFilter(kinds=("scan", "manual"))


def manual(**changes: object) -> Record:
    plain: dict[str, object] = {
        "kind": RecordKind.MANUAL,
        "utc_ms": AT_UTC_MS,
        "mono_ms": 5,
        "boot_id": bytes(8),
        "clock_trust": 2,
        "portal": "gate-1-door",
        "outcome": Outcome.GRANT,
        "reason": "by_hand",
        "reader": "by_hand",
        "actor": "g-07",
        "cause": "phone_dead",
        "subject": "Grace Hopper",
        "note": "her host waits",
        "detail": "in",
    }
    return Record(**(plain | changes))  # type: ignore[arg-type]


@pytest.fixture
def told(sqlite_backend: Backend, link: FakeLink) -> Backend:
    """A controller to which a gateway told of a scan and of two registrations by hand."""
    gateway = enrol(sqlite_backend)
    gateway.append_scans(1, portal="gate-1-door")
    gateway.append(
        manual(),
        manual(reason="paper", reader="paper", outcome=None, happened_utc_ms=AT_UTC_MS - 5),
        manual(kind=RecordKind.SERVICE, reason="serviced", subject="", note=""),
    )
    Writer(sqlite_backend).process([link.inbound(gateway.topic(), gateway.wire(1, 4))])
    return sqlite_backend


def row_of(backend: Backend, reason: str) -> record_feed.RecordRow:
    found = record_feed.page(backend.store, record_feed.RecordFilter(reason=reason)).items
    return found[0]


def test_they_are_in_the_feed_of_scans_marked_and_without_a_persons_words(told: Backend) -> None:
    rows = record_feed.page(told.store, FEED).items
    assert sorted(row.kind for row in rows) == ["manual", "manual", "scan"]
    row = row_of(told, "by_hand")
    assert (row.actor, row.cause, row.outcome) == ("g-07", "phone_dead", "grant")
    assert row_of(told, "paper").happened_at_utc_ms == AT_UTC_MS - 5
    assert "Hopper" not in str(rows)
    assert "host" not in str(rows)


def test_who_may_read_names_reads_what_was_written_and_it_is_audited(told: Backend) -> None:
    record_id = row_of(told, "by_hand").id
    written = by_hand.read_written(told, SECURITY, record_id)
    assert (written.subject, written.note) == ("Grace Hopper", "her host waits")
    entry = audit_trail.page(told.store).items[0]
    assert (entry.action, entry.subject) == ("read_by_hand", str(record_id))
    assert "Hopper" not in str(entry)


def test_others_do_not_and_their_try_is_audited(told: Backend) -> None:
    with pytest.raises(ForbiddenError):
        by_hand.read_written(told, AUDITOR, row_of(told, "by_hand").id)
    assert audit_trail.page(told.store).items[0].outcome == "forbidden"


@pytest.mark.parametrize("reason", ["granted", "serviced"])
def test_what_was_not_registered_by_hand_has_no_such_words(told: Backend, reason: str) -> None:
    with pytest.raises(NotFoundError):
        by_hand.read_written(told, SECURITY, row_of(told, reason).id)
